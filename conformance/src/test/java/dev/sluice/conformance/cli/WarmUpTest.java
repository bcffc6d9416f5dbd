package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
        return results(List.of(words));
    }

    private static Map<String, Object> results(List<Object> line) {
        Cli.Result result = Cli.run(line.toArray());
        assertThat(result.exitCode()).as(result.err()).isZero();
        Json json = result.json();
        assertThat(json.has("warm_up")).isEqualTo(line.contains("--warm-up"));
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

    /** Timers, tracked connections, and maps of all types, filled. */
    @ParameterizedTest
    @CsvSource({
        "verifier/expiry, expiry, ''",
        "programs/features/conntrack, conntrack, ''",
        "programs/apps/conntrack_fw, conntrack_fw, rules zones",
        "programs/apps/ddos_filter, ddos_filter, blocked4 blocked6",
        "programs/apps/frag_guard, frag_guard, closed_ports",
        "programs/apps/kv_cache, kv_cache, cache",
        "programs/apps/maglev_lb, maglev_lb, quic_servers reals ring_0 ring_1 vips",
        "programs/apps/service_chain, chain_entry, ''",
    })
    void whateverAProgramKeepsIsPutBack(String object, String program, String maps, @TempDir Path folder)
            throws IOException {
        List<Object> line = new ArrayList<>();
        line.addAll(List.of("replay", Pcaps.FOLDER.resolve(object + ".bpf.o"), "--prog", program, "-j"));
        if (program.equals("conntrack")) {
            Path types = Path.of("/sys/kernel/btf/vmlinux");
            assumeTrue(Files.isReadable(types), "needs the types of a running kernel, " + types);
            // of the capture's largest flow; the program gives it half a minute, and then it is gone
            Path connections = folder.resolve("connections");
            Files.writeString(connections, "udp 17 src=198.18.92.89 dst=198.19.0.135 sport=4113 dport=179 mark=0\n");
            line.addAll(List.of("--btf", types, "--conntrack", connections));
        }
        for (String map : maps.isEmpty() ? new String[0] : maps.split(" ", -1)) {
            line.addAll(
                    List.of("--map", map + "=" + Pcaps.PROGRAMS.resolve("apps/maps/" + program + "." + map + ".json")));
        }
        boolean app = object.startsWith("programs/apps");
        line.add(Cli.capture(app ? "apps/services.pcap" : "generated/imix.pcap"));
        Map<String, Object> cold = results(line);
        line.addAll(List.of("--warm-up", "1"));
        assertThat(results(line)).usingRecursiveComparison().isEqualTo(cold);
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
