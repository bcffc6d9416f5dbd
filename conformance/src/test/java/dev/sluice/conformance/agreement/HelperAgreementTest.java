package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.TestEngines;
import org.junit.jupiter.api.Test;

/** Helpers with arguments at and around their limits, on every engine and in the kernel. */
class HelperAgreementTest {
    @Test
    void helpersAnswerAsTheKernelsDo() {
        HelperSuite.Result result = HelperSuite.run(Kernels.kernel(), TestEngines.all(), 1);
        assertThat(result.tally().differences())
                .as("seed=1, " + result.tally().different())
                .isEmpty();
        assertThat(result.called()).contains(7, 8, 23, 28, 44, 51, 54, 65, 118, 182, 188, 189, 190);
        assertThat(result.tally().total()).isGreaterThan(20_000);
    }
}
