package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/**
 * {@code BPF_MAP_TYPE_LRU_HASH} and {@code LRU_PERCPU_HASH}: a {@link HashTableMap} that is never full, because a new
 * entry takes the place of one that was not used lately; which one, {@link LruLists} says.
 *
 * <p>As in the kernel an update takes a fresh element before it looks for the key, so replacing a value of a full map may
 * evict another entry. Operations of user space count as CPU 0's; its look-ups do not make an entry "used".
 *
 * <p>Run by one thread, evictions are those of the kernel for the same operations on the same CPUs and the same number of
 * CPUs. Run by several at once, the order in which the CPUs meet decides, there as here; what holds then: at least
 * {@code max_entries} less the CPUs' free elements (at most 128 a CPU) stay, and an entry that was used since the last
 * time it was passed is not evicted while unused ones are among the last 128.
 */
public final class LruHashMap extends HashTableMap {
    /** {@code BPF_F_NO_COMMON_LRU}. */
    static final int NO_COMMON_LRU = 1 << 1;

    /** Offset in an element of the byte that is 1 since it was used. */
    public static final int REF = LruLists.REF;

    private final LruLists lru;

    LruHashMap(MapDef def, MapTable table, Regions regions, int cpus, long seed) {
        super(def, table, regions, cpus, seed, def.maxEntries());
        boolean common = (def.flags() & NO_COMMON_LRU) == 0;
        long heads = allocate(LruLists.headBytes(common, cpus));
        lru = new LruLists(common, cpus, heads, valueOffset - LruLists.NODE_BYTES, this::evict);
        long[] elements = takeAllElements();
        lru.populate(elements, elements.length);
    }

    /** With lists per CPU each has as many elements: the number of entries becomes a multiple of the CPUs. */
    static MapDef rounded(MapDef def, int cpus) {
        if ((def.flags() & NO_COMMON_LRU) == 0) {
            return def;
        }
        long up = (Integer.toUnsignedLong(def.maxEntries()) + cpus - 1) / cpus * cpus;
        int entries = (int) (up > Integer.MAX_VALUE ? up - cpus : up);
        return new MapDef(
                def.name(), def.type(), def.keySize(), def.valueSize(), entries, def.flags(), def.extra(), def.inner());
    }

    @Override
    public long lookup(long key, int cpu) {
        long element = find(key, keys.hash(key));
        if (element == 0) {
            return 0;
        }
        LruLists.touch(element);
        return valueOf(element, cpu);
    }

    @Override
    int store(long key, long value, long flags, int cpu) {
        if (flags < 0 || flags > EXIST) {
            return Errno.EINVAL.negative();
        }
        int hash = keys.hash(key);
        long fresh = 0;
        if (!perCpu || flags != EXIST) {
            fresh = lru.take(Math.max(cpu, 0), hash);
            if (fresh == 0) {
                return Errno.ENOMEM.negative();
            }
            keys.copy(key, fresh + KEY);
            if (!perCpu) {
                copyValue(value, fresh + valueOffset);
                clearFields(fresh + valueOffset);
            }
        }
        long bucket = hash & mask;
        int lock = bucketLock(bucket);
        long unused = fresh;
        int result;
        lock(lock);
        try {
            long slot = slot(bucket);
            long link = slot;
            long old = follow(link);
            while (old != 0 && !isOf(old, key, hash)) {
                link = old + NEXT;
                old = follow(link);
            }
            boolean exists = old != 0;
            if (exists && flags == NOEXIST) {
                result = Errno.EEXIST.negative();
            } else if (!exists && flags == EXIST) {
                result = Errno.ENOENT.negative();
            } else if (exists && perCpu) {
                LruLists.touch(old);
                copyPerCpu(value, old, cpu, false);
                result = 0;
            } else if (exists) {
                LruLists.touch(fresh);
                release(fresh + NEXT, follow(old + NEXT));
                unlink(slot, link, fresh);
                unused = old;
                result = 0;
            } else {
                if (perCpu) {
                    copyPerCpu(value, fresh, cpu, true);
                }
                link(slot, fresh);
                unused = 0;
                result = 0;
            }
        } finally {
            unlock(lock);
        }
        if (unused != 0) {
            releaseFields(unused + valueOffset);
            lru.give(unused);
        }
        return result;
    }

    /** The bucket's lock is held. */
    @Override
    void removed(long element) {}

    @Override
    void removedAndUnlocked(long element) {
        releaseFields(element + valueOffset);
        lru.give(element);
    }

    private boolean evict(long element) {
        long bucket = Memory.getInt(element + HASH) & mask;
        int lock = bucketLock(bucket);
        lock(lock);
        try {
            long slot = slot(bucket);
            long link = slot;
            for (long at = follow(link); at != 0; at = follow(link)) {
                if (at == element) {
                    unlink(slot, link, follow(element + NEXT));
                    releaseFields(element + valueOffset);
                    return true;
                }
                link = at + NEXT;
            }
            return false;
        } finally {
            unlock(lock);
        }
    }

    /** Number of entries; counts them. */
    @Override
    public int size() {
        return inside(this::count);
    }

    private int count() {
        int size = 0;
        for (long bucket = 0; bucket <= mask; bucket++) {
            int lock = bucketLock(bucket);
            lock(lock);
            try {
                for (long at = firstOf(bucket); at != 0; at = nextOf(at)) {
                    size++;
                }
            } finally {
                unlock(lock);
            }
        }
        return size;
    }
}
