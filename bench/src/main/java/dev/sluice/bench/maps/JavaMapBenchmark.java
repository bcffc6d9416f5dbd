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
 * Agrona and fastutil hold numbers, and belong to one thread. One operation is one key.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class JavaMapBenchmark {
    static final int DRAWS = 1 << 16;
    private static final long SCRAMBLE = 0x9e37_79b9_7f4a_7c15L;

    /** Entries of a map. */
    @Param({"1000", "1000000"})
    int entries;

    private final long[] present = new long[DRAWS];

    /** Three of four are in no map that has evicted what it had to. */
    private final long[] any = new long[DRAWS];

    private final Arena arena = Arena.ofShared();
    private final long key = Memory.allocate(arena, Long.BYTES, Long.BYTES);
    private final long value = Memory.allocate(arena, Long.BYTES, Long.BYTES);
    private final MapTable table = new MapTable();
    private BpfMap hash;
    private BpfMap lru;
    private ConcurrentHashMap<Long, Long> concurrent;
    private NonBlockingHashMapLong<Long> jctools;
    private Long2LongHashMap agrona;
    private Long2LongOpenHashMap fastutil;
    private Cache<Long, Long> caffeine;

    /** Fills all maps. */
    @Setup
    public void fill() {
        Maps maps = new Maps(table, new Regions(), 1, 0);
        hash = maps.create(MapDef.of("hash", MapType.HASH, Long.BYTES, Long.BYTES, entries));
        lru = maps.create(MapDef.of("lru", MapType.LRU_HASH, Long.BYTES, Long.BYTES, entries));
        concurrent = new ConcurrentHashMap<>(2 * entries);
        jctools = new NonBlockingHashMapLong<>(2 * entries);
        agrona = new Long2LongHashMap(2 * entries, 0.5f, -1);
        fastutil = new Long2LongOpenHashMap(entries, 0.5f);
        caffeine = Caffeine.newBuilder()
                .maximumSize(entries)
                .executor(Runnable::run)
                .build();
        for (int i = 0; i < entries; i++) {
            long k = i * SCRAMBLE;
            Memory.putLong(key, k);
            Memory.putLong(value, i);
            hash.update(key, value, BpfMap.ANY, 0);
            lru.update(key, value, BpfMap.ANY, 0);
            concurrent.put(k, (long) i);
            jctools.put(k, (Long) (long) i);
            agrona.put(k, i);
            fastutil.put(k, i);
            caffeine.put(k, (long) i);
        }
        Random random = new Random(1);
        for (int i = 0; i < DRAWS; i++) {
            present[i] = random.nextInt(entries) * SCRAMBLE;
            any[i] = random.nextInt(4 * entries) * SCRAMBLE;
        }
    }

    @TearDown
    public void close() {
        table.closeAll();
        arena.close();
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public long getSluice() {
        long sum = 0;
        for (long k : present) {
            Memory.putLong(key, k);
            sum += Memory.getLong(hash.lookup(key, 0));
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public long getConcurrentHashMap() {
        long sum = 0;
        for (long k : present) {
            sum += Objects.requireNonNull(concurrent.get(k));
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public long getJctools() {
        long sum = 0;
        for (long k : present) {
            sum += jctools.get(k);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public long getAgrona() {
        long sum = 0;
        for (long k : present) {
            sum += agrona.get(k);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public long getFastutil() {
        long sum = 0;
        for (long k : present) {
            sum += fastutil.get(k);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void putSluice() {
        for (long k : present) {
            Memory.putLong(key, k);
            Memory.putLong(value, k);
            hash.update(key, value, BpfMap.ANY, 0);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void putConcurrentHashMap() {
        for (long k : present) {
            concurrent.put(k, k);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void putJctools() {
        for (long k : present) {
            jctools.put(k, (Long) k);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void putAgrona() {
        for (long k : present) {
            agrona.put(k, k);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void putFastutil() {
        for (long k : present) {
            fastutil.put(k, k);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void evictSluice() {
        for (long k : any) {
            Memory.putLong(key, k);
            Memory.putLong(value, k);
            lru.update(key, value, BpfMap.ANY, 0);
        }
    }

    @Benchmark
    @OperationsPerInvocation(DRAWS)
    public void evictCaffeine() {
        for (long k : any) {
            caffeine.put(k, k);
        }
    }
}
