package dev.sluice.conformance.map;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.map.BpfMap;
import dev.sluice.map.Errno;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import dev.sluice.map.MapType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * What user space may expect of maps, type by type, stated over an interface: Sluice's maps answer it, and so does the
 * kernel behind {@code bpf(2)} where that is allowed.
 */
abstract class MapContract {
    /** A map as user space sees it; refused operations throw {@link MapException}. */
    interface Subject {
        byte[] get(byte[] key);

        void put(byte[] key, byte[] value, long flags);

        boolean remove(byte[] key);

        byte[] nextKey(byte[] key);

        void freeze();

        int userValueSize();
    }

    abstract Subject create(MapDef def);

    // --- helpers of the tests

    static byte[] key(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    static byte[] value(Subject map, int seed) {
        byte[] value = new byte[map.userValueSize()];
        new Random(seed).nextBytes(value);
        return value;
    }

    static void refused(Errno errno, Runnable operation) {
        assertThatThrownBy(operation::run)
                .isInstanceOfSatisfying(
                        MapException.class, e -> assertThat(e.errno()).isEqualTo(errno));
    }

    static List<byte[]> keys(Subject map) {
        List<byte[]> keys = new ArrayList<>();
        for (byte[] key = map.nextKey(null); key != null; key = map.nextKey(key)) {
            keys.add(key);
            assertThat(keys).hasSizeLessThan(100_000);
        }
        return keys;
    }

    private static MapDef def(MapType type, int keySize, int valueSize, int maxEntries, int flags) {
        return new MapDef("contract", type, keySize, valueSize, maxEntries, flags, 0, null);
    }

    // --- creation

    @Test
    void definitionsThatMakeNoSenseAreRefused() {
        for (MapType type : List.of(MapType.ARRAY, MapType.PERCPU_ARRAY)) {
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 0, 0)));
            refused(Errno.EINVAL, () -> create(def(type, 8, 8, 1, 0)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 0, 1, 0)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 1, 1)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 1, BpfMap.RDONLY_PROG | BpfMap.WRONLY_PROG)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 1, 1 << 30)));
        }
        refused(Errno.EINVAL, () -> create(def(MapType.PERCPU_ARRAY, 4, 8, 1, 1 << 10)));
        refused(Errno.E2BIG, () -> create(def(MapType.PERCPU_ARRAY, 4, 32769, 1, 0)));
        for (MapType type : List.of(MapType.HASH, MapType.PERCPU_HASH)) {
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 0, 0)));
            refused(Errno.EINVAL, () -> create(def(type, 0, 8, 1, 0)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 0, 1, 0)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 1, 1 << 1)));
            refused(Errno.EINVAL, () -> create(def(type, 4, 8, 1, 1 << 10)));
        }
        refused(Errno.E2BIG, () -> create(def(MapType.HASH, 4, 4 << 20, 1, 0)));
        refused(Errno.E2BIG, () -> create(def(MapType.PERCPU_HASH, 4, 32769, 1, 0)));
        refused(Errno.EINVAL, () -> create(def(MapType.PROG_ARRAY, 4, 8, 1, 0)));
        refused(Errno.EINVAL, () -> create(def(MapType.PROG_ARRAY, 4, 4, 1, BpfMap.RDONLY_PROG)));
        refused(Errno.EINVAL, () -> create(def(MapType.PROG_ARRAY, 4, 4, 0, 0)));
        refused(Errno.EINVAL, () -> create(def(MapType.DEVMAP, 4, 12, 1, 0)));
        refused(Errno.EINVAL, () -> create(def(MapType.DEVMAP, 4, 4, 1, BpfMap.RDONLY_PROG)));
        refused(Errno.EINVAL, () -> create(def(MapType.DEVMAP_HASH, 8, 4, 1, 0)));
        refused(Errno.EINVAL, () -> create(def(MapType.DEVMAP, 4, 4, 0, 0)));
    }

    /** Tries take memory with their entries: 2^31 are as good as any. */
    @Test
    void aTrieMayHaveMoreEntriesThanAnIntCanSay() {
        Subject trie = create(def(MapType.LPM_TRIE, 8, 8, Integer.MIN_VALUE, 1));
        byte[] key = {32, 0, 0, 0, 10, 0, 0, 1};
        trie.put(key, value(trie, 1), BpfMap.ANY);
        assertThat(trie.get(key)).isEqualTo(value(trie, 1));
    }

    @Test
    void definitionsAtTheirLimitsAreAccepted() {
        create(def(MapType.ARRAY, 4, 1, 1, 0));
        create(def(MapType.ARRAY, 4, 8, 1, 1 << 10));
        create(def(MapType.ARRAY, 4, 8, 1, BpfMap.RDONLY_PROG));
        create(def(MapType.PERCPU_ARRAY, 4, 32768, 1, 0));
        create(def(MapType.HASH, 1, 1, 1, 0));
        create(def(MapType.HASH, 512, 7, 3, 1));
        create(def(MapType.PROG_ARRAY, 4, 4, 1, 0));
        create(def(MapType.DEVMAP, 4, 8, 1, 0));
        create(def(MapType.DEVMAP_HASH, 4, 4, 1, 0));
    }

    // --- arrays

    @Test
    void arraysHaveAllTheirEntriesFromTheStart() {
        for (MapType type : List.of(MapType.ARRAY, MapType.PERCPU_ARRAY)) {
            Subject map = create(def(type, 4, 12, 5, 0));
            assertThat(keys(map)).containsExactly(key(0), key(1), key(2), key(3), key(4));
            assertThat(map.get(key(0))).isEqualTo(new byte[map.userValueSize()]);
            assertThat(map.get(key(4))).isEqualTo(new byte[map.userValueSize()]);
            assertThat(map.get(key(5))).isNull();
            assertThat(map.get(key(-1))).isNull();
        }
    }

    @Test
    void arraysKeepValues() {
        Subject map = create(def(MapType.ARRAY, 4, 12, 3, 0));
        for (int i = 0; i < 3; i++) {
            map.put(key(i), value(map, i), i == 1 ? BpfMap.EXIST : BpfMap.ANY);
        }
        for (int i = 0; i < 3; i++) {
            assertThat(map.get(key(i))).isEqualTo(value(map, i));
        }
    }

    @Test
    void perCpuArraysKeepAValueForEachCpu() {
        Subject map = create(def(MapType.PERCPU_ARRAY, 4, 8, 3, 0));
        assertThat(map.userValueSize() % 8).isZero();
        map.put(key(1), value(map, 7), BpfMap.ANY);
        assertThat(map.get(key(1))).isEqualTo(value(map, 7));
        assertThat(map.get(key(0))).isEqualTo(new byte[map.userValueSize()]);
        assertThat(map.get(key(2))).isEqualTo(new byte[map.userValueSize()]);
    }

    @Test
    void arraysRefuseWhatTheKernelRefuses() {
        for (MapType type : List.of(MapType.ARRAY, MapType.PERCPU_ARRAY)) {
            Subject map = create(def(type, 4, 8, 2, 0));
            byte[] value = value(map, 1);
            refused(Errno.EEXIST, () -> map.put(key(0), value, BpfMap.NOEXIST));
            refused(Errno.E2BIG, () -> map.put(key(2), value, BpfMap.ANY));
            refused(Errno.E2BIG, () -> map.put(key(2), value, BpfMap.NOEXIST));
            refused(Errno.EINVAL, () -> map.put(key(0), value, 3));
            refused(Errno.EINVAL, () -> map.put(key(0), value, BpfMap.LOCK));
            refused(Errno.EINVAL, () -> map.put(key(0), value, 1L << 40));
            refused(Errno.EINVAL, () -> map.put(key(7), value, 8));
            refused(Errno.EINVAL, () -> map.remove(key(0)));
            refused(Errno.EINVAL, () -> map.remove(key(9)));
        }
    }

    @Test
    void iterationOfAnArrayBeginsAgainAfterAStrangeKey() {
        Subject map = create(def(MapType.ARRAY, 4, 8, 2, 0));
        assertThat(map.nextKey(key(77))).isEqualTo(key(0));
        assertThat(map.nextKey(key(-1))).isEqualTo(key(0));
        assertThat(map.nextKey(key(0))).isEqualTo(key(1));
        assertThat(map.nextKey(key(1))).isNull();
    }

    // --- hash tables

    @Test
    void hashTablesCreateReplaceAndRemove() {
        for (MapType type : List.of(MapType.HASH, MapType.PERCPU_HASH)) {
            for (int flags : new int[] {0, 1}) {
                Subject map = create(def(type, 4, 8, 4, flags));
                assertThat(map.get(key(1))).isNull();
                assertThat(map.nextKey(null)).isNull();
                assertThat(map.remove(key(1))).isFalse();
                refused(Errno.ENOENT, () -> map.put(key(1), value(map, 1), BpfMap.EXIST));
                map.put(key(1), value(map, 1), BpfMap.NOEXIST);
                refused(Errno.EEXIST, () -> map.put(key(1), value(map, 2), BpfMap.NOEXIST));
                assertThat(map.get(key(1))).isEqualTo(value(map, 1));
                map.put(key(1), value(map, 3), BpfMap.EXIST);
                assertThat(map.get(key(1))).isEqualTo(value(map, 3));
                assertThat(keys(map)).containsExactly(key(1));
                assertThat(map.remove(key(1))).isTrue();
                assertThat(map.remove(key(1))).isFalse();
                assertThat(map.get(key(1))).isNull();
                refused(Errno.EINVAL, () -> map.put(key(1), value(map, 1), 3));
                refused(Errno.EINVAL, () -> map.put(key(1), value(map, 1), BpfMap.LOCK));
            }
        }
    }

    @Test
    void aFullHashTableRefusesNewKeysAndReplacesOldOnes() {
        for (MapType type : List.of(MapType.HASH, MapType.PERCPU_HASH)) {
            for (int flags : new int[] {0, 1}) {
                Subject map = create(def(type, 4, 8, 100, flags));
                for (int i = 0; i < 100; i++) {
                    map.put(key(i), value(map, i), BpfMap.ANY);
                }
                refused(Errno.E2BIG, () -> map.put(key(100), value(map, 0), BpfMap.ANY));
                for (int round = 1; round <= 5; round++) {
                    for (int i = 0; i < 100; i++) {
                        map.put(key(i), value(map, i + round), BpfMap.EXIST);
                    }
                }
                for (int i = 0; i < 100; i++) {
                    assertThat(map.get(key(i))).isEqualTo(value(map, i + 5));
                }
                assertThat(map.remove(key(50))).isTrue();
                map.put(key(100), value(map, 0), BpfMap.ANY);
                refused(Errno.E2BIG, () -> map.put(key(50), value(map, 0), BpfMap.ANY));
            }
        }
    }

    @Test
    void hashTablesTakeKeysAndValuesOfAnySize() {
        Random random = new Random(5);
        for (int size = 1; size <= 40; size++) {
            Subject map = create(def(MapType.HASH, size, size, 8, 0));
            List<byte[]> keys = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                byte[] key = new byte[size];
                random.nextBytes(key);
                key[size - 1] = (byte) i; // differs in the last byte at least
                keys.add(key);
                map.put(key, value(map, i), BpfMap.NOEXIST);
            }
            for (int i = 0; i < 8; i++) {
                assertThat(map.get(keys.get(i))).as("size=%d", size).isEqualTo(value(map, i));
            }
            assertThat(keys(map)).containsExactlyInAnyOrderElementsOf(keys);
        }
    }

    @Test
    void iterationOfAHashTableBeginsAgainAfterAMissingKey() {
        Subject map = create(def(MapType.HASH, 4, 4, 8, 0));
        map.put(key(3), value(map, 1), BpfMap.ANY);
        assertThat(map.nextKey(key(99))).isEqualTo(key(3));
    }

    @Test
    void hashTablesBehaveAsAMapInAnyOrder() {
        long seed = 20_261_121;
        Random random = new Random(seed);
        for (int flags : new int[] {0, 1}) {
            Subject map = create(def(MapType.HASH, 4, 8, 64, flags));
            TreeMap<Integer, Integer> model = new TreeMap<>();
            for (int step = 0; step < 20_000; step++) {
                int k = random.nextInt(96);
                int v = random.nextInt();
                switch (random.nextInt(3)) {
                    case 0 -> {
                        if (model.containsKey(k) || model.size() < 64) {
                            map.put(key(k), value(map, v), BpfMap.ANY);
                            model.put(k, v);
                        } else {
                            refused(Errno.E2BIG, () -> map.put(key(k), value(map, v), BpfMap.ANY));
                        }
                    }
                    case 1 ->
                        assertThat(map.remove(key(k)))
                                .as("seed=%d step=%d", seed, step)
                                .isEqualTo(model.remove(k) != null);
                    default -> {
                        byte[] expected = model.containsKey(k) ? value(map, model.get(k)) : null;
                        assertThat(map.get(key(k)))
                                .as("seed=%d step=%d", seed, step)
                                .isEqualTo(expected);
                    }
                }
            }
            List<Integer> left = new ArrayList<>();
            for (byte[] k : keys(map)) {
                left.add(ByteBuffer.wrap(k).order(ByteOrder.LITTLE_ENDIAN).getInt());
            }
            Collections.sort(left);
            assertThat(left).containsExactlyElementsOf(model.keySet());
        }
    }

    // --- device maps and program arrays

    @Test
    void deviceMapsKeepInterfaces() {
        Subject map = create(def(MapType.DEVMAP, 4, 4, 3, 0));
        assertThat(map.get(key(0))).isNull();
        map.put(key(1), key(1), BpfMap.ANY);
        assertThat(map.get(key(1))).isEqualTo(key(1));
        refused(Errno.EEXIST, () -> map.put(key(1), key(1), BpfMap.NOEXIST));
        refused(Errno.E2BIG, () -> map.put(key(3), key(1), BpfMap.ANY));
        refused(Errno.EINVAL, () -> map.put(key(1), key(1), 3));
        assertThat(keys(map)).containsExactly(key(0), key(1), key(2));
        map.put(key(1), key(0), BpfMap.ANY);
        assertThat(map.get(key(1))).isNull();
        map.put(key(1), key(1), BpfMap.ANY);
        assertThat(map.remove(key(1))).isTrue();
        assertThat(map.get(key(1))).isNull();
        assertThat(map.remove(key(1))).isTrue();
        refused(Errno.EINVAL, () -> map.remove(key(3)));
    }

    @Test
    void deviceHashMapsKeepInterfacesByAnyNumber() {
        Subject map = create(def(MapType.DEVMAP_HASH, 4, 4, 2, 0));
        map.put(key(1000), key(1), BpfMap.ANY);
        map.put(key(-5), key(1), BpfMap.NOEXIST);
        assertThat(map.get(key(1000))).isEqualTo(key(1));
        assertThat(map.get(key(1))).isNull();
        refused(Errno.EEXIST, () -> map.put(key(-5), key(1), BpfMap.NOEXIST));
        refused(Errno.EINVAL, () -> map.put(key(-5), key(0), BpfMap.ANY));
        refused(Errno.E2BIG, () -> map.put(key(7), key(1), BpfMap.ANY));
        assertThat(keys(map)).containsExactlyInAnyOrder(key(1000), key(-5));
        assertThat(map.remove(key(-5))).isTrue();
        assertThat(map.remove(key(-5))).isFalse();
    }

    @Test
    void programArraysRefuseWhatIsNoProgram() {
        Subject map = create(def(MapType.PROG_ARRAY, 4, 4, 2, 0));
        assertThat(map.get(key(0))).isNull();
        refused(Errno.EBADF, () -> map.put(key(0), key(0x7fff_0000), BpfMap.ANY));
        refused(Errno.EINVAL, () -> map.put(key(0), key(1), BpfMap.NOEXIST));
        refused(Errno.E2BIG, () -> map.put(key(2), key(1), BpfMap.ANY));
        assertThat(map.remove(key(0))).isFalse();
        refused(Errno.E2BIG, () -> map.remove(key(2)));
        assertThat(keys(map)).containsExactly(key(0), key(1));
    }

    // --- permissions

    @Test
    void frozenMapsAreReadOnlyForUserSpace() {
        for (MapType type : List.of(MapType.ARRAY, MapType.HASH)) {
            Subject map = create(def(type, 4, 8, 2, 0));
            map.put(key(1), value(map, 1), BpfMap.ANY);
            map.freeze();
            refused(Errno.EPERM, () -> map.put(key(1), value(map, 2), BpfMap.ANY));
            refused(Errno.EPERM, () -> map.remove(key(1)));
            refused(Errno.EPERM, map::freeze);
            assertThat(map.get(key(1))).isEqualTo(value(map, 1));
            assertThat(map.nextKey(null)).isNotNull();
        }
    }

    @Test
    void mapsMayBeClosedToUserSpaceInOneDirection() {
        Subject readOnly = create(def(MapType.ARRAY, 4, 8, 2, 1 << 3));
        refused(Errno.EPERM, () -> readOnly.put(key(0), value(readOnly, 1), BpfMap.ANY));
        assertThat(readOnly.get(key(0))).isNotNull();
        Subject writeOnly = create(def(MapType.ARRAY, 4, 8, 2, 1 << 4));
        refused(Errno.EPERM, () -> writeOnly.get(key(0)));
        refused(Errno.EPERM, () -> writeOnly.nextKey(null));
        writeOnly.put(key(0), value(writeOnly, 1), BpfMap.ANY);
        refused(Errno.EINVAL, () -> create(def(MapType.ARRAY, 4, 8, 2, 1 << 3 | 1 << 4)));
    }
}
