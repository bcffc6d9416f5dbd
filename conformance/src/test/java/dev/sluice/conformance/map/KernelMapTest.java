package dev.sluice.conformance.map;

import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.MapAttributes;
import dev.sluice.map.Errno;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;

/** The kernel keeps the contract: so it says what the kernel does, not what we think. */
class KernelMapTest extends MapContract {
    private final List<KernelMap> open = new ArrayList<>();
    private Kernel kernel;

    @BeforeEach
    void openKernel() {
        KernelAccess access = Kernel.open();
        if (access instanceof KernelAccess.Available available) {
            kernel = available.kernel();
        } else {
            Assumptions.abort(((KernelAccess.Unavailable) access).reason());
        }
    }

    @AfterEach
    void close() {
        open.forEach(KernelMap::close);
    }

    private static <T> T translated(Supplier<T> operation) {
        try {
            return operation.get();
        } catch (BpfException e) {
            for (Errno errno : Errno.values()) {
                if (errno.number() == e.errno()) {
                    throw new MapException(errno, e.getMessage());
                }
            }
            throw e;
        }
    }

    private static void translated(Runnable operation) {
        translated(() -> {
            operation.run();
            return null;
        });
    }

    @Override
    Subject create(MapDef def) {
        KernelMap map = translated(() ->
                kernel.createMap(MapAttributes.of(def.type().number(), def.keySize(), def.valueSize(), def.maxEntries())
                        .withFlags(def.flags())
                        .withName(def.name())));
        open.add(map);
        return new Subject() {
            @Override
            public byte[] get(byte[] key) {
                return translated(() -> map.lookup(key).orElse(null));
            }

            @Override
            public void put(byte[] key, byte[] value, long flags) {
                translated(() -> map.update(key, value, flags));
            }

            @Override
            public boolean remove(byte[] key) {
                return translated(() -> map.delete(key));
            }

            @Override
            public byte[] nextKey(byte[] key) {
                return translated(
                        () -> map.nextKey(key == null ? new byte[0] : key).orElse(null));
            }

            @Override
            public void freeze() {
                translated(map::freeze);
            }

            @Override
            public int userValueSize() {
                return map.valueBytes();
            }
        };
    }
}
