package dev.sluice.cli;

import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.diff.Comparison;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.kernel.diff.NotComparableException;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The same packets through the same program, in this machine's kernel and in Sluice: what is different? */
@Command(
        name = "diff",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Runs a program on captures in this machine's kernel and in Sluice, and compares what comes of it.",
            "",
            "Return value, packet and metadata of every packet, and all maps at the end. What is known to differ is a "
                    + "rule with a name, listed with how often it was applied. The packets are not sent anywhere.",
            ""
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:everything that was compared is equal",
            "1:an object or a capture cannot be read",
            "3:could not compare: no permission for bpf(2), or a side does not take the program",
            "5:something is different"
        })
final class DiffCommand implements Callable<Integer> {
    private static final int BATCH = 64;

    @Parameters(index = "0", paramLabel = "OBJ", description = "Compiled object (.bpf.o).")
    private Path object = Path.of("");

    @Parameters(index = "1..*", arity = "1..*", paramLabel = "CAPTURE", description = "Capture files, in order.")
    private List<String> captures = new ArrayList<>();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Option(
            names = "--engine",
            split = ",",
            paramLabel = "ENGINE",
            description = "${COMPLETION-CANDIDATES} (default: all of them).")
    private List<EngineChoice> engines = List.of(EngineChoice.values());

    @Option(names = "-c", paramLabel = "N", description = "Stop after N packets.")
    private long limit = Long.MAX_VALUE;

    @Option(names = "--show", paramLabel = "N", description = "Differences to describe (default: ${DEFAULT-VALUE}).")
    private int shown = 5;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Instructions to show of a packet that differs, the last ones (default: ${DEFAULT-VALUE}).")
    private int steps = 40;

    private volatile boolean interrupted;

    @Override
    public Integer call() {
        objects.refuseKernels("diff");
        ObjectOptions.Choice choice = objects.choose(object);
        Kernel kernel = KernelOptions.kernel("cannot compare");
        Map<String, List<MapEntry>> initial = KernelOptions.contents(choice, kernel);
        Comparison.Options options = new Comparison.Options(
                new LinkedHashSet<>(engines).stream().map(EngineChoice::engine).toList(), initial, shown, 0);
        try (Comparison comparison = Comparison.open(kernel, choice.spec(), choice.program(), options);
                Interrupt ignored = Interrupt.calls(() -> interrupted = true)) {
            List<DiffPrinter.Source> sources = new ArrayList<>();
            List<String> damages = new ArrayList<>();
            for (String capture : captures) {
                sources.add(new DiffPrinter.Source(capture, comparison.packets()));
                feed(comparison, capture, damages);
            }
            DiffReport report = comparison.finish();
            DiffPrinter printer = new DiffPrinter(choice, report, sources, shown, steps);
            if (json.wanted()) {
                json.print(System.out, printer::write);
            } else {
                printer.print(System.out);
            }
            damages.forEach(damage -> System.err.println("Error: " + damage));
            if (interrupted) {
                return ExitCode.INTERRUPTED;
            }
            if (!report.isEqual()) {
                return ExitCode.DIFFERENT;
            }
            if (report.compared() == 0) {
                throw new CommandFailure(
                        ExitCode.ENVIRONMENT, choice.file() + ": not one packet could be compared", null);
            }
            return damages.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        } catch (NotComparableException e) {
            throw new CommandFailure(ExitCode.ENVIRONMENT, choice.file() + ": cannot compare: " + e.getMessage(), e);
        }
    }

    private void feed(Comparison comparison, String capture, List<String> damages) {
        try (CaptureReader reader = CaptureReader.open(capture);
                CaptureBatch batch = new CaptureBatch(BATCH)) {
            reader.requireEthernet();
            while (!interrupted && comparison.packets() < limit) {
                int size = reader.read(batch, (int) Math.min(BATCH, limit - comparison.packets()));
                if (size == 0) {
                    break;
                }
                for (int i = 0; i < size; i++) {
                    comparison.packet(batch.address(i), batch.capturedLength(i));
                }
            }
            if (reader.damage() != null) {
                damages.add(reader.damage().message());
            }
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }
}
