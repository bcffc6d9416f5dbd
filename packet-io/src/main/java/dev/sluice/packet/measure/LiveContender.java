package dev.sluice.packet.measure;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.ChannelHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A datapath with one queue whose source is live: it stays open from round to round, and its source is filled whenever the queue
 * has emptied it. A round is CPU time of the queue's thread a packet, without the filling.
 *
 * <p>Owner thread: the one that measures.
 */
public final class LiveContender implements Contender, AutoCloseable {
    /** Puts packets where the queue reads them. */
    public interface Source extends AutoCloseable {
        /**
         * Called by the queue's thread.
         *
         * @return how many packets, more than 0
         */
        int fill() throws IOException;

        @Override
        void close();
    }

    /** Makes the source of a datapath that is open. */
    @FunctionalInterface
    public interface Sources {
        Source of(Datapath datapath) throws IOException;
    }

    private static final long NUDGE_MILLIS = 100;

    /** Nothing has come for so long. */
    private static final long SILENCE_NANOS = 30_000_000_000L;

    private final Datapath datapath;
    private final Source source;
    private final QueueChannel queue;
    private final RefilledQueue refilled;
    private final int fills;
    private QueueRate last = new QueueRate(0, 0, 0, 0);

    /**
     * Opens the datapath.
     *
     * @param datapath with one queue; closed with this
     * @param nic its name
     * @param sources makes what fills its source; closed with this
     * @param fills how often in a round, 1 or more
     * @throws IOException when something cannot be opened
     */
    public LiveContender(Datapath datapath, String nic, Sources sources, int fills) throws IOException {
        this.datapath = datapath;
        this.fills = fills;
        Source made = null;
        boolean complete = false;
        try {
            datapath.open();
            queue = queue(nic);
            made = sources.of(datapath);
            source = made;
            refilled = new RefilledQueue(made::fill);
            onLoop(() -> queue.pipeline().addBefore("host", "refilled", refilled));
            complete = true;
        } finally {
            if (!complete) {
                datapath.close();
                if (made != null) {
                    made.close();
                }
            }
        }
    }

    private QueueChannel queue(String name) {
        VirtualNic nic = datapath.nics().all().stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow();
        if (!(nic.port(0) instanceof QueueChannel channel)) {
            throw new AssertionError("a NIC whose port is no queue");
        }
        return channel;
    }

    private void onLoop(Runnable task) {
        queue.eventLoop().submit(task).syncUninterruptibly();
    }

    /** Runs rounds with handlers around the program, then takes them out again. */
    void watched(ChannelHandler before, ChannelHandler behind, int rounds) {
        onLoop(() -> {
            queue.pipeline().addBefore("xdp", "watch-before", before);
            queue.pipeline().addAfter("xdp", "watch-behind", behind);
        });
        for (int i = 0; i < rounds; i++) {
            double unused = round();
        }
        onLoop(() -> {
            queue.pipeline().remove(before);
            queue.pipeline().remove(behind);
        });
    }

    @Override
    public double round() {
        CountDownLatch over = new CountDownLatch(1);
        queue.eventLoop().execute(() -> refilled.begin(fills, over));
        long end = System.nanoTime() + SILENCE_NANOS;
        try {
            while (!over.await(NUDGE_MILLIS, TimeUnit.MILLISECONDS)) {
                if (!queue.isOpen() || System.nanoTime() - end > 0) {
                    throw new IllegalStateException(
                            "no packet arrives any more, nic=" + queue.nic().name());
                }
                queue.eventLoop().execute(refilled::nudge);
            }
            last = refilled.rate();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return last.nanosPerPacket();
    }

    /** What the queue did in the last round. */
    public List<QueueRate> queues() {
        return List.of(last);
    }

    @Override
    public void close() {
        datapath.close();
        source.close();
    }
}
