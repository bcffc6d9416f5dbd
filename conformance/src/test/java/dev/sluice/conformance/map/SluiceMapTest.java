package dev.sluice.conformance.map;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.Maps;
import dev.sluice.memory.Regions;
import org.junit.jupiter.api.AfterEach;

/** Sluice's maps keep the contract. */
class SluiceMapTest extends MapContract {
    private final MapTable table = new MapTable();
    private final Maps maps = new Maps(table, new Regions(), 3, 42);

    @AfterEach
    void close() {
        table.all().forEach(BpfMap::close);
    }

    @Override
    Subject create(MapDef def) {
        BpfMap map = maps.create(def);
        return new Subject() {
            @Override
            public byte[] get(byte[] key) {
                return map.get(key);
            }

            @Override
            public void put(byte[] key, byte[] value, long flags) {
                map.put(key, value, flags);
            }

            @Override
            public boolean remove(byte[] key) {
                return map.remove(key);
            }

            @Override
            public byte[] nextKey(byte[] key) {
                return map.nextKey(key);
            }

            @Override
            public void freeze() {
                map.freeze();
            }

            @Override
            public int userValueSize() {
                return map.userValueSize();
            }
        };
    }
}
