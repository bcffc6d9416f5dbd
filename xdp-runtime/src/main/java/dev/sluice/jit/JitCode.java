package dev.sluice.jit;

import dev.sluice.exec.FaultSink;
import dev.sluice.helper.Callbacks;
import dev.sluice.helper.RunContext;

/**
 * What a generated class extends: the ways into a compiled program. Nobody else extends or calls it. A class has the ways
 * that it was generated for; the others are an error of ours. A class and no interface, as tail calls go through it, whose
 * targets are many.
 */
public abstract class JitCode implements Callbacks {
    /** The packet loop: {@link dev.sluice.exec.Executable#run} with the program's body in it. */
    public abstract void run(RunContext context, long descriptors, int count, FaultSink faults);

    /**
     * The entry function in a frame of a run that has begun. When the function makes a tail call, it comes back with
     * {@link RunContext#tailTarget} set, and the caller goes on there.
     *
     * @param framePointer r10
     */
    public abstract long enter(RunContext context, long r1, long r2, long framePointer);

    @Override
    public final long call(
            RunContext context, long callerFrame, long function, int pc, long r1, long r2, long r3, long r4, long r5) {
        long framePointer = callerFrame - RunContext.STACK_BYTES;
        if (framePointer - RunContext.STACK_BYTES < context.stacks) {
            throw JitRuntime.tooDeep(pc);
        }
        if (!hasFunction(function)) {
            throw JitRuntime.badCallback(function, pc);
        }
        long stackLow = context.stackLow;
        try {
            long result = callBack(context, r1, r2, r3, r4, r5, framePointer, function);
            context.stackLow = stackLow;
            return result;
        } catch (Throwable e) {
            throw JitRuntime.<RuntimeException>located(
                    e, ((ProgramLoader) getClass().getClassLoader()).program());
        }
    }

    /** Whether a number is the address of a function that the program calls or takes the address of. */
    public boolean hasFunction(long function) {
        return false;
    }

    /** Calls such a function. */
    public long callBack(
            RunContext context, long r1, long r2, long r3, long r4, long r5, long framePointer, long function) {
        throw new AssertionError("no function's address is taken");
    }
}
