package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.kernel.diff.NotComparableException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every program of {@code pcaps} on every capture, on every engine and in the kernel. */
class CorpusAgreementTest {
    @TestFactory
    Stream<DynamicTest> everyProgramDoesWhatTheKernelDoes() {
        Kernel kernel = Kernels.kernel();
        Corpus corpus = new Corpus(Pcaps.FOLDER);
        return corpus.subjects().stream()
                .map(subject -> DynamicTest.dynamicTest(subject.toString(), () -> {
                    DiffReport report;
                    try {
                        report = corpus.compare(kernel, subject, TestEngines.all());
                    } catch (NotComparableException e) {
                        Assumptions.abort(
                                String.valueOf(e.getMessage()).lines().limit(2).collect(Collectors.joining(": ")));
                        return;
                    }
                    Assumptions.assumeTrue(
                            report.isEqual() || report.unsupported().isEmpty(),
                            () -> report.unsupported().toString());
                    assertThat(report.differences()).isEmpty();
                    assertThat(report.isEqual()).isTrue();
                    assertThat(report.compared()).isGreaterThan(1000);
                }));
    }
}
