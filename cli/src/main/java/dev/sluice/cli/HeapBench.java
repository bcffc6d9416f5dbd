package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import com.sun.management.ThreadMXBean;
import dev.sluice.packet.Datapath;
import dev.sluice.packet.RunTotals;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * What a replay takes of the heap, by the length of the capture. The captures come through a pipe, which a thread of this process
 * fills with the packets of a short one again and again, so the long one needs no disk.
 */
final class HeapBench {
    private static final long SHORT_BYTES = 10_000_000;
    private static final long LONG_BYTES = 1_000_000_000;
    private static final long LONGEST_BYTES = 10_000_000_000L;

    /** Runs before those that count: they load classes and have code compiled. */
    private static final int WARM_UPS = 5;

    private static final int HEADER_BYTES = 24;

    /**
     * One replay.
     *
     * @param bytes of the capture
     * @param allocated bytes that all threads have allocated on the heap
     * @param peak most bytes of the heap that were in use, garbage included
     */
    private record Run(long bytes, long packets, long nanos, long allocated, long peak) {}

    private final List<Run> runs = new ArrayList<>();

    private HeapBench() {}

    /**
     * Measures a short and a long capture.
     *
     * @param datapath makes what replays a capture, by its name
     * @param template a plain capture of the old format
     * @param folder for the pipe
     * @param longest whether the long one may take its time
     */
    static HeapBench run(Function<String, Datapath> datapath, Path template, Path folder, boolean longest)
            throws IOException {
        HeapBench bench = new HeapBench();
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(template));
        for (int i = 0; i < WARM_UPS; i++) {
            Run unused = run(datapath, content, folder, SHORT_BYTES);
        }
        bench.runs.add(run(datapath, content, folder, SHORT_BYTES));
        bench.runs.add(run(datapath, content, folder, longest ? LONGEST_BYTES : LONG_BYTES));
        return bench;
    }

    private static Run run(Function<String, Datapath> datapath, ByteBuffer content, Path folder, long bytes)
            throws IOException {
        Path pipe = folder.resolve("pipe.pcap");
        makePipe(pipe);
        // open for both, so that neither end waits for the other
        try (FileChannel channel = new RandomAccessFile(pipe.toFile(), "rw").getChannel();
                Datapath run = datapath.apply(pipe.toString())) {
            long whole = (bytes - HEADER_BYTES) / (content.capacity() - HEADER_BYTES);
            Thread writer = new Thread(() -> write(content, channel, whole), "sluice-bench-pipe");
            writer.setDaemon(true);
            System.gc();
            pools().forEach(MemoryPoolMXBean::resetPeakUsage);
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long allocated = threads.getTotalThreadAllocatedBytes();
            writer.start();
            run.open();
            RunTotals totals = run.await();
            return new Run(
                    HEADER_BYTES + whole * (content.capacity() - HEADER_BYTES),
                    totals.packets(),
                    totals.durationNanos(),
                    threads.getTotalThreadAllocatedBytes() - allocated,
                    pools().stream()
                            .mapToLong(pool -> pool.getPeakUsage().getUsed())
                            .sum());
        } finally {
            Files.delete(pipe);
        }
    }

    private static void makePipe(Path pipe) throws IOException {
        try {
            if (new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() != 0) {
                throw new IOException(pipe + ": cannot be made a pipe");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Writes the header, then the packets so many times, and the end. */
    private static void write(ByteBuffer content, FileChannel channel, long times) {
        ByteBuffer direct = ByteBuffer.allocateDirect(content.capacity()).put(content.duplicate());
        try (channel) {
            direct.flip();
            for (long i = 0; i < times; i++) {
                while (direct.hasRemaining()) {
                    channel.write(direct);
                }
                direct.position(HEADER_BYTES);
            }
        } catch (IOException e) {
            return; // the replay has ended before, and says why
        }
    }

    private static List<MemoryPoolMXBean> pools() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .toList();
    }

    void print(PrintStream out, String name) {
        for (Run run : runs) {
            out.println(name + ": a capture of " + Quantity.scaled(run.bytes) + "B, " + Quantity.count(run.packets)
                    + " packets through a pipe in " + Quantity.duration(run.nanos) + ", has "
                    + Quantity.scaled(run.allocated) + "B allocated, and the heap in use was never above "
                    + Quantity.scaled(run.peak) + "B");
        }
    }

    void write(JsonGenerator json) throws IOException {
        json.writeStartArray();
        for (Run run : runs) {
            json.writeStartObject();
            json.writeNumberField("capture_bytes", run.bytes);
            json.writeNumberField("packets", run.packets);
            json.writeNumberField("time_ns", run.nanos);
            json.writeNumberField("allocated_bytes", run.allocated);
            json.writeNumberField("peak_heap_bytes", run.peak);
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
