package dev.sluice;

import dev.sluice.map.Errno;

/** A test run that the kernel would refuse, with its error number. */
public final class TestRunException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    TestRunException(Errno errno, String message) {
        super(message + ", errno=" + errno);
        this.errno = errno;
    }

    public Errno errno() {
        return errno;
    }
}
