package dev.sluice.kernel;

import dev.sluice.map.MapType;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** CPU maps and XSK maps, ours and the kernel's. */
class RedirectMapAgreementTest {
    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    @Test
    void definitions() {
        for (MapType type : List.of(MapType.CPUMAP, MapType.XSKMAP, MapType.DEVMAP, MapType.DEVMAP_HASH)) {
            for (int bit = 0; bit < 15; bit++) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 4, 2, 1 << bit, 0));
            }
            for (int valueSize : new int[] {0, 4, 6, 8, 12}) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 4, valueSize, 2, 0, 0));
            }
            MapTwin.sameCreation(kernel, MapTwin.def(type, 8, 4, 2, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 4, 0, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 4, 2, 0, 1));
        }
    }

    @Test
    void cpuMaps() {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("RedirectMapAgreementTest seed=" + seed);
        Random random = new Random(seed);
        int[] queues = {0, 1, 192, 16384, 16385, -1};
        for (int valueSize : new int[] {4, 8}) {
            // one more entry than there are CPUs
            try (MapTwin twin = MapTwin.create(
                    kernel, MapTwin.def(MapType.CPUMAP, 4, valueSize, kernel.possibleCpus() + 1, 0, 0))) {
                for (int i = 0; i < 200; i++) {
                    byte[] key = Uapi.u32(random.nextInt(kernel.possibleCpus() + 3));
                    byte[] value = new byte[valueSize];
                    System.arraycopy(Uapi.u32(queues[random.nextInt(queues.length)]), 0, value, 0, 4);
                    switch (random.nextInt(6)) {
                        case 0 -> twin.delete(key);
                        case 1 -> twin.lookup(key);
                        case 2 -> twin.nextKey(key);
                        case 3 -> twin.lookupAndDelete(key);
                        default -> twin.update(key, value, random.nextInt(4));
                    }
                }
            }
        }
    }

    @Test
    void xskMapsWithoutSockets() {
        try (MapTwin twin = MapTwin.create(kernel, MapTwin.def(MapType.XSKMAP, 4, 4, 3, 0, 0))) {
            for (int index = 0; index < 5; index++) {
                byte[] key = Uapi.u32(index);
                twin.lookup(key);
                twin.nextKey(key);
                twin.delete(key);
                for (int flags = 0; flags < 4; flags++) {
                    twin.update(key, Uapi.u32(1000), flags);
                }
            }
        }
    }
}
