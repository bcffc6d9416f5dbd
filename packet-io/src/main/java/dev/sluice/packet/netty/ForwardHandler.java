package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.TxPort;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.function.Consumer;

/**
 * Sends whatever arrives out of a device: from a NIC's queue to its host, from the host to the wire. The last handler of a
 * pipeline; hears of failures of those before it. One for each pipeline.
 */
public final class ForwardHandler extends ChannelInboundHandlerAdapter {
    private final VirtualNic to;
    private final int cpu;
    private final Consumer<Throwable> onFailure;
    private boolean wrote;

    /**
     * @param to where packets go
     * @param cpu whose queue of that device
     * @param onFailure called on the loop's thread when a handler threw
     */
    public ForwardHandler(VirtualNic to, int cpu, Consumer<Throwable> onFailure) {
        this.to = to;
        this.cpu = cpu;
        this.onFailure = onFailure;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (!(message instanceof FrameBatch batch)) {
            ctx.fireChannelRead(message);
            return;
        }
        TxPort port = to.port(cpu);
        if (port == null) { // it is being closed
            to.countUnreachable(batch.count());
            batch.release();
            return;
        }
        wrote = true;
        port.send(batch);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        TxPort port = to.port(cpu);
        if (wrote && port != null) {
            wrote = false;
            port.flushSent();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        onFailure.accept(cause);
    }
}
