package dev.sluice.packet.tap;

import java.io.IOException;

/** A TAP interface that cannot be opened or configured. The message is complete and made for a person. */
public final class TapException extends IOException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    TapException(String message, int errno) {
        super(message);
        this.errno = errno;
    }

    /** The system's error number, 0 when it was not the system that said no. */
    public int errno() {
        return errno;
    }
}
