package dev.sluice.kernel;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** LPM tries, ours and the kernel's, under the same random operations; the order of their keys is the same too. */
class LpmTrieAgreementTest {
    private static final int NO_PREALLOC = 1;

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    private static MapDef trie(int keySize, int valueSize, int maxEntries, int flags) {
        return MapTwin.def(MapType.LPM_TRIE, keySize, valueSize, maxEntries, flags, 0);
    }

    @Test
    void definitions() {
        for (int flags : new int[] {
            0,
            1,
            3,
            1 | 1 << 2,
            1 | 1 << 3,
            1 | 1 << 4,
            1 | 3 << 3,
            1 | 1 << 6,
            1 | 1 << 7,
            1 | 3 << 7,
            1 | 1 << 10,
            1 | 1 << 12
        }) {
            MapTwin.sameCreation(kernel, trie(8, 8, 16, flags));
        }
        for (int keySize : new int[] {0, 3, 4, 5, 20, 260, 261}) {
            MapTwin.sameCreation(kernel, trie(keySize, 8, 16, NO_PREALLOC));
        }
        int limit = (4 << 20) - 256;
        for (int valueSize : new int[] {0, 1, limit - 64, limit - 40, limit - 39, limit - 24, limit - 23, limit}) {
            MapTwin.sameCreation(kernel, trie(8, valueSize, 1, NO_PREALLOC));
        }
        MapTwin.sameCreation(kernel, trie(8, 8, 0, NO_PREALLOC));
        MapTwin.sameCreation(kernel, trie(8, 8, -1, NO_PREALLOC));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 6, 16})
    void randomOperations(int dataBytes) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("LpmTrieAgreementTest dataBytes=" + dataBytes + " seed=" + seed);
        Random random = new Random(seed);
        try (MapTwin twin = MapTwin.create(kernel, trie(4 + dataBytes, 8, 60, NO_PREALLOC))) {
            for (int i = 0; i < 8000; i++) {
                byte[] key = key(random, dataBytes);
                switch (random.nextInt(10)) {
                    case 0, 1 -> twin.delete(key);
                    case 2 -> twin.update(key, Uapi.u64(i), 1);
                    case 3 -> twin.update(key, Uapi.u64(i), 2);
                    case 4 -> twin.update(key, Uapi.u64(i), random.nextInt(8));
                    case 5, 6 -> twin.lookup(key);
                    case 7 -> twin.nextKey(key);
                    case 8 -> twin.lookupAndDelete(key);
                    default -> twin.update(key, Uapi.u64(i), 0);
                }
                if (i % 500 == 0) {
                    twin.sameOrder();
                    twin.sameEntries();
                }
            }
            twin.sameOrder();
        }
    }

    /** Few different bits, so that prefixes contain each other; now and then a length that is too large. */
    private static byte[] key(Random random, int dataBytes) {
        byte[] data = new byte[dataBytes];
        for (int i = 0; i < dataBytes; i++) {
            data[i] = (byte) (random.nextInt(3) == 0 ? 1 << random.nextInt(8) : 0);
        }
        int bits = dataBytes * 8;
        int length = random.nextInt(20) == 0 ? bits + random.nextInt(3) : random.nextInt(bits + 1);
        if (random.nextInt(200) == 0) {
            length = -1;
        }
        return ByteBuffer.allocate(4 + dataBytes)
                .order(ByteOrder.nativeOrder())
                .putInt(length)
                .put(data)
                .array();
    }
}
