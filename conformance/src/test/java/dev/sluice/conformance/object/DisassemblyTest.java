package dev.sluice.conformance.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Pcaps;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.object.FunctionSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Code of real compilers to text and back. */
class DisassemblyTest {
    private static final String OBJDUMP = "llvm-objdump-19";
    private static final Pattern SECTION = Pattern.compile("Disassembly of section (.*):");
    private static final Pattern INSTRUCTION = Pattern.compile("\\s+[0-9]+:\\s+(.*?)(?:\\s*<[^<> ]+>)?\\s*");

    static Stream<String> objects() {
        return Pcaps.objects().stream().map(Pcaps::nameOf);
    }

    @ParameterizedTest
    @EnumSource(Syntax.class)
    void everyFunctionOfEveryObject(Syntax syntax) {
        Disassembler disassembler = new Disassembler(syntax, Symbols.NONE);
        int functions = 0;
        int slots = 0;
        for (Path file : Pcaps.objects()) {
            ObjectSpec spec = Pcaps.read(file);
            for (FunctionSpec function : spec.functions()) {
                roundTrip(disassembler, function.insns().bytes(), file + " " + function.name());
                functions++;
                slots += function.slots();
            }
            for (ProgramSpec program : spec.programs()) {
                byte[] linked;
                try {
                    linked = spec.link(program).insns().bytes();
                } catch (ObjectException e) {
                    assertThat(file.toString()).endsWith("linked_main.bpf.o");
                    continue;
                }
                roundTrip(disassembler, linked, file + " " + program.name() + ", linked");
            }
        }
        assertThat(functions).isGreaterThan(100);
        assertThat(slots).isGreaterThan(10_000);
    }

    private static void roundTrip(Disassembler disassembler, byte[] bytes, String what) {
        Code code = Code.decode(bytes);
        assertThat(code.toBytes()).as(what).isEqualTo(bytes);
        String text = disassembler.text(code);
        assertThat(HexFormat.of().formatHex(Assembler.assemble(text).toBytes()))
                .as("%s%n%s", what, text)
                .isEqualTo(HexFormat.of().formatHex(bytes));
    }

    /** What LLVM's own disassembler writes is read to the same bytes. */
    @ParameterizedTest
    @MethodSource("objects")
    void asLlvmWritesIt(String name) throws IOException, InterruptedException {
        assumeTrue(
                Stream.of(System.getenv("PATH").split(":"))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, OBJDUMP))),
                "needs " + OBJDUMP);
        Map<String, byte[]> sections = new LinkedHashMap<>();
        objdump(Pcaps.object(name)).forEach((section, lines) -> sections.put(section, assemble(lines)));
        for (FunctionSpec function : Pcaps.read(Pcaps.object(name)).functions()) {
            byte[] expected = function.insns().bytes();
            byte[] section = sections.get(function.section());
            assertThat(section).as("section %s", function.section()).isNotNull();
            byte[] found = Arrays.copyOfRange(section, function.offset(), function.offset() + expected.length);
            for (int at = 0; at < found.length; at += 8) {
                if (found[at] == (byte) 0x85) {
                    // LLVM writes calls of helpers and of functions alike
                    found[at + 1] = expected[at + 1];
                }
            }
            assertThat(HexFormat.of().formatHex(found))
                    .as(function.name())
                    .isEqualTo(HexFormat.of().formatHex(expected));
        }
    }

    private static byte[] assemble(List<String> lines) {
        return Assembler.assemble(String.join("\n", lines)).toBytes();
    }

    private static Map<String, List<String>> objdump(Path object) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(OBJDUMP, "-d", "--mcpu=v4", "--no-show-raw-insn", object.toString())
                .redirectErrorStream(true)
                .start();
        List<String> output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
        assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as("%s", output).isZero();
        Map<String, List<String>> sections = new LinkedHashMap<>();
        List<String> lines = new ArrayList<>();
        for (String line : output) {
            Matcher section = SECTION.matcher(line);
            Matcher instruction = INSTRUCTION.matcher(line);
            if (section.matches()) {
                lines = new ArrayList<>();
                assertThat(sections.put(section.group(1), lines)).isNull();
            } else if (instruction.matches()) {
                lines.add(instruction.group(1));
            }
        }
        return sections;
    }
}
