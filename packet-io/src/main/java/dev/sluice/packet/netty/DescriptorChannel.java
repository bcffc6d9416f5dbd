package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
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
 * A queue whose wire is a file descriptor of the kernel, on Netty's epoll: when there is something, up to a batch is read at a
 * time. A live source: what does not fit waits in the kernel's queue, which drops and counts when it is full. The loop's thread,
 * except where said.
 */
public abstract class DescriptorChannel extends QueueChannel {
    /** Batches that are read before epoll is asked again, which costs what some ten packets' program does. */
    private static final int BATCHES_OF_A_LOOK = 4;

    private static final EpollIoOps IN = EpollIoOps.EPOLLIN;
    private static final EpollIoOps IN_OUT = EpollIoOps.EPOLLIN.with(EpollIoOps.EPOLLOUT);
    private static final EpollIoOps OUT = EpollIoOps.EPOLLOUT;
    private static final EpollIoOps NONE = EpollIoOps.EPOLLERR;

    private final FileDescriptor descriptor;
    private boolean wantIn;
    private boolean wantOut;

    /** @param fd what epoll watches; the subclass's to close, behind {@link #doDeregister} */
    protected DescriptorChannel(VirtualNic nic, int queue, FramePool pool, int fd) {
        super(nic, queue, pool);
        descriptor = new FileDescriptor(fd);
        pool.onRelease(this::readAgain);
    }

    /**
     * Reads what there is into an empty batch, up to its end.
     *
     * @throws IOException when the interface is gone; what was read before is delivered
     */
    protected abstract void fill(FrameBatch batch) throws IOException;

    /** The descriptor has an error to tell: throws when that is the interface's end, else {@link #fill} is to find out. */
    protected abstract void error() throws IOException;

    protected final FileDescriptor descriptor() {
        return descriptor;
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

    /** Whether to flush again when the kernel has room. */
    protected final void waitForRoom(boolean full) {
        if (full != wantOut) {
            interest(wantIn, full);
        }
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
            fill(batch);
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
            lost(failure);
        }
        return full && isOpen();
    }

    private void lost(IOException why) {
        pipeline().fireExceptionCaught(why);
        close();
    }

    @Override
    protected final Class<? extends IoHandle> handleType() {
        return EpollIoHandle.class;
    }

    @Override
    protected final AbstractUnsafe newUnsafe() {
        return new DescriptorUnsafe();
    }

    private final class DescriptorUnsafe extends QueueUnsafe implements EpollIoHandle {
        @Override
        public FileDescriptor fd() {
            return descriptor;
        }

        @Override
        public void handle(IoRegistration registered, IoEvent event) {
            EpollIoOps ops = ((EpollIoEvent) event).ops();
            if (ops.contains(EpollIoOps.EPOLLERR)) {
                try {
                    error();
                } catch (IOException e) {
                    lost(e);
                    return;
                }
            }
            if (ops.contains(EpollIoOps.EPOLLOUT)) {
                flush0();
                if (wantsPackets()) {
                    interest(true, wantOut);
                }
            }
            if (isOpen() && (ops.contains(EpollIoOps.EPOLLIN) || ops.contains(EpollIoOps.EPOLLERR))) {
                int batches = 0;
                while (readBatch() && ++batches < BATCHES_OF_A_LOOK) {}
            }
        }
    }
}
