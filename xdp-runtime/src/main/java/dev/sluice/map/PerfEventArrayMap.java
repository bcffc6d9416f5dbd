package dev.sluice.map;

import dev.sluice.memory.Regions;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * {@code BPF_MAP_TYPE_PERF_EVENT_ARRAY}: a ring of events for each CPU. A slot is empty until somebody who wants to read
 * opens it; programs are told so (ENOENT), and go on.
 */
public final class PerfEventArrayMap extends IndexedMap {
    /** The part of the flags that is the slot. */
    public static final long INDEX_MASK = 0xffff_ffffL;

    /** The slot of the CPU that the program runs on. */
    public static final long CURRENT_CPU = 0xffff_ffffL;

    private final AtomicReferenceArray<PerfRing> rings;

    PerfEventArrayMap(MapDef def, MapTable table) {
        super(def, table, new Regions());
        rings = new AtomicReferenceArray<>(def.maxEntries() < 0 ? Integer.MAX_VALUE : def.maxEntries());
    }

    /**
     * Writes an event of two parts ({@code bpf_perf_event_output}).
     *
     * @param flags the slot in the low 32 bits, {@link #CURRENT_CPU} for the CPU's; nothing else may be set
     * @param meta address of the first part
     * @param packet address of the second part; not read when packetBytes is 0
     * @return 0, E2BIG for a slot that does not exist, ENOENT for an empty one, EOPNOTSUPP for another CPU's, ENOSPC when
     *     the event was lost
     */
    public int output(long flags, int cpu, long meta, long metaBytes, long packet, long packetBytes) {
        if ((flags & ~INDEX_MASK) != 0) {
            return Errno.EINVAL.negative();
        }
        int index = flags == CURRENT_CPU ? cpu : (int) flags;
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        PerfRing ring = rings.get(index);
        if (ring == null) {
            return Errno.ENOENT.negative();
        }
        if (ring.cpu() != cpu) {
            return Errno.EOPNOTSUPP.negative();
        }
        return ring.write(meta, metaBytes, packet, packetBytes);
    }

    /**
     * Opens the ring of a CPU, for one reader.
     *
     * @param bytes a power of two, 8 or more
     * @throws MapException E2BIG for a slot that does not exist, EBUSY for one that is open
     */
    public PerfRing open(int cpu, int bytes) {
        if (bytes < Long.BYTES || Integer.bitCount(bytes) != 1) {
            throw refuse(Errno.EINVAL, "the size of a ring expected a power of two, bytes=" + bytes);
        }
        if (!inRange(cpu)) {
            throw refuse(
                    Errno.E2BIG,
                    "no such slot: max_entries=" + Integer.toUnsignedString(def().maxEntries()) + " cpu=" + cpu);
        }
        PerfRing ring = new PerfRing(this, cpu, bytes);
        if (!rings.compareAndSet(cpu, null, ring)) {
            ring.close();
            throw refuse(Errno.EBUSY, "the ring has a reader already, cpu=" + cpu);
        }
        return ring;
    }

    void forget(PerfRing ring) {
        rings.compareAndSet(ring.cpu(), ring, null);
    }

    @Override
    void dropInner() {
        for (int index = 0; index < rings.length(); index++) {
            PerfRing ring = rings.get(index);
            if (ring != null) {
                ring.close();
            }
        }
    }

    @Override
    public long lookup(long key, int cpu) {
        return 0;
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
        throw refuse(Errno.ENOTSUPP, "events are read through their rings");
    }

    /** There are no descriptors of events here. */
    @Override
    int write(byte[] key, byte[] value, long flags) {
        if (flags != ANY) {
            return Errno.EINVAL.negative();
        }
        return inRange(index(key)) ? Errno.EBADF.negative() : Errno.E2BIG.negative();
    }

    @Override
    int erase(byte[] key) {
        int index = index(key);
        if (!inRange(index)) {
            return Errno.E2BIG.negative();
        }
        return rings.getAndSet(index, null) == null ? Errno.ENOENT.negative() : 0;
    }
}
