package dev.sluice.cli;

/** The exit codes of the command, as the README lists them. */
final class ExitCode {
    static final int OK = 0;
    static final int FAILED = 1;
    static final int USAGE = 2;

    /** The environment lacks something: a permission, a device, a library. */
    static final int ENVIRONMENT = 3;

    /** A verifier rejected a program. */
    static final int REJECTED = 4;

    /** A comparison found a difference. */
    static final int DIFFERENT = 5;

    /** Ended by Ctrl-C; the summary was printed. */
    static final int INTERRUPTED = 130;

    /** Whoever reads standard output has closed it, as {@code head} does: the code of a process that SIGPIPE ended. */
    static final int PIPE_CLOSED = 141;

    private ExitCode() {}
}
