package dev.sluice.packet;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.PollHandle;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.Rss;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The wire that captures and generators are: copies a source's packets into frames and gives them to the queues of a NIC.
 * Lossless unless its {@link Pace} says otherwise: it stops while a queue takes nothing. Used in one of two ways, by one thread:
 * polled by the loop of its queues; or {@link #run} by a thread of its own, for queues with a loop each.
 */
final class Feed implements PollHandle, AutoCloseable {
    private static final int READ_AHEAD = 4 * FrameBatch.CAPACITY;
    private static final long PROGRESS_NANOS = 100_000_000;

    /** A due time this near is not worth sleeping for. */
    private static final long SPIN_NANOS = 60_000;

    /** How long to wait before another look at queues that were full. */
    private static final long FULL_NANOS = 20_000;

    /** What concerns all feeds of a run. */
    interface Listener {
        /** Whether to end early. */
        BooleanSupplier stopped();

        /** Called once by each feed, behind its last packet. */
        Runnable onEnd();

        Consumer<Throwable> onFailure();

        Progress progress();
    }

    private final PacketSource source;
    private final Pace pace;
    private final boolean paced;
    private final long limit;
    private final VirtualNic nic;
    private final VirtualQueueChannel[] channels;
    private final boolean stamped;
    private final Progress progress;
    private final BooleanSupplier stopped;
    private final Runnable onEnd;
    private final Consumer<Throwable> onFailure;
    private final CaptureBatch input = new CaptureBatch(READ_AHEAD);
    private final boolean[] touched;
    private final int maxFrame;
    private final boolean spread;
    private final Rss rss;

    /** Nanoseconds since 1970 less {@link System#nanoTime}. */
    private final long wallOffset = System.currentTimeMillis() * 1_000_000 - System.nanoTime();

    /** All feeds of a run in capture time, which take turns by their packets' times; null when there is no other. */
    private @Nullable List<Feed> turns;

    private int at;
    private int size;
    private boolean ended;
    private boolean told;

    // --- totals
    private long packets;
    private long bytes;
    private long tooShort;
    private long tooLong;
    private long refusedBytes;
    private long dropped;

    private long nextProgress;

    // --- pacing: a packet is due at paceNanos + (its time - paceTimestamp) / speed, or paceNanos + its number / rate
    private boolean paceKnown;
    private long paceNanos;
    private long paceTimestamp;
    private long pacePackets;

    /**
     * @param limit most packets
     * @param channels the queues of the NIC that it feeds
     * @param stamped whether packets without a time get the machine's
     */
    Feed(
            PacketSource source,
            Pace pace,
            long limit,
            VirtualNic nic,
            VirtualQueueChannel[] channels,
            boolean stamped,
            Listener listener) {
        this.source = source;
        this.pace = pace;
        paced = !pace.equals(Pace.TOP_SPEED);
        this.limit = limit;
        this.nic = nic;
        this.channels = channels.clone();
        this.stamped = stamped;
        progress = listener.progress();
        stopped = listener.stopped();
        onEnd = listener.onEnd();
        onFailure = listener.onFailure();
        touched = new boolean[channels.length];
        maxFrame = Math.min(nic.maxFrame(), FramePool.MAX_PACKET);
        spread = channels.length > 1;
        rss = nic.rss();
    }

    /** Lets feeds take turns: the one whose next packet is the oldest goes first. */
    static void takeTurns(List<Feed> feeds) {
        if (feeds.size() > 1) {
            feeds.forEach(feed -> feed.turns = feeds);
        }
    }

    /** Whether it ends by itself. */
    boolean isFinite() {
        return source.isFinite() || limit != Long.MAX_VALUE;
    }

    // --- polled by the loop of its queues

    @Override
    public int poll(int budget) {
        if (told) {
            return 0;
        }
        int before = (int) packets;
        try {
            give(budget);
            progress();
        } catch (Throwable e) {
            end();
            onFailure.accept(e);
        }
        if (ended) {
            told = true;
            onEnd.run();
        }
        return (int) packets - before;
    }

    private void give(int budget) {
        if (stopped.getAsBoolean()) {
            end();
            return;
        }
        int before = (int) packets;
        try {
            while ((int) packets - before < budget && next()) {
                int queue = queueOfNext();
                VirtualQueueChannel channel = channels[queue];
                FrameBatch batch = channel.isReady() ? channel.pool().acquire() : null;
                if (batch == null) {
                    if (!pace.isLive()) {
                        break;
                    }
                    drop(queue);
                    continue;
                }
                fill(batch, queue);
                channel.receive(batch);
                touched[queue] = true;
            }
        } finally {
            for (int queue = 0; queue < channels.length; queue++) {
                if (touched[queue]) {
                    touched[queue] = false;
                    channels[queue].receiveComplete();
                }
            }
        }
    }

    @Override
    public long idleNanos() {
        if (told) {
            return UNTIL_WOKEN;
        }
        if (ended || at == size || stopped.getAsBoolean()) {
            return 0;
        }
        long due = nanosUntilDue();
        if (due == 0) {
            return pace.isLive() || channels[queueOfNext()].isReady() ? 0 : FULL_NANOS;
        }
        // an order to stop must not wait for a packet that is due in an hour
        return due < SPIN_NANOS ? 0 : Math.min(due, PROGRESS_NANOS);
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
        throw new AssertionError("a feed gets no events");
    }

    // --- a thread of its own

    /** Reads to the end, handing packets over to the queues' loops. */
    void run() {
        @Nullable FrameBatch[] open = new FrameBatch[channels.length];
        try {
            while (true) {
                if (stopped.getAsBoolean()) {
                    end();
                }
                if (!next()) {
                    handOver(open);
                    if (ended) {
                        break;
                    }
                    long due = nanosUntilDue();
                    if (due < SPIN_NANOS) {
                        Thread.onSpinWait();
                    } else {
                        LockSupport.parkNanos(Math.min(due, PROGRESS_NANOS));
                        progress();
                    }
                    continue;
                }
                int queue = queueOfNext();
                FrameBatch batch = open[queue];
                while (batch == null && !stopped.getAsBoolean()) {
                    batch = channels[queue].pool().acquire();
                    if (batch == null && pace.isLive()) {
                        break;
                    }
                    if (batch == null) {
                        LockSupport.parkNanos(FULL_NANOS);
                    }
                }
                if (batch == null) {
                    if (pace.isLive()) {
                        drop(queue);
                    }
                    continue;
                }
                open[queue] = batch;
                fill(batch, queue);
                if (batch.isFull()) {
                    open[queue] = null;
                    handOver(channels[queue], batch);
                    progress();
                }
            }
        } catch (Throwable e) {
            end();
            onFailure.accept(e);
        } finally {
            for (FrameBatch batch : open) {
                if (batch != null) {
                    batch.release();
                }
            }
        }
        onEnd.run();
    }

    private void handOver(@Nullable FrameBatch[] open) {
        for (int queue = 0; queue < open.length; queue++) {
            FrameBatch batch = open[queue];
            open[queue] = null;
            if (batch != null) {
                handOver(channels[queue], batch);
            }
        }
    }

    private void handOver(VirtualQueueChannel channel, FrameBatch batch) {
        if (batch.size() == 0) {
            batch.release();
            return;
        }
        // the pool bounds what waits there, so this ends
        while (!channel.offer(batch)) {
            if (!channel.isActive()) {
                batch.release(); // the run has failed
                return;
            }
            LockSupport.parkNanos(FULL_NANOS);
        }
    }

    // --- both

    /**
     * Whether there is a packet to give now, refused ones being counted and left behind; false at the end ({@link #ended}),
     * before a packet is due, and while it is another feed's turn.
     */
    private boolean next() {
        while (!ended) {
            if (at == size && !read()) {
                return false;
            }
            long d = input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE;
            int length = Memory.getInt(d + CaptureBatch.CAPTURED_LENGTH);
            if (length >= VirtualNic.MIN_FRAME && length <= maxFrame) {
                return (!paced || nanosUntilDue() == 0) && (turns == null || isTurn());
            }
            refuse(length);
        }
        return false;
    }

    /** Whether no other feed has an older packet; one of the same time goes first where it was made first. */
    private boolean isTurn() {
        List<Feed> feeds = turns;
        if (feeds == null) {
            return true;
        }
        long time = timestamp();
        boolean before = true;
        for (Feed other : feeds) {
            if (other == this) {
                before = false;
            } else if (!other.ended && (other.at < other.size || other.read())) {
                long theirs = other.timestamp();
                if (theirs < time || before && theirs == time) {
                    return false;
                }
            }
        }
        return true;
    }

    /** The next packet's time; the least for one without. */
    private long timestamp() {
        return Memory.getLong(input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE + CaptureBatch.TIMESTAMP);
    }

    private void refuse(int length) {
        packets++;
        bytes += length;
        refusedBytes += length;
        at++;
        if (length < VirtualNic.MIN_FRAME) {
            tooShort++;
            nic.statistics(0).add(NicCounter.RX_LENGTH_ERRORS, 1);
        } else {
            tooLong++;
            nic.statistics(0).add(NicCounter.RX_TOO_LARGE, 1);
        }
    }

    /** The next packet was due, and there was no room for it. */
    private void drop(int queue) {
        int length = Memory.getInt(
                input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE + CaptureBatch.CAPTURED_LENGTH);
        packets++;
        bytes += length;
        refusedBytes += length;
        at++;
        dropped++;
        nic.statistics(queue).add(NicCounter.RX_NO_BUFFER, 1);
    }

    private int queueOfNext() {
        if (!spread) {
            return 0;
        }
        long d = input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE;
        return rss.queue(Memory.getLong(d + CaptureBatch.ADDRESS), Memory.getInt(d + CaptureBatch.CAPTURED_LENGTH));
    }

    /** Copies packets of a queue into a batch, from the next one on, as long as they follow each other. */
    private void fill(FrameBatch batch, int queue) {
        int ifindex = nic.ifindex();
        int number = channels[queue].queue();
        long untimed = stamped ? wallOffset + System.nanoTime() : FrameDescriptor.NO_TIMESTAMP;
        do {
            if (!spread && !paced && turns == null && fillFast(batch, number, ifindex, untimed)) {
                continue;
            }
            long d = input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE;
            int length = Memory.getInt(d + CaptureBatch.CAPTURED_LENGTH);
            long timestamp = Memory.getLong(d + CaptureBatch.TIMESTAMP);
            packets++;
            bytes += length;
            at++;
            batch.append(
                    Memory.getLong(d + CaptureBatch.ADDRESS),
                    length,
                    Memory.getInt(d + CaptureBatch.ORIGINAL_LENGTH),
                    timestamp == CaptureReader.NO_TIMESTAMP ? untimed : timestamp,
                    number,
                    ifindex,
                    packets);
        } while (!batch.isFull() && next() && queueOfNext() == queue);
    }

    /** Copies all that was read and needs no look at each packet; false when the next one does. */
    private boolean fillFast(FrameBatch batch, int number, int ifindex, long untimed) {
        long before = batch.arrivalBytes(batch.selected());
        int taken = batch.appendAll(
                input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE,
                size - at,
                VirtualNic.MIN_FRAME,
                maxFrame,
                untimed,
                number,
                ifindex,
                packets + 1);
        at += taken;
        packets += taken;
        bytes += batch.arrivalBytes(batch.selected()) - before;
        return taken > 0;
    }

    /** Reads the next packets; false at the end of all. */
    private boolean read() {
        long left = limit - packets;
        if (!ended && left > 0 && !stopped.getAsBoolean()) {
            at = 0;
            size = source.read(input, (int) Math.min(READ_AHEAD, left));
            if (size > 0) {
                if (source.beginsAnew() && pace.speed() != 0) {
                    paceKnown = false;
                }
                return true;
            }
        }
        end();
        return false;
    }

    private void end() {
        ended = true;
    }

    /** How long until the next packet is due: 0 for now. */
    private long nanosUntilDue() {
        if (!paced) {
            return 0;
        }
        long timestamp = timestamp();
        if (pace.speed() != 0 && timestamp == CaptureReader.NO_TIMESTAMP) {
            return 0;
        }
        long now = System.nanoTime();
        if (!paceKnown) {
            paceKnown = true;
            paceNanos = now;
            paceTimestamp = timestamp;
            pacePackets = packets;
        }
        long due = paceNanos
                + (pace.speed() != 0
                        ? (long) ((timestamp - paceTimestamp) / pace.speed())
                        : (long) ((packets - pacePackets) * 1e9 / pace.packetsPerSecond()));
        return Math.max(due - now, 0);
    }

    private void progress() {
        if (progress.equals(Progress.NONE)) {
            return;
        }
        long now = System.nanoTime();
        if (now - nextProgress >= 0) {
            nextProgress = now + PROGRESS_NANOS;
            progress.update(packets, source.consumed(), source.size());
        }
    }

    /** The feed begins now. */
    void start() {
        nextProgress = System.nanoTime();
    }

    // --- read when it has ended

    PacketSource source() {
        return source;
    }

    VirtualNic nic() {
        return nic;
    }

    long packets() {
        return packets;
    }

    long bytes() {
        return bytes;
    }

    long tooShort() {
        return tooShort;
    }

    long tooLong() {
        return tooLong;
    }

    /** Bytes of packets that no queue has seen. */
    long refusedBytes() {
        return refusedBytes;
    }

    /** Packets that were due when there was no room. */
    long dropped() {
        return dropped;
    }

    @Override
    public void close() {
        input.close();
        source.close();
    }
}
