package dev.sluice.helper;

/**
 * The way from a helper back into the program that called it. Engines leave theirs in {@link RunContext#callbacks} before
 * each call of a helper that needs one; a helper that calls several times keeps it, since the function that it calls may
 * call such helpers too.
 */
public interface Callbacks {
    /**
     * Calls a function of the program, on the queue's thread.
     *
     * @param callerFrame r10 of the function that called the helper, {@link RunContext#callbackFrame}; the called
     *     function gets the frame below
     * @param function the function's address, as the program gave it
     * @param pc slot of the call of the helper, for faults
     * @return r0
     */
    long call(RunContext context, long callerFrame, long function, int pc, long r1, long r2, long r3, long r4, long r5);
}
