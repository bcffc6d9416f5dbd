package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.netty.CaptureHandler;
import dev.sluice.packet.netty.HostHandler;
import dev.sluice.packet.netty.PollIoHandler;
import dev.sluice.packet.netty.VerdictHandler;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.netty.Wire;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program over captures: captures in, totals out.
 *
 * <pre>{@code
 * RunTotals totals = Replay.builder()
 *         .program(executable)
 *         .contexts((cpu, clock) -> new RunContext(maps, regions, clock, seed + cpu))
 *         .capture("trace.pcapng")
 *         .run();
 * }</pre>
 *
 * <p>{@link #run} works once; {@link #cancel} may be called by any thread.
 */
public final class Replay {
    /** Which clock programs see, and so which thread runs which queue. */
    public enum Time {
        /** The captures' time stamps: one thread, reproducible. */
        CAPTURE,
        /** The machine's monotonic clock: a thread for each queue. */
        MACHINE
    }

    /** Faulty packets that are kept with their bytes. */
    public static final int MAX_FAULTS_KEPT = 16;

    private final Builder options;
    private final VirtualNic nic;
    private final List<PacketFault> faults = new ArrayList<>();
    private volatile boolean cancelled;
    private volatile @Nullable Throwable failure;

    private Replay(Builder options) {
        this.options = options;
        nic = new VirtualNic(
                options.nicName, options.ifindex, VirtualNic.macFor(options.ifindex), options.mtu, options.queues);
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Ends the run soon; {@link #run} returns what was reached, with {@link RunTotals#cancelled}. Any thread. */
    public void cancel() {
        cancelled = true;
    }

    /** The NIC that the packets come through, for its statistics while the run goes on. */
    public VirtualNic nic() {
        return nic;
    }

    /**
     * Runs to the end of the captures, to the limit, or to {@link #cancel}. The calling thread waits.
     *
     * @throws CaptureException when a capture cannot be opened or is not of Ethernet; nothing has run then
     * @throws IOException when a sink fails
     */
    public RunTotals run() throws IOException {
        Executable program = options.program;
        if (program == null) {
            throw new IllegalStateException("a replay needs a program");
        }
        int queues = options.queues;
        boolean inOrder = options.time == Time.CAPTURE || queues == 1;
        Clock clock = options.time == Time.CAPTURE ? new CaptureClock() : System::nanoTime;
        BpfMap map = options.counters;
        nic.hook().attach(program, map == null ? null : new VerdictCounters(map, queues));

        MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(
                inOrder ? 1 : queues, new DefaultThreadFactory("sluice-rx", true), PollIoHandler.newFactory());
        VirtualQueueChannel[] channels = new VirtualQueueChannel[queues];
        XdpHandler[] programs = new XdpHandler[queues];
        List<RunContext> contexts = new ArrayList<>();
        CountDownLatch read = new CountDownLatch(1);
        CaptureFeed opened = null;
        try {
            for (int queue = 0; queue < queues; queue++) {
                RunContext context = options.contexts(queue, clock);
                contexts.add(context);
                programs[queue] = new XdpHandler(nic.hook(), context, (batch, i, fault) -> {
                    synchronized (faults) {
                        if (faults.size() < MAX_FAULTS_KEPT) {
                            faults.add(new PacketFault(batch.number(i), fault, batch.bytes(i)));
                        }
                    }
                });
                channels[queue] = new VirtualQueueChannel(nic, queue, new FramePool(), Wire.NULL);
                ChannelPipeline pipeline = channels[queue].pipeline();
                pipeline.addLast("xdp", programs[queue]);
                if (!options.sinks.isEmpty()) {
                    pipeline.addLast("capture", new CaptureHandler(options.sinks));
                }
                pipeline.addLast("verdict", new VerdictHandler(nic.statistics(queue)));
                pipeline.addLast("host", new HostHandler(this::fail));
            }
            CaptureFeed feed = new CaptureFeed(options, nic, channels, () -> cancelled, read::countDown, this::fail);
            opened = feed;
            IoEventLoop[] loopOf = new IoEventLoop[queues];
            for (int queue = 0; queue < queues; queue++) {
                IoEventLoop loop = loops.next();
                loopOf[queue] = loop;
                EventLoopGroup any = loop; // the narrower type's method is deprecated
                any.register(channels[queue]).syncUninterruptibly();
            }
            long start = System.nanoTime();
            feed.start();
            if (inOrder) {
                loopOf[0].register(feed).syncUninterruptibly();
            } else {
                Thread reader = new Thread(feed::run, "sluice-read");
                reader.setDaemon(true);
                reader.start();
            }
            awaitEnd(read, channels);
            long duration = System.nanoTime() - start;
            Throwable failed = failure;
            if (failed != null) {
                throw rethrow(failed);
            }
            return totals(feed, programs, duration);
        } finally {
            // nothing runs behind this: loops first, then what they used
            cancelled = true;
            for (VirtualQueueChannel channel : channels) {
                if (channel != null && channel.isRegistered()) {
                    channel.close().awaitUninterruptibly();
                }
            }
            loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).awaitUninterruptibly();
            if (opened != null) {
                opened.close();
            }
            contexts.forEach(RunContext::close);
        }
    }

    /** Waits for the last packet to be read, and then for the last frame to come back. */
    private void awaitEnd(CountDownLatch read, VirtualQueueChannel[] channels) {
        boolean interrupted = false;
        while (true) {
            try {
                read.await();
                boolean busy = false;
                for (VirtualQueueChannel channel : channels) {
                    busy |= channel.pool().inUse() > 0;
                }
                if (!busy || failure != null) {
                    break;
                }
                TimeUnit.MICROSECONDS.sleep(50);
            } catch (InterruptedException e) {
                interrupted = true;
                cancelled = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void fail(Throwable cause) {
        if (failure == null) {
            failure = cause;
        }
        cancelled = true;
    }

    /** Throws what made a run fail, as what it is. */
    static IOException rethrow(Throwable failed) throws IOException {
        switch (failed) {
            case IOException e -> throw e;
            // what HotSpot makes of SIGBUS: pages of a mapped capture are no longer in the file
            case InternalError e -> throw new CaptureException("a capture was cut short while it was read", e);
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IOException(failed);
        }
    }

    private RunTotals totals(CaptureFeed feed, XdpHandler[] programs, long durationNanos) {
        Tally verdicts = new Tally();
        long faultCount = 0;
        for (XdpHandler handler : programs) {
            verdicts.add(handler.tally());
            faultCount += handler.faults();
        }
        return new RunTotals(
                feed.packets(),
                feed.bytes(),
                durationNanos,
                verdicts,
                feed.tooShort(),
                feed.tooLong(),
                feed.cutPackets(),
                faultCount,
                faults,
                feed.damages(),
                cancelled,
                Map.of(nic.name(), nic.statistics()));
    }

    /** What to replay, and how. */
    public static final class Builder {
        final List<String> captures = new ArrayList<>();
        final Map<XdpAction, FrameSink> sinks = new EnumMap<>(XdpAction.class);

        @Nullable
        Executable program;

        @Nullable
        ContextFactory contexts;

        @Nullable
        BpfMap counters;

        String nicName = "replay0";
        int ifindex = 1;
        int mtu = VirtualNic.NO_MTU;
        int queues = 1;
        long repeat = 1;
        long limit = Long.MAX_VALUE;
        double speed;
        Time time = Time.CAPTURE;
        Progress progress = Progress.NONE;

        private Builder() {}

        /** The program; needed. */
        public Builder program(Executable executable) {
            program = executable;
            return this;
        }

        /** Makes what the program runs with on each queue; needed. */
        public Builder contexts(ContextFactory factory) {
            contexts = factory;
            return this;
        }

        /** The program's counters, a map made from {@link VerdictCounters#definition()}; it stays the caller's. */
        public Builder counters(BpfMap map) {
            counters = map;
            return this;
        }

        /** Adds a capture, behind those before it; {@code -} is standard input. */
        public Builder capture(String name) {
            captures.add(name);
            return this;
        }

        /** Writes the packets of an action to a sink, which stays the caller's to close. */
        public Builder sink(XdpAction action, FrameSink sink) {
            sinks.put(action, sink);
            return this;
        }

        /** Name and ifindex of the NIC: programs see the ifindex. {@code replay0} and 1 unless said. */
        public Builder nic(String name, int number) {
            nicName = name;
            ifindex = number;
            return this;
        }

        /** Longer packets are refused and counted; 68 or more. Nothing is refused unless said. */
        public Builder mtu(int bytes) {
            mtu = bytes;
            return this;
        }

        /** Rx queues, 1 to {@link VirtualNic#MAX_QUEUES}; RSS spreads the packets. */
        public Builder queues(int count) {
            queues = count;
            return this;
        }

        /** How often all captures are replayed, from memory; 0 for ever, that is until {@link Replay#cancel}. */
        public Builder repeat(long times) {
            if (times < 0) {
                throw new IllegalArgumentException("repeat, expected=0.. found=" + times);
            }
            repeat = times;
            return this;
        }

        /** Stops after so many packets in all. */
        public Builder limit(long packets) {
            if (packets < 0) {
                throw new IllegalArgumentException("packets, expected=0.. found=" + packets);
            }
            limit = packets;
            return this;
        }

        /** As fast as possible (0, unless said), in original timing (1), or at a multiple of it. */
        public Builder speed(double multiple) {
            if (!(multiple >= 0) || Double.isInfinite(multiple)) {
                throw new IllegalArgumentException("speed, expected=0.. found=" + multiple);
            }
            speed = multiple;
            return this;
        }

        public Builder time(Time which) {
            time = which;
            return this;
        }

        public Builder progress(Progress listener) {
            progress = listener;
            return this;
        }

        public Replay build() {
            if (contexts == null) {
                throw new IllegalStateException("a replay needs contexts to run its program with");
            }
            return new Replay(this);
        }

        /** {@link #build} and {@link Replay#run}. */
        public RunTotals run() throws IOException {
            return build().run();
        }

        RunContext contexts(int cpu, Clock clock) {
            ContextFactory factory = contexts;
            if (factory == null) {
                throw new AssertionError("built without contexts");
            }
            return factory.create(cpu, clock);
        }
    }
}
