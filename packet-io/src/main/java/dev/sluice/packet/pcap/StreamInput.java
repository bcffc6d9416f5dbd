package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** A pipe, or the output of a decompressor, through one buffer that holds the unread bytes and what comes next. */
final class StreamInput extends Input {
    private static final int INITIAL_CAPACITY = 1 << 18;

    private final ReadableByteChannel channel;
    private final LongSupplier consumed;
    private final long size;
    private Arena arena;
    private MemorySegment memory;
    private ByteBuffer buffer;
    private long base;
    private long baseOffset;
    private boolean ended;
    private @Nullable Failure failure;

    /**
     * Reads from {@code channel} and owns it.
     *
     * @param consumed tells how many bytes of the file were taken
     * @param size of the file, or -1
     */
    StreamInput(ReadableByteChannel channel, LongSupplier consumed, long size) {
        this.channel = channel;
        this.consumed = consumed;
        this.size = size;
        arena = Arena.ofShared();
        memory = arena.allocate(INITIAL_CAPACITY, 64);
        buffer = memory.asByteBuffer();
        base = memory.address();
        position = base;
        limit = base;
    }

    @Override
    boolean ensure(int bytes) {
        if (limit - position >= bytes) {
            return true;
        }
        if (bytes > MAX_WINDOW) {
            throw new AssertionError("window too large, bytes=" + bytes);
        }
        moveToFront(bytes);
        while (limit - position < bytes) {
            if (!fill()) {
                return false;
            }
        }
        return true;
    }

    @Override
    boolean skip(long bytes) {
        long left = bytes;
        while (left > limit - position) {
            left -= limit - position;
            position = limit;
            moveToFront(0);
            if (!fill()) {
                return false;
            }
        }
        position += left;
        return true;
    }

    /** Reads what is there, at least one byte; false at the end. */
    private boolean fill() {
        if (ended) {
            return false;
        }
        try {
            int used = (int) (limit - base);
            buffer.limit(buffer.capacity()).position(used);
            int read;
            do {
                read = channel.read(buffer);
            } while (read == 0);
            if (read > 0) {
                limit += read;
                return true;
            }
        } catch (DecompressionException e) {
            failure = new Failure(Damage.Kind.CORRUPT, Causes.text(e));
        } catch (IOException e) {
            failure = new Failure(Damage.Kind.READ_ERROR, "cannot read: " + Causes.text(e));
        }
        // a decompressor may have given some bytes before it failed
        int given = buffer.position() - (int) (limit - base);
        limit += given;
        ended = true;
        return given > 0;
    }

    private void moveToFront(int bytes) {
        long unread = limit - position;
        long to = base;
        if (bytes > memory.byteSize()) {
            Arena larger = Arena.ofShared();
            MemorySegment room = larger.allocate(Math.min(MAX_WINDOW, Math.max(bytes, 2 * memory.byteSize())), 64);
            to = room.address();
            Memory.copy(position, to, unread);
            arena.close();
            arena = larger;
            memory = room;
            buffer = room.asByteBuffer();
        } else {
            Memory.copy(position, to, unread);
        }
        baseOffset += position - base;
        base = to;
        position = base;
        limit = base + unread;
    }

    @Override
    boolean isStable() {
        return false;
    }

    @Override
    long offset() {
        return baseOffset + (position - base);
    }

    @Override
    long consumed() {
        return consumed.getAsLong();
    }

    @Override
    long size() {
        return size;
    }

    @Override
    @Nullable
    Failure failure() {
        return failure;
    }

    @Override
    void rewind() {
        throw new AssertionError("a stream has no way back");
    }

    @Override
    public void close() {
        ended = true;
        position = 0;
        limit = 0;
        if (arena.scope().isAlive()) {
            arena.close();
        }
        try {
            channel.close();
        } catch (IOException e) {
            // nothing was written, so nothing can be lost
        }
    }
}
