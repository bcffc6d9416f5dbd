package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sluice replay}: what it prints, and what its options change. */
class ReplayTest {
    private static final String ODD = capture("generated/odd.pcap");
    private static final List<String> ACTIONS =
            List.of("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT");

    // --- the kernel's results

    @TestFactory
    Stream<DynamicTest> jsonHasTheKernelsResults() {
        return Pcaps.files(Pcaps.FOLDER.resolve("golden"), ".json").stream()
                .filter(file -> !file.toString().matches(".*/(core|callback|map_types)\\.json"))
                .flatMap(file -> {
                    Json golden = Json.read(file);
                    String name = file.getFileName().toString().replace(".json", "");
                    String object = object(Files.exists(Pcaps.object(name)) ? name : "features/" + name);
                    return golden.get("programs").names().stream()
                            .map(program -> dynamicTest(
                                    name + " " + program,
                                    () -> compare(
                                            object,
                                            program,
                                            golden.get("programs").get(program))));
                });
    }

    private static void compare(String object, String program, Json golden) {
        for (String capture : List.of("generated/odd.pcap", "recorded/dns.pcap")) {
            Json expected = golden.get(capture);
            Cli.Result result = Cli.run("replay", "--json", "--prog", program, object, capture(capture));
            assertThat(result.exitCode()).as("%s", result.err()).isEqualTo(Cli.OK);
            assertThat(result.err()).isEmpty();
            Json found = result.json();
            assertThat(found.names())
                    .contains("packets", "bytes", "duration_ns", "rate_pps", "verdicts", "maps", "trace");
            assertThat(found.get("program").text()).isEqualTo(program);
            assertThat(found.get("packets").number())
                    .isEqualTo(expected.get("packets").number());
            assertThat(found.get("duration_ns").number()).isPositive();
            assertThat(verdicts(found)).isEqualTo(goldenVerdicts(expected));
            long bytes =
                    verdicts(found).values().stream().mapToLong(List::getLast).sum();
            assertThat(found.get("bytes").number()).isEqualTo(bytes);
            if (expected.has("maps")) {
                compareMaps(expected.get("maps"), found.get("maps"));
                List<String> trace =
                        found.get("trace").items().stream().map(Json::text).toList();
                if (expected.has("trace")) {
                    assertThat(trace)
                            .hasSize((int) expected.get("trace").get("lines").number());
                    List<String> first = expected.get("trace").get("first").items().stream()
                            .map(Json::text)
                            .toList();
                    assertThat(trace.subList(0, first.size())).isEqualTo(first);
                } else {
                    assertThat(trace).isEmpty();
                }
            }
            // the counters map says the same as the verdicts
            for (Json entry : found.get("maps").get("xdp_counters").items()) {
                Json formatted = entry.get("formatted");
                Json value = formatted.get("values").at(0).get("value");
                String action = formatted.get("key").text();
                Json verdict = found.get("verdicts").get(action);
                assertThat(value.get("packets").number())
                        .isEqualTo(verdict.get("packets").number());
                assertThat(value.get("bytes").number())
                        .isEqualTo(verdict.get("bytes").number());
            }
        }
    }

    /** Packets and bytes by what was returned; only what occurred. */
    private static Map<String, List<Long>> verdicts(Json found) {
        Map<String, List<Long>> verdicts = new TreeMap<>();
        Json all = found.get("verdicts");
        assertThat(all.names()).containsAll(ACTIONS).contains("other").hasSize(ACTIONS.size() + 1);
        for (String action : ACTIONS) {
            add(verdicts, action, all.get(action));
        }
        Json values = all.get("other").get("values");
        long packets = 0;
        for (String value : values.names()) {
            add(verdicts, value, values.get(value));
            packets += values.get(value).get("packets").number();
        }
        assertThat(all.get("other").get("packets").number()).isEqualTo(packets);
        return verdicts;
    }

    private static void add(Map<String, List<Long>> verdicts, String name, Json count) {
        if (count.get("packets").number() > 0) {
            verdicts.put(
                    name,
                    List.of(count.get("packets").number(), count.get("bytes").number()));
        }
    }

    private static Map<String, List<Long>> goldenVerdicts(Json expected) {
        Map<String, List<Long>> verdicts = new TreeMap<>();
        for (String name : expected.get("verdicts").names()) {
            Json count = expected.get("verdicts").get(name);
            verdicts.put(name, List.of(count.at(0).number(), count.at(1).number()));
        }
        return verdicts;
    }

    /** The entries that the golden results show, as {@code bpftool -j map dump} prints them. */
    private static void compareMaps(Json expected, Json found) {
        for (String name : expected.names()) {
            String shown = found.names().stream()
                    .filter(candidate -> name.startsWith(".") ? candidate.endsWith(name) : candidate.equals(name))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no map " + name + " in " + found.names()));
            List<Json> entries = found.get(shown).items();
            assertThat(entries).as(name).hasSize((int)
                    expected.get(name).get("entries").number());
            if (!expected.get(name).has("values")) {
                continue;
            }
            Map<String, String> values = new TreeMap<>();
            boolean array = !entries.isEmpty() && isArray(entries);
            for (Json entry : entries) {
                String value =
                        hex(entry.has("values") ? entry.get("values").at(0).get("value") : entry.get("value"));
                values.put(hex(entry.get("key")), value);
            }
            Json golden = expected.get(name).get("values");
            for (String key : golden.names()) {
                String keyHex = array && values.get(key) == null
                        ? "%02x%02x0000".formatted(Integer.parseInt(key) & 0xff, Integer.parseInt(key) >> 8)
                        : key;
                assertThat(values.get(keyHex))
                        .as("%s[%s]", name, key)
                        .isEqualTo(golden.get(key).text());
            }
        }
    }

    private static boolean isArray(List<Json> entries) {
        for (int i = 0; i < entries.size(); i++) {
            if (!hex(entries.get(i).get("key")).equals("%02x%02x0000".formatted(i & 0xff, i >> 8))) {
                return false;
            }
        }
        return true;
    }

    private static String hex(Json bytes) {
        StringBuilder hex = new StringBuilder();
        for (Json item : bytes.items()) {
            assertThat(item.text()).matches("0x[0-9a-f]{2}");
            hex.append(item.text(), 2, 4);
        }
        return hex.toString();
    }

    // --- the table

    @Test
    void table() {
        String text = Cli.run("replay", object("hello"), capture("recorded/ping.pcap"))
                .ok()
                .out();
        assertThat(text.lines().limit(6))
                .satisfiesExactly(
                        line -> assertThat(line)
                                .matches("hello\\.bpf\\.o: program hello \\(tag [0-9a-f]{16}\\) on .*ping\\.pcap"),
                        line -> assertThat(line)
                                .matches("37 packets, 11,218 bytes in [0-9.]+ (µs|ms|s), .* ?packets/s, .* ?bit/s"),
                        line -> assertThat(line).isEmpty(),
                        line -> assertThat(line).isEqualTo("verdict   packets   bytes    share"),
                        line -> assertThat(line).isEqualTo("XDP_DROP        0       0    0.0 %"),
                        line -> assertThat(line).isEqualTo("XDP_PASS       37  11,218  100.0 %"));
        assertThat(text)
                .contains("\nmap 1: hello.bss, array, 1 entry\n", "{\"counter\":37}")
                .contains("xdp_counters, percpu_array, 6 entries\n", "\"XDP_PASS\": {\"packets\":37,\"bytes\":11218}\n")
                .contains("\ntrace, 37 lines\n  Hello World 0\n  Hello World 1\n")
                .contains("Hello World 19\n  … 17 more, see --json\n")
                .doesNotContain("Hello World 20", "\u001b", "\r");
    }

    @Test
    void tableOfEverythingThatCanBeReturned() {
        String text = Cli.run("replay", object("actions"), capture("generated/imix.pcap"), ODD)
                .ok()
                .out();
        assertThat(text.lines().skip(3).takeWhile(line -> !line.isEmpty()).map(line -> line.replaceAll("  .*", "")))
                .containsExactly(
                        "verdict",
                        "XDP_ABORTED",
                        "XDP_DROP",
                        "XDP_PASS",
                        "XDP_TX",
                        "XDP_REDIRECT",
                        "other, -1",
                        "other, 5",
                        "other, 77");
        // aligned: all of the table's lines are equally long
        assertThat(text.lines()
                        .skip(3)
                        .takeWhile(line -> !line.isEmpty())
                        .map(String::length)
                        .distinct())
                .hasSize(1);
    }

    @Test
    void prettyIsTheSameJson() {
        Object[] args = {"replay", object("parser"), ODD};
        Cli.Result plain = Cli.run(args[0], "-j", args[1], args[2]).ok();
        Cli.Result pretty = Cli.run(args[0], "-p", args[1], args[2]).ok();
        assertThat(plain.out().lines()).hasSize(1);
        assertThat(pretty.out().lines()).hasSizeGreaterThan(20);
        assertThat(withoutTimes(pretty.out()).replaceAll("\\s", ""))
                .isEqualTo(withoutTimes(plain.out()).replaceAll("\\s", ""));
    }

    @Test
    void noPackets() {
        Cli.Result result = Cli.run("replay", object("hello"), capture("formats/no-packets.pcap"))
                .ok();
        assertThat(result.out()).contains("\n0 packets, 0 bytes in ", "XDP_PASS        0      0      -\n");
        Json json = Cli.run("replay", "-j", object("hello"), capture("formats/no-packets.pcapng"))
                .ok()
                .json();
        assertThat(json.get("packets").number()).isZero();
        assertThat(json.get("rate_pps").number()).isZero();
    }

    @Test
    void packetsThatTheCaptureCut() {
        Cli.Result result = Cli.run("replay", object("hello"), capture("formats/snaplen-64.pcap"));
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).matches("Warning: [0-9]+ packets were cut short by the capture; .*\n");
    }

    // --- formats

    @ParameterizedTest
    @ValueSource(
            strings = {
                "be-micro.pcap",
                "le-nano.pcap",
                "be-nano.pcap",
                "le.pcapng",
                "be.pcapng",
                "sections.pcapng",
                "micro.pcap.gz",
                "two-members.pcap.gz",
                "micro.pcap.zst",
                "two-frames.pcap.zst",
                "le.pcapng.gz",
                "le.pcapng.zst"
            })
    void everyFormatGivesTheSame(String file) {
        Json expected = replay("formats/le-micro.pcap");
        Json found = replay("formats/" + file);
        for (String member : List.of("packets", "bytes", "verdicts", "maps", "trace", "tag")) {
            assertThat(found.get(member).raw())
                    .as(member)
                    .isEqualTo(expected.get(member).raw());
        }
    }

    private static Json replay(String capture) {
        return Cli.run("replay", "-j", object("parser"), capture(capture)).ok().json();
    }

    @Test
    void standardInput() throws IOException, InterruptedException {
        Path errors = Files.createTempFile("sluice", ".err");
        // "-" is the process's own standard input, which another JVM must have
        Process process = Cli.start("replay", "-j", object("parser"), "-")
                .redirectInput(Pcaps.capture("recorded/tcp-loss.pcap.gz").toFile())
                .redirectError(errors.toFile())
                .start();
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            process.getInputStream().transferTo(out);
            assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
            assertThat(Files.readString(errors)).isEmpty();
            assertThat(process.exitValue()).isZero();
            Json json = Json.parse(out.toString(StandardCharsets.UTF_8));
            Json expected = replay("recorded/tcp-loss.pcap");
            assertThat(json.get("packets").number()).isEqualTo(159);
            assertThat(json.get("verdicts").raw())
                    .isEqualTo(expected.get("verdicts").raw());
            assertThat(json.get("maps").raw()).isEqualTo(expected.get("maps").raw());
        } finally {
            process.destroyForcibly();
            Files.delete(errors);
        }
    }

    // --- options

    @Test
    void limitAndRepeat() {
        assertThat(packets("-c", "10")).isEqualTo(10);
        assertThat(packets("-c", "0")).isZero();
        assertThat(packets("-c", "100000")).isEqualTo(366);
        assertThat(packets("--repeat", "7")).isEqualTo(7 * 366);
        assertThat(packets("--repeat", "3", "-c", "400")).isEqualTo(400);
        assertThat(packets(ODD)).isEqualTo(2 * 366);
        // the program is not loaded anew: it counts on
        Json json = Cli.run("replay", "-j", object("hello"), ODD, "--repeat", "3", "--trace-limit", "5")
                .ok()
                .json();
        assertThat(json.get("maps")
                        .get("hello.bss")
                        .at(0)
                        .get("formatted")
                        .get("value")
                        .get(".bss")
                        .at(0)
                        .get("counter")
                        .number())
                .isEqualTo(3 * 366);
        assertThat(json.get("trace").items()).hasSize(5);
        assertThat(json.get("trace_lines").number()).isEqualTo(3 * 366);
    }

    private static long packets(String... options) {
        List<String> args = new ArrayList<>(List.of("replay", "-j", object("parser"), ODD));
        args.addAll(List.of(options));
        Json json = Cli.run(args.toArray()).ok().json();
        long sum = 0;
        for (String action : json.get("verdicts").names()) {
            sum += json.get("verdicts").get(action).get("packets").number();
        }
        assertThat(json.get("packets").number()).isEqualTo(sum);
        return sum;
    }

    @ParameterizedTest
    @ValueSource(strings = {"interpreter", "jit"})
    void theSameInputGivesTheSameOutput(String engine) {
        // of programs that read the time and random numbers, with any number of queues
        for (String program : List.of("gaps", "sample", "rate_limit")) {
            for (String queues : List.of("1", "3")) {
                List<String> outputs = new ArrayList<>();
                for (String seed : List.of("7", "7", "8")) {
                    outputs.add(withoutTimes(Cli.run(
                                    "replay",
                                    "-j",
                                    object("clock"),
                                    "--prog",
                                    program,
                                    capture("generated/size-64.pcap"),
                                    "--queues",
                                    queues,
                                    "--seed",
                                    seed,
                                    "--engine",
                                    engine)
                            .ok()
                            .out()));
                }
                assertThat(outputs.get(1)).isEqualTo(outputs.get(0));
                if (program.equals("sample")) {
                    assertThat(outputs.get(2)).as("another seed").isNotEqualTo(outputs.get(0));
                }
            }
        }
    }

    private static String withoutTimes(String json) {
        return json.replaceAll("\"(duration_ns|rate_pps)\":\\s*[0-9]+", "\"$1\":0");
    }

    @Test
    void enginesAgree() {
        for (String program : List.of("gaps", "sample", "rate_limit")) {
            List<String> outputs = new ArrayList<>();
            for (String engine : List.of("interpreter", "jit")) {
                outputs.add(withoutTimes(
                                Cli.run("replay", "-j", object("clock"), "--prog", program, ODD, "--engine", engine)
                                        .ok()
                                        .out())
                        .replaceAll("\"engine\":\"[^\"]*\"", ""));
            }
            assertThat(outputs.get(1)).isEqualTo(outputs.get(0));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, capture", "2, capture", "5, capture", "1, machine", "4, machine"})
    void queuesAndClocksChangeNothingForAProgramThatSeesNeither(String queues, String clock) {
        Json expected = Cli.run("replay", "-j", object("parser"), ODD).ok().json();
        Json found = Cli.run("replay", "-j", object("parser"), ODD, "--queues", queues, "--clock", clock)
                .ok()
                .json();
        assertThat(found.get("verdicts").raw())
                .isEqualTo(expected.get("verdicts").raw());
        assertThat(sums(found)).isEqualTo(sums(expected));
    }

    /** The parser's counters, added up over CPUs. */
    private static List<Long> sums(Json replay) {
        List<Long> sums = new ArrayList<>();
        for (Json entry : replay.get("maps").get("classes").items()) {
            long sum = 0;
            for (Json cpu : entry.get("formatted").get("values").items()) {
                Json value = cpu.get("value");
                for (String field : value.names()) {
                    sum = 31 * sum + value.get(field).number();
                }
            }
            long packets = 0;
            for (Json cpu : entry.get("formatted").get("values").items()) {
                packets += cpu.get("value").get("packets").number();
            }
            sums.add(packets);
        }
        return sums;
    }

    @Test
    void captureTimeIsTheTimeThatProgramsSee() {
        // rate_limit lets a number of packets a second pass; by the machine's clock all packets come at once
        String[] args = {"replay", "-j", object("clock"), "--prog", "gaps", capture("recorded/ping.pcap")};
        Json byCapture = Cli.run((Object[]) args).ok().json();
        assertThat(byCapture.get("packets").number()).isEqualTo(37);
        assertThat(byCapture.get("maps").toString())
                .isNotEqualTo(Cli.run(Stream.concat(Stream.of(args), Stream.of("--clock", "machine"))
                                .toArray())
                        .ok()
                        .json()
                        .get("maps")
                        .toString());
    }

    @Test
    void originalTiming() {
        // 24 pings in 48 ms
        long start = System.nanoTime();
        Json json = Cli.run("replay", "-j", object("parser"), capture("recorded/nanoseconds.pcap"), "--speed", "1")
                .ok()
                .json();
        long duration = json.get("duration_ns").number();
        assertThat(System.nanoTime() - start).isGreaterThan(duration);
        assertThat(json.get("packets").number()).isEqualTo(24);
        assertThat(duration).isGreaterThan(spanNanos());
        Json twice = Cli.run("replay", "-j", object("parser"), capture("recorded/nanoseconds.pcap"), "--speed", "0.5")
                .ok()
                .json();
        assertThat(twice.get("duration_ns").number()).isGreaterThan(2 * spanNanos());
    }

    private static long spanNanos() {
        return Captures.read(Pcaps.capture("recorded/nanoseconds.pcap")).spanNanos();
    }

    @Test
    void mtu() {
        Json json = Cli.run("replay", "-j", object("parser"), capture("generated/imix.pcap"), "--mtu", "600")
                .ok()
                .json();
        assertThat(json.get("packets").number()).isEqualTo(600);
        assertThat(json.get("too_long").number()).isEqualTo(50);
        String text = Cli.run("replay", object("parser"), capture("generated/imix.pcap"), "--mtu", "600")
                .ok()
                .out();
        assertThat(text).contains("too long, not judged       50");
    }

    @Test
    void whatLinuxWouldRefuseIsRefused(@TempDir Path folder) throws IOException {
        // the result of this program becomes a byte from above its stack: r0 = *(u8 *)(r10 + 8)
        String code = HexFormat.of().formatHex(Files.readAllBytes(Pcaps.object("drop_udp_port")));
        int last = code.lastIndexOf("9500000000000000");
        Path bad = folder.resolve("bad.bpf.o");
        Files.write(
                bad, HexFormat.of().parseHex(code.substring(0, last - 16) + "71a0080000000000" + code.substring(last)));
        Cli.Result refused = Cli.run("replay", bad, ODD);
        assertThat(refused.exitCode()).isEqualTo(4);
        assertThat(refused.err())
                .contains(": program drop_udp_port: rejected by the verifier\n")
                .contains("\ninvalid read from stack R10 off=8 size=1\n")
                .contains("\nto run it all the same, with every access checked: --engine jit-checked\n");
        for (String engine : List.of("jit-checked", "interpreter")) {
            Cli.Result run = Cli.run("replay", "-j", bad, ODD, "--engine", engine);
            assertThat(run.exitCode()).isZero();
            assertThat(run.json().get("engine").text()).isEqualTo(engine);
            Json report = run.json().get("fault_reports").items().getFirst();
            assertThat(report.get("kind").text()).isEqualTo("MEMORY");
            assertThat(report.get("registers").items()).hasSize(11);
            assertThat(report.get("bytes").text()).isNotEmpty();
            assertThat(run.err())
                    .contains(" aborted: program drop_udp_port: pc ")
                    .contains("\n  r0=0x")
                    .contains("  the packet, ");
        }
        assertThat(Cli.run("replay", "-j", object("parser"), ODD)
                        .ok()
                        .json()
                        .get("engine")
                        .text())
                .isEqualTo("jit");
    }

    /** There is no packet then, but all else that a report has. */
    @Test
    void aFaultOfATimersCallbackIsReported(@TempDir Path folder) throws IOException {
        Path good = Pcaps.FOLDER.resolve("verifier").resolve("expiry.bpf.o");
        String code = HexFormat.of().formatHex(Files.readAllBytes(good));
        // in the callback r3 = *(u64 *)(r8 + 0) becomes r3 = *(u64 *)(r10 + 8), above its stack
        int at = code.indexOf("7983000000000000");
        assertThat(code.indexOf("7983000000000000", at + 1)).isEqualTo(-1);
        Path bad = folder.resolve("expiry.bpf.o");
        Files.write(bad, HexFormat.of().parseHex(code.substring(0, at) + "79a3080000000000" + code.substring(at + 16)));
        for (String engine : List.of("jit-checked", "interpreter")) {
            Cli.Result run = Cli.run("replay", "-j", bad, Pcaps.capture("recorded/http.pcap"), "--engine", engine);
            assertThat(run.exitCode()).isZero();
            assertThat(run.json().get("faults").number()).isPositive();
            Json report = run.json().get("fault_reports").items().getFirst();
            assertThat(report.get("packet").isNull()).isTrue();
            assertThat(report.get("program").text()).isEqualTo("expiry");
            assertThat(report.get("kind").text()).isEqualTo("MEMORY");
            assertThat(report.get("pc").number()).isEqualTo(117);
            assertThat(report.get("file").text()).isEqualTo("expiry.bpf.c");
            assertThat(report.get("line").number()).isPositive();
            assertThat(report.get("registers").items()).hasSize(11);
            assertThat(run.err().lines().findFirst().orElse(""))
                    .startsWith(
                            "Warning: the callback of a timer stopped: program expiry: pc 117: invalid read of memory")
                    .contains(" ; expired_packets += source->packets; @ expiry.bpf.c:");
            assertThat(run.err()).contains("\n  r0=0x").doesNotContain("the packet, ");
        }
    }

    @Test
    void aFaultIsNamedWithItsPlace() {
        Cli.Result result = Cli.run("replay", "-j", object("parser"), ODD, "--max-insns", "20");
        assertThat(result.exitCode()).isZero();
        assertThat(result.json().get("faults").number()).isPositive();
        assertThat(result.json()
                        .get("verdicts")
                        .get("XDP_ABORTED")
                        .get("packets")
                        .number())
                .isEqualTo(result.json().get("faults").number());
        assertThat(result.err().lines().findFirst().orElse(""))
                .matches("Warning: packet [0-9]+ aborted: program parser: pc [0-9]+: the run took too long: "
                        + "expected at most 20 instructions ; .* @ (parser\\.bpf\\.c|packet\\.h):[0-9]+");
    }
}
