package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;

/**
 * {@code BPF_MAP_TYPE_HASH_OF_MAPS}: as {@link ArrayOfMapsMap}, by any key. The values of the hash are the ids of the inner
 * maps.
 */
public final class HashOfMapsMap extends HashTableMap {
    private final InnerMaps inner;

    HashOfMapsMap(MapDef def, MapTable table, int cpus, long seed) {
        // programs never see the values themselves
        super(def, table, new Regions(), cpus, seed);
        inner = new InnerMaps(def, table);
    }

    /** The inner map's pointer, or 0. */
    @Override
    public long lookup(long key, int cpu) {
        int hash = keys.hash(key);
        long slot = slot(hash & mask);
        while (true) {
            long word = acquire(slot);
            long element = walk(word, key, hash);
            int id = element == 0 ? 0 : Memory.getInt(element + valueOffset);
            if (isUnchanged(slot, word)) {
                return id == 0 ? 0 : MapTable.handle(id);
            }
        }
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
    int write(byte[] key, byte[] value, long flags) {
        int id = inner.hold(IndexedMap.index(value));
        if (id < 0) {
            return id;
        }
        int error = super.write(key, value, flags);
        if (error != 0) {
            inner.drop(id);
        }
        return error;
    }

    @Override
    byte[] take(byte[] key) {
        throw cannotTakeOut();
    }

    @Override
    void give(long element, boolean entryGone) {
        int id = Memory.getInt(element + valueOffset);
        super.give(element, entryGone);
        inner.drop(id);
    }

    @Override
    void replaced(long element) {
        inner.drop(Memory.getInt(element + valueOffset));
    }

    @Override
    void dropInner() {
        for (byte[] key = next(null); key != null; key = next(null)) {
            erase(key);
        }
    }
}
