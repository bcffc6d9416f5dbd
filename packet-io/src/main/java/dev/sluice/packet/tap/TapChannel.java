package dev.sluice.packet.tap;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;

/**
 * A queue whose wire is a TAP: reads up to 64 frames a poll into a batch, and writes what is sent back, by a {@link TapTransfer}.
 * A live source: what does not fit waits in the kernel's queue, which drops and counts when it is full.
 *
 * <p>Owns its descriptor. Allocates nothing per frame.
 */
public final class TapChannel extends QueueChannel {
    /** Batches that are read before epoll is asked again, which costs what some ten packets' program does. */
    private static final int BATCHES_OF_A_LOOK = 4;

    private static final EpollIoOps IN = EpollIoOps.EPOLLIN;
    private static final EpollIoOps IN_OUT = EpollIoOps.EPOLLIN.with(EpollIoOps.EPOLLOUT);
    private static final EpollIoOps OUT = EpollIoOps.EPOLLOUT;
    private static final EpollIoOps NONE = EpollIoOps.EPOLLERR;

    private final TapDevice device;
    private final FileDescriptor descriptor;
    private final TapTransfer transfer;
    private final TapTransfer.Receiver receiver = this::received;

    /** Nanoseconds since 1970 less {@link System#nanoTime}. */
    private final long wallOffset = System.currentTimeMillis() * 1_000_000 - System.nanoTime();

    /** One byte more than the longest frame, to tell those that are longer. */
    private final int readSize;

    private boolean wantIn;
    private boolean wantOut;
    private long received;

    /** When the batch was read that is being filled. */
    private long now;

    /** @param device with a descriptor for this queue, which is the channel's from now on */
    public TapChannel(VirtualNic nic, int queue, FramePool pool, TapDevice device) {
        super(nic, queue, pool);
        this.device = device;
        descriptor = new FileDescriptor(device.fd(queue));
        Ring ring = device.ring(queue);
        transfer = ring == null ? new SyscallTransfer(descriptor) : new RingTransfer(ring);
        readSize = Math.min(nic.maxFrame(), FramePool.MAX_PACKET - 1) + 1;
        pool.onRelease(this::readAgain);
    }

    public TapDevice device() {
        return device;
    }

    /** A frame came back after there was none: any thread. */
    private void readAgain() {
        if (isRegistered()) {
            eventLoop().execute(() -> {
                if (wantsPackets()) {
                    interest(true, wantOut);
                }
            });
        }
    }

    private void interest(boolean in, boolean out) {
        IoRegistration registered = registration();
        if (registered == null || !registered.isValid() || in == wantIn && out == wantOut) {
            return;
        }
        wantIn = in;
        wantOut = out;
        registered.submit(in ? out ? IN_OUT : IN : out ? OUT : NONE);
    }

    @Override
    protected void doBeginRead() {
        super.doBeginRead();
        interest(true, wantOut);
    }

    /** Reads what there is, up to a batch; whether there may be more. */
    private boolean readBatch() {
        if (!wantsPackets()) {
            interest(false, wantOut);
            return false;
        }
        FrameBatch batch = pool().acquire();
        if (batch == null) {
            interest(false, wantOut); // until readAgain
            return false;
        }
        IOException failure = null;
        try {
            now = wallOffset + System.nanoTime();
            transfer.read(batch, readSize, receiver);
        } catch (IOException e) {
            failure = e;
        }
        boolean full = batch.isFull();
        if (batch.size() == 0) {
            batch.release();
        } else {
            deliver(batch);
        }
        deliveryComplete();
        if (failure != null) {
            lost(String.valueOf(failure.getMessage()));
        }
        return full && isOpen();
    }

    private void received(FrameBatch batch, int length) {
        if (length == readSize) {
            statistics().add(NicCounter.RX_TOO_LARGE, 1);
        } else {
            batch.commit(length, length, now, queue(), nic().ifindex(), ++received);
        }
    }

    private void lost(String why) {
        pipeline().fireExceptionCaught(new TapException("tap " + device.name() + ": the interface is gone: " + why, 0));
        close();
    }

    @Override
    protected long transmit(FrameBatch batch, long mask) {
        long left = transfer.write(batch, mask);
        long refused = transfer.refused();
        if (refused != 0) {
            statistics().add(NicCounter.TX_ERRORS, Long.bitCount(refused));
        }
        countSent(batch, mask & ~left & ~refused);
        boolean full = left != 0;
        if (full != wantOut) {
            interest(wantIn, full);
        }
        return left;
    }

    @Override
    protected void doClose() throws Exception {
        doDeregister(); // before the descriptor's number can mean another file
        device.close(queue());
        super.doClose();
    }

    @Override
    protected Class<? extends IoHandle> handleType() {
        return EpollIoHandle.class;
    }

    @Override
    protected AbstractUnsafe newUnsafe() {
        return new TapUnsafe();
    }

    private final class TapUnsafe extends QueueUnsafe implements EpollIoHandle {
        @Override
        public FileDescriptor fd() {
            return descriptor;
        }

        @Override
        public void handle(IoRegistration registered, IoEvent event) {
            EpollIoOps ops = ((EpollIoEvent) event).ops();
            if (ops.contains(EpollIoOps.EPOLLERR)) { // the driver's word for a removed interface
                lost("another program has removed it");
                return;
            }
            if (ops.contains(EpollIoOps.EPOLLOUT)) {
                flush0();
                if (wantsPackets()) {
                    interest(true, wantOut);
                }
            }
            if (isOpen() && ops.contains(EpollIoOps.EPOLLIN)) {
                int batches = 0;
                while (readBatch() && ++batches < BATCHES_OF_A_LOOK) {}
            }
        }
    }
}
