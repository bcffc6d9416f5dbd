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
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.Damage;
import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The wire that captures are: reads packets, copies them into frames, and gives them to the queues of a NIC. Lossless: it stops
 * while a queue takes nothing. Used in one of two ways, by one thread: polled by the loop that runs all queues, in capture order;
 * or {@link #run} by a thread of its own, for queues with a loop each.
 */
final class CaptureFeed implements PollHandle, AutoCloseable {
    private static final int READ_AHEAD = 4 * FrameBatch.CAPACITY;
    private static final long PROGRESS_NANOS = 100_000_000;

    /** A due time this near is not worth sleeping for. */
    private static final long SPIN_NANOS = 60_000;

    /** How long the feed's own thread sleeps while all queues are full. */
    private static final long FULL_NANOS = 20_000;

    private final Replay.Builder options;
    private final VirtualNic nic;
    private final VirtualQueueChannel[] channels;
    private final BooleanSupplier stopped;
    private final Runnable onEnd;
    private final Consumer<Throwable> onFailure;
    private final List<CaptureReader> readers = new ArrayList<>();
    private final CaptureBatch input = new CaptureBatch(READ_AHEAD);
    private final boolean[] touched;
    private final int minFrame = VirtualNic.MIN_FRAME;
    private final int maxFrame;
    private final boolean spread;
    private final Rss rss;

    private int readerAt;
    private long round;
    private int at;
    private int size;
    private boolean ended;

    // --- totals
    private long packets;
    private long bytes;
    private long tooShort;
    private long tooLong;
    private long cutPackets;
    private final List<Damage> damages = new ArrayList<>();
    private long firstNanos;

    // --- progress
    private long consumedBefore;
    private final long totalSize;
    private long nextProgress;

    // --- pacing: a packet is due at paceNanos + (its time - paceTimestamp) / speed
    private boolean paceKnown;
    private long paceNanos;
    private long paceTimestamp;

    CaptureFeed(
            Replay.Builder options,
            VirtualNic nic,
            VirtualQueueChannel[] channels,
            BooleanSupplier stopped,
            Runnable onEnd,
            Consumer<Throwable> onFailure)
            throws CaptureException {
        this.options = options;
        this.nic = nic;
        this.channels = channels;
        this.stopped = stopped;
        this.onEnd = onEnd;
        this.onFailure = onFailure;
        touched = new boolean[channels.length];
        maxFrame = Math.min(nic.maxFrame(), FramePool.MAX_PACKET);
        spread = channels.length > 1;
        rss = nic.rss();
        boolean opened = false;
        try {
            long sum = 0;
            for (String capture : options.captures) {
                CaptureReader reader = CaptureReader.open(capture);
                readers.add(reader);
                reader.requireEthernet();
                if (options.repeat != 1 && !reader.isMapped()) {
                    throw new CaptureException(reader.name()
                            + ": cannot be repeated, expected a plain capture file (not compressed, no pipe)");
                }
                sum = sum < 0 || reader.size() < 0 ? -1 : sum + reader.size();
            }
            totalSize = sum < 0 || options.repeat == 0 ? -1 : sum * options.repeat;
            opened = true;
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    // --- polled by the loop of all queues

    @Override
    public int poll(int budget) {
        if (ended) {
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
                if (!channel.isReady()) {
                    break;
                }
                FrameBatch batch = channel.pool().acquire();
                if (batch == null) {
                    break;
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
        if (ended) {
            return UNTIL_WOKEN;
        }
        // an order to stop must not wait for a packet that is due in an hour
        return Math.min(at < size ? nanosUntilDue() : 0, PROGRESS_NANOS);
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
        throw new AssertionError("a capture feed gets no events");
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
                    LockSupport.parkNanos(Math.min(nanosUntilDue(), PROGRESS_NANOS));
                    progress();
                    continue;
                }
                int queue = queueOfNext();
                FrameBatch batch = open[queue];
                while (batch == null && !stopped.getAsBoolean()) {
                    batch = channels[queue].pool().acquire();
                    if (batch == null) {
                        LockSupport.parkNanos(FULL_NANOS);
                    }
                }
                if (batch == null) {
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
     * Whether there is a packet to give now, refused ones being counted and left behind; false at the end ({@link #ended}) and
     * before a packet is due.
     */
    private boolean next() {
        while (!ended) {
            if (at == size && !read()) {
                return false;
            }
            long d = input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE;
            int length = Memory.getInt(d + CaptureBatch.CAPTURED_LENGTH);
            if (length >= minFrame && length <= maxFrame) {
                return options.speed == 0 || nanosUntilDue() == 0;
            }
            refuse(length);
        }
        return false;
    }

    private void refuse(int length) {
        packets++;
        bytes += length;
        at++;
        if (length < minFrame) {
            tooShort++;
            nic.statistics(0).add(NicCounter.RX_LENGTH_ERRORS, 1);
        } else {
            tooLong++;
            nic.statistics(0).add(NicCounter.RX_TOO_LARGE, 1);
        }
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
        do {
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
                    timestamp == CaptureReader.NO_TIMESTAMP ? FrameDescriptor.NO_TIMESTAMP : timestamp,
                    queue,
                    ifindex,
                    packets);
        } while (!batch.isFull() && next() && queueOfNext() == queue);
    }

    /** Reads the next packets of this capture, of the next, or of the first again; false at the end of all. */
    private boolean read() {
        while (!ended) {
            long left = options.limit - packets;
            if (left <= 0 || stopped.getAsBoolean()) {
                break;
            }
            if (readers.isEmpty()) {
                break;
            }
            CaptureReader reader = readers.get(readerAt);
            at = 0;
            size = reader.read(input, (int) Math.min(READ_AHEAD, left));
            if (size > 0) {
                return true;
            }
            finishReader(reader);
            readerAt++;
            paceKnown = false;
            if (readerAt == readers.size()) {
                round++;
                if (round == options.repeat || packets == 0) { // nothing in it: for ever would be for ever
                    break;
                }
                readerAt = 0;
                for (CaptureReader again : readers) {
                    again.rewind();
                }
            }
        }
        end();
        return false;
    }

    private void end() {
        if (!ended) {
            ended = true;
            if (readerAt < readers.size()) {
                finishReader(readers.get(readerAt));
            }
        }
    }

    private void finishReader(CaptureReader reader) {
        consumedBefore += reader.consumed();
        cutPackets += reader.cutPackets();
        Damage damage = reader.damage();
        if (damage != null && round == 0) {
            damages.add(damage);
        }
    }

    /** How long until the next packet is due: 0 for now. */
    private long nanosUntilDue() {
        if (options.speed == 0) {
            return 0;
        }
        long timestamp =
                Memory.getLong(input.descriptors() + (long) at * CaptureBatch.DESCRIPTOR_SIZE + CaptureBatch.TIMESTAMP);
        if (timestamp == CaptureReader.NO_TIMESTAMP) {
            return 0;
        }
        long now = System.nanoTime();
        if (!paceKnown) {
            paceKnown = true;
            paceNanos = now;
            paceTimestamp = timestamp;
        }
        long due = paceNanos + (long) ((timestamp - paceTimestamp) / options.speed);
        long wait = due - now;
        while (wait > 0 && wait < SPIN_NANOS) {
            Thread.onSpinWait();
            wait = due - System.nanoTime();
        }
        return Math.max(wait, 0);
    }

    private void progress() {
        long now = System.nanoTime();
        if (firstNanos == 0) {
            firstNanos = now;
        }
        if (now - nextProgress >= 0) {
            nextProgress = now + PROGRESS_NANOS;
            long position = consumedBefore
                    + (readerAt < readers.size() && !ended
                            ? readers.get(readerAt).consumed()
                            : 0);
            options.progress.update(packets, position, totalSize);
        }
    }

    /** The feed begins now. */
    void start() {
        firstNanos = System.nanoTime();
        nextProgress = firstNanos + PROGRESS_NANOS;
    }

    long startNanos() {
        return firstNanos;
    }

    boolean isEnded() {
        return ended;
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

    long cutPackets() {
        return cutPackets;
    }

    List<Damage> damages() {
        return damages;
    }

    @Override
    public void close() {
        input.close();
        for (CaptureReader reader : readers) {
            reader.close();
        }
    }
}
