package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;

/**
 * {@code BPF_MAP_TYPE_QUEUE} and {@code STACK}: values without keys, taken out in the order in which they came, or the last
 * first. A ring of slots; both ends move under a lock.
 *
 * <pre>
 * slots + i * valueSize: value      tail: the oldest     head: the next free one
 * </pre>
 *
 * <p>User space uses an empty key: {@link #put} pushes, {@link #get} peeks, {@link #lookupAndDelete} pops.
 */
public final class QueueMap extends LiveMap {
    private final boolean stack;
    private final int valueSize;
    private final long slots;
    private final long values;
    private final SpinLocks lock = new SpinLocks(1);
    private long head;
    private long tail;

    QueueMap(MapDef def, MapTable table) {
        super(def, table, new Regions());
        stack = def.type() == MapType.STACK;
        valueSize = def.valueSize();
        slots = Integer.toUnsignedLong(def.maxEntries());
        values = allocate(Math.multiplyExact(slots, Integer.toUnsignedLong(valueSize)));
    }

    /** Number of values. */
    public long size() {
        lock.lock(0);
        try {
            return head - tail;
        } finally {
            lock.unlock(0);
        }
    }

    private long slot(long position) {
        return values + position % slots * valueSize;
    }

    /**
     * Adds a value.
     *
     * @param flags {@link #ANY}, or {@link #EXIST} to drop the oldest value of a full one
     * @return 0, E2BIG when it is full, EINVAL for other flags
     */
    @Override
    public int push(long value, long flags) {
        if (flags != ANY && flags != EXIST) {
            return Errno.EINVAL.negative();
        }
        lock.lock(0);
        try {
            if (head - tail == slots) {
                if (flags != EXIST) {
                    return Errno.E2BIG.negative();
                }
                tail++;
            }
            Memory.copyShort(value, slot(head), valueSize);
            head++;
            return 0;
        } finally {
            lock.unlock(0);
        }
    }

    @Override
    public int pop(long value) {
        return next(value, true);
    }

    @Override
    public int peek(long value) {
        return next(value, false);
    }

    private int next(long value, boolean takeOut) {
        lock.lock(0);
        try {
            if (head == tail) {
                Memory.fill(value, valueSize, (byte) 0);
                return Errno.ENOENT.negative();
            }
            Memory.copyShort(slot(stack ? head - 1 : tail), value, valueSize);
            if (takeOut && stack) {
                head--;
            } else if (takeOut) {
                tail++;
            }
            return 0;
        } finally {
            lock.unlock(0);
        }
    }

    @Override
    public long lookup(long key, int cpu) {
        return 0;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EINVAL.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.EINVAL.negative();
    }

    @Override
    public int userValueSize() {
        return valueSize;
    }

    @Override
    byte[] read(byte[] key) {
        return next(false);
    }

    @Override
    byte[] take(byte[] key) {
        return next(true);
    }

    private byte[] next(boolean takeOut) {
        try (Arena arena = Arena.ofConfined()) {
            long copy = Memory.allocate(arena, valueSize, Long.BYTES);
            return next(copy, takeOut) == 0 ? Memory.bytes(copy, valueSize) : null;
        }
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        try (Arena arena = Arena.ofConfined()) {
            return push(HashTableMap.nativeCopy(arena, value), flags);
        }
    }

    @Override
    int erase(byte[] key) {
        return Errno.EINVAL.negative();
    }

    @Override
    byte[] next(byte[] key) {
        throw refuse(Errno.EINVAL, "it has no keys");
    }
}
