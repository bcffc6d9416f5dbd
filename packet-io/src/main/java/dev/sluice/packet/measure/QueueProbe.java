package dev.sluice.packet.measure;

import com.sun.management.ThreadMXBean;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.NicCounter;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/**
 * Watches a queue from within its pipeline: its thread's CPU time, what that allocates, and the packets received, at the end of
 * every so many polls. What counts is what lies between the first such moment and the last, so that the beginning of a run, when
 * frames are made, stays out.
 *
 * <p>One for each pipeline; its results are to be read when the run is over.
 */
final class QueueProbe extends ChannelInboundHandlerAdapter {
    /** What a moment itself takes of the heap. */
    private static final long MOMENT_BYTES = 48;

    private static final @Nullable ThreadMXBean THREADS =
            ManagementFactory.getThreadMXBean() instanceof ThreadMXBean threads
                            && threads.isThreadAllocatedMemorySupported()
                    ? threads
                    : null;

    /** A moment: all of them running totals. */
    private record Moment(long cpuNanos, long wallNanos, long allocated, long packets) {}

    private final int pollsApart;
    private int polls;
    private @Nullable Moment first;
    private @Nullable Moment last;

    /** @param pollsApart from one moment to the next */
    QueueProbe(int pollsApart) {
        this.pollsApart = pollsApart;
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (++polls % pollsApart == 0 && ctx.channel() instanceof QueueChannel queue) {
            Moment now = new Moment(
                    CpuClock.nanos(),
                    System.nanoTime(),
                    THREADS == null ? 0 : THREADS.getCurrentThreadAllocatedBytes(),
                    queue.statistics().get(NicCounter.RX_PACKETS));
            if (first == null) {
                first = now;
            }
            last = now;
        }
        ctx.fireChannelReadComplete();
    }

    /** What lies between the first moment and the last; null when the run was too short for two. */
    @Nullable
    QueueRate rate() {
        Moment from = first;
        Moment to = last;
        if (from == null || to == null || to.packets == from.packets) {
            return null;
        }
        return new QueueRate(
                to.packets - from.packets,
                to.cpuNanos - from.cpuNanos,
                to.wallNanos - from.wallNanos,
                // the moments themselves
                Math.max(0, to.allocated - from.allocated - MOMENT_BYTES * ((polls / pollsApart) - 1L)));
    }
}
