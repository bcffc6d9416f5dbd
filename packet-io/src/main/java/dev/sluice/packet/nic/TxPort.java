package dev.sluice.packet.nic;

import dev.sluice.packet.frame.FrameBatch;

/** The sending end of a NIC's queue. A channel is one. */
public interface TxPort {
    /** Queues packets for sending and takes over the batch's reference. Any thread. */
    void send(FrameBatch batch);

    /** Sends what was queued: once a poll, as the kernel's bulk flush. */
    void flushSent();
}
