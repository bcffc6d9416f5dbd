package dev.sluice.packet.pcap;

/**
 * An interface of a capture. A classic capture has one; a pcapng section has any number. Interfaces of different sections
 * that are equal in all of this share one index.
 *
 * @param index position in {@link CaptureReader#interfaces()}; what a packet's interface index means
 * @param id number within its section
 * @param name the name that the capture gives, or the empty string
 * @param description as the capture gives it, or the empty string
 * @param linkType see {@link LinkType}
 * @param snapLength greatest captured length in bytes, 0 for none
 * @param nanoseconds whether times of this interface can be finer than a microsecond
 * @param fcsLength bytes of frame check sequence at the end of each frame, 0 where the capture says nothing
 */
public record CaptureInterface(
        int index,
        int id,
        String name,
        String description,
        int linkType,
        int snapLength,
        boolean nanoseconds,
        int fcsLength) {

    /** Whether packets of this interface are Ethernet frames. */
    public boolean isEthernet() {
        return linkType == LinkType.ETHERNET;
    }
}
