package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes what programs write with {@code bpf_perf_event_output} out of a perf event array: puts one perf buffer of each
 * CPU into the map. Without a reader that helper fails with ENOENT, which a program may well notice.
 *
 * <pre>
 *  page 0: struct perf_event_mmap_page: 1024 data_head (u64)  1032 data_tail (u64, ours to write)
 *  then a power of two of pages with records that wrap:
 *  struct perf_event_header: 0 type (u32)  4 misc (u16)  6 size (u16)
 *  PERF_RECORD_SAMPLE (9):   8 size (u32)  12 data             PERF_RECORD_LOST (2):  8 id (u64)  16 lost (u64)
 * </pre>
 *
 * <p>Source: linux/perf_event.h. Owner thread: the one that made it. The buffers leave the map on {@link #close}.
 */
public final class PerfEventReader implements AutoCloseable {
    /**
     * One sample.
     *
     * @param data as the kernel gives it: padded with up to 7 bytes, so that 4 bytes of size and the data together are a
     *     multiple of 8
     */
    public record Event(int cpu, byte[] data) {}

    private static final int HEAD = 1024;
    private static final int TAIL = 1032;
    private static final int RECORD_LOST = 2;
    private static final int RECORD_SAMPLE = 9;

    private static final int ATTR_BYTES = 64; // PERF_ATTR_SIZE_VER0
    private static final int TYPE_SOFTWARE = 1;
    private static final long COUNT_SW_BPF_OUTPUT = 10;
    private static final long SAMPLE_RAW = 1 << 10;
    private static final long FLAG_FD_CLOEXEC = 8;

    private static final VarHandle U64 = ValueLayout.JAVA_LONG.varHandle();

    private final KernelMap map;
    private final int pageBytes;
    private final long dataBytes;
    private final List<Buffer> buffers = new ArrayList<>();
    private long lost;

    private record Buffer(int cpu, Fd fd, Mapping mapping) {}

    private PerfEventReader(KernelMap map, int pageBytes, long dataBytes) {
        this.map = map;
        this.pageBytes = pageBytes;
        this.dataBytes = dataBytes;
    }

    /**
     * Opens a buffer on each CPU that runs and has a slot in the map.
     *
     * @param map stays open until the reader is closed
     * @param bufferBytes of each CPU, rounded up to a power of two of pages
     */
    public static PerfEventReader of(Kernel kernel, KernelMap map, int bufferBytes) {
        if (map.type() != Uapi.MAP_TYPE_PERF_EVENT_ARRAY) {
            throw new IllegalArgumentException("map " + map.name() + " is no perf event array: type=" + map.type());
        }
        int page = Mapping.pageBytes();
        long data = page;
        while (data < bufferBytes) {
            data *= 2;
        }
        PerfEventReader reader = new PerfEventReader(map, page, data);
        try {
            int slots = map.info().maxEntries();
            for (int cpu = 0; cpu < kernel.possibleCpus() && Integer.compareUnsigned(cpu, slots) < 0; cpu++) {
                reader.open(cpu);
            }
            return reader;
        } catch (RuntimeException | Error e) {
            reader.close();
            throw e;
        }
    }

    private void open(int cpu) {
        int number;
        try (Call call = Call.begin()) {
            // struct perf_event_attr: 0 type 4 size 8 config 16 sample_period 24 sample_type 32 read_format 40 flags
            // 48 wakeup_events
            MemorySegment attr = call.allocate(ATTR_BYTES);
            attr.set(ValueLayout.JAVA_INT, 0, TYPE_SOFTWARE);
            attr.set(ValueLayout.JAVA_INT, 4, ATTR_BYTES);
            attr.set(ValueLayout.JAVA_LONG, 8, COUNT_SW_BPF_OUTPUT);
            attr.set(ValueLayout.JAVA_LONG, 16, 1L);
            attr.set(ValueLayout.JAVA_LONG, 24, SAMPLE_RAW);
            attr.set(ValueLayout.JAVA_INT, 48, 1);
            number = (int) call.system(Machine.PERF_EVENT_OPEN, attr.address(), -1, cpu, -1, FLAG_FD_CLOEXEC);
        }
        if (number == -Errno.ENODEV) {
            return; // possible, but not running
        }
        if (number < 0) {
            throw new BpfException("perf_event_open cpu=" + cpu, -number);
        }
        Fd fd = new Fd(number);
        try {
            Mapping mapping = Mapping.of(number, 0, pageBytes + dataBytes, Mapping.PROT_READ | Mapping.PROT_WRITE);
            buffers.add(new Buffer(cpu, fd, mapping));
        } catch (BpfException e) {
            fd.close();
            throw e;
        }
        map.update(Uapi.u32(cpu), Uapi.u32(number));
    }

    /** All events that were written up to now, CPU by CPU, in the order of writing on each. */
    public List<Event> read() {
        List<Event> events = new ArrayList<>();
        for (Buffer buffer : buffers) {
            read(buffer, events);
        }
        return events;
    }

    private void read(Buffer buffer, List<Event> events) {
        MemorySegment memory = buffer.mapping().segment();
        long tail = (long) U64.get(memory, (long) TAIL);
        long head = (long) U64.getAcquire(memory, (long) HEAD);
        while (tail < head) {
            MemorySegment header = MemorySegment.ofArray(copy(memory, tail, 8));
            int type = header.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
            int size = Short.toUnsignedInt(header.get(ValueLayout.JAVA_SHORT_UNALIGNED, 6));
            MemorySegment record = MemorySegment.ofArray(copy(memory, tail, size));
            switch (type) {
                case RECORD_SAMPLE -> {
                    int length = record.get(ValueLayout.JAVA_INT_UNALIGNED, 8);
                    events.add(
                            new Event(buffer.cpu(), record.asSlice(12, length).toArray(ValueLayout.JAVA_BYTE)));
                }
                case RECORD_LOST -> lost += record.get(ValueLayout.JAVA_LONG_UNALIGNED, 16);
                default -> {
                    // throttling and the like: of no concern
                }
            }
            tail += size;
        }
        U64.setRelease(memory, (long) TAIL, tail);
    }

    private byte[] copy(MemorySegment memory, long position, int bytes) {
        byte[] copy = new byte[bytes];
        long start = position & dataBytes - 1;
        int first = (int) Math.min(bytes, dataBytes - start);
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, pageBytes + start, copy, 0, first);
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, pageBytes, copy, first, bytes - first);
        return copy;
    }

    /** Events that did not fit into a buffer, as far as the kernel has said so: it does with the next one that fits. */
    public long lost() {
        return lost;
    }

    @Override
    public void close() {
        for (Buffer buffer : buffers) {
            map.delete(Uapi.u32(buffer.cpu()));
            buffer.mapping().close();
            buffer.fd().close();
        }
        buffers.clear();
    }
}
