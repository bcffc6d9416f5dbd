package dev.sluice.kernel;

/**
 * System call numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (AArch64). Constants
 * after class initialisation, so that the JIT compiler folds them.
 */
final class Machine {
    private static final String ARCH = System.getProperty("os.arch", "");
    private static final boolean X86_64 = ARCH.equals("amd64") || ARCH.equals("x86_64");
    private static final boolean AARCH64 = ARCH.equals("aarch64");

    static final int BPF = X86_64 ? 321 : 280;
    static final int READ = X86_64 ? 0 : 63;
    static final int CLOSE = X86_64 ? 3 : 57;
    static final int OPENAT = X86_64 ? 257 : 56;
    static final int MMAP = X86_64 ? 9 : 222;
    static final int MUNMAP = X86_64 ? 11 : 215;
    static final int PERF_EVENT_OPEN = X86_64 ? 298 : 241;
    static final int SCHED_SETAFFINITY = X86_64 ? 203 : 122;
    static final int SCHED_GETAFFINITY = X86_64 ? 204 : 123;
    // From 424 on all machines share one table.
    static final int FSOPEN = 430;
    static final int FSCONFIG = 431;
    static final int FSMOUNT = 432;

    private Machine() {}

    /** Whether the numbers above are this machine's. */
    static boolean isKnown() {
        return X86_64 || AARCH64;
    }

    static String name() {
        return ARCH;
    }
}
