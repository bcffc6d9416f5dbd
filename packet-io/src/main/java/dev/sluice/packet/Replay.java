package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.helper.CaptureClock;
import dev.sluice.map.BpfMap;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.measure.WarmUp;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program over captures: captures in, totals out. The {@link Datapath} of one NIC whose wire they are.
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
    /** Packets of the captures' beginning that a warm-up runs. */
    private static final int WARM_UP_PACKETS = 4_096;

    private final Builder options;
    private final Datapath datapath;

    private Replay(Builder options) {
        this.options = options;
        Datapath.Builder builder = Datapath.builder()
                .time(options.time)
                .progress(options.progress)
                .redirectsEnd()
                .nic(options.nicName, options::settings);
        ContextFactory contexts = options.contexts;
        if (contexts != null) {
            builder.contexts(contexts);
        }
        datapath = builder.build();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Ends the run soon; {@link #run} returns what was reached, with {@link RunTotals#cancelled}. Any thread. */
    public void cancel() {
        datapath.stop();
    }

    /**
     * Runs to the end of the captures, to the limit, or to {@link #cancel}. The calling thread waits.
     *
     * @throws CaptureException when a capture cannot be opened or is not of Ethernet; nothing has run then
     * @throws IOException when a sink fails
     */
    public RunTotals run() throws IOException {
        if (options.warmUpNanos > 0) {
            warmUp();
        }
        try (datapath) {
            datapath.open();
            return datapath.await();
        }
    }

    /** What has been counted so far; all there is after {@link #run} has ended, also by an exception. */
    public RunTotals totals() {
        return datapath.totals();
    }

    private void warmUp() throws CaptureException {
        Executable program = options.program;
        ContextFactory contexts = options.contexts;
        if (program == null || contexts == null) {
            throw new IllegalStateException("a warm-up needs a program and contexts");
        }
        for (String capture : options.captures) {
            if (capture.equals("-")) {
                throw new CaptureException("standard input cannot be read twice, as a warm-up does; expected a file");
            }
        }
        try (PacketSet packets = PacketSet.read(options.captures, WARM_UP_PACKETS)) {
            if (packets.size() > 0) {
                options.onWarmUp.accept(WarmUp.run(
                        program,
                        contexts,
                        options.time == Time.CAPTURE ? new CaptureClock() : System::nanoTime,
                        packets,
                        options.warmUpNanos));
            }
        }
    }

    /** What to replay, and how. */
    public static final class Builder {
        private final List<String> captures = new ArrayList<>();
        private final Map<XdpAction, FrameSink> sinks = new EnumMap<>(XdpAction.class);

        private @Nullable Executable program;
        private @Nullable ContextFactory contexts;
        private @Nullable BpfMap counters;
        private String nicName = "replay0";
        private int ifindex = 1;
        private int mtu = VirtualNic.NO_MTU;
        private int queues = 1;
        private long repeat = 1;
        private long limit = Long.MAX_VALUE;
        private double speed;
        private Time time = Time.CAPTURE;
        private Progress progress = Progress.NONE;
        private long warmUpNanos;
        private Consumer<WarmUp.Result> onWarmUp = result -> {};

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

        /**
         * Runs the program on the captures' first packets and variations of them before the replay, until HotSpot has
         * compiled it; the replay's results are the same as without, see {@link WarmUp}.
         *
         * @param nanos the longest that it may take; 0 for no warm-up, unless said
         * @param listener hears how it went, on the thread of {@link Replay#run}
         */
        public Builder warmUp(long nanos, Consumer<WarmUp.Result> listener) {
            if (nanos < 0) {
                throw new IllegalArgumentException("warm-up, expected=0.. found=" + nanos);
            }
            warmUpNanos = nanos;
            onWarmUp = listener;
            return this;
        }

        public Builder progress(Progress listener) {
            progress = listener;
            return this;
        }

        public Replay build() {
            if (program == null) {
                throw new IllegalStateException("a replay needs a program");
            }
            return new Replay(this);
        }

        /** {@link #build} and {@link Replay#run}. */
        public RunTotals run() throws IOException {
            return build().run();
        }

        private void settings(Datapath.Nic nic) {
            Executable executable = program;
            if (executable == null) {
                throw new AssertionError("built without a program");
            }
            nic.wire(new End.Captures(captures, repeat, limit, Pace.speed(speed)))
                    .program(executable)
                    .ifindex(ifindex)
                    .mtu(mtu)
                    .queues(queues);
            BpfMap map = counters;
            if (map != null) {
                nic.counters(map);
            }
            sinks.forEach(nic::sink);
        }
    }
}
