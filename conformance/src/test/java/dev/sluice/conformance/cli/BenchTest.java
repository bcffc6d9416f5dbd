package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code sluice bench} says, and when it says nothing; how fast anything is, no test knows. */
class BenchTest {
    private static final String CAPTURE = Cli.capture("generated/size-64.pcap");
    private static final String[] SHORT = {"--sample", "4", "--repeat", "64", "--rounds", "2", "--warm-up", "0"};

    private static Cli.Result bench(Object... args) {
        List<Object> words = new ArrayList<>(List.of("bench"));
        words.addAll(List.of(args));
        words.addAll(List.of(SHORT));
        return Cli.run(words.toArray());
    }

    private static String bundled(String name) {
        return Pcaps.FOLDER.resolve("bench/" + name + ".bpf.o").toString();
    }

    private static double real(Json json) {
        return json.raw() instanceof Double real ? real : json.number();
    }

    private static boolean is(Json json) {
        return (boolean) json.raw();
    }

    private static void requireKernel() {
        if (Kernel.open() instanceof KernelAccess.Unavailable unavailable) {
            assumeTrue(false, unavailable.reason());
        }
    }

    @Test
    void jsonHasTheFieldsOfAMeasurement() {
        Json json = bench(bundled("parse"), CAPTURE, "-j").ok().json();
        assertThat(json.get("program").text()).isEqualTo("parse");
        assertThat(json.get("packets").number()).isEqualTo(2000);
        assertThat(json.get("sample").number()).isEqualTo(4);
        assertThat(json.get("repeat").number()).isEqualTo(64);
        assertThat(is(json.get("stable"))).isTrue();
        for (String side : List.of("sluice", "checked", "interpreter")) {
            assertThat(real(json.get(side).get("ns_per_packet"))).as(side).isPositive();
            assertThat(real(json.get(side).get("spread").get("q3"))).as(side).isPositive();
        }
        assertThat(real(json.get("checked").get("to_sluice"))).isPositive();
        assertThat(real(json.get("sluice").get("floor_ns"))).isPositive();
        double executed = real(json.get("instructions_executed"));
        assertThat(executed).isBetween(10.0, (double) json.get("instructions").number());
        assertThat(real(json.get("interpreter").get("ns_per_instruction")))
                .isCloseTo(
                        real(json.get("interpreter").get("ns_per_packet")) / executed,
                        org.assertj.core.data.Offset.offset(0.01));
        assertThat(json.get("whole_set").get("packets").number()).isEqualTo(2000);
        assertThat(json.get("whole_set").get("packets_per_second").number()).isPositive();
        assertThat(json.get("warm_up").get("time_ns").number()).isNotNegative();
    }

    @Test
    void withTheKernelThereIsARatioOfTheTwo() {
        requireKernel();
        Json json = bench(bundled("parse"), CAPTURE, "-j").ok().json();
        double sluice = real(json.get("sluice").get("ns_per_packet"));
        double kernel = real(json.get("kernel").get("ns_per_packet"));
        assertThat(real(json.get("ratio"))).isCloseTo(sluice / kernel, org.assertj.core.data.Offset.offset(0.01));
        assertThat(real(json.get("spread").get("q1"))).isPositive();
        assertThat(real(json.get("kernel").get("floor_ns"))).isPositive();
        assertThat(json.has("ratio_net")).isTrue();
    }

    @Test
    void anEmptyProgramHasNoNetRatio() {
        requireKernel();
        Json json = Cli.run("bench", bundled("drop"), CAPTURE, "-j", "--sample", "4", "--rounds", "5", "--warm-up", "0")
                .ok()
                .json();
        assertThat(json.get("ratio").isNull()).isFalse();
        assertThat(json.get("ratio_net").isNull()).isTrue();
        assertThat(json.get("ratio_net_reason").text()).contains("less than 3 ns");
    }

    @Test
    void aProgramThatDoesSomethingElseWithItsOwnOutputIsMarked() {
        Json json = bench(Cli.object("ipip"), CAPTURE, "--prog", "ipip_encap", "-j")
                .ok()
                .json();
        assertThat(is(json.get("stable"))).isFalse();
        assertThat(json.get("unstable").get("packets").number()).isBetween(1L, 4L);
        assertThat(json.get("unstable").get("reason").text()).contains("place or length");
        assertThat(json.get("ratio").isNull()).isTrue();
        assertThat(json.get("ratio_reason").text()).isNotEmpty();
        assertThat(real(json.get("sluice").get("ns_per_packet"))).isPositive();
        assertThat(json.get("kernel").get("to_sluice").isNull()).isTrue();
        assertThat(json.get("spread").isNull()).isTrue();
        assertThat(bench(Cli.object("ipip"), CAPTURE, "--prog", "ipip_encap", "--no-kernel")
                        .ok()
                        .out())
                .contains("does not do the same with its own output: gave the packet another place or length");
    }

    @Test
    void aProgramWhoseOutputHasOtherBytesButMakesTheSameWorkIsStable() {
        assertThat(is(bench(bundled("swap"), CAPTURE, "-j").ok().json().get("stable")))
                .isTrue();
    }

    @Test
    void withoutTheKernelItsFiguresAreNullWithAReason() {
        Json json = bench(bundled("parse"), CAPTURE, "-j", "--no-kernel").ok().json();
        assertThat(json.names())
                .containsExactly(
                        "object",
                        "program",
                        "tag",
                        "instructions",
                        "instructions_executed",
                        "engine",
                        "packets",
                        "packets_skipped",
                        "packets_cut",
                        "sample",
                        "repeat",
                        "rounds",
                        "sluice",
                        "kernel",
                        "checked",
                        "interpreter",
                        "ratio",
                        "ratio_reason",
                        "spread",
                        "ratio_net",
                        "ratio_net_reason",
                        "noisy",
                        "fault",
                        "stable",
                        "unstable",
                        "warm_up",
                        "whole_set");
        assertThat(json.get("kernel").names())
                .containsExactly("ns_per_packet", "spread", "ns_per_instruction", "to_sluice", "floor_ns", "reason");
        assertThat(json.get("kernel").get("ns_per_packet").isNull()).isTrue();
        assertThat(json.get("kernel").get("to_sluice").isNull()).isTrue();
        assertThat(json.get("kernel").get("reason").text()).contains("--no-kernel");
        assertThat(json.get("sluice").get("reason").isNull()).isTrue();
        for (String ratio : List.of("ratio", "ratio_net")) {
            assertThat(json.get(ratio).isNull()).isTrue();
            assertThat(json.get(ratio + "_reason").text()).contains("--no-kernel");
        }
        assertThat(json.get("spread").isNull()).isTrue();
        if (Kernel.open() instanceof KernelAccess.Available) {
            Json compared = bench(bundled("parse"), CAPTURE, "-j").ok().json();
            assertThat(compared.names()).isEqualTo(json.names());
            assertThat(compared.get("kernel").names())
                    .isEqualTo(json.get("kernel").names());
            assertThat(compared.get("ratio_reason").isNull()).isTrue();
        }
    }

    @Test
    void withoutTheKernelAPacketIsRunAsOftenAsWithIt() {
        Json json = Cli.run(
                        "bench",
                        bundled("drop"),
                        CAPTURE,
                        "-j",
                        "--no-kernel",
                        "--sample",
                        "4",
                        "--rounds",
                        "1",
                        "--warm-up",
                        "0")
                .ok()
                .json();
        assertThat(json.get("repeat").number()).isEqualTo(32_768);
    }

    @Test
    void withoutPermissionTheReasonIsTheKernels() throws IOException, InterruptedException {
        requireKernel();
        ProcessBuilder start = Cli.start(
                "bench",
                bundled("parse"),
                CAPTURE,
                "-j",
                "--sample",
                "1",
                "--repeat",
                "64",
                "--rounds",
                "1",
                "--warm-up",
                "0");
        start.command().addAll(0, List.of("setpriv", "--bounding-set", "-all", "--inh-caps", "-all"));
        Process process;
        try {
            process = start.redirectError(ProcessBuilder.Redirect.DISCARD).start();
        } catch (IOException e) {
            assumeTrue(false, "needs setpriv: " + e.getMessage());
            return;
        }
        Json json = Json.parse(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertThat(process.waitFor()).isZero();
        assertThat(json.get("kernel").get("ns_per_packet").isNull()).isTrue();
        assertThat(json.get("kernel").get("reason").text()).contains("bpf(2)");
        assertThat(real(json.get("sluice").get("ns_per_packet"))).isPositive();
    }

    @Test
    void plots(@TempDir Path folder) throws IOException {
        Path svg = folder.resolve("plot.svg");
        bench(bundled("drop"), CAPTURE, "--no-kernel", "--plot", svg).ok();
        assertThat(svg)
                .content()
                .startsWith("<svg")
                .contains("interpreter", "drop")
                .endsWith("</svg>\n");
        Path png = folder.resolve("plot.PNG");
        bench(bundled("drop"), CAPTURE, "--no-kernel", "--plot", png).ok();
        assertThat(ImageIO.read(png.toFile()).getHeight()).isGreaterThan(400);
        assertThat(Cli.run("bench", bundled("drop"), CAPTURE, "--plot", folder.resolve("plot.gif"))
                        .error(Cli.USAGE))
                .startsWith("--plot: expected a file named .svg or .png");
        assertThat(Files.exists(folder.resolve("plot.gif"))).isFalse();
        assertThat(Cli.run("bench", bundled("drop"), CAPTURE, "--plot", folder.resolve("none/plot.svg"))
                        .error(Cli.FAILED))
                .endsWith("its folder is not there");
        Path directory = Files.createDirectory(folder.resolve("directory.svg"));
        assertThat(Cli.run("bench", bundled("drop"), CAPTURE, "--plot", directory)
                        .error(Cli.FAILED))
                .endsWith("is a directory, expected a file");
    }

    @Test
    void aPlotThatCannotBeWrittenTakesNoResultAway(@TempDir Path folder) {
        for (String end : List.of(".svg", ".png")) {
            Cli.Result result = bench(
                    bundled("drop"), CAPTURE, "--no-kernel", "-j", "--plot", folder.resolve("x".repeat(300) + end));
            assertThat(result.message(Cli.FAILED)).contains("cannot be written").doesNotContain("Stream");
            assertThat(result.json().get("program").text()).isEqualTo("drop");
        }
    }

    @Test
    void trafficThatChanges() {
        Json change = bench(
                        bundled("tuples"), CAPTURE, "--no-kernel", "--change", Cli.capture("recorded/vlan.pcap"), "-j")
                .ok()
                .json()
                .get("change");
        for (String how : List.of("cold", "warmed_up")) {
            assertThat(change.get(how).get("before_packets_per_second").number())
                    .isPositive();
            assertThat(change.get(how).get("lowest_packets_per_second").number())
                    .isLessThanOrEqualTo(
                            change.get(how).get("after_packets_per_second").number());
            assertThat(real(change.get(how).get("fall"))).isBetween(0.0, 1.0);
            assertThat(change.get(how).get("fall_ns").number()).isNotNegative();
        }
    }

    @Test
    void withoutAnObjectItIsTheTableOfTheCommandsOwnPrograms() {
        Json table = bench("-j").ok().json();
        Json programs = table.get("programs");
        assertThat(programs.items().stream().map(row -> row.get("program").text()))
                .containsExactly("drop", "parse", "count", "tuples", "swap", "nested", "balancer", "rules");
        assertThat(table.get("change").get("program").text()).isEqualTo("tuples");
        for (Json row : programs.items()) {
            assertThat(is(row.get("stable"))).as("%s", row.get("program")).isTrue();
            Json compiled = row.get("native").get("ns_per_packet");
            if (compiled.isNull()) {
                assertThat(row.get("native").get("reason").text()).isNotEmpty();
            } else {
                assertThat(real(compiled)).isPositive();
            }
        }
        assertThat(Cli.run("bench", "--prog", "x").error(Cli.USAGE)).startsWith("--prog: expected an object");
        assertThat(Cli.run("bench", bundled("drop")).error(Cli.USAGE)).contains("expected a capture");
    }

    @Test
    void programsOfTheSameWorkInSeveralSizes() {
        Json json = bench("--sizes", "-j", "--no-kernel").ok().json();
        List<Json> sizes = json.get("sizes").items();
        assertThat(sizes.stream().map(size -> size.get("instructions").number() / 50 * 50))
                .containsExactly(0L, 450L, 1950L, 4950L, 9950L, 19950L);
        for (Json size : sizes) {
            assertThat(is(size.get("stable"))).isTrue();
            assertThat(size.get("fault").isNull()).isTrue();
            assertThat(real(size.get("instructions_executed")))
                    .isGreaterThan(0.8 * size.get("instructions").number());
            assertThat(real(size.get("sluice").get("ns_per_instruction"))).isPositive();
        }
        assertThat(real(json.get("most_to_smallest"))).isGreaterThanOrEqualTo(1);
        assertThat(Cli.run("bench", "--sizes", bundled("drop"), CAPTURE).error(Cli.USAGE))
                .startsWith("--sizes: expected neither an object");
        assertThat(Cli.run("bench", "--sizes", "--prog", "x").error(Cli.USAGE))
                .startsWith("--prog: expected an object");
    }

    @Test
    void datapathsByStageAndQueue() {
        Json cases = Cli.run(
                        "bench",
                        "--datapath=block,write,drop-2",
                        "--rounds",
                        "1",
                        "--warm-up",
                        "0",
                        "--no-kernel",
                        "-j")
                .ok()
                .json()
                .get("cases");
        assertThat(cases.items().stream().map(one -> one.get("case").text()))
                .containsExactly("block", "write", "drop-2");
        for (Json one : cases.items()) {
            assertThat(one.get("packets_per_second").number()).isPositive();
            assertThat(real(one.get("gigabits_per_second"))).isPositive();
            assertThat(one.get("stages").names()).containsExactly("read", "to_batch", "program", "verdict", "write");
            // a stage is a difference of times, and may be lost among those of a busy machine
            assertThat(real(one.get("stages").get("program"))).isNotNegative();
            assertThat(one.get("kernel").get("ns_per_packet").isNull()).isTrue();
            assertThat(one.get("kernel").get("reason").text()).contains("--no-kernel");
            assertThat(one.get("rate_to_kernel").isNull()).isTrue();
            for (Json queue : one.get("queues").items()) {
                assertThat(queue.get("packets").number()).isPositive();
            }
        }
        assertThat(cases.at(0).get("queues").items()).hasSize(1);
        assertThat(cases.at(2).get("queues").items()).hasSize(2);
        Json scaling = cases.at(2).get("scaling");
        assertThat(real(scaling.get("one_queue_ns_per_packet"))).isPositive();
        for (String way : new String[] {"queues", "processes"}) {
            assertThat(real(scaling.get(way + "_to_one"))).isPositive();
            assertThat(real(scaling.get(way + "_to_one_in_time"))).isPositive();
        }
        assertThat(Cli.run("bench", "--datapath=nothing").error(Cli.USAGE))
                .startsWith("--datapath: expected one of drop, block");
    }

    @Test
    void datapathsBesideTheKernelsLiveFrames() {
        requireKernel();
        Json one = Cli.run("bench", "--datapath=redirect", "--rounds", "1", "--warm-up", "0", "-j")
                .ok()
                .json()
                .get("cases")
                .at(0);
        assumeTrue(
                !one.get("kernel").get("ns_per_packet").isNull(),
                () -> one.get("kernel").get("reason").text());
        assertThat(real(one.get("rate_to_kernel"))).isPositive();
    }

    @Test
    void aTapBesideABareLoop() {
        Json all = Cli.run("bench", "--datapath=tap", "--rounds", "1", "--warm-up", "0", "-j")
                .ok()
                .json();
        assumeTrue(
                all.get("skipped").names().isEmpty(),
                () -> all.get("skipped").get("tap").text());
        Json tap = all.get("cases").at(0);
        assertThat(real(tap.get("rate_to_bare_loop"))).isPositive();
        assertThat(real(tap.get("bare_loop").get("ns_per_packet"))).isPositive();
        assertThat(tap.get("queues").at(0).get("packets").number()).isGreaterThanOrEqualTo(30_000);
        assertThat(real(tap.get("stages").get("write"))).isNotNegative();
    }

    @Test
    void whatCannotBeMeasuredIsSaid(@TempDir Path folder) {
        assertThat(Cli.run("bench", bundled("drop"), CAPTURE, "--rounds", "0").error(Cli.USAGE))
                .isEqualTo("--rounds: expected 1 or more, found 0");
        assertThat(bench(bundled("drop"), Cli.capture("formats/no-packets.pcap"))
                        .error(Cli.FAILED))
                .contains("no packet to run");
        assertThat(bench(bundled("drop"), folder.resolve("none.pcap")).error(Cli.FAILED))
                .contains("none.pcap");
        assertThat(bench(bundled("drop"), Cli.capture("damaged/header-cut.pcap"), "--no-kernel")
                        .error(Cli.FAILED))
                .contains("header-cut.pcap");
        Cli.Result cut = bench(bundled("drop"), Cli.capture("formats/snaplen-64.pcap"), "--no-kernel");
        assertThat(cut.exitCode()).isZero();
        assertThat(cut.err())
                .startsWith("Warning: 26 packets were cut short by the capture")
                .hasLineCount(1);
        Cli.Result damaged = bench(
                bundled("drop"), CAPTURE, "--change", Cli.capture("damaged/packet-cut.pcap"), "--no-kernel", "-j");
        assertThat(damaged.message(Cli.FAILED)).contains("packet 31 is cut off");
        assertThat(damaged.json().has("change")).isTrue();
    }

    @Test
    void optionsThatWouldChangeNothingAreRefused() {
        assertThat(Cli.run("bench", "--change", CAPTURE).error(Cli.USAGE)).startsWith("--change: cannot be given");
        assertThat(Cli.run("bench", "--sizes", "--routes", CAPTURE).error(Cli.USAGE))
                .startsWith("--routes: cannot be given");
        assertThat(Cli.run("bench", "--datapath=drop", "--sample", "3").error(Cli.USAGE))
                .startsWith("--sample: cannot be given");
        assertThat(Cli.run("bench", "--datapath=drop", "--set", "a=1").error(Cli.USAGE))
                .startsWith("--set: expected an object");
        assertThat(Cli.run("bench", Cli.object("ipip"), CAPTURE, "--prog", "ipip_encap", "--prog", "ipip_decap")
                        .error(Cli.USAGE))
                .contains("the kernel runs one program at a time");
    }

    @Test
    void datapathsOfOnesOwnProgram() {
        Json own = Cli.run(
                        "bench",
                        "--datapath",
                        Cli.object("firewall"),
                        Cli.capture("generated/imix.pcap"),
                        "--no-kernel",
                        "--rounds",
                        "1",
                        "--warm-up",
                        "0",
                        "-j")
                .ok()
                .json();
        assertThat(own.get("cases").items()).hasSize(2);
        for (int i = 0; i < 2; i++) {
            Json one = own.get("cases").at(i);
            assertThat(one.get("case").text()).isEqualTo(i == 0 ? "generated" : "capture");
            assertThat(one.get("what").text()).startsWith("firewall on ");
            assertThat(one.get("packets_per_second").number()).isPositive();
        }
        assertThat(Cli.run("bench", "--datapath=drop", Cli.object("firewall")).error(Cli.USAGE))
                .contains("cases are of programs that come with the command");
        assertThat(Cli.run("bench", "--datapath", Cli.object("firewall"), "none.pcap", "--no-kernel")
                        .error(Cli.FAILED))
                .contains("none.pcap: no such file");
    }
}
