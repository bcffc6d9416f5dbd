package dev.sluice.packet.netty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.QuiescentStates;
import dev.sluice.memory.Regions;
import dev.sluice.packet.TestProgram;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The handlers in pipelines that a user might build, and the loop that runs them. */
@Timeout(300)
class PipelineTest {
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, PollIoHandler.newFactory());
    private final NicTable nics = new NicTable();
    private final MapTable maps = new MapTable();
    private final Regions regions = new Regions();
    private final RunContext context = new RunContext(maps, regions, System::nanoTime, 1);
    private final FramePool pool = new FramePool(4);
    private final List<Throwable> failures = new CopyOnWriteArrayList<>();

    @AfterEach
    void shutDown() {
        assertThat(failures).isEmpty();
        loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        context.close();
    }

    /** Collects what passes. */
    private final class Collector extends ChannelInboundHandlerAdapter {
        final List<byte[]> packets = new ArrayList<>();
        final List<Long> aborted = new ArrayList<>();

        @Override
        public synchronized void channelRead(ChannelHandlerContext ctx, Object message) {
            FrameBatch batch = (FrameBatch) message;
            for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
                packets.add(batch.bytes(Long.numberOfTrailingZeros(rest)));
            }
            batch.release();
        }

        @Override
        public synchronized void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof XdpExceptions exceptions) {
                aborted.add(exceptions.mask());
            }
        }

        @Override
        public synchronized void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            failures.add(cause);
        }

        synchronized int size() {
            return packets.size();
        }
    }

    private VirtualQueueChannel channel(VirtualNic nic, Wire wire, io.netty.channel.ChannelHandler... handlers) {
        VirtualQueueChannel channel = new VirtualQueueChannel(nic, 0, pool, wire);
        channel.pipeline().addLast(handlers);
        loop.register(channel).syncUninterruptibly();
        return channel;
    }

    private static VirtualNic nic(String name, int ifindex) {
        return new VirtualNic(name, ifindex, VirtualNic.macFor(ifindex), 1500, 1);
    }

    /** A batch of packets of 60 bytes whose last bytes count from 0. */
    private FrameBatch batch(int count) {
        FrameBatch batch = pool.acquire();
        for (int i = 0; i < count; i++) {
            byte[] packet = new byte[60];
            packet[59] = (byte) i;
            batch.append(packet, 0, 1);
        }
        return batch;
    }

    /** Gives a batch to a channel as its wire does and waits until it is through. */
    private static void receive(VirtualQueueChannel channel, FrameBatch batch) {
        channel.eventLoop()
                .submit(() -> {
                    channel.receive(batch);
                    channel.receiveComplete();
                })
                .syncUninterruptibly();
    }

    @Test
    void aLoopIsOnlineToTheEndOfItsRoundAndOfflineWhileItWaits() throws InterruptedException {
        QuiescentStates states = maps.quiescentStates();
        List<Boolean> passed = new CopyOnWriteArrayList<>();
        AtomicBoolean freed = new AtomicBoolean();
        TestProgram program = new TestProgram((running, d) -> {
            boolean entered = running.reader.enter(); // as an engine does
            passed.add(states.passed(states.stamp()));
            running.reader.leave(entered);
            return 2;
        });
        ChannelInboundHandlerAdapter behind = new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                // a handler may still use what the program has found
                passed.add(states.passed(states.stamp()));
                states.retire(() -> freed.set(true));
                ((FrameBatch) message).release();
            }
        };
        VirtualQueueChannel channel = channel(nic("eth0", 1), Wire.NULL, new XdpHandler(program, context), behind);
        assertThat(channel.offer(batch(1))).isTrue();
        while (!freed.get()) {
            Thread.sleep(1);
        }
        assertThat(passed).containsExactly(false, false);
        channel.close().syncUninterruptibly();
    }

    @Test
    void eachVerdictGoesItsWayAndNothingLeaks() {
        VirtualNic nic = nic("eth0", 1);
        List<byte[]> sent = new ArrayList<>();
        Wire wire = (batch, mask) -> {
            long refused = 0;
            for (long rest = mask; rest != 0; rest &= rest - 1) {
                int i = Long.numberOfTrailingZeros(rest);
                sent.add(batch.bytes(i));
                if (batch.bytes(i)[59] == 9) {
                    refused |= 1L << i;
                }
            }
            return refused;
        };
        BpfMap map = Maps.create(VerdictCounters.definition(), maps, regions, 1, 1);
        nic.hook().attach(TestProgram.byLastByte(0, 1, 2, 3, 4, 9), new VerdictCounters(map, 1));
        Collector host = new Collector();
        XdpHandler program = new XdpHandler(nic.hook(), context, FaultListener.NONE);
        VirtualQueueChannel channel =
                channel(nic, wire, program, new VerdictHandler(nic.statistics(0), new Redirects(nics, context)), host);
        receive(channel, batch(64));
        receive(channel, batch(0));
        receive(channel, batch(1));
        assertThat(pool.inUse()).isZero();
        // 64 = 10 * 6 + 4, then a packet of action 0
        assertThat(host.packets).hasSize(11).allMatch(p -> p[59] % 6 == 2);
        assertThat(sent).hasSize(11).allMatch(p -> p[59] % 6 == 3);
        assertThat(host.aborted).hasSize(2);
        assertThat(Long.bitCount(host.aborted.getFirst())).isEqualTo(11 + 10);
        assertThat(nic.statistics())
                .containsEntry("rx_packets", 65L)
                .containsEntry("rx_xdp_packets", 65L)
                .containsEntry("rx_xdp_aborted", 12L)
                .containsEntry("rx_xdp_drop", 11L)
                .containsEntry("rx_xdp_pass", 11L)
                .containsEntry("rx_xdp_tx", 11L)
                .containsEntry("rx_xdp_redirect", 0L)
                .containsEntry("rx_xdp_redirect_errors", 10L) // there is no interface 0
                .containsEntry("rx_xdp_invalid", 10L)
                .containsEntry("tx_packets", 10L)
                .containsEntry("tx_errors", 1L);
        assertThat(map.get(new byte[4])).startsWith(12, 0, 0, 0, 0, 0, 0, 0, (byte) (12 * 60 & 0xff), 12 * 60 >> 8);
        map.close();
    }

    @Test
    void redirectsGoToTheOtherNicByNumberAndByMap() {
        VirtualNic a = nic("a", 11);
        VirtualNic b = nic("b", 12);
        nics.add(a);
        nics.add(b);
        BpfMap devices = Maps.create(MapDef.of("devices", MapType.DEVMAP, 4, 4, 8), maps, regions, 1, 1);
        devices.put(new byte[] {3, 0, 0, 0}, new byte[] {12, 0, 0, 0}, BpfMap.ANY);
        List<Integer> sentByB = new ArrayList<>();
        TestProgram program = new TestProgram((running, d) -> {
            int last = Memory.getByte(Memory.getLong(d + FrameDescriptor.DATA_END) - 1);
            boolean byMap = last % 2 == 0;
            Memory.putInt(d + FrameDescriptor.REDIRECT_MAP, byMap ? devices.id() : 0);
            Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, byMap ? (last == 0 ? 4 : 3) : 12);
            return 4;
        });
        a.hook().attach(program, null);
        XdpHandler handler = new XdpHandler(a.hook(), context, FaultListener.NONE);
        VirtualQueueChannel from = channel(
                a,
                Wire.NULL,
                handler,
                new VerdictHandler(a.statistics(0), new Redirects(nics, context)),
                new Collector());
        FramePool own = new FramePool(1);
        VirtualQueueChannel to = new VirtualQueueChannel(b, 0, own, (batch, mask) -> {
            for (long rest = mask; rest != 0; rest &= rest - 1) {
                sentByB.add((int) batch.bytes(Long.numberOfTrailingZeros(rest))[59]);
            }
            return 0;
        });
        loop.register(to).syncUninterruptibly();
        receive(from, batch(6));
        assertThat(sentByB).containsExactlyInAnyOrder(1, 2, 3, 4, 5);
        assertThat(a.total(NicCounter.RX_XDP_REDIRECT)).isEqualTo(5);
        assertThat(a.total(NicCounter.RX_XDP_REDIRECT_ERRORS)).isEqualTo(1); // entry 4 is not set
        assertThat(b.total(NicCounter.TX_PACKETS)).isEqualTo(5);
        assertThat(pool.inUse()).isZero();
        to.close().syncUninterruptibly();
        receive(from, batch(6)); // nobody there any more
        assertThat(a.total(NicCounter.RX_XDP_REDIRECT_ERRORS)).isEqualTo(7);
        assertThat(pool.inUse()).isZero();
        devices.close();
    }

    @Test
    void aProgramRunsOverASelectionOnly() {
        VirtualNic nic = nic("eth0", 1);
        AtomicInteger ran = new AtomicInteger();
        Collector host = new Collector();
        ChannelInboundHandlerAdapter select = new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                FrameBatch whole = (FrameBatch) message;
                FrameBatch some = whole.select(0x8000_0000_0000_00f1L & whole.selected());
                whole.release();
                ctx.fireChannelRead(some);
            }
        };
        TestProgram program = new TestProgram((running, d) -> {
            ran.incrementAndGet();
            return 2;
        });
        VirtualQueueChannel channel = channel(nic, Wire.NULL, select, new XdpHandler(program, context), host);
        receive(channel, batch(64));
        assertThat(ran).hasValue(6);
        assertThat(host.packets).extracting(p -> (int) p[59]).containsExactly(0, 4, 5, 6, 7, 63);
        assertThat(pool.inUse()).isZero();
    }

    @Test
    void aSleepingLoopIsWokenByBatchesFromAnotherThread() throws Exception {
        VirtualNic nic = nic("eth0", 1);
        Collector host = new Collector();
        VirtualQueueChannel channel = channel(nic, Wire.NULL, host);
        for (int i = 1; i <= 50; i++) {
            FrameBatch batch = pool.acquire();
            while (batch == null) {
                Thread.onSpinWait();
                batch = pool.acquire();
            }
            batch.append(new byte[60], 0, 1);
            while (!channel.offer(batch)) {
                Thread.onSpinWait();
            }
            if (i % 10 == 0) { // until the loop sleeps
                long deadline = System.nanoTime() + 180_000_000_000L;
                while (host.size() < i && System.nanoTime() < deadline) {
                    Thread.onSpinWait();
                }
                assertThat(host.size()).isEqualTo(i);
                TimeUnit.MILLISECONDS.sleep(5);
            }
        }
        // tasks and timers run too
        AtomicBoolean timer = new AtomicBoolean();
        loop.schedule(() -> timer.set(true), 10, TimeUnit.MILLISECONDS).get(180, TimeUnit.SECONDS);
        assertThat(timer).isTrue();
    }

    @Test
    void whoStopsReadingIsNotGivenMore() {
        VirtualNic nic = nic("eth0", 1);
        Collector host = new Collector();
        VirtualQueueChannel channel = channel(nic, Wire.NULL, host);
        channel.eventLoop().submit(() -> channel.config().setAutoRead(false)).syncUninterruptibly();
        receive(channel, batch(1)); // the read that was asked for before
        assertThat(channel.isReady()).isFalse();
        assertThat(channel.offer(batch(3))).isTrue();
        channel.eventLoop().submit(() -> {}).syncUninterruptibly();
        assertThat(host.size()).isEqualTo(1);
        channel.read();
        long deadline = System.nanoTime() + 180_000_000_000L;
        while (host.size() < 4 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        assertThat(host.size()).isEqualTo(4);
    }

    @Test
    void closingGivesWaitingFramesBack() {
        VirtualNic nic = nic("eth0", 1);
        VirtualQueueChannel channel = channel(nic, Wire.NULL, new Collector());
        channel.eventLoop().submit(() -> channel.config().setAutoRead(false)).syncUninterruptibly();
        receive(channel, batch(1));
        channel.offer(batch(3));
        channel.offer(batch(3));
        assertThat(pool.inUse()).isEqualTo(2);
        channel.close().syncUninterruptibly();
        assertThat(pool.inUse()).isZero();
        assertThat(channel.isOpen()).isFalse();
    }
}
