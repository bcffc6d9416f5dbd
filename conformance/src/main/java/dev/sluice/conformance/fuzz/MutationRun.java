package dev.sluice.conformance.fuzz;

import dev.sluice.Engines;
import dev.sluice.isa.Code;
import dev.sluice.kernel.CpuPin;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** How soon the fuzzer finds each {@link Mutant}. */
final class MutationRun {
    private MutationRun() {}

    /**
     * @param seconds that each mistake may live
     * @param out takes a line for each mistake, and one for all
     * @return 0 when all were found, 1 otherwise
     */
    static int run(KernelAccess access, long firstSeed, long seconds, int inputs, Consumer<String> out) {
        Kernel kernel = access instanceof KernelAccess.Available(Kernel available) ? available : null;
        int survivors = 0;
        double slowest = 0;
        List<Mutant> mutants = Mutant.all(Engines.interpreter());
        try (CpuPin pin = kernel == null ? null : CpuPin.to(0);
                Side right = kernel == null ? new EngineSide(Engines.interpreter(), 0) : new KernelSide(kernel)) {
            for (Mutant mutant : mutants) {
                long start = System.nanoTime();
                long programs = 0;
                String difference = null;
                try (Side wrong = new EngineSide(mutant, 0)) {
                    Comparison comparison = new Comparison(List.of(right, wrong));
                    while (difference == null && System.nanoTime() - start < seconds * 1_000_000_000L) {
                        long seed = firstSeed + programs++;
                        Code code = ProgramGenerator.generate(seed);
                        Inputs packets = Inputs.of(seed, inputs);
                        if (comparison.compare(code, packets) instanceof Comparison.Outcome.Different(String how)) {
                            difference = how;
                        }
                    }
                }
                double took = (System.nanoTime() - start) / 1e9;
                slowest = Math.max(slowest, took);
                survivors += difference == null ? 1 : 0;
                out.accept(String.format(
                        Locale.ROOT,
                        "%-7s %5d programs %6.2f s  %s taken for %s",
                        difference == null ? "MISSED" : "found",
                        programs,
                        took,
                        mutant.right(),
                        mutant.wrong()));
            }
        }
        out.accept(String.format(
                Locale.ROOT,
                "%d mistakes, %d found, %d missed, the slowest after %.1f s; compared with %s",
                mutants.size(),
                mutants.size() - survivors,
                survivors,
                slowest,
                kernel == null ? "the interpreter" : "Linux " + kernel.release()));
        return survivors == 0 ? 0 : 1;
    }
}
