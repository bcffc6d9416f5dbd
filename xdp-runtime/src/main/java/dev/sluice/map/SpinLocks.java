package dev.sluice.map;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Locks that are held for a few loads and stores, each on a cache line of its own. Not reentrant, not fair. Any thread;
 * no allocation.
 */
final class SpinLocks {
    private static final VarHandle HANDLE = MethodHandles.arrayElementVarHandle(int[].class);

    /** Ints of two cache lines. */
    private static final int STRIDE = 32;

    private static final int SPINS = 100;

    private final int[] locks;

    SpinLocks(int count) {
        locks = new int[(count + 1) * STRIDE];
    }

    void lock(int number) {
        int at = (number + 1) * STRIDE;
        int spins = 0;
        while (!HANDLE.compareAndSet(locks, at, 0, 1)) {
            // The holder may have lost its CPU.
            if (++spins > SPINS) {
                Thread.yield();
            } else {
                Thread.onSpinWait();
            }
        }
    }

    void unlock(int number) {
        HANDLE.setRelease(locks, (number + 1) * STRIDE, 0);
    }
}
