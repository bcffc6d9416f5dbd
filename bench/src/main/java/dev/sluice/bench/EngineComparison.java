package dev.sluice.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The command {@code bench/run engines}: {@code sluice bench} of many programs, each in a JVM of its own. */
@Command(
        name = "bench/run engines",
        description = {
            "What the programs of pcaps/ cost a packet on each engine and in the kernel: sluice bench of one program after the "
                    + "other, each in a JVM of its own, nanoseconds of CPU a packet.",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
public final class EngineComparison implements Callable<Integer> {
    private static final List<String> SIDES = List.of("sluice", "kernel", "checked", "interpreter");

    @Parameters(
            paramLabel = "PROGRAM",
            arity = "0..*",
            description = "Objects: their names below pcaps/programs, or paths (default: all of pcaps/programs).")
    private List<String> names = new ArrayList<>();

    @Option(
            names = {"-j", "--json"},
            description = "Print what sluice bench -j prints, a line a program.")
    private boolean json;

    @Option(
            names = "--capture",
            paramLabel = "FILE",
            description = "The packets (default: pcaps/captures/generated/imix.pcap).")
    private @Nullable Path capture;

    @Option(names = "--rounds", defaultValue = "9", description = "Measured rounds (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--warm-up",
            defaultValue = "10",
            description = "Seconds of a side's warm-up at most (default: ${DEFAULT-VALUE}).")
    private int warmUpSeconds;

    /** Starts the command. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new EngineComparison()).execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (!json) {
            System.out.printf(
                    "%-24s %9s %9s %9s %11s %9s %9s %11s%n",
                    "ns a packet", "sluice", "kernel", "checked", "interpreter", "sluice", "checked", "interpreter");
            System.out.printf("%-64s %9s %9s %11s%n", "", "to kernel", "to sluice", "to kernel");
        }
        boolean failed = false;
        for (Path object : objects()) {
            for (ProgramSpec program : ObjectSpec.read(object).xdpPrograms()) {
                failed |= !measure(object, program.name());
            }
        }
        return failed ? 1 : 0;
    }

    private List<Path> objects() throws IOException {
        Path folder = EngineBenchmark.pcaps().resolve("programs");
        if (names.isEmpty()) {
            try (Stream<Path> files = Files.list(folder)) {
                // the same programs for other versions of the instruction set
                return files.filter(file -> file.toString().endsWith(".bpf.o"))
                        .filter(file -> !file.toString().matches(".*-v\\d\\.bpf\\.o"))
                        .sorted()
                        .toList();
            }
        }
        return names.stream()
                .map(name -> name.endsWith(".o") ? Path.of(name) : folder.resolve(name + ".bpf.o"))
                .toList();
    }

    /** Whether there are figures. */
    private boolean measure(Path object, String program) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.sluice.cli.Main", "bench"));
        command.add(object.toString());
        command.add(String.valueOf(
                capture == null ? EngineBenchmark.pcaps().resolve("captures/generated/imix.pcap") : capture));
        command.addAll(List.of(
                "--prog",
                program,
                "-j",
                "--rounds",
                String.valueOf(rounds),
                "--warm-up",
                String.valueOf(warmUpSeconds)));
        Path errors = Files.createTempFile("sluice-engines", ".txt");
        try {
            Process process =
                    new ProcessBuilder(command).redirectError(errors.toFile()).start();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                System.err.println(object + ": program " + program + ": "
                        + Files.readString(errors).strip());
                return false;
            }
            print(out);
            return true;
        } finally {
            Files.delete(errors);
        }
    }

    private void print(String out) throws IOException {
        if (json) {
            System.out.println(out.strip());
            return;
        }
        Map<String, String> values = flatten(out);
        StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-24s", values.get("program")));
        for (String side : SIDES) {
            String pattern = side.equals("interpreter") ? " %11s" : " %9s";
            line.append(String.format(Locale.ROOT, pattern, number(values, side + ".ns_per_packet")));
        }
        String kernel = values.getOrDefault("ratio", "null");
        line.append(String.format(Locale.ROOT, " %9s", number(values, "ratio")));
        line.append(String.format(Locale.ROOT, " %9s", number(values, "checked.to_sluice")));
        boolean compared = !kernel.equals("null");
        line.append(String.format(
                Locale.ROOT,
                " %11s",
                compared
                        ? format(value(values, "interpreter.ns_per_packet") / value(values, "kernel.ns_per_packet"))
                        : "-"));
        System.out.println(line);
    }

    private static double value(Map<String, String> values, String name) {
        return Double.parseDouble(values.getOrDefault(name, "NaN"));
    }

    private static String number(Map<String, String> values, String name) {
        String text = values.getOrDefault(name, "null");
        return text.equals("null") ? "-" : format(Double.parseDouble(text));
    }

    private static String format(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%,.0f", value);
    }

    /** The members of a JSON object and of those in it, by their names with dots between them. */
    private static Map<String, String> flatten(String text) throws IOException {
        Map<String, String> values = new TreeMap<>();
        try (JsonParser parser = new JsonFactory().createParser(text)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token.isScalarValue()) {
                    String path = parser.getParsingContext().pathAsPointer().toString();
                    values.put(path.substring(1).replace('/', '.'), parser.getText());
                }
            }
        }
        return values;
    }
}
