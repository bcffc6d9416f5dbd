package dev.sluice.map;

import dev.sluice.memory.Regions;

/**
 * {@code BPF_MAP_TYPE_DEVMAP}: interfaces by index, for {@code bpf_redirect_map}.
 *
 * <pre>
 * value: ifindex u32 [, program id u32]
 * </pre>
 */
public final class DevMap extends EntryArrayMap {
    /** {@code BPF_F_BROADCAST} and {@code BPF_F_EXCLUDE_INGRESS}. */
    static final long REDIRECT_FLAGS = 1 << 3 | 1 << 4;

    DevMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
    }

    @Override
    public long device(int key) {
        return entry(key);
    }

    @Override
    public int devices(long[] into) {
        int n = 0;
        for (int key = 0; inRange(key); key++) {
            long device = device(key);
            if (device != 0) {
                if (n < into.length) {
                    into[n] = device;
                }
                n++;
            }
        }
        return n;
    }

    @Override
    public long redirectFlags() {
        return REDIRECT_FLAGS;
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        int index = index(key);
        int error = checkUpdate(index, flags);
        if (error != 0) {
            return error;
        }
        int ifindex = index(value);
        int program = program(value);
        if (ifindex == 0 && program > 0) {
            return Errno.EINVAL.negative();
        }
        set(index, ifindex, program);
        return 0;
    }
}
