package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Hashes with and without LRU, ours and the kernel's, under the same random operations. */
class HashAgreementTest {
    private static final int NO_COMMON_LRU = 1 << 1;
    private static final List<MapType> HASHES =
            List.of(MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH);

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    @Test
    void definitions() {
        for (MapType type : HASHES) {
            for (int flags : new int[] {
                0, 1, 2, 1 << 2, 1 << 3, 1 << 4, 3 << 3, 1 << 6, 1 << 7, 1 << 8, 3 << 7, 3, 6, 1 << 10, 1 << 12
            }) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 8, 16, flags, 0));
            }
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 8, 16, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 0, 16, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 8, 0, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 8, 16, 0, 1));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 32769, 16, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 4 << 20, 1, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 600, 8, 16, 0, 0));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"HASH", "PERCPU_HASH", "LRU_HASH", "LRU_PERCPU_HASH"})
    void randomOperations(MapType type) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("HashAgreementTest type=" + type + " seed=" + seed);
        for (int flags : flagsOf(type)) {
            randomOperations(new Random(seed), MapTwin.def(type, 4, 12, 24, flags, 0), 40, 4000);
        }
    }

    /** A table of several batches of free elements, so that both lists and their scans matter. */
    @ParameterizedTest
    @ValueSource(ints = {0, NO_COMMON_LRU})
    void evictionsOfLargeTables(int flags) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("HashAgreementTest flags=" + flags + " seed=" + seed);
        for (MapType type : List.of(MapType.LRU_HASH, MapType.LRU_PERCPU_HASH)) {
            randomOperations(new Random(seed), MapTwin.def(type, 4, 8, 1000, flags, 0), 2500, 12_000);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"HASH", "PERCPU_HASH", "LRU_HASH", "LPM_TRIE", "ARRAY", "QUEUE"})
    void batches(MapType type) {
        int keySize = type == MapType.LPM_TRIE ? 8 : type == MapType.QUEUE ? 0 : 4;
        int flags = type == MapType.LPM_TRIE ? 1 : 0;
        try (MapTwin twin = MapTwin.create(kernel, MapTwin.def(type, keySize, 8, 50, flags, 0))) {
            List<MapEntry> theirs = new ArrayList<>();
            List<dev.sluice.map.MapEntry> ours = new ArrayList<>();
            List<byte[]> keys = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                byte[] key = Arrays.copyOf(Uapi.u32(i), keySize);
                byte[] value = new byte[twin.ours.userValueSize()];
                Arrays.fill(value, (byte) i);
                theirs.add(new MapEntry(key, value));
                ours.add(new dev.sluice.map.MapEntry(key, value));
                keys.add(key);
            }
            twin.same(
                    "update", () -> "" + twin.theirs.updateBatch(theirs, 0), () -> "" + twin.ours.updateBatch(ours, 0));
            if (type != MapType.QUEUE) {
                twin.sameEntries();
            }
            twin.same(
                    "delete",
                    () -> "" + twin.theirs.deleteBatch(keys.subList(0, 5)),
                    () -> "" + twin.ours.deleteBatch(keys.subList(0, 5)));
            twin.same(
                    "delete again",
                    () -> "" + twin.theirs.deleteBatch(keys.subList(0, 5)),
                    () -> "" + twin.ours.deleteBatch(keys.subList(0, 5)));
            twin.same(
                    "take out",
                    () -> sorted(
                            twin.theirs.lookupAndDeleteBatch(new byte[0], 50).entries()),
                    () -> sorted(twin.ours.lookupAndDeleteBatch(null, 50).entries()));
            twin.same(
                    "look up",
                    () -> sorted(twin.theirs.lookupBatch(new byte[0], 50).entries()),
                    () -> sorted(twin.ours.lookupBatch(null, 50).entries()));
        }
    }

    private static String sorted(List<?> entries) {
        return entries.stream().map(Object::toString).sorted().toList().toString();
    }

    private static int[] flagsOf(MapType type) {
        return switch (type) {
            case LRU_HASH, LRU_PERCPU_HASH -> new int[] {0, NO_COMMON_LRU};
            default -> new int[] {0, 1};
        };
    }

    private void randomOperations(Random random, MapDef def, int keys, int operations) {
        try (CpuPin pin = CpuPin.toFirstAllowed();
                MapTwin twin = MapTwin.create(kernel, def)) {
            for (int i = 0; i < operations; i++) {
                byte[] key = Uapi.u32(random.nextInt(keys));
                byte[] value = new byte[twin.ours.userValueSize()];
                random.nextBytes(value);
                clearPadding(value, def);
                switch (random.nextInt(12)) {
                    case 0 -> twin.delete(key);
                    case 1 -> twin.lookupAndDelete(key);
                    case 2 -> twin.update(key, value, 1);
                    case 3 -> twin.update(key, value, 2);
                    case 4 -> twin.update(key, value, 3 + random.nextInt(8));
                    case 5, 6, 7 -> twin.lookup(key);
                    default -> twin.update(key, value, 0);
                }
                if (i % (operations / 10) == 0) {
                    twin.sameEntries();
                }
            }
            twin.sameEntries();
            assertThat(twin.ours.lookupBatch(null, 100_000).entries()).hasSameSizeAs(twin.theirs.entries());
            twin.freeze();
            twin.update(Uapi.u32(1), new byte[twin.ours.userValueSize()], 0);
            twin.delete(Uapi.u32(1));
            twin.freeze();
        }
    }

    /** What is between the values of CPUs is nobody's. */
    static void clearPadding(byte[] value, MapDef def) {
        int stride = def.valueSize() + 7 & -8;
        for (int i = 0; value.length > def.valueSize() && i < value.length; i++) {
            if (i % stride >= def.valueSize()) {
                value[i] = 0;
            }
        }
    }
}
