package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Engines;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.kernel.Kernel;
import dev.sluice.program.Program;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Every opcode on interesting operands, on every engine and in the kernel. */
class IsaAgreementTest {
    /** An engine that takes one operation for another. */
    private record Mistaken(Engine engine, Opcode right, Opcode wrong) implements Engine {
        @Override
        public String name() {
            return "mistaken";
        }

        @Override
        public Executable load(Program program, int programId) {
            Code code = program.code();
            for (int slot = 0; slot < code.size(); slot++) {
                Instruction insn = code.at(slot);
                if (insn != null && insn.opcode() == right) {
                    code = code.with(slot, new Instruction(wrong, insn.dst(), insn.src(), insn.off(), insn.imm()));
                }
            }
            return engine.load(Program.ofCode(program.name(), code), programId);
        }
    }

    @Test
    void aMistakeIsFound() {
        Kernel kernel = Kernels.kernel();
        Engine engine = new Mistaken(Engines.interpreter(), Opcode.JSGE32_X, Opcode.JSGT32_X);
        Tally tally = IsaSuite.run(kernel, List.of(engine), 1);
        assertThat(tally.different()).containsOnlyKeys("JSGE32_X");
        assertThat(tally.differences().getFirst()).contains("a=0x0 b=0x0").contains("kernel 0x1, ours 0x0");
    }

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
