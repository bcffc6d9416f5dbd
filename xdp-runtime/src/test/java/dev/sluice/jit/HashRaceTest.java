package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.map.BpfMap;
import dev.sluice.map.HashTableMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The look-up in a hash that is emitted into programs, while another thread replaces what is in the same chain. */
@Timeout(300)
class HashRaceTest {
    private static final int BATCH = 64;
    private static final int REPLACEMENTS = 500_000;
    private static final int KEYS = 6;

    private static byte[] key(int size, int key) {
        return ByteBuffer.allocate(size)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(size - 4, key)
                .array();
    }

    /** Leaves keys in the map that are in one bucket. */
    private static List<byte[]> oneBucket(HashTableMap map) {
        int size = map.def().keySize();
        List<byte[]> keys = new ArrayList<>();
        for (int k = 0; keys.size() < KEYS; k++) {
            long before = map.firstOf(0);
            byte[] key = key(size, k);
            map.put(key, new byte[8], BpfMap.ANY);
            if (map.firstOf(0) == before) {
                map.remove(key);
            } else {
                keys.add(key);
            }
        }
        return keys;
    }

    @ParameterizedTest
    @CsvSource({"HASH, 4", "HASH, 13", "LRU_HASH, 4"})
    void aKeyThatStaysIsAlwaysFound(MapType type, int keySize) throws Exception {
        try (Bed bed = new Bed(BATCH)) {
            HashTableMap map = (HashTableMap) bed.map(MapDef.of("m", type, keySize, 8, 64));
            List<byte[]> keys = oneBucket(map);
            for (int i = 0; i < BATCH; i++) {
                long data = bed.data(i);
                Memory.fill(data, KnownMapsTest.PACKET, (byte) 0);
                Memory.putLong(bed.descriptor(i) + FrameDescriptor.DATA_END, data + KnownMapsTest.PACKET);
                Memory.copy(keys.get(i % KEYS), 0, data + KnownMapsTest.KEY_AT, keySize);
            }
            Executable executable = JitEngine.trusting()
                    .load(KnownMapsTest.proved(Program.ofCode("race", KnownMapsTest.code(map, 4))), 1);
            AtomicBoolean done = new AtomicBoolean();
            Thread writer = new Thread(() -> {
                try {
                    for (int i = 0; i < REPLACEMENTS; i++) {
                        map.put(keys.get(i % KEYS), new byte[8], BpfMap.ANY);
                    }
                } finally {
                    done.set(true);
                }
            });
            writer.start();
            long misses = 0;
            while (!done.get()) {
                executable.run(bed.context, bed.descriptors, BATCH, (index, fault) -> {
                    throw new AssertionError(fault);
                });
                for (int i = 0; i < BATCH; i++) {
                    misses += Memory.getLong(bed.data(i) + KnownMapsTest.RESULT_AT) < 0 ? 1 : 0;
                }
            }
            writer.join();
            assertThat(misses).isZero();
        }
    }
}
