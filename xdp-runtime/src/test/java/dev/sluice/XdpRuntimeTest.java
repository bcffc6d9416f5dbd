package dev.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.program.Program;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
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

    /** A running process loads objects for one client while another one asks what is pinned. */
    @Test
    @Timeout(300)
    void pinsAreReadWhileOthersAreMade() throws InterruptedException {
        try (XdpRuntime runtime = new XdpRuntime(Engines.interpreter(), 1, 0)) {
            MapDef def = MapDef.of("shared", MapType.ARRAY, 4, 4, 1);
            BpfMap map = Maps.create(def, runtime.maps(), runtime.regions(), 1, 0);
            int pins = 5_000;
            Thread maker = new Thread(() -> {
                for (int i = 0; i < pins; i++) {
                    runtime.pins().put("shared" + i, def, map);
                }
            });
            maker.start();
            while (runtime.pins().all().size() < pins) {
                assertThat(runtime.pins().get("none")).isEmpty();
            }
            maker.join();
        }
    }
}
