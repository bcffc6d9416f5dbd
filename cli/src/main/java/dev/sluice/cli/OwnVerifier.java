package dev.sluice.cli;

import dev.sluice.btf.Btf;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.verifier.Explanation;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Sluice's own verifier, for {@link CheckCommand}: the one place that asks it. */
final class OwnVerifier {
    private OwnVerifier() {}

    /**
     * What it says of a program.
     *
     * @param target the kernel's types, null for the built-in ones
     * @param cpus of the machine that the program is to run on
     * @param deviceBound whether it is loaded for the device whose packets it gets
     * @param logLevel 0 to 2
     */
    static CheckCommand.Verdict verdict(
            ObjectSpec spec, ProgramSpec program, @Nullable Btf target, int cpus, boolean deviceBound, int logLevel) {
        long start = System.nanoTime();
        Verdict verdict;
        try {
            verdict = Verifier.create()
                    .withLogLevel(Math.max(logLevel, 1))
                    .withCpus(cpus)
                    .verify(Subjects.of(spec, program, target).withDeviceBound(deviceBound));
        } catch (ObjectException e) {
            return new CheckCommand.Verdict(
                    CheckCommand.Answer.REJECTED,
                    "",
                    CheckCommand.Effort.NONE,
                    OptionalLong.empty(),
                    String.valueOf(e.getMessage()));
        }
        OptionalLong nanos = OptionalLong.of(System.nanoTime() - start);
        CheckCommand.Effort effort = CheckCommand.Effort.of(verdict.statistics());
        return switch (verdict) {
            case Verdict.Verified verified ->
                new CheckCommand.Verdict(CheckCommand.Answer.ACCEPTED, "", effort, nanos, verified.log());
            case Verdict.Rejected rejected ->
                new CheckCommand.Verdict(
                        CheckCommand.Answer.REJECTED, "", effort, nanos, explained(rejected), rejected);
            case Verdict.Unsupported unsupported ->
                new CheckCommand.Verdict(
                        CheckCommand.Answer.UNDECIDED,
                        "",
                        effort,
                        nanos,
                        unsupported.log() + "\nnot supported by sluice: " + unsupported.why());
        };
    }

    /** The kernel's words first, then those for people. */
    private static String explained(Verdict.Rejected rejected) {
        return (rejected.log().stripTrailing() + "\n" + Explanation.text(rejected)).stripTrailing();
    }
}
