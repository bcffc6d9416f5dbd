package dev.sluice.cli;

import dev.sluice.packet.Progress;
import dev.sluice.packet.Replay;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.Time;
import dev.sluice.packet.measure.WarmUp;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
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
    private RunOptions options = new RunOptions();

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
            description = "max: as fast as possible (the default); 1: with the captures' timing; 2: twice as fast.")
    private String speed = "max";

    @Option(
            names = "--clock",
            paramLabel = "CLOCK",
            description =
                    "What bpf_ktime_get_ns() answers: capture (the default), that is the packets' time stamps, or "
                            + "machine, with a thread for each queue.")
    private Time clock = Time.CAPTURE;

    @Option(
            names = "--mtu",
            paramLabel = "BYTES",
            description = "Refuse longer packets, as a driver does (default: none).")
    private int mtu;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "10",
            description =
                    "Run the program on the captures' first packets and variations of them until HotSpot has compiled "
                            + "it, for at most SECONDS (10), then put maps, random numbers, clock and trace back: the results are "
                            + "the same as without.")
    private long warmUpSeconds;

    private WarmUp.@Nullable Result warmUp;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Override
    public Integer call() throws IOException {
        checkOptions();
        try (Session session = Session.open(objects.choose(object), options, queues, clock == Time.CAPTURE)) {
            Map<XdpAction, CaptureFileSink> sinks = options.openSinks(inputs());
            Set<String> failures = new LinkedHashSet<>();
            RunTotals totals;
            try (ProgressBar bar = ProgressBar.onTerminal(quiet || json.wanted())) {
                totals = run(session, sinks, bar, failures);
            } finally {
                failures.addAll(RunOptions.close(sinks.values()));
            }
            failures.addAll(session.finish());
            session.report(totals, captures)
                    .warmedUp(warmUp)
                    .failed(failures)
                    .print(json, options.writesToStandardOutput() ? System.err : System.out);
            if (totals.cancelled()) {
                return ExitCode.INTERRUPTED;
            }
            return totals.damages().isEmpty() && failures.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        }
    }

    private List<String> inputs() {
        List<String> inputs = new ArrayList<>(captures);
        inputs.remove("-"); // standard input and standard output may both be meant
        inputs.add(object.toString());
        return inputs;
    }

    private void checkOptions() {
        options.check();
        RunOptions.requireAtLeast("-c", limit, 0);
        RunOptions.requireAtLeast("--repeat", repeat, 1);
        RunOptions.requireAtLeast("--queues", queues, 1);
        if (queues > VirtualNic.MAX_QUEUES) {
            throw RunOptions.usage("--queues: expected at most " + VirtualNic.MAX_QUEUES + ", found " + queues);
        }
        if (mtu != 0) {
            RunOptions.requireAtLeast("--mtu", mtu, 68);
        }
        RunOptions.requireAtLeast("--warm-up", warmUpSeconds, 0);
        if (warmUpSeconds > 0 && clock == Time.MACHINE && options.events().wanted()) {
            throw RunOptions.usage(
                    "--warm-up: with --events expected --clock capture, in which events are read in order");
        }
        parseSpeed();
    }

    /** 0 for as fast as possible. */
    private double parseSpeed() {
        if (speed.equals("max")) {
            return 0;
        }
        try {
            double multiple = Double.parseDouble(speed);
            if (multiple > 0 && !Double.isInfinite(multiple)) {
                return multiple;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw RunOptions.usage("--speed: expected max or a number above 0, found " + speed);
    }

    /** @param failures gets what ended the run before its time */
    private RunTotals run(
            Session session, Map<XdpAction, CaptureFileSink> sinks, Progress progress, Set<String> failures) {
        Replay.Builder builder = Replay.builder()
                .program(session.program().executable())
                .counters(session.counters().map())
                .contexts(session::context)
                .repeat(repeat)
                .limit(limit)
                .queues(queues)
                .speed(parseSpeed())
                .time(clock)
                .progress(progress)
                .warmUp(warmUpSeconds * 1_000_000_000L, result -> {
                    warmUp = result;
                    session.muteEvents(false);
                });
        session.muteEvents(warmUpSeconds > 0);
        if (mtu != 0) {
            builder.mtu(mtu);
        }
        captures.forEach(builder::capture);
        sinks.forEach(builder::sink);
        Replay replay = builder.build();
        try (Interrupt ignored = Interrupt.calls(replay::cancel)) {
            return replay.run();
        } catch (IOException e) {
            RunTotals totals = replay.totals();
            if (totals.packets() == 0) {
                throw new CommandFailure(String.valueOf(e.getMessage()));
            }
            failures.add(String.valueOf(e.getMessage())); // a full disk takes away no counts
            return totals;
        }
    }
}
