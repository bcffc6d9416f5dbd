package dev.sluice.map;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.memory.Memory;
import dev.sluice.memory.QuiescentStates;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs on several CPUs and user space at one map at the same time; what must hold whoever comes first. */
@Timeout(300)
class MapConcurrencyTest {
    private static final int CPUS = 3;
    private static final int ROUNDS = 60_000;
    private static final byte[] NO_KEY = {};

    private final MapTable table = new MapTable();
    private final Maps maps = new Maps(table, new Regions(), CPUS, 7);
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void close() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(180, TimeUnit.SECONDS)).isTrue();
        table.closeAll();
    }

    private interface Job {
        void run(int cpu, Arena arena) throws Exception;
    }

    /** Runs a job on each CPU and, once or more until they are done, another one. */
    private void together(Job onEachCpu, Job meanwhile) throws Exception {
        AtomicInteger left = new AtomicInteger(CPUS);
        CyclicBarrier start = new CyclicBarrier(CPUS + 1);
        List<Future<?>> running = new ArrayList<>();
        for (int cpu = 0; cpu < CPUS; cpu++) {
            int own = cpu;
            running.add(threads.submit(() -> {
                start.await();
                try (Arena arena = Arena.ofConfined()) {
                    onEachCpu.run(own, arena);
                } finally {
                    left.decrementAndGet();
                }
                return null;
            }));
        }
        running.add(threads.submit(() -> {
            start.await();
            do { // once at least: the others may be done before this thread gets a CPU
                try (Arena arena = Arena.ofConfined()) {
                    meanwhile.run(CPUS, arena);
                }
            } while (left.get() > 0);
            return null;
        }));
        for (Future<?> future : running) {
            future.get();
        }
    }

    private static ByteBuffer bytes(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] key(int key) {
        return bytes(4).putInt(key).array();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, LruHashMap.NO_COMMON_LRU})
    void lruHashesKeepKeysWithTheirValuesAndLoseNoElement(int flags) throws Exception {
        int entries = 3000;
        LruHashMap map = (LruHashMap) maps.create(new MapDef("lru", MapType.LRU_HASH, 4, 16, entries, flags, 0, null));
        together(
                (cpu, arena) -> {
                    Random random = new Random(cpu);
                    long key = Memory.allocate(arena, 4, 8);
                    long value = Memory.allocate(arena, 16, 8);
                    for (int i = 0; i < ROUNDS; i++) {
                        int k = random.nextInt(2 * entries);
                        Memory.putInt(key, k);
                        Memory.putLong(value, k);
                        Memory.putLong(value + 8, ~(long) k);
                        switch (random.nextInt(8)) {
                            case 0 -> assertThat(map.delete(key)).isIn(0, Errno.ENOENT.negative());
                            case 1, 2, 3 -> map.lookup(key, cpu);
                            default ->
                                assertThat(map.update(key, value, BpfMap.ANY, cpu))
                                        .isZero();
                        }
                    }
                },
                (cpu, arena) -> {
                    BpfMap.Batch batch = map.lookupBatch(null, 1 << 20);
                    assertThat(batch.end()).isTrue();
                    Set<Integer> seen = new HashSet<>();
                    for (MapEntry entry : batch.entries()) {
                        int k = ByteBuffer.wrap(entry.key())
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getInt();
                        ByteBuffer value = ByteBuffer.wrap(entry.value()).order(ByteOrder.LITTLE_ENDIAN);
                        assertThat(value.getLong(0)).isEqualTo(k);
                        assertThat(value.getLong(8)).isEqualTo(~(long) k);
                        seen.add(k);
                    }
                    // buckets are read one after the other: a key that was removed and added again stays in its bucket
                    assertThat(seen).hasSameSizeAs(batch.entries());
                });
        assertThat(map.size()).isLessThanOrEqualTo(entries);
        // Nothing has got lost between the lists: from one CPU all elements but the others' few can be had again.
        for (byte[] key : map.keys()) {
            map.remove(key);
        }
        assertThat(map.size()).isZero();
        for (int k = 0; k < 2 * entries; k++) {
            map.put(key(k), new byte[16], BpfMap.ANY);
        }
        int others = flags == 0 ? CPUS * 128 : entries / CPUS * (CPUS - 1);
        assertThat(map.size()).isBetween(entries - others, entries);
    }

    @Test
    void aShorterPrefixIsAlwaysThere() throws Exception {
        LpmTrieMap map = (LpmTrieMap) maps.create(new MapDef("lpm", MapType.LPM_TRIE, 8, 8, 1000, 1, 0, null));
        map.put(new byte[] {8, 0, 0, 0, 10, 0, 0, 0}, bytes(8).putLong(8).array(), BpfMap.ANY);
        together(
                (cpu, arena) -> {
                    Random random = new Random(cpu);
                    long key = Memory.allocate(arena, 8, 8);
                    long value = Memory.allocate(arena, 8, 8);
                    try (QuiescentStates.Reader reader = table.quiescentStates().newReader()) {
                        reader.announces(true);
                        long held = 0;
                        long heldLength = 0;
                        for (int i = 0; i < ROUNDS; i++) {
                            reader.enter();
                            int length = 9 + random.nextInt(24);
                            Memory.putInt(key, length);
                            Memory.putInt(key + 4, random.nextInt() & 0x0f0f0f00 | 10);
                            Memory.putLong(value, length);
                            switch (random.nextInt(4)) {
                                case 0 ->
                                    assertThat(map.update(key, value, BpfMap.ANY, cpu))
                                            .isIn(0, Errno.ENOSPC.negative());
                                case 1 -> assertThat(map.delete(key)).isIn(0, Errno.ENOENT.negative());
                                default -> {
                                    Memory.putInt(key, 32);
                                    long found = map.lookup(key, cpu);
                                    assertThat(found).isNotZero();
                                    if (held == 0) {
                                        held = found;
                                        heldLength = Memory.getLong(found);
                                        assertThat(heldLength).isBetween(8L, 32L);
                                    }
                                }
                            }
                            if (held != 0) {
                                // replaced or deleted meanwhile, perhaps: nobody has it before this queue is through
                                assertThat(Memory.getLong(held)).isEqualTo(heldLength);
                            }
                            if (i % 16 == 0) {
                                held = 0;
                                reader.quiescent();
                            }
                        }
                    }
                },
                (cpu, arena) -> {
                    long length = ByteBuffer.wrap(map.get(new byte[] {32, 0, 0, 0, 10, 1, 2, 3}))
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong();
                    assertThat(length).isBetween(8L, 32L);
                    byte[] first = map.nextKey(null);
                    assertThat(first[0]).isBetween((byte) 8, (byte) 32);
                });
        List<byte[]> keys = map.keys();
        assertThat(keys).hasSize(map.size());
        for (byte[] key : keys) {
            assertThat(map.remove(key)).isTrue();
        }
        assertThat(map.size()).isZero();
        assertThat(map.nextKey(null)).isNull();
    }

    private static byte[] prefix(int length, int first, int second, int third) {
        return new byte[] {(byte) length, 0, 0, 0, (byte) first, (byte) second, (byte) third, 0};
    }

    /** A trie of so many prefixes that it has a table. */
    private LpmTrieMap trieWithTable(IntFunction<byte[]> prefixes) {
        LpmTrieMap map = (LpmTrieMap) maps.create(new MapDef("lpm", MapType.LPM_TRIE, 8, 8, 4000, 1, 0, null));
        for (int i = 0; i < 1024; i++) {
            map.put(prefixes.apply(i), new byte[8], BpfMap.ANY);
        }
        return map;
    }

    /** Many entries of the table lead to a short prefix: who has seen its new value through one sees it through all. */
    @Test
    void aShortPrefixChangesForAllAddressesAtOnce() throws Exception {
        LpmTrieMap map = trieWithTable(i -> prefix(24, 10, i >> 2, i << 6 | 0x20));
        map.put(prefix(8, 10, 0, 0), new byte[8], BpfMap.ANY);
        AtomicInteger writing = new AtomicInteger(1);
        together(
                (cpu, arena) -> {
                    long key = Memory.allocate(arena, 8, 8);
                    long value = Memory.allocate(arena, 8, 8);
                    if (cpu == 0) {
                        Memory.putInt(key, 8);
                        Memory.putInt(key + 4, 10);
                        try {
                            for (int i = 1; i < ROUNDS / 4; i++) {
                                Memory.putLong(value, i);
                                assertThat(map.update(key, value, BpfMap.ANY, cpu))
                                        .isZero();
                            }
                        } finally {
                            writing.set(0);
                        }
                        return;
                    }
                    Memory.putInt(key, 32);
                    try (QuiescentStates.Reader reader = table.quiescentStates().newReader()) {
                        reader.announces(true);
                        long seen = 0;
                        for (int i = 0; writing.get() != 0; i++) {
                            reader.enter();
                            Memory.putInt(key + 4, 10 | (i & 0xff) << 8);
                            long found = Memory.getLong(map.lookup(key, cpu));
                            assertThat(found).as("value of the prefix").isGreaterThanOrEqualTo(seen);
                            seen = found;
                            reader.quiescent();
                        }
                    }
                },
                (cpu, arena) -> map.get(prefix(32, 10, 1, 1)));
    }

    /**
     * One of two prefixes is always there, so the still shorter one around them never answers. Nothing branches between them:
     * where something does, a reader can pass the place of the one before it comes and the other's after it has gone, as in
     * the kernel.
     */
    @Test
    void oneOfTwoPrefixesIsAlwaysFound() throws Exception {
        LpmTrieMap map = trieWithTable(i -> prefix(24, i >> 2 == 10 ? 11 : i >> 2, i, i));
        map.put(prefix(8, 10, 0, 0), bytes(8).putLong(8).array(), BpfMap.ANY);
        byte[] longer = prefix(28, 10, 1, 2);
        byte[] shorter = prefix(9, 10, 0, 0);
        map.put(longer, bytes(8).putLong(28).array(), BpfMap.ANY);
        AtomicInteger writing = new AtomicInteger(1);
        together(
                (cpu, arena) -> {
                    if (cpu == 0) {
                        try {
                            for (int i = 1; i < ROUNDS / 4; i++) {
                                map.put(shorter, bytes(8).putLong(9).array(), BpfMap.ANY);
                                map.remove(longer);
                                map.put(longer, bytes(8).putLong(28).array(), BpfMap.ANY);
                                map.remove(shorter);
                            }
                        } finally {
                            writing.set(0);
                        }
                        return;
                    }
                    long key = Memory.allocate(arena, 8, 8);
                    Memory.putInt(key, 32);
                    Memory.putInt(key + 4, 0x00_02_01_0a);
                    try (QuiescentStates.Reader reader = table.quiescentStates().newReader()) {
                        reader.announces(true);
                        while (writing.get() != 0) {
                            reader.enter();
                            assertThat(Memory.getLong(map.lookup(key, cpu))).isIn(9L, 28L);
                            reader.quiescent();
                        }
                    }
                },
                (cpu, arena) -> map.get(prefix(32, 10, 1, 1)));
    }

    @ParameterizedTest
    @EnumSource(names = {"QUEUE", "STACK"})
    void everyValueIsTakenOutOnce(MapType type) throws Exception {
        QueueMap map = (QueueMap) maps.create(new MapDef("q", type, 0, 8, 100, 0, 0, null));
        AtomicLong pushed = new AtomicLong();
        AtomicLong popped = new AtomicLong();
        AtomicInteger count = new AtomicInteger();
        long[] last = new long[CPUS];
        together(
                (cpu, arena) -> {
                    long value = Memory.allocate(arena, 8, 8);
                    for (long i = 1; i <= ROUNDS; i++) {
                        Memory.putLong(value, i * CPUS + cpu);
                        if (map.push(value, BpfMap.ANY) == 0) {
                            pushed.addAndGet(i * CPUS + cpu);
                            count.incrementAndGet();
                        }
                    }
                },
                (cpu, arena) -> {
                    byte[] value = map.lookupAndDelete(NO_KEY);
                    if (value != null) {
                        long number = ByteBuffer.wrap(value)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getLong();
                        popped.addAndGet(number);
                        count.decrementAndGet();
                        int from = (int) (number % CPUS);
                        if (type == MapType.QUEUE) {
                            assertThat(number).isGreaterThan(last[from]);
                        }
                        last[from] = number;
                    }
                });
        for (byte[] value = map.lookupAndDelete(NO_KEY); value != null; value = map.lookupAndDelete(NO_KEY)) {
            popped.addAndGet(
                    ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong());
            count.decrementAndGet();
        }
        assertThat(count).hasValue(0);
        assertThat(popped).hasValue(pushed.get());
    }

    @Test
    void ringBufferRecordsComeOnceInOrderAndWhole() throws Exception {
        RingBufferMap map = (RingBufferMap) maps.create(new MapDef("ring", MapType.RINGBUF, 0, 0, 4096, 0, 0, null));
        AtomicLong submitted = new AtomicLong();
        AtomicLong refused = new AtomicLong();
        AtomicLong read = new AtomicLong();
        long[] last = new long[CPUS];
        java.util.function.Consumer<MemorySegment> reader = record -> {
            int from = record.get(ValueLayout.JAVA_INT, 0);
            long number = record.get(ValueLayout.JAVA_LONG_UNALIGNED, 4);
            assertThat(number).isGreaterThan(last[from]);
            last[from] = number;
            byte fill = (byte) number;
            for (long at = 12; at < record.byteSize(); at++) {
                if (record.get(ValueLayout.JAVA_BYTE, at) != fill) {
                    throw new AssertionError("record " + number + " of cpu " + from + " is damaged at " + at);
                }
            }
            read.incrementAndGet();
        };
        together(
                (cpu, arena) -> {
                    Random random = new Random(cpu);
                    for (long number = 1; number <= ROUNDS; number++) {
                        int bytes = 12 + random.nextInt(200);
                        long sample = map.reserve(bytes, 0);
                        if (sample == 0) {
                            refused.incrementAndGet();
                            Thread.yield();
                            continue;
                        }
                        Memory.putInt(sample, cpu);
                        Memory.putLong(sample + 4, number);
                        Memory.fill(sample + 12, bytes - 12, (byte) number);
                        if (random.nextInt(10) == 0) {
                            map.discard(sample, 0);
                        } else {
                            submitted.incrementAndGet();
                            map.submit(sample, 0);
                        }
                    }
                },
                (cpu, arena) -> {
                    map.await(1_000_000);
                    map.consume(reader, 10);
                });
        map.consume(reader, Integer.MAX_VALUE);
        assertThat(read).hasValue(submitted.get());
        assertThat(map.dropped()).isEqualTo(refused.get());
        assertThat(map.query(0)).isZero();
    }

    @Test
    void aWaitingReaderIsWoken() throws Exception {
        RingBufferMap map = (RingBufferMap) maps.create(new MapDef("ring", MapType.RINGBUF, 0, 0, 4096, 0, 0, null));
        assertThat(map.await(1_000)).isFalse();
        for (int i = 0; i < 200; i++) {
            Future<Boolean> waiting = threads.submit(() -> map.await(TimeUnit.HOURS.toNanos(1)));
            if (i % 2 == 0) {
                Thread.sleep(1);
            }
            map.submit(map.reserve(8, 0), 0);
            assertThat(waiting.get(180, TimeUnit.SECONDS)).isTrue();
            assertThat(map.consume(record -> {}, 10)).isEqualTo(1);
        }
    }

    @Test
    void perfEventsComeInOrderOrAreCountedAsLost() throws Exception {
        PerfEventArrayMap map =
                (PerfEventArrayMap) maps.create(new MapDef("events", MapType.PERF_EVENT_ARRAY, 4, 4, CPUS, 0, 0, null));
        List<PerfRing> rings = new ArrayList<>();
        for (int cpu = 0; cpu < CPUS; cpu++) {
            rings.add(map.open(cpu, 4096));
        }
        long[] last = new long[CPUS];
        long[] read = new long[CPUS];
        Job readAll = (none, arena) -> {
            for (PerfRing ring : rings) {
                read[ring.cpu()] += ring.consume(
                        event -> {
                            long number = event.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
                            assertThat(number).isGreaterThan(last[ring.cpu()]);
                            assertThat(event.byteSize()).isEqualTo(12);
                            last[ring.cpu()] = number;
                        },
                        16);
            }
        };
        together(
                (cpu, arena) -> {
                    long data = Memory.allocate(arena, 8, 8);
                    for (long number = 1; number <= ROUNDS; number++) {
                        Memory.putLong(data, number);
                        assertThat(map.output(PerfEventArrayMap.CURRENT_CPU, cpu, data, 8, 0, 0))
                                .isIn(0, Errno.ENOSPC.negative());
                    }
                },
                readAll);
        for (int i = 0; i < 4096; i++) {
            readAll.run(0, null);
        }
        for (PerfRing ring : rings) {
            assertThat(read[ring.cpu()] + ring.lost()).isEqualTo(ROUNDS);
            ring.close();
        }
        assertThat(map.output(0, 0, 0, 0, 0, 0)).isEqualTo(Errno.ENOENT.negative());
    }

    @Test
    void userRingBuffersGiveProgramsWhatWasSubmitted() throws Exception {
        UserRingBufferMap map =
                (UserRingBufferMap) maps.create(new MapDef("user", MapType.USER_RINGBUF, 0, 0, 4096, 0, 0, null));
        AtomicLong submitted = new AtomicLong();
        AtomicLong drained = new AtomicLong();
        Job drain = (none, arena) -> {
            assertThat(map.beginDrain()).isTrue();
            assertThat(map.beginDrain()).isFalse();
            for (long sample = map.peek(); sample != Errno.ENODATA.negative(); sample = map.peek()) {
                if (sample == Errno.EAGAIN.negative()) {
                    continue;
                }
                assertThat(sample).isPositive();
                assertThat(Memory.getLong(sample)).isEqualTo(UserRingBufferMap.sampleBytes(sample));
                drained.incrementAndGet();
                map.release(sample);
            }
            map.endDrain();
        };
        together(
                (cpu, arena) -> {
                    Random random = new Random(cpu);
                    for (int i = 0; i < ROUNDS; i++) {
                        MemorySegment sample = map.reserve(8 + random.nextInt(300));
                        if (sample == null) {
                            Thread.yield();
                        } else if (random.nextInt(10) == 0) {
                            map.discard(sample);
                        } else {
                            sample.set(ValueLayout.JAVA_LONG, 0, sample.byteSize());
                            submitted.incrementAndGet();
                            map.submit(sample);
                        }
                    }
                },
                drain);
        drain.run(0, null);
        assertThat(drained).hasValue(submitted.get()).hasPositiveValue();
    }

    @ParameterizedTest
    @EnumSource(names = {"ARRAY_OF_MAPS", "HASH_OF_MAPS"})
    void aProgramFindsOneInnerMapOrTheOther(MapType type) throws Exception {
        MapDef inner = MapDef.of("inner", MapType.ARRAY, 4, 8, 1);
        BpfMap outer = maps.create(new MapDef("outer", type, 4, 4, 4, 0, 0, inner));
        BpfMap first = newInner(inner);
        outer.put(key(1), key(first.id()), BpfMap.ANY);
        first.close();
        together(
                (cpu, arena) -> {
                    long outerKey = Memory.allocate(arena, 4, 8);
                    Memory.putInt(outerKey, 1);
                    long zero = Memory.allocate(arena, 4, 8);
                    try (QuiescentStates.Reader reader = table.quiescentStates().newReader()) {
                        for (int i = 0; i < ROUNDS; i++) {
                            boolean entered = reader.enter();
                            long pointer = outer.lookup(outerKey, cpu);
                            assertThat(pointer).isNotZero();
                            // It may have been replaced and closed since, and is there all the same.
                            BpfMap found = table.byHandle(pointer);
                            assertThat(Memory.getLong(found.lookup(zero, cpu))).isEqualTo(found.id());
                            reader.leave(entered);
                        }
                    }
                },
                (cpu, arena) -> {
                    BpfMap fresh = newInner(inner);
                    outer.put(key(1), key(fresh.id()), BpfMap.ANY);
                    fresh.close();
                });
        assertThat(table.all()).hasSize(2);
        // all readers are gone: what was replaced is freed as soon as the thread that frees has looked, or the test
        // times out
        while (table.quiescentStates().waiting() > 0 || table.byHandle(first.handle()) != null) {
            Thread.sleep(1);
        }
        assertThat(outer.get(key(1))).isNotNull();
    }

    private BpfMap newInner(MapDef inner) {
        BpfMap map = maps.create(inner);
        map.put(key(0), bytes(8).putLong(map.id()).array(), BpfMap.ANY);
        return map;
    }
}
