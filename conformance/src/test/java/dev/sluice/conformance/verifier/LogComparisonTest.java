package dev.sluice.conformance.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Pcaps;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The verifier's whole log is the kernel's: each state, each mark of precision, each count. */
class LogComparisonTest {
    private static VerifierComparison comparison() {
        KernelAccess access = Kernel.open();
        assumeTrue(access instanceof KernelAccess.Available, () -> ((KernelAccess.Unavailable) access).reason());
        Kernel kernel = ((KernelAccess.Available) access).kernel();
        assumeTrue(kernel.release().startsWith("6.18."), "not Linux 6.18, which the verifier is like");
        return new VerifierComparison(kernel);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void logsOfObjectsAreTheKernels(int level) throws IOException {
        LogComparison logs = comparison().objectLogs(Pcaps.FOLDER, level);
        assertThat(logs.logs()).isGreaterThan(300);
        assertThat(logs.differences()).isEmpty();
    }

    @Test
    void logsOfRandomProgramsAreTheKernels() {
        LogComparison logs = comparison().logs(0, 200);
        assertThat(logs.logs()).isGreaterThan(150);
        assertThat(logs.differences()).isEmpty();
    }

    @Test
    void leavesOutAddressesOfMapsAndNumbersOfFunctionsOnly() {
        LogComparison logs = new LogComparison();
        logs.add(
                "same",
                "1: (18) r1 = 0xffff88817f9c8400       ; R1=map_ptr()\n2: (85) call bpf_throw#65977          ;",
                "1: (18) r1 = map[fd:12]             ; R1=map_ptr()\n2: (85) call bpf_throw#127    ;\n");
        assertThat(logs.differences()).isEmpty();
        logs.add("helper", "0: (85) call bpf_redirect#23", "0: (85) call bpf_redirect#51");
        logs.add("state", "0: R1=ctx()\n1: (b7) r0 = 0   ; R0=0\n", "0: R1=ctx()\n1: (b7) r0 = 0   ; R0=1\n");
        logs.add("shorter", "0: R1=ctx()\nprocessed 1 insns", "0: R1=ctx()");
        assertThat(logs.differences()).hasSize(3);
        assertThat(logs.differences().get(1))
                .isEqualTo("state: 1 of 2 lines, first difference in line 2\n  kernel: 1: (b7) r0 = 0   ; R0=0\n"
                        + "  ours:   1: (b7) r0 = 0   ; R0=1");
        assertThat(logs).hasToString("1 of 4 logs the same, 4 of 7 lines (57.14 %)");
    }
}
