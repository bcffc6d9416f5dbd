package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.util.concurrent.locks.LockSupport;

/**
 * The memory that both kinds of ring buffers have, as {@code mmap} shows it in the kernel (Documentation/bpf/ringbuf.rst):
 *
 * <pre>
 * page 0: consumer position, u64     page 1: producer position, u64     then the data
 *
 * record: 0 length u32 | 4 map id u32 | 8 the sample, filled up to a multiple of 8
 *         length: bit 31 busy (reserved, not yet submitted), bit 30 discarded
 * </pre>
 *
 * <p>Positions count bytes for ever; modulo the size they are places. The kernel maps the data twice in a row, so that a
 * record that goes over the end is in one piece. Here the second half is memory of its own, and such a record simply is
 * there: no other record can be in the first bytes meanwhile, because they are this one's.
 */
abstract class RingMap extends LiveMap {
    static final int PAGE_BYTES = 4096;
    static final int HEADER_BYTES = 8;
    static final int BUSY = 1 << 31;
    static final int DISCARDED = 1 << 30;

    static final long NO_WAKEUP = 1;
    static final long FORCE_WAKEUP = 2;

    /** Bytes of data. */
    final long size;

    final long mask;
    final long consumer;
    final long producer;
    final long data;

    private volatile Thread waiter;

    RingMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        size = Integer.toUnsignedLong(def.maxEntries());
        mask = size - 1;
        consumer = allocate(PAGE_BYTES);
        producer = allocate(PAGE_BYTES);
        data = allocateRegion(2 * size, true);
    }

    static long get(long position) {
        return (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, position);
    }

    static void set(long position, long value) {
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, position, value);
    }

    static int header(long record) {
        return (int) Memory.ATOMIC_INT.getAcquire(Memory.ALL, record);
    }

    final long record(long position) {
        return data + (position & mask);
    }

    static long recordBytes(int header) {
        return roundUp8((header & ~(BUSY | DISCARDED)) + (long) HEADER_BYTES);
    }

    /** Whether an address is in the data. */
    final boolean contains(long address) {
        return address >= data && address < data + 2 * size;
    }

    /** Wakes who waits in {@link #park}. */
    final void wake() {
        Thread thread = waiter;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    /** A thread waits for data: at most so long, and perhaps less. */
    final boolean park(long nanos) {
        long until = System.nanoTime() + nanos;
        waiter = Thread.currentThread();
        try {
            while (!inside(this::hasNext)) {
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

    abstract boolean hasNext();

    // --- no type of ring has entries

    @Override
    public final long lookup(long key, int cpu) {
        return 0;
    }

    @Override
    public final int update(long key, long value, long flags, int cpu) {
        return Errno.ENOTSUPP.negative();
    }

    @Override
    public final int delete(long key) {
        return Errno.ENOTSUPP.negative();
    }

    @Override
    public final int userValueSize() {
        return 0;
    }

    @Override
    final byte[] read(byte[] key) {
        throw refuse(Errno.ENOTSUPP, "a ring buffer has no entries");
    }

    @Override
    final int write(byte[] key, byte[] value, long flags) {
        return Errno.ENOTSUPP.negative();
    }

    @Override
    final int erase(byte[] key) {
        return Errno.ENOTSUPP.negative();
    }

    @Override
    final byte[] next(byte[] key) {
        throw refuse(Errno.ENOTSUPP, "a ring buffer has no keys");
    }
}
