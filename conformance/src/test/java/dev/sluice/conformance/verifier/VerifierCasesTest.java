package dev.sluice.conformance.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.verifier.Explanation;
import dev.sluice.verifier.Verifier;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class VerifierCasesTest {
    @Test
    void saysWhatLinuxSaid() {
        Map<String, Bed.Answer> recorded = RecordedCases.all();
        Map<String, byte[]> cases = CaseFamilies.all();
        assertThat(recorded.keySet()).containsExactlyInAnyOrderElementsOf(cases.keySet());
        Verifier verifier = Verifier.create().withCpus(RecordedCases.CPUS);
        ConfusionMatrix matrix = new ConfusionMatrix();
        cases.forEach((name, insns) -> matrix.add(name, recorded.get(name), VerifierComparison.ours(verifier, insns)));
        assertThat(matrix.falseAccepts()).as("%s", matrix.differences()).isZero();
        assertThat(matrix.falseRejects()).as("%s", matrix.differences()).isZero();
        assertThat(matrix.differentMessages()).as("%s", matrix.differences()).isZero();
        // reading the fields of a map's own struct
        assertThat(matrix.unsupported()).as("%s", matrix.differences()).isLessThanOrEqualTo(2);
    }

    @Test
    void explainsMostOfWhatItRefuses() throws IOException {
        Set<Explanation> shown = new HashSet<>();
        List<String> silent = new ArrayList<>();
        List<Bed.Answer> answers = new ArrayList<>(RecordedCases.all().values());
        for (Path object : RecordedObjectsTest.objects()) {
            answers.addAll(RecordedCases.of(object).values());
        }
        answers.stream().filter(answer -> !answer.accepted()).forEach(answer -> {
            Optional<Explanation> explanation = Explanation.of(answer.message());
            explanation.ifPresentOrElse(shown::add, () -> silent.add(answer.message()));
        });
        assertThat(shown).hasSizeGreaterThanOrEqualTo(40);
        assertThat(shown).containsAll(Explanation.all());
        assertThat(silent).hasSizeLessThan(40);
    }

    @Test
    void agreesWithThisKernelOnRandomProgramsAndTheirMutants() {
        KernelAccess access = Kernel.open();
        assumeTrue(access instanceof KernelAccess.Available, () -> ((KernelAccess.Unavailable) access).reason());
        Kernel kernel = ((KernelAccess.Available) access).kernel();
        assumeTrue(kernel.release().startsWith("6.18."), "not Linux 6.18, which the verifier is like");
        VerifierComparison comparison = new VerifierComparison(kernel);
        comparison.fuzz(90_000, 150, false);
        comparison.fuzz(90_000, 40, true);
        ConfusionMatrix matrix = comparison.matrix();
        assertThat(matrix.falseAccepts()).as("%s", matrix.differences()).isZero();
        assertThat(matrix.falseRejects()).as("%s", matrix.differences()).isZero();
    }
}
