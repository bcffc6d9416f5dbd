package dev.sluice.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Runs a program in the kernel on given packets: BPF_PROG_TEST_RUN. All memory is allocated once, so that a run costs the
 * system call and two copies; {@link #bind} goes to another program.
 *
 * <pre>{@code
 * try (TestRun run = program.testRun()) {
 *     int action = run.run(packet);
 *     byte[] after = run.outputBytes();
 * }
 * }</pre>
 *
 * <p>Linux's own limits: 14 bytes at least (EINVAL); the linear part holds 4,096 bytes less 256 of headroom and 320 of
 * tailroom, what is above goes to at most 17 page fragments, for programs without {@code xdp.frags} too; the packet is
 * not reset between repeated runs.
 *
 * <p>Owner thread: one at a time; it must be the one that made it. A run allocates nothing, unless it fails.
 */
public final class TestRun implements AutoCloseable {
    /** The longest packet that can come out. */
    public static final int MAX_DATA_BYTES = 4096 + 17 * 4096;

    /** The most that fits into the linear part. */
    public static final int MAX_LINEAR_BYTES = 4096 - 256 - 320;

    /** The longest packet that Linux takes: a linear part and 17 fragments. */
    public static final int MAX_PACKET_BYTES = MAX_LINEAR_BYTES + 17 * 4096;

    /** BPF_F_TEST_RUN_ON_CPU: for program types other than XDP. */
    public static final int FLAG_ON_CPU = 1;
    /** BPF_F_TEST_XDP_LIVE_FRAMES. */
    public static final int FLAG_LIVE_FRAMES = 1 << 1;

    // The part of union bpf_attr for PROG_TEST_RUN; see the package.
    private static final int PROG_FD = 0;
    private static final int RETVAL = 4;
    private static final int DATA_SIZE_IN = 8;
    private static final int DATA_SIZE_OUT = 12;
    private static final int DATA_IN = 16;
    private static final int DATA_OUT = 24;
    private static final int REPEAT = 32;
    private static final int DURATION = 36;
    private static final int CTX_SIZE_IN = 40;
    private static final int CTX_SIZE_OUT = 44;
    private static final int CTX_IN = 48;
    private static final int CTX_OUT = 56;
    private static final int FLAGS = 64;
    private static final int CPU = 68;
    private static final int BATCH_SIZE = 72;
    private static final int ATTR_BYTES = 80;

    // struct xdp_md
    private static final int MD_DATA = 0;
    private static final int MD_DATA_END = 4;
    private static final int MD_DATA_META = 8;
    private static final int MD_INGRESS_IFINDEX = 12;
    private static final int MD_RX_QUEUE_INDEX = 16;
    private static final int MD_EGRESS_IFINDEX = 20;
    private static final int MD_BYTES = 24;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment state = arena.allocate(Call.Native.STATE);
    private final MemorySegment attr = arena.allocate(ATTR_BYTES, 8);
    private final MemorySegment contextIn = arena.allocate(MD_BYTES, 8);
    private final MemorySegment contextOut = arena.allocate(MD_BYTES, 8);
    private final MemorySegment input;
    private final MemorySegment output;

    private boolean withContext = true;
    private int metadataBytes;
    /** -1: as the kernel likes it. */
    private int linearBytes = -1;

    private boolean truncated;
    private KernelProgram program;

    TestRun(KernelProgram program, int outputCapacity) {
        this.program = program;
        input = arena.allocate(MAX_DATA_BYTES, 64);
        output = arena.allocate(Math.max(outputCapacity, 1), 64);
        attr.set(ValueLayout.JAVA_LONG, DATA_IN, input.address());
        attr.set(ValueLayout.JAVA_INT, REPEAT, 1);
    }

    /** The program that the next runs are of. It stays the caller's, who closes it. */
    public TestRun bind(KernelProgram newProgram) {
        program = newProgram;
        return this;
    }

    /** Runs as often on the same packet, as the last run left it; 1 if not said. The verdict is the last one's. */
    public TestRun repeat(int times) {
        attr.set(ValueLayout.JAVA_INT, REPEAT, times);
        return this;
    }

    /**
     * Whether a context is given and read back (the default). Without one the context's outputs are not to be had, and
     * nothing but the packet and its length are said; the interface is the loopback's.
     */
    public TestRun context(boolean with) {
        withContext = with;
        return this;
    }

    /** So many bytes at the front of the input are metadata: a multiple of 4, at most 216; 0 if not said. */
    public TestRun metadata(int bytes) {
        metadataBytes = bytes;
        return this;
    }

    /**
     * The length of the linear part of the packet, with metadata; the rest becomes page fragments. As much as fits if -1.
     */
    public TestRun linear(int bytes) {
        linearBytes = bytes;
        return this;
    }

    /** Where the packet comes from; ENODEV where there is no such interface. 0 and 0: the loopback. */
    public TestRun receivedOn(int ingressIfindex, int rxQueueIndex) {
        contextIn.set(ValueLayout.JAVA_INT, MD_INGRESS_IFINDEX, ingressIfindex);
        contextIn.set(ValueLayout.JAVA_INT, MD_RX_QUEUE_INDEX, rxQueueIndex);
        return this;
    }

    /** Raw values that Linux must refuse when not 0: for tests of just that. */
    public TestRun refused(int dataMeta, int egressIfindex) {
        contextIn.set(ValueLayout.JAVA_INT, MD_DATA_META, dataMeta);
        contextIn.set(ValueLayout.JAVA_INT, MD_EGRESS_IFINDEX, egressIfindex);
        return this;
    }

    /**
     * Live frames: the packet is really sent, redirected or passed to the network stack, {@link #repeat} times in batches
     * of that size (at most 256, 0 for 64). There is no output then. -1 switches them off again.
     */
    public TestRun liveFrames(int batchSize) {
        int others = attr.get(ValueLayout.JAVA_INT, FLAGS) & ~FLAG_LIVE_FRAMES;
        attr.set(ValueLayout.JAVA_INT, FLAGS, batchSize < 0 ? others : others | FLAG_LIVE_FRAMES);
        attr.set(ValueLayout.JAVA_INT, BATCH_SIZE, Math.max(batchSize, 0));
        return this;
    }

    /** Flags and CPU as they are; for program types other than XDP. */
    public TestRun flags(int flags, int cpu) {
        attr.set(ValueLayout.JAVA_INT, FLAGS, flags);
        attr.set(ValueLayout.JAVA_INT, CPU, cpu);
        return this;
    }

    /** Where the packet of the next run is written, metadata first. {@link #MAX_DATA_BYTES} bytes. */
    public MemorySegment input() {
        return input;
    }

    /** Copies the packet in and runs. As {@link #run(int)}. */
    public int run(byte[] packet) {
        return run(packet, 0, packet.length);
    }

    /** Copies the packet in and runs. As {@link #run(int)}. */
    public int run(byte[] packet, int offset, int length) {
        checkLength(length);
        MemorySegment.copy(packet, offset, input, ValueLayout.JAVA_BYTE, 0, length);
        return run(length);
    }

    /** Copies the packet in and runs. As {@link #run(int)}. */
    public int run(MemorySegment packet) {
        checkLength(packet.byteSize());
        MemorySegment.copy(packet, 0, input, 0, packet.byteSize());
        return run((int) packet.byteSize());
    }

    /**
     * Runs the program on what {@link #input} holds.
     *
     * @param length bytes, with metadata
     * @return what the program returned, as it is: it need not be an action
     * @throws BpfException EINVAL for a packet under 14 bytes or a context that Linux does not take, ENODEV, ENOMEM
     */
    public int run(int length) {
        int result = tryRun(length);
        if (result < 0) {
            throw new BpfException("bpf(PROG_TEST_RUN) program=" + program.name() + " data_size_in=" + length, -result);
        }
        return retval();
    }

    /** As {@link #run(int)}, without the exception: 0, or the negative errno. Then {@link #retval} and its kin hold. */
    public int tryRun(int length) {
        checkLength(length);
        int fd = program.fd();
        MemorySegment a = attr;
        boolean live = (a.get(ValueLayout.JAVA_INT, FLAGS) & FLAG_LIVE_FRAMES) != 0;
        a.set(ValueLayout.JAVA_INT, PROG_FD, fd);
        a.set(ValueLayout.JAVA_INT, DATA_SIZE_IN, length);
        // A live frame goes elsewhere: Linux refuses to be asked for it.
        a.set(ValueLayout.JAVA_INT, DATA_SIZE_OUT, live ? 0 : (int) output.byteSize());
        a.set(ValueLayout.JAVA_LONG, DATA_OUT, live ? 0 : output.address());
        boolean in = withContext;
        boolean out = withContext && !live;
        if (in) {
            contextIn.set(ValueLayout.JAVA_INT, MD_DATA, metadataBytes);
            contextIn.set(ValueLayout.JAVA_INT, MD_DATA_END, linearBytes < 0 ? length : linearBytes);
        }
        a.set(ValueLayout.JAVA_INT, CTX_SIZE_IN, in ? MD_BYTES : 0);
        a.set(ValueLayout.JAVA_LONG, CTX_IN, in ? contextIn.address() : 0);
        a.set(ValueLayout.JAVA_INT, CTX_SIZE_OUT, out ? MD_BYTES : 0);
        a.set(ValueLayout.JAVA_LONG, CTX_OUT, out ? contextOut.address() : 0);
        int result;
        do {
            result = Call.Native.bpf(state, Uapi.PROG_TEST_RUN, a, ATTR_BYTES);
        } while (result == -Errno.EINTR);
        // The output was cut off at our buffer's end; everything else is there.
        truncated = result == -Errno.ENOSPC;
        return truncated ? 0 : result;
    }

    private static void checkLength(long length) {
        if (length < 0 || length > MAX_DATA_BYTES) {
            throw new IllegalArgumentException(
                    "a test run takes packets of at most " + MAX_DATA_BYTES + " bytes, found length=" + length);
        }
    }

    /** What the program returned last time. */
    public int retval() {
        return attr.get(ValueLayout.JAVA_INT, RETVAL);
    }

    /** Nanoseconds a run, the mean of all repeated. */
    public int durationNanos() {
        return attr.get(ValueLayout.JAVA_INT, DURATION);
    }

    /** Bytes of the packet after the run, with metadata; more than {@link #output} holds if it was truncated. */
    public int outputLength() {
        return attr.get(ValueLayout.JAVA_INT, DATA_SIZE_OUT);
    }

    /** Whether the output was longer than this object keeps. */
    public boolean outputTruncated() {
        return truncated;
    }

    /** The packet after the run from its metadata on; {@link #outputLength} says how much of it counts. */
    public MemorySegment output() {
        return output;
    }

    /** The packet after the run, metadata first, in an array of its own. */
    public byte[] outputBytes() {
        return output.asSlice(0, Math.min(outputLength(), output.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    }

    /** How much of the front of the output is metadata. Needs the context. */
    public int outputMetadataBytes() {
        return contextOut.get(ValueLayout.JAVA_INT, MD_DATA);
    }

    /** Where the linear part of the output ends, counted from its front. Needs the context. */
    public int outputLinearBytes() {
        return contextOut.get(ValueLayout.JAVA_INT, MD_DATA_END);
    }

    /** Gives the memory back. The program stays open: it is its owner's. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
