package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import org.jspecify.annotations.Nullable;

/**
 * The user event of a batch in which programs returned {@code XDP_ABORTED} or something that is no action: what the kernel's
 * trace point {@code xdp:xdp_exception} tells. Valid while the event is handled; retain the batch to keep it.
 */
public final class XdpExceptions {
    private @Nullable FrameBatch batch;
    private long mask;

    XdpExceptions() {}

    XdpExceptions of(@Nullable FrameBatch of, long packets) {
        batch = of;
        mask = packets;
        return this;
    }

    /** The batch, whose other packets are nobody's business here. */
    public FrameBatch batch() {
        FrameBatch now = batch;
        if (now == null) {
            throw new IllegalStateException("the event has been handled, expected use within userEventTriggered");
        }
        return now;
    }

    /** The packets, as a mask. */
    public long mask() {
        return mask;
    }
}
