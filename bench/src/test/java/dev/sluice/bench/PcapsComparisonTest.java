package dev.sluice.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PcapsComparisonTest {
    private static final Path HOME = Path.of("..").toAbsolutePath().normalize();

    @Test
    void eachObjectOfPcapsHasItsPrograms() throws IOException {
        List<PcapsComparison.Job> jobs = PcapsComparison.jobs(HOME.resolve("pcaps"));
        assertThat(jobs).hasSizeGreaterThan(100);
        assertThat(jobs).allSatisfy(job -> {
            assertThat(job.captures())
                    .allSatisfy(
                            capture -> assertThat(HOME.resolve("pcaps/captures").resolve(capture))
                                    .exists());
            assertThat(job.maps())
                    .allSatisfy(map -> assertThat(Path.of(map.substring(map.indexOf('=') + 1)))
                            .exists());
        });
        assertThat(jobs.stream()
                        .filter(job -> job.object().endsWith("maglev_lb.bpf.o"))
                        .toList())
                .singleElement()
                .satisfies(job -> assertThat(job.maps()).anyMatch(map -> map.startsWith("vips=")));
        try (var files = Files.list(HOME.resolve("pcaps/bench"))) {
            long objects =
                    files.filter(file -> file.toString().endsWith(".bpf.o")).count();
            assertThat(jobs.stream()
                            .filter(job -> job.object().toString().contains("pcaps/bench/"))
                            .count())
                    .isGreaterThanOrEqualTo(objects);
        }
    }

    @Test
    void theTableBeginsWithTheSlowestAndCountsThem() throws IOException {
        List<PcapsComparison.Outcome> outcomes = List.of(
                outcome("none", "{\"ratio\":null,\"ratio_reason\":\"unstable\"}"),
                outcome("fast", "{\"instructions\":7,\"kernel\":{\"ns_per_packet\":5.125},\"ratio\":0.5}"),
                outcome(
                        "slow",
                        "{\"ratio\":1.25,\"warm_up\":{\"steady\":false},\"kernel\":{\"ns_per_packet\":4},"
                                + "\"checked\":{\"ns_per_packet\":16,\"to_sluice\":3.2},"
                                + "\"interpreter\":{\"ns_per_packet\":180}}"),
                new PcapsComparison.Outcome(job("bad"), "", Map.of(), "Error: rejected"));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PcapsComparison.print(new PrintStream(out, true, StandardCharsets.UTF_8), HOME, outcomes);
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertThat(lines.get(2)).startsWith("pcaps/slow.bpf.o").endsWith("not steady ");
        assertThat(lines.get(2).split(" +", -1)).containsSubsequence("4.00", "16.00", "180", "1.25", "3.20", "45.00");
        assertThat(lines.get(3)).startsWith("pcaps/fast.bpf.o").contains(" 7 ", " 5.13 ", " 0.50 ");
        assertThat(lines.subList(4, 6))
                .anyMatch(line -> line.endsWith("unstable"))
                .anyMatch(line -> line.endsWith("rejected"));
        assertThat(lines.getLast())
                .isEqualTo("1 of 2 programs with a ratio are slower than in the kernel, 2 have no ratio; "
                        + "1 take more than three times as long with checks");
        ByteArrayOutputStream json = new ByteArrayOutputStream();
        PcapsComparison.printJson(new PrintStream(json, true, StandardCharsets.UTF_8), HOME, outcomes);
        PcapsComparison.Outcome all = PcapsComparison.Outcome.of(job("all"), json.toString(StandardCharsets.UTF_8));
        assertThat(all.fields())
                .containsEntry("with_ratio", "2")
                .containsEntry("above_one", "1")
                .containsEntry("checked_above_three", "1")
                .containsEntry("programs.1.bench.kernel.ns_per_packet", "5.125")
                .containsEntry("programs.3.error", "Error: rejected");
    }

    private static PcapsComparison.Job job(String name) {
        return new PcapsComparison.Job(HOME.resolve("pcaps/" + name + ".bpf.o"), "p", List.of(), List.of());
    }

    private static PcapsComparison.Outcome outcome(String name, String report) throws IOException {
        return PcapsComparison.Outcome.of(job(name), report);
    }
}
