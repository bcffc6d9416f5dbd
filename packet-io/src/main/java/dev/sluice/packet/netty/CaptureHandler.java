package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.nic.XdpAction;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Shows the packets that come by to sinks, by action, and passes everything on unchanged. Between program and verdict it sees
 * all of them, as the program left them.
 *
 * <p>One for each pipeline; sinks may be shared. A sink that fails makes an {@code exceptionCaught}, and the batch is released.
 */
public final class CaptureHandler extends ChannelInboundHandlerAdapter {
    private final @Nullable FrameSink[] sinks = new FrameSink[XdpAction.COUNT];
    private final long[] masks = new long[XdpAction.COUNT];

    /** With a sink for each action that is of interest; the sinks stay the caller's to close. */
    public CaptureHandler(Map<XdpAction, ? extends FrameSink> byAction) {
        new EnumMap<XdpAction, FrameSink>(byAction).forEach((action, sink) -> sinks[action.ordinal()] = sink);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) throws IOException {
        if (message instanceof FrameBatch batch) {
            boolean written = false;
            try {
                write(batch);
                written = true;
            } finally {
                if (!written) {
                    batch.release();
                }
            }
        }
        ctx.fireChannelRead(message);
    }

    private void write(FrameBatch batch) throws IOException {
        Verdicts.masks(batch, masks);
        for (int i = 0; i < XdpAction.COUNT; i++) {
            FrameSink sink = sinks[i];
            if (sink != null && masks[i] != 0) {
                sink.write(batch, masks[i]);
            }
        }
    }
}
