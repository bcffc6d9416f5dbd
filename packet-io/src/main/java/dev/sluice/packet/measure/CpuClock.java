package dev.sluice.packet.measure;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Time that the calling thread has had a CPU, in user mode and in the kernel. A reading costs about 200 ns. */
public final class CpuClock {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final boolean SUPPORTED = THREADS.isCurrentThreadCpuTimeSupported();

    private CpuClock() {}

    /** Nanoseconds since some time; wall time where the system does not count for each thread. */
    public static long nanos() {
        return SUPPORTED ? THREADS.getCurrentThreadCpuTime() : System.nanoTime();
    }
}
