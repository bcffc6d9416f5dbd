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
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How fast is a program, here and in the kernel? */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures a program on packets of captures, beside this machine's kernel and the interpreter.",
            "",
            "All sides follow the kernel's test run: each packet of a sample so many times in a row, every run on what the "
                    + "last one left; nanoseconds of CPU time, the weighted mean over the sample, in interleaved rounds, of "
                    + "which the median is shown.",
            ""
        })
final class BenchCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "OBJ", description = "Compiled object (.bpf.o).")
    private @Nullable Path object;

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "CAPTURE", description = "Captures with the packets.")
    private List<String> captures = new ArrayList<>();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            converter = EngineChoice.Converter.class,
            description = "The engine to measure (default: jit). The interpreter is measured beside it.")
    private EngineChoice engine = EngineChoice.JIT;

    @Option(names = "--packets", paramLabel = "N", description = "Read at most N packets (default: ${DEFAULT-VALUE}).")
    private int packets = 65_536;

    @Option(
            names = "--sample",
            paramLabel = "N",
            description = "Packets of the sample, at equal distances in the captures (default: ${DEFAULT-VALUE}).")
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
            description = "Longest warm-up (default: ${DEFAULT-VALUE}); it ends when the rounds stop changing.")
    private int warmUpSeconds = 10;

    @Option(names = "--no-kernel", description = "Leave the kernel out.")
    private boolean withoutKernel;

    @Option(names = "--seed", paramLabel = "N", description = "Of random numbers and hash functions (default: 0).")
    private long seed;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw the result: an .svg or a .png file.")
    private @Nullable Path plot;

    @Mixin
    private NetworkOptions network = new NetworkOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Override
    public Integer call() throws IOException {
        RunOptions.requireAtLeast("--packets", packets, 1);
        RunOptions.requireAtLeast("--sample", sample, 1);
        RunOptions.requireAtLeast("--repeat", repeat, 64);
        RunOptions.requireAtLeast("--rounds", rounds, 1);
        RunOptions.requireAtLeast("--warm-up", warmUpSeconds, 0);
        BarChart.checkName(plot);
        ProgramBench.Options options = new ProgramBench.Options(
                engine,
                seed,
                network,
                sample,
                repeat / 64 * 64,
                rounds,
                warmUpSeconds * 1_000_000_000L,
                !withoutKernel);
        if (!withoutKernel) {
            objects.refuseKernels("bench (unless --no-kernel is, too)");
        }
        ObjectOptions.Choice choice = objects.choose(java.util.Objects.requireNonNull(object));
        List<BenchResult> results = new ArrayList<>();
        List<Damage> damages;
        try (PacketSet set = PacketSet.read(captures, packets)) {
            damages = set.damages();
            if (set.size() == 0) {
                throw new CommandFailure(String.join(", ", captures) + ": no packet to run, expected one of "
                        + PacketSet.MIN_BYTES + " to " + PacketSet.MAX_BYTES + " bytes");
            }
            results.add(ProgramBench.run(choice, set, Map.of(), options));
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
        BenchResult result = results.getFirst();
        if (json.wanted()) {
            json.print(System.out, result::write);
        } else {
            result.print(System.out, captures);
        }
        if (plot != null) {
            BenchResult.chart(results).write(plot);
        }
        damages.forEach(damage -> System.err.println("Error: " + damage.message()));
        return damages.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
    }
}
