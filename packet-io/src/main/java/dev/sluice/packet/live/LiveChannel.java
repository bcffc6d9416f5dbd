package dev.sluice.packet.live;

import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.DescriptorChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import java.io.IOException;

/**
 * A queue whose wire is an interface of the kernel, read and written through libpcap. A live source. Owns the interface.
 * Allocates nothing per frame.
 */
public final class LiveChannel extends DescriptorChannel {
    private final LiveInterface device;
    private final int longest;
    private long received;
    private long counted;

    /** @param device the channel's from now on */
    public LiveChannel(VirtualNic nic, int queue, FramePool pool, LiveInterface device) {
        super(nic, queue, pool, device.fd());
        this.device = device;
        longest = Math.min(nic.maxFrame(), FramePool.MAX_PACKET);
    }

    @Override
    protected void fill(FrameBatch batch) throws IOException {
        // not more looks than a batch has places, however many packets are too long
        for (int i = 0; i < FrameBatch.CAPACITY && !batch.isFull() && device.next(); i++) {
            int length = device.length();
            if (length > longest) {
                statistics().add(NicCounter.RX_TOO_LARGE, 1);
            } else if (length < VirtualNic.MIN_FRAME) {
                statistics().add(NicCounter.RX_LENGTH_ERRORS, 1);
            } else {
                Memory.copy(device.address(), batch.open(length), length);
                batch.commit(length, length, device.timestampNanos(), queue(), nic().ifindex(), ++received);
            }
        }
    }

    /** Reading tells whether the interface was switched off, which it may survive, or is gone. */
    @Override
    protected void error() {}

    @Override
    protected long transmit(FrameBatch batch, long mask) {
        long sent = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            if (device.inject(batch.data(i), batch.length(i))) {
                sent |= rest & -rest;
            } else {
                statistics().add(NicCounter.TX_ERRORS, 1); // lost, as on a wire
            }
        }
        countSent(batch, sent);
        return 0;
    }

    @Override
    protected void doClose() throws Exception {
        doDeregister(); // before the descriptor's number can mean another file
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
}
