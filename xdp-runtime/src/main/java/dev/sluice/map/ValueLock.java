package dev.sluice.map;

import dev.sluice.memory.Memory;

/**
 * The {@code struct bpf_spin_lock} in a value: a word that is 1 while somebody holds it. It is never copied with the value:
 * user space sees 0 there, and what it writes there is ignored. Any thread; no allocation.
 */
final class ValueLock {
    static final int BYTES = Integer.BYTES;

    /** Tries before giving up, most of them with the CPU given away: a program holds a lock for microseconds. */
    private static final int TRIES = 1 << 20;

    private static final int SPINS = 100;

    private ValueLock() {}

    /** Whether it was taken; false after a long time. */
    static boolean lock(long address) {
        for (int tries = 0; tries < TRIES; tries++) {
            if (Memory.ATOMIC_INT.compareAndSet(Memory.ALL, address, 0, 1)) {
                return true;
            }
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        return false;
    }

    static void unlock(long address) {
        Memory.ATOMIC_INT.setRelease(Memory.ALL, address, 0);
    }
}
