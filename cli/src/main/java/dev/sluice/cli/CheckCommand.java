package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.btf.Btf;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.ObjectPlan;
import dev.sluice.kernel.Uapi;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.SectionName;
import dev.sluice.verifier.Explanation;
import dev.sluice.verifier.JobStream;
import dev.sluice.verifier.Verifier;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Who accepts the programs of an object, and who rejects them, and why. */
@Command(
        name = "check",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {"Verifies the programs of objects as Linux does. Nothing is attached or kept.", ""},
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all programs are accepted",
            "1:an object cannot be read",
            "3:the kernel cannot be asked (no permission for bpf(2)), or a verifier cannot say",
            "4:a program is rejected"
        })
final class CheckCommand implements Callable<Integer> {
    private static final Pattern PROCESSED = Pattern.compile(
            "(?m)^processed (\\d+) insns \\(limit \\d+\\) max_states_per_insn (\\d+) total_states (\\d+) peak_states (\\d+)");
    private static final Pattern STACK = Pattern.compile("(?m)^stack depth ([\\d+]+)");
    private static final Pattern MICROSECONDS = Pattern.compile("(?m)^verification time (\\d+) usec");
    private static final int SHOWN_LOG_LINES = 12;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(arity = "0..*", paramLabel = "OBJ", description = "Compiled objects (.bpf.o).")
    private List<Path> objects = List.of();

    @Option(
            names = "--prog",
            paramLabel = "NAME",
            description = "Only this program (default: all of the object). A program whose section does not say its "
                    + "type is taken for XDP.")
    private @Nullable String only;

    @Mixin
    private SpecOptions changes = new SpecOptions();

    @Option(
            names = "--xdpmeta-dev",
            description = "Verify programs as loaded for a device: only such programs may call "
                    + "bpf_xdp_metadata_rx_timestamp and the like.")
    private boolean deviceBound;

    @Option(names = "--kernel", description = "Ask this machine's kernel too; its answer decides the exit code.")
    private boolean askKernel;

    @Option(
            names = "--stream",
            description = "Read jobs from standard input, one a line: ID<TAB>raw<TAB>HEX or "
                    + "ID<TAB>object<TAB>PATH<TAB>PROGRAM. Answer each in order: ID<TAB>ACCEPT<TAB>INSNS, "
                    + "ID<TAB>REJECT<TAB>LAST LOG LINE or ID<TAB>UNSUPPORTED<TAB>WHY.")
    private boolean stream;

    @Option(
            names = "--time-limit",
            paramLabel = "SECONDS",
            description = "With --stream: answer UNSUPPORTED for a program that takes longer (default: 60).")
    private long timeLimit = 60;

    @Option(
            names = "--log-level",
            paramLabel = "0|1|2",
            description = "How much of the verifiers' logs to print: 0, the default, the end of the log of a program "
                    + "that is rejected; 1 the whole log of it; 2 every state of every instruction of all programs.")
    private int logLevel;

    @Mixin
    private JsonOptions json = new JsonOptions();

    /**
     * What a verifier said of a program.
     *
     * @param answer accepted, rejected, or that it cannot say
     * @param errno the error's name where the kernel rejected it; else empty
     * @param effort what it took
     * @param nanos how long it took
     * @param rejected what our verifier knows of a rejection; null of others
     */
    record Verdict(
            Answer answer,
            String errno,
            Effort effort,
            OptionalLong nanos,
            String log,
            dev.sluice.verifier.Verdict.@Nullable Rejected rejected) {
        Verdict(Answer answer, String errno, Effort effort, OptionalLong nanos, String log) {
            this(answer, errno, effort, nanos, log, null);
        }

        boolean accepted() {
            return answer == Answer.ACCEPTED;
        }
    }

    /**
     * How much work a verification was, as the last lines of the kernel's log say it; all of it or nothing is known.
     *
     * @param processed instructions that were looked at, along all paths
     * @param states put aside to compare others with
     * @param peak most of them at a time
     * @param mostAtOneInsn most of them at one instruction
     * @param stack the deepest stack of each function in bytes, as {@code 40+16}
     */
    record Effort(OptionalLong processed, long states, long peak, long mostAtOneInsn, String stack) {
        static final Effort NONE = new Effort(OptionalLong.empty(), 0, 0, 0, "");

        static Effort of(dev.sluice.verifier.Verdict.Statistics statistics) {
            return new Effort(
                    OptionalLong.of(statistics.processed()),
                    statistics.totalStates(),
                    statistics.peakStates(),
                    statistics.maxStatesPerInsn(),
                    statistics.stackBytes().stream().map(String::valueOf).collect(Collectors.joining("+")));
        }

        static Effort of(String log) {
            Matcher found = PROCESSED.matcher(log);
            if (!found.find()) {
                return NONE;
            }
            Matcher stack = STACK.matcher(log);
            return new Effort(
                    OptionalLong.of(Long.parseLong(found.group(1))),
                    Long.parseLong(found.group(3)),
                    Long.parseLong(found.group(4)),
                    Long.parseLong(found.group(2)),
                    stack.find() ? stack.group(1) : "");
        }

        boolean isKnown() {
            return processed.isPresent();
        }
    }

    /** What a verifier can say. */
    enum Answer {
        ACCEPTED,
        REJECTED,
        /** It meets what it does not know. */
        UNDECIDED,
        /** The program is of another type than XDP. */
        NOT_XDP
    }

    /** A program and what was said of it. */
    private record Row(ProgramSpec program, @Nullable Verdict kernel, Verdict sluice) {
        /** The verdict that counts: the kernel's where it was asked. */
        Verdict decisive() {
            return kernel == null ? sluice : kernel;
        }
    }

    @Override
    public Integer call() {
        if (logLevel < 0 || logLevel > 2) {
            throw new CommandFailure(ExitCode.USAGE, "--log-level: expected 0, 1 or 2, found " + logLevel, null);
        }
        if (stream) {
            return stream();
        }
        if (objects.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "missing OBJ");
        }
        Kernel kernel = askKernel ? KernelOptions.kernel("cannot ask the kernel") : null;
        Map<Path, List<Row>> checked = new LinkedHashMap<>();
        Map<Path, String> failures = new LinkedHashMap<>();
        for (Path object : objects) {
            try {
                checked.put(object, check(object, kernel));
            } catch (CommandFailure failure) {
                if (objects.size() == 1 || failure.exitCode() != ExitCode.FAILED) {
                    throw failure;
                }
                failures.put(object, String.valueOf(failure.getMessage())); // the others are looked at all the same
            }
        }
        if (json.wanted()) {
            json.print(System.out, generator -> write(kernel, checked, failures, generator));
        } else {
            print(kernel, checked, System.out);
        }
        System.out.flush();
        failures.values().forEach(failure -> System.err.println("Error: " + failure));
        int worst = failures.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        for (List<Row> rows : checked.values()) {
            for (Row row : rows) {
                switch (row.decisive().answer()) {
                    case ACCEPTED -> {}
                    case REJECTED -> worst = ExitCode.REJECTED;
                    case UNDECIDED -> worst = worst == ExitCode.OK ? ExitCode.ENVIRONMENT : worst;
                    case NOT_XDP -> {}
                }
            }
        }
        return worst;
    }

    private int stream() {
        Verifier verifier = Verifier.create().withTimeLimit(timeLimit * 1_000_000_000L);
        try {
            new JobStream(verifier, null)
                    .run(
                            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)),
                            new PrintWriter(System.out, false, StandardCharsets.UTF_8));
            return ExitCode.OK;
        } catch (IOException e) {
            throw new CommandFailure("standard input cannot be read: " + e.getMessage());
        }
    }

    private List<Row> check(Path object, @Nullable Kernel kernel) {
        if (kernel != null) {
            changes.refuseKernels("--kernel");
            if (deviceBound) {
                throw RunOptions.usage("--xdpmeta-dev: expected without --kernel, which is given no device");
            }
        }
        ObjectSpec read = changes.apply(object, ObjectOptions.read(object));
        List<ProgramSpec> all = programs(object, read);
        List<ProgramSpec> programs = all.stream().filter(this::isXdp).toList();
        if (programs.isEmpty()) {
            throw new CommandFailure(object + ": no XDP program, found "
                    + all.stream()
                            .map(program ->
                                    program.name() + " (" + typeName(program) + ", section " + program.section() + ")")
                            .collect(Collectors.joining(", ")));
        }
        ObjectSpec spec = kernel == null ? read : read.withKconfig(KernelLoader.kconfig(kernel));
        Map<String, Verdict> kernelVerdicts = kernel == null ? Map.of() : askKernel(object, kernel, spec, programs);
        int cpus = kernel == null ? Runtime.getRuntime().availableProcessors() : kernel.possibleCpus();
        Btf target = kernel == null ? changes.target() : KernelLoader.targetTypes(spec);
        List<Row> rows = new ArrayList<>();
        for (ProgramSpec program : all) {
            if (!isXdp(program)) {
                rows.add(new Row(
                        program,
                        null,
                        new Verdict(Answer.NOT_XDP, typeName(program), Effort.NONE, OptionalLong.empty(), "")));
                continue;
            }
            rows.add(new Row(
                    program,
                    kernelVerdicts.get(program.name()),
                    OwnVerifier.verdict(spec, program, target, cpus, deviceBound, logLevel)));
        }
        return rows;
    }

    /** A section that says another type counts, unless the user names the program. */
    private boolean isXdp(ProgramSpec program) {
        return program.isXdp()
                && (only != null || SectionName.otherType(program.section()).isEmpty());
    }

    private static String typeName(ProgramSpec program) {
        String other = SectionName.otherType(program.section());
        return other.isEmpty() ? program.type().type().name().toLowerCase(Locale.ROOT) : other;
    }

    private List<ProgramSpec> programs(Path object, ObjectSpec spec) {
        if (only != null) {
            return ObjectOptions.choose(object, spec, only);
        }
        return spec.programs().stream().map(ProgramSpec::asXdp).toList();
    }

    private Map<String, Verdict> askKernel(Path object, Kernel kernel, ObjectSpec spec, List<ProgramSpec> programs) {
        List<String> names = programs.stream().map(ProgramSpec::name).toList();
        ObjectPlan plan = KernelLoader.plan(kernel, spec, program -> names.contains(program.name()));
        Map<String, Verdict> verdicts = new LinkedHashMap<>();
        int level = logLevel == 2 ? Uapi.BPF_LOG_LEVEL2 : 0;
        try {
            ask(kernel, plan, level | Uapi.BPF_LOG_STATS, verdicts);
            if (level == 0 && verdicts.values().stream().anyMatch(verdict -> !verdict.accepted())) {
                // statistics alone do not say what is wrong
                Map<String, Verdict> withLog = new LinkedHashMap<>();
                ask(kernel, plan, Uapi.BPF_LOG_LEVEL1 | Uapi.BPF_LOG_STATS, withLog);
                verdicts.replaceAll((name, verdict) -> verdict.accepted() ? verdict : withLog.get(name));
            }
        } catch (BpfException e) {
            throw new CommandFailure(
                    ExitCode.FAILED, object + ": the kernel does not make its maps: " + e.getMessage(), e);
        }
        return verdicts;
    }

    private static void ask(Kernel kernel, ObjectPlan plan, int level, Map<String, Verdict> verdicts) {
        try (KernelObject loaded = KernelObject.load(kernel, plan, level)) {
            loaded.results().forEach((name, result) -> {
                OptionalLong micros = number(MICROSECONDS, result.log());
                OptionalLong nanos = micros.isPresent() ? OptionalLong.of(micros.getAsLong() * 1000) : micros;
                verdicts.put(
                        name,
                        switch (result) {
                            case LoadResult.Loaded accepted ->
                                new Verdict(Answer.ACCEPTED, "", Effort.of(result.log()), nanos, accepted.log());
                            case LoadResult.Rejected rejected ->
                                new Verdict(
                                        Answer.REJECTED,
                                        rejected.errnoName(),
                                        Effort.of(result.log()),
                                        nanos,
                                        rejected.log());
                        });
            });
        }
    }

    private static OptionalLong number(Pattern pattern, String log) {
        Matcher matcher = pattern.matcher(log);
        return matcher.find() ? OptionalLong.of(Long.parseLong(matcher.group(1))) : OptionalLong.empty();
    }

    // --- for people

    private void print(@Nullable Kernel kernel, Map<Path, List<Row>> checked, PrintStream out) {
        boolean several = objects.size() > 1;
        checked.forEach((object, rows) -> {
            if (several) {
                out.println(object + ":");
            }
            print(kernel, rows, out);
            if (several) {
                out.println();
            }
        });
    }

    private void print(@Nullable Kernel kernel, List<Row> rows, PrintStream out) {
        Table table = kernel == null
                ? new Table("program", "section", "sluice", "insns processed", "states", "peak", "stack", "time")
                : new Table(
                        "program",
                        "section",
                        kernel.toString(),
                        "insns processed",
                        "states",
                        "peak",
                        "stack",
                        "time",
                        "sluice");
        for (Row row : rows) {
            Verdict decisive = row.decisive();
            List<String> cells = new ArrayList<>(List.of(
                    row.program().name(),
                    row.program().section(),
                    text(decisive),
                    decisive.effort().isKnown()
                            ? Quantity.count(decisive.effort().processed().getAsLong())
                            : "",
                    decisive.effort().isKnown()
                            ? Quantity.count(decisive.effort().states())
                            : "",
                    decisive.effort().isKnown()
                            ? Quantity.count(decisive.effort().peak())
                            : "",
                    decisive.effort().stack(),
                    decisive.nanos().isPresent()
                            ? Quantity.duration(decisive.nanos().getAsLong())
                            : ""));
            if (kernel != null) {
                cells.add(text(row.sluice()));
            }
            table.row(cells.toArray(String[]::new));
        }
        table.print(out);
        for (Row row : rows) {
            if (kernel != null && row.kernel() != null) {
                printLog(kernel.toString(), row.program(), row.kernel(), out);
            }
            printLog("sluice", row.program(), row.sluice(), out);
        }
    }

    private static String text(Verdict verdict) {
        return verdict.answer()
                        .name()
                        .toLowerCase(Locale.ROOT)
                        .replace('_', ' ')
                        .replace("xdp", "XDP")
                + (verdict.errno().isEmpty() ? "" : ", " + verdict.errno());
    }

    private void printLog(String who, ProgramSpec program, Verdict verdict, PrintStream out) {
        List<String> lines = verdict.log().lines().toList();
        if (lines.isEmpty() || verdict.accepted() && logLevel < 2) {
            return;
        }
        List<String> shown =
                logLevel == 0 ? lines.subList(Math.max(0, lines.size() - SHOWN_LOG_LINES), lines.size()) : lines;
        out.println();
        out.println(program.name() + ": " + who + " "
                + switch (verdict.answer()) {
                    case ACCEPTED -> "accepts it";
                    case REJECTED -> "rejects it";
                    case UNDECIDED -> "cannot say";
                    case NOT_XDP -> "does not look at it";
                });
        if (shown.size() < lines.size()) {
            out.println("  … " + Quantity.count(lines.size() - shown.size()) + " lines, see --log-level 1");
        }
        shown.forEach(line -> out.println("  " + line));
    }

    // --- for programs

    /** One object as an object, several as an array of them. */
    private void write(
            @Nullable Kernel kernel, Map<Path, List<Row>> checked, Map<Path, String> failures, JsonGenerator json)
            throws IOException {
        if (objects.size() > 1) {
            json.writeStartArray();
        }
        for (Map.Entry<Path, List<Row>> entry : checked.entrySet()) {
            write(entry.getKey(), kernel, entry.getValue(), json);
        }
        for (Map.Entry<Path, String> failure : failures.entrySet()) {
            json.writeStartObject();
            json.writeStringField("object", failure.getKey().toString());
            json.writeStringField("error", failure.getValue());
            json.writeEndObject();
        }
        if (objects.size() > 1) {
            json.writeEndArray();
        }
    }

    private static void write(Path object, @Nullable Kernel kernel, List<Row> rows, JsonGenerator json)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("object", object.toString());
        if (kernel != null) {
            json.writeStringField("kernel", kernel.release());
        }
        json.writeArrayFieldStart("programs");
        for (Row row : rows) {
            json.writeStartObject();
            json.writeStringField("name", row.program().name());
            json.writeStringField("section", row.program().section());
            if (row.kernel() != null) {
                json.writeFieldName("kernel");
                write(row.kernel(), json);
            }
            json.writeFieldName("sluice");
            write(row.sluice(), json);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /** The last line of the log, why, the way there and what usually helps, which are in the log as well. */
    private static void writeReason(dev.sluice.verifier.Verdict.Rejected rejected, JsonGenerator json)
            throws IOException {
        json.writeStringField("message", rejected.message());
        Optional<Explanation> explanation = Explanation.of(rejected);
        if (explanation.isPresent()) {
            json.writeStringField("why", explanation.get().why());
        }
        json.writeArrayFieldStart("path");
        for (dev.sluice.verifier.Verdict.Step step : rejected.path()) {
            json.writeString(step.toString());
        }
        json.writeEndArray();
        if (explanation.isPresent()) {
            json.writeStringField("fix", explanation.get().fix());
        }
    }

    private static void write(Verdict verdict, JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeBooleanField("accepted", verdict.accepted());
        if (verdict.answer() == Answer.UNDECIDED) {
            json.writeBooleanField("undecided", true);
        }
        if (!verdict.errno().isEmpty()) {
            json.writeStringField("errno", verdict.errno());
        }
        if (verdict.answer() == Answer.NOT_XDP) {
            json.writeBooleanField("not_xdp", true);
        }
        if (verdict.effort().isKnown()) {
            json.writeNumberField(
                    "processed_insns", verdict.effort().processed().getAsLong());
            json.writeNumberField("total_states", verdict.effort().states());
            json.writeNumberField("peak_states", verdict.effort().peak());
            json.writeNumberField("max_states_per_insn", verdict.effort().mostAtOneInsn());
            json.writeStringField("stack_depth", verdict.effort().stack());
        }
        if (verdict.nanos().isPresent()) {
            json.writeNumberField("verification_ns", verdict.nanos().getAsLong());
        }
        if (verdict.rejected() != null) {
            writeReason(verdict.rejected(), json);
        }
        json.writeStringField("log", verdict.log());
        json.writeEndObject();
    }
}
