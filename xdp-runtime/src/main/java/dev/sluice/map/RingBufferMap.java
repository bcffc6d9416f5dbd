package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;

/**
 * {@code BPF_MAP_TYPE_RINGBUF}: records from programs on all CPUs to one reader, in the order in which they were reserved.
 *
 * <p>Programs reserve under a lock, and submit without one. A reader takes complete records from the front; a record that
 * is still reserved holds up those behind it. When there is no room the program is told, and the record is counted in
 * {@link #dropped}.
 */
public final class RingBufferMap extends RingMap {
    private static final long MAX_RECORD = 0xffff_ffffL / 4;

    private static final long AVAILABLE = 0;
    private static final long RING_SIZE = 1;
    private static final long CONSUMER_POSITION = 2;
    private static final long PRODUCER_POSITION = 3;

    private final SpinLocks lock = new SpinLocks(1);
    private final LongAdder dropped = new LongAdder();
    private volatile Consumer<MemorySegment> listener;

    /** The oldest record that may not have been submitted; under the lock. */
    private long pending;

    RingBufferMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        table.addRing(this);
    }

    @Override
    void dropInner() {
        // no inner maps, but the same moment: nobody holds it any more
        table().removeRing(this);
    }

    // --- the program's side

    /**
     * The ring buffer that has a reserved sample.
     *
     * @param sample any number
     * @return null when it is not one's that was reserved and not yet submitted
     */
    public static RingBufferMap ofSample(MapTable table, long sample) {
        for (RingBufferMap ring : table.rings()) {
            long record = sample - HEADER_BYTES;
            if (ring.contains(record)) {
                return (sample & 7) == 0
                                && (header(record) & BUSY) != 0
                                && Memory.getInt(record + Integer.BYTES) == ring.id()
                        ? ring
                        : null;
            }
        }
        return null;
    }

    /**
     * Makes room for a record ({@code bpf_ringbuf_reserve}).
     *
     * @param bytes of the sample
     * @param flags must be 0
     * @return the sample's address, or 0 when there is no room
     */
    public long reserve(long bytes, long flags) {
        long sample = flags == 0 ? reserve(bytes) : 0;
        if (sample == 0) {
            dropped.increment();
        }
        return sample;
    }

    private long reserve(long bytes) {
        if (bytes < 0 || bytes > MAX_RECORD) {
            return 0;
        }
        long total = roundUp8(bytes + HEADER_BYTES);
        if (total > size) {
            return 0;
        }
        lock.lock(0);
        try {
            long from = get(producer);
            long oldest = pending;
            while (oldest < from) {
                int header = header(record(oldest));
                if ((header & BUSY) != 0) {
                    break;
                }
                oldest += recordBytes(header);
            }
            pending = Math.min(oldest, from);
            long to = from + total;
            if (to - get(consumer) > mask || to - pending > mask) {
                return 0;
            }
            long record = record(from);
            Memory.putInt(record + Integer.BYTES, id());
            Memory.ATOMIC_INT.setRelease(Memory.ALL, record, (int) bytes | BUSY);
            set(producer, to);
            return record + HEADER_BYTES;
        } finally {
            lock.unlock(0);
        }
    }

    /** Hands a reserved sample to the reader; flags 1 (do not wake it) or 2 (wake it in any case). */
    public void submit(long sample, long flags) {
        commit(sample, flags, 0);
    }

    /** Gives a reserved sample up; the reader skips it. */
    public void discard(long sample, long flags) {
        commit(sample, flags, DISCARDED);
    }

    private void commit(long sample, long flags, int mark) {
        long record = sample - HEADER_BYTES;
        int header = Memory.getInt(record) & ~BUSY | mark;
        // A full fence: either the reader sees the record before it waits, or we see that it waits.
        int before = (int) Memory.ATOMIC_INT.getAndSet(Memory.ALL, record, header);
        assert (before & BUSY) != 0;
        Consumer<MemorySegment> now = listener;
        if (now != null) {
            show(now);
        } else if ((flags & FORCE_WAKEUP) != 0 || (flags & NO_WAKEUP) == 0 && record(get(consumer)) == record) {
            wake();
        }
    }

    /**
     * Copies a record in ({@code bpf_ringbuf_output}).
     *
     * @return 0, EINVAL for unknown flags, EAGAIN when there is no room
     */
    public int output(long from, long bytes, long flags) {
        if ((flags & ~(NO_WAKEUP | FORCE_WAKEUP)) != 0) {
            return Errno.EINVAL.negative();
        }
        long sample = reserve(bytes, 0);
        if (sample == 0) {
            return Errno.EAGAIN.negative();
        }
        Memory.copy(from, sample, bytes);
        submit(sample, flags);
        return 0;
    }

    /** 0 bytes that were not read, 1 the size, 2 the reader's position, 3 the writers' ({@code bpf_ringbuf_query}). */
    public long query(long what) {
        if (what == AVAILABLE) {
            long from = get(consumer);
            return get(producer) - from;
        }
        if (what == RING_SIZE) {
            return size;
        }
        if (what == CONSUMER_POSITION) {
            return get(consumer);
        }
        return what == PRODUCER_POSITION ? get(producer) : 0;
    }

    // --- the reader's side: one thread

    /** Records that there was no room for. */
    public long dropped() {
        return dropped.sum();
    }

    /**
     * Shows the records that are complete, the oldest first, and gives their room back, each after it was shown.
     *
     * @param reader must not keep the segment (read-only) that it is given
     * @param most records to show
     * @return how many were shown
     */
    public int consume(Consumer<MemorySegment> reader, int most) {
        return inside(() -> show(reader, most));
    }

    private int show(Consumer<MemorySegment> reader, int most) {
        int shown = 0;
        long position = get(consumer);
        while (shown < most) {
            long end = get(producer);
            if (position >= end) {
                break;
            }
            long record = record(position);
            int header = header(record);
            if ((header & BUSY) != 0) {
                break;
            }
            long bytes = header & ~DISCARDED;
            if (roundUp8(bytes + HEADER_BYTES) > end - position) {
                // Only an unverified program can have written over the header; what is behind it cannot be found.
                dropped.increment();
                set(consumer, end);
                break;
            }
            if ((header & DISCARDED) == 0) {
                reader.accept(Memory.ALL.asSlice(record + HEADER_BYTES, bytes).asReadOnly());
                shown++;
            }
            position += roundUp8(bytes + HEADER_BYTES);
            set(consumer, position);
        }
        return shown;
    }

    /**
     * From now on shows each record on the thread of the program that completed it, before that goes on: nothing is lost for
     * want of room, and the same run gives the same records. Whoever listens is the reader.
     *
     * @param reader as for {@link #consume}; null for nobody
     */
    public void listen(Consumer<MemorySegment> reader) {
        listener = reader;
        if (reader != null) {
            show(reader);
        }
    }

    /** Programs on several CPUs complete records at once, and there is one reader. */
    private synchronized void show(Consumer<MemorySegment> reader) {
        consume(reader, Integer.MAX_VALUE);
    }

    /** Waits until there is a complete record: true, or false after a time or an interrupt. */
    public boolean await(long nanos) {
        return park(nanos);
    }

    @Override
    boolean hasNext() {
        long position = get(consumer);
        return position < get(producer) && (header(record(position)) & BUSY) == 0;
    }
}
