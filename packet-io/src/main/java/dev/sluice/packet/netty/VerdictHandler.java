package dev.sluice.packet.netty;

import dev.sluice.map.MapTable;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.TxPort;
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
    /** Targets that one poll can flush one by one; beyond, they are flushed at once. */
    private static final int MAX_DIRTY = 16;

    private final QueueStatistics statistics;
    private final @Nullable NicTable targets;
    private final MapTable maps;
    private final XdpExceptions exceptions = new XdpExceptions();
    private final long[] masks = new long[XdpAction.COUNT];
    private final @Nullable TxPort[] dirty = new TxPort[MAX_DIRTY];
    private int dirtyCount;
    private boolean wrote;

    /** Where there is nobody else: a redirect is counted and released. */
    public VerdictHandler(QueueStatistics statistics) {
        this.statistics = statistics;
        targets = null;
        maps = new MapTable();
    }

    /**
     * @param statistics of the queue
     * @param targets where redirects go
     * @param maps the maps of the program that redirects
     */
    public VerdictHandler(QueueStatistics statistics, NicTable targets, MapTable maps) {
        this.statistics = statistics;
        this.targets = targets;
        this.maps = maps;
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
        long bytes = 0;
        for (int i = 0; i < XdpAction.COUNT; i++) {
            masks[i] = 0;
        }
        for (long rest = all; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            masks[XdpAction.index(batch.action(i))] |= rest & -rest;
            bytes += batch.arrivalLength(i);
        }
        long aborted = masks[XdpAction.ABORTED.ordinal()];
        long dropped = masks[XdpAction.DROP.ordinal()];
        long passed = masks[XdpAction.PASS.ordinal()];
        long back = masks[XdpAction.TX.ordinal()];
        long redirected = masks[XdpAction.REDIRECT.ordinal()];
        long invalid = masks[XdpAction.OTHER.ordinal()];
        statistics.add(NicCounter.RX_XDP_PACKETS, Long.bitCount(all));
        statistics.add(NicCounter.RX_XDP_BYTES, bytes);
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
                count(NicCounter.RX_XDP_TX, back);
                wrote = true;
                ctx.write(batch.select(back), ctx.voidPromise());
            }
            if (redirected != 0) {
                redirect(batch, redirected);
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

    private void redirect(FrameBatch batch, long redirected) {
        NicTable table = targets;
        if (table == null) {
            count(NicCounter.RX_XDP_REDIRECT, redirected);
            return;
        }
        // packets with the same target go as one selection; usually all have
        long rest = redirected;
        while (rest != 0) {
            int first = Long.numberOfTrailingZeros(rest);
            int map = batch.redirectMap(first);
            int index = batch.redirectIndex(first);
            long same = 0;
            for (long others = rest; others != 0; others &= others - 1) {
                int i = Long.numberOfTrailingZeros(others);
                if (batch.redirectMap(i) == map && batch.redirectIndex(i) == index) {
                    same |= others & -others;
                }
            }
            rest &= ~same;
            int cpu = batch.rxQueue(first);
            VirtualNic target = table.target(maps, map, index);
            TxPort port = target == null ? null : target.port(cpu);
            if (port == null) {
                count(NicCounter.RX_XDP_REDIRECT_ERRORS, same);
            } else {
                count(NicCounter.RX_XDP_REDIRECT, same);
                port.send(batch.select(same));
                markDirty(port);
            }
        }
    }

    @SuppressWarnings("ReferenceEquality") // ports have no other
    private void markDirty(TxPort port) {
        for (int i = 0; i < dirtyCount; i++) {
            if (dirty[i] == port) {
                return;
            }
        }
        if (dirtyCount == MAX_DIRTY) {
            port.flushSent();
        } else {
            dirty[dirtyCount++] = port;
        }
    }

    private void count(NicCounter counter, long mask) {
        if (mask != 0) {
            statistics.add(counter, Long.bitCount(mask));
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (wrote) {
            wrote = false;
            ctx.flush();
        }
        for (int i = 0; i < dirtyCount; i++) {
            TxPort port = dirty[i];
            dirty[i] = null;
            if (port != null) {
                port.flushSent();
            }
        }
        dirtyCount = 0;
        ctx.fireChannelReadComplete();
    }
}
