package dev.sluice.conformance.isa;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.map.MapTable;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The programs of {@code programs.txt} on every engine. */
class ProgramsTest {
    private record Case(String name, byte[] memory, String expected, String code) {}

    static List<Arguments> casesOnEveryEngine() throws IOException {
        List<Arguments> all = new ArrayList<>();
        for (Case each : cases()) {
            for (Engine engine : TestEngines.all()) {
                all.add(Arguments.argumentSet(engine.name() + ": " + each.name, engine, each));
            }
        }
        assertThat(all).hasSizeGreaterThanOrEqualTo(40);
        return all;
    }

    private static List<Case> cases() throws IOException {
        String text;
        try (InputStream in = ProgramsTest.class.getResourceAsStream("programs.txt")) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        List<Case> cases = new ArrayList<>();
        for (String block : text.split("\n\n")) {
            if (block.isBlank() || block.startsWith("#")) {
                continue;
            }
            int headEnd = block.indexOf('\n');
            String[] head = block.substring(0, headEnd).split("\\|");
            byte[] memory = HexFormat.of().parseHex(head[1].replace(" ", ""));
            cases.add(new Case(head[0].strip(), memory, head[2].strip(), block.substring(headEnd + 1)));
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("casesOnEveryEngine")
    void givesWhatIsKnown(Engine engine, Case each) {
        Code code = Assembler.assemble(each.code);
        try (Arena arena = Arena.ofShared();
                RunContext context = new RunContext(new MapTable(), new Regions(), () -> 0, 1)) {
            long memory = Memory.allocate(arena, each.memory.length, 8);
            Memory.copy(each.memory, 0, memory, each.memory.length);
            context.extraStart = memory;
            context.extraEnd = memory + each.memory.length;
            context.instructionLimit = 1_000_000;
            var program = engine.load(Program.ofCode("test", code), 1);
            if (each.expected.startsWith("fault ")) {
                assertThatThrownBy(() -> program.call(context, memory, each.memory.length))
                        .isInstanceOfSatisfying(
                                ProgramFault.class,
                                fault -> assertThat(fault.kind().name())
                                        .isEqualTo(each.expected.substring("fault ".length())));
            } else {
                assertThat(Long.toHexString(program.call(context, memory, each.memory.length)))
                        .isEqualTo(each.expected);
            }
        }
    }
}
