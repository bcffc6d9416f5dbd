package dev.sluice.conformance.verifier;

import dev.sluice.kernel.Kernel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The verifier beside the kernel's, on all that is compared: one confusion matrix a kind of program. */
public final class VerifierSuite {
    private static final int RANDOM = 2000;
    private static final int VARIANTS = 8;

    /**
     * How often the two agree.
     *
     * @param programs compared
     * @param accepted by both
     * @param rejected by both
     * @param falseAccepts accepted by Sluice alone
     * @param falseRejects rejected by Sluice alone
     * @param unsupported what Sluice does not know
     * @param sameCount of {@code accepted}: with the same number of instructions processed
     * @param sameMessage of {@code rejected}: with the same last line of the log
     */
    public record Row(
            int programs,
            int accepted,
            int rejected,
            int falseAccepts,
            int falseRejects,
            int unsupported,
            int sameCount,
            int sameMessage) {}

    private VerifierSuite() {}

    /** Runs all comparisons, the first random program having this seed; by what was compared. */
    public static Map<String, Row> run(Kernel kernel, Path programs, long seed) throws IOException {
        Map<String, Row> rows = new LinkedHashMap<>();
        VerifierComparison cases = new VerifierComparison(kernel);
        cases.cases();
        rows.put("written cases and families", cases.matrix().row());
        VerifierComparison objects = new VerifierComparison(kernel);
        objects.objects(programs);
        rows.put("compiled programs of `pcaps/`", objects.matrix().row());
        VerifierComparison variants = new VerifierComparison(kernel);
        variants.mutatedObjects(programs, seed, VARIANTS);
        rows.put(
                "the same with one to three random changes, " + VARIANTS + " each",
                variants.matrix().row());
        VerifierComparison random = new VerifierComparison(kernel);
        random.random(seed, RANDOM, false);
        rows.put("random programs with likely mistakes", random.matrix().row());
        VerifierComparison mutated = new VerifierComparison(kernel);
        mutated.fuzz(seed, RANDOM / 10, false);
        mutated.fuzz(seed, RANDOM / 10, true);
        rows.put(
                "random programs of the fuzzer, as they are and changed",
                mutated.matrix().row());
        return rows;
    }
}
