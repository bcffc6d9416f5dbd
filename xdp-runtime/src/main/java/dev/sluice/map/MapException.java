package dev.sluice.map;

/** A map operation of user space that the kernel would refuse, with its error number. */
public final class MapException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    public MapException(Errno errno, String message) {
        super(message + ", errno=" + errno);
        this.errno = errno;
    }

    public Errno errno() {
        return errno;
    }
}
