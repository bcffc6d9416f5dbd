package dev.sluice.helper;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapTimers;
import dev.sluice.map.ProgramRef;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.Memory;
import dev.sluice.memory.QuiescentStates;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a run of a program has at hand: the packet, the CPU, the clock, random numbers, the trace, the pending redirect.
 * One a queue, used by that queue's thread alone; fields are plain because compiled code reads and writes them.
 * Allocates nothing after its construction.
 */
public final class RunContext implements AutoCloseable {
    /** Frames of a call chain ({@code MAX_CALL_FRAMES}). */
    public static final int MAX_FRAMES = 8;

    /** Bytes of a frame's stack ({@code MAX_BPF_STACK}). */
    public static final int STACK_BYTES = 512;

    /** Tail calls of a run ({@code MAX_TAIL_CALL_CNT}). */
    public static final int MAX_TAIL_CALLS = 33;

    /** Bytes of {@code struct xdp_md}. */
    public static final int XDP_MD_BYTES = 24;

    /** Bytes of a key that a callback gets without further ado. */
    public static final int KEY_BYTES = 512;

    /** Bytes of all such keys: one a frame. */
    public static final int KEYS_BYTES = MAX_FRAMES * KEY_BYTES;

    /** {@link #instructionLimit} for no limit. */
    public static final long NO_LIMIT = Long.MAX_VALUE;

    /**
     * {@link #instructionLimit} that no program meant to end reaches. With it, or a greater one, what is proved to end is
     * not counted.
     */
    public static final long USUAL_LIMIT = 100_000_000;

    private final Arena arena = Arena.ofShared();

    public final MapTable maps;
    public final Regions regions;

    /** Where this queue says when it holds nothing that others want to free. Engines enter before they run a program. */
    public final QuiescentStates.Reader reader;

    /** First address of the stacks, {@link #MAX_FRAMES} of {@link #STACK_BYTES}; frame 0 is the highest. */
    public final long stacks = Memory.allocate(arena, (long) MAX_FRAMES * STACK_BYTES, 64);

    /** r10 of frame 0: the address behind the stacks. */
    public final long stackTop = stacks + (long) MAX_FRAMES * STACK_BYTES;

    /** First address of the frames that are alive; programs may touch the stack from here to {@link #stackTop}. */
    public long stackLow = stackTop - STACK_BYTES;

    /**
     * The address that XDP programs get as their context. Nothing is stored there: engines answer loads from the fields
     * below.
     */
    public final long xdpMd = Memory.allocate(arena, XDP_MD_BYTES, 8);

    /** The interpreter's registers: r0 to r10, and room that makes the index mask 15 safe. */
    public final long[] registers = new long[16];

    /**
     * What a part of a function leaves for the part that a dispatcher goes on in: registers, what is left of may_goto, and
     * from {@link #CARRIED_VARIABLES} on variables on the stack. Of the JIT.
     */
    public final long[] carried = new long[CARRIED_VARIABLES + 64];

    /** Where {@link #carried} has variables. */
    public static final int CARRIED_VARIABLES = 12;

    /** Where a dispatcher goes on in a function of several parts; below 0 when it has come to its exit. Of the JIT. */
    public int resumeAt = -1;

    /**
     * By frame, from the lowest address on: which of its 64 slots of 8 bytes may be other than zero, as bits. Kept by code of
     * the checked JIT, which so zeroes no more of a frame than has been written, and by {@link dev.sluice.exec.Checks}.
     */
    public final long[] dirtySlots = new long[MAX_FRAMES];

    /** Instructions that remember a region, by the low bits of their slot. */
    public static final int KNOWN_REGIONS = 32;

    /** Start, end, whether it may be written, and a spare one. */
    public static final int KNOWN_REGION_LONGS = 4;

    /** The region that an instruction of a checked engine was in last time; all zero for none. */
    public final long[] knownRegions = new long[KNOWN_REGIONS * KNOWN_REGION_LONGS];

    /** The {@link Regions#version} under which {@link #knownRegions} were found. */
    public long knownRegionsVersion;

    /** Scratch memory of helpers, {@link #STACK_BYTES} bytes. */
    public final long scratch = Memory.allocate(arena, STACK_BYTES, 64);

    /** Keys that helpers show to functions of the program, {@link #KEY_BYTES} a frame; programs may only read them. */
    public final long keys = Memory.allocate(arena, KEYS_BYTES, 64);

    public Clock clock;
    public TraceSink trace = TraceSink.NONE;

    /** Sees every instruction that the interpreter runs; null, the usual case, for nobody. */
    public StepSink steps;

    /** The CPU that the program believes to run on: the queue's number. */
    public int cpu;

    /** Interfaces, routes and neighbours that programs can ask for. */
    public Network network = new Network();

    /** What the packet's device knows of it. */
    public ReceiveHints hints = ReceiveHints.NONE;

    /** The key of SYN cookies. */
    public long secret;

    /** What the last number that was read is. */
    long parsed;

    boolean parsedNegative;

    private TraceFormat traceFormat;

    /** State of {@link #nextRandom()}. */
    private long random;

    // --- the packet at hand (addresses; data_meta <= data <= data_end <= frameEnd)
    public long data;
    public long dataEnd;
    public long dataMeta;
    public long hardStart;

    /** Where data_end may grow to: the end of the frame less the tailroom's reserve. */
    public long frameEnd;

    /**
     * Address of the packet's {@link dev.sluice.memory.FrameDescriptor}, 0 outside of a batch. Engines set it before each
     * packet: a clock of capture time and the receive hints read the descriptor through it.
     */
    public long descriptor;

    public int ingressIfindex;
    public int rxQueueIndex;

    /**
     * What programs see of the number of their queue: all of it, or 0 in programs of devmaps and cpumaps, which Linux does not tell
     * it. Whoever runs a program sets it, engines do not.
     */
    public int rxQueueMask = -1;

    /** The device that the packet is about to leave by, 0 on its way in; whoever runs a program sets it, engines do not. */
    public int egressIfindex;

    /** Memory lent to a raw program ({@code sluice exec}) beside the packet; 0 bytes when none. */
    public long extraStart;

    public long extraEnd;

    // --- the redirect that the program asked for
    /** Id of the map, or 0 for an ifindex. */
    public int redirectMapId;

    /** Key in that map, or ifindex. */
    public int redirectIndex;

    /** The flags that matter at the flush. */
    public long redirectFlags;

    // --- tail calls
    /** Set by bpf_tail_call when it succeeds: the program to run instead of the rest of this one. */
    public ProgramRef tailTarget;

    /** The program that a tail call has gone on in, for reports of its faults; null in the one that the run began with. */
    public @Nullable ProgramRef tailedInto;

    /** Tail calls of this run so far. */
    public int tailCalls;

    /** Address of the lock in a map's value that the program holds, 0 for none. */
    public long heldLock;

    // --- calls back into the program, set by engines before they call a helper that makes some
    /** The program that called; null before any has. */
    public @Nullable Callbacks callbacks;

    /** r10 of the function that called. */
    public long callbackFrame;

    /** Slot of the call. */
    public int callbackPc;

    // --- timers
    /** The timer whose callback is being run, or null. */
    MapTimers.@Nullable Due due;

    final MapTimers.Due dueTimer = new MapTimers.Due();

    /** Gets what a timer's callback did wrong; the timer does not run then any more. */
    public Consumer<RuntimeException> timerFaults = fault -> {
        throw fault;
    };

    /** Room for keys above {@link #KEY_BYTES}, made when there is one: its address and bytes for each frame. */
    private long longKeys;

    private long longKeyBytes;
    private final List<Long> longKeyAreas = new ArrayList<>();

    // --- bounds of an unverified run
    /** Instructions that a run may execute, {@link #NO_LIMIT} for no limit. */
    public long instructionLimit = NO_LIMIT;

    /** Instructions left in this run; engines count it down. */
    public long instructionsLeft;

    /**
     * @param clock behind bpf_ktime_get_ns
     * @param seed of the random numbers
     */
    public RunContext(MapTable maps, Regions regions, Clock clock, long seed) {
        this.maps = maps;
        this.regions = regions;
        this.clock = clock;
        reader = maps.quiescentStates().newReader();
        seed(seed);
    }

    /** {@link #knownRegions}, all forgotten if regions have come or gone. */
    public long[] knownRegions() {
        long version = regions.version();
        if (knownRegionsVersion != version) {
            Arrays.fill(knownRegions, 0);
            knownRegionsVersion = version;
        }
        return knownRegions;
    }

    /** Gives back a lock that a program held when it was ended. */
    public void releaseLock() {
        if (heldLock != 0) {
            Memory.ATOMIC_INT.setRelease(Memory.ALL, heldLock, 0);
            heldLock = 0;
        }
    }

    /** Notes that bytes of the stacks are written. */
    public void soil(long address, int bytes) {
        int offset = (int) (address - stacks);
        int first = offset >> 3; // a frame's 64 slots are the number's last 6 bits
        int last = offset + bytes - 1 >> 3;
        // mostly noted before, and stores that each wait for the one before would take longer than the program's own
        if ((dirtySlots[first >> 6] >>> first & dirtySlots[last >> 6] >>> last & 1) == 0) {
            dirtySlots[first >> 6] |= 1L << first;
            dirtySlots[last >> 6] |= 1L << last;
        }
    }

    /**
     * Notes that memory is written which the program may touch, if it is in the stacks.
     *
     * @param bytes above 0
     */
    public void soilMemory(long address, long bytes) {
        if (address < stacks || address >= stackTop) {
            return;
        }
        int first = (int) (address - stacks >> 3);
        int last = (int) (address + bytes - 1 - stacks >> 3);
        long fromFirst = -1L << first;
        for (int frame = first >> 6; frame < last >> 6; frame++) {
            dirtySlots[frame] |= fromFirst;
            fromFirst = -1;
        }
        dirtySlots[last >> 6] |= fromFirst & -1L >>> ~last;
    }

    /** Notes that nothing is known of the stacks. */
    public void soilAll() {
        Arrays.fill(dirtySlots, -1);
    }

    /** The frame of a function's call is the lowest that is alive from now on. */
    public void frameIsLowest(long framePointer) {
        stackLow = framePointer - STACK_BYTES;
    }

    /** Forgets the redirect that the last run asked for. */
    public void forgetRedirect() {
        redirectMapId = 0;
        redirectIndex = 0;
        redirectFlags = 0;
    }

    /** Forgets what the last run left behind: pending redirect, tail calls, instructions used. */
    public void beginRun() {
        forgetRedirect();
        tailTarget = null;
        tailedInto = null;
        tailCalls = 0;
        instructionsLeft = instructionLimit;
        stackLow = stackTop - STACK_BYTES;
    }

    /** Begins a run that is a timer's callback: there is no packet. */
    void beginCallback(MapTimers.Due timer) {
        beginRun();
        soilAll();
        descriptor = 0;
        data = 0;
        dataEnd = 0;
        dataMeta = 0;
        cpu = timer.cpu;
        due = timer;
    }

    void endCallback() {
        due = null;
        releaseLock();
        beginRun();
    }

    /**
     * Where a helper puts the key that it shows to a function of the program, which may only read it.
     *
     * @param frame r10 of the function that called the helper
     */
    long keyArea(long frame, int keySize) {
        long depth = (stackTop - frame) / STACK_BYTES;
        if (keySize <= KEY_BYTES) {
            return keys + depth * KEY_BYTES;
        }
        if (keySize > longKeyBytes) {
            // the old ones stay: functions that are being called may still look at them
            longKeyBytes = keySize + 7L & -8L;
            longKeys = Memory.allocate(arena, MAX_FRAMES * longKeyBytes, 8);
            regions.add(longKeys, MAX_FRAMES * longKeyBytes, false);
            longKeyAreas.add(longKeys);
        }
        return longKeys + depth * longKeyBytes;
    }

    /** r10 of a frame: the address behind its {@link #STACK_BYTES}; depth 0 is the entry function. */
    public long framePointer(int depth) {
        return stackTop - (long) depth * STACK_BYTES;
    }

    /**
     * Whether the program may touch memory: the packet from data_meta to data_end, the stacks, memory lent to it, keys
     * that callbacks get, or a region of its runtime. The context itself is not memory.
     *
     * @param bytes above 0
     */
    public boolean allows(long address, long bytes, boolean write) {
        return address >= dataMeta && address <= dataEnd - bytes
                || address >= stackLow && address <= stackTop - bytes
                || address >= extraStart && address <= extraEnd - bytes
                || !write && address >= keys && address <= keys + KEYS_BYTES - bytes
                || regions.allows(address, bytes, write)
                || !write && network.sockets().contains(address, bytes)
                || network.connections().allows(address, bytes, write)
                || inFragments(address, bytes);
    }

    /** Whether bytes are a part of the keys that callbacks are shown. */
    public boolean isKey(long address, long bytes) {
        return address >= keys && address <= keys + KEYS_BYTES - bytes;
    }

    /** Slices of the packet's dynptr may lie there. */
    private boolean inFragments(long address, long bytes) {
        int size = Fragments.bytes(descriptor);
        if (size == 0) {
            return false;
        }
        long start = Fragments.address(descriptor);
        return address >= start && address <= start + size - bytes;
    }

    /**
     * The length of a string that ends in NUL, in memory that the program may read.
     *
     * @param limit most bytes to look at
     * @return the length without the NUL, or -1 when there is no NUL within the limit or the readable memory
     */
    public int stringLength(long address, long limit) {
        for (int length = 0; length < limit && allows(address + length, 1, false); length++) {
            if (Memory.getByte(address + length) == 0) {
                return length;
            }
        }
        return -1;
    }

    /** Restarts the random numbers. Neighbouring seeds, as queues have them, give sequences that share nothing. */
    public void seed(long seed) {
        // a multiple of the step would start the same sequence some numbers later
        random = mix(seed + 0x632b_e59b_d9b4_e019L);
    }

    /** The next of a reproducible sequence of 64 random bits (SplitMix64: Steele, Lea, Flood 2014). */
    public long nextRandom() {
        random += 0x9e37_79b9_7f4a_7c15L;
        return mix(random);
    }

    private static long mix(long from) {
        long z = from;
        z = (z ^ z >>> 30) * 0xbf58_476d_1ce4_e5b9L;
        z = (z ^ z >>> 27) * 0x94d0_49bb_1331_11ebL;
        return z ^ z >>> 31;
    }

    /** The map of a pointer, or null. */
    public BpfMap map(long handle) {
        return maps.byHandle(handle);
    }

    /** The formatter of trace lines; made when the first program prints. */
    TraceFormat traceFormat() {
        if (traceFormat == null) {
            traceFormat = new TraceFormat();
        }
        return traceFormat;
    }

    @Override
    public void close() {
        reader.close();
        longKeyAreas.forEach(regions::remove);
        arena.close();
    }
}
