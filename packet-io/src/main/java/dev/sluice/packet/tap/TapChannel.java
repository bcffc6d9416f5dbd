package dev.sluice.packet.tap;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.DescriptorChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import java.io.IOException;

/**
 * A queue whose wire is a TAP: reads up to 64 frames a poll into a batch, and writes what is sent back, by a {@link TapTransfer}.
 * A live source: what does not fit waits in the kernel's queue, which drops and counts when it is full.
 *
 * <p>Owns its descriptor. Allocates nothing per frame.
 */
public final class TapChannel extends DescriptorChannel {
    private final TapDevice device;
    private final TapTransfer transfer;
    private final TapTransfer.Receiver receiver = this::received;

    /** Nanoseconds since 1970 less {@link System#nanoTime}. */
    private final long wallOffset = System.currentTimeMillis() * 1_000_000 - System.nanoTime();

    /** One byte more than the longest frame, to tell those that are longer. */
    private final int readSize;

    private long received;

    /** When the batch was read that is being filled. */
    private long now;

    /** @param device with a descriptor for this queue, which is the channel's from now on */
    public TapChannel(VirtualNic nic, int queue, FramePool pool, TapDevice device) {
        super(nic, queue, pool, device.fd(queue));
        this.device = device;
        Ring ring = device.ring(queue);
        transfer = ring == null ? new SyscallTransfer(descriptor()) : new RingTransfer(ring);
        readSize = Math.min(nic.maxFrame(), FramePool.MAX_PACKET - 1) + 1;
    }

    public TapDevice device() {
        return device;
    }

    @Override
    protected void fill(FrameBatch batch) throws IOException {
        now = wallOffset + System.nanoTime();
        try {
            transfer.read(batch, readSize, receiver);
        } catch (IOException e) {
            throw gone(String.valueOf(e.getMessage()));
        }
    }

    private void received(FrameBatch batch, int length) {
        if (length == readSize) {
            statistics().add(NicCounter.RX_TOO_LARGE, 1);
        } else {
            batch.commit(length, length, now, queue(), nic().ifindex(), ++received);
        }
    }

    private TapException gone(String why) {
        return new TapException("tap " + device.name() + ": the interface is gone: " + why, 0);
    }

    /** The driver's word for a removed interface. */
    @Override
    protected void error() throws IOException {
        throw gone("another program has removed it");
    }

    @Override
    protected long transmit(FrameBatch batch, long mask) {
        long left = transfer.write(batch, mask);
        long refused = transfer.refused();
        if (refused != 0) {
            statistics().add(NicCounter.TX_ERRORS, Long.bitCount(refused));
        }
        countSent(batch, mask & ~left & ~refused);
        waitForRoom(left != 0);
        return left;
    }

    @Override
    protected void doClose() throws Exception {
        doDeregister(); // before the descriptor's number can mean another file
        device.close(queue());
        super.doClose();
    }
}
