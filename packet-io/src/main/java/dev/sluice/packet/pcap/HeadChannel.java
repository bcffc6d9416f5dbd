package dev.sluice.packet.pcap;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** A channel whose first bytes were looked at already, and are read once more. Counts what went through. */
final class HeadChannel implements ReadableByteChannel {
    private final ByteBuffer head;
    private final ReadableByteChannel rest;
    private long count;

    HeadChannel(byte[] head, int length, ReadableByteChannel rest) {
        this.head = ByteBuffer.wrap(head, 0, length);
        this.rest = rest;
    }

    long count() {
        return count;
    }

    @Override
    public int read(ByteBuffer to) throws IOException {
        int read = 0;
        if (head.hasRemaining()) {
            while (head.hasRemaining() && to.hasRemaining()) {
                to.put(head.get());
                read++;
            }
        } else {
            read = rest.read(to);
        }
        count += Math.max(0, read);
        return read;
    }

    @Override
    public boolean isOpen() {
        return rest.isOpen();
    }

    @Override
    public void close() throws IOException {
        rest.close();
    }
}
