package dev.sluice.exec;

import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.TimerHelpers;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;

/**
 * What the engines' executables have in common: the way from a frame descriptor into a {@link RunContext} and back. An
 * engine that generates the loop itself overrides {@link #runAll} and keeps to {@link #begin} and {@link #finish}.
 */
public abstract class BaseExecutable implements Executable {
    private static final long XDP_ABORTED = 0;

    private final Program program;
    private final int programId;

    protected BaseExecutable(Program program, int programId) {
        this.program = program;
        this.programId = programId;
    }

    @Override
    public final Program program() {
        return program;
    }

    @Override
    public final int programId() {
        return programId;
    }

    /**
     * Runs the program in a frame of a run that has begun, and gives r0. This is also how engines continue in a tail
     * call's target: with r1 the context, r2 0 and the depth of the function that made the call, whose frame it takes
     * over.
     *
     * @param depth 0 for the entry function of a run, at most {@link RunContext#MAX_FRAMES} - 1
     * @throws ProgramFault when the program does what it may not
     */
    public abstract long execute(RunContext context, long r1, long r2, int depth);

    @Override
    public final long call(RunContext context, long r1, long r2) {
        boolean entered = context.reader.enter();
        context.beginRun();
        context.descriptor = 0;
        try {
            return execute(context, r1, r2, 0);
        } finally {
            context.releaseLock();
            context.reader.leave(entered);
        }
    }

    @Override
    public final void run(RunContext context, long descriptors, int count, FaultSink faults) {
        boolean entered = context.reader.enter();
        try {
            if (entered && !(context.clock instanceof CaptureClock)) {
                // no loop does it between batches, perhaps
                TimerHelpers.fire(context, context.cpu);
            }
            runAll(context, descriptors, count, faults);
        } finally {
            context.reader.leave(entered);
        }
    }

    /** {@link #run}, of a queue that is online. */
    protected void runAll(RunContext context, long descriptors, int count, FaultSink faults) {
        long descriptor = descriptors;
        for (int i = 0; i < count; i++) {
            begin(context, descriptor);
            long action;
            try {
                action = execute(context, context.xdpMd, 0, 0);
            } catch (ProgramFault fault) {
                action = XDP_ABORTED;
                faults.fault(i, context.tailedInto instanceof Executable other ? fault.in(other.program()) : fault);
            }
            finish(context, descriptor, action);
            descriptor += FrameDescriptor.BYTES;
        }
    }

    /** Makes a descriptor's packet the one at hand and begins a run. */
    public static void begin(RunContext context, long descriptor) {
        if (context.clock instanceof CaptureClock clock) {
            TimerHelpers.advance(context, clock, Memory.getLong(descriptor + FrameDescriptor.TIMESTAMP));
        }
        context.beginRun();
        take(context, descriptor);
    }

    /** Makes a descriptor's packet the one at hand. */
    public static void take(RunContext context, long descriptor) {
        long from = Memory.ofUserSpace(descriptor);
        context.descriptor = descriptor;
        context.data = Memory.getLong(from + FrameDescriptor.DATA);
        context.dataEnd = Memory.getLong(from + FrameDescriptor.DATA_END);
        context.dataMeta = Memory.getLong(from + FrameDescriptor.DATA_META);
        long hardStart = Memory.getLong(from + FrameDescriptor.HARD_START);
        context.hardStart = hardStart;
        context.frameEnd =
                hardStart + (Memory.getInt(from + FrameDescriptor.FRAME_SIZE) & ~Fragments.FLAG) - Fragments.TAILROOM;
        int queue = Memory.getInt(from + FrameDescriptor.RX_QUEUE);
        context.rxQueueIndex = queue & context.rxQueueMask;
        context.cpu = queue;
        context.ingressIfindex = Memory.getInt(from + FrameDescriptor.INGRESS_IFINDEX);
    }

    /** Writes back what the run did to the packet and what it decided. */
    public static void finish(RunContext context, long descriptor, long action) {
        context.releaseLock();
        give(context, descriptor);
        decide(context, descriptor, action);
    }

    /** Writes back where the packet at hand is now. */
    public static void give(RunContext context, long descriptor) {
        long to = Memory.ofUserSpace(descriptor);
        Memory.putLong(to + FrameDescriptor.DATA, context.data);
        Memory.putLong(to + FrameDescriptor.DATA_END, context.dataEnd);
        Memory.putLong(to + FrameDescriptor.DATA_META, context.dataMeta);
    }

    /** Writes back what the run decided. */
    public static void decide(RunContext context, long descriptor, long action) {
        long to = Memory.ofUserSpace(descriptor);
        Memory.putInt(to + FrameDescriptor.ACTION, (int) action);
        Memory.putInt(
                to + FrameDescriptor.REDIRECT_MAP,
                context.redirectMapId | (int) context.redirectFlags >>> 3 << FrameDescriptor.REDIRECT_FLAGS_SHIFT);
        Memory.putInt(to + FrameDescriptor.REDIRECT_INDEX, context.redirectIndex);
    }
}
