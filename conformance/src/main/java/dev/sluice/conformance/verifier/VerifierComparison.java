package dev.sluice.conformance.verifier;

import dev.sluice.conformance.fuzz.ProgramGenerator;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.ObjectPlan;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The command that compares verifiers: {@code fuzz FROM COUNT} and {@code mutated FROM COUNT} take programs made from
 * seeds, {@code objects DIRECTORY} takes compiled ones, {@code object-logs DIRECTORY} compares their whole logs line by line, {@code mutated-objects DIRECTORY FROM COUNT} as many variants of
 * each of those, {@code cases} the written ones, {@code record FILE} writes down
 * what this machine's kernel says of those, {@code record-objects DIRECTORY} what it says of each program of compiled ones,
 * beside them. Prints the confusion matrix; needs {@code bpf(2)}.
 */
public final class VerifierComparison {
    private static final int ROUNDS = 5;
    private static final int MOST_ROUNDS = 500;

    /** How long short programs are repeated, so that the JIT has compiled what they need. */
    private static final long WARM_NANOS = 3_000_000_000L;

    /** Logs of programs that take more instructions than this to verify are long, and say nothing new. */
    private static final int MOST_LOGGED = 10_000;

    /** Below this, loading maps takes longer than verifying. */
    private static final int SPEED_PROCESSED = 2000;

    private final Kernel kernel;
    private final Verifier verifier;
    private final ConfusionMatrix matrix = new ConfusionMatrix();

    VerifierComparison(Kernel kernel) {
        this.kernel = kernel;
        this.verifier = Verifier.create().withCpus(kernel.possibleCpus());
    }

    ConfusionMatrix matrix() {
        return matrix;
    }

    private static final String USAGE = """
            fuzz|mutated|random|random-mutated|logs SEED COUNT
                   objects|object-logs|speed DIRECTORY
                   mutated-objects DIRECTORY SEED COUNT
                   cases
                   record FILE
                   record-objects DIRECTORY""";

    /** How many words follow each command: a folder or file first, then numbers. */
    private static final Map<String, Integer> ARGUMENTS = Map.ofEntries(
            Map.entry("fuzz", 2),
            Map.entry("mutated", 2),
            Map.entry("random", 2),
            Map.entry("random-mutated", 2),
            Map.entry("logs", 2),
            Map.entry("objects", 1),
            Map.entry("object-logs", 1),
            Map.entry("speed", 1),
            Map.entry("mutated-objects", 3),
            Map.entry("cases", 0),
            Map.entry("record", 1),
            Map.entry("record-objects", 1));

    private static final int USAGE_ERROR = 2;
    private static final int ENVIRONMENT = 3;

    /** Whether the last two of two or three arguments are numbers. */
    private static boolean numbersAreNumbers(String[] args) {
        return args.length < 3
                || Stream.of(args).skip(args.length - 2L).allMatch(number -> number.matches("[0-9]{1,9}"));
    }

    public static void main(String[] args) throws IOException {
        if (args.length == 0 || args.length - 1 != ARGUMENTS.getOrDefault(args[0], -1) || !numbersAreNumbers(args)) {
            System.err.println("usage: " + USAGE);
            System.exit(USAGE_ERROR);
        }
        KernelAccess access = Kernel.open();
        if (!(access instanceof KernelAccess.Available available)) {
            System.err.println(((KernelAccess.Unavailable) access).reason());
            System.exit(ENVIRONMENT);
            return;
        }
        Kernel kernel = available.kernel();
        VerifierComparison comparison = new VerifierComparison(kernel);
        switch (args[0]) {
            case "fuzz" -> comparison.fuzz(Long.parseLong(args[1]), Integer.parseInt(args[2]), false);
            case "random" -> comparison.random(Long.parseLong(args[1]), Integer.parseInt(args[2]), false);
            case "logs" -> print("random", comparison.logs(Long.parseLong(args[1]), Integer.parseInt(args[2])));
            case "random-mutated" -> comparison.random(Long.parseLong(args[1]), Integer.parseInt(args[2]), true);
            case "mutated" -> comparison.fuzz(Long.parseLong(args[1]), Integer.parseInt(args[2]), true);
            case "objects" -> comparison.objects(Path.of(args[1]));
            case "mutated-objects" ->
                comparison.mutatedObjects(Path.of(args[1]), Long.parseLong(args[2]), Integer.parseInt(args[3]));
            case "object-logs" -> {
                print("level 1", comparison.objectLogs(Path.of(args[1]), 1));
                print("level 2", comparison.objectLogs(Path.of(args[1]), 2));
            }
            case "speed" -> comparison.speed(Path.of(args[1]));
            case "cases" -> comparison.cases();
            case "record" -> comparison.record(Path.of(args[1]));
            case "record-objects" -> comparison.recordObjects(Path.of(args[1]));
            default -> throw new AssertionError(args[0]);
        }
        if (!args[0].endsWith("logs")) {
            comparison.matrix.differences().forEach(System.out::println);
            System.out.print(comparison.matrix);
        }
    }

    /** Ours of bare instructions. */
    static Bed.Answer ours(Verifier verifier, byte[] insns) {
        return answer(verifier.verify(Subject.of(insns, Bed.known())));
    }

    static Bed.Answer answer(Verdict verdict) {
        int processed = verdict.statistics().processed();
        return switch (verdict) {
            case Verdict.Verified verified -> new Bed.Answer(true, false, processed, "");
            case Verdict.Rejected rejected ->
                new Bed.Answer(false, false, processed, rejected.message().strip());
            case Verdict.Unsupported unsupported -> new Bed.Answer(false, true, processed, unsupported.why());
        };
    }

    void fuzz(long from, int count, boolean mutate) {
        List<KernelMap> maps = Bed.create(kernel);
        try {
            for (long seed = from; seed < from + count; seed++) {
                byte[] insns = ProgramGenerator.generate(seed).toBytes();
                if (mutate) {
                    insns = Mutation.of(insns, seed);
                }
                matrix.add("seed " + seed, Bed.ask(kernel, insns, maps), ours(verifier, insns));
            }
        } finally {
            maps.forEach(KernelMap::close);
        }
    }

    void random(long from, int count, boolean mutate) {
        List<KernelMap> maps = Bed.create(kernel);
        try {
            for (long seed = from; seed < from + count; seed++) {
                byte[] insns = RandomCases.of(seed);
                if (mutate) {
                    insns = Mutation.of(insns, seed);
                }
                matrix.add("seed " + seed, Bed.ask(kernel, insns, maps), ours(verifier, insns));
            }
        } finally {
            maps.forEach(KernelMap::close);
        }
    }

    /** The whole log at level 2 of random programs: every state on the way. */
    LogComparison logs(long from, int count) {
        LogComparison logs = new LogComparison();
        Verifier detailed = verifier.withLogLevel(2);
        List<KernelMap> maps = Bed.create(kernel);
        try {
            for (long seed = from; seed < from + count; seed++) {
                byte[] insns = RandomCases.of(seed);
                Verdict verdict = detailed.verify(Subject.of(insns, Bed.known()));
                if (verdict.statistics().processed() <= MOST_LOGGED) {
                    logs.add("seed " + seed, Bed.log(kernel, insns, maps, 2), verdict.log());
                }
            }
        } finally {
            maps.forEach(KernelMap::close);
        }
        return logs;
    }

    private static void print(String what, LogComparison logs) {
        logs.differences().forEach(text -> System.out.println(what + ": " + text));
        System.out.println(what + ": " + logs);
    }

    /** Whole logs of the programs of compiled objects. */
    LogComparison objectLogs(Path directory, int level) throws IOException {
        LogComparison logs = new LogComparison();
        for (Path file : objectsIn(directory)) {
            try {
                objectLogs(file, level, logs);
            } catch (ObjectException | BpfException | IllegalArgumentException e) {
                System.out.println("not compared: " + e.getMessage());
            }
        }
        return logs;
    }

    /** Adds the logs of all programs of an object that either verifier decides. */
    private void objectLogs(Path file, int level, LogComparison logs) throws IOException {
        ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file))
                .withKconfig(KernelLoader.kconfig(kernel));
        ObjectPlan plan = KernelLoader.plan(kernel, object);
        for (ObjectPlan.ProgramPlan program : plan.programs()) {
            ProgramSpec spec = object.program(program.name()).orElseThrow();
            if (!spec.asXdp().isXdp()) {
                continue;
            }
            Verdict verdict =
                    verifier.withLogLevel(level).verify(Subjects.of(object, spec, KernelLoader.targetTypes(object)));
            if (verdict instanceof Verdict.Unsupported || verdict.statistics().processed() > MOST_LOGGED) {
                continue;
            }
            try (KernelObject loaded = KernelObject.load(kernel, only(plan, program), level)) {
                logs.add(
                        file.getFileName() + " " + program.name(),
                        loaded.result(program.name()).log(),
                        verdict.log());
            }
        }
    }

    private static List<Path> objectsIn(Path directory) throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            return found.filter(file -> file.toString().endsWith(".o")).sorted().toList();
        }
    }

    void objects(Path directory) throws IOException {
        for (Path file : objectsIn(directory)) {
            try {
                object(file);
            } catch (ObjectException | BpfException | IllegalArgumentException e) {
                System.out.println("not compared: " + e.getMessage());
            }
        }
    }

    /** Instructions processed a second of CPU time, in turns with the kernel, warm: the best of a few rounds. */
    void speed(Path directory) throws IOException {
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        System.out.printf("%-40s %10s %12s %12s %8s%n", "program", "processed", "sluice/s", "Linux/s", "ratio");
        for (Path file : objectsIn(directory)) {
            ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file))
                    .withKconfig(KernelLoader.kconfig(kernel));
            ObjectPlan plan = KernelLoader.plan(kernel, object);
            for (ObjectPlan.ProgramPlan program : plan.programs()) {
                ObjectPlan one = only(plan, program);
                Subject subject = Subjects.of(
                        object, object.program(program.name()).orElseThrow(), KernelLoader.targetTypes(object));
                long theirs = Long.MAX_VALUE;
                long ours = Long.MAX_VALUE;
                int processed = 0;
                long until = clock.getCurrentThreadCpuTime() + WARM_NANOS;
                for (int round = 0;
                        round < ROUNDS || round < MOST_ROUNDS && clock.getCurrentThreadCpuTime() < until;
                        round++) {
                    long start = clock.getCurrentThreadCpuTime();
                    KernelObject.load(kernel, one, 0).close();
                    theirs = Math.min(theirs, clock.getCurrentThreadCpuTime() - start);
                    start = clock.getCurrentThreadCpuTime();
                    processed = verifier.verify(subject).statistics().processed();
                    ours = Math.min(ours, clock.getCurrentThreadCpuTime() - start);
                }
                if (processed >= SPEED_PROCESSED) {
                    System.out.printf(
                            "%-40s %10d %12.0f %12.0f %8.2f%n",
                            file.getFileName() + " " + program.name(),
                            processed,
                            processed * 1e9 / ours,
                            processed * 1e9 / theirs,
                            (double) theirs / ours);
                }
            }
        }
    }

    private void object(Path file) throws IOException {
        ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file))
                .withKconfig(KernelLoader.kconfig(kernel));
        try (KernelObject loaded = KernelLoader.load(kernel, object, 1)) {
            for (ProgramSpec program : object.programs()) {
                if (!program.asXdp().isXdp()) {
                    continue;
                }
                Subject subject;
                try {
                    subject = Subjects.of(object, program, KernelLoader.targetTypes(object));
                } catch (ObjectException e) {
                    continue; // neither side gets to see it
                }
                matrix.add(
                        file.getFileName() + " " + program.name(),
                        Bed.Answer.of(loaded.result(program.name())),
                        answer(verifier.verify(subject)));
            }
        }
    }

    /** Beside each object a file of what the kernel says of its programs, in their order. */
    private void recordObjects(Path directory) throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            for (Path file : found.filter(file -> file.toString().endsWith(".bpf.o"))
                    .sorted()
                    .toList()) {
                ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file));
                StringBuilder text = new StringBuilder();
                try (KernelObject loaded = KernelLoader.load(kernel, object, 1)) {
                    for (ProgramSpec program : object.programs()) {
                        Bed.Answer answer = Bed.Answer.of(loaded.result(program.name()));
                        text.append(program.name())
                                .append('\t')
                                .append(RecordedCases.text(answer))
                                .append('\n');
                    }
                }
                Files.writeString(RecordedCases.beside(file), text);
            }
        }
    }

    void mutatedObjects(Path directory, long from, int count) throws IOException {
        for (Path file : objectsIn(directory)) {
            mutatedObject(file, from, count);
        }
    }

    @SuppressWarnings(
            "NullAway") // an object without types: the plan takes null, which NullAway does not see for arrays
    private void mutatedObject(Path file, long from, int count) throws IOException {
        ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file))
                .withKconfig(KernelLoader.kconfig(kernel));
        ObjectPlan plan = KernelLoader.plan(kernel, object);
        List<ObjectPlan.ProgramPlan> variants = new ArrayList<>();
        Map<String, Subject> subjects = new HashMap<>();
        for (ObjectPlan.ProgramPlan program : plan.programs()) {
            if (!object.program(program.name()).orElseThrow().asXdp().isXdp()) {
                continue;
            }
            Subject subject =
                    Subjects.of(object, object.program(program.name()).orElseThrow(), KernelLoader.targetTypes(object));
            for (long seed = from; seed < from + count; seed++) {
                byte[] theirs = Mutation.of(program.instructions(), seed);
                byte[] ours = theirs.clone();
                for (ObjectPlan.MapReference reference : program.mapReferences()) {
                    int at = 8 * reference.slot();
                    System.arraycopy(program.instructions(), at, theirs, at, 16);
                    System.arraycopy(subject.insns(), at, ours, at, 16);
                }
                withoutStrayMaps(theirs, program);
                withoutStrayMaps(ours, program);
                String name = program.name() + " seed " + seed;
                variants.add(new ObjectPlan.ProgramPlan(
                        name,
                        program.type(),
                        program.expectedAttachType(),
                        program.flags(),
                        theirs,
                        program.mapReferences(),
                        program.funcInfo(),
                        program.lineInfo()));
                subjects.put(name, subject.withInsns(ours));
            }
        }
        ObjectPlan changed =
                new ObjectPlan(plan.name(), plan.btf(), plan.license(), withoutPrograms(plan), variants, List.of());
        try (KernelObject loaded = KernelObject.load(kernel, changed, 1)) {
            subjects.forEach((name, subject) -> matrix.add(
                    file.getFileName() + " " + name,
                    Bed.Answer.of(loaded.result(name)),
                    answer(verifier.verify(subject))));
        }
    }

    /** A map's {@code lddw} that a change has copied to another place means no map on either side. */
    private static void withoutStrayMaps(byte[] insns, ObjectPlan.ProgramPlan program) {
        Set<Integer> known = program.mapReferences().stream()
                .map(ObjectPlan.MapReference::slot)
                .collect(Collectors.toSet());
        for (int slot = 0; 8 * slot < insns.length; slot++) {
            int at = 8 * slot;
            int pseudo = insns[at + 1] >> 4 & 0xf;
            if (insns[at] == 0x18 && (pseudo == 1 || pseudo == 2) && !known.contains(slot)) {
                Arrays.fill(insns, at + 4, at + 8, (byte) -1);
            }
        }
    }

    /** A program by itself. */
    @SuppressWarnings(
            "NullAway") // an object without types: the plan takes null, which NullAway does not see for arrays
    private static ObjectPlan only(ObjectPlan plan, ObjectPlan.ProgramPlan program) {
        return new ObjectPlan(
                plan.name(), plan.btf(), plan.license(), withoutPrograms(plan), List.of(program), List.of());
    }

    /** The maps, without the programs that would be put into them. */
    private static List<ObjectPlan.MapPlan> withoutPrograms(ObjectPlan plan) {
        return plan.maps().stream()
                .map(map -> new ObjectPlan.MapPlan(
                        map.attributes(),
                        map.btfKeyTypeId(),
                        map.btfValueTypeId(),
                        map.inner(),
                        map.values(),
                        map.mapSlots(),
                        List.of(),
                        map.frozen(),
                        map.bound()))
                .toList();
    }

    void cases() {
        Map<String, byte[]> cases = CaseFamilies.all();
        List<KernelMap> maps = Bed.create(kernel);
        try {
            cases.forEach((name, insns) -> matrix.add(name, Bed.ask(kernel, insns, maps), ours(verifier, insns)));
        } finally {
            maps.forEach(KernelMap::close);
        }
    }

    private void record(Path file) throws IOException {
        Map<String, String> lines = new TreeMap<>();
        List<KernelMap> maps = Bed.create(kernel);
        try {
            CaseFamilies.all().forEach((name, insns) -> {
                Bed.Answer answer = Bed.ask(kernel, insns, maps);
                lines.put(name, RecordedCases.text(answer));
            });
        } finally {
            maps.forEach(KernelMap::close);
        }
        StringBuilder text = new StringBuilder();
        lines.forEach(
                (name, answer) -> text.append(name).append('\t').append(answer).append('\n'));
        Files.writeString(file, text);
    }
}
