package dev.sluice.packet;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.VirtualNic;

/**
 * Hears of packets for which programs returned {@code XDP_ABORTED} or something that is no action, as the kernel's trace point
 * {@code xdp:xdp_exception} tells of them. Called on the queue's thread for one packet after the other; should be quick.
 */
@FunctionalInterface
public interface ExceptionListener {
    /** Wants to know nothing. */
    ExceptionListener NONE = (nic, batch, i) -> {};

    /**
     * @param nic where the packet came in
     * @param batch which has the packet, and what was returned for it; not the listener's when this returns
     * @param i which packet
     */
    void exception(VirtualNic nic, FrameBatch batch, int i);
}
