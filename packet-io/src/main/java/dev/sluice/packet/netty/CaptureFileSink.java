package dev.sluice.packet.netty;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.pcap.CaptureWriter;
import dev.sluice.packet.pcap.PacketNote;
import java.io.IOException;

/**
 * Writes packets to a capture file, as the program left them, with the time that they came with; where the format has room, with
 * what the program returned, the queue and the number of the packet in its source. May be shared by queues. A packet that came
 * without a time has the last one's.
 */
public final class CaptureFileSink implements FrameSink {
    private final CaptureWriter writer;
    private final PacketNote note = new PacketNote();
    private long lastTimestampNanos;

    /** @param writer the sink's from now on */
    public CaptureFileSink(CaptureWriter writer) {
        this.writer = writer;
    }

    @Override
    public synchronized void write(FrameBatch batch, long mask) throws IOException {
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            long timestamp = batch.timestampNanos(i);
            if (timestamp == FrameDescriptor.NO_TIMESTAMP) {
                timestamp = lastTimestampNanos;
            }
            lastTimestampNanos = timestamp;
            int length = batch.length(i);
            // what a capture has cut off is still missing
            int original = length + batch.originalLength(i) - batch.arrivalLength(i);
            note.clear()
                    .action(Integer.toUnsignedLong(batch.action(i)))
                    .queue(batch.rxQueue(i))
                    .packetId(batch.number(i));
            writer.write(0, timestamp, batch.data(i), length, original, note);
        }
    }

    /** Packets written. */
    public synchronized long packets() {
        return writer.packets();
    }

    @Override
    public synchronized void flush() throws IOException {
        writer.flush();
    }

    @Override
    public synchronized void close() throws IOException {
        writer.close();
    }
}
