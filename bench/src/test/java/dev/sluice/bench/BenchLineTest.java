package dev.sluice.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.bench.maps.MapComparison;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/** What the commands of {@code bench/run} say to command lines that cannot be meant, and what they print. */
class BenchLineTest {
    private static String refused(Callable<Integer> command, String... arguments) {
        PrintStream before = System.err;
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        try {
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            assertThat(BenchLine.execute(command, arguments)).isEqualTo(2);
        } finally {
            System.setErr(before);
        }
        List<String> lines = err.toString(StandardCharsets.UTF_8).lines().toList();
        assertThat(lines).hasSize(2);
        assertThat(lines.getLast()).startsWith("Try 'bench/run ").endsWith(" --help' for more.");
        return lines.getFirst();
    }

    @Test
    void whatCannotBeMeantIsRefused() {
        assertThat(refused(new MapComparison(), "--rounds", "0"))
                .isEqualTo("Error: --rounds: expected 1 or more, found 0");
        assertThat(refused(new MapComparison(), "--case", "no such"))
                .isEqualTo("Error: --case: no case has this in its name: no such");
        assertThat(refused(new PcapsComparison(), "--warm-up", "-1"))
                .isEqualTo("Error: --warm-up: expected 0 or more, found -1");
        assertThat(refused(new LoadTimes(), "--sizes", "500,39"))
                .isEqualTo("Error: --sizes: expected 40 to 1000000, found 39");
        assertThat(refused(new LoadTimes(), "--nothing")).contains("--nothing");
    }

    @Test
    void loadTimesAsJsonAreALineAnEngineAndSize() {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            assertThat(BenchLine.execute(new LoadTimes(), "-j", "--sizes", "40", "--warm-up", "0"))
                    .isZero();
        } finally {
            System.setOut(before);
        }
        String number = "\\d+(\\.\\d)?";
        assertThat(out.toString(StandardCharsets.UTF_8).lines())
                .hasSize(2)
                .allMatch(line -> line.matches(
                        "\\{\"engine\":\"jit(-checked)?\",\"instructions\":40,\"load_ns\":N,\"first_run_ns\":N,\"ns_per_instruction\":N}"
                                .replace("N", number)));
    }
}
