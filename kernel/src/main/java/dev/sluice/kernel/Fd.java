package dev.sluice.kernel;

import java.util.concurrent.atomic.AtomicInteger;

/** A file descriptor that is closed exactly once. Thread-safe. */
final class Fd implements AutoCloseable {
    private static final int CLOSED = -1;

    private final AtomicInteger number;

    Fd(int number) {
        if (number < 0) {
            throw new AssertionError("not a descriptor: fd=" + number);
        }
        this.number = new AtomicInteger(number);
    }

    /** The descriptor's number. Throws IllegalStateException once closed: the number may be somebody else's by then. */
    int number() {
        int fd = number.get();
        if (fd == CLOSED) {
            throw new IllegalStateException("already closed");
        }
        return fd;
    }

    @Override
    public void close() {
        int fd = number.getAndSet(CLOSED);
        if (fd != CLOSED) {
            try (Call call = Call.begin()) {
                // The result says nothing of use: Linux has closed the descriptor even where it reports EINTR.
                call.system(Machine.CLOSE, fd, 0, 0, 0, 0);
            }
        }
    }
}
