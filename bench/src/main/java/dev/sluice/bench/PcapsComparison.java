package dev.sluice.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * The command {@code bench/run pcaps}: {@code sluice bench} of every XDP program below {@code pcaps/programs} and {@code
 * pcaps/bench}, each in a JVM of its own, on captures of this project, on each engine, and which are slower than in the kernel.
 */
@Command(
        name = "bench/run pcaps",
        description =
                "Measures all programs of pcaps on each engine beside this machine's kernel, nanoseconds of CPU a packet.",
        mixinStandardHelpOptions = true)
public final class PcapsComparison implements Callable<Integer> {
    private static final List<String> USUAL = List.of(
            "generated/imix.pcap",
            "recorded/http.pcap",
            "recorded/ipv6.pcap",
            "recorded/vlan.pcap",
            "recorded/dns.pcap",
            "recorded/fragments.pcap",
            "recorded/ping.pcap",
            "generated/odd.pcap");

    /** A program that does something else with its own output has no ratio on all of these; there may be one on some. */
    private static final List<String> SIMPLE = List.of("generated/size-128.pcap");

    private static final List<String> SMALL = List.of("generated/size-64.pcap");
    private static final List<String> SERVICES = List.of("apps/services.pcap");

    /** What checks may multiply a program's time by. */
    private static final double MOST_CHECKED = 3;

    @Parameters(
            arity = "0..*",
            paramLabel = "WORD",
            description = "Only objects with one of these words in their paths.")
    private List<String> words = List.of();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "9",
            description = "As of sluice bench (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            defaultValue = "10",
            description = "As of sluice bench (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    @Option(
            names = {"-j", "--json"},
            description = "Print JSON: what sluice bench -j says of each program, and how many are slow.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create(); // picocli puts the real one here

    /**
     * A program to measure.
     *
     * @param maps entries, as {@code --map} takes them
     */
    record Job(Path object, String program, List<String> captures, List<String> maps) {}

    /**
     * What came of one.
     *
     * @param report what {@code sluice bench -j} wrote; empty where there is an error
     * @param fields its numbers, texts and truth values by path: {@code kernel.ns_per_packet}
     */
    record Outcome(Job job, String report, Map<String, String> fields, String error) {
        static Outcome of(Job job, String report) throws IOException {
            Map<String, String> fields = new HashMap<>();
            try (JsonParser parser = new JsonFactory().createParser(report)) {
                while (parser.nextToken() != null) {
                    if (parser.currentToken().isScalarValue() && parser.currentToken() != JsonToken.VALUE_NULL) {
                        String path = parser.getParsingContext().pathAsPointer().toString();
                        fields.put(path.substring(1).replace('/', '.'), parser.getText());
                    }
                }
            }
            return new Outcome(job, report, fields, "");
        }

        String text(String field) {
            return fields.getOrDefault(field, "");
        }

        boolean isRated() {
            return fields.containsKey("ratio");
        }

        /** NaN when there is none. */
        double number(String field) {
            return fields.containsKey(field) ? Double.parseDouble(text(field)) : Double.NaN;
        }

        double ratio() {
            return number("ratio");
        }

        double checkedToSluice() {
            return number("checked.to_sluice");
        }

        /** NaN as well where the kernel ran something else: then there is no ratio of any engine. */
        double interpreterToKernel() {
            return isRated() ? number("interpreter.ns_per_packet") / number("kernel.ns_per_packet") : Double.NaN;
        }
    }

    /**
     * All programs below a folder.
     *
     * @param pcaps the folder {@code pcaps}
     */
    static List<Job> jobs(Path pcaps) throws IOException {
        List<Job> jobs = new ArrayList<>();
        for (Path object : objects(pcaps)) {
            ObjectSpec spec;
            try {
                spec = ObjectSpec.read(object.toString(), Files.readAllBytes(object));
            } catch (ObjectException e) {
                continue; // a part of an object, which nobody can run
            }
            String folder = pcaps.relativize(object).getName(0).toString();
            boolean app = pcaps.relativize(object).startsWith("programs/apps");
            List<String> captures = folder.equals("bench") ? SMALL : app ? SERVICES : USUAL;
            for (ProgramSpec program : spec.xdpPrograms()) {
                // of a chain of tail calls the first
                if (!app || spec.xdpPrograms().size() == 1 || program.name().endsWith("_entry")) {
                    jobs.add(new Job(object, program.name(), captures, maps(object)));
                }
            }
        }
        return jobs;
    }

    private static List<Path> objects(Path pcaps) throws IOException {
        List<Path> objects = new ArrayList<>();
        for (String folder : List.of("bench", "programs")) {
            try (Stream<Path> files = Files.walk(pcaps.resolve(folder))) {
                files.filter(file -> file.toString().endsWith(".bpf.o")).forEach(objects::add);
            }
        }
        objects.sort(Comparator.naturalOrder());
        return objects;
    }

    /** What is in {@code maps/OBJECT.MAP.json} beside an object. */
    private static List<String> maps(Path object) throws IOException {
        Path folder = object.resolveSibling("maps");
        String prefix = object.getFileName().toString().replace(".bpf.o", ".");
        List<String> maps = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.sorted().toList()) {
                    String name = file.getFileName().toString();
                    if (name.startsWith(prefix) && name.endsWith(".json")) {
                        maps.add(name.substring(prefix.length(), name.length() - ".json".length()) + "=" + file);
                    }
                }
            }
        }
        return maps;
    }

    private Outcome measure(Path home, Job job) throws IOException, InterruptedException {
        Outcome outcome = measure(home, job, job.captures);
        if (!outcome.isRated() && job.captures.equals(USUAL) && outcome.error.isEmpty()) {
            Outcome other = measure(home, job, SIMPLE);
            return other.isRated() ? other : outcome;
        }
        return outcome;
    }

    private Outcome measure(Path home, Job job, List<String> captures) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(List.of(home.resolve("sluice").toString(), "bench", "-j"));
        line.add(job.object.toString());
        captures.forEach(capture ->
                line.add(home.resolve("pcaps/captures").resolve(capture).toString()));
        line.addAll(List.of("--prog", job.program, "--rounds", "" + rounds, "--warm-up", "" + warmUp));
        job.maps.forEach(map -> line.addAll(List.of("--map", map)));
        Path errors = Files.createTempFile("sluice", ".err");
        try {
            Process process =
                    new ProcessBuilder(line).redirectError(errors.toFile()).start();
            process.getOutputStream().close();
            String report = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            if (status == 0) {
                return Outcome.of(job, report);
            }
            String error = Files.readString(errors).lines().findFirst().orElse("exit code " + status);
            return new Outcome(job, "", Map.of(), error);
        } finally {
            Files.delete(errors);
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        BenchLine.requireBetween(spec, "--rounds", rounds, 1, Integer.MAX_VALUE);
        BenchLine.requireBetween(spec, "--warm-up", warmUp, 0, Integer.MAX_VALUE);
        Path home = Path.of(System.getProperty("sluice.home", "")).toAbsolutePath();
        List<Job> jobs = jobs(home.resolve("pcaps")).stream()
                .filter(job -> words.isEmpty()
                        || words.stream().anyMatch(home.relativize(job.object).toString()::contains))
                .toList();
        if (jobs.isEmpty()) {
            throw BenchLine.usage(spec, "no object of pcaps has this in its path: " + String.join(", ", words));
        }
        List<Outcome> outcomes = new ArrayList<>();
        for (Job job : jobs) {
            System.err.println(home.relativize(job.object) + " " + job.program);
            outcomes.add(measure(home, job));
        }
        if (json) {
            printJson(System.out, home, outcomes);
        } else {
            print(System.out, home, outcomes);
        }
        return 0;
    }

    private static long rated(List<Outcome> outcomes) {
        return outcomes.stream().filter(Outcome::isRated).count();
    }

    private static long above(List<Outcome> outcomes, ToDoubleFunction<Outcome> ratio, double most) {
        return outcomes.stream()
                .filter(outcome -> ratio.applyAsDouble(outcome) > most)
                .count();
    }

    private static String show(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, value < 100 ? "%.2f" : "%,.0f", value);
    }

    static void printJson(PrintStream out, Path home, List<Outcome> outcomes) throws IOException {
        JsonGenerator json = new JsonFactory().createGenerator(out).useDefaultPrettyPrinter();
        json.writeStartObject();
        json.writeArrayFieldStart("programs");
        for (Outcome outcome : outcomes) {
            json.writeStartObject();
            json.writeStringField("object", home.relativize(outcome.job.object).toString());
            json.writeStringField("program", outcome.job.program);
            if (outcome.error.isEmpty()) {
                json.writeFieldName("bench");
                json.writeRawValue(outcome.report.strip());
            } else {
                json.writeStringField("error", outcome.error);
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeNumberField("with_ratio", rated(outcomes));
        json.writeNumberField("above_one", above(outcomes, Outcome::ratio, 1));
        json.writeNumberField("checked_above_three", above(outcomes, Outcome::checkedToSluice, MOST_CHECKED));
        json.writeEndObject();
        json.flush();
        out.println();
    }

    /** The slowest beside the kernel first, those without a ratio last. */
    static void print(PrintStream out, Path home, List<Outcome> outcomes) {
        List<Outcome> sorted = new ArrayList<>(outcomes);
        // NaN is above all numbers
        sorted.sort(Comparator.comparing((Outcome outcome) -> !outcome.isRated())
                .thenComparing(Comparator.comparingDouble(Outcome::ratio).reversed()));
        String line = "%-46s %-20s %6s %9s %9s %9s %11s %9s %9s %11s  %s%n";
        out.printf(line, "", "", "", "", "", "", "", "sluice", "checked", "interpreter", "");
        out.printf(
                line,
                "object",
                "program",
                "insns",
                "sluice",
                "kernel",
                "checked",
                "interpreter",
                "to kernel",
                "to sluice",
                "to kernel",
                "");
        for (Outcome outcome : sorted) {
            String why =
                    outcome.error.isEmpty() ? outcome.text("ratio_reason") : outcome.error.replaceFirst("^Error: ", "");
            out.printf(
                    line,
                    home.relativize(outcome.job.object),
                    outcome.job.program,
                    outcome.text("instructions"),
                    show(outcome.number("sluice.ns_per_packet")),
                    show(outcome.number("kernel.ns_per_packet")),
                    show(outcome.number("checked.ns_per_packet")),
                    show(outcome.number("interpreter.ns_per_packet")),
                    show(outcome.ratio()),
                    show(outcome.checkedToSluice()),
                    show(outcome.interpreterToKernel()),
                    (outcome.text("warm_up.steady").equals("false") ? "not steady " : "") + why);
        }
        out.println(above(outcomes, Outcome::ratio, 1) + " of " + rated(outcomes)
                + " programs with a ratio are slower than in the kernel, " + (outcomes.size() - rated(outcomes))
                + " have no ratio; " + above(outcomes, Outcome::checkedToSluice, MOST_CHECKED)
                + " take more than three times as long with checks");
    }

    /** Arguments: see {@code bench/run pcaps --help}. */
    public static void main(String[] arguments) {
        System.exit(BenchLine.execute(new PcapsComparison(), arguments));
    }
}
