package dev.sluice.conformance.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.cli.Main;
import dev.sluice.isa.Assembler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Verifications up to the limit of instructions, in a JVM of its own with 512 MB of heap. */
class SmallHeapTest {
    private static final int ROUNDS = 99_000;

    @TempDir
    Path folder;

    /** A full stack, and a checkpoint in each round of a loop. */
    private static String loop(int rounds) {
        StringBuilder source = new StringBuilder("r6 = 0\n");
        for (int slot = 1; slot <= 64; slot++) {
            source.append("*(u64 *)(r10 - ").append(8 * slot).append(") = r1\n");
        }
        return source + """
                again:
                r6 += 1
                r7 = r6
                r7 += 1
                r8 = r7
                r8 += 1
                r9 = r8
                goto on
                on:
                r0 = r9
                r0 &= 1
                if r6 < %d goto again
                exit
                """.formatted(rounds);
    }

    private String job(String id, String source) {
        return id + "\traw\t"
                + HexFormat.of().formatHex(Assembler.assemble(source).toBytes()) + "\n";
    }

    @Test
    void aMillionInstructionsFit() throws IOException, InterruptedException {
        Path jobs = folder.resolve("jobs");
        Path answers = folder.resolve("answers");
        Files.writeString(jobs, job("near", loop(ROUNDS)) + job("above", loop(2 * ROUNDS)));
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx512m",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "check",
                        "--stream",
                        "--time-limit",
                        "3600"))
                .redirectInput(jobs.toFile())
                .redirectOutput(answers.toFile())
                .redirectErrorStream(true)
                .start();
        int code = process.waitFor();
        String printed = Files.readString(answers, StandardCharsets.UTF_8);
        assertThat(code).as(printed).isZero();
        assertThat(printed.lines())
                .containsExactly(
                        "near\tACCEPT\t" + (ROUNDS * 10 + 66),
                        "above\tREJECT\tBPF program is too large. Processed 1000001 insn");
    }
}
