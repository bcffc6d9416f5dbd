package dev.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.program.Program;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the façade adds to engines, maps and loader. */
class XdpRuntimeTest {
    static List<Engine> engines() {
        return List.of(Engines.interpreter(), Engines.jitChecked());
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aContextBoundsProgramsThatNeverEnd(Engine engine) {
        Program endless = Program.ofCode("endless", Assembler.assemble("again: r0 += 1\ngoto again\nexit"));
        try (XdpRuntime runtime = new XdpRuntime(engine, 1, 0);
                RunContext context = runtime.newContext(System::nanoTime, 0)) {
            Executable executable = engine.load(endless, 1);
            assertThatThrownBy(() -> executable.call(context, 0, 0))
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.INSTRUCTION_LIMIT))
                    .hasMessageContaining("expected at most " + XdpRuntime.DEFAULT_INSTRUCTION_LIMIT);
        }
    }
}
