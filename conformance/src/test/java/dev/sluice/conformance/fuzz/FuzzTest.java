package dev.sluice.conformance.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.kernel.CpuPin;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** A short turn of the fuzzer, and every program that it once found. */
class FuzzTest {
    private static final long FIRST_SEED = 1_000_000_000L;
    private static final int PROGRAMS = 400;
    private static final int INPUTS = 8;
    private static final Path FINDINGS = Path.of("src/test/resources/dev/sluice/conformance/fuzz");

    /** A program and its packets. */
    private record Case(String name, Code code, Inputs inputs) {}

    private static List<Case> cases() throws IOException {
        List<Case> cases = new ArrayList<>();
        for (long seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) {
            cases.add(new Case("seed " + seed, ProgramGenerator.generate(seed), Inputs.of(seed, INPUTS)));
        }
        try (Stream<Path> files = Files.list(FINDINGS)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".s")).sorted().toList()) {
                long seed = Long.parseLong(file.getFileName().toString().replaceAll("\\D", ""));
                Code code = Assembler.assemble(Files.readString(file));
                cases.add(new Case(file.getFileName().toString(), code, Inputs.of(seed, INPUTS)));
            }
        }
        return cases;
    }

    private static void allAlike(List<Side> sides) throws IOException {
        try {
            Comparison comparison = new Comparison(sides);
            for (Case each : cases()) {
                assertThat(comparison.compare(each.code(), each.inputs()))
                        .as("%s; again: ./sluice-fuzz --seed N --count 1", each.name())
                        .isEqualTo(new Comparison.Outcome.Same());
            }
        } finally {
            sides.forEach(Side::close);
        }
    }

    @Test
    void enginesAgree() throws IOException {
        allAlike(FuzzCommand.engineSides(0));
    }

    @Test
    void kernelAndEnginesAgree() throws IOException {
        KernelAccess access = Kernel.open();
        Assumptions.assumeTrue(
                access instanceof KernelAccess.Available, () -> ((KernelAccess.Unavailable) access).reason());
        try (CpuPin pin = CpuPin.to(0)) {
            List<Side> sides = new ArrayList<>();
            sides.add(new KernelSide(((KernelAccess.Available) access).kernel()));
            sides.addAll(FuzzCommand.engineSides(0));
            allAlike(sides);
        }
    }

    /** Programs that no verifier takes: engines that check find the same faults. */
    @Test
    void spoiltProgramsFaultAlike() {
        List<String> found = new ArrayList<>();
        try (SpoiltRun run = new SpoiltRun()) {
            SpoiltRun.Tally tally = run.run(FIRST_SEED, PROGRAMS, Long.MAX_VALUE, 1, found::add);
            assertThat(found)
                    .as("again: ./sluice-fuzz --spoilt --seed N --count 1")
                    .isEmpty();
            assertThat(tally.programs()).isEqualTo(PROGRAMS);
            assertThat(tally.faulted()).isBetween(PROGRAMS / 4L, PROGRAMS - PROGRAMS / 4L);
        }
    }

    /** A fuzzer that finds nothing may be one that can't: it has to find a mistake in every operation. */
    @Test
    void mistakesAreFound() {
        assertThat(MutationRun.run(new KernelAccess.Unavailable("not needed"), 1, 60, INPUTS, line -> {}))
                .isZero();
    }

    @Test
    void shrinkingKeepsJumps() {
        Code code = Assembler.assemble("""
                r0 = 1
                if r0 == 1 goto out
                r0 = 2
                r0 = 3
                out: exit
                """);
        assertThat(Shrinker.without(code, 2, 4))
                .isEqualTo(Assembler.assemble("r0 = 1\nif r0 == 1 goto out\nout: exit"));
        assertThat(Shrinker.shrink(code, smaller -> smaller.size() >= 2).size()).isEqualTo(2);
    }
}
