package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Keeps the calling thread on one CPU until closed, then gives it the CPUs it had before: without it the values of
 * per-CPU maps scatter over CPUs as the scheduler moves the thread.
 *
 * <p>Owner thread: the platform thread that made it, which must also close it.
 */
public final class CpuPin implements AutoCloseable {
    /** As many as a kernel can be built for. */
    private static final int MASK_BYTES = 8192 / 8;

    private final Thread owner;
    private final byte[] before;
    private final int cpu;
    private boolean open = true;

    private CpuPin(Thread owner, byte[] before, int cpu) {
        this.owner = owner;
        this.before = before;
        this.cpu = cpu;
    }

    /**
     * Pins the calling thread.
     *
     * @param cpu number of the CPU, from 0
     * @throws BpfException EINVAL where there is no such CPU, or this process may not use it
     */
    public static CpuPin to(int cpu) {
        Thread thread = Thread.currentThread();
        if (thread.isVirtual()) {
            throw new IllegalStateException(
                    "a virtual thread cannot be pinned: it moves between threads of the system");
        }
        if (cpu < 0 || cpu >= MASK_BYTES * 8) {
            throw new IllegalArgumentException("no such CPU: cpu=" + cpu);
        }
        byte[] before = affinity();
        byte[] mask = new byte[MASK_BYTES];
        mask[cpu >> 3] = (byte) (1 << (cpu & 7));
        setAffinity(mask, "cpu=" + cpu);
        return new CpuPin(thread, before, cpu);
    }

    /** Pins the calling thread to the lowest CPU that it may use. */
    public static CpuPin toFirstAllowed() {
        byte[] mask = affinity();
        for (int cpu = 0; cpu < MASK_BYTES * 8; cpu++) {
            if ((mask[cpu >> 3] & 1 << (cpu & 7)) != 0) {
                return to(cpu);
            }
        }
        throw new AssertionError("a running thread that may use no CPU");
    }

    /** The CPU's number. */
    public int cpu() {
        return cpu;
    }

    @Override
    public void close() {
        if (!open) {
            return;
        }
        if (!Thread.currentThread().equals(owner)) {
            throw new IllegalStateException("a CPU pin is closed by the thread that made it: owner=" + owner.getName());
        }
        open = false;
        setAffinity(before, "(as before)");
    }

    private static byte[] affinity() {
        try (Call call = Call.begin()) {
            MemorySegment mask = call.allocate(MASK_BYTES);
            long size = call.system(Machine.SCHED_GETAFFINITY, 0, MASK_BYTES, mask.address(), 0, 0);
            if (size < 0) {
                throw new BpfException("sched_getaffinity", (int) -size);
            }
            return mask.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static void setAffinity(byte[] mask, String what) {
        try (Call call = Call.begin()) {
            MemorySegment segment = call.copy(mask);
            long result = call.system(Machine.SCHED_SETAFFINITY, 0, MASK_BYTES, segment.address(), 0, 0);
            if (result < 0) {
                throw new BpfException("sched_setaffinity " + what, (int) -result);
            }
        }
    }
}
