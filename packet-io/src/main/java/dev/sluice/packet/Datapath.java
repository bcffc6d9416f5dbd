package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.Clock;
import dev.sluice.map.BpfMap;
import dev.sluice.map.XskMap;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.netty.CpuQueues;
import dev.sluice.packet.netty.PollIoHandler;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.Rss;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import io.netty.channel.ChannelHandler;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
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

    /** How long packets on their way may rest before the run ends without them, and how often each loop comes round meanwhile. */
    private static final long STUCK_NANOS = 2_000_000_000;

    private static final int STUCK_TURNS = 100;

    /** The same where a loop does not come round at all. */
    private static final long BLOCKED_NANOS = 60_000_000_000L;

    private final Builder options;
    private final NicTable nics = new NicTable();
    private final Devices devices;
    private final Feeds feeds;
    private final Pipelines pipelines;
    private final CpuQueues cpuQueues = new CpuQueues();
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
        Clock clock = options.time == Time.CAPTURE ? new CaptureClock() : System::nanoTime;
        devices = new Devices(options.nics.values(), nics, options.time, this::fail);
        feeds = new Feeds(options.time, new FeedListener());
        pipelines = new Pipelines(options, devices, nics, cpuQueues, clock, this::fail);
    }

    public static Builder builder() {
        return new Builder();
    }

    /** The NICs, for their statistics and to attach programs while the run goes on. */
    public NicTable nics() {
        return nics;
    }

    // --- opening

    /**
     * Opens what is behind the NICs and begins.
     *
     * @throws IOException when something cannot be opened; the message says what to do, and nothing is left behind
     * @throws IllegalArgumentException when an interface's filter cannot be understood
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
        Collection<Nic> wanted = options.nics.values();
        devices.open();
        int cpus = Math.max(wanted.stream().mapToInt(nic -> nic.queues).max().orElse(1), options.cpus);
        boolean oneThread = options.time == Time.CAPTURE || cpus == 1;
        pipelines.make();
        feeds.make(devices.all(), oneThread);
        endless = devices.all().stream().anyMatch(device -> device.end.isLive()) || !feeds.areFinite();

        MultiThreadIoEventLoopGroup newGroup = new MultiThreadIoEventLoopGroup(
                oneThread ? 1 : cpus, new DefaultThreadFactory("sluice-rx", true), PollIoHandler.newFactory());
        group = newGroup;
        loops = new IoEventLoop[cpus];
        for (int cpu = 0; cpu < cpus; cpu++) {
            loops[cpu] = newGroup.next();
        }
        startNanos = System.nanoTime();
        if (!options.redirectsEnd) {
            pipelines.makeCpuQueues(loops);
        }
        IoEventLoop[] made = loops;
        devices.forEachChannel(channel -> {
            channel.config().setAutoRead(false);
            EventLoopGroup any = made[channel.queue()]; // the narrower type's method is deprecated
            any.register(channel).syncUninterruptibly();
        });
        // only now, so that nothing is read that could not be sent
        devices.forEachChannel(channel -> channel.config().setAutoRead(true));
        feedsLeft.set(feeds.all().size());
        startNanos = System.nanoTime();
        feeds.start(loops);
        Set<FrameSink> sinks = sinks();
        if (!sinks.isEmpty() && options.time == Time.MACHINE) {
            loops[0].scheduleWithFixedDelay(() -> flush(sinks), FLUSH_MILLIS, FLUSH_MILLIS, TimeUnit.MILLISECONDS);
        }
        if (feeds.all().isEmpty() && !endless) {
            over.countDown();
        }
    }

    /** What people should know of the interfaces that were opened. */
    public List<String> warnings() {
        return List.copyOf(devices.warnings());
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
        devices.stopReading();
        drain();
        durationNanos = startNanos == 0 ? 0 : System.nanoTime() - startNanos;
        devices.close();
        MultiThreadIoEventLoopGroup running = group;
        if (running != null) {
            running.shutdownGracefully(0, 10, TimeUnit.SECONDS).awaitUninterruptibly();
        }
        feeds.close();
        pipelines.close();
    }

    /** Waits until sources have seen the end, and the last frame came back to where it is from; not for ones that are stuck. */
    private void drain() {
        if (group == null || failure != null) {
            stopped = true;
        }
        long before = -1;
        long since = System.nanoTime();
        int turns = 0;
        List<? extends Future<?>> turn = List.of();
        while (group != null) {
            long busy = failure == null ? 0 : -1;
            long moved = 0;
            for (Device device : devices.all()) {
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
                turns = 0;
            } else if (now - since > (turns < STUCK_TURNS ? BLOCKED_NANOS : STUCK_NANOS)) {
                return;
            }
            if (turn.stream().allMatch(Future::isDone)) {
                // the clock alone does not tell: a busy machine may give a loop no time
                turns++;
                turn = Stream.of(loops).map(loop -> loop.submit(() -> {})).toList();
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
        return devices.batchesInUse() + pipelines.copiesInUse();
    }

    /** What has become of packets so far: of each queue as it was between two batches. */
    public RunTotals totals() {
        long duration = durationNanos == 0 && startNanos != 0 ? System.nanoTime() - startNanos : durationNanos;
        return new Totals(
                        options.nics.values(),
                        devices,
                        feeds,
                        cpuQueues,
                        loops,
                        () -> closed.getCount() == 0,
                        this::awaitClosed)
                .read(duration, cancelled);
    }

    // --- what to run

    /** A NIC to be made. */
    public static final class Nic {
        final String name;
        final Map<XdpAction, FrameSink> sinks = new EnumMap<>(XdpAction.class);
        final List<Supplier<? extends ChannelHandler>> handlers = new ArrayList<>();
        final Map<XskMap, FrameSink> sockets = new IdentityHashMap<>();
        End wire = End.NULL;
        End host = End.NULL;

        @Nullable
        End sent;

        int queues = 1;
        int mtu;
        int ifindex;
        byte @Nullable [] mac;

        @Nullable
        Rss rss;

        boolean rxVlanOffload;

        @Nullable
        Executable program;

        @Nullable
        BpfMap counters;

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
        final Map<String, Nic> nics = new LinkedHashMap<>();

        @Nullable
        ContextFactory contexts;

        Time time = Time.MACHINE;
        Progress progress = Progress.NONE;
        ExceptionListener exceptions = ExceptionListener.NONE;
        IntFunction<@Nullable Executable> programs = id -> null;
        int cpus;
        boolean redirectsEnd;

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

        /** @throws IllegalArgumentException when a link names a NIC that does not link back, or NICs cannot be as they were described */
        public Datapath build() {
            neededContexts();
            if (nics.isEmpty()) {
                throw new IllegalStateException("a datapath needs a NIC");
            }
            return new Datapath(this);
        }

        ContextFactory neededContexts() {
            ContextFactory factory = contexts;
            if (factory == null) {
                throw new IllegalStateException("a datapath needs contexts to run programs with");
            }
            return factory;
        }
    }
}
