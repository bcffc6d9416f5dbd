package dev.sluice.packet.netty;

import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.TxPort;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.AbstractChannel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelId;
import io.netty.channel.ChannelMetadata;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultChannelConfig;
import io.netty.channel.EventLoop;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import io.netty.channel.MessageSizeEstimator;
import io.netty.channel.WriteBufferWaterMark;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * An rx queue of a NIC and its way back to the wire. Reading gives {@link FrameBatch}es to the pipeline; writing one sends its
 * selected packets. Runs on one event loop, which is the queue's CPU. Close it to give its frames back.
 *
 * <p>A channel that is not writable has a full wire behind it. A lossless source stops then and goes on when there is room.
 */
public abstract class QueueChannel extends AbstractChannel implements TxPort {
    private static final ChannelMetadata METADATA = new ChannelMetadata(false);

    /** Bytes on their way out from which a channel is not writable, and from which it is again. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(1 << 19, 1 << 20);

    private static final MessageSizeEstimator SIZES = () -> QueueChannel::sizeOf;

    private final VirtualNic nic;
    private final int queue;
    private final FramePool pool;
    private final QueueStatistics statistics;
    private final ChannelConfig config;
    private volatile boolean open = true;
    private @Nullable IoRegistration registration;

    /** The packets of the batch being written that are still to go; 0 when none has been tried. */
    private long unsent;

    /** Where packets go on that come to this queue's host by another way. */
    private volatile @Nullable ChannelHandlerContext behindVerdict;

    /** Set while the pipeline wants packets. */
    private volatile boolean readWanted;

    /**
     * @param queue the queue, which is the CPU as well
     * @param pool where frames for received packets come from; closed with the channel
     */
    protected QueueChannel(VirtualNic nic, int queue, FramePool pool) {
        super(null);
        this.nic = nic;
        this.queue = queue;
        this.pool = pool;
        statistics = nic.statistics(queue);
        config = new DefaultChannelConfig(this) {
            @Override
            protected void autoReadCleared() {
                readWanted = false; // what was asked for and has not come is not wanted any more
            }
        };
        config.setMessageSizeEstimator(SIZES);
        config.setWriteBufferWaterMark(WATER_MARK);
    }

    private static int sizeOf(Object message) {
        return message instanceof FrameBatch batch ? batch.count() * FramePool.FRAME_SIZE / 4 : 0;
    }

    public final VirtualNic nic() {
        return nic;
    }

    /** The queue's number, which is its CPU's too. */
    public final int queue() {
        return queue;
    }

    public final FramePool pool() {
        return pool;
    }

    public final QueueStatistics statistics() {
        return statistics;
    }

    /**
     * Sends packets.
     *
     * @param mask the packets still to send
     * @return those that the wire has no room for now; it calls {@code unsafe().flush()} when there is. Packets that it refuses
     *     for good are counted as {@link NicCounter#TX_ERRORS}, and not returned
     */
    protected abstract long transmit(FrameBatch batch, long mask) throws Exception;

    /** Counts packets that the wire has taken. */
    protected final void countSent(FrameBatch batch, long mask) {
        countSent(Long.bitCount(mask), bytesOf(batch, mask));
    }

    /** Counts packets that the wire has taken. */
    protected final void countSent(int packets, long bytes) {
        statistics.add(NicCounter.TX_PACKETS, packets);
        statistics.add(NicCounter.TX_BYTES, bytes);
    }

    /** Bytes of some packets as they are now. */
    protected static long bytesOf(FrameBatch batch, long mask) {
        long bytes = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            bytes += batch.length(Long.numberOfTrailingZeros(rest));
        }
        return bytes;
    }

    /** The place in the pipeline from which on packets are on their way to the host; null where no verdicts are done. */
    final @Nullable ChannelHandlerContext behindVerdict() {
        return behindVerdict;
    }

    final void behindVerdict(@Nullable ChannelHandlerContext place) {
        behindVerdict = place;
    }

    /** Whether the pipeline wants packets now: it asked for them, and what it sends is not held up. */
    protected final boolean wantsPackets() {
        return readWanted && isWritable();
    }

    /** Gives received packets to the pipeline, which takes over the reference. The loop's thread. */
    protected final void deliver(FrameBatch batch) {
        statistics.add(NicCounter.RX_PACKETS, batch.count());
        statistics.add(NicCounter.RX_BYTES, batch.arrivalBytes(batch.selected()));
        pipeline().fireChannelRead(batch);
    }

    /** The end of a poll: flushes what was queued and lets the pipeline ask for more. The loop's thread. */
    protected final void deliveryComplete() {
        readWanted = false;
        pipeline().fireChannelReadComplete(); // asks for more at once when auto-read is on
    }

    @Override
    public final void send(FrameBatch batch) {
        write(batch, voidPromise());
    }

    @Override
    public final void flushSent() {
        flush();
    }

    /** How it hangs on its loop. */
    protected final @Nullable IoRegistration registration() {
        return registration;
    }

    @Override
    protected final ChannelId newId() {
        return new QueueChannelId();
    }

    @Override
    protected void doRegister(ChannelPromise promise) {
        ((IoEventLoop) eventLoop()).register((IoHandle) unsafe()).addListener(future -> {
            if (future.isSuccess()) {
                registration = (IoRegistration) future.getNow();
                nic.port(queue, this); // not before: what is sent needs the loop
                onRegistered(registration);
                promise.setSuccess();
            } else {
                promise.setFailure(future.cause());
            }
        });
    }

    /** The registration is there. */
    protected void onRegistered(IoRegistration made) {}

    @Override
    protected void doDeregister() {
        IoRegistration made = registration;
        if (made != null) {
            registration = null;
            made.cancel();
        }
    }

    @Override
    protected final boolean isCompatible(EventLoop loop) {
        return loop instanceof IoEventLoop ioLoop && ioLoop.isCompatible(handleType());
    }

    /** What its unsafe is, for the loop to accept. */
    protected abstract Class<? extends IoHandle> handleType();

    @Override
    protected void doBeginRead() {
        readWanted = true;
    }

    @Override
    protected final Object filterOutboundMessage(Object message) {
        if (message instanceof FrameBatch) {
            return message;
        }
        throw new UnsupportedOperationException(
                "message written to " + localAddress0() + ", expected=" + FrameBatch.class.getSimpleName() + " found="
                        + message.getClass().getName());
    }

    @Override
    protected final void doWrite(ChannelOutboundBuffer out) throws Exception {
        for (Object message = out.current(); message != null; message = out.current()) {
            FrameBatch batch = (FrameBatch) message;
            long left = transmit(batch, unsent == 0 ? batch.selected() : unsent);
            if (left != 0) {
                unsent = left;
                return;
            }
            unsent = 0;
            out.remove();
        }
    }

    @Override
    protected void doBind(SocketAddress address) {
        throw new UnsupportedOperationException("a queue is bound to its NIC");
    }

    @Override
    protected void doDisconnect() throws Exception {
        doClose();
    }

    @Override
    protected void doClose() throws Exception {
        open = false;
        nic.port(queue, null);
        pool.close();
    }

    @Override
    public final ChannelConfig config() {
        return config;
    }

    @Override
    public final boolean isOpen() {
        return open;
    }

    @Override
    public final boolean isActive() {
        return open;
    }

    @Override
    public final ChannelMetadata metadata() {
        return METADATA;
    }

    @Override
    protected final SocketAddress localAddress0() {
        return new QueueAddress(nic.name(), queue);
    }

    @Override
    protected final @Nullable SocketAddress remoteAddress0() {
        return null;
    }

    /** What all queues' unsafes have in common. */
    protected abstract class QueueUnsafe extends AbstractUnsafe implements IoHandle {
        @Override
        public void connect(SocketAddress remote, SocketAddress local, ChannelPromise promise) {
            promise.setFailure(new UnsupportedOperationException("a queue has no peer to connect to"));
        }

        @Override
        public void close() {
            close(voidPromise());
        }
    }
}
