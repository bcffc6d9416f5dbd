package dev.sluice;

import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.map.Errno;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.SectionName;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program on single packets, as {@code BPF_PROG_TEST_RUN} of Linux 6.18 does: for tests. Made by {@link
 * XdpRuntime#testRun}.
 *
 * <pre>{@code
 * try (TestRun run = runtime.testRun(program)) {
 *     assertThat(run.run(packet).action()).isEqualTo(TestRun.XDP_DROP);
 * }
 * }</pre>
 *
 * <p>A frame is a page with 256 bytes of headroom and 320 of tailroom; what does not fit is in at most 17 fragments, whether
 * the program says {@code xdp.frags} or not. Packets of less than 14 bytes, metadata that is no multiple of 4 or longer than
 * 216, unknown interfaces, and programs for devmap and cpumap entries are refused with the kernel's error number.
 *
 * <p>Differences: the CPU is the rx queue, of which there are as many as the runtime has CPUs; interfaces are 1 and those of
 * {@link XdpRuntime#network}. Owner thread: one at a time. Each run allocates its result.
 */
public final class TestRun implements AutoCloseable {
    public static final int XDP_ABORTED = 0;
    public static final int XDP_DROP = 1;
    public static final int XDP_PASS = 2;
    public static final int XDP_TX = 3;
    public static final int XDP_REDIRECT = 4;

    private static final int LEAST_BYTES = 14;
    private static final int MOST_FRAGMENTS = 17;
    private static final int MOST_METADATA = 216;
    private static final int LOOPBACK = 1;
    private static final int FRAME_BYTES = Fragments.PAGE_BYTES * (1 + 1 + MOST_FRAGMENTS);

    /**
     * What came of a run.
     *
     * @param action what the program returned the last time, as it is: it need not be an action
     * @param data metadata and packet after the run
     * @param metadataBytes how much of the front of {@code data} is metadata
     * @param linearBytes how much of {@code data}, with metadata, is linear: the rest is in fragments
     * @param fullLength of metadata and packet; more than {@code data} has when {@link TestRun#output} cut it off, which
     *     the kernel answers with ENOSPC
     * @param redirect where XDP_REDIRECT leads; null for other actions
     * @param durationNanos nanoseconds a run, the mean of all repeated
     * @param trace lines that the program printed
     * @param fault what the program did that it may not; null usually, and always for verified programs
     */
    public record Result(
            int action,
            byte[] data,
            int metadataBytes,
            int linearBytes,
            int fullLength,
            @Nullable Redirect redirect,
            long durationNanos,
            List<String> trace,
            @Nullable ProgramFault fault) {
        /** The packet after the run, without metadata. */
        public byte[] packet() {
            return Arrays.copyOfRange(data, Math.min(metadataBytes, data.length), data.length);
        }

        /** The metadata after the run. */
        public byte[] metadata() {
            return Arrays.copyOf(data, Math.min(metadataBytes, data.length));
        }
    }

    /**
     * Where a packet is redirected to.
     *
     * @param mapId id of the map of bpf_redirect_map; 0 for bpf_redirect
     * @param index key in the map, or the interface's number
     */
    public record Redirect(int mapId, int index) {}

    private final XdpRuntime runtime;
    private final LoadedProgram program;
    private final Arena arena = Arena.ofShared();
    private final long frame = Memory.allocate(arena, FRAME_BYTES, Fragments.PAGE_BYTES);
    private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, FrameDescriptor.BYTES);
    private final RunContext context;
    private final List<String> trace = new ArrayList<>();
    private int metadataBytes;
    private int linearBytes = -1;
    private int ifindex;
    private int rxQueue;
    private int repeat = 1;
    private int capacity = Integer.MAX_VALUE;
    private @Nullable ProgramFault fault;

    TestRun(XdpRuntime runtime, LoadedProgram program, Clock clock) {
        this.runtime = runtime;
        this.program = program;
        context = runtime.newContext(clock, 0);
        context.trace = (from, line) -> trace.add(line);
    }

    /** So many bytes at the front of the input are metadata ({@code data} of the context given); 0 if not said. */
    public TestRun metadata(int bytes) {
        metadataBytes = bytes;
        return this;
    }

    /**
     * The linear part of the input with metadata ({@code data_end} of the context given); the rest goes to fragments. -1, if
     * not said: as much as fits.
     */
    public TestRun linear(int bytes) {
        linearBytes = bytes;
        return this;
    }

    /** Where the packet comes from; 0 and 0, if not said: the loopback's first queue. */
    public TestRun receivedOn(int ingressIfindex, int rxQueueIndex) {
        ifindex = ingressIfindex;
        rxQueue = rxQueueIndex;
        return this;
    }

    /** How often the program runs on the packet, each time as it left it; 0 is 1, which is usual. */
    public TestRun repeat(int times) {
        repeat = times;
        return this;
    }

    /** Most bytes of metadata and packet in results; all, if not said. */
    public TestRun output(int bytes) {
        capacity = bytes;
        return this;
    }

    /** What the program runs with: its clock, random numbers, limit of instructions. It is closed with this. */
    public RunContext context() {
        return context;
    }

    /**
     * Runs the program.
     *
     * @param input metadata, if any, and packet; it is copied
     * @throws TestRunException EINVAL for a packet or context that the kernel does not take, ENODEV for an interface that
     *     there is not, ENOMEM for a packet that is too long
     */
    public Result run(byte[] input) {
        check(input.length);
        prepare(input);
        trace.clear();
        fault = null;
        int times = Math.max(repeat, 1);
        long start = System.nanoTime();
        for (int i = 0; i < times && fault == null; i++) {
            program.executable().run(context, descriptor, 1, (index, thrown) -> fault = thrown);
        }
        long nanos = (System.nanoTime() - start) / times;
        context.descriptor = 0;
        return result(nanos);
    }

    private void check(int length) {
        if (program.linked().spec().type().attach() != SectionName.Attach.DEVICE) {
            throw invalid("programs for entries of maps cannot be run by themselves, section="
                    + program.linked().spec().section());
        }
        if (repeat < 0) {
            throw invalid("expected 0 or more, repeat=" + repeat);
        }
        if (metadataBytes < 0 || metadataBytes > MOST_METADATA || metadataBytes % 4 != 0) {
            throw invalid("expected a multiple of 4 up to " + MOST_METADATA + ", metadata=" + metadataBytes);
        }
        int linear = linearBytes < 0 ? length : linearBytes;
        if (linear > length || metadataBytes > linear) {
            throw invalid(
                    "expected a linear part from " + metadataBytes + " to " + length + " bytes, linear=" + linear);
        }
        if (length - metadataBytes < LEAST_BYTES) {
            throw invalid("expected a packet of " + LEAST_BYTES + " bytes or more, length=" + (length - metadataBytes));
        }
        if (ifindex == 0 && rxQueue != 0) {
            throw invalid("a queue needs an interface, rx_queue_index=" + rxQueue);
        }
        if (ifindex != 0 && ifindex != LOOPBACK && runtime.network().links().byIfindex(ifindex) == null) {
            throw refused(Errno.ENODEV, "no such interface, ingress_ifindex=" + ifindex);
        }
        if (rxQueue < 0 || rxQueue >= runtime.cpus()) {
            throw invalid("expected a queue from 0 to " + (runtime.cpus() - 1) + ", rx_queue_index=" + rxQueue);
        }
        int first = Math.min(linear, Fragments.LINEAR_BYTES + metadataBytes);
        if (length - first > MOST_FRAGMENTS * Fragments.PAGE_BYTES) {
            throw refused(
                    Errno.ENOMEM,
                    "expected at most " + (first + MOST_FRAGMENTS * Fragments.PAGE_BYTES) + " bytes, length=" + length);
        }
    }

    private TestRunException invalid(String message) {
        return refused(Errno.EINVAL, message);
    }

    private TestRunException refused(Errno errno, String message) {
        return new TestRunException(errno, "test run of " + program.name() + ": " + message);
    }

    private void prepare(byte[] input) {
        long start = frame + Fragments.HEADROOM - metadataBytes;
        Memory.fill(frame, FRAME_BYTES, (byte) 0);
        Memory.copy(input, 0, start, input.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA, start + metadataBytes);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, start + input.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, start);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, rxQueue);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, ifindex == 0 ? LOOPBACK : ifindex);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME_BYTES);
        // metadata lies in the headroom
        int linear = linearBytes < 0 ? input.length : linearBytes;
        Fragments.split(descriptor, Math.min(linear - metadataBytes, Fragments.LINEAR_BYTES));
    }

    private Result result(long nanos) {
        int action = Memory.getInt(descriptor + FrameDescriptor.ACTION);
        Redirect redirect = action != XDP_REDIRECT
                ? null
                : new Redirect(
                        Memory.getInt(descriptor + FrameDescriptor.REDIRECT_MAP) & FrameDescriptor.REDIRECT_MAP_ID_MASK,
                        Memory.getInt(descriptor + FrameDescriptor.REDIRECT_INDEX));
        long start = Memory.getLong(descriptor + FrameDescriptor.DATA_META);
        int metadata = (int) (Memory.getLong(descriptor + FrameDescriptor.DATA) - start);
        int linear = (int) (Memory.getLong(descriptor + FrameDescriptor.DATA_END) - start);
        Fragments.join(descriptor);
        int length = (int) (Memory.getLong(descriptor + FrameDescriptor.DATA_END) - start);
        return new Result(
                action,
                Memory.bytes(start, Math.min(length, capacity)),
                metadata,
                linear,
                length,
                redirect,
                nanos,
                List.copyOf(trace),
                fault);
    }

    @Override
    public void close() {
        context.close();
        arena.close();
    }
}
