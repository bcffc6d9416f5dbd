package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.XskMap;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.gen.PacketRing;
import dev.sluice.packet.live.LiveChannel;
import dev.sluice.packet.live.LiveInterface;
import dev.sluice.packet.netty.CaptureHandler;
import dev.sluice.packet.netty.CpuQueues;
import dev.sluice.packet.netty.FaultListener;
import dev.sluice.packet.netty.ForwardHandler;
import dev.sluice.packet.netty.HostHandler;
import dev.sluice.packet.netty.PollIoHandler;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.netty.Redirects;
import dev.sluice.packet.netty.VerdictHandler;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.netty.VlanHandler;
import dev.sluice.packet.netty.Wire;
import dev.sluice.packet.netty.XdpExceptions;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicHints;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.QueueStatistics;
import dev.sluice.packet.nic.Rss;
import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.nic.XskSocket;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.Damage;
import dev.sluice.packet.tap.NetInterface;
import dev.sluice.packet.tap.TapChannel;
import dev.sluice.packet.tap.TapDevice;
import dev.sluice.packet.tap.TapException;
import dev.sluice.packet.tap.TapIo;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * NICs, what is behind their two sides, and the programs on them, running until the sources end or somebody stops them.
 *
 * <pre>{@code
 * try (Datapath datapath = Datapath.builder()
 *         .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
 *         .nic("fw0", nic -> nic.wire(new End.Tap("outside")).host(new End.Tap("inside")).program(executable))
 *         .build()) {
 *     datapath.open();                            // makes the interfaces, or says why not
 *     RunTotals totals = datapath.await();        // until the sources end, or stop()
 * }
 * }</pre>
 *
 * <pre>
 *                   queue q of NIC fw0, on loop q                       queue q of fw0:host, on loop q
 *   wire ──> [ XdpHandler ─> CaptureHandler ─> VerdictHandler ─> ForwardHandler ] ──> host
 *        <── (XDP_TX, redirects to fw0, what the host sends)  <──── [ ForwardHandler ] <──
 * </pre>
 *
 * What the host sends goes out of the wire without a program, as in the kernel. Methods may be called by any thread.
 */
public final class Datapath implements AutoCloseable {
    /** Faulty packets that are kept with their bytes, for each NIC. */
    public static final int MAX_FAULTS_KEPT = 16;

    private static final long FLUSH_MILLIS = 200;

    /** How long packets on their way may rest before the run ends without them. */
    private static final long STUCK_NANOS = 2_000_000_000;

    private final Builder options;
    private final NicTable nics = new NicTable();
    private final List<Device> devices = new ArrayList<>();
    private final List<Feed> feeds = new ArrayList<>();
    private final List<Redirects> redirects = new ArrayList<>();
    private final CpuQueues cpuQueues = new CpuQueues();
    private final List<RunContext> contexts = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();
    private final List<PacketRing> rings = new ArrayList<>();
    private final AtomicInteger feedsLeft = new AtomicInteger();
    private final CountDownLatch over = new CountDownLatch(1);
    private final CountDownLatch closed = new CountDownLatch(1);
    private IoEventLoop[] loops = {};
    private @Nullable MultiThreadIoEventLoopGroup group;
    private volatile boolean stopped;
    private volatile boolean cancelled;
    private volatile @Nullable Throwable failure;
    private boolean opened;
    private boolean closing;
    private boolean endless;
    private long startNanos;
    private long durationNanos;

    private Datapath(Builder options) {
        this.options = options;
    }

    /** What the CPUs of cpumaps have done; null for one that is not there. */
    public @Nullable QueueStatistics cpuStatistics(int cpu) {
        return cpuQueues.statistics(cpu);
    }

    public static Builder builder() {
        return new Builder();
    }

    /** The NICs, for their statistics and to attach programs while the run goes on. */
    public NicTable nics() {
        return nics;
    }

    /** A NIC or its host's end, and its channels. */
    private static final class Device {
        final Nic options;
        final VirtualNic nic;
        final End end;
        final boolean isHost;
        final @Nullable TapDevice tap;
        final @Nullable LiveInterface live;
        final List<QueueChannel> channels = new ArrayList<>();
        final List<XdpHandler> programs = new ArrayList<>();
        final List<PacketFault> faults = new ArrayList<>();

        Device(Nic options, VirtualNic nic, End end, boolean isHost, @Nullable AutoCloseable opened) {
            this.options = options;
            this.nic = nic;
            this.end = end;
            this.isHost = isHost;
            tap = opened instanceof TapDevice device ? device : null;
            live = opened instanceof LiveInterface device ? device : null;
        }

        void fault(PacketFault fault) {
            synchronized (faults) {
                if (faults.size() < MAX_FAULTS_KEPT) {
                    faults.add(fault);
                }
            }
        }

        VirtualQueueChannel[] virtualChannels() {
            return channels.toArray(VirtualQueueChannel[]::new);
        }
    }

    /** A side of a NIC before it is opened. */
    private record Side(Nic nic, boolean isHost, End end) {}

    // --- opening

    /**
     * Opens what is behind the NICs and begins.
     *
     * @throws IOException when something cannot be opened; the message says what to do, and nothing is left behind
     */
    public synchronized void open() throws IOException {
        if (opened || closing) {
            throw new IllegalStateException("a datapath is opened once");
        }
        opened = true;
        boolean complete = false;
        try {
            build();
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    private void build() throws IOException {
        List<Side> sides = new ArrayList<>();
        for (Nic nic : options.nics.values()) {
            sides.add(new Side(nic, false, nic.wire));
            if (!(nic.host instanceof End.Null)) {
                sides.add(new Side(nic, true, nic.host));
            }
        }
        Map<Side, Side> cables = cables(sides);
        openDevices(sides);
        endless = sides.stream().anyMatch(side -> side.end.isLive());
        int cpus =
                options.nics.values().stream().mapToInt(nic -> nic.queues).max().orElse(1);
        cpus = Math.max(cpus, options.cpus);
        boolean oneThread = options.time == Time.CAPTURE || cpus == 1;
        Clock clock = options.time == Time.CAPTURE ? new CaptureClock() : System::nanoTime;
        // hosts first: a wire's packets must find them
        devices.sort((one, other) -> Boolean.compare(other.isHost, one.isHost));
        makeChannels(cables);
        makePipelines(clock);
        List<Feed> threads = new ArrayList<>();
        Map<Feed, Integer> polled = makeFeeds(oneThread, threads);

        MultiThreadIoEventLoopGroup newGroup = new MultiThreadIoEventLoopGroup(
                oneThread ? 1 : cpus, new DefaultThreadFactory("sluice-rx", true), PollIoHandler.newFactory());
        group = newGroup;
        loops = new IoEventLoop[cpus];
        for (int cpu = 0; cpu < cpus; cpu++) {
            loops[cpu] = newGroup.next();
        }
        startNanos = System.nanoTime();
        if (!options.redirectsEnd) {
            makeCpuQueues(clock);
        }
        for (Device device : devices) {
            for (QueueChannel channel : device.channels) {
                channel.config().setAutoRead(false);
                EventLoopGroup any = loops[channel.queue()]; // the narrower type's method is deprecated
                any.register(channel).syncUninterruptibly();
            }
        }
        // only now, so that nothing is read that could not be sent
        forEachChannel(channel -> channel.config().setAutoRead(true));
        feedsLeft.set(feeds.size());
        feeds.forEach(Feed::start);
        startNanos = System.nanoTime();
        polled.forEach((feed, cpu) -> loops[cpu].register(feed).syncUninterruptibly());
        for (Feed feed : threads) {
            Thread reader = new Thread(feed::run, "sluice-read");
            reader.setDaemon(true);
            reader.start();
        }
        Set<FrameSink> sinks = sinks();
        if (!sinks.isEmpty() && options.time == Time.MACHINE) {
            loops[0].scheduleWithFixedDelay(() -> flush(sinks), FLUSH_MILLIS, FLUSH_MILLIS, TimeUnit.MILLISECONDS);
        }
        if (feeds.isEmpty() && !endless) {
            over.countDown();
        }
    }

    private void forEachChannel(Consumer<QueueChannel> action) {
        devices.forEach(device -> device.channels.forEach(action));
    }

    /** Finds for each end of a cable the other one. */
    private static Map<Side, Side> cables(List<Side> sides) throws IOException {
        Map<Side, Side> cables = new LinkedHashMap<>();
        for (Side side : sides) {
            if (side.end instanceof End.Link(String peer) && !cables.containsKey(side)) {
                String name = side.nic.name;
                Side other = sides.stream()
                        .filter(s -> !s.equals(side)
                                && s.nic.name.equals(peer)
                                && s.end instanceof End.Link(String back)
                                && back.equals(name)
                                && !cables.containsKey(s))
                        .findFirst()
                        .orElseThrow(() -> new IOException("nic " + name + ": link to " + peer
                                + " has no other end, expected one of the sides of " + peer + " to be link:" + name));
                cables.put(side, other);
                cables.put(other, side);
            }
        }
        return cables;
    }

    private void openDevices(List<Side> sides) throws IOException {
        Map<Side, AutoCloseable> interfaces = new LinkedHashMap<>();
        boolean complete = false;
        try {
            for (Side side : sides) {
                if (side.end instanceof End.Tap tap) {
                    interfaces.put(side, openTap(side.nic, tap));
                } else if (side.end instanceof End.Interface live) {
                    interfaces.put(side, openLive(side.nic, live));
                }
            }
            Map<Nic, VirtualNic> made = new IdentityHashMap<>();
            // interfaces of the kernel have the kernel's numbers, others what is free then
            for (boolean numbered : new boolean[] {true, false}) {
                for (Side side : sides) {
                    NetInterface link = side.isHost ? null : link(interfaces.get(side));
                    if (!side.isHost && numbered == (side.nic.ifindex != 0 || link != null)) {
                        VirtualNic nic = makeNic(side.nic, link);
                        made.put(side.nic, nic);
                        nics.add(nic);
                    }
                }
            }
            for (Side side : sides) {
                VirtualNic nic = made.get(side.nic);
                if (nic == null) {
                    throw new AssertionError("no NIC was made for " + side);
                }
                if (side.isHost) {
                    nic = new VirtualNic(nic.name() + ":host", nic.ifindex(), nic.mac(), nic.mtu(), nic.queues());
                }
                devices.add(new Device(side.nic, nic, side.end, side.isHost, interfaces.get(side)));
            }
            complete = true;
        } finally {
            if (!complete) {
                interfaces.values().forEach(Datapath::closeInterface);
            }
        }
    }

    private static @Nullable NetInterface link(@Nullable AutoCloseable opened) {
        return switch (opened) {
            case TapDevice tap -> tap.link();
            case LiveInterface live -> live.link();
            case null, default -> null;
        };
    }

    private static void closeInterface(AutoCloseable opened) {
        try {
            opened.close();
        } catch (Exception e) {
            throw new AssertionError("closing a descriptor does not fail", e);
        }
    }

    private LiveInterface openLive(Nic nic, End.Interface live) throws IOException {
        if (nic.queues != 1) {
            throw new IOException("nic " + nic.name + ": an interface read through libpcap has one queue, found queues="
                    + nic.queues);
        }
        LiveInterface opened =
                LiveInterface.open(live.ifname(), live.filter(), live.promiscuous(), FramePool.MAX_PACKET);
        List<String> offloads = opened.link().offloads();
        if (!offloads.isEmpty()) {
            warnings.add("iface " + live.ifname() + ": offloads are on (" + String.join(", ", offloads)
                    + "), so programs may see merged packets and unfinished checksums; switch them off with: ethtool -K "
                    + live.ifname() + " "
                    + String.join(
                            " ", offloads.stream().map(name -> name + " off").toList()));
        }
        return opened;
    }

    /** What people should know of the interfaces that were opened. */
    public List<String> warnings() {
        return List.copyOf(warnings);
    }

    private TapDevice openTap(Nic nic, End.Tap tap) throws IOException {
        if (!Epoll.isAvailable()) {
            throw new IOException(
                    "TAP interfaces need Linux's epoll, which Netty cannot use here", Epoll.unavailabilityCause());
        }
        TapDevice device = TapDevice.open(tap.ifname(), nic.queues);
        boolean complete = false;
        try {
            int mtu = nic.mtu != 0 && nic.mtu != VirtualNic.NO_MTU ? nic.mtu : tap.mtu();
            if (mtu != 0) {
                device.mtu(mtu);
            }
            if (tap.io() != TapIo.EPOLL) {
                openRings(device, tap.io());
            }
            if (tap.up()) {
                device.up(true);
            }
            complete = true;
            return device;
        } finally {
            if (!complete) {
                device.close();
            }
        }
    }

    private void openRings(TapDevice device, TapIo io) throws IOException {
        try {
            device.openRings();
        } catch (TapException e) {
            if (io == TapIo.IO_URING) {
                throw e;
            }
            warnings.add(e.getMessage() + "; its frames are read and written one by one");
        }
    }

    private VirtualNic makeNic(Nic options, @Nullable NetInterface link) throws IOException {
        int ifindex = options.ifindex != 0 ? options.ifindex : link != null ? link.ifindex() : 0;
        if (ifindex == 0) {
            do {
                ifindex++;
            } while (nics.byIfindex(ifindex) != null);
        }
        int mtu = options.mtu != 0
                ? options.mtu
                : link != null ? link.mtu() : options.wire instanceof End.Link ? 1500 : VirtualNic.NO_MTU;
        byte[] mac = options.mac == null ? VirtualNic.macFor(ifindex) : options.mac;
        VirtualNic nic = new VirtualNic(options.name, ifindex, mac, mtu, options.queues);
        Rss rss = options.rss;
        if (rss != null) {
            nic.rss(rss);
        }
        nic.rxVlanOffload(options.rxVlanOffload);
        Executable program = options.program;
        BpfMap map = options.counters;
        if (program != null) {
            nic.hook().attach(program, map == null ? null : new VerdictCounters(map, options.queues));
        }
        return nic;
    }

    private void makeChannels(Map<Side, Side> cables) {
        // links need the channel at the other end, so wires are made lazily
        Map<Device, VirtualQueueChannel[]> ends = new IdentityHashMap<>();
        for (Device device : devices) {
            TapDevice tap = device.tap;
            boolean lossless = switch (device.end) {
                case End.Captures captures -> !captures.pace().isLive();
                case End.Generator generator -> !generator.pace().isLive() || options.time == Time.CAPTURE;
                default -> false;
            };
            for (int queue = 0; queue < device.nic.queues(); queue++) {
                FramePool pool = new FramePool(FramePool.DEFAULT_BATCHES, lossless);
                device.channels.add(
                        tap != null
                                ? new TapChannel(device.nic, queue, pool, tap)
                                : device.live != null
                                        ? new LiveChannel(device.nic, queue, pool, device.live)
                                        : new VirtualQueueChannel(device.nic, queue, pool, wireOf(device)));
            }
            if (device.end instanceof End.Link) {
                ends.put(device, device.virtualChannels());
            }
        }
        cables.forEach((side, other) -> {
            VirtualQueueChannel[] from = ends.get(device(side));
            VirtualQueueChannel[] to = ends.get(device(other));
            if (from == null || to == null) {
                throw new AssertionError("a link without channels");
            }
            for (VirtualQueueChannel channel : from) {
                channel.wire(to[channel.queue() % to.length].cable());
            }
        });
    }

    private Device device(Side side) {
        return devices.stream()
                .filter(device -> device.options == side.nic && device.isHost == side.isHost)
                .findFirst()
                .orElseThrow();
    }

    private Wire wireOf(Device device) {
        End to = device.isHost ? device.end : device.options.sent == null ? device.end : device.options.sent;
        return to instanceof End.Sink(FrameSink sink) ? into(sink) : Wire.NULL;
    }

    /** A sink that fails ends the run: it would lose packets from then on. */
    private Wire into(FrameSink sink) {
        return (batch, mask) -> {
            try {
                sink.write(batch, mask);
                return 0;
            } catch (IOException e) {
                fail(e);
                return mask;
            }
        };
    }

    private void makePipelines(Clock clock) {
        for (Device device : devices) {
            if (!device.isHost) {
                bindSockets(device);
            }
            Device wire = device.isHost ? wireDevice(device.options) : device;
            Device host = device.isHost ? device : hostDevice(device.options);
            for (QueueChannel channel : device.channels) {
                ChannelPipeline pipeline = channel.pipeline();
                int queue = channel.queue();
                if (device.isHost) {
                    pipeline.addLast("wire", new ForwardHandler(wire.nic, queue, this::fail));
                    continue;
                }
                RunContext context = options.neededContexts().create(queue, clock);
                context.hints = new NicHints(device.nic);
                contexts.add(context);
                if (device.nic.rxVlanOffload()) {
                    pipeline.addLast("vlan", VlanHandler.STRIP);
                }
                XdpHandler program = new XdpHandler(device.nic.hook(), context, listener(device));
                device.programs.add(program);
                pipeline.addLast("xdp", program);
                if (!device.options.sinks.isEmpty()) {
                    pipeline.addLast("capture", new CaptureHandler(device.options.sinks));
                }
                pipeline.addLast(
                        "verdict",
                        options.redirectsEnd
                                ? new VerdictHandler(device.nic.statistics(queue))
                                : new VerdictHandler(device.nic.statistics(queue), redirects(context, queue, device)));
                if (!options.exceptions.equals(ExceptionListener.NONE)) {
                    pipeline.addLast("exceptions", new Exceptions(device.nic, options.exceptions));
                }
                if (device.nic.rxVlanOffload()) {
                    pipeline.addLast("tags", VlanHandler.RESTORE);
                }
                for (Supplier<? extends ChannelHandler> handler : device.options.handlers) {
                    pipeline.addLast(handler.get());
                }
                pipeline.addLast(
                        "host",
                        host == null ? new HostHandler(this::fail) : new ForwardHandler(host.nic, queue, this::fail));
            }
        }
    }

    /** Tells the listener of each packet of an event. */
    private static final class Exceptions extends ChannelInboundHandlerAdapter {
        private final VirtualNic nic;
        private final ExceptionListener listener;

        Exceptions(VirtualNic nic, ExceptionListener listener) {
            this.nic = nic;
            this.listener = listener;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof XdpExceptions exceptions) {
                FrameBatch batch = exceptions.batch();
                for (long rest = exceptions.mask(); rest != 0; rest &= rest - 1) {
                    listener.exception(nic, batch, Long.numberOfTrailingZeros(rest));
                }
            }
            ctx.fireUserEventTriggered(event);
        }
    }

    /** Puts a socket of each queue into the NIC's xskmaps. */
    private static void bindSockets(Device device) {
        device.options.sockets.forEach((map, sink) -> {
            for (int queue = 0; queue < device.nic.queues(); queue++) {
                map.bind(queue, new XskSocket(device.nic, queue, sink), queue);
            }
        });
    }

    private Redirects redirects(RunContext context, int cpu, Device device) {
        Redirects made = new Redirects(nics, options.programs, cpuQueues, context, cpu, listener(device));
        redirects.add(made);
        return made;
    }

    private static FaultListener listener(Device device) {
        return (batch, i, fault) -> device.fault(new PacketFault(batch.number(i), fault, batch.bytes(i)));
    }

    /** Makes CPUs reachable for cpumaps. */
    private void makeCpuQueues(Clock clock) {
        for (int cpu = 0; cpu < loops.length; cpu++) {
            RunContext context = options.neededContexts().create(cpu, clock);
            contexts.add(context);
            Redirects made = new Redirects(nics, options.programs, cpuQueues, context, cpu, FaultListener.NONE);
            redirects.add(made);
            cpuQueues.add(cpu, loops[cpu], context, made, nics, options.programs, FaultListener.NONE);
        }
    }

    private Device wireDevice(Nic nic) {
        return devices.stream()
                .filter(device -> device.options == nic && !device.isHost)
                .findFirst()
                .orElseThrow();
    }

    private @Nullable Device hostDevice(Nic nic) {
        return devices.stream()
                .filter(device -> device.options == nic && device.isHost)
                .findFirst()
                .orElse(null);
    }

    /**
     * Makes what gives packets to virtual queues.
     *
     * @param threads gets the feeds that need a thread of their own
     * @return the others, by the CPU that polls them
     */
    private Map<Feed, Integer> makeFeeds(boolean oneThread, List<Feed> threads) throws CaptureException {
        Map<Feed, Integer> polled = new LinkedHashMap<>();
        Feed.Listener listener = new FeedListener();
        boolean stamped = options.time == Time.MACHINE;
        for (Device device : devices) {
            if (device.end instanceof End.Captures captures) {
                Feed feed = new Feed(
                        new CaptureSource(captures),
                        captures.pace(),
                        captures.limit(),
                        device.nic,
                        device.virtualChannels(),
                        stamped,
                        listener);
                feeds.add(feed);
                if (oneThread || device.channels.size() == 1) {
                    polled.put(feed, 0);
                } else {
                    threads.add(feed);
                }
            }
        }
        for (Device device : devices) {
            if (device.end instanceof End.Generator generator) {
                makeGenerators(device, generator, oneThread, listener).forEach((feed, cpu) -> {
                    feeds.add(feed);
                    polled.put(feed, cpu);
                });
            }
        }
        endless |= feeds.stream().anyMatch(feed -> !feed.isFinite());
        if (options.time == Time.CAPTURE) {
            Feed.takeTurns(feeds);
        }
        return polled;
    }

    /** One feed for all queues where one thread runs them, else one for each queue with what RSS gives it. */
    private Map<Feed, Integer> makeGenerators(
            Device device, End.Generator generator, boolean oneThread, Feed.Listener listener) {
        PacketRing ring = new PacketRing(generator.traffic());
        rings.add(ring);
        int queues = oneThread ? 1 : device.channels.size();
        List<List<Integer>> members = new ArrayList<>();
        for (int queue = 0; queue < queues; queue++) {
            members.add(new ArrayList<>());
        }
        for (int i = 0; i < ring.size(); i++) {
            int queue = queues == 1 ? 0 : device.nic.rss().queue(ring.address(i), ring.length(i));
            members.get(queue).add(i);
        }
        double rate = generator.pace().packetsPerSecond();
        boolean inTime = options.time == Time.CAPTURE;
        long left = generator.limit();
        Map<Feed, Integer> made = new LinkedHashMap<>();
        for (int queue = 0; queue < queues; queue++) {
            int[] own = members.get(queue).stream().mapToInt(i -> i).toArray();
            double share = own.length / (double) ring.size();
            long limit = generator.limit();
            if (limit != Long.MAX_VALUE) {
                limit = queue == queues - 1 ? left : Math.min(left, (long) (limit * share));
                left -= limit;
            }
            made.put(
                    new Feed(
                            new GeneratorSource(ring, own, inTime && rate != 0 ? 1e9 / rate : 0),
                            rate == 0 || inTime ? Pace.TOP_SPEED : Pace.rate(Math.max(rate * share, 1e-3)),
                            limit,
                            device.nic,
                            queues == 1
                                    ? device.virtualChannels()
                                    : new VirtualQueueChannel[] {device.virtualChannels()[queue]},
                            !inTime,
                            listener),
                    queue);
        }
        return made;
    }

    private final class FeedListener implements Feed.Listener {
        @Override
        public BooleanSupplier stopped() {
            return () -> stopped;
        }

        @Override
        public Runnable onEnd() {
            return () -> {
                if (feedsLeft.decrementAndGet() == 0 && !endless) {
                    over.countDown();
                }
            };
        }

        @Override
        public Consumer<Throwable> onFailure() {
            return Datapath.this::fail;
        }

        @Override
        public Progress progress() {
            return options.progress;
        }
    }

    private Set<FrameSink> sinks() {
        Set<FrameSink> sinks = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Nic nic : options.nics.values()) {
            sinks.addAll(nic.sinks.values());
            sinks.addAll(nic.sockets.values());
            for (End end : List.of(nic.wire, nic.host, nic.sent == null ? End.NULL : nic.sent)) {
                if (end instanceof End.Sink(FrameSink sink)) {
                    sinks.add(sink);
                }
            }
        }
        return sinks;
    }

    private void flush(Set<FrameSink> sinks) {
        try {
            for (FrameSink sink : sinks) {
                sink.flush();
            }
        } catch (IOException e) {
            fail(e);
        }
    }

    // --- ending

    private void fail(Throwable cause) {
        if (failure == null) {
            failure = cause;
        }
        stopped = true;
        over.countDown();
    }

    /** Ends the run: sources give no more, {@link #await} closes everything and returns. */
    public void stop() {
        cancelled = true;
        stopped = true;
        over.countDown();
    }

    /**
     * Waits for the sources' end, {@link #stop} or {@link #close}, then closes and gives the totals.
     *
     * @throws IOException when the run ended because something failed
     */
    public RunTotals await() throws IOException {
        boolean interrupted = false;
        try {
            over.await();
        } catch (InterruptedException e) {
            interrupted = true;
        }
        close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        Throwable failed = failure;
        if (failed != null) {
            throw rethrow(failed);
        }
        return totals();
    }

    /** Throws what made a run fail, as what it is. */
    private static IOException rethrow(Throwable failed) throws IOException {
        switch (failed) {
            case IOException e -> throw e;
            // what HotSpot makes of SIGBUS: pages of a mapped capture are no longer in the file
            case InternalError e -> throw new CaptureException("a capture was cut short while it was read", e);
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IOException(failed);
        }
    }

    /**
     * Stops, lets what was received come to its end, and waits until all is closed and the interfaces are gone. Safe to call
     * from a shutdown hook, and twice.
     */
    @Override
    public void close() {
        boolean first;
        synchronized (this) {
            first = !closing;
            closing = true;
        }
        if (over.getCount() != 0) {
            cancelled = true;
        }
        stopped = true;
        over.countDown();
        if (!first) {
            awaitClosed();
            return;
        }
        try {
            closeAll();
        } finally {
            closed.countDown();
        }
    }

    private void awaitClosed() {
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void closeAll() {
        for (Device device : devices) {
            if (device.end.isLive()) {
                device.channels.forEach(channel -> channel.config().setAutoRead(false));
            }
        }
        drain();
        durationNanos = startNanos == 0 ? 0 : System.nanoTime() - startNanos;
        for (Device device : devices) {
            for (QueueChannel channel : device.channels) {
                if (channel.isRegistered()) {
                    channel.close().awaitUninterruptibly();
                } else {
                    channel.pool().close();
                }
            }
            TapDevice tap = device.tap;
            if (tap != null) {
                tap.close();
            }
            LiveInterface live = device.live;
            if (live != null) {
                live.close();
            }
        }
        MultiThreadIoEventLoopGroup running = group;
        if (running != null) {
            running.shutdownGracefully(0, 10, TimeUnit.SECONDS).awaitUninterruptibly();
        }
        feeds.forEach(Feed::close);
        rings.forEach(PacketRing::close);
        redirects.forEach(Redirects::close);
        contexts.forEach(RunContext::close);
    }

    /** Waits until sources have seen the end, and the last frame came back to where it is from; not for ones that are stuck. */
    private void drain() {
        if (group == null || failure != null) {
            stopped = true;
        }
        long before = -1;
        long since = System.nanoTime();
        while (group != null) {
            long busy = failure == null ? 0 : -1;
            long moved = 0;
            for (Device device : devices) {
                for (QueueChannel channel : device.channels) {
                    if (busy >= 0) {
                        busy += channel.pool().inUse();
                    }
                    moved += channel.statistics().get(NicCounter.RX_PACKETS)
                            + channel.statistics().get(NicCounter.TX_PACKETS);
                }
            }
            if (feedsLeft.get() == 0 && busy <= 0 && (failure != null || cpuQueues.waiting() == 0)) {
                return;
            }
            long now = System.nanoTime();
            if (moved != before) {
                before = moved;
                since = now;
            } else if (now - since > STUCK_NANOS) {
                return;
            }
            try {
                TimeUnit.MICROSECONDS.sleep(50);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** Batches that were not given back yet: 0 when nothing is on its way. */
    int batchesInUse() {
        int sum = 0;
        for (Device device : devices) {
            for (QueueChannel channel : device.channels) {
                sum += channel.pool().inUse();
            }
        }
        for (Redirects of : redirects) {
            sum += of.copiesInUse();
        }
        return sum;
    }

    // --- totals

    /** What has become of packets so far: of each queue as it was between two batches. */
    public RunTotals totals() {
        List<NicTotals> totals = new ArrayList<>();
        Map<String, Map<String, Long>> statistics = new LinkedHashMap<>();
        for (Nic nic : options.nics.values()) {
            Device device = wireDevice(nic);
            totals.add(totals(device));
            statistics.put(nic.name, device.nic.statistics());
            Device host = hostDevice(nic);
            if (host != null) {
                statistics.put(host.nic.name(), host.nic.statistics());
            }
        }
        for (int cpu = 0; cpu < loops.length; cpu++) {
            QueueStatistics of = cpuQueues.statistics(cpu);
            if (of != null && of.get(NicCounter.RX_PACKETS) != 0) {
                Map<String, Long> counters = new LinkedHashMap<>();
                for (NicCounter counter : CpuQueues.COUNTERS) {
                    counters.put(counter.label(), of.get(counter));
                }
                statistics.put("cpumap:" + cpu, counters);
            }
        }
        long cut = 0;
        List<Damage> damages = new ArrayList<>();
        for (Feed feed : feeds) {
            cut += feed.source().cutPackets();
            damages.addAll(feed.source().damages());
        }
        long duration = durationNanos == 0 && startNanos != 0 ? System.nanoTime() - startNanos : durationNanos;
        return new RunTotals(duration, totals, cut, damages, cancelled, statistics);
    }

    /** One queue between two batches. */
    private record QueueTotals(Map<NicCounter, Long> counters, Tally verdicts, long faults) {}

    private NicTotals totals(Device device) {
        Tally verdicts = new Tally();
        long faults = 0;
        Map<NicCounter, Long> sums = new EnumMap<>(NicCounter.class);
        for (int queue = 0; queue < device.channels.size(); queue++) {
            QueueTotals of = totals(device, queue);
            verdicts.add(of.verdicts);
            faults += of.faults;
            of.counters.forEach((counter, n) -> sums.merge(counter, n, Long::sum));
        }
        long refusedBytes = 0;
        for (Feed feed : feeds) {
            if (feed.nic() == device.nic) {
                refusedBytes += feed.refusedBytes();
            }
        }
        long received = sums.getOrDefault(NicCounter.RX_PACKETS, 0L);
        long receivedBytes = sums.getOrDefault(NicCounter.RX_BYTES, 0L);
        long tooShort = sums.getOrDefault(NicCounter.RX_LENGTH_ERRORS, 0L);
        long tooLong = sums.getOrDefault(NicCounter.RX_TOO_LARGE, 0L);
        long dropped = sums.getOrDefault(NicCounter.RX_NO_BUFFER, 0L);
        // without a program they passed
        verdicts.add(XdpAction.PASS.ordinal(), received - verdicts.packets(), receivedBytes - verdicts.bytes());
        List<PacketFault> kept;
        synchronized (device.faults) {
            kept = List.copyOf(device.faults);
        }
        return new NicTotals(
                device.nic.name(),
                received + tooShort + tooLong + dropped,
                receivedBytes + refusedBytes,
                verdicts,
                tooShort,
                tooLong,
                dropped,
                faults,
                kept);
    }

    private QueueTotals totals(Device device, int queue) {
        Callable<QueueTotals> read = () -> {
            Map<NicCounter, Long> counters = new EnumMap<>(NicCounter.class);
            for (NicCounter counter : NicCounter.values()) {
                counters.put(counter, device.nic.statistics(queue).get(counter));
            }
            XdpHandler program = device.programs.get(queue);
            Tally verdicts = new Tally();
            verdicts.add(program.tally());
            return new QueueTotals(counters, verdicts, program.faults());
        };
        try {
            if (closed.getCount() != 0 && queue < loops.length && !loops[queue].isShuttingDown()) {
                try {
                    return loops[queue].submit(read).get();
                } catch (RejectedExecutionException e) {
                    awaitClosed(); // it was closed a moment ago
                }
            }
            return read.call();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a queue was asked for its totals", e);
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    // --- what to run

    /** A NIC to be made. */
    public static final class Nic {
        private final String name;
        private final Map<XdpAction, FrameSink> sinks = new EnumMap<>(XdpAction.class);
        private final List<Supplier<? extends ChannelHandler>> handlers = new ArrayList<>();
        private final Map<XskMap, FrameSink> sockets = new IdentityHashMap<>();
        private End wire = End.NULL;
        private End host = End.NULL;
        private @Nullable End sent;
        private int queues = 1;
        private int mtu;
        private int ifindex;
        private byte @Nullable [] mac;
        private @Nullable Rss rss;
        private boolean rxVlanOffload;
        private @Nullable Executable program;
        private @Nullable BpfMap counters;

        private Nic(String name) {
            this.name = name;
        }

        /** Where packets come from, and where {@code XDP_TX} and redirects to this NIC go. */
        public Nic wire(End end) {
            wire = end;
            return this;
        }

        /** Where what is sent goes instead of to the wire, for a wire that only gives. */
        public Nic sent(End.Sink end) {
            sent = end;
            return this;
        }

        /** Where {@code XDP_PASS} goes; what comes from there goes out of the wire. Nothing unless said. */
        public Nic host(End end) {
            host = end;
            return this;
        }

        /** Rx queues, 1 to {@link VirtualNic#MAX_QUEUES}: RSS spreads the packets, on a TAP the kernel does. */
        public Nic queues(int count) {
            if (count < 1 || count > VirtualNic.MAX_QUEUES) {
                throw new IllegalArgumentException(
                        name + ": queues, expected=1.." + VirtualNic.MAX_QUEUES + " found=" + count);
            }
            queues = count;
            return this;
        }

        /**
         * Longer packets are refused and counted; 68 or more, or {@link VirtualNic#NO_MTU}. A TAP's is set to it. Unless said it is
         * the interface's, 1,500 for a link, and none for captures.
         */
        public Nic mtu(int bytes) {
            if (bytes < 68) {
                throw new IllegalArgumentException(name + ": mtu, expected=68.. found=" + bytes);
            }
            mtu = bytes;
            return this;
        }

        /** The number that programs see and redirect to; unless said the kernel's of a TAP, else the first that is free. */
        public Nic ifindex(int number) {
            if (number < 1) {
                throw new IllegalArgumentException(name + ": ifindex, expected=1.. found=" + number);
            }
            ifindex = number;
            return this;
        }

        /** Six bytes. */
        public Nic mac(byte[] address) {
            mac = address.clone();
            return this;
        }

        /** Key and indirection table. */
        public Nic rss(Rss key) {
            rss = key;
            return this;
        }

        /**
         * Whether VLAN tags are taken out of packets before the program sees them, and told it as a hint; off unless said. What
         * passes gets its tag back.
         */
        public Nic rxVlanOffload(boolean on) {
            rxVlanOffload = on;
            return this;
        }

        /** The program; without one everything passes. */
        public Nic program(Executable executable) {
            program = executable;
            return this;
        }

        /** The program's counters, a map made from {@link VerdictCounters#definition()}; it stays the caller's. */
        public Nic counters(BpfMap map) {
            counters = map;
            return this;
        }

        /** Writes the packets of an action to a sink, which stays the caller's to close. */
        public Nic sink(XdpAction action, FrameSink sink) {
            sinks.put(action, sink);
            return this;
        }

        /**
         * Puts an AF_XDP socket into an xskmap for each queue, under the queue's number.
         *
         * @param receiver gets what is redirected there, each queue's packets on its thread; the caller's to close
         */
        public Nic sockets(XskMap map, FrameSink receiver) {
            sockets.put(map, receiver);
            return this;
        }

        /** Puts a handler into each queue's pipeline, which sees what passes on its way to the host. */
        public Nic handler(Supplier<? extends ChannelHandler> maker) {
            handlers.add(maker);
            return this;
        }
    }

    /** What to run, and on what. */
    public static final class Builder {
        private final Map<String, Nic> nics = new LinkedHashMap<>();
        private @Nullable ContextFactory contexts;
        private Time time = Time.MACHINE;
        private Progress progress = Progress.NONE;
        private ExceptionListener exceptions = ExceptionListener.NONE;
        private IntFunction<@Nullable Executable> programs = id -> null;
        private int cpus;
        private boolean redirectsEnd;

        private Builder() {}

        /** Redirects are counted and go nowhere: for a NIC whose neighbours are not here. */
        Builder redirectsEnd() {
            redirectsEnd = true;
            return this;
        }

        /** Makes what programs run with on each queue; needed. */
        public Builder contexts(ContextFactory factory) {
            contexts = factory;
            return this;
        }

        /** Hears of packets with {@code XDP_ABORTED} or no action. */
        public Builder exceptions(ExceptionListener listener) {
            exceptions = listener;
            return this;
        }

        /** Finds the programs of devmap and cpumap entries by id; without it such entries lead nowhere. */
        public Builder programs(IntFunction<@Nullable Executable> byId) {
            programs = byId;
            return this;
        }

        /** CPUs, each a loop with a thread, for cpumaps; at least as many as the queues of a NIC, unless said. */
        public Builder cpus(int count) {
            if (count < 1 || count > VirtualNic.MAX_QUEUES) {
                throw new IllegalArgumentException("CPUs, expected=1.." + VirtualNic.MAX_QUEUES + " found=" + count);
            }
            cpus = count;
            return this;
        }

        /** Adds a NIC. */
        public Builder nic(String name, Consumer<Nic> settings) {
            Nic nic = new Nic(name);
            settings.accept(nic);
            if (nics.putIfAbsent(name, nic) != null) {
                throw new IllegalArgumentException("two NICs are called " + name + ", expected different names");
            }
            return this;
        }

        /** The machine's clock unless said. */
        public Builder time(Time which) {
            time = which;
            return this;
        }

        public Builder progress(Progress listener) {
            progress = listener;
            return this;
        }

        public Datapath build() {
            neededContexts();
            if (nics.isEmpty()) {
                throw new IllegalStateException("a datapath needs a NIC");
            }
            return new Datapath(this);
        }

        private ContextFactory neededContexts() {
            ContextFactory factory = contexts;
            if (factory == null) {
                throw new IllegalStateException("a datapath needs contexts to run programs with");
            }
            return factory;
        }
    }
}
