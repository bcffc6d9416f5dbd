package dev.sluice.map;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A map that was put back behaves like one that was never touched: two maps are filled alike, one is then changed at random and
 * put back, and from there on the same operations have the same results on both.
 */
class MapSnapshotTest {
    private static final long SEED = 20_261_122;
    private static final int KEYS = 40;
    private static final int ENTRIES = 32;
    private static final int CPUS = 2;
    private static final int NO_PREALLOC = 1;

    private enum Kind {
        HASH(MapType.HASH, 0),
        HASH_NO_PREALLOC(MapType.HASH, NO_PREALLOC),
        PERCPU_HASH(MapType.PERCPU_HASH, 0),
        LRU_HASH(MapType.LRU_HASH, 0),
        LRU_PERCPU_HASH(MapType.LRU_PERCPU_HASH, 0),
        LPM_TRIE(MapType.LPM_TRIE, NO_PREALLOC),
        ARRAY(MapType.ARRAY, 0),
        PERCPU_ARRAY(MapType.PERCPU_ARRAY, 0),
        QUEUE(MapType.QUEUE, 0),
        STACK(MapType.STACK, 0);

        final MapType type;
        final int flags;

        Kind(MapType type, int flags) {
            this.type = type;
            this.flags = flags;
        }
    }

    /** A map with what is around it. */
    private static final class Subject implements AutoCloseable {
        final MapTable table = new MapTable();
        final BpfMap map;
        private final Arena arena = Arena.ofConfined();
        private final long key = Memory.allocate(arena, 8, 8);
        private final long value = Memory.allocate(arena, 8, 8);

        Subject(Kind kind) {
            boolean keyless = kind.type == MapType.QUEUE || kind.type == MapType.STACK;
            int keyBytes = keyless ? 0 : kind.type == MapType.LPM_TRIE ? 8 : 4;
            MapDef def = new MapDef("m", kind.type, keyBytes, 8, ENTRIES, kind.flags, 0, null);
            map = Maps.create(def, table, new Regions(), CPUS, SEED);
        }

        /** As programs do, in a section of their own. */
        List<Long> operate(Random random, int count) {
            List<Long> results = new ArrayList<>();
            int entered = table.quiescentStates().enter();
            for (int i = 0; i < count; i++) {
                results.add(operate(random));
                if (random.nextInt(8) == 0) {
                    table.quiescentStates().leave(entered);
                    entered = table.quiescentStates().enter();
                }
            }
            table.quiescentStates().leave(entered);
            return results;
        }

        private long operate(Random random) {
            Memory.putInt(key, random.nextInt(KEYS));
            Memory.putInt(key + 4, random.nextInt(4));
            Memory.putLong(value, random.nextLong());
            int cpu = random.nextInt(CPUS);
            if (map.def().keySize() == 0) {
                return random.nextBoolean()
                        ? map.push(value, BpfMap.ANY)
                        : map.pop(value) + 31L * Memory.getLong(value);
            }
            if (map.def().type() == MapType.LPM_TRIE) {
                Memory.putInt(key, random.nextInt(33));
            }
            return switch (random.nextInt(4)) {
                case 0 -> map.delete(key);
                case 1 -> {
                    long found = map.lookup(key, cpu);
                    yield found == 0 ? 0 : Memory.getLong(found);
                }
                default -> map.update(key, value, random.nextInt(3), cpu);
            };
        }

        List<byte[]> dump() {
            List<byte[]> dump = new ArrayList<>();
            if (map.def().keySize() != 0) {
                for (byte[] each : map.keys()) {
                    dump.add(each);
                    dump.add(map.get(each));
                }
            }
            return dump;
        }

        @Override
        public void close() {
            table.closeAll();
            arena.close();
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aMapThatWasPutBackIsAsIfNothingHadHappened(Kind kind) {
        for (int round = 0; round < 20; round++) {
            try (Subject touched = new Subject(kind);
                    Subject untouched = new Subject(kind)) {
                touched.operate(new Random(SEED + round), 60);
                untouched.operate(new Random(SEED + round), 60);
                try (MapSnapshot snapshot = new MapSnapshot(touched.table)) {
                    touched.operate(new Random(SEED + 1000 + round), 500);
                    snapshot.restore();
                }
                assertThat(touched.dump())
                        .as("seed=%d round=%d", SEED, round)
                        .usingRecursiveComparison()
                        .isEqualTo(untouched.dump());
                assertThat(touched.operate(new Random(round), 300))
                        .as("seed=%d round=%d", SEED, round)
                        .isEqualTo(untouched.operate(new Random(round), 300));
                assertThat(touched.dump())
                        .as("seed=%d round=%d", SEED, round)
                        .usingRecursiveComparison()
                        .isEqualTo(untouched.dump());
            }
        }
    }

    @Test
    void memoryThatNobodyHasWrittenToIsNotCopied() {
        MapTable table = new MapTable();
        try (Arena arena = Arena.ofConfined()) {
            MapDef def = new MapDef("m", MapType.ARRAY, 4, 1024, 1 << 16, 0, 0, null);
            BpfMap map = Maps.create(def, table, new Regions(), CPUS, SEED);
            long key = Memory.allocate(arena, 4, 4);
            Memory.putInt(key, 1000);
            long written = map.lookup(key, 0);
            Memory.putLong(written, SEED);
            Memory.putInt(key, 60_000);
            long zero = map.lookup(key, 0);
            try (MapSnapshot snapshot = new MapSnapshot(table)) {
                assertThat(snapshot.bytes()).isBetween(1L, 100_000L);
                Memory.putLong(written, 1);
                Memory.putLong(zero + 1000, 2);
                snapshot.restore();
            }
            assertThat(Memory.getLong(written)).isEqualTo(SEED);
            assertThat(Memory.getLong(zero + 1000)).isZero();
        } finally {
            table.closeAll();
        }
    }
}
