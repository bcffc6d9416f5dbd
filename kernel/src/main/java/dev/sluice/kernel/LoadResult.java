package dev.sluice.kernel;

/** What the kernel said of a program. Immutable. */
public sealed interface LoadResult {
    /**
     * The verifier's log, as far as it was asked for; without a trailing line end.
     *
     * @see ProgramAttributes#withLogLevel
     */
    String log();

    /** Whether the log was longer than there was room for, and begins in the middle. */
    boolean logTruncated();

    /**
     * Accepted.
     *
     * @param program to be closed by whoever asked for it
     */
    record Loaded(KernelProgram program, String log, boolean logTruncated) implements LoadResult {
        /** Instructions that the verifier processed, along all paths. */
        public int verifiedInsns() {
            return program.info().verifiedInsns();
        }
    }

    /**
     * Refused, nearly always by the verifier: EACCES, EINVAL, EPERM (pointers leak), E2BIG (too complex), ENOENT.
     * ESRCH: it did not come as far, the log says why it could not be linked.
     *
     * @param errno positive
     */
    record Rejected(int errno, String log, boolean logTruncated) implements LoadResult {
        /** The error number's name, such as {@code EACCES}. */
        public String errnoName() {
            return Errno.name(errno);
        }
    }

    /** The program, or an exception with the log: for callers that know it to be good. */
    default KernelProgram orThrow() {
        return switch (this) {
            case Loaded loaded -> loaded.program();
            case Rejected rejected -> throw new BpfException("bpf(PROG_LOAD)", rejected.errno(), rejected.log());
        };
    }
}
