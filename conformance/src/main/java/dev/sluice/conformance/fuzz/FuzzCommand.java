package dev.sluice.conformance.fuzz;

import dev.sluice.Engines;
import dev.sluice.exec.Engine;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Form;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.jit.JitEngine;
import dev.sluice.kernel.CpuPin;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./sluice-fuzz}: random programs on every engine and in the kernel, until a time or a number is reached. */
@Command(
        name = "sluice-fuzz",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Runs random XDP programs in the kernel and on every engine, and reports the first differences. "
                + "Exit code 0: none; 1: some; 3: the kernel can't be used (engines are compared all the same).")
public final class FuzzCommand implements Callable<Integer> {
    /** Forms that no XDP program may use: the kernel's verifier refuses them. */
    private static final List<Form> REFUSED_BY_KERNEL = List.of(Form.LD_ABS, Form.LD_IND, Form.CALLX, Form.CALL_KFUNC);

    private static final int INPUTS = 8;

    /** Of so many programs one is cut into small methods. */
    private static final int CUT_EVERY = 3;

    private static final int CUT_BYTES = 600;

    /** How long a finding may be shrunk. */
    private static final long SHRINK_NANOS = 30_000_000_000L;

    @Option(names = "--seed", paramLabel = "N", description = "Of the first program; the next has N + 1 (default: 1).")
    private long firstSeed = 1;

    @Option(names = "--count", paramLabel = "N", description = "Programs to run (default: no limit).")
    private long count = Long.MAX_VALUE;

    @Option(names = "--seconds", paramLabel = "N", description = "Seconds to run (default: 60 if no --count is given).")
    private long seconds;

    @Option(names = "--threads", paramLabel = "N", description = "Programs at a time (default: one a CPU).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--hot-every",
            paramLabel = "N",
            description =
                    "Of N programs, run one until C2 has compiled it, and compare again (default: 200; 0: never).")
    private int hotEvery = 200;

    @Option(
            names = "--hot-runs",
            paramLabel = "N",
            description = "Packets that make a program hot (default: 40000; with -Xbatch C2 has compiled it by then).")
    private int hotRuns = 40_000;

    @Option(names = "--step", paramLabel = "N", description = "From one seed to the next (default: 1).")
    private long step = 1;

    @Option(names = "--save", paramLabel = "DIR", description = "Where findings go (default: findings).")
    private Path findings = Path.of("findings");

    @Option(names = "--stop-after", paramLabel = "N", description = "Stop after N findings (default: 10).")
    private int stopAfter = 10;

    @Option(
            names = "--mutants",
            description =
                    "Instead: give the interpreter one mistake after the other, each operation taken for another, "
                            + "and say after how many programs and seconds the kernel (or else the right interpreter) shows it.")
    private boolean mutants;

    @Option(
            names = "--spoilt",
            description =
                    "Instead: change some instructions of each program, so that no verifier takes it, and run it on the "
                            + "engines that check; they must find the same faults and leave the same memory.")
    private boolean spoilt;

    private final AtomicLong next = new AtomicLong();
    private final AtomicLong found = new AtomicLong();
    private long deadline;

    /** Runs the command. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new FuzzCommand()).execute(args));
    }

    /** What one thread did. */
    private static final class Tally {
        final Coverage coverage = new Coverage();
        final Map<String, Integer> refusals = new TreeMap<>();
        long same;
        long hot;
        long different;
    }

    @Override
    public Integer call() throws InterruptedException, ExecutionException {
        if (seconds == 0 && count == Long.MAX_VALUE) {
            seconds = 60;
        }
        deadline = seconds == 0 ? Long.MAX_VALUE : System.nanoTime() + seconds * 1_000_000_000L;
        KernelAccess access = Kernel.open();
        if (mutants) {
            return MutationRun.run(access, firstSeed, seconds == 0 ? 60 : seconds, INPUTS, System.out::println);
        }
        long start = System.nanoTime();
        if (spoilt) {
            try (SpoiltRun run = new SpoiltRun()) {
                SpoiltRun.Tally tally = run.run(firstSeed, count, deadline, stopAfter, System.out::println);
                System.out.printf(
                        Locale.ROOT,
                        "spoilt programs %,d, %,d of them with a fault, %,d different, %.1f s%n",
                        tally.programs(),
                        tally.faulted(),
                        tally.different(),
                        (System.nanoTime() - start) / 1e9);
                return tally.different() > 0 ? 1 : 0;
            }
        }
        Tally total = new Tally();
        int c2Classes;
        try (C2Watch watch = new C2Watch("dev.sluice.jited.fuzz_");
                ExecutorService workers = Executors.newFixedThreadPool(threads)) {
            List<Future<Tally>> running = new ArrayList<>();
            for (int cpu = 0; cpu < threads; cpu++) {
                int own = cpu;
                running.add(workers.submit(() -> work(access, own)));
            }
            for (Future<Tally> worker : running) {
                Tally tally = worker.get();
                total.coverage.merge(tally.coverage);
                tally.refusals.forEach((why, times) -> total.refusals.merge(why, times, Integer::sum));
                total.same += tally.same;
                total.hot += tally.hot;
                total.different += tally.different;
            }
            c2Classes = watch.classes();
        }
        report(access, total, c2Classes, System.nanoTime() - start);
        return total.different > 0 ? 1 : access instanceof KernelAccess.Available ? 0 : 3;
    }

    private Tally work(KernelAccess access, int cpu) throws IOException {
        Tally tally = new Tally();
        Kernel kernel = access instanceof KernelAccess.Available(Kernel available) ? available : null;
        try (CpuPin pin = kernel == null ? null : CpuPin.to(cpu);
                Bench bench = new Bench(kernel, cpu, tally.coverage)) {
            long index = next.getAndIncrement();
            while (index < count && System.nanoTime() < deadline && found.get() < stopAfter) {
                one(bench, firstSeed + index * step, hotEvery > 0 && index % hotEvery == 0, tally);
                index = next.getAndIncrement();
            }
        }
        return tally;
    }

    private void one(Bench bench, long seed, boolean hot, Tally tally) throws IOException {
        Code code = ProgramGenerator.generate(seed);
        Inputs inputs = Inputs.of(seed, INPUTS);
        tally.coverage.begin();
        Comparison all = seed % CUT_EVERY == 0 ? bench.cut : bench.whole;
        Comparison.Outcome outcome = all.compare(code, inputs);
        if (outcome instanceof Comparison.Outcome.Same) {
            tally.coverage.end(INPUTS);
            if (hot) {
                heat(all, inputs, hotRuns);
                outcome = all.rerun(code, inputs);
                tally.hot++;
            }
        }
        switch (outcome) {
            case Comparison.Outcome.Same() -> tally.same++;
            case Comparison.Outcome.Refused(String why) -> tally.refusals.merge(why, 1, Integer::sum);
            case Comparison.Outcome.Different(String how) -> {
                tally.different++;
                found.incrementAndGet();
                finding(bench, all, seed, code, inputs, how);
            }
        }
    }

    /** Runs compiled code often enough for HotSpot to compile it too. */
    private static void heat(Comparison all, Inputs inputs, int runs) {
        for (Side side : all.sides()) {
            if (side instanceof EngineSide && !side.name().equals("interpreter")) {
                for (int i = 0; i < runs; i++) {
                    side.run(inputs.packets().get(i % inputs.packets().size()));
                }
            }
        }
    }

    private void finding(Bench bench, Comparison all, long seed, Code code, Inputs inputs, String how)
            throws IOException {
        bench.watch(null); // smaller programs are none of the coverage's
        System.out.println("seed " + seed + ": " + how + "; shrinking");
        // a program that has lost the end of its loop keeps the verifier busy for seconds
        long until = System.nanoTime() + SHRINK_NANOS;
        Code small = Shrinker.shrink(
                code,
                smaller -> System.nanoTime() < until
                        && all.compare(smaller, inputs) instanceof Comparison.Outcome.Different);
        String smallest =
                all.compare(small, inputs) instanceof Comparison.Outcome.Different(String which) ? which : how;
        String text = "// seed " + seed + ": " + smallest + "\n// the whole program: " + how + "\n"
                + new Disassembler(Syntax.CLANG, Symbols.NONE).text(small);
        Files.createDirectories(findings);
        Path file = findings.resolve("seed-" + seed + ".s");
        Files.writeString(file, text);
        bench.watch(bench.coverage);
        synchronized (System.out) {
            System.out.println(text);
            System.out.println("saved as " + file + "; again: ./sluice-fuzz --seed " + seed + " --count 1");
        }
    }

    private void report(KernelAccess access, Tally total, int c2Classes, long nanos) {
        String against = access instanceof KernelAccess.Available(Kernel kernel)
                ? "Linux " + kernel.release()
                : "no kernel: " + ((KernelAccess.Unavailable) access).reason();
        Opcode rarest = null;
        for (Opcode opcode : Opcode.values()) {
            boolean possible = !REFUSED_BY_KERNEL.contains(opcode.form());
            if (possible
                    && (rarest == null || total.coverage.programsWith(opcode) < total.coverage.programsWith(rarest))) {
                rarest = opcode;
            }
        }
        int refused =
                total.refusals.values().stream().mapToInt(Integer::intValue).sum();
        String engines =
                String.join(", ", Bench.engines().stream().map(Engine::name).toList());
        System.out.printf(
                Locale.ROOT,
                """
                compared      %s; %s
                seeds         %d to %d, step %d
                programs      %,d alike, %,d different, %,d refused by the kernel's verifier %s
                inputs        %d a program
                executed      %d instructions a packet in the median program
                rarest        %s, executed in %,d programs (without %s, which XDP may not use)
                hot           %,d programs compared again after %,d more packets; C2 compiled %,d of them
                cut           every %drd seed on both JITs in methods of %d bytes
                time          %.1f s, %.0f programs a second
                """,
                engines,
                against,
                firstSeed,
                firstSeed + (total.same + total.different + refused - 1) * step,
                step,
                total.same,
                total.different,
                refused,
                total.refusals.isEmpty() ? "" : total.refusals,
                INPUTS,
                total.coverage.medianLength(),
                rarest,
                rarest == null ? 0 : total.coverage.programsWith(rarest),
                REFUSED_BY_KERNEL,
                total.hot,
                hotRuns,
                c2Classes,
                CUT_EVERY,
                CUT_BYTES,
                nanos / 1e9,
                (total.same + total.different) * 1e9 / nanos);
    }

    /** Every engine, and what becomes of large programs, for a thread on a CPU. */
    static List<Side> engineSides(int cpu) {
        List<Side> sides = new ArrayList<>();
        Bench.engines().forEach(engine -> sides.add(new EngineSide(engine, cpu)));
        sides.addAll(cutSides(cpu));
        return sides;
    }

    /** The engines that cut large programs into methods, with such small ones that all programs are large. */
    private static List<Side> cutSides(int cpu) {
        List<Side> sides = new ArrayList<>();
        for (JitEngine engine : List.of(JitEngine.checked(), JitEngine.trusting())) {
            String name = engine.name() + " in methods of " + CUT_BYTES + " bytes";
            sides.add(new EngineSide(name, engine.withMethodBytes(CUT_BYTES), cpu));
        }
        return sides;
    }

    /** All sides of one thread. */
    private static final class Bench implements AutoCloseable {
        private final List<Side> sides = new ArrayList<>();
        final Coverage coverage;
        final Comparison whole;
        final Comparison cut;

        static List<Engine> engines() {
            return List.of(Engines.interpreter(), Engines.jitChecked(), Engines.jit());
        }

        Bench(@Nullable Kernel kernel, int cpu, Coverage coverage) {
            if (kernel != null) {
                sides.add(new KernelSide(kernel));
            }
            for (Engine engine : engines()) {
                sides.add(new EngineSide(engine, cpu));
            }
            this.coverage = coverage;
            watch(coverage);
            whole = new Comparison(List.copyOf(sides));
            List<Side> small = cutSides(cpu);
            List<Side> other = new ArrayList<>(sides.subList(0, sides.size() - small.size()));
            other.addAll(small);
            cut = new Comparison(other);
            sides.addAll(small);
        }

        /** Only the interpreter shows its steps. */
        void watch(@Nullable Coverage steps) {
            for (Side side : sides) {
                if (side instanceof EngineSide engine) {
                    engine.watch(steps);
                }
            }
        }

        @Override
        public void close() {
            sides.forEach(Side::close);
        }
    }
}
