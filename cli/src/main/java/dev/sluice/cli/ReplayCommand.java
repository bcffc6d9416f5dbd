package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.TraceLog;
import dev.sluice.XdpRuntime;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.Progress;
import dev.sluice.packet.Replay;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Captures through a program: what it would have done to that traffic. */
@Command(
        name = "replay",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Replays captures through an XDP program, and prints verdicts, maps and trace.",
            "",
            "Captures are pcap or pcapng, plain or compressed by gzip or zstd; - is standard input. In capture time "
                    + "(the default) a run is deterministic: the same input and --seed give the same result.",
            ""
        })
final class ReplayCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "OBJ", description = "Compiled object (.bpf.o).")
    private Path object = Path.of("");

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "CAPTURE",
            description = "Capture files, replayed in order.")
    private List<String> captures = new ArrayList<>();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Option(
            names = "--engine",
            defaultValue = "interpreter",
            description = "${COMPLETION-CANDIDATES} (default: interpreter).")
    private EngineChoice engine = EngineChoice.INTERPRETER;

    @Option(names = "-c", paramLabel = "N", description = "Stop after N packets.")
    private long limit = Long.MAX_VALUE;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            description = "Replay all captures N times, from memory (default: 1).")
    private long repeat = 1;

    @Option(names = "--queues", paramLabel = "N", description = "Rx queues; RSS spreads the packets (default: 1).")
    private int queues = 1;

    @Option(
            names = "--speed",
            paramLabel = "X",
            defaultValue = "max",
            description = "max: as fast as possible (the default); 1: with the captures' timing; 2: twice as fast.")
    private String speed = "max";

    @Option(
            names = "--clock",
            paramLabel = "CLOCK",
            defaultValue = "capture",
            description =
                    "What bpf_ktime_get_ns() answers: capture (the default), that is the packets' time stamps, or "
                            + "machine, with a thread for each queue.")
    private Replay.Time clock = Replay.Time.CAPTURE;

    @Option(names = "--seed", paramLabel = "N", description = "Of random numbers and hash functions (default: 0).")
    private long seed;

    @Option(
            names = "--mtu",
            paramLabel = "BYTES",
            description = "Refuse longer packets, as a driver does (default: none).")
    private int mtu;

    @Option(
            names = "--write",
            paramLabel = "ACTION=FILE",
            description = "Write the packets of a verdict (pass, drop, tx, redirect, aborted, other) to a capture, as "
                    + "the program left them; pcapng by the name, .gz and .zst compress. May be repeated.")
    private Map<String, String> writes = Map.of();

    @Option(names = "--trace-limit", paramLabel = "N", description = "Trace lines to keep (default: ${DEFAULT-VALUE}).")
    private int traceLimit = 10_000;

    @Option(
            names = "--max-insns",
            paramLabel = "N",
            description = "Abort a packet after N instructions (default: ${DEFAULT-VALUE}).")
    private long maxInsns = 100_000_000;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() throws IOException {
        checkOptions();
        ObjectOptions.Choice choice = objects.choose(object);
        TraceLog trace = new TraceLog(traceLimit);
        try (XdpRuntime runtime = new XdpRuntime(engine.engine(), queues, seed)) {
            LoadedObject loaded = ObjectOptions.load(runtime, choice);
            LoadedProgram program = loaded.program(choice.program().name()).orElseThrow();
            LoadedMap counters = VerdictMap.create(runtime);
            Map<XdpAction, CaptureFileSink> sinks = openSinks();
            RunTotals totals;
            try (ProgressBar bar = ProgressBar.onTerminal(quiet || json.wanted())) {
                totals = run(runtime, program, counters, sinks, trace, bar);
            } finally {
                closeSinks(sinks);
            }
            RunReport report = new RunReport(
                    choice,
                    program,
                    loaded,
                    counters,
                    totals,
                    trace,
                    captures,
                    runtime.engine().name());
            if (json.wanted()) {
                json.print(System.out, report::write);
            } else {
                report.print(System.out);
            }
            report.printWarnings(System.err);
            if (totals.cancelled()) {
                return ExitCode.INTERRUPTED;
            }
            return totals.damages().isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        }
    }

    private void checkOptions() {
        requireAtLeast("-c", limit, 0);
        requireAtLeast("--repeat", repeat, 0);
        requireAtLeast("--queues", queues, 1);
        requireAtLeast("--trace-limit", traceLimit, 0);
        requireAtLeast("--max-insns", maxInsns, 1);
        if (queues > dev.sluice.packet.nic.VirtualNic.MAX_QUEUES) {
            throw usage(
                    "--queues: expected at most " + dev.sluice.packet.nic.VirtualNic.MAX_QUEUES + ", found " + queues);
        }
        if (mtu != 0) {
            requireAtLeast("--mtu", mtu, 68);
        }
        parseSpeed();
    }

    private static void requireAtLeast(String option, long value, long least) {
        if (value < least) {
            throw usage(option + ": expected " + least + " or more, found " + value);
        }
    }

    private static CommandFailure usage(String message) {
        return new CommandFailure(ExitCode.USAGE, message, null);
    }

    private double parseSpeed() {
        if (speed.equals("max")) {
            return 0;
        }
        try {
            double multiple = Double.parseDouble(speed.endsWith("x") ? speed.substring(0, speed.length() - 1) : speed);
            if (multiple > 0 && !Double.isInfinite(multiple)) {
                return multiple;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw usage("--speed: expected max or a number above 0, found " + speed);
    }

    private RunTotals run(
            XdpRuntime runtime,
            LoadedProgram program,
            LoadedMap counters,
            Map<XdpAction, CaptureFileSink> sinks,
            TraceLog trace,
            Progress progress)
            throws IOException {
        Replay.Builder builder = Replay.builder()
                .program(program.executable())
                .counters(counters.map())
                .contexts((cpu, time) -> {
                    RunContext context = runtime.newContext(time, cpu);
                    context.trace = trace;
                    context.instructionLimit = maxInsns;
                    return context;
                })
                .repeat(repeat)
                .limit(limit)
                .queues(queues)
                .speed(parseSpeed())
                .time(clock)
                .progress(progress);
        if (mtu != 0) {
            builder.mtu(mtu);
        }
        captures.forEach(builder::capture);
        sinks.forEach(builder::sink);
        Replay replay = builder.build();
        try (Interrupt ignored = Interrupt.calls(replay::cancel)) {
            return replay.run();
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    private Map<XdpAction, CaptureFileSink> openSinks() throws IOException {
        Map<XdpAction, CaptureFileSink> sinks = new EnumMap<>(XdpAction.class);
        try {
            for (Map.Entry<String, String> write : writes.entrySet()) {
                XdpAction action = actionNamed(write.getKey());
                String file = write.getValue();
                CaptureWriter.Options options =
                        CaptureWriter.Options.byName(file).nanoseconds(true);
                CaptureFileSink before = sinks.put(action, new CaptureFileSink(CaptureWriter.create(file, options)));
                if (before != null) {
                    before.close();
                    throw usage("--write: " + write.getKey() + " is there twice");
                }
            }
            return sinks;
        } catch (CaptureException e) {
            closeSinks(sinks);
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    private static void closeSinks(Map<XdpAction, CaptureFileSink> sinks) throws IOException {
        IOException failure = null;
        for (CaptureFileSink sink : sinks.values()) {
            try {
                sink.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        if (failure != null) {
            throw new CommandFailure(String.valueOf(failure.getMessage()));
        }
    }

    private static XdpAction actionNamed(String name) {
        for (XdpAction action : XdpAction.values()) {
            if (action.name().equalsIgnoreCase(name) || action.label().equalsIgnoreCase(name)) {
                return action;
            }
        }
        throw usage("--write: expected one of pass, drop, tx, redirect, aborted, other, found " + name);
    }
}
