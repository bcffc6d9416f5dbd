package dev.sluice.kernel;

/**
 * The kernel refused a call. Carries the error number, the call with the arguments that matter, and the log where the
 * call has one (BTF).
 */
public final class BpfException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errno;
    private final String log;

    BpfException(String call, int errno) {
        this(call, errno, "");
    }

    BpfException(String call, int errno, String log) {
        super(call + ": " + Errno.name(errno) + (log.isEmpty() ? "" : "\n" + log));
        this.call = call;
        this.errno = errno;
        this.log = log;
    }

    /** What was asked, such as {@code bpf(MAP_UPDATE_ELEM) map=counters key=01000000}. */
    public String call() {
        return call;
    }

    /** The positive error number; see {@link Errno}. */
    public int errno() {
        return errno;
    }

    /** The error number's name, such as {@code EINVAL}. */
    public String errnoName() {
        return Errno.name(errno);
    }

    /** The kernel's log, empty where there is none. */
    public String log() {
        return log;
    }
}
