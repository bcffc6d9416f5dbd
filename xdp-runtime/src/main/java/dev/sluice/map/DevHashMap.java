package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/** {@code BPF_MAP_TYPE_DEVMAP_HASH}: as {@link DevMap}, by any number. */
public final class DevHashMap extends HashTableMap implements RedirectMap {
    DevHashMap(MapDef def, MapTable table, Regions regions, int cpus, long seed) {
        super(def, table, regions, cpus, seed);
    }

    @Override
    public long device(int key) {
        int hash = keys.hashOfInt(key);
        long slot = slot(hash & mask);
        while (true) {
            long word = acquire(slot);
            long element = word & ADDRESS;
            while (element != 0 && Memory.getInt(element + KEY) != key) {
                element = acquire(element + NEXT);
            }
            long entry = element == 0 ? 0 : entry(element + valueOffset);
            if (isUnchanged(slot, word)) {
                return entry;
            }
        }
    }

    private long entry(long value) {
        return def().valueSize() == Long.BYTES ? Memory.getLong(value) : Memory.getInt(value) & 0xffff_ffffL;
    }

    @Override
    public int devices(long[] into) {
        int n = 0;
        for (long bucket = 0; bucket < bucketCount(); bucket++) {
            long slot = slot(bucket);
            int before = n;
            long word;
            do {
                n = before;
                word = acquire(slot);
                for (long element = word & ADDRESS; element != 0; element = nextOf(element)) {
                    if (n < into.length) {
                        into[n] = entry(element + valueOffset);
                    }
                    n++;
                }
            } while (!isUnchanged(slot, word));
        }
        return n;
    }

    @Override
    public boolean hasTarget(int key) {
        return device(key) != 0;
    }

    @Override
    public long redirectFlags() {
        return DevMap.REDIRECT_FLAGS;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    byte[] take(byte[] key) {
        throw cannotTakeOut();
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        if (IndexedMap.index(value) == 0) {
            return Errno.EINVAL.negative();
        }
        // the kernel does not ask whether there is something to replace
        return super.write(key, value, flags == EXIST ? ANY : flags);
    }
}
