package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import org.jspecify.annotations.Nullable;

/**
 * Does what the program decided, for a batch at a time: {@code XDP_PASS} goes on through the pipeline, {@code XDP_TX} is
 * written back to this channel, {@code XDP_REDIRECT} to the target's, {@code XDP_DROP} is released; {@code XDP_ABORTED} and
 * values that are no action are released too, and told as one {@link XdpExceptions} event. What was written is flushed when the
 * poll is complete, as the kernel's bulk flush.
 *
 * <p>One for each pipeline. Allocates nothing per batch.
 */
public final class VerdictHandler extends ChannelInboundHandlerAdapter {
    private final QueueStatistics statistics;
    private final @Nullable Redirects redirects;
    private final XdpExceptions exceptions = new XdpExceptions();
    private final long[] masks = new long[XdpAction.COUNT];
    private @Nullable QueueChannel channel;
    private boolean wrote;

    /** Where there is nobody else: a redirect is counted and released. */
    public VerdictHandler(QueueStatistics statistics) {
        this.statistics = statistics;
        redirects = null;
    }

    /**
     * @param statistics of the queue
     * @param redirects where redirects lead; the queue's own, and the caller's to close
     */
    public VerdictHandler(QueueStatistics statistics, Redirects redirects) {
        this.statistics = statistics;
        this.redirects = redirects;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof FrameBatch batch) {
            apply(ctx, batch);
        } else {
            ctx.fireChannelRead(message);
        }
    }

    private void apply(ChannelHandlerContext ctx, FrameBatch batch) {
        long all = batch.selected();
        Verdicts.masks(batch, masks);
        long aborted = masks[XdpAction.ABORTED.ordinal()];
        long dropped = masks[XdpAction.DROP.ordinal()];
        long passed = masks[XdpAction.PASS.ordinal()];
        long back = masks[XdpAction.TX.ordinal()];
        long redirected = masks[XdpAction.REDIRECT.ordinal()];
        long invalid = masks[XdpAction.OTHER.ordinal()];
        statistics.add(NicCounter.RX_XDP_PACKETS, Long.bitCount(all));
        statistics.add(NicCounter.RX_XDP_BYTES, batch.arrivalBytes(all));
        count(NicCounter.RX_XDP_ABORTED, aborted);
        count(NicCounter.RX_XDP_DROP, dropped);
        count(NicCounter.RX_XDP_PASS, passed);
        count(NicCounter.RX_XDP_INVALID, invalid);

        if (passed == all) { // the usual case needs no selection
            ctx.fireChannelRead(batch);
            return;
        }
        try {
            if (back != 0) {
                sendBack(ctx, batch, back);
            }
            if (redirected != 0 && redirects != null) {
                redirects.redirect(batch, redirected, statistics);
            } else {
                count(NicCounter.RX_XDP_REDIRECT, redirected);
            }
            if ((aborted | invalid) != 0) {
                ctx.fireUserEventTriggered(exceptions.of(batch, aborted | invalid));
                exceptions.of(null, 0);
            }
            if (passed != 0) {
                ctx.fireChannelRead(batch.select(passed));
            }
        } finally {
            batch.release();
        }
    }

    private void sendBack(ChannelHandlerContext ctx, FrameBatch batch, long back) {
        QueueChannel queue = channel;
        long tooLong = queue == null || queue.nic().mtu() == VirtualNic.NO_MTU
                ? 0
                : batch.longerThan(queue.nic().maxFrame(), back);
        long fits = back & ~tooLong;
        count(NicCounter.RX_XDP_TX, fits);
        count(NicCounter.RX_XDP_TX_ERRORS, tooLong);
        if (fits != 0) {
            wrote = true;
            ctx.write(fits == batch.selected() ? batch.retain() : batch.select(fits), ctx.voidPromise());
        }
    }

    private void count(NicCounter counter, long mask) {
        if (mask != 0) {
            statistics.add(counter, Long.bitCount(mask));
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.channel() instanceof QueueChannel queue) {
            channel = queue;
            queue.behindVerdict(ctx);
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        QueueChannel queue = channel;
        if (queue != null) {
            channel = null;
            queue.behindVerdict(null);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (wrote) {
            wrote = false;
            ctx.flush();
        }
        if (redirects != null) {
            redirects.flush();
        }
        ctx.fireChannelReadComplete();
    }
}
