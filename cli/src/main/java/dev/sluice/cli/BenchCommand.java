package dev.sluice.cli;

import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.Damage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** How fast is a program, here and in the kernel? */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures a program on packets of captures, beside this machine's kernel and the engines that check.",
            "",
            "All sides follow the kernel's test run: each packet of a sample so many times in a row, every run on what the "
                    + "last one left; nanoseconds of CPU time, the weighted mean over the sample, in interleaved rounds, of "
                    + "which the median is shown.",
            ""
        })
final class BenchCommand implements Callable<Integer> {
    /** Packets that are made for the table. */
    private static final int TABLE_PACKETS = 16_384;

    /** The program of the table whose traffic changes in the middle. */
    private static final String CHANGED = "tuples";

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "OBJ",
            description = "Compiled object (.bpf.o); without one, programs that come with the command.")
    private @Nullable Path object;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "CAPTURE", description = "Captures with the packets.")
    private List<String> captures = new ArrayList<>();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            description = "The engine to measure (default: jit). Those that check are measured beside it.")
    private EngineChoice engine = EngineChoice.JIT;

    @Option(names = "--packets", paramLabel = "N", description = "Read at most N packets (default: ${DEFAULT-VALUE}).")
    private int packets = 65_536;

    @Option(
            names = "--sample",
            paramLabel = "N",
            description =
                    "Packets of the sample, one of each of N equal stretches of the captures; those with the same bytes are "
                            + "one (default: ${DEFAULT-VALUE}).")
    private int sample = 64;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            description = "Runs of each packet in a row, fewer where a round would take too long "
                    + "(default: ${DEFAULT-VALUE}).")
    private int repeat = 32_768;

    @Option(names = "--rounds", paramLabel = "N", description = "Measured rounds (default: ${DEFAULT-VALUE}).")
    private int rounds = 20;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            description =
                    "Longest warm-up of each side (default: ${DEFAULT-VALUE}); it ends when the rounds stop changing.")
    private int warmUpSeconds = 10;

    @Option(names = "--no-kernel", description = "Leave the kernel out.")
    private boolean withoutKernel;

    @Option(names = "--seed", paramLabel = "N", description = "Of random numbers and hash functions (default: 0).")
    private long seed;

    @Option(
            names = "--change",
            paramLabel = "CAPTURE",
            description =
                    "Also measure what happens when the traffic changes to this capture's: how far the rate falls and "
                            + "for how long. May be repeated.")
    private List<String> changes = new ArrayList<>();

    @Option(
            names = "--datapath",
            paramLabel = "CASE",
            arity = "0..1",
            split = ",",
            fallbackValue = "",
            description =
                    "Instead, whole datapaths from a source to where packets go, beside the kernel's live-frame test run: "
                            + "all cases, or those named; or OBJ on generated packets and on those of a capture.")
    private @Nullable List<String> datapath;

    @Option(
            names = "--sizes",
            description = "Instead, what an executed instruction costs in programs of the same work, 50 to 20,000 "
                    + "instructions long, beside the kernel.")
    private boolean sizes;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw the result: an .svg or a .png file.")
    private @Nullable Path plot;

    @Mixin
    private NetworkOptions network = new NetworkOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create(); // picocli puts the real one here

    @Override
    public Integer call() throws IOException {
        RunOptions.requireAtLeast("--packets", packets, 1);
        RunOptions.requireAtLeast("--sample", sample, 1);
        RunOptions.requireAtLeast("--repeat", repeat, 64);
        RunOptions.requireAtLeast("--rounds", rounds, 1);
        RunOptions.requireAtLeast("--warm-up", warmUpSeconds, 0);
        BarChart.checkName(plot);
        if (sizes) {
            if (object != null || datapath != null) {
                throw RunOptions.usage(
                        "--sizes: expected neither an object nor --datapath, as it makes programs of its own");
            }
            return sizes();
        }
        if (datapath != null) {
            refuse("--datapath has packets and rounds of its own", "--packets", "--sample", "--repeat", "--change");
            return datapath(datapath);
        }
        return object == null ? table() : single(object);
    }

    /** Refuses options that would change nothing. */
    private void refuse(String why, String... options) {
        for (String option : options) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw RunOptions.usage(option + ": cannot be given here, as " + why);
            }
        }
    }

    private int datapath(List<String> cases) throws IOException {
        List<String> named =
                new ArrayList<>(cases.stream().filter(name -> !name.isEmpty()).toList());
        if (named.size() == 1
                && !DatapathBench.names().contains(named.getFirst())
                && named.getFirst().endsWith(".o")) {
            // --datapath OBJ [CAPTURE]
            if (object != null) {
                captures.addFirst(object.toString());
            }
            object = Path.of(named.removeFirst());
        }
        if (object == null) {
            refuseObjectOptions();
        }
        DatapathBench.Own own = object == null ? null : own(object, named);
        for (String name : named) {
            if (!DatapathBench.names().contains(name)) {
                throw RunOptions.usage(
                        "--datapath: expected one of " + String.join(", ", DatapathBench.names()) + ", found " + name);
            }
        }
        DatapathBench bench;
        try {
            bench = DatapathBench.run(
                    new DatapathBench.Options(
                            engine, seed, network, rounds, warmUpSeconds * 1_000_000_000L, !withoutKernel, named),
                    own);
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
        if (json.wanted()) {
            json.print(System.out, bench::write);
        } else {
            bench.print(System.out);
        }
        int drawn = draw(bench.chart());
        return bench.hasMeasured() ? drawn : ExitCode.ENVIRONMENT;
    }

    private DatapathBench.Own own(Path file, List<String> cases) {
        if (!cases.isEmpty()) {
            throw RunOptions.usage("--datapath: cases are of programs that come with the command, expected none beside "
                    + file + ", found " + String.join(", ", cases));
        }
        if (captures.size() > 1) {
            throw RunOptions.usage(
                    "--datapath: expected one capture for " + file + ", found " + String.join(", ", captures));
        }
        return new DatapathBench.Own(choose(file), captures);
    }

    /** What is to be compared with the kernel has to be the same there. */
    private ObjectOptions.Choice choose(Path file) {
        if (!withoutKernel) {
            objects.refuseKernels("bench (unless --no-kernel is, too)");
        }
        ObjectOptions.Choice choice = objects.choose(file);
        if (!withoutKernel && choice.programs().size() > 1) {
            throw RunOptions.usage(
                    "--prog: the kernel runs one program at a time, expected --no-kernel as well, found several");
        }
        return choice;
    }

    private ProgramBench.Options options(List<String> sources) {
        return new ProgramBench.Options(
                engine,
                seed,
                network,
                sample,
                repeat / 64 * 64,
                rounds,
                warmUpSeconds * 1_000_000_000L,
                !withoutKernel,
                sources);
    }

    private int single(Path file) throws IOException {
        if (captures.isEmpty()) {
            throw RunOptions.usage(file + ": expected a capture with packets for it as well");
        }
        ObjectOptions.Choice choice = choose(file);
        BenchResult result;
        ChangeResult change = null;
        List<Damage> damages = new ArrayList<>();
        try (PacketSet set = PacketSet.read(captures, packets)) {
            damages.addAll(set.damages());
            requirePackets(set, captures);
            RunReport.printCut(set.shortened(), System.err);
            result = ProgramBench.run(choice, set, Map.of(), options(List.of()));
            if (!changes.isEmpty()) {
                try (PacketSet after = PacketSet.read(changes, packets)) {
                    damages.addAll(after.damages());
                    requirePackets(after, changes);
                    change = ChangeResult.run(
                            choice,
                            Map.of(),
                            set,
                            after,
                            options(List.of()),
                            String.join(", ", captures),
                            String.join(", ", changes));
                }
            }
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
        ChangeResult changed = change;
        if (json.wanted()) {
            json.print(System.out, generator -> result.write(generator, changed));
        } else {
            result.print(System.out, captures);
            if (changed != null) {
                changed.print(System.out);
            }
        }
        int drawn = draw(BenchResult.chart(List.of(result)));
        damages.forEach(damage -> System.err.println("Error: " + damage.message()));
        return damages.isEmpty() ? drawn : ExitCode.FAILED;
    }

    /** Draws what was measured and printed, where that was asked for; a plot that cannot be written takes nothing of it away. */
    private int draw(BarChart chart) {
        if (plot == null) {
            return ExitCode.OK;
        }
        try {
            chart.write(plot);
            return ExitCode.OK;
        } catch (CommandFailure e) {
            System.err.println("Error: " + e.getMessage());
            return e.exitCode();
        }
    }

    private static void requirePackets(PacketSet set, List<String> captures) {
        if (set.size() == 0) {
            throw new CommandFailure(
                    set.damages().isEmpty()
                            ? String.join(", ", captures) + ": no packet to run, expected one of " + PacketSet.MIN_BYTES
                                    + " to " + Quantity.count(PacketSet.MAX_BYTES) + " bytes"
                            : set.damages().getFirst().message());
        }
    }

    private int sizes() throws IOException {
        refuseObjectOptions();
        SizesBench result;
        try (PacketSet set = BenchPrograms.packets(Math.min(packets, TABLE_PACKETS), seed, false)) {
            result = SizesBench.run(set, options(List.of()));
        }
        if (json.wanted()) {
            json.print(System.out, result::write);
        } else {
            result.print(System.out);
        }
        return draw(BenchResult.chart(result.results()));
    }

    private void refuseObjectOptions() {
        objects.given().ifPresent(option -> {
            throw RunOptions.usage(option + ": expected an object that it is for");
        });
        refuse("it is for a program of one's own", "--change", "--routes", "--sockets", "--conntrack", "--xdpmeta-dev");
    }

    private int table() throws IOException {
        refuseObjectOptions();
        List<BenchResult> results = new ArrayList<>();
        ChangeResult change;
        try (PacketSet set = BenchPrograms.packets(Math.min(packets, TABLE_PACKETS), seed, false);
                PacketSet tagged = BenchPrograms.packets(Math.min(packets, TABLE_PACKETS), seed, true)) {
            for (BenchPrograms.Row row : BenchPrograms.TABLE) {
                results.add(ProgramBench.run(
                        BenchPrograms.choice(row.name()),
                        set,
                        BenchPrograms.entries(row.name(), seed),
                        options(row.sources())));
            }
            change = ChangeResult.run(
                    BenchPrograms.choice(CHANGED),
                    BenchPrograms.entries(CHANGED, seed),
                    set,
                    tagged,
                    options(List.of()),
                    "IPv4",
                    "IPv4 with VLAN tags");
        }
        if (json.wanted()) {
            json.print(System.out, generator -> {
                generator.writeStartObject();
                generator.writeArrayFieldStart("programs");
                for (BenchResult result : results) {
                    result.write(generator, null);
                }
                generator.writeEndArray();
                change.write(generator);
                generator.writeEndObject();
            });
        } else {
            BenchResult.printTable(System.out, results);
            change.print(System.out);
        }
        return draw(BenchResult.chart(results));
    }
}
