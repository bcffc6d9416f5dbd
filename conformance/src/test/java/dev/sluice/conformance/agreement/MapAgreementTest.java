package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.TestEngines;
import org.junit.jupiter.api.Test;

/** Random operations on maps of all types, on every engine and in the kernel. */
class MapAgreementTest {
    @Test
    void mapsAnswerAsTheKernelsDo() {
        Tally tally = MapSuite.run(Kernels.kernel(), TestEngines.all(), 1);
        assertThat(tally.differences()).as("seed=1, " + tally.different()).isEmpty();
        assertThat(tally.total()).isGreaterThan(50_000);
    }
}
