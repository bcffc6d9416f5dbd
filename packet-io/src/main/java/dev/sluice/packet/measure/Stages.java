package dev.sluice.packet.measure;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * Where a packet's time goes, in nanoseconds a packet: the medians over the batches of a run, as each batch passes two handlers
 * that look at the clock, one in front of the program and one behind it. What looking at the clock costs is taken off.
 *
 * <pre>
 *   receive      from the end of one batch to the next one in front of the program: reading it from its source, copying it
 *                into frames, the poll
 *   program      the program and its counters
 *   verdict      applying verdicts, up to the host's end when the packets pass
 *   write        what was sent, at the end of the poll
 * </pre>
 */
public record Stages(double receive, double program, double verdict, double write) {
    private static final int BATCHES = 1 << 16;
    private static final int CLOCK_TRIALS = 1 << 6;
    private static final int CLOCK_READINGS = 1 << 10;

    /**
     * Runs a datapath whose sources end with the two handlers in the first queue of a NIC.
     *
     * @param maker builds it
     * @param name of the NIC to watch
     */
    public static Stages of(Supplier<Datapath> maker, String name) throws IOException {
        Times times = new Times();
        try (Datapath datapath = maker.get()) {
            datapath.open();
            VirtualNic nic = datapath.nics().all().stream()
                    .filter(one -> one.name().equals(name))
                    .findFirst()
                    .orElseThrow();
            if (!(nic.port(0) instanceof QueueChannel channel)) {
                throw new AssertionError("a NIC whose port is no queue");
            }
            ChannelPipeline pipeline = channel.pipeline();
            channel.eventLoop().execute(() -> {
                pipeline.addBefore("xdp", "stage-before", new Before(times));
                pipeline.addAfter("xdp", "stage-behind", new Behind(times));
            });
            datapath.await();
        }
        return times.summary();
    }

    /**
     * Runs rounds of a contender with the two handlers. Where its source is filled the median leaves out, as that is once in many
     * batches.
     */
    public static Stages of(LiveContender contender, int rounds) {
        Times times = new Times();
        contender.watched(new Before(times), new Behind(times), rounds);
        return times.summary();
    }

    /** Of one queue's thread. */
    private static final class Times {
        final float[] receive = new float[BATCHES];
        final float[] program = new float[BATCHES];
        final float[] verdict = new float[BATCHES];
        final float[] write = new float[BATCHES];
        int batches;
        int polls;
        int packets;
        long pollPackets;
        long received;
        long ended;
        long inner;

        Stages summary() {
            double clock = clockNanos();
            // each of the first three has one reading of the clock in it for a batch
            double readings = clock / Math.max(1, packets / (double) Math.max(1, batches));
            return new Stages(
                    less(receive, batches, readings),
                    less(program, batches, readings),
                    less(verdict, batches, readings),
                    less(write, polls, readings));
        }

        private static double less(float[] values, int count, double readings) {
            float[] sorted = Arrays.copyOf(values, Math.min(count, BATCHES));
            Arrays.sort(sorted);
            return sorted.length == 0 ? 0 : Math.max(0, sorted[sorted.length / 2] - readings);
        }

        /** The best of some trials: in one of them the thread may lose its CPU. */
        private static double clockNanos() {
            long best = Long.MAX_VALUE;
            long sum = 0;
            for (int trial = 0; trial < CLOCK_TRIALS; trial++) {
                long start = System.nanoTime();
                for (int i = 0; i < CLOCK_READINGS; i++) {
                    sum += System.nanoTime() & 1;
                }
                best = Math.min(best, System.nanoTime() - start);
            }
            return (double) (best + (sum & 0)) / CLOCK_READINGS;
        }
    }

    private static final class Before extends ChannelInboundHandlerAdapter {
        private final Times times;

        Before(Times times) {
            this.times = times;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            int count = message instanceof FrameBatch batch ? batch.count() : 0;
            long now = System.nanoTime();
            int at = times.batches & BATCHES - 1;
            if (times.ended != 0 && count > 0) {
                times.receive[at] = (float) (now - times.ended) / count;
            }
            times.received = now;
            times.inner = 0;
            ctx.fireChannelRead(message);
            long end = System.nanoTime();
            if (count > 0) {
                times.program[at] = (float) (end - now - times.inner) / count;
                times.verdict[at] = (float) times.inner / count;
                times.batches++;
                times.packets += count;
                times.pollPackets += count;
            }
            times.ended = end;
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            long now = System.nanoTime();
            ctx.fireChannelReadComplete();
            long end = System.nanoTime();
            if (times.pollPackets > 0) {
                times.write[times.polls++ & BATCHES - 1] = (float) (end - now) / times.pollPackets;
            }
            times.pollPackets = 0;
            times.ended = end;
        }
    }

    private static final class Behind extends ChannelInboundHandlerAdapter {
        private final Times times;

        Behind(Times times) {
            this.times = times;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            long start = System.nanoTime();
            ctx.fireChannelRead(message);
            times.inner += System.nanoTime() - start;
        }
    }
}
