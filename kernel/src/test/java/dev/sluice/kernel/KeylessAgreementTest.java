package dev.sluice.kernel;

import dev.sluice.map.BloomFilterMap;
import dev.sluice.map.MapType;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Queues, stacks and bloom filters, ours and the kernel's. */
class KeylessAgreementTest {
    private static final byte[] NO_KEY = {};
    private static final int ZERO_SEED = 1 << 6;

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    @Test
    void definitions() {
        for (MapType type : List.of(MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER)) {
            for (int bit = 0; bit < 15; bit++) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 8, 16, 1 << bit, 0));
            }
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 8, 16, 3 << 3, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 8, 16, 3 << 7, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 8, 16, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 0, 16, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 8, 0, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 4 << 20, 1, 0, 0));
            for (int extra : new int[] {1, 15, 16}) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 8, 16, 0, extra));
            }
        }
        MapTwin.sameCreation(kernel, MapTwin.def(MapType.QUEUE, 0, (4 << 20) + 1, 1, 0, 0));
    }

    @ParameterizedTest
    @EnumSource(names = {"QUEUE", "STACK"})
    void randomOperations(MapType type) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("KeylessAgreementTest type=" + type + " seed=" + seed);
        Random random = new Random(seed);
        try (MapTwin twin = MapTwin.create(kernel, MapTwin.def(type, 0, 12, 7, 0, 0))) {
            for (int i = 0; i < 4000; i++) {
                byte[] value = new byte[12];
                random.nextBytes(value);
                switch (random.nextInt(8)) {
                    case 0 -> twin.lookup(NO_KEY);
                    case 1, 2 -> twin.lookupAndDelete(NO_KEY);
                    case 3 -> twin.update(NO_KEY, value, 2);
                    case 4 -> twin.update(NO_KEY, value, random.nextInt(5));
                    case 5 -> twin.delete(NO_KEY);
                    case 6 -> twin.nextKey(NO_KEY);
                    default -> twin.update(NO_KEY, value, 0);
                }
            }
            twin.freeze();
            twin.update(NO_KEY, new byte[12], 0);
            twin.lookup(NO_KEY);
        }
    }

    /** Without a seed even the false positives are the same. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 7, 8, 12, 13, 16, 24, 29})
    void bloomFilters(int valueSize) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("KeylessAgreementTest valueSize=" + valueSize + " seed=" + seed);
        Random random = new Random(seed);
        for (int extra : new int[] {0, 1, 3, 15}) {
            try (MapTwin twin =
                    MapTwin.create(kernel, MapTwin.def(MapType.BLOOM_FILTER, 0, valueSize, 50, ZERO_SEED, extra))) {
                BloomFilterMap ours = (BloomFilterMap) twin.ours;
                for (int i = 0; i < 400; i++) {
                    byte[] value = new byte[valueSize];
                    random.nextBytes(value);
                    if (i < 60) {
                        twin.update(NO_KEY, value, random.nextInt(10) == 0 ? 1 : 0);
                    }
                    twin.same("contains", () -> "" + twin.theirs.contains(value), () -> "" + ours.contains(value));
                }
                twin.delete(NO_KEY);
                twin.nextKey(NO_KEY);
            }
        }
    }
}
