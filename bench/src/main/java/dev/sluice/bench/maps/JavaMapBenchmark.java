package dev.sluice.bench.maps;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import it.unimi.dsi.fastutil.longs.Long2LongOpenHashMap;
import java.lang.foreign.Arena;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.agrona.collections.Long2LongHashMap;
import org.jctools.maps.NonBlockingHashMapLong;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Hashes beside maps of Java libraries, keys and values of eight bytes, keys at random. What is compared is not alike: ours may
 * be read and written by several threads, so may {@link ConcurrentHashMap} and JCTools' map, which hold objects; those of
 * Agrona and fastutil hold numbers, and belong to one thread. Caffeine evicts, as an LRU hash does. One operation is one key.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class JavaMapBenchmark {
    static final int DRAWS = 1 << 16;
    private static final long SCRAMBLE = 0x9e37_79b9_7f4a_7c15L;

    /** A map from numbers to numbers; a fork of the JVM sees one implementation, so that calls are inlined. */
    interface Subject {
        /** The value of a key that is there. */
        long get(long key);

        void put(long key, long value);

        default void close() {}
    }

    /** The maps that are measured. */
    public enum Kind {
        SLUICE(entries -> new Sluice(MapType.HASH, entries)),
        CONCURRENT_HASH_MAP(Concurrent::new),
        JCTOOLS(Jctools::new),
        AGRONA(Agrona::new),
        FASTUTIL(Fastutil::new);

        private final IntFunction<Subject> maker;

        Kind(IntFunction<Subject> maker) {
            this.maker = maker;
        }
    }

    /** A map with all its entries, and keys to ask for. */
    @State(Scope.Thread)
    public static class Full {
        @Param
        Kind map;

        @Param({"1000", "1000000"})
        int entries;

        private Subject subject;
        private long[] keys;

        /** Fills the map. */
        @Setup
        public void fill() {
            subject = map.maker.apply(entries);
            for (int i = 0; i < entries; i++) {
                subject.put(i * SCRAMBLE, i);
            }
            keys = draws(entries);
        }

        @TearDown
        public void close() {
            subject.close();
        }
    }

    /** A map that evicts, and four times as many keys as it has room for. */
    @State(Scope.Thread)
    public static class Evicting {
        @Param({"sluice", "caffeine"})
        String map;

        @Param({"1000", "1000000"})
        int entries;

        private Subject subject;
        private long[] keys;

        /** Fills the map. */
        @Setup
        public void fill() {
            subject = map.equals("sluice") ? new Sluice(MapType.LRU_HASH, entries) : new Caffeinated(entries);
            for (int i = 0; i < entries; i++) {
                subject.put(i * SCRAMBLE, i);
            }
            keys = draws(4 * entries);
        }

        @TearDown
        public void close() {
            subject.close();
        }
    }

    private static long[] draws(int bound) {
        Random random = new Random(1);
        long[] keys = new long[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            keys[i] = random.nextInt(bound) * SCRAMBLE;
        }
        return keys;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public long get(Full full) {
        Subject map = full.subject;
        long sum = 0;
        for (long key : full.keys) {
            sum += map.get(key);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void put(Full full) {
        Subject map = full.subject;
        for (long key : full.keys) {
            map.put(key, key);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void evict(Evicting evicting) {
        Subject map = evicting.subject;
        for (long key : evicting.keys) {
            map.put(key, key);
        }
    }

    // --- the maps

    private static final class Sluice implements Subject {
        private final Arena arena = Arena.ofShared();
        private final long key = Memory.allocate(arena, Long.BYTES, Long.BYTES);
        private final long value = Memory.allocate(arena, Long.BYTES, Long.BYTES);
        private final BpfMap map;

        Sluice(MapType type, int entries) {
            map = new Maps(new MapTable(), new Regions(), 1, 0)
                    .create(MapDef.of("bench", type, Long.BYTES, Long.BYTES, entries));
        }

        @Override
        public long get(long k) {
            Memory.putLong(key, k);
            return Memory.getLong(map.lookup(key, 0));
        }

        @Override
        public void put(long k, long v) {
            Memory.putLong(key, k);
            Memory.putLong(value, v);
            map.update(key, value, BpfMap.ANY, 0);
        }

        @Override
        public void close() {
            map.close();
            arena.close();
        }
    }

    private record Concurrent(ConcurrentHashMap<Long, Long> map) implements Subject {
        Concurrent(int entries) {
            this(new ConcurrentHashMap<>(2 * entries));
        }

        @Override
        public long get(long key) {
            return Objects.requireNonNull(map.get(key));
        }

        @Override
        public void put(long key, long value) {
            map.put(key, value);
        }
    }

    private record Jctools(NonBlockingHashMapLong<Long> map) implements Subject {
        Jctools(int entries) {
            this(new NonBlockingHashMapLong<>(2 * entries));
        }

        @Override
        public long get(long key) {
            return map.get(key);
        }

        @Override
        public void put(long key, long value) {
            map.put(key, (Long) value);
        }
    }

    private record Agrona(Long2LongHashMap map) implements Subject {
        Agrona(int entries) {
            this(new Long2LongHashMap(2 * entries, 0.5f, -1));
        }

        @Override
        public long get(long key) {
            return map.get(key);
        }

        @Override
        public void put(long key, long value) {
            map.put(key, value);
        }
    }

    private record Fastutil(Long2LongOpenHashMap map) implements Subject {
        Fastutil(int entries) {
            this(new Long2LongOpenHashMap(entries, 0.5f));
        }

        @Override
        public long get(long key) {
            return map.get(key);
        }

        @Override
        public void put(long key, long value) {
            map.put(key, value);
        }
    }

    private record Caffeinated(Cache<Long, Long> cache) implements Subject {
        Caffeinated(int entries) {
            this(Caffeine.newBuilder()
                    .maximumSize(entries)
                    .executor(Runnable::run)
                    .build());
        }

        @Override
        public long get(long key) {
            return Objects.requireNonNull(cache.getIfPresent(key));
        }

        @Override
        public void put(long key, long value) {
            cache.put(key, value);
        }
    }
}
