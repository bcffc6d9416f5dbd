package dev.sluice.map;

import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The events of one CPU in a {@link PerfEventArrayMap}, from its program to one reader.
 *
 * <pre>
 * record: 0 length u32, filled up so that the record's end is a multiple of 8 | 4 data, then zeroes
 * </pre>
 *
 * <p>As in the kernel a reader sees the fill bytes as part of the data (a length is always 4 more than a multiple of 8),
 * and an event that there is no room for is counted as lost. The data are twice as long as the ring, so that a record that
 * goes over the end is in one piece.
 */
public final class PerfRing implements AutoCloseable {
    private static final int HEADER_BYTES = Integer.BYTES;

    private final PerfEventArrayMap map;
    private final int index;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment data;
    private final long mask;
    private final LongAdder lost = new LongAdder();
    private final SpinLocks lock = new SpinLocks(1);

    /** Positions count bytes for ever. */
    private volatile long consumer;

    private volatile long producer;
    private volatile Thread waiter;
    private volatile Consumer<MemorySegment> listener;
    private boolean closed;

    PerfRing(PerfEventArrayMap map, int index, int bytes) {
        this.map = map;
        this.index = index;
        mask = bytes - 1L;
        data = arena.allocate(2L * bytes, Long.BYTES);
    }

    /** The CPU, which is the slot that it is in. */
    public int cpu() {
        return index;
    }

    /** On the CPU's own thread. */
    int write(long meta, long metaBytes, long packet, long packetBytes) {
        lock.lock(0);
        try {
            if (closed) {
                return Errno.ENOENT.negative();
            }
            long bytes = metaBytes + packetBytes;
            long total = LiveMap.roundUp8(bytes + HEADER_BYTES);
            long from = producer;
            if (from + total - consumer > mask + 1) {
                lost.increment();
                return Errno.ENOSPC.negative();
            }
            long record = data.address() + (from & mask);
            Memory.putInt(record, (int) total - HEADER_BYTES);
            long at = record + HEADER_BYTES;
            Memory.copy(meta, at, metaBytes);
            if (packetBytes > 0) {
                Memory.copy(packet, at + metaBytes, packetBytes);
            }
            for (long fill = at + bytes; fill < record + total; fill++) {
                Memory.putByte(fill, (byte) 0);
            }
            producer = from + total;
        } finally {
            lock.unlock(0);
        }
        Consumer<MemorySegment> now = listener;
        if (now != null) {
            consume(now, Integer.MAX_VALUE);
            return 0;
        }
        Thread thread = waiter;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
        return 0;
    }

    /** Events that there was no room for. */
    public long lost() {
        return lost.sum();
    }

    /**
     * Shows the events, the oldest first, and gives their room back, each after it was shown.
     *
     * @param reader must not keep the segment (read-only) that it is given
     * @param most events to show
     * @return how many were shown
     */
    public int consume(Consumer<MemorySegment> reader, int most) {
        int shown = 0;
        long position = consumer;
        while (shown < most && position < producer) {
            long record = position & mask;
            int bytes = data.get(ValueLayout.JAVA_INT, record);
            reader.accept(data.asSlice(record + HEADER_BYTES, bytes).asReadOnly());
            shown++;
            position += bytes + HEADER_BYTES;
            consumer = position;
        }
        return shown;
    }

    /**
     * From now on shows each event on the CPU's own thread, before the program that wrote it goes on: nothing is lost for want
     * of room. Whoever listens is the reader.
     *
     * @param reader as for {@link #consume}; null for nobody
     */
    public void listen(Consumer<MemorySegment> reader) {
        listener = reader;
    }

    /** Waits until there is an event: true, or false after a time or an interrupt. */
    public boolean await(long nanos) {
        long until = System.nanoTime() + nanos;
        waiter = Thread.currentThread();
        try {
            while (consumer == producer) {
                long left = until - System.nanoTime();
                if (left <= 0 || Thread.currentThread().isInterrupted()) {
                    return false;
                }
                LockSupport.parkNanos(this, left);
            }
            return true;
        } finally {
            waiter = null;
        }
    }

    /** Takes the ring out of its slot: programs find no event there any more. The reader must have stopped. */
    @Override
    public void close() {
        lock.lock(0);
        try {
            if (closed) {
                return;
            }
            closed = true;
        } finally {
            lock.unlock(0);
        }
        map.forget(this);
        arena.close();
    }
}
