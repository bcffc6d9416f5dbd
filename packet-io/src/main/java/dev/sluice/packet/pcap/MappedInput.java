package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * A regular file, mapped as a whole. The readable window grows in steps. Before each, the file's size is asked for again,
 * so that a file that another process cuts short ends in a message and not in an access behind its end. And each step is
 * touched from front to back: a parser hops from header to header, and each hop waits for the one before, so the processor
 * would fetch one cache line at a time. In a row it fetches many at once (measured: 76 against 17 ns a packet of mixed sizes,
 * 7.5 against 5.2 of 60 bytes).
 */
final class MappedInput extends Input {
    /** Small enough to stay in the second-level cache until it is parsed and copied. */
    private static final long STEP = 1 << 17;

    private static final long CACHE_LINE = 64;

    /** Where the touched bytes go, so that touching them is not optimised away. */
    private static long touched;

    private final FileChannel channel;
    private final Arena arena = Arena.ofShared();
    private final long base;
    private final long mappedSize;
    private long end;
    private @Nullable Failure failure;

    /** Maps {@code channel}, which is not empty, and owns it from then on. */
    MappedInput(FileChannel channel, long size) throws IOException {
        this.channel = channel;
        mappedSize = size;
        base = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena).address();
        end = base + size;
        position = base;
        limit = base;
    }

    @Override
    boolean ensure(int bytes) {
        if (limit - position >= bytes) {
            return true;
        }
        if (failure == null) {
            try {
                long now = channel.size();
                if (now < mappedSize) {
                    end = base + now;
                    failure = new Failure(
                            Damage.Kind.TRUNCATED,
                            "the file was cut short while it was read, expected=" + mappedSize + " bytes found=" + now);
                }
            } catch (IOException e) {
                end = Math.min(end, limit);
                failure = new Failure(Damage.Kind.READ_ERROR, "cannot read: " + Causes.text(e));
            }
        }
        long from = Math.max(limit, position);
        limit = Math.max(position, Math.min(end, position + Math.max(bytes, STEP)));
        touched = touch(from, limit);
        return limit - position >= bytes;
    }

    private static long touch(long from, long to) {
        long sum = 0;
        for (long address = from; address < to; address += CACHE_LINE) {
            sum += Memory.getByte(address);
        }
        return sum;
    }

    @Override
    boolean skip(long bytes) {
        if (bytes > end - position) {
            position = Math.max(position, end);
            limit = position;
            return false;
        }
        position += bytes;
        limit = Math.max(limit, position);
        return true;
    }

    @Override
    boolean isStable() {
        return true;
    }

    @Override
    long offset() {
        return position - base;
    }

    @Override
    long consumed() {
        return position - base;
    }

    @Override
    long size() {
        return mappedSize;
    }

    @Override
    @Nullable
    Failure failure() {
        return failure;
    }

    @Override
    void rewind() {
        position = base;
        limit = base;
    }

    @Override
    public void close() {
        position = 0;
        limit = 0;
        end = 0;
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
