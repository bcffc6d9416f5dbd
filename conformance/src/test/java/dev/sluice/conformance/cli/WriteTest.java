package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The captures of {@code --write}: by verdict, with time stamps and verdicts, in every format, for us and for others. */
class WriteTest {
    private static final Map<String, Integer> ACTIONS = actions();

    @TempDir
    private Path folder = Path.of("");

    private static Map<String, Integer> actions() {
        Map<String, Integer> actions = new LinkedHashMap<>();
        for (String name : List.of("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT")) {
            actions.put(name, actions.size());
        }
        return actions;
    }

    private static String shortName(String action) {
        return action.replace("XDP_", "").toLowerCase(java.util.Locale.ROOT);
    }

    /** Replays with a capture for each verdict and gives the JSON. */
    private Json replay(String object, String capture, String suffix) {
        List<Object> args = new ArrayList<>(List.of("replay", "-j", object(object), capture(capture)));
        for (String action :
                Stream.concat(ACTIONS.keySet().stream(), Stream.of("other")).toList()) {
            args.add("--write");
            args.add(shortName(action) + "=" + file(action, suffix));
        }
        return Cli.run(args.toArray()).ok().json();
    }

    private Path file(String action, String suffix) {
        return folder.resolve(shortName(action) + suffix);
    }

    @ParameterizedTest
    @ValueSource(strings = {".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz", ".pcap.zst", ".pcapng.zst"})
    void everyPacketIsInTheCaptureOfItsVerdict(String suffix) {
        Json json = replay("actions", "generated/odd.pcap", suffix);
        List<Captures.Packet> all = new ArrayList<>();
        for (String action : json.get("verdicts").names()) {
            List<Captures.Packet> packets = Captures.read(file(action, suffix)).packets();
            assertThat(packets).as(action).hasSize((int)
                    json.get("verdicts").get(action).get("packets").number());
            assertThat(packets.stream()
                            .mapToLong(packet -> packet.bytes().length)
                            .sum())
                    .as(action)
                    .isEqualTo(json.get("verdicts").get(action).get("bytes").number());
            all.addAll(packets);
        }
        // together they are the capture: the program changes nothing; in odd.pcap the clock goes backwards
        assertThat(all.stream().map(WriteTest::describe))
                .containsExactlyInAnyOrderElementsOf(
                        Captures.read(Pcaps.capture("generated/odd.pcap")).packets().stream()
                                .map(WriteTest::describe)
                                .toList());
    }

    private static String describe(Captures.Packet packet) {
        return packet.timestampNanos() + " " + packet.originalLength() + " " + Arrays.toString(packet.bytes());
    }

    @Test
    void packetsAreAsTheProgramLeftThem() {
        Cli.run(
                        "replay",
                        object("vlan"),
                        "--prog",
                        "vlan_push",
                        capture("recorded/ping.pcap"),
                        "--write",
                        "pass=" + folder.resolve("tagged.pcap"))
                .ok();
        List<Captures.Packet> before =
                Captures.read(Pcaps.capture("recorded/ping.pcap")).packets();
        List<Captures.Packet> after =
                Captures.read(folder.resolve("tagged.pcap")).packets();
        assertThat(after).hasSameSizeAs(before);
        for (int i = 0; i < after.size(); i++) {
            assertThat(after.get(i).timestampNanos()).isEqualTo(before.get(i).timestampNanos());
            assertThat(after.get(i).bytes()).hasSize(before.get(i).bytes().length + 4);
            assertThat(after.get(i).originalLength()).isEqualTo(before.get(i).originalLength() + 4);
            assertThat(Arrays.copyOfRange(after.get(i).bytes(), 12, 14)).containsExactly(0x81, 0x00);
        }
    }

    @Test
    void nanosecondsAreKept() {
        Cli.run(
                        "replay",
                        object("parser"),
                        capture("recorded/nanoseconds.pcap"),
                        "--write",
                        "pass=" + folder.resolve("out.pcap"))
                .ok();
        assertThat(Captures.read(folder.resolve("out.pcap")).packets().stream().map(WriteTest::describe))
                .containsExactlyElementsOf(Captures.read(Pcaps.capture("recorded/nanoseconds.pcap")).packets().stream()
                        .map(WriteTest::describe)
                        .toList());
    }

    @Test
    void whatIsCutStaysCut() {
        Cli.run(
                "replay",
                "-q",
                object("hello"),
                capture("formats/snaplen-64.pcap"),
                "--write",
                "pass=" + folder.resolve("out.pcapng"));
        assertThat(Captures.read(folder.resolve("out.pcapng")).packets().stream()
                        .map(WriteTest::describe))
                .containsExactlyElementsOf(Captures.read(Pcaps.capture("formats/snaplen-64.pcap")).packets().stream()
                        .map(WriteTest::describe)
                        .toList());
    }

    @Test
    void aVerdictThatDoesNotOccurGivesAnEmptyCapture() {
        replay("hello", "recorded/ping.pcap", ".pcap");
        assertThat(Captures.read(file("XDP_TX", ".pcap")).packets()).isEmpty();
    }

    @Test
    void inputsAreNotWrittenOver() throws IOException {
        Path copy = Files.copy(Pcaps.capture("generated/odd.pcap"), folder.resolve("in.pcap"));
        Path program = Files.copy(Pcaps.object("hello"), folder.resolve("hello.bpf.o"));
        Path link = Files.createSymbolicLink(folder.resolve("link.pcap"), copy);
        Path hardLink = Files.createLink(folder.resolve("hard.pcap"), copy);
        for (Path file : List.of(copy, link, hardLink, program)) {
            assertThat(Cli.run("replay", program, copy, "--write", "pass=" + file)
                            .error(Cli.FAILED))
                    .isEqualTo(file + ": is read in this run, expected another file to write");
        }
        assertThat(copy).hasSameBinaryContentAs(Pcaps.capture("generated/odd.pcap"));
        assertThat(program).hasSameBinaryContentAs(Pcaps.object("hello"));
    }

    @Test
    void oneFileForTwoVerdictsIsRefused() throws IOException {
        Path file = folder.resolve("out.pcap");
        Path again = folder.resolve("../" + folder.getFileName() + "/out.pcap");
        for (int round = 0; round < 2; round++) {
            assertThat(Cli.run(
                                    "replay",
                                    object("actions"),
                                    capture("generated/odd.pcap"),
                                    "--write",
                                    "pass=" + file,
                                    "--write",
                                    "drop=" + again)
                            .error(Cli.USAGE))
                    .isEqualTo("--write: expected a file for each verdict, found twice " + again);
            Files.deleteIfExists(file);
            Files.createFile(file); // the same when it is there
        }
    }

    /** The capture alone: what is printed otherwise goes to standard error. */
    @Test
    void standardOutput() throws IOException, InterruptedException {
        Path out = folder.resolve("out.pcap");
        Path errors = folder.resolve("errors.txt");
        Process process = Cli.start("replay", object("hello"), capture("recorded/ping.pcap"), "--write", "pass=-")
                .redirectOutput(out.toFile())
                .redirectError(errors.toFile())
                .start();
        assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(errors)).isZero();
        assertThat(Captures.read(out).packets()).hasSize(37);
        assertThat(Files.readString(errors)).contains("XDP_PASS       37  11,218  100.0 %");
    }

    // --- other people's tools

    @Test
    void tsharkReadsTimesAndVerdicts() throws IOException, InterruptedException {
        assumeInstalled("tshark");
        Json json = replay("actions", "generated/odd.pcap", ".pcapng");
        Map<String, Captures.Packet> byNumber = new LinkedHashMap<>();
        int number = 0;
        for (Captures.Packet packet :
                Captures.read(Pcaps.capture("generated/odd.pcap")).packets()) {
            byNumber.put(Integer.toString(++number), packet);
        }
        for (Map.Entry<String, Integer> action : ACTIONS.entrySet()) {
            List<String> lines = output(
                    "tshark",
                    "-r",
                    file(action.getKey(), ".pcapng").toString(),
                    "-T",
                    "fields",
                    "-e",
                    "frame.packet_id",
                    "-e",
                    "frame.time_epoch",
                    "-e",
                    "frame.len",
                    "-e",
                    "frame.verdict.ebpf_xdp",
                    "-e",
                    "frame.interface_queue");
            assertThat(lines).hasSize((int)
                    json.get("verdicts").get(action.getKey()).get("packets").number());
            for (String line : lines) {
                String[] fields = line.split("\t", -1);
                Captures.Packet packet = byNumber.get(fields[0]);
                assertThat(packet).as("frame.packet_id of %s", line).isNotNull();
                assertThat(new java.math.BigDecimal(fields[1]).movePointRight(9).longValueExact())
                        .isEqualTo(packet.timestampNanos());
                assertThat(fields[2]).isEqualTo(Integer.toString(packet.bytes().length));
                assertThat(fields[3]).isEqualTo(Integer.toString(action.getValue()));
                assertThat(fields[4]).isEqualTo("0");
            }
        }
    }

    @Test
    void tcpdumpReadsClassicCaptures() throws IOException, InterruptedException {
        assumeInstalled("tcpdump");
        Json json = replay("echo_tx", "recorded/ping.pcap", ".pcap");
        List<String> lines =
                output("tcpdump", "-nnr", file("XDP_TX", ".pcap").toString(), "--time-stamp-precision=nano", "-tt");
        assertThat(lines)
                .hasSize((int) json.get("verdicts").get("XDP_TX").get("packets").number());
        assertThat(lines).anyMatch(line -> line.contains("10.10.0.2 > 10.10.0.1: ICMP echo reply"));
        List<Captures.Packet> packets = Captures.read(file("XDP_TX", ".pcap")).packets();
        for (int i = 0; i < lines.size(); i++) {
            String time = lines.get(i).substring(0, lines.get(i).indexOf(' '));
            assertThat(new java.math.BigDecimal(time).movePointRight(9).longValueExact())
                    .isEqualTo(packets.get(i).timestampNanos());
        }
    }

    private static void assumeInstalled(String tool) {
        assumeTrue(
                Stream.of(System.getenv("PATH").split(":")).anyMatch(dir -> Files.isExecutable(Path.of(dir, tool))),
                "needs " + tool);
    }

    private List<String> output(String... command) throws IOException, InterruptedException {
        Path errors = folder.resolve("errors.txt");
        Process process =
                new ProcessBuilder(command).redirectError(errors.toFile()).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as("%s: %s", List.of(command), Files.readString(errors))
                .isZero();
        return out.lines().toList();
    }
}
