package dev.sluice.conformance.isa;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.isa.LargePrograms.Kind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * HotSpot's own word that C2 compiles each method of a large program: none is longer than 8,000 bytes, of which it compiles none,
 * and none has more nodes than it takes. Programs of one kind of instruction fill a method or two, the mixture many.
 */
class LargeProgramsTest {
    private static final int HUGE_METHOD_BYTES = 8000;

    /** Methods are compiled after a few runs. */
    private static final String SOON = "-XX:CompileCommand=CompileThresholdScaling,dev/sluice/jited/*.*,0.02";

    @ParameterizedTest
    @CsvSource({
        "jit, ARITHMETIC, 2000",
        "jit, NARROW, 2000",
        "jit, DIVISIONS, 2000",
        "jit, PACKET, 2000",
        "jit, STACK, 2000",
        "jit, BRANCHES, 2000",
        "jit, ATOMICS, 2000",
        "jit, ARRAYS, 2000",
        "jit, HASHES, 2000",
        "jit, HELPERS, 2000",
        "jit-checked, PACKET, 1000",
        "jit-checked, ATOMICS, 1000",
        "jit-checked, HASHES, 1000",
        "jit, ALL, 100000",
        "jit-checked, ALL, 20000",
    })
    void everyMethodIsCompiled(String engine, Kind kind, int instructions) throws Exception {
        List<String> lines = run(engine, kind, instructions);
        assertThat(lines).hasSizeGreaterThan(1).allMatch(line -> line.endsWith("\tcompiled"));
        assertThat(lines).allMatch(line -> Integer.parseInt(line.split("\t")[1]) <= HUGE_METHOD_BYTES);
    }

    /** What C2 does not compile is seen: here because it is told that methods have few nodes. */
    @Test
    void whatIsNotCompiledIsReported() throws Exception {
        assertThat(run("jit", Kind.PACKET, 1000, "-XX:MaxNodeLimit=2500", "-XX:NodeLimitFudgeFactor=100"))
                .anyMatch(line -> line.contains("out of nodes"));
    }

    private static List<String> run(String engine, Kind kind, int instructions, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "-XX:CompileCommand=quiet",
                SOON));
        command.addAll(List.of(options));
        command.addAll(List.of(
                "-cp",
                System.getProperty("java.class.path"),
                LargePrograms.class.getName(),
                engine,
                kind.name(),
                Integer.toString(instructions)));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return out.lines().toList();
    }
}
