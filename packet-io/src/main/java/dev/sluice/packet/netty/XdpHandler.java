package dev.sluice.packet.netty;

import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.nic.XdpAttachment;
import dev.sluice.packet.nic.XdpHook;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.IoEventLoop;
import org.jspecify.annotations.Nullable;

/**
 * Runs the hook's program over each batch that comes by, and counts by action. What becomes of the packets is the business of
 * a {@link VerdictHandler} behind it. Without a program every packet has {@code XDP_PASS} and nothing is counted.
 *
 * <p>One for each pipeline. Allocates nothing per batch. On a packet loop it tells when the queue is in a quiescent state.
 */
public final class XdpHandler extends ChannelInboundHandlerAdapter {
    private final XdpHook hook;
    private final ProgramRunner runner;
    private final Tally tally = new Tally();
    private final long[] masks = new long[XdpAction.COUNT];

    /** On its packet loop; null elsewhere, in tests. */
    private @Nullable ContextHandle handle;

    /**
     * @param hook where the program is attached
     * @param context of this queue; it stays the caller's, and outlives the pipeline
     */
    public XdpHandler(XdpHook hook, RunContext context, FaultListener listener) {
        this.hook = hook;
        runner = new ProgramRunner(context, listener);
    }

    /** For a program that stays the same. */
    public XdpHandler(Executable program, RunContext context) {
        this(new XdpHook(), context, FaultListener.NONE);
        hook.attach(program, null);
    }

    /** What was returned so far. */
    public Tally tally() {
        return tally;
    }

    /** Packets whose program was stopped because it did what it may not; they are part of {@code XDP_ABORTED}. */
    public long faults() {
        return runner.faults();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.channel().eventLoop() instanceof IoEventLoop loop && loop.isCompatible(ContextHandle.class)) {
            int cpu = ctx.channel() instanceof QueueChannel channel ? channel.queue() : 0;
            runner.hearTimers();
            handle = ContextHandle.join(loop, runner.context(), cpu);
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        ContextHandle joined = handle;
        if (joined != null) {
            handle = null;
            joined.leave();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof FrameBatch batch) {
            XdpAttachment attachment = hook.attachment();
            if (attachment != null) {
                boolean ran = false;
                try {
                    runner.run(attachment.program(), batch);
                    ran = true;
                } finally {
                    if (!ran) {
                        batch.release();
                    }
                }
                count(attachment.counters(), batch);
            }
        }
        ctx.fireChannelRead(message);
    }

    private void count(@Nullable VerdictCounters counters, FrameBatch batch) {
        long rest = batch.selected();
        if (rest == 0) {
            return;
        }
        int cpu = batch.rxQueue(Long.numberOfTrailingZeros(rest));
        Verdicts.masks(batch, masks);
        for (int index = 0; index < XdpAction.COUNT; index++) {
            long mask = masks[index];
            if (mask != 0) {
                long bytes = batch.arrivalBytes(mask);
                tally.add(index, Long.bitCount(mask), bytes);
                if (counters != null) {
                    counters.add(cpu, index, Long.bitCount(mask), bytes);
                }
            }
        }
        for (rest = masks[XdpAction.OTHER.ordinal()]; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            tally.addOther(batch.action(i), 1, batch.arrivalLength(i));
        }
    }
}
