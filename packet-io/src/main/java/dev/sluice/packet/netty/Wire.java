package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;

/** Where a virtual queue's packets go when they are sent: nowhere, another NIC, a capture. */
@FunctionalInterface
public interface Wire {
    /** Takes everything and keeps nothing. */
    Wire NULL = (batch, mask) -> 0;

    /**
     * Sends packets, which stay the caller's.
     *
     * @param mask the packets to send
     * @return those that could not be sent and never will
     */
    long transmit(FrameBatch batch, long mask) throws Exception;
}
