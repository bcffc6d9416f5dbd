package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.FAILED;
import static dev.sluice.conformance.cli.Cli.PIPE_CLOSED;
import static dev.sluice.conformance.cli.Cli.USAGE;
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
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong with a command line or a file: one clear message, the right exit code, no stack trace. */
class ReplayErrorsTest {
    private static final String HELLO = object("hello");
    private static final String ODD = capture("generated/odd.pcap");

    @TempDir
    private Path folder = Path.of("");

    // --- objects

    @Test
    void missingObject() {
        assertThat(Cli.run("replay", "nowhere.bpf.o", ODD).error(FAILED)).isEqualTo("nowhere.bpf.o: no such file");
    }

    @Test
    void aFolder() {
        assertThat(Cli.run("replay", folder, ODD).error(FAILED)).isEqualTo(folder + ": cannot be read: Is a directory");
    }

    @Test
    void notAnElf() {
        assertThat(Cli.run("replay", ODD, ODD).error(FAILED)).startsWith(ODD + ": not an ELF object: expected ");
    }

    @Test
    void anObjectOfAnotherMachine() throws IOException {
        byte[] bytes = Pcaps.bytes(Path.of(HELLO));
        bytes[18] = 62; // e_machine
        bytes[19] = 0;
        Path file = Files.write(folder.resolve("x86.o"), bytes);
        assertThat(Cli.run("replay", file, ODD).error(FAILED))
                .isEqualTo(file + ": object for another machine: expected BPF (247), found x86-64 (62)"
                        + " (compile with clang -target bpf)");
    }

    @Test
    void aTruncatedObject() throws IOException {
        Path file = Files.write(folder.resolve("half.o"), Arrays.copyOf(Pcaps.bytes(Path.of(HELLO)), 1000));
        assertThat(Cli.run("replay", file, ODD).error(FAILED))
                .startsWith(file + ": ")
                .contains("beyond the end of the file")
                .endsWith("size=1000");
    }

    @Test
    void anEmptyObject() throws IOException {
        Path file = Files.write(folder.resolve("empty.o"), new byte[0]);
        assertThat(Cli.run("replay", file, ODD).error(FAILED)).isEqualTo(file + ": empty file: expected an ELF object");
    }

    @Test
    void severalPrograms() {
        assertThat(Cli.run("replay", object("vlan"), ODD).error(FAILED))
                .isEqualTo(object("vlan")
                        + ": several XDP programs, choose one with --prog: vlan_push (xdp), vlan_pop (xdp)");
    }

    @Test
    void noSuchProgram() {
        assertThat(Cli.run("replay", object("vlan"), "--prog", "vlan_drop", ODD).error(FAILED))
                .isEqualTo(object("vlan")
                        + ": no such program, expected one of vlan_push (xdp), vlan_pop (xdp), name=vlan_drop");
    }

    @Test
    void aMapTypeThatDoesNotExist() throws IOException {
        Path file = withMapWord(0, 99);
        assertThat(Cli.run("replay", file, ODD).error(FAILED))
                .isEqualTo(file + ": map protocols: no such map type, type=99");
    }

    @Test
    void aMapThatCannotBe() throws IOException {
        Path file = withMapWord(8, 0);
        assertThat(Cli.run("replay", file, ODD).error(FAILED))
                .startsWith(file + ": map protocols: ")
                .contains("value_size=0")
                .endsWith("errno=EINVAL");
    }

    @Test
    void aMapThatDoesNotFitIntoMemory() throws IOException {
        Path file = withMapWord(12, -1);
        assertThat(Cli.run("replay", file, ODD).error(FAILED))
                .startsWith(file + ": map protocols: no memory for max_entries=4294967295");
    }

    /** An object whose program's map has another word at an offset: type, key size, value size, entries. */
    private Path withMapWord(int offset, int value) throws IOException {
        byte[] bytes = Pcaps.bytes(Pcaps.object("legacy/old_maps-20"));
        int at = indexOf(bytes, new byte[] {2, 0, 0, 0, 4, 0, 0, 0, 16, 0, 0, 0});
        for (int i = 0; i < Integer.BYTES; i++) {
            bytes[at + offset + i] = (byte) (value >> 8 * i);
        }
        return Files.write(folder.resolve("map.o"), bytes);
    }

    private static int indexOf(byte[] bytes, byte[] part) {
        for (int at = 0; at <= bytes.length - part.length; at++) {
            if (Arrays.equals(bytes, at, at + part.length, part, 0, part.length)) {
                return at;
            }
        }
        throw new AssertionError("not found");
    }

    @Test
    void aProgramOfAnotherTypeIsNotTakenForXdp() throws IOException {
        String bytes = new String(Pcaps.bytes(Pcaps.object("hello")), StandardCharsets.ISO_8859_1);
        Path other = Files.write(
                folder.resolve("other.bpf.o"), bytes.replace("xdp\0", "tcx\0").getBytes(StandardCharsets.ISO_8859_1));
        assertThat(Cli.run("replay", other, ODD).error(FAILED))
                .isEqualTo(other + ": no XDP program, found hello (tcx)");
    }

    @Test
    void anUnresolvedExtern() {
        assertThat(Cli.run("replay", object("features/linked_main"), ODD).error(FAILED))
                .startsWith(object("features/linked_main") + ": ")
                .contains("undefined symbol")
                .endsWith("name=classify");
    }

    // --- captures

    @Test
    void missingCapture() {
        assertThat(Cli.run("replay", HELLO, "nowhere.pcap").error(FAILED)).isEqualTo("nowhere.pcap: no such file");
        assertThat(Cli.run("replay", HELLO, ODD, "nowhere.pcap").error(FAILED)).isEqualTo("nowhere.pcap: no such file");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "recorded/cooked.pcap | Linux cooked capture, version 2 (DLT_LINUX_SLL2 = 276)",
                "formats/cooked.pcap  | Linux cooked capture (DLT_LINUX_SLL = 113)",
                "formats/raw-ip.pcap  | raw IP (DLT_RAW = 101)"
            })
    void notEthernet(String name, String linkType) {
        assertThat(Cli.run("replay", HELLO, capture(name)).error(FAILED))
                .startsWith(capture(name) + ": link type is " + linkType + ", expected Ethernet");
    }

    @Test
    void notEthernetFromTheSecondPacketOn() {
        Cli.Result result = Cli.run("replay", "-j", HELLO, capture("formats/two-linktypes.pcapng"));
        assertThat(result.message(FAILED))
                .startsWith(capture("formats/two-linktypes.pcapng") + ": packet 2 is not Ethernet: ");
        assertThat(result.json().get("packets").number()).isEqualTo(1);
    }

    static Stream<List<String>> damagedCaptures() throws IOException {
        List<String> lines = Files.readAllLines(Pcaps.capture("damaged/expected.tsv"));
        assertThat(lines).hasSizeGreaterThan(20);
        return lines.stream().skip(1).map(line -> List.of(line.split("\t", -1)));
    }

    /** The packets before the damage are replayed; the message says where it is. */
    @ParameterizedTest
    @MethodSource("damagedCaptures")
    void damagedCapture(List<String> expected) {
        String file = capture("damaged/" + expected.get(0));
        Cli.Result result = Cli.run("replay", "-j", object("proto_counter"), file);
        String message = result.message(FAILED);
        assertThat(message).startsWith(file + ": ");
        Json json = result.json();
        long before = Long.parseLong(expected.get(1));
        if (before == 0) {
            assertThat(json.names()).containsExactly("error");
            assertThat(json.get("error").text()).isEqualTo(message);
            return;
        }
        if (before > 0) {
            assertThat(json.get("packets").number()).isEqualTo(before);
            assertThat(message).contains("packet " + (before + 1)).endsWith("offset=" + expected.get(2));
        } else if (json.has("error")) {
            assertThat(json.get("error").text()).isEqualTo(message);
            return;
        } else {
            assertThat(json.get("packets").number()).isBetween(1L, 60L);
        }
        assertThat(json.get("errors").items()).hasSize(1);
        assertThat(json.get("errors").at(0).text()).isEqualTo(message);
        assertThat(json.get("verdicts").get("XDP_PASS").get("packets").number())
                .isEqualTo(json.get("packets").number());
    }

    // --- options

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "-c -1                          | -c: expected 0 or more, found -1",
                "--repeat 0                     | --repeat: expected 1 or more, found 0",
                "--repeat -3                    | --repeat: expected 1 or more, found -3",
                "--queues 0                     | --queues: expected 1 or more, found 0",
                "--queues 257                   | --queues: expected at most 256, found 257",
                "--speed 0                      | --speed: expected max or a number above 0, found 0",
                "--speed -1                     | --speed: expected max or a number above 0, found -1",
                "--speed fast                   | --speed: expected max or a number above 0, found fast",
                "--speed NaN                    | --speed: expected max or a number above 0, found NaN",
                "--speed Infinity               | --speed: expected max or a number above 0, found Infinity",
                "--mtu 67                       | --mtu: expected 68 or more, found 67",
                "--mtu -1                       | --mtu: expected 68 or more, found -1",
                "--max-insns 0                  | --max-insns: expected 1 or more, found 0",
                "--trace-limit -1               | --trace-limit: expected 0 or more, found -1",
                "--write nope=x.pcap            | --write: expected one of pass, drop, tx, redirect, aborted, other, found nope",
                "--write pass                   | --write: expected ACTION=FILE, found pass",
                "--write pass=                  | --write: expected ACTION=FILE, found pass=",
                "--write pass=a.pcap --write XDP_PASS=b.pcap | --write: XDP_PASS is there twice",
                "--write tx=a.pcap --write tx=a.pcap         | --write: expected a file for each verdict, found twice a.pcap",
                "--write tx=- --write drop=-                 | --write: expected a file for each verdict, found twice -"
            })
    void optionsThatMakeNoSense(String options, String message) {
        Object[] args = Stream.concat(Stream.of("replay", HELLO, ODD), Stream.of(options.split(" ")))
                .toArray();
        assertThat(Cli.run(args).error(USAGE)).isEqualTo(message);
        assertThat(Path.of("a.pcap")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--queues two            | --queues: expected a whole number, found two",
                "--queues 99999999999    | --queues: expected at most 2147483647, found 99999999999",
                "--seed 0x1              | --seed: expected a whole number, found 0x1",
                "--clock sun             | --clock: expected capture or machine, found sun",
                "--engine gcc            | --engine: expected jit, jit-checked or interpreter, found gcc",
                "--engine jit --engine jit | --engine is there twice",
                "--xyzzy                 | unknown option, found --xyzzy",
                "--reapeat 2             | unknown option, expected perhaps --repeat, found --reapeat",
                "-c                      | -c: expected N, found nothing"
            })
    void optionsThatAreNone(String options, String message) {
        Object[] args = Stream.concat(Stream.of("replay", HELLO, ODD), Stream.of(options.split(" ")))
                .toArray();
        assertThat(Cli.run(args).error(USAGE)).isEqualTo(message);
    }

    @Test
    void helpAsWithBpftool() {
        for (List<String> line : List.of(List.of("help", "map"), List.of("map", "help"))) {
            assertThat(Cli.run(line.toArray()).ok().out()).startsWith("Usage: sluice map COMMAND");
        }
        assertThat(Cli.run("help").ok().out()).startsWith("Usage: sluice [-hV] COMMAND");
    }

    // --- standard output

    @Test
    void whatStandardOutputDoesNotTakeIsAFailure() throws Exception {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "there is no /dev/full here");
        Process process =
                Cli.start("replay", HELLO, ODD).redirectOutput(full.toFile()).start();
        assertThat(new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEqualTo("Error: standard output: cannot write: no space left on device\n");
        assertThat(process.waitFor()).isEqualTo(FAILED);
    }

    @Test
    void whoHasReadEnoughOfAPipeIsToldNothing() throws Exception {
        Process process = Cli.start("exec", "--stream").start();
        process.getInputStream().close();
        process.getOutputStream().write("1\tb700000000000000 9500000000000000\t-\n".getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush(); // and no end: it ends because nobody reads
        assertThat(process.getErrorStream().readAllBytes()).isEmpty();
        assertThat(process.waitFor()).isEqualTo(PIPE_CLOSED);
    }

    @Test
    void aFullDiskTakesNoCountsAway() {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "there is no /dev/full here");
        String why = "/dev/full: cannot write: no space left on device, packets written=0";
        Cli.Result small = Cli.run("replay", "-j", HELLO, ODD, "--write", "pass=" + full);
        assertThat(small.message(FAILED)).isEqualTo(why);
        assertThat(small.json().get("errors").items()).hasSize(1);
        assertThat(small.json().get("packets").number()).isPositive();
        Cli.Result ended = Cli.run("replay", HELLO, ODD, "--repeat", 100_000, "--write", "pass=" + full);
        assertThat(ended.message(FAILED)).isEqualTo(why);
        assertThat(ended.out()).contains("XDP_PASS", "map 1: ");
        Cli.Result run = Cli.run("run", HELLO, "--nic", "a=gen:udp,size=1514,count=100k,host=write:" + full);
        assertThat(run.message(FAILED)).isEqualTo(why);
        assertThat(run.out()).contains("XDP_PASS", "map 1: ");
    }

    @Test
    void missingArguments() {
        assertThat(Cli.run("replay").error(USAGE)).contains("OBJ", "CAPTURE");
        assertThat(Cli.run("replay", HELLO).error(USAGE)).contains("CAPTURE");
        assertThat(Cli.run().error(USAGE)).contains("replay", "prog", "exec");
        assertThat(Cli.run("frobnicate").error(USAGE)).contains("replay", "prog", "exec", "frobnicate");
        assertThat(Cli.run("prog").error(USAGE)).contains("show", "dump");
        assertThat(Cli.run("prog", "undo").error(USAGE)).contains("show", "dump", "undo");
    }

    @Test
    void anOutputThatCannotBeCreated() {
        Path file = folder.resolve("missing/out.pcap");
        assertThat(Cli.run("replay", HELLO, ODD, "--write", "pass=" + file).error(FAILED))
                .startsWith(file + ": cannot create: ")
                .contains("no such directory");
    }

    // --- JSON

    @Test
    void errorsAsJson() {
        for (List<String> args : List.of(
                List.of("replay", "-j", "nowhere.o", ODD),
                List.of("replay", "--json", HELLO, "nowhere.pcap"),
                List.of("replay", "-p", object("vlan"), ODD),
                List.of("replay", "-qj", HELLO, capture("recorded/cooked.pcap")),
                List.of("prog", "show", "-j", "nowhere.o"),
                List.of("prog", "dump", "xlated", "nowhere.o", "-p"))) {
            Cli.Result result = Cli.run(args.toArray());
            String message = result.message(FAILED);
            assertThat(result.json().names()).containsExactly("error");
            assertThat(result.json().get("error").text()).isEqualTo(message);
        }
        for (List<String> args : List.of(
                List.of("replay", "-j", "--queues", "0", HELLO, ODD),
                List.of("replay", "-j", "--frobnicate", HELLO, ODD))) {
            Cli.Result result = Cli.run(args.toArray());
            String message = result.message(USAGE);
            assertThat(result.json().get("error").text()).isEqualTo(message);
        }
    }
}
