package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * {@code BPF_MAP_TYPE_XSKMAP}: where packets go that are handed to user space as they are, for {@code bpf_redirect_map}. In
 * the kernel an entry is an AF_XDP socket; here it is any object of Java, which {@link #bind} puts. A program that looks
 * one up gets a {@code struct bpf_xdp_sock}:
 *
 * <pre>
 * 0 queue_id u32
 * </pre>
 */
public final class XskMap extends IndexedMap implements RedirectMap {
    private static final int SOCK_BYTES = 8;

    private final AtomicReferenceArray<Object> receivers;
    private final long sockets;

    XskMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        receivers = new AtomicReferenceArray<>(def.maxEntries() < 0 ? Integer.MAX_VALUE : def.maxEntries());
        sockets = allocateRegion(SOCK_BYTES * Integer.toUnsignedLong(def.maxEntries()), false);
    }

    /**
     * Puts a receiver.
     *
     * @param queue the rx queue that it belongs to, which programs may ask for
     * @throws MapException E2BIG when the index is out of range
     */
    public void bind(int index, Object receiver, int queue) {
        if (!inRange(index)) {
            throw refuse(
                    Errno.E2BIG,
                    "no room: max_entries=" + Integer.toUnsignedString(def().maxEntries()) + " index="
                            + Integer.toUnsignedString(index));
        }
        inside(() -> {
            Memory.putInt(address(index), queue);
            receivers.set(index, receiver);
            return receiver;
        });
    }

    /** The receiver of an entry, or null. */
    public Object receiver(int index) {
        return inRange(index) ? receivers.get(index) : null;
    }

    private long address(int index) {
        return sockets + (index & 0xffff_ffffL) * SOCK_BYTES;
    }

    @Override
    public boolean hasTarget(int key) {
        return receiver(key) != null;
    }

    @Override
    public long redirectFlags() {
        return 0;
    }

    @Override
    public long lookup(long key, int cpu) {
        int index = index(key);
        return hasTarget(index) ? address(index) : 0;
    }

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int delete(long key) {
        return Errno.EOPNOTSUPP.negative();
    }

    @Override
    public int userValueSize() {
        return Integer.BYTES;
    }

    @Override
    byte[] read(byte[] key) {
        throw refuse(Errno.EOPNOTSUPP, "user space cannot read sockets");
    }

    /** There are no descriptors of sockets here. */
    @Override
    int write(byte[] key, byte[] value, long flags) {
        if (flags < 0 || flags > EXIST) {
            return Errno.EINVAL.negative();
        }
        return inRange(index(key)) ? Errno.EBADF.negative() : Errno.E2BIG.negative();
    }

    @Override
    int erase(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return Errno.EINVAL.negative();
        }
        receivers.set(index, null);
        return 0;
    }
}
