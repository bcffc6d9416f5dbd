package dev.sluice.exec;

import dev.sluice.helper.RunContext;
import dev.sluice.map.ProgramRef;
import dev.sluice.program.Program;

/**
 * A program ready to run. May be shared by queues; each passes its own {@link RunContext}.
 */
public interface Executable extends ProgramRef {
    Program program();

    /** The engine that runs it, as users name it: {@code interpreter}, {@code jit-checked} or {@code jit}. */
    String engine();

    /**
     * Runs the program once for each frame, in order, as an XDP program: r1 is the context. Reads and writes the
     * descriptors as {@link dev.sluice.memory.FrameDescriptor} says; the CPU of each run is its descriptor's queue, and
     * {@link RunContext#descriptor} is that descriptor's address. A tail call continues in the other program. A fault of one packet gives that packet {@code XDP_ABORTED} and goes to
     * {@code faults}; the others run.
     *
     * @param descriptors address of the first descriptor
     * @param count number of descriptors
     */
    void run(RunContext context, long descriptors, int count, FaultSink faults);

    /**
     * Runs the program once with two arguments and gives r0.
     *
     * @throws ProgramFault when it does what it may not
     */
    long call(RunContext context, long r1, long r2);
}
