package dev.sluice.packet.measure;

import com.sun.management.ThreadMXBean;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.QueueStatistics;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * Has a live source always full while it is measured: whenever the queue has read what there was, its own thread puts the next
 * packets there, and what that takes does not count. So it neither waits for packets nor shares the source's memory with a
 * sender on another CPU, and what comes out is the same however busy the machine is.
 *
 * <p>Behind the handler that sends at the end of a poll. {@link #begin} and {@link #nudge} on the loop's thread.
 */
final class RefilledQueue extends ChannelInboundHandlerAdapter {
    /** Puts packets where a queue reads them. */
    @FunctionalInterface
    interface Filling {
        /** @return how many packets, more than 0 */
        int fill() throws IOException;
    }

    /** A poll that gives fewer packets has found the end of what there is. */
    private static final int WHOLE_POLL = 64;

    private static final @Nullable ThreadMXBean THREADS =
            ManagementFactory.getThreadMXBean() instanceof ThreadMXBean threads
                            && threads.isThreadAllocatedMemorySupported()
                    ? threads
                    : null;

    private final Filling filling;
    private @Nullable QueueStatistics statistics;
    private @Nullable CountDownLatch done;
    private @Nullable IOException failure;
    private int fillsLeft;

    // what counts so far
    private long packets;
    private long cpuNanos;
    private long wallNanos;
    private long allocated;

    // since the last filling
    private long expected;
    private long packetsAtFill;
    private long cpuAtFill;
    private long wallAtFill;
    private long allocatedAtFill;

    private long packetsAtPoll;
    private long packetsAtNudge = -1;

    RefilledQueue(Filling filling) {
        this.filling = filling;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        if (ctx.channel() instanceof QueueChannel queue) {
            statistics = queue.statistics();
        }
    }

    /**
     * Begins anew.
     *
     * @param fills how often to fill
     * @param over counted down at the end
     */
    void begin(int fills, CountDownLatch over) {
        packets = 0;
        cpuNanos = 0;
        wallNanos = 0;
        allocated = 0;
        packetsAtNudge = -1;
        fillsLeft = fills;
        done = over;
        fill();
    }

    /** Goes on where packets were lost on their way, so that their number never comes. */
    void nudge() {
        long now = received(NicCounter.RX_PACKETS);
        if (fillsLeft > 0 && now == packetsAtNudge) {
            fill(); // the time so far was a wait, and does not count
        }
        packetsAtNudge = now;
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (fillsLeft > 0) {
            long now = received(NicCounter.RX_PACKETS);
            if (now - packetsAtFill >= expected || now - packetsAtPoll < WHOLE_POLL) {
                cpuNanos += CpuClock.nanos() - cpuAtFill;
                wallNanos += System.nanoTime() - wallAtFill;
                allocated += allocatedBytes() - allocatedAtFill;
                packets += now - packetsAtFill;
                if (--fillsLeft == 0) {
                    over();
                } else {
                    fill();
                }
            }
            packetsAtPoll = now;
        }
        ctx.fireChannelReadComplete();
    }

    private void fill() {
        try {
            expected = filling.fill();
        } catch (IOException e) {
            failure = e;
            fillsLeft = 0;
            over();
            return;
        }
        packetsAtFill = received(NicCounter.RX_PACKETS);
        packetsAtPoll = packetsAtFill;
        allocatedAtFill = allocatedBytes();
        wallAtFill = System.nanoTime();
        cpuAtFill = CpuClock.nanos();
    }

    private void over() {
        CountDownLatch latch = done;
        if (latch != null) {
            done = null;
            latch.countDown();
        }
    }

    private long received(NicCounter counter) {
        QueueStatistics of = statistics;
        return of == null ? 0 : of.get(counter);
    }

    private static long allocatedBytes() {
        return THREADS == null ? 0 : THREADS.getCurrentThreadAllocatedBytes();
    }

    /** What it came to, when it is over: any thread that has waited for that. */
    QueueRate rate() throws IOException {
        IOException failed = failure;
        if (failed != null) {
            throw new IOException(String.valueOf(failed.getMessage()), failed);
        }
        return new QueueRate(packets, cpuNanos, wallNanos, allocated);
    }
}
