package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.netty.CaptureHandler;
import dev.sluice.packet.netty.HostHandler;
import dev.sluice.packet.netty.PollIoHandler;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.netty.VerdictHandler;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.tap.TapChannel;
import dev.sluice.packet.tap.TapDevice;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program on live traffic until it is stopped: TAPs in, totals out.
 *
 * <pre>{@code
 * LiveRun run = LiveRun.builder()
 *         .program(executable)
 *         .contexts((cpu, clock) -> new RunContext(maps, regions, clock, seed))
 *         .tap("eth0", "tap0")
 *         .build();
 * run.open();                       // makes the TAPs, or says why not
 * Runtime.getRuntime().addShutdownHook(new Thread(run::close));
 * RunTotals totals = run.await();   // until stop() or close()
 * }</pre>
 *
 * {@code XDP_TX} goes back to the TAP, {@code XDP_REDIRECT} to the NIC with that ifindex (a TAP's is the kernel's own), what
 * passes is counted: there is no host behind these NICs yet. {@link #stop} and {@link #close} may be called by any thread.
 */
public final class LiveRun implements AutoCloseable {
    private static final long FLUSH_MILLIS = 200;

    private final Builder options;
    private final NicTable nics = new NicTable();
    private final List<QueueChannel> channels = new ArrayList<>();
    private final List<XdpHandler> programs = new ArrayList<>();
    private final List<RunContext> contexts = new ArrayList<>();
    private final List<PacketFault> faults = new ArrayList<>();
    private final CountDownLatch stop = new CountDownLatch(1);
    private @Nullable MultiThreadIoEventLoopGroup loops;
    private volatile @Nullable Throwable failure;
    private long startNanos;
    private long durationNanos;
    private boolean closing;

    private LiveRun(Builder options) {
        this.options = options;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** The NICs, for their statistics while the run goes on. */
    public NicTable nics() {
        return nics;
    }

    /**
     * Makes the interfaces and begins.
     *
     * @throws IOException when an interface cannot be made; the message says what to do, and nothing is left behind
     */
    public synchronized void open() throws IOException {
        if (loops != null || closing) {
            throw new IllegalStateException("a live run is opened once");
        }
        if (!Epoll.isAvailable()) {
            throw new IOException(
                    "live traffic needs Linux's epoll, which Netty cannot use here", Epoll.unavailabilityCause());
        }
        boolean opened = false;
        try {
            List<QueueChannel> made = new ArrayList<>();
            for (Map.Entry<String, Tap> tap : options.taps.entrySet()) {
                made.add(openTap(tap.getKey(), tap.getValue()));
            }
            MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(
                    1, new DefaultThreadFactory("sluice-rx", true), PollIoHandler.newFactory());
            loops = group;
            startNanos = System.nanoTime();
            IoEventLoop loop = group.next();
            EventLoopGroup any = loop; // the narrower type's method is deprecated
            for (QueueChannel channel : made) {
                any.register(channel).syncUninterruptibly();
            }
            if (!options.sinks.isEmpty()) {
                loop.scheduleWithFixedDelay(this::flushSinks, FLUSH_MILLIS, FLUSH_MILLIS, TimeUnit.MILLISECONDS);
            }
            opened = true;
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    private QueueChannel openTap(String nicName, Tap tap) throws IOException {
        TapDevice device = TapDevice.open(tap.ifname);
        boolean opened = false;
        try {
            if (tap.mtu != 0) {
                device.mtu(tap.mtu);
            }
            if (tap.up) {
                device.up(true);
            }
            int ifindex = device.ifindex();
            VirtualNic nic = new VirtualNic(nicName, ifindex, VirtualNic.macFor(ifindex), device.mtu(), 1);
            nics.add(nic);
            BpfMap map = options.counters;
            nic.hook().attach(options.neededProgram(), map == null ? null : new VerdictCounters(map, 1));
            RunContext context = options.neededContexts().create(0, System::nanoTime);
            contexts.add(context);
            XdpHandler program = new XdpHandler(nic.hook(), context, (batch, i, fault) -> {
                synchronized (faults) {
                    if (faults.size() < Replay.MAX_FAULTS_KEPT) {
                        faults.add(new PacketFault(batch.number(i), fault, batch.bytes(i)));
                    }
                }
            });
            programs.add(program);
            QueueChannel channel = new TapChannel(nic, 0, new FramePool(), device);
            channels.add(channel);
            ChannelPipeline pipeline = channel.pipeline();
            pipeline.addLast("xdp", program);
            if (!options.sinks.isEmpty()) {
                pipeline.addLast("capture", new CaptureHandler(options.sinks));
            }
            pipeline.addLast("verdict", new VerdictHandler(nic.statistics(0), nics, context.maps));
            pipeline.addLast("host", new HostHandler(this::fail));
            opened = true;
            return channel;
        } finally {
            if (!opened) {
                device.close();
            }
        }
    }

    private void flushSinks() {
        try {
            for (FrameSink sink : options.sinks.values()) {
                sink.flush();
            }
        } catch (IOException e) {
            fail(e);
        }
    }

    private void fail(Throwable cause) {
        if (failure == null) {
            failure = cause;
        }
        stop.countDown();
    }

    /** Ends the run: {@link #await} closes everything and returns. */
    public void stop() {
        stop.countDown();
    }

    /**
     * Waits for {@link #stop} or {@link #close}, then closes and gives the totals.
     *
     * @throws IOException when the run ended because something failed
     */
    public RunTotals await() throws IOException {
        boolean interrupted = false;
        try {
            stop.await();
        } catch (InterruptedException e) {
            interrupted = true;
        }
        close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        Throwable failed = failure;
        if (failed != null) {
            throw Replay.rethrow(failed);
        }
        return totals();
    }

    private RunTotals totals() {
        Tally verdicts = new Tally();
        long faultCount = 0;
        for (XdpHandler program : programs) {
            verdicts.add(program.tally());
            faultCount += program.faults();
        }
        long packets = 0;
        long bytes = 0;
        long tooLong = 0;
        Map<String, Map<String, Long>> statistics = new LinkedHashMap<>();
        for (VirtualNic nic : nics.all()) {
            packets += nic.total(NicCounter.RX_PACKETS) + nic.total(NicCounter.RX_TOO_LARGE);
            bytes += nic.total(NicCounter.RX_BYTES);
            tooLong += nic.total(NicCounter.RX_TOO_LARGE);
            statistics.put(nic.name(), nic.statistics());
        }
        return new RunTotals(
                packets,
                bytes,
                durationNanos,
                verdicts,
                0,
                tooLong,
                0,
                faultCount,
                faults,
                List.of(),
                false,
                statistics);
    }

    /**
     * Stops, and waits until the interfaces are gone. What was received before is judged first. Safe to call from a shutdown
     * hook, and twice.
     */
    @Override
    public void close() {
        stop.countDown();
        synchronized (this) {
            if (closing) {
                return;
            }
            closing = true;
            for (QueueChannel channel : channels) {
                if (channel.isRegistered()) {
                    channel.close().awaitUninterruptibly();
                } else if (channel instanceof TapChannel tap) {
                    tap.device().close();
                    tap.pool().close();
                }
            }
            durationNanos = startNanos == 0 ? 0 : System.nanoTime() - startNanos;
            MultiThreadIoEventLoopGroup group = loops;
            if (group != null) {
                group.shutdownGracefully(0, 10, TimeUnit.SECONDS).awaitUninterruptibly();
            }
            contexts.forEach(RunContext::close);
        }
    }

    /** A TAP and how to set it up. */
    private record Tap(String ifname, int mtu, boolean up) {}

    /** What to run, and on what. */
    public static final class Builder {
        private final Map<String, Tap> taps = new LinkedHashMap<>();
        private final Map<XdpAction, FrameSink> sinks = new EnumMap<>(XdpAction.class);
        private @Nullable Executable program;
        private @Nullable ContextFactory contexts;
        private @Nullable BpfMap counters;

        private Builder() {}

        /** The program of all NICs; needed. */
        public Builder program(Executable executable) {
            program = executable;
            return this;
        }

        /** Makes what the program runs with on each NIC's queue; needed. */
        public Builder contexts(ContextFactory factory) {
            contexts = factory;
            return this;
        }

        /** The program's counters, a map made from {@link VerdictCounters#definition()}; it stays the caller's. */
        public Builder counters(BpfMap map) {
            counters = map;
            return this;
        }

        /** A NIC whose wire is a TAP, which is made if it is not there, and switched on; its MTU stays as it is. */
        public Builder tap(String nicName, String ifname) {
            return tap(nicName, ifname, 0, true);
        }

        /**
         * A NIC whose wire is a TAP.
         *
         * @param mtu to set, or 0 to leave it
         * @param up whether to switch it on; needs permission unless it is on
         */
        public Builder tap(String nicName, String ifname, int mtu, boolean up) {
            if (taps.putIfAbsent(nicName, new Tap(ifname, mtu, up)) != null) {
                throw new IllegalArgumentException("two NICs are called " + nicName + ", expected different names");
            }
            return this;
        }

        /** Writes the packets of an action to a sink, which stays the caller's to close. */
        public Builder sink(XdpAction action, FrameSink sink) {
            sinks.put(action, sink);
            return this;
        }

        public LiveRun build() {
            neededProgram();
            neededContexts();
            if (taps.isEmpty()) {
                throw new IllegalStateException("a live run needs an interface");
            }
            return new LiveRun(this);
        }

        private Executable neededProgram() {
            Executable executable = program;
            if (executable == null) {
                throw new IllegalStateException("a live run needs a program");
            }
            return executable;
        }

        private ContextFactory neededContexts() {
            ContextFactory factory = contexts;
            if (factory == null) {
                throw new IllegalStateException("a live run needs contexts to run its program with");
            }
            return factory;
        }
    }
}
