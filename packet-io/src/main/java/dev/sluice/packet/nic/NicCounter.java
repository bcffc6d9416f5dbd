package dev.sluice.packet.nic;

import java.util.Locale;

/** The statistics of a NIC's queue; names as drivers show them to {@code ethtool -S}. */
public enum NicCounter {
    /** Packets that the NIC took from its wire. */
    RX_PACKETS,
    RX_BYTES,
    /** Shorter than an Ethernet header: refused, as drivers do. */
    RX_LENGTH_ERRORS,
    /** Longer than the MTU allows: refused. */
    RX_TOO_LARGE,
    /** No frame was free (a live source; a lossless one waits instead). */
    RX_NO_BUFFER,
    /** Packets that a program has seen. */
    RX_XDP_PACKETS,
    RX_XDP_BYTES,
    RX_XDP_ABORTED,
    RX_XDP_DROP,
    RX_XDP_PASS,
    /** Sent back on the wire that they came from. */
    RX_XDP_TX,
    /** Meant to be sent back, and the wire did not take them. */
    RX_XDP_TX_ERRORS,
    RX_XDP_REDIRECT,
    /** Redirected to nowhere, or to what did not take them. */
    RX_XDP_REDIRECT_ERRORS,
    /** The program returned something that is no action. */
    RX_XDP_INVALID,
    TX_PACKETS,
    TX_BYTES,
    /** Not taken by the wire. */
    TX_ERRORS;

    private final String label = name().toLowerCase(Locale.ROOT);

    /** The name, such as {@code rx_xdp_drop}. */
    public String label() {
        return label;
    }

    /** The name for one queue, such as {@code rx0_xdp_drop}. */
    public String label(int queue) {
        return label.substring(0, 2) + queue + label.substring(2);
    }
}
