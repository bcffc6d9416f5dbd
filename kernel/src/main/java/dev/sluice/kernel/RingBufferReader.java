package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes the records out of a ring buffer map (BPF_MAP_TYPE_RINGBUF), in the order in which they were reserved.
 *
 * <pre>
 *  page 0: consumer position (u64, ours to write)   page 1: producer position (u64)
 *  then the data, mapped twice in a row so that a record never wraps:
 *  0        4         8                           rounded up to 8
 *  +--------+---------+---------------------------+
 *  | length | page no | data                      |   length: bit 31 busy, bit 30 discarded
 *  +--------+---------+---------------------------+
 * </pre>
 *
 * <p>Source: Documentation/bpf/ringbuf.rst and linux/bpf.h. Owner thread: the one that made it; one reader a map.
 */
public final class RingBufferReader implements AutoCloseable {
    private static final int HEADER_BYTES = 8;
    private static final int BUSY = 1 << 31;
    private static final int DISCARDED = 1 << 30;
    private static final VarHandle U64 = ValueLayout.JAVA_LONG.varHandle();
    private static final VarHandle U32 = ValueLayout.JAVA_INT.varHandle();

    private final Mapping consumer;
    private final Mapping producer;
    private final int pageBytes;
    private final long dataBytes;

    private RingBufferReader(Mapping consumer, Mapping producer, int pageBytes, long dataBytes) {
        this.consumer = consumer;
        this.producer = producer;
        this.pageBytes = pageBytes;
        this.dataBytes = dataBytes;
    }

    /** The map may be closed before the reader. */
    public static RingBufferReader of(KernelMap map) {
        if (map.type() != Uapi.MAP_TYPE_RINGBUF) {
            throw new IllegalArgumentException("map " + map.name() + " is no ring buffer: type=" + map.type());
        }
        int page = Mapping.pageBytes();
        long data = Integer.toUnsignedLong(map.info().maxEntries());
        Mapping consumer = Mapping.of(map.fd(), 0, page, Mapping.PROT_READ | Mapping.PROT_WRITE);
        try {
            return new RingBufferReader(
                    consumer, Mapping.of(map.fd(), page, page + 2 * data, Mapping.PROT_READ), page, data);
        } catch (BpfException e) {
            consumer.close();
            throw e;
        }
    }

    /** All records that are complete now; a reserved one that has not been submitted holds up those after it. */
    public List<byte[]> read() {
        List<byte[]> records = new ArrayList<>();
        MemorySegment ring = producer.segment();
        long position = (long) U64.get(consumer.segment(), 0L);
        long end = (long) U64.getAcquire(ring, 0L);
        while (position < end) {
            long at = pageBytes + (position & dataBytes - 1);
            int length = (int) U32.getAcquire(ring, at);
            if ((length & BUSY) != 0) {
                break;
            }
            int bytes = length & ~DISCARDED;
            if ((length & DISCARDED) == 0) {
                records.add(ring.asSlice(at + HEADER_BYTES, bytes).toArray(ValueLayout.JAVA_BYTE));
            }
            position += HEADER_BYTES + (bytes + 7L & -8L);
            U64.setRelease(consumer.segment(), 0L, position);
        }
        return records;
    }

    @Override
    public void close() {
        consumer.close();
        producer.close();
    }
}
