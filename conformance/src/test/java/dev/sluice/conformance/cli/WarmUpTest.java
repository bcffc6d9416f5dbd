package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A warm-up leaves no trace in what a replay gives. */
class WarmUpTest {
    /** What differs from one run to the next, warm or not. */
    private static final Set<String> TIMES = Set.of("duration_ns", "rate_pps", "warm_up");

    private static Map<String, Object> replay(String object, String program, Object... more) {
        Object[] words = new Object[7 + more.length];
        Object[] first = {
            "replay",
            Cli.object(object),
            Cli.capture("generated/imix.pcap"),
            Cli.capture("generated/odd.pcap"),
            "--prog",
            program,
            "-j"
        };
        System.arraycopy(first, 0, words, 0, first.length);
        System.arraycopy(more, 0, words, first.length, more.length);
        Cli.Result result = Cli.run(words);
        assertThat(result.exitCode()).as(result.err()).isZero();
        Json json = result.json();
        assertThat(json.has("warm_up")).isEqualTo(more.length > 0);
        Map<String, Object> rest = new LinkedHashMap<>();
        for (String name : json.names()) {
            if (!TIMES.contains(name)) {
                rest.put(name, json.get(name).raw());
            }
        }
        return rest;
    }

    @ParameterizedTest
    @CsvSource({
        "nat, nat",
        "firewall, firewall",
        "flows, flows_table",
        "clock, sample", // random numbers
        "clock, rate_limit", // the clock
        "trace, trace",
        "tail_calls, entry",
        "percpu_stats, percpu_stats",
        "globals, globals",
        "vlan, vlan_push",
        "features/map_types, map_types",
    })
    void theResultsAreThoseOfAColdReplay(String object, String program) {
        assertThat(replay(object, program, "--warm-up", "1"))
                .usingRecursiveComparison()
                .isEqualTo(replay(object, program));
    }

    @ParameterizedTest
    @CsvSource("apps/flow_exporter, records")
    void eventsOfTheWarmUpAreNobodys(String object, String map, @TempDir Path folder) throws IOException {
        Path cold = folder.resolve("cold");
        Path warm = folder.resolve("warm");
        String capture = Cli.capture("generated/imix.pcap");
        Cli.run("replay", Cli.object(object), capture, "--events", map + "=" + cold);
        Cli.run("replay", Cli.object(object), capture, "--events", map + "=" + warm, "--warm-up", "1");
        assertThat(cold).isNotEmptyFile();
        assertThat(warm).hasSameTextualContentAs(cold);
    }

    @Test
    void itMakesPacketsUpForBranchesThatTheCaptureDoesNotTake() {
        Json json = Cli.run("replay", Cli.object("parser"), Cli.capture("recorded/ping.pcap"), "--warm-up", "1", "-j")
                .ok()
                .json();
        // IPv4 and ICMP only: VLAN, IPv6, TCP, fragments and damaged headers have to be found
        assertThat(json.get("warm_up").get("variations").number()).isGreaterThan(10);
        assertThat(json.get("packets").number()).isEqualTo(37);
        assertThat(json.get("maps").names()).contains("classes");
    }

    @Test
    void whatCannotBeReadTwiceIsRefused() {
        assertThat(Cli.run("replay", Cli.object("parser"), "-", "--warm-up").error(Cli.FAILED))
                .contains("standard input cannot be read twice");
    }
}
