package dev.sluice.map;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.memory.Memory;
import dev.sluice.memory.QuiescentStates;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tries that are large enough for a table, against a list of all prefixes. */
class LpmTrieTableTest {
    private final MapTable table = new MapTable();
    private final Arena arena = Arena.ofShared();

    /** A prefix and its value, both as they are in the list. */
    private record Entry(int length, byte[] data, int value) {
        boolean matches(byte[] other, int limit) {
            return length <= limit && sameBits(data, other, length);
        }
    }

    @AfterEach
    void close() {
        table.closeAll();
        arena.close();
    }

    private static boolean sameBits(byte[] one, byte[] other, int bits) {
        for (int bit = 0; bit < bits; bit++) {
            if (((one[bit / 8] ^ other[bit / 8]) & 0x80 >> bit % 8) != 0) {
                return false;
            }
        }
        return true;
    }

    private LpmTrieMap create(int dataBytes, int maxEntries) {
        MapDef def = new MapDef("l", MapType.LPM_TRIE, 4 + dataBytes, 4, maxEntries, 1, 0, null);
        return (LpmTrieMap) Maps.create(def, table, new Regions(), 1, 0);
    }

    private static void write(long key, int length, byte[] data) {
        Memory.putInt(key, length);
        Memory.copy(data, 0, key + Integer.BYTES, data.length);
    }

    /**
     * Entries come and go, most of them below a common prefix, some above and beside it; so the table is built again, and
     * short prefixes change many of its entries.
     */
    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5, 8, 16})
    void findsWhatAListFinds(int dataBytes) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("LpmTrieTableTest: -Dsluice.seed=" + seed + " dataBytes=" + dataBytes);
        Random random = new Random(seed);
        LpmTrieMap map = create(dataBytes, 3000);
        List<Entry> entries = new ArrayList<>();
        byte[] common = new byte[dataBytes];
        random.nextBytes(common);
        int commonBits = random.nextInt(12);
        long key = Memory.allocate(arena, 4 + dataBytes, 8);
        long value = Memory.allocate(arena, 4, 8);
        for (int step = 0; step < 6000; step++) {
            int wanted = step < 3000 ? 10 : 4;
            if (entries.isEmpty() || random.nextInt(12) < wanted) {
                int length = random.nextInt(8) == 0
                        ? random.nextInt(dataBytes * 8 + 1)
                        : random.nextInt(dataBytes * 4, dataBytes * 8 + 1);
                byte[] data = data(random, dataBytes, common, commonBits);
                write(key, length, data);
                Memory.putInt(value, step);
                int error = map.update(key, value, BpfMap.ANY, 0);
                if (error == 0) {
                    entries.removeIf(entry -> entry.length == length && sameBits(entry.data, data, length));
                    entries.add(new Entry(length, data, step));
                } else {
                    assertThat(error).isEqualTo(Errno.ENOSPC.negative());
                    assertThat(entries).hasSize(3000);
                }
            } else {
                Entry gone = entries.remove(random.nextInt(entries.size()));
                write(key, gone.length, gone.data);
                assertThat(map.delete(key)).isZero();
            }
            if (step % 3 == 0) {
                byte[] data = random.nextBoolean() && !entries.isEmpty()
                        ? entries.get(random.nextInt(entries.size())).data
                        : data(random, dataBytes, common, commonBits);
                int limit = random.nextInt(4) == 0 ? random.nextInt(dataBytes * 8 + 1) : dataBytes * 8;
                check(map, key, entries, data, limit);
            }
        }
        assertThat(map.size()).isEqualTo(entries.size());
    }

    private static byte[] data(Random random, int bytes, byte[] common, int commonBits) {
        byte[] data = new byte[bytes];
        random.nextBytes(data);
        if (random.nextInt(20) != 0) {
            for (int bit = 0; bit < commonBits; bit++) {
                int mask = 0x80 >> bit % 8;
                data[bit / 8] = (byte) (data[bit / 8] & ~mask | common[bit / 8] & mask);
            }
        }
        return data;
    }

    private static void check(LpmTrieMap map, long key, List<Entry> entries, byte[] data, int limit) {
        Entry best = null;
        for (Entry entry : entries) {
            if (entry.matches(data, limit) && (best == null || entry.length > best.length)) {
                best = entry;
            }
        }
        write(key, limit, data);
        long found = map.lookup(key, 0);
        assertThat(found == 0 ? -1 : Memory.getInt(found)).isEqualTo(best == null ? -1 : best.value);
    }

    /** While longer and shorter prefixes come and go, one that stays always answers for its addresses. */
    @Test
    void aPrefixThatStaysIsAlwaysFound() {
        LpmTrieMap map = create(4, 2000);
        long value = Memory.allocate(arena, 4, 8);
        long key = Memory.allocate(arena, 8, 8);
        for (int i = 0; i < 500; i++) {
            write(key, 16, new byte[] {10, (byte) i, (byte) (i >> 8), 0});
            assertThat(map.update(key, value, BpfMap.ANY, 0)).isZero();
        }
        AtomicBoolean done = new AtomicBoolean();
        CompletableFuture<Integer> reader = CompletableFuture.supplyAsync(() -> {
            long own = Memory.allocate(arena, 8, 8);
            int misses = 0;
            // without a place among the readers, nodes are used again while this one stands on them
            try (QuiescentStates.Reader place = table.quiescentStates().newReader()) {
                place.enter();
                for (int i = 0; !done.get(); i++) {
                    write(own, 32, new byte[] {10, (byte) i, 1, (byte) (i >> 8)});
                    misses += map.lookup(own, 0) == 0 ? 1 : 0;
                    place.quiescent();
                }
            }
            return misses;
        });
        Random random = new Random(1);
        for (int i = 0; i < 200_000; i++) {
            int length = 8 + random.nextInt(25);
            if (length == 16) {
                continue;
            }
            write(key, length, new byte[] {10, (byte) random.nextInt(), 1, (byte) random.nextInt(4)});
            if (random.nextBoolean()) {
                assertThat(map.update(key, value, BpfMap.ANY, 0)).isIn(0, Errno.ENOSPC.negative());
            } else {
                map.delete(key);
            }
        }
        done.set(true);
        assertThat(reader.join()).isZero();
    }
}
