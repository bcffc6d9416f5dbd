package dev.sluice.jit;

import dev.sluice.exec.FaultSink;
import dev.sluice.helper.RunContext;

/**
 * What a generated class implements: the ways into a compiled program. Nobody else implements or calls it. A class has
 * the ways that it was generated for; the others are an error of ours.
 */
public interface JitCode {
    /** The packet loop: {@link dev.sluice.exec.Executable#run} with the program's body in it. */
    void run(RunContext context, long descriptors, int count, FaultSink faults);

    /**
     * The entry function in a frame of a run that has begun. When the function makes a tail call, it comes back with
     * {@link RunContext#tailTarget} set, and the caller goes on there.
     *
     * @param framePointer r10
     */
    long enter(RunContext context, long r1, long r2, long framePointer);
}
