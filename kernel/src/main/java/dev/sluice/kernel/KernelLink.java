package dev.sluice.kernel;

/** A program's attachment to an interface; it ends with this, or with the process. Thread-safe. */
public final class KernelLink implements AutoCloseable {
    private final Fd fd;

    KernelLink(Fd fd) {
        this.fd = fd;
    }

    @Override
    public void close() {
        fd.close();
    }
}
