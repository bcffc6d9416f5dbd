package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * {@code BPF_MAP_TYPE_USER_RINGBUF}: records from user space to programs. User space reserves and submits, on any thread;
 * a program drains, one at a time.
 */
public final class UserRingBufferMap extends RingMap {
    private final SpinLocks lock = new SpinLocks(1);
    private final AtomicBoolean draining = new AtomicBoolean();

    UserRingBufferMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
    }

    // --- user space

    /**
     * Makes room for a sample.
     *
     * @param bytes 0 or more
     * @return where to write it, until it is submitted or discarded; null when there is no room
     * @throws MapException E2BIG when it could never fit
     */
    public MemorySegment reserve(int bytes) {
        long total = roundUp8(bytes + (long) HEADER_BYTES);
        if (bytes < 0 || total > size) {
            throw refuse(Errno.E2BIG, "a sample of that size never fits, bytes=" + bytes + " ring=" + size);
        }
        return inside(() -> reserve(bytes, total));
    }

    private MemorySegment reserve(int bytes, long total) {
        lock.lock(0);
        try {
            long from = Memory.getLong(producer);
            if (from + total - get(consumer) > size) {
                return null;
            }
            long record = record(from);
            Memory.putInt(record + Integer.BYTES, 0);
            Memory.ATOMIC_INT.setRelease(Memory.ALL, record, bytes | BUSY);
            set(producer, from + total);
            return Memory.ALL.asSlice(record + HEADER_BYTES, bytes);
        } finally {
            lock.unlock(0);
        }
    }

    /** Lets programs see a reserved sample. */
    public void submit(MemorySegment sample) {
        commit(sample, 0);
    }

    /** Gives a reserved sample up. */
    public void discard(MemorySegment sample) {
        commit(sample, DISCARDED);
    }

    private void commit(MemorySegment sample, int mark) {
        long record = sample.address() - HEADER_BYTES;
        boolean reserved = inside(() -> {
            if (!contains(record) || (header(record) & BUSY) == 0) {
                return false;
            }
            Memory.ATOMIC_INT.setRelease(Memory.ALL, record, (int) sample.byteSize() | mark);
            return true;
        });
        if (!reserved) {
            throw refuse(Errno.EINVAL, "not a reserved sample of this ring buffer");
        }
    }

    // --- programs

    /** Begins to drain; false when another program does (EBUSY). */
    public boolean beginDrain() {
        return draining.compareAndSet(false, true);
    }

    /** The end of what {@link #beginDrain} began. */
    public void endDrain() {
        draining.set(false);
    }

    /**
     * The next sample; between begin and end.
     *
     * @return its address, or a negative error number: ENODATA when there is none, EAGAIN when it was discarded and is gone
     *     now, EINVAL or E2BIG when positions and lengths make no sense
     */
    public long peek() {
        long from = get(consumer);
        long to = get(producer);
        if ((to & 7) != 0) {
            return Errno.EINVAL.negative();
        }
        if (from >= to) {
            return Errno.ENODATA.negative();
        }
        long record = record(from);
        int header = header(record);
        long total = recordBytes(header);
        if (total > to - from) {
            return Errno.EINVAL.negative();
        }
        if (total > size) {
            return Errno.E2BIG.negative();
        }
        if ((header & BUSY) != 0) {
            return Errno.ENODATA.negative();
        }
        if ((header & DISCARDED) != 0) {
            set(consumer, from + total);
            return Errno.EAGAIN.negative();
        }
        return record + HEADER_BYTES;
    }

    /** Bytes of a sample that {@link #peek} gave. */
    public static long sampleBytes(long sample) {
        return Memory.getInt(sample - HEADER_BYTES) & ~(BUSY | DISCARDED);
    }

    /** Gives the room of the sample that {@link #peek} gave back. */
    public void release(long sample) {
        set(consumer, get(consumer) + roundUp8(sampleBytes(sample) + HEADER_BYTES));
    }

    @Override
    boolean hasNext() {
        return get(consumer) < get(producer);
    }
}
