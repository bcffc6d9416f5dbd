package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.ValueFields;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Values with a spin lock, ours and the kernel's: what is copied, and which flags are taken. */
class SpinLockAgreementTest {
    private static final int LOCK_OFFSET = 8;

    private Kernel kernel;
    private int valueType;
    private byte[] types;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
        // struct value { u64 a; struct bpf_spin_lock lock; u32 b; }
        BtfBuilder btf = new BtfBuilder();
        int u32 = btf.integer("unsigned int", 4, false);
        int u64 = btf.integer("unsigned long", 8, false);
        int lock = btf.struct("bpf_spin_lock", 4, List.of(new BtfType.Member("val", u32, 0, 0)));
        valueType = btf.struct(
                "value",
                16,
                List.of(
                        new BtfType.Member("a", u64, 0, 0),
                        new BtfType.Member("lock", lock, 64, 0),
                        new BtfType.Member("b", u32, 96, 0)));
        types = btf.build().bytes();
    }

    private MapTwin create(MapDef def) {
        try (KernelBtf btf = kernel.loadBtf(types)) {
            KernelMap theirs = kernel.createMap(MapTwin.attributes(def).withBtf(btf, 1, valueType));
            BpfMap ours = MapTwin.ourMaps(kernel).create(def);
            ours.declareFields(ValueFields.lockAt(LOCK_OFFSET));
            return MapTwin.of(theirs, ours);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"ARRAY", "HASH", "LRU_HASH", "PERCPU_HASH", "PERCPU_ARRAY"})
    void whichTypesHaveLocks(MapType type) {
        MapDef def = MapTwin.def(type, 4, 16, 4, 0, 0);
        try (KernelBtf btf = kernel.loadBtf(types);
                BpfMap ours = MapTwin.ourMaps(kernel).create(def)) {
            String expected = MapTwin.answer(() -> {
                kernel.createMap(MapTwin.attributes(def).withBtf(btf, 1, valueType))
                        .close();
                return "created";
            });
            assertThat(MapTwin.answer(() -> {
                        ours.declareFields(ValueFields.lockAt(LOCK_OFFSET));
                        return "created";
                    }))
                    .isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void hashes(int flags) {
        randomOperations(MapTwin.def(MapType.HASH, 4, 16, 8, flags, 0));
    }

    @Test
    void arrays() {
        randomOperations(MapTwin.def(MapType.ARRAY, 4, 16, 8, 0, 0));
    }

    private void randomOperations(MapDef def) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("SpinLockAgreementTest type=" + def.type() + " seed=" + seed);
        Random random = new Random(seed);
        try (MapTwin twin = create(def)) {
            for (int i = 0; i < 4000; i++) {
                byte[] key = Uapi.u32(random.nextInt(12));
                byte[] value = new byte[16];
                random.nextBytes(value);
                switch (random.nextInt(8)) {
                    case 0 -> twin.delete(key);
                    case 1 -> twin.lookupAndDelete(key);
                    case 2, 3 -> twin.lookup(key, random.nextBoolean() ? BpfMap.LOCK : 0);
                    case 4 -> twin.lookup(key, random.nextInt(8));
                    case 5 -> twin.update(key, value, BpfMap.LOCK | random.nextInt(4));
                    default -> twin.update(key, value, random.nextInt(4));
                }
            }
            twin.sameEntries();
        }
    }

    @Test
    void withoutALockTheFlagIsRefused() {
        for (MapType type : List.of(MapType.HASH, MapType.ARRAY, MapType.LRU_HASH)) {
            try (MapTwin twin = MapTwin.create(kernel, MapTwin.def(type, 4, 16, 8, 0, 0))) {
                twin.update(Uapi.u32(1), new byte[16], BpfMap.LOCK);
                twin.lookup(Uapi.u32(1), BpfMap.LOCK);
                twin.lookup(Uapi.u32(1), 1);
            }
        }
    }
}
