package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/** {@code BPF_MAP_TYPE_DEVMAP_HASH}: as {@link DevMap}, by any number. */
public final class DevHashMap extends HashTableMap implements RedirectMap {
    DevHashMap(MapDef def, MapTable table, Regions regions, int cpus, long seed) {
        super(def, table, regions, cpus, seed);
    }

    @Override
    public int ifindex(int key) {
        long value = lookupInt(key);
        return value == 0 ? 0 : Memory.getInt(value);
    }

    @Override
    public boolean hasTarget(int key) {
        return lookupInt(key) != 0;
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
