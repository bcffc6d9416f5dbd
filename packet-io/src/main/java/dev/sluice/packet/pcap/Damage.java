package dev.sluice.packet.pcap;

/**
 * Why a capture ended before its end: a value, which {@link CaptureReader#damage()} gives after the packets before it.
 *
 * @param kind what sort of trouble
 * @param message the whole message for a person: file, packet, what was expected and found, offset
 * @param offset where in the capture's bytes (after decompression, where there is one), from 0: the start of the packet or
 *     block that could not be read
 * @param packet number of the packet that could not be read, from 1, as Wireshark counts
 */
public record Damage(Kind kind, String message, long offset, long packet) {
    /** The sorts of trouble. */
    public enum Kind {
        /** The bytes end in the middle of something. */
        TRUNCATED,
        /** A number in the capture is not possible, or the compressed data around it is broken. */
        CORRUPT,
        /** The operating system could not read on. */
        READ_ERROR,
        /** The packet is not an Ethernet frame, after {@link CaptureReader#requireEthernet()}. */
        LINK_TYPE
    }

    /** This damage as an exception, for callers that want one. */
    public CaptureException toException() {
        return new CaptureException(message);
    }
}
