package dev.sluice.packet.pcap;

import java.io.IOException;

/** A capture that cannot be opened, read or written. The message is complete and made for a person. */
public final class CaptureException extends IOException {
    public CaptureException(String message) {
        super(message);
    }

    public CaptureException(String message, Throwable cause) {
        super(message, cause);
    }
}
