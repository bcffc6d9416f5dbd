package dev.sluice.map;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Readers and writers of one hash table at the same time. */
@Timeout(300)
class HashTableConcurrencyTest {
    private static final int ROUNDS = 100_000;

    private final MapTable table = new MapTable();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void close() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(180, TimeUnit.SECONDS)).isTrue();
        table.all().forEach(BpfMap::close);
    }

    private HashTableMap create(int valueSize, int maxEntries, int flags) {
        MapDef def = new MapDef("h", MapType.HASH, 4, valueSize, maxEntries, flags, 0, null);
        return (HashTableMap) Maps.create(def, table, new Regions(), 4, 7);
    }

    private static byte[] key(int key) {
        return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(key).array();
    }

    private void together(List<Runnable> jobs) throws Exception {
        List<Future<?>> running = new ArrayList<>();
        for (Runnable job : jobs) {
            running.add(threads.submit(job));
        }
        for (Future<?> future : running) {
            future.get();
        }
    }

    /** Keys that are in one bucket. */
    private static List<Integer> oneBucket(HashTableMap map, int count) {
        List<Integer> keys = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            long key = Memory.allocate(arena, 4, 8);
            for (int k = 0; keys.size() < count; k++) {
                Memory.putInt(key, k);
                if ((map.keys.hash(key) & map.mask) == 0) {
                    keys.add(k);
                }
            }
        }
        return keys;
    }

    /**
     * All keys are in one bucket. Elements in front of and behind those that stay are replaced and reused at once, so that
     * readers are carried past what they look for.
     */
    @ParameterizedTest
    @CsvSource({"HASH, 0", "HASH, 1", "LRU_HASH, 0", "LRU_HASH, 2", "HASH_OF_MAPS, 0", "DEVMAP_HASH, 0"})
    void aKeyBetweenElementsThatMoveIsAlwaysFound(MapType type, int flags) throws Exception {
        MapDef inner = type == MapType.HASH_OF_MAPS ? MapDef.of("inner", MapType.ARRAY, 4, 8, 1) : null;
        MapDef def = new MapDef("h", type, 4, inner == null ? 8 : 4, 64, flags, 0, inner);
        HashTableMap map = (HashTableMap) Maps.create(def, table, new Regions(), 1, 7);
        byte[] value = new byte[def.valueSize()];
        value[0] = (byte)
                (inner == null
                        ? 1
                        : Maps.create(inner, table, new Regions(), 1, 7).id());
        List<Integer> keys = oneBucket(map, 6);
        for (int key : keys) {
            map.put(key(key), value, BpfMap.ANY);
        }
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger misses = new AtomicInteger();
        List<Runnable> jobs = new ArrayList<>();
        jobs.add(() -> {
            try {
                for (int i = 0; i < 10 * ROUNDS; i++) {
                    map.put(key(keys.get(i % keys.size())), value, BpfMap.ANY);
                }
            } finally {
                done.set(true);
            }
        });
        jobs.add(() -> {
            try (Arena arena = Arena.ofConfined()) {
                long key = Memory.allocate(arena, 4, 8);
                while (!done.get()) {
                    for (int k : keys) {
                        Memory.putInt(key, k);
                        if (map.lookup(key, 0) == 0) {
                            misses.incrementAndGet();
                        }
                    }
                }
            }
        });
        together(jobs);
        assertThat(misses).hasValue(0);
    }

    /** 64 keys: half stay and are replaced all the time, half come and go around them. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aKeyThatStaysIsAlwaysFound(int flags) throws Exception {
        HashTableMap map = create(32, 64, flags);
        AtomicBoolean done = new AtomicBoolean();
        AtomicInteger misses = new AtomicInteger();
        AtomicInteger writersLeft = new AtomicInteger(2);
        for (int key = 0; key < 32; key++) {
            map.put(key(key), new byte[32], BpfMap.ANY);
        }
        List<Runnable> jobs = new ArrayList<>();
        for (int writer = 0; writer < 2; writer++) {
            int seed = writer;
            jobs.add(() -> {
                Random random = new Random(seed);
                try (Arena arena = Arena.ofConfined()) {
                    long key = Memory.allocate(arena, 4, 8);
                    long value = Memory.allocate(arena, 32, 8);
                    for (int i = 0; i < ROUNDS; i++) {
                        int k = random.nextInt(64);
                        Memory.putInt(key, k);
                        if (k < 32 || random.nextBoolean()) {
                            assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
                        } else {
                            assertThat(map.delete(key)).isIn(0, Errno.ENOENT.negative());
                        }
                    }
                } finally {
                    done.compareAndSet(false, writersLeft.decrementAndGet() == 0);
                }
            });
        }
        for (int reader = 0; reader < 2; reader++) {
            jobs.add(() -> {
                try (Arena arena = Arena.ofConfined()) {
                    long key = Memory.allocate(arena, 4, 8);
                    while (!done.get()) {
                        for (int k = 0; k < 32; k++) {
                            Memory.putInt(key, k);
                            if (map.lookup(key, 0) == 0) {
                                misses.incrementAndGet();
                            }
                        }
                    }
                }
            });
        }
        together(jobs);
        assertThat(misses).hasValue(0);
    }

    /** A value is key, x, -x, key: any mixture of two writes shows. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void userSpaceNeverSeesHalfAValue(int flags) throws Exception {
        HashTableMap map = create(32, 16, flags);
        AtomicInteger torn = new AtomicInteger();
        List<Runnable> jobs = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            int seed = thread;
            jobs.add(() -> {
                Random random = new Random(seed);
                for (int i = 0; i < ROUNDS / 4; i++) {
                    int k = random.nextInt(16);
                    if (seed % 2 == 0) {
                        long x = random.nextLong();
                        ByteBuffer value = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
                        value.putLong(k).putLong(x).putLong(-x).putLong(k);
                        if (random.nextInt(4) == 0) {
                            map.remove(key(k));
                        } else {
                            map.put(key(k), value.array(), BpfMap.ANY);
                        }
                    } else {
                        byte[] bytes = map.get(key(k));
                        if (bytes != null) {
                            ByteBuffer value = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
                            if (value.getLong(0) != k
                                    || value.getLong(24) != k
                                    || value.getLong(8) != -value.getLong(16)) {
                                torn.incrementAndGet();
                            }
                        }
                    }
                }
            });
        }
        together(jobs);
        assertThat(torn).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void noUpdateIsLost(int flags) throws Exception {
        HashTableMap map = create(8, 400, flags);
        List<Runnable> jobs = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            int first = thread * 100;
            jobs.add(() -> {
                for (int round = 1; round <= 100; round++) {
                    for (int k = first; k < first + 100; k++) {
                        if (k % 3 == 0 && round % 2 == 0) {
                            assertThat(map.remove(key(k))).isTrue();
                        } else {
                            byte[] value = new byte[8];
                            ByteBuffer.wrap(value).putInt(round).putInt(k);
                            map.put(key(k), value, k % 3 == 0 ? BpfMap.NOEXIST : BpfMap.ANY);
                        }
                    }
                }
            });
        }
        together(jobs);
        for (int k = 0; k < 400; k++) {
            byte[] value = map.get(key(k));
            if (k % 3 == 0) {
                assertThat(value).isNull();
            } else {
                assertThat(ByteBuffer.wrap(value).getInt(0)).isEqualTo(100);
                assertThat(ByteBuffer.wrap(value).getInt(4)).isEqualTo(k);
            }
        }
        assertThat(map.size()).isEqualTo(map.keys().size()).isEqualTo(266);
    }

    @Test
    void exactlyMaxEntriesFit() throws Exception {
        for (int flags : new int[] {0, 1}) {
            HashTableMap map = create(8, 1000, flags);
            AtomicInteger created = new AtomicInteger();
            List<Runnable> jobs = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                int first = thread * 500;
                jobs.add(() -> {
                    for (int k = first; k < first + 500; k++) {
                        try {
                            map.put(key(k), new byte[8], BpfMap.NOEXIST);
                            created.incrementAndGet();
                        } catch (MapException e) {
                            assertThat(e.errno()).isEqualTo(Errno.E2BIG);
                        }
                    }
                });
            }
            together(jobs);
            assertThat(created).hasValue(1000);
            assertThat(map.keys()).hasSize(1000);
        }
    }
}
