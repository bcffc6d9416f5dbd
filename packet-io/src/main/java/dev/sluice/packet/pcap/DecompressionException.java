package dev.sluice.packet.pcap;

import java.io.IOException;

/** Compressed data that is broken or ends early. */
final class DecompressionException extends IOException {
    DecompressionException(String message) {
        super(message);
    }
}
