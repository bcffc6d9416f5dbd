package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.function.Consumer;

/**
 * The host side that is not there: takes what passed, counts it and releases it. The last handler of a pipeline; hears of
 * failures of those before it.
 */
public final class HostHandler extends ChannelInboundHandlerAdapter {
    private final Consumer<Throwable> onFailure;
    private long packets;

    /** @param onFailure called on the loop's thread when a handler threw */
    public HostHandler(Consumer<Throwable> onFailure) {
        this.onFailure = onFailure;
    }

    /** Packets that arrived here. */
    public long packets() {
        return packets;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof FrameBatch batch) {
            packets += batch.count();
            batch.release();
        } else {
            ctx.fireChannelRead(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        // the end of the line
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        onFailure.accept(cause);
    }
}
