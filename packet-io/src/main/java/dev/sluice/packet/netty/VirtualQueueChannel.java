package dev.sluice.packet.netty;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.packet.frame.BatchQueue;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A queue without a file descriptor: batches come from Java code, by {@link #receive} on the loop's thread or by {@link #offer}
 * or by its {@link #cable} from any, and go to a {@link Wire}.
 */
public final class VirtualQueueChannel extends QueueChannel {
    /** Packets that wait in the inbox before it is full: a ring's worth. */
    private static final int INBOX_PACKETS = 4096;

    /** How long to wait before another look at a queue that was full. */
    private static final long FULL_NANOS = 20_000;

    private Wire wire;
    private long fed;
    private final BatchQueue inbox = new BatchQueue();
    private volatile @Nullable IoRegistration wakeable;

    /** Whether what is in the inbox was sent by another device, and arrives only now. */
    private volatile boolean linked;

    public VirtualQueueChannel(VirtualNic nic, int queue, FramePool pool, Wire wire) {
        super(nic, queue, pool);
        this.wire = wire;
    }

    /** Another wire than the constructor's. Before the channel is registered. */
    public void wire(Wire changed) {
        wire = changed;
    }

    /** Whether packets may be given to {@link #receive} now; when not, a lossless source waits. */
    public boolean isReady() {
        return isActive() && wantsPackets();
    }

    /** Puts received packets into the pipeline, which takes over the reference. The loop's thread. */
    public void receive(FrameBatch batch) {
        deliver(batch);
    }

    /** The end of a poll that called {@link #receive}. The loop's thread. */
    public void receiveComplete() {
        deliveryComplete();
    }

    /**
     * Hands received packets over to the loop. Any thread.
     *
     * @return false when the inbox is full; the reference then stays the caller's
     */
    public boolean offer(FrameBatch batch) {
        return inbox.packets() < INBOX_PACKETS && enqueue(batch);
    }

    /**
     * Copies what a capture reader has read into frames and hands it over to the loop; waits while there is no room. A thread of its
     * own, not the loop's, and no other one fills this queue's frames. Packets that are no frames are counted and left out.
     *
     * @throws IllegalStateException when the queue is closed
     */
    public void feed(CaptureBatch read) {
        int at = 0;
        while (at < read.size()) {
            FrameBatch batch = isActive() ? pool().acquire() : null;
            if (batch == null) {
                requireOpen();
                LockSupport.parkNanos(FULL_NANOS);
                continue;
            }
            while (at < read.size() && !batch.isFull()) {
                int length = read.capturedLength(at);
                fed++;
                if (length < VirtualNic.MIN_FRAME) {
                    statistics().add(NicCounter.RX_LENGTH_ERRORS, 1);
                } else if (length > nic().maxFrame()) {
                    statistics().add(NicCounter.RX_TOO_LARGE, 1);
                } else {
                    long time = read.timestampNanos(at);
                    batch.append(
                            read.address(at),
                            length,
                            read.originalLength(at),
                            time == CaptureReader.NO_TIMESTAMP ? FrameDescriptor.NO_TIMESTAMP : time,
                            queue(),
                            nic().ifindex(),
                            fed);
                }
                at++;
            }
            while (!offer(batch)) {
                if (!isActive()) {
                    batch.release();
                    requireOpen();
                }
                LockSupport.parkNanos(FULL_NANOS);
            }
        }
    }

    private void requireOpen() {
        if (!isActive()) {
            throw new IllegalStateException("the queue is closed, nic=" + nic().name() + " queue=" + queue());
        }
    }

    private boolean enqueue(FrameBatch batch) {
        if (!isActive()) {
            return false;
        }
        inbox.add(batch);
        IoRegistration loop = wakeable;
        if (loop != null) {
            loop.submit(PollOps.WAKE);
        }
        return true;
    }

    /**
     * The cable's end at this queue, for the queue at its other end: what is sent there is received here. Packets of live
     * sources are refused while the inbox is full; those of lossless ones are bounded by their own pool and always taken.
     */
    public Wire cable() {
        linked = true;
        return (batch, mask) -> {
            if (inbox.packets() >= INBOX_PACKETS && !batch.isLossless()) {
                return mask;
            }
            FrameBatch part = mask == batch.selected() ? batch.retain() : batch.select(mask);
            if (!enqueue(part)) {
                part.release();
                return mask;
            }
            return 0;
        };
    }

    @Override
    protected long transmit(FrameBatch batch, long mask) throws Exception {
        // counted before, as a wire may give the packets to another thread, which changes them
        long bytes = bytesOf(batch, mask);
        long failed = wire.transmit(batch, mask);
        if (failed == 0) {
            countSent(Long.bitCount(mask), bytes);
        } else {
            if (failed != mask) {
                countSent(batch, mask & ~failed);
            }
            statistics().add(NicCounter.TX_ERRORS, Long.bitCount(failed));
        }
        return 0;
    }

    @Override
    protected void onRegistered(IoRegistration made) {
        wakeable = made;
    }

    @Override
    protected void doClose() throws Exception {
        for (FrameBatch batch = inbox.poll(); batch != null; batch = inbox.poll()) {
            batch.release();
        }
        super.doClose();
    }

    /** Packets that another device has sent. */
    private void arrive(FrameBatch batch) {
        if (!batch.arriveAt(queue(), nic().ifindex())) {
            statistics().add(NicCounter.RX_NO_BUFFER, batch.count());
            batch.release();
            return;
        }
        long tooLong = batch.longerThan(nic().maxFrame(), batch.selected());
        if (tooLong == 0) {
            deliver(batch);
            return;
        }
        statistics().add(NicCounter.RX_TOO_LARGE, Long.bitCount(tooLong));
        long fine = batch.selected() & ~tooLong;
        if (fine != 0) {
            deliver(batch.select(fine));
        }
        batch.release();
    }

    @Override
    protected Class<? extends IoHandle> handleType() {
        return PollHandle.class;
    }

    @Override
    protected AbstractUnsafe newUnsafe() {
        return new VirtualUnsafe();
    }

    private final class VirtualUnsafe extends QueueUnsafe implements PollHandle {
        @Override
        public int poll(int budget) {
            int done = 0;
            while (done < budget && isReady()) {
                FrameBatch batch = inbox.poll();
                if (batch == null) {
                    break;
                }
                done += batch.count();
                if (linked) {
                    arrive(batch);
                } else {
                    deliver(batch);
                }
            }
            if (done > 0) {
                deliveryComplete();
            }
            return done;
        }

        @Override
        public long idleNanos() {
            return isReady() && !inbox.isEmpty() ? 0 : UNTIL_WOKEN;
        }

        @Override
        public void handle(IoRegistration registered, IoEvent event) {
            throw new AssertionError("a virtual queue gets no events");
        }
    }
}
