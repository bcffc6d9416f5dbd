package dev.sluice.packet.pcap;

/**
 * What a pcapng capture can say about a packet beside its bytes; a classic capture has no room for it. One object is reused
 * for many packets: set what is known, {@link #clear()} the rest.
 */
public final class PacketNote {
    /** Directions, as pcapng numbers them. */
    public static final int DIRECTION_UNKNOWN = 0;

    public static final int INBOUND = 1;
    public static final int OUTBOUND = 2;

    int direction;
    boolean hasAction;
    long action;
    boolean hasQueue;
    int queue;
    boolean hasPacketId;
    long packetId;

    /** Forgets everything. */
    public PacketNote clear() {
        direction = DIRECTION_UNKNOWN;
        hasAction = false;
        hasQueue = false;
        hasPacketId = false;
        return this;
    }

    /** {@link #INBOUND}, {@link #OUTBOUND} or {@link #DIRECTION_UNKNOWN}; Wireshark's {@code frame.packet_flags_direction}. */
    public PacketNote direction(int direction) {
        if (direction < DIRECTION_UNKNOWN || direction > OUTBOUND) {
            throw new IllegalArgumentException("direction of a packet, expected=0..2 found=" + direction);
        }
        this.direction = direction;
        return this;
    }

    /** What the XDP program returned, XDP_DROP = 1 and so on; Wireshark's {@code frame.verdict.ebpf_xdp}. */
    public PacketNote action(long action) {
        this.action = action;
        hasAction = true;
        return this;
    }

    /** The queue that the packet came from; Wireshark's {@code frame.interface_queue}. */
    public PacketNote queue(int queue) {
        this.queue = queue;
        hasQueue = true;
        return this;
    }

    /** A number that packets share which are the same one at several places; Wireshark's {@code frame.packet_id}. */
    public PacketNote packetId(long packetId) {
        this.packetId = packetId;
        hasPacketId = true;
        return this;
    }
}
