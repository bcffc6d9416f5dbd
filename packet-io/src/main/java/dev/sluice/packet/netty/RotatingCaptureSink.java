package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Writes packets to a series of capture files: {@code drops.pcapng} becomes {@code drops-00001.pcapng}, {@code
 * drops-00002.pcapng} and so on. A file ends behind the batch that makes it long or old enough. May be shared by queues.
 */
public final class RotatingCaptureSink implements FrameSink {
    private final Path path;
    private final CaptureWriter.Options options;
    private final long maxBytes;
    private final long maxNanos;
    private final int keep;
    private final Deque<Path> files = new ArrayDeque<>();
    private CaptureFileSink current;
    private long bytes;
    private long beganNanos;
    private int number;

    /**
     * Begins the first file.
     *
     * @param path of which the files' names are made
     * @param maxBytes of packets in a file, before compression
     * @param maxNanos how long a file is written to; 0 for as long as it takes
     * @param keep how many of the newest files stay; 0 for all
     */
    public RotatingCaptureSink(Path path, CaptureWriter.Options options, long maxBytes, long maxNanos, int keep)
            throws IOException {
        this.path = path;
        this.options = options;
        this.maxBytes = maxBytes;
        this.maxNanos = maxNanos;
        this.keep = keep;
        current = begin();
    }

    private CaptureFileSink begin() throws IOException {
        number++;
        String name = String.valueOf(path.getFileName());
        int dot = name.indexOf('.', 1);
        String stem = dot < 0 ? name : name.substring(0, dot);
        String ending = dot < 0 ? "" : name.substring(dot);
        Path file = path.resolveSibling(String.format("%s-%05d%s", stem, number, ending));
        CaptureFileSink sink = new CaptureFileSink(CaptureWriter.create(file, options));
        files.add(file);
        bytes = 0;
        beganNanos = System.nanoTime();
        while (keep != 0 && files.size() > keep) {
            Files.deleteIfExists(files.remove());
        }
        return sink;
    }

    @Override
    public synchronized void write(FrameBatch batch, long mask) throws IOException {
        if (bytes >= maxBytes || maxNanos != 0 && System.nanoTime() - beganNanos >= maxNanos) {
            current.close();
            current = begin();
        }
        current.write(batch, mask);
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            bytes += batch.length(Long.numberOfTrailingZeros(rest));
        }
    }

    @Override
    public synchronized void flush() throws IOException {
        current.flush();
    }

    @Override
    public synchronized void close() throws IOException {
        current.close();
    }
}
