package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.TestEngines;
import dev.sluice.isa.Opcode;
import dev.sluice.kernel.Kernel;
import org.junit.jupiter.api.Test;

/** Every opcode on interesting operands, on every engine and in the kernel. */
class IsaAgreementTest {
    @Test
    void everyOpcodeGivesTheKernelsResults() {
        Kernel kernel = Kernels.kernel();
        Tally tally = IsaSuite.run(kernel, TestEngines.all(), 1);
        assertThat(tally.differences()).as("seed=1").isEmpty();
        for (Opcode opcode : Opcode.values()) {
            if (IsaSuite.isForXdp(opcode)) {
                assertThat(tally.compared().getOrDefault(opcode.name(), 0L))
                        .as(opcode.name())
                        .isGreaterThan(1000);
            }
        }
    }
}
