package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.VlanTags;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Takes VLAN tags out of packets in front of an {@link XdpHandler}, and behind its verdict puts them back in ({@link VlanTags}).
 * Stateless; allocates nothing.
 */
@Sharable
public final class VlanHandler extends ChannelInboundHandlerAdapter {
    /** In front of the program. */
    public static final VlanHandler STRIP = new VlanHandler(true);

    /** On the way to the host. */
    public static final VlanHandler RESTORE = new VlanHandler(false);

    private final boolean strips;

    private VlanHandler(boolean strips) {
        this.strips = strips;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof FrameBatch batch) {
            if (strips) {
                VlanTags.strip(batch);
            } else {
                VlanTags.restore(batch);
            }
        }
        ctx.fireChannelRead(message);
    }
}
