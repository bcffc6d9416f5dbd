package dev.sluice.packet.live;

import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.PollHandle;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import java.io.IOException;

/**
 * A queue whose wire is an interface of the kernel, read and written through libpcap. A live source. Owns the interface; the
 * loop's thread.
 */
public final class LiveChannel extends QueueChannel {
    /** How long to wait before another look at an interface that had nothing. */
    private static final long IDLE_NANOS = 200_000;

    private final LiveInterface device;
    private byte[] scratch = new byte[2048];
    private long received;
    private long counted;

    /** @param device the channel's from now on */
    public LiveChannel(VirtualNic nic, int queue, FramePool pool, LiveInterface device) {
        super(nic, queue, pool);
        this.device = device;
    }

    private int readBatch() {
        FrameBatch batch = wantsPackets() ? pool().acquire() : null;
        if (batch == null) {
            return 0;
        }
        int done = 0;
        IOException failure = null;
        int longest = Math.min(nic().maxFrame(), FramePool.MAX_PACKET);
        try {
            while (!batch.isFull()) {
                byte[] packet = device.next();
                if (packet == null) {
                    break;
                }
                done++;
                if (packet.length > longest) {
                    statistics().add(NicCounter.RX_TOO_LARGE, 1);
                } else if (packet.length < VirtualNic.MIN_FRAME) {
                    statistics().add(NicCounter.RX_LENGTH_ERRORS, 1);
                } else {
                    Memory.copy(packet, 0, batch.open(packet.length), packet.length);
                    batch.commit(
                            packet.length,
                            packet.length,
                            device.timestampNanos(),
                            queue(),
                            nic().ifindex(),
                            ++received);
                }
            }
        } catch (IOException e) {
            failure = e;
        }
        if (batch.size() == 0) {
            batch.release();
        } else {
            deliver(batch);
            deliveryComplete();
        }
        if (failure != null) {
            pipeline().fireExceptionCaught(failure);
            close();
        }
        return done;
    }

    @Override
    protected long transmit(FrameBatch batch, long mask) {
        long sent = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            int length = batch.length(i);
            if (scratch.length < length) {
                scratch = new byte[length];
            }
            Memory.copy(batch.data(i), scratch, 0, length);
            if (device.inject(scratch, length)) {
                sent |= rest & -rest;
            } else {
                statistics().add(NicCounter.TX_ERRORS, 1);
            }
        }
        countSent(batch, sent);
        return 0;
    }

    @Override
    protected void doClose() throws Exception {
        countDropped();
        device.close();
        super.doClose();
    }

    /** What the kernel has dropped in front of us. */
    private void countDropped() {
        long dropped = device.dropped();
        if (dropped > counted) {
            statistics().add(NicCounter.RX_NO_BUFFER, dropped - counted);
            counted = dropped;
        }
    }

    @Override
    protected Class<? extends IoHandle> handleType() {
        return PollHandle.class;
    }

    @Override
    protected AbstractUnsafe newUnsafe() {
        return new LiveUnsafe();
    }

    private final class LiveUnsafe extends QueueUnsafe implements PollHandle {
        @Override
        public int poll(int budget) {
            return isOpen() ? readBatch() : 0;
        }

        @Override
        public long idleNanos() {
            return IDLE_NANOS;
        }

        @Override
        public void handle(IoRegistration registered, IoEvent event) {
            throw new AssertionError("an interface that is polled gets no events");
        }
    }
}
