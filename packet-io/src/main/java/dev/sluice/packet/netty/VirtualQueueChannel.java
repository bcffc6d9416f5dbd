package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A queue without a file descriptor: batches come from Java code, by {@link #receive} on the loop's thread or by {@link #offer}
 * from one other thread, and go to a {@link Wire}.
 */
public final class VirtualQueueChannel extends QueueChannel {
    /** Batches that wait in the inbox at most: a ring's worth. */
    private static final int INBOX = 64;

    private final Wire wire;

    /** Single producer, single consumer. */
    private final AtomicReferenceArray<@Nullable FrameBatch> inbox = new AtomicReferenceArray<>(INBOX);

    private int offered;
    private int taken;
    private volatile @Nullable IoRegistration wakeable;

    public VirtualQueueChannel(VirtualNic nic, int queue, FramePool pool, Wire wire) {
        super(nic, queue, pool);
        this.wire = wire;
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
     * Hands received packets over to the loop.
     *
     * @return false when the inbox is full; the reference then stays the caller's
     */
    public boolean offer(FrameBatch batch) {
        int at = offered & INBOX - 1;
        if (inbox.get(at) != null) {
            return false;
        }
        inbox.set(at, batch);
        offered++;
        IoRegistration loop = wakeable;
        if (loop != null) {
            loop.submit(PollOps.WAKE);
        }
        return true;
    }

    @Override
    protected long transmit(FrameBatch batch, long mask) throws Exception {
        long failed = wire.transmit(batch, mask);
        countSent(batch, mask & ~failed);
        if (failed != 0) {
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
        for (FrameBatch batch = take(); batch != null; batch = take()) {
            batch.release();
        }
        super.doClose();
    }

    private @Nullable FrameBatch take() {
        int at = taken & INBOX - 1;
        FrameBatch batch = inbox.get(at);
        if (batch != null) {
            inbox.set(at, null);
            taken++;
        }
        return batch;
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
                FrameBatch batch = take();
                if (batch == null) {
                    break;
                }
                done += batch.count();
                deliver(batch);
            }
            if (done > 0) {
                deliveryComplete();
            }
            return done;
        }

        @Override
        public long idleNanos() {
            return isReady() && inbox.get(taken & INBOX - 1) != null ? 0 : UNTIL_WOKEN;
        }

        @Override
        public void handle(IoRegistration registered, IoEvent event) {
            throw new AssertionError("a virtual queue gets no events");
        }
    }
}
