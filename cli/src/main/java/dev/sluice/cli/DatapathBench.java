package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.memory.Memory;
import dev.sluice.packet.Datapath;
import dev.sluice.packet.End;
import dev.sluice.packet.Pace;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.gen.PacketRing;
import dev.sluice.packet.gen.Traffic;
import dev.sluice.packet.measure.DatapathContender;
import dev.sluice.packet.measure.QueueRate;
import dev.sluice.packet.measure.Race;
import dev.sluice.packet.measure.Stages;
import dev.sluice.packet.measure.Timing;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Whole datapaths: from a source through frames, a program and its verdicts to where packets go, beside the kernel's live-frame
 * test run of the same program. Frames of 64 bytes (60 without the frame check sequence), 65,536 different ones, copied in.
 */
final class DatapathBench {
    private static final String SLUICE = "sluice";
    private static final String KERNEL = "kernel";
    /** One queue, beside several. */
    private static final String ONE = "one queue";

    /** Processes with a queue each, beside one with several. */
    private static final String PROCESSES = "processes";

    /** The NIC that is measured. */
    private static final String NIC = "bench0";

    private static final int FRAME_BYTES = 60;

    /** What a frame of that size takes on a wire beside its bytes: check sequence, preamble and gap. */
    private static final int WIRE_BYTES = 4 + 8 + 12;

    /** Packets of a queue in a run. */
    private static final long PACKETS = 3_000_000;

    /** The same where queues run at the same time, and do not start at once. */
    private static final long PACKETS_OF_SEVERAL = 6_000_000;

    /** What all cases may take together; on a busy machine they have fewer rounds then. */
    private static final long LIMIT_NANOS = 100_000_000_000L;

    private static final int DEVMAP_IFINDEX = 77;

    /** Where a case's packets come from. */
    private enum Source {
        GENERATOR,
        CAPTURE,
        /** A pipe with captures of different lengths. */
        PIPE,
        /** A TAP interface, which the kernel fills; what is sent goes back there. */
        TAP
    }

    /**
     * A case.
     *
     * @param program from {@link BenchPrograms}
     * @param what for a person
     * @param queues rx queues
     * @param devmap of the program, slot 0 of which is another NIC; empty for none
     * @param writes whether what passes goes into a capture
     * @param packets of a queue in a run
     * @param frameBytes of a frame, on average
     */
    private record Case(
            String name,
            String program,
            String what,
            Source source,
            int queues,
            String devmap,
            boolean writes,
            long packets,
            double frameBytes) {
        Case(String name, String program, String what, Source source, int queues, String devmap, boolean writes) {
            this(
                    name,
                    program,
                    what,
                    source,
                    queues,
                    devmap,
                    writes,
                    queues == 1 ? PACKETS : PACKETS_OF_SEVERAL,
                    FRAME_BYTES);
        }

        /** The same with one queue, for comparison. */
        Case ofOneQueue() {
            return new Case(name, program, what, source, 1, devmap, writes, packets, frameBytes);
        }
    }

    private static final List<Case> CASES = List.of(
            new Case("drop", "drop", "XDP_DROP, counted", Source.GENERATOR, 1, "", false),
            new Case(
                    "block",
                    "block",
                    "parsed to the UDP port, counted in an array, XDP_DROP",
                    Source.GENERATOR,
                    1,
                    "",
                    false),
            new Case("tx", "back", "XDP_TX to a wire that takes everything", Source.GENERATOR, 1, "", false),
            new Case("pass", "pass", "XDP_PASS to a host that takes everything", Source.GENERATOR, 1, "", false),
            new Case(
                    "redirect",
                    "forward",
                    "XDP_REDIRECT through a devmap to another NIC",
                    Source.GENERATOR,
                    1,
                    "ports",
                    false),
            new Case("drop-capture", "drop", "from a capture file, XDP_DROP, counted", Source.CAPTURE, 1, "", false),
            new Case("write", "pass", "XDP_PASS into a capture file", Source.GENERATOR, 1, "", true),
            new Case("tap", "back", "from a TAP interface, XDP_TX back to it", Source.TAP, 1, "", false),
            new Case("drop-2", "drop", "two queues, XDP_DROP, counted", Source.GENERATOR, 2, "", false),
            new Case("heap", "drop", "what a short and a long capture take of the heap", Source.PIPE, 1, "", false));

    /** How to measure. */
    record Options(
            EngineChoice engine,
            long seed,
            NetworkOptions network,
            int rounds,
            long warmUpNanos,
            boolean kernel,
            List<String> only) {}

    /**
     * What a case came to.
     *
     * @param kernelReason why there is no figure of the kernel; null when there is one
     * @param scaling of several queues; null for one
     * @param ringReason why a TAP was not read by io_uring; null when it was, or there is none
     */
    private record Result(
            Case of,
            Race.Result race,
            List<QueueRate> queues,
            Stages stages,
            double read,
            @Nullable String kernelReason,
            @Nullable Scaling scaling,
            @Nullable String ringReason) {
        Timing sluice() {
            return race.timing(SLUICE);
        }

        /** Packets a CPU-second. */
        double rate() {
            return 1e9 / sluice().median();
        }

        double gigabits() {
            return rate() * (of.frameBytes + WIRE_BYTES) * 8 / 1e9;
        }

        /** Sluice's rate in that of the kernel's. */
        double rateToKernel() {
            return race.timing(KERNEL).median() / sluice().median();
        }

        /** A contender's rate in that of a bare loop. */
        double rateToBare(String contender) {
            return race.timing(TapBench.BARE).median() / race.timing(contender).median();
        }

        double allocated() {
            long packets = queues.stream().mapToLong(QueueRate::packets).sum();
            return (double) queues.stream().mapToLong(QueueRate::allocated).sum() / packets;
        }

        /** Copying into frames and the poll: receiving without reading. */
        double toBatch() {
            return Math.max(0, stages.receive() - read);
        }
    }

    /**
     * What several queues come to together, as multiples of one.
     *
     * @param queues by CPU time
     * @param queuesInTime by the clock on the wall
     * @param processes as many processes with a queue each, by CPU time
     */
    private record Scaling(double queues, double queuesInTime, double processes, double processesInTime) {
        static Scaling of(
                int count, Race.Result race, DatapathContender several, DatapathContender one, QueueProcesses peers) {
            double inTime = lastMedian(one.rates(), race);
            return new Scaling(
                    count * race.ratio(ONE, SLUICE).median(),
                    lastMedian(several.rates(), race) / inTime,
                    count * race.ratio(ONE, PROCESSES).median(),
                    lastMedian(peers.rates(), race) / inTime);
        }

        /** Of the rounds that were compared, which are the last ones. */
        private static double lastMedian(List<Double> rates, Race.Result race) {
            int rounds = Math.min(rates.size(), race.timing(ONE).rounds());
            List<Double> last = rates.subList(rates.size() - rounds, rates.size()).stream()
                    .sorted()
                    .toList();
            return last.get(last.size() / 2);
        }
    }

    /**
     * A user's program.
     *
     * @param captures with its packets, none or one; it is measured on generated ones as well
     */
    record Own(ObjectOptions.Choice choice, List<String> captures) {
        private List<Case> cases() throws CaptureException {
            String name = choice.program().name();
            List<Case> cases = new ArrayList<>();
            cases.add(new Case("generated", name, name + " on generated packets", Source.GENERATOR, 1, "", false));
            for (String file : captures) {
                cases.add(new Case(
                        "capture", name, name + " on " + file, Source.CAPTURE, 1, "", false, PACKETS, meanBytes(file)));
            }
            return cases;
        }

        private static double meanBytes(String file) throws CaptureException {
            long packets = 0;
            long bytes = 0;
            try (CaptureReader reader = CaptureReader.open(file);
                    CaptureBatch batch = new CaptureBatch(256)) {
                reader.requireEthernet();
                while (reader.read(batch) > 0) {
                    packets += batch.size();
                    for (int i = 0; i < batch.size(); i++) {
                        bytes += batch.capturedLength(i);
                    }
                }
            }
            if (packets == 0) {
                throw new CommandFailure(file + ": no packet to run");
            }
            return (double) bytes / packets;
        }
    }

    private final Options options;
    private final @Nullable Own own;
    private final Path folder;
    /** What the next case may take. */
    private long limitNanos = LIMIT_NANOS;

    private final List<Result> results = new ArrayList<>();
    private final Map<String, HeapBench> heaps = new LinkedHashMap<>();

    /** Cases that could not be measured here, and why. */
    private final Map<String, String> skipped = new LinkedHashMap<>();

    private DatapathBench(Options options, @Nullable Own own, Path folder) {
        this.options = options;
        this.own = own;
        this.folder = folder;
    }

    /** Names of all cases. */
    static List<String> names() {
        return CASES.stream().map(Case::name).toList();
    }

    /**
     * Measures all cases, or those that were asked for.
     *
     * @param own a user's program in place of those that come with the command; null for these
     */
    static DatapathBench run(Options options, @Nullable Own own) throws IOException {
        Path folder = Files.createTempDirectory("sluice-bench-");
        try {
            DatapathBench bench = new DatapathBench(options, own, folder);
            List<Case> cases = (own == null ? CASES : own.cases())
                    .stream()
                            .filter(one -> options.only.isEmpty() || options.only.contains(one.name))
                            .toList();
            long end = System.nanoTime() + LIMIT_NANOS;
            for (int i = 0; i < cases.size(); i++) {
                long share = Math.max(0, (end - System.nanoTime()) / (cases.size() - i));
                bench.limitNanos = i == 0 ? 2 * share : share; // what the first has compiled, others have as well
                bench.measureOrSkip(cases.get(i));
            }
            return bench;
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Whether this machine has allowed a case at all. */
    boolean hasMeasured() {
        return !results.isEmpty() || !heaps.isEmpty();
    }

    /** A case that this machine does not allow is left out, with its reason. */
    private void measureOrSkip(Case of) throws IOException {
        if (of.source != Source.TAP && of.source != Source.PIPE) {
            results.add(measure(of));
            return;
        }
        try {
            if (of.source == Source.PIPE) {
                heaps.put(of.name, measureHeap(of));
            } else {
                results.add(measureTap(of));
            }
        } catch (IOException e) {
            skipped.put(of.name, String.valueOf(e.getMessage()));
        } catch (UncheckedIOException | IllegalStateException e) {
            skipped.put(of.name, String.valueOf(e.getMessage()));
        }
    }

    private HeapBench measureHeap(Case of) throws IOException {
        try (Session session = session(of, BenchPrograms.choice(of.program))) {
            return HeapBench.run(
                    pipe -> datapath(of, session, pipe, nic -> {}), capture(), folder, !options.only.isEmpty());
        }
    }

    private Traffic traffic() {
        return Traffic.of(Traffic.Kind.UDP)
                .sizes(List.of(FRAME_BYTES))
                .source(Traffic.Range.ofAddresses("10.0.0.0/8"))
                .sourcePort(Traffic.Range.ofPorts("1024-65535"))
                .flows(Traffic.DEFAULT_FLOWS)
                .seed(options.seed);
    }

    private Result measure(Case of) throws IOException {
        ObjectOptions.Choice choice = own == null ? BenchPrograms.choice(of.program) : own.choice;
        try (Session session = session(of, choice)) {
            if (!of.devmap.isEmpty()) {
                byte[] ifindex = {DEVMAP_IFINDEX, 0, 0, 0};
                session.object().map(of.devmap).orElseThrow().map().put(new byte[4], ifindex, 0);
            }
            String capture = of.source == Source.CAPTURE ? capture().toString() : "";
            DatapathContender sluice = new DatapathContender(watch -> datapath(of, session, capture, watch));
            Race race = new Race(SLUICE, sluice);
            DatapathContender one = null;
            QueueProcesses peers = null;
            if (of.queues > 1) {
                one = new DatapathContender(watch -> datapath(of.ofOneQueue(), session, capture, watch));
                peers = new QueueProcesses(of.queues, options.engine, options.seed);
                race.add(ONE, one);
                race.add(PROCESSES, peers);
            }
            String kernelReason = whyNoKernel(of);
            KernelLive live = null;
            if (kernelReason == null && Kernel.open() instanceof KernelAccess.Available available) {
                try {
                    live = KernelLive.open(available.kernel(), choice, of.devmap, packet());
                    race.add(KERNEL, live);
                } catch (KernelSide.Refused e) {
                    kernelReason = e.getMessage();
                }
            }
            try {
                Race.Result result = race.run(options.rounds, options.warmUpNanos, limitNanos);
                Scaling scaling =
                        one == null || peers == null ? null : Scaling.of(of.queues, result, sluice, one, peers);
                Stages stages = Stages.of(() -> datapath(of, session, capture, nic -> {}), NIC);
                double read = capture.isEmpty() ? 0 : readNanos(capture);
                return new Result(of, result, sluice.queues(), stages, read, kernelReason, scaling, null);
            } finally {
                if (live != null) {
                    live.close();
                }
                if (peers != null) {
                    peers.close();
                }
            }
        }
    }

    private Result measureTap(Case of) throws IOException {
        ObjectOptions.Choice choice = BenchPrograms.choice(of.program);
        try (Session session = session(of, choice);
                TapBench tap = new TapBench(wire -> datapath(of, session, wire, nic -> {}), NIC, traffic())) {
            Race.Result result = tap.race(SLUICE).run(options.rounds, options.warmUpNanos, limitNanos);
            List<QueueRate> queues = tap.queues();
            return new Result(of, result, queues, tap.stages(), 0, whyNoKernel(of), null, tap.ringReason());
        }
    }

    /** Runs the case of several queues with one, a round whenever it is asked for: in a process of {@link QueueProcesses}. */
    static void serve(EngineChoice engine, long seed, Consumer<QueueProcesses.Round> server) throws IOException {
        Case of = CASES.stream()
                .filter(one -> one.queues > 1)
                .findFirst()
                .orElseThrow()
                .ofOneQueue();
        DatapathBench bench = new DatapathBench(
                new Options(engine, seed, new NetworkOptions(), 1, 0, false, List.of()), null, Path.of(""));
        try (Session session = bench.session(of, BenchPrograms.choice(of.program))) {
            DatapathContender contender = new DatapathContender(watch -> bench.datapath(of, session, "", watch));
            server.accept(() -> new QueueProcesses.Outcome(
                    contender.round(), contender.rates().getLast()));
        }
    }

    private Session session(Case of, ObjectOptions.Choice choice) {
        return Session.open(choice, RunOptions.of(options.engine, options.seed, options.network), of.queues, false);
    }

    private @Nullable String whyNoKernel(Case of) {
        if (!options.kernel) {
            return "it was left out (--no-kernel)";
        }
        if (of.source != Source.GENERATOR || of.writes || of.queues > 1) {
            return "a live-frame run has no captures, no TAP interfaces and no queues";
        }
        return Kernel.open() instanceof KernelAccess.Unavailable unavailable ? unavailable.reason() : null;
    }

    private Datapath datapath(Case of, Session session, String capture, DatapathContender.Watch watch) {
        End source = switch (of.source) {
            case CAPTURE -> new End.Captures(List.of(capture), 0, of.packets, Pace.TOP_SPEED);
            case PIPE -> new End.Captures(capture);
            case GENERATOR -> new End.Generator(traffic(), of.packets * of.queues, Pace.TOP_SPEED);
            case TAP -> throw new AssertionError("has a way of its own");
        };
        return datapath(of, session, source, watch);
    }

    private Datapath datapath(Case of, Session session, End source, DatapathContender.Watch watch) {
        Datapath.Builder builder = Datapath.builder().contexts(session::context).nic(NIC, nic -> {
            nic.wire(source)
                    .queues(of.queues)
                    .program(session.program().executable())
                    .counters(session.counters().map());
            if (of.writes) {
                nic.host(new End.Sink(new Discarded(folder)));
            }
            watch.on(nic);
        });
        if (!of.devmap.isEmpty()) {
            builder.nic("bench1", nic -> nic.ifindex(DEVMAP_IFINDEX));
        }
        return builder.build();
    }

    /** A capture that is written for its time only: the file is begun anew now and then. */
    private static final class Discarded implements FrameSink {
        private static final long PACKETS_OF_A_FILE = 1 << 20;

        private final Path file;
        private CaptureFileSink sink;
        private long packets;

        Discarded(Path folder) {
            file = folder.resolve("out.pcap");
            sink = open();
        }

        private CaptureFileSink open() {
            try {
                return new CaptureFileSink(CaptureWriter.create(file, CaptureWriter.Options.byName("out.pcap")));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void write(dev.sluice.packet.frame.FrameBatch batch, long mask) throws IOException {
            sink.write(batch, mask);
            packets += Long.bitCount(mask);
            if (packets >= PACKETS_OF_A_FILE) {
                packets = 0;
                sink.close();
                sink = open();
            }
        }

        @Override
        public void flush() throws IOException {
            sink.flush();
        }
    }

    private Path capture() throws IOException {
        if (own != null) {
            return Path.of(own.captures.getFirst());
        }
        Path file = folder.resolve("in.pcap");
        if (!Files.exists(file)) {
            try (PacketRing ring = new PacketRing(traffic());
                    CaptureWriter writer = CaptureWriter.create(file, CaptureWriter.Options.byName("in.pcap"))) {
                for (int i = 0; i < ring.size(); i++) {
                    writer.write(i * 1000L, ring.address(i), ring.length(i), ring.length(i));
                }
            }
        }
        return file;
    }

    private byte[] packet() {
        try (PacketRing ring = new PacketRing(traffic())) {
            return Memory.bytes(ring.address(0), ring.length(0));
        }
    }

    /** Reading a capture alone, the best of some passes: nanoseconds a packet. */
    private static double readNanos(String capture) throws IOException {
        double best = Double.MAX_VALUE;
        try (CaptureReader reader = CaptureReader.open(capture);
                CaptureBatch batch = new CaptureBatch(256)) {
            for (int pass = 0; pass < 50; pass++) {
                long packets = 0;
                long start = System.nanoTime();
                while (reader.read(batch) > 0) {
                    packets += batch.size();
                }
                best = Math.min(best, (double) (System.nanoTime() - start) / packets);
                reader.rewind();
            }
        }
        return best;
    }

    // --- showing it

    void print(PrintStream out) {
        if (!results.isEmpty()) {
            printTable(out);
        }
        heaps.forEach((name, heap) -> heap.print(out, name));
        skipped.forEach((name, reason) -> out.println(name + " was left out: " + reason));
    }

    private void printTable(PrintStream out) {
        out.println((own == null ? "64-byte frames, " : "generated frames of 64 bytes, ")
                + Quantity.count(Traffic.DEFAULT_FLOWS)
                + " different ones, copied in; nanoseconds and packets a CPU-second, medians of interleaved rounds");
        out.println();
        Table table = new Table(
                "case",
                "ns/packet",
                "spread",
                "rounds",
                "packets/s",
                "Gbit/s",
                "kernel",
                "to kernel",
                "read",
                "to batch",
                "program",
                "verdict",
                "write",
                "bytes/packet");
        for (Result result : results) {
            Stages stages = result.stages;
            boolean kernel = result.race.has(KERNEL);
            table.row(
                    result.of.name,
                    BenchResult.number(result.sluice().median()),
                    BenchResult.spread(result.sluice()),
                    String.valueOf(result.sluice().rounds()),
                    Quantity.scaled(result.rate()),
                    BenchResult.number(result.gigabits()),
                    kernel ? Quantity.scaled(1e9 / result.race.timing(KERNEL).median()) : "-",
                    kernel ? BenchResult.number(result.rateToKernel()) : "-",
                    BenchResult.number(result.read),
                    BenchResult.number(result.toBatch()),
                    BenchResult.number(stages.program()),
                    BenchResult.number(stages.verdict()),
                    BenchResult.number(stages.write()),
                    String.format(Locale.ROOT, "%.2f", result.allocated()));
        }
        table.print(out);
        out.println();
        results.forEach(result -> out.println(result.of.name + ": " + result.of.what));
        results.stream().filter(result -> result.queues.size() > 1).forEach(result -> printQueues(out, result));
        results.stream().filter(result -> result.race.has(TapBench.BARE)).forEach(result -> printTap(out, result));
        List<String> unsteady = results.stream()
                .filter(result -> !result.race.warmUp().steady())
                .map(result -> result.of.name)
                .toList();
        if (!unsteady.isEmpty()) {
            out.println("not steady yet when time was over, so slower than it can be: " + String.join(", ", unsteady)
                    + "; --datapath=CASE gives a case all the time");
        }
        results.stream()
                .map(Result::kernelReason)
                .filter(java.util.Objects::nonNull)
                .distinct()
                .forEach(reason -> out.println("where there are no figures of the kernel: " + reason));
    }

    private static void printQueues(PrintStream out, Result result) {
        for (int queue = 0; queue < result.queues.size(); queue++) {
            QueueRate rate = result.queues.get(queue);
            out.println(result.of.name + ", queue " + queue + ": " + BenchResult.number(rate.nanosPerPacket())
                    + " ns/packet of CPU, " + Quantity.scaled(rate.packetsPerSecond()) + "packets/s in time");
        }
        Scaling scaling = result.scaling;
        if (scaling != null) {
            out.println(result.of.name + ": one queue takes "
                    + BenchResult.number(result.race.timing(ONE).median()) + " ns/packet; " + result.of.queues
                    + " queues give " + BenchResult.number(scaling.queues) + " of it by CPU time, "
                    + BenchResult.number(scaling.queuesInTime) + " in time");
            out.println(result.of.name + ": as many processes with a queue each, the machine's ceiling, give "
                    + BenchResult.number(scaling.processes) + " by CPU time, "
                    + BenchResult.number(scaling.processesInTime) + " in time");
        }
    }

    private static void printTap(PrintStream out, Result result) {
        out.println(result.of.name + ": a bare loop, which reads a frame and writes it back, takes "
                + BenchResult.number(result.race.timing(TapBench.BARE).median()) + " ns/packet");
        for (String contender : List.of(SLUICE, TapBench.EPOLL)) {
            if (result.race.has(contender)) {
                boolean ring = contender.equals(SLUICE) && result.ringReason == null;
                out.println(result.of.name
                        + (ring ? ": by io_uring, a system call a batch, " : ": on epoll, a system call a frame, ")
                        + BenchResult.number(result.race.timing(contender).median())
                        + " ns/packet, the rate to the bare loop's is "
                        + BenchResult.number(result.rateToBare(contender)));
            }
        }
        if (result.ringReason != null) {
            out.println(result.of.name + ": " + result.ringReason);
        }
    }

    void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeNumberField("frame_bytes", FRAME_BYTES + 4);
        json.writeArrayFieldStart("cases");
        for (Result result : results) {
            write(json, result);
        }
        json.writeEndArray();
        for (Map.Entry<String, HeapBench> heap : heaps.entrySet()) {
            json.writeFieldName(heap.getKey());
            heap.getValue().write(json);
        }
        json.writeObjectFieldStart("skipped");
        for (Map.Entry<String, String> skip : skipped.entrySet()) {
            json.writeStringField(skip.getKey(), skip.getValue());
        }
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, Result result) throws IOException {
        json.writeStartObject();
        json.writeStringField("case", result.of.name);
        json.writeStringField("what", result.of.what);
        json.writeStringField("program", result.of.program);
        json.writeStringField("source", result.of.source.name().toLowerCase(Locale.ROOT));
        json.writeNumberField("rounds", result.sluice().rounds());
        json.writeNumberField("ns_per_packet", Quantity.rounded(result.sluice().median()));
        json.writeFieldName("spread");
        BenchResult.writeSpread(json, result.sluice());
        json.writeNumberField("packets_per_second", Math.round(result.rate()));
        json.writeNumberField("gigabits_per_second", Quantity.rounded(result.gigabits()));
        json.writeNumberField("allocated_bytes_per_packet", Quantity.rounded(result.allocated()));
        json.writeObjectFieldStart("stages");
        json.writeNumberField("read", Quantity.rounded(result.read));
        json.writeNumberField("to_batch", Quantity.rounded(result.toBatch()));
        json.writeNumberField("program", Quantity.rounded(result.stages.program()));
        json.writeNumberField("verdict", Quantity.rounded(result.stages.verdict()));
        json.writeNumberField("write", Quantity.rounded(result.stages.write()));
        json.writeEndObject();
        json.writeArrayFieldStart("queues");
        for (QueueRate queue : result.queues) {
            json.writeStartObject();
            json.writeNumberField("packets", queue.packets());
            json.writeNumberField("ns_per_packet", Quantity.rounded(queue.nanosPerPacket()));
            json.writeNumberField("packets_per_second", Math.round(queue.packetsPerSecond()));
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeObjectFieldStart("kernel");
        if (result.race.has(KERNEL)) {
            Timing kernel = result.race.timing(KERNEL);
            json.writeNumberField("ns_per_packet", Quantity.rounded(kernel.median()));
            json.writeFieldName("spread");
            BenchResult.writeSpread(json, kernel);
            json.writeNumberField("packets_per_second", Math.round(1e9 / kernel.median()));
        } else {
            json.writeNullField("ns_per_packet");
            json.writeStringField("reason", result.kernelReason);
        }
        json.writeEndObject();
        if (result.race.has(KERNEL)) {
            json.writeNumberField("rate_to_kernel", Quantity.rounded(result.rateToKernel()));
        } else {
            json.writeNullField("rate_to_kernel");
        }
        if (result.race.has(TapBench.BARE)) {
            json.writeStringField("tap_io", result.ringReason == null ? "io_uring" : "epoll");
            if (result.ringReason != null) {
                json.writeStringField("no_io_uring", result.ringReason);
            }
            json.writeNumberField("rate_to_bare_loop", Quantity.rounded(result.rateToBare(SLUICE)));
            writeTap(json, "bare_loop", result, TapBench.BARE);
            if (result.race.has(TapBench.EPOLL)) {
                writeTap(json, "epoll", result, TapBench.EPOLL);
            }
        }
        Scaling scaling = result.scaling;
        if (scaling != null) {
            json.writeObjectFieldStart("scaling");
            json.writeNumberField(
                    "one_queue_ns_per_packet",
                    Quantity.rounded(result.race.timing(ONE).median()));
            json.writeNumberField("queues_to_one", Quantity.rounded(scaling.queues));
            json.writeNumberField("queues_to_one_in_time", Quantity.rounded(scaling.queuesInTime));
            json.writeNumberField("processes_to_one", Quantity.rounded(scaling.processes));
            json.writeNumberField("processes_to_one_in_time", Quantity.rounded(scaling.processesInTime));
            json.writeEndObject();
        }
        json.writeObjectFieldStart("warm_up");
        json.writeNumberField("time_ns", result.race.warmUp().nanos());
        json.writeBooleanField("steady", result.race.warmUp().steady());
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void writeTap(JsonGenerator json, String field, Result result, String contender) throws IOException {
        Timing timing = result.race.timing(contender);
        json.writeObjectFieldStart(field);
        json.writeNumberField("ns_per_packet", Quantity.rounded(timing.median()));
        json.writeFieldName("spread");
        BenchResult.writeSpread(json, timing);
        json.writeNumberField("rate_to_bare_loop", Quantity.rounded(result.rateToBare(contender)));
        json.writeEndObject();
    }

    BarChart chart() {
        List<String> bars = new ArrayList<>(List.of(SLUICE, KERNEL));
        for (String bar : List.of(TapBench.EPOLL, TapBench.BARE)) {
            if (results.stream().anyMatch(result -> result.race.has(bar))) {
                bars.add(bar);
            }
        }
        BarChart chart = new BarChart("nanoseconds of CPU a packet" + (own == null ? ", 64-byte frames" : ""), bars);
        for (Result result : results) {
            chart.group(result.of.name, name -> result.race.has(name) ? result.race.timing(name) : null);
        }
        return chart;
    }
}
