package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Several programs on one NIC: {@code --prog} more than once, by libxdp's rules. */
class ChainTest {
    private static final String CHAIN = object("features/chain");
    private static final String DNS = capture("recorded/dns.pcap");
    private static final int PACKETS = 70;
    private static final int ARP = 2;

    private static Json replay(String engine, String... programs) {
        List<Object> words = new ArrayList<>(List.of("replay", "-j", "--engine", engine, CHAIN, DNS));
        for (String program : programs) {
            words.add("--prog");
            words.add(program);
        }
        return Cli.run(words.toArray()).ok().json();
    }

    private static long packets(Json run, String action) {
        return run.get("verdicts").get(action).get("packets").number();
    }

    private static Json bss(Json run) {
        return run.get("maps")
                .get("chain.bss")
                .at(0)
                .get("formatted")
                .get("value")
                .get(".bss");
    }

    @ParameterizedTest
    @ValueSource(strings = {"jit", "jit-checked", "interpreter"})
    void inTheOrderOfPriorities(String engine) {
        Json run = replay(engine, "last", "short_ones", "echo");
        // ARP is sent back by the first one; the second one's drops go on, and what passes all is passed
        assertThat(packets(run, "XDP_TX")).isEqualTo(ARP);
        assertThat(packets(run, "XDP_PASS")).isEqualTo(PACKETS - ARP);
        assertThat(packets(run, "XDP_DROP")).isZero();
        List<Long> order =
                bss(run).at(0).get("order").items().stream().map(Json::number).toList();
        assertThat(order).as("a packet is done before the next one starts").containsExactly(1L, 1L, 1L, 2L);
        assertThat(bss(run).at(1).get("ran").number()).isEqualTo(ARP + 3L * (PACKETS - ARP));
        assertThat(run.get("chain").items().stream()
                        .map(link -> link.get("program").text()))
                .containsExactly("echo", "short_ones", "last");
        assertThat(run.get("chain").at(1).get("priority").number()).isEqualTo(20);
        assertThat(run.get("chain").at(1).get("chain_call_actions").items().stream()
                        .map(Json::text))
                .containsExactly("XDP_DROP", "XDP_PASS");
        assertThat(run.get("chain").at(2).get("priority").number()).isEqualTo(50);
    }

    @Test
    void packetsGoOnAsTheyWereLeft() {
        // without the first one, which flips a bit of the destination, the last one aborts all of them
        Json alone = replay("jit", "last");
        assertThat(alone.has("chain")).isFalse();
        Json both = replay("jit", "echo", "last");
        assertThat(packets(alone, "XDP_ABORTED")).isPositive();
        assertThat(packets(both, "XDP_ABORTED"))
                .isEqualTo(PACKETS - ARP - (packets(alone, "XDP_ABORTED") - arpAborted()));
    }

    /** ARP packets that the last program alone aborts. */
    private static long arpAborted() {
        Json arp = Cli.run("replay", "-j", CHAIN, DNS, "--prog", "last", "-c", "2")
                .ok()
                .json();
        return packets(arp, "XDP_ABORTED");
    }

    @Test
    void onOneNicOfSeveral() {
        Json run = Cli.run(
                        "run",
                        "-j",
                        "--clock",
                        "capture",
                        "--nic",
                        "a=pcap:" + DNS + ",prog=" + CHAIN + ":last+echo",
                        "--nic",
                        "b=pcap:" + DNS + ",prog=" + CHAIN + ":echo")
                .json();
        assertThat(run.get("nics").get("a").get("chain").at(0).get("program").text())
                .isEqualTo("echo");
        assertThat(run.get("nics").get("b").has("chain")).isFalse();
    }

    // --- freplace

    private static final String REPLACEMENT = object("features/replacement");

    @ParameterizedTest
    @ValueSource(strings = {"jit", "jit-checked", "interpreter"})
    void functionsAreReplaced(String engine) {
        Json before = replay(engine, "dispatcher");
        assertThat(packets(before, "XDP_DROP")).isZero();
        Cli.Result result = Cli.run(
                "replay",
                "-j",
                "--engine",
                engine,
                CHAIN,
                DNS,
                "--prog",
                "dispatcher",
                "--freplace",
                REPLACEMENT + ":drop_long");
        assertThat(result.exitCode()).isZero();
        Json run = result.json();
        long dropped = packets(run, "XDP_DROP");
        assertThat(dropped).isBetween(1L, PACKETS - 1L);
        assertThat(run.get("maps")
                        .get("replacem.bss")
                        .at(0)
                        .get("formatted")
                        .get("value")
                        .get(".bss")
                        .at(0)
                        .get("dropped")
                        .number())
                .isEqualTo(dropped);
        assertThat(run.get("trace").items()).hasSize((int) dropped);
        // the other slot by its name
        Json other = Cli.run(
                        "replay",
                        "-j",
                        "--engine",
                        engine,
                        CHAIN,
                        DNS,
                        "--prog",
                        "dispatcher",
                        "--freplace",
                        "slot0=" + REPLACEMENT + ":drop_long")
                .json();
        assertThat(packets(other, "XDP_DROP")).isEqualTo(dropped);
    }

    @Test
    void wrongReplacements() {
        assertThat(Cli.run("replay", CHAIN, DNS, "--prog", "dispatcher", "--freplace", REPLACEMENT)
                        .error(Cli.FAILED))
                .startsWith(REPLACEMENT + ": several programs, choose one with --freplace OBJ:PROGRAM: drop_long");
        assertThat(Cli.run("replay", CHAIN, DNS, "--prog", "dispatcher", "--freplace", REPLACEMENT + ":misplaced")
                        .error(Cli.FAILED))
                .isEqualTo("--freplace: no program that was chosen calls such a function, function=no_such_function");
        assertThat(Cli.run("replay", CHAIN, DNS, "--prog", "dispatcher", "--freplace", REPLACEMENT + ":two_arguments")
                        .error(Cli.FAILED))
                .endsWith(
                        "program two_arguments: cannot replace slot0: expected integer of 4 bytes (struct xdp_md *), found"
                                + " integer of 4 bytes (struct xdp_md *, integer of 4 bytes)");
        assertThat(Cli.run("replay", REPLACEMENT, DNS, "--prog", "drop_long").error(Cli.FAILED))
                .endsWith(
                        "program drop_long replaces a function of another program, see --freplace, section=freplace/slot1");
        assertThat(Cli.run("diff", CHAIN, DNS, "--freplace", REPLACEMENT).error(Cli.USAGE))
                .isEqualTo("--freplace: cannot be given with diff");
    }

    @Test
    void whatIsRefused() {
        assertThat(Cli.run("replay", CHAIN, DNS, "--prog", "echo", "--prog", "echo")
                        .error(Cli.USAGE))
                .isEqualTo("--prog: echo is there twice");
        assertThat(Cli.run("replay", CHAIN, DNS, "--prog", "echo", "--prog", "nix")
                        .error(Cli.FAILED))
                .endsWith("name=nix");
        assertThat(Cli.run("prog", "dump", "xlated", CHAIN, "--prog", "echo", "--prog", "last")
                        .error(Cli.USAGE))
                .isEqualTo("--prog: expected one program here, found echo, last");
    }
}
