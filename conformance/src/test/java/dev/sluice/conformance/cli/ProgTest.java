package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.FAILED;
import static dev.sluice.conformance.cli.Cli.USAGE;
import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.isa.Code;
import dev.sluice.object.FunctionSpec;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.program.Program;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sluice prog}: looks at every object that there is. */
class ProgTest {
    @TempDir
    private Path folder = Path.of("");

    static Stream<String> objects() {
        // its externs are in another object
        return Pcaps.objects().stream().map(Pcaps::nameOf).filter(name -> !name.equals("features/linked_main"));
    }

    @ParameterizedTest
    @MethodSource("objects")
    void showAndDumpXlated(String name) {
        ObjectSpec spec = Pcaps.read(Pcaps.object(name));
        List<Json> shown =
                Cli.run("prog", "show", "-j", object(name)).ok().json().items();
        assertThat(shown).hasSameSizeAs(spec.programs());
        String table = Cli.run("prog", "show", object(name)).ok().out();
        assertThat(table).doesNotContain("null");
        for (int i = 0; i < shown.size(); i++) {
            ProgramSpec program = spec.programs().get(i);
            Json json = shown.get(i);
            byte[] insns = spec.link(program).insns().bytes();
            assertThat(json.get("name").text()).isEqualTo(program.name());
            assertThat(json.get("tag").text()).isEqualTo(spec.link(program).tag());
            assertThat(json.get("bytes_xlated").number()).isEqualTo(insns.length);
            String type = program.section().startsWith("freplace") ? "ext" : "xdp";
            assertThat(json.get("type").text()).isEqualTo(type);
            assertThat(table)
                    .contains((i + 1) + ": " + type + "  name " + program.name() + "  tag "
                            + json.get("tag").text());

            List<Json> lines = dumped(Cli.run(
                            "prog", "dump", "xlated", "--prog", program.name(), "-j", "--opcodes", object(name)))
                    .json()
                    .items();
            String encoding =
                    lines.stream().map(line -> line.get("encoding").text()).collect(Collectors.joining(" "));
            assertThat(encoding).isEqualTo(HexFormat.ofDelimiter(" ").formatHex(left(spec, program)));
            String listing = dumped(Cli.run("prog", "dump", "xlated", "--prog", program.name(), object(name)))
                    .out();
            assertThat(listing.lines().filter(line -> line.matches(" *[0-9]+: \\([0-9a-f]{2}\\) .*")))
                    .hasSameSizeAs(lines);
        }
    }

    /** A dump, which may say that the program wants a device or a kernel's types to be accepted. */
    private static Cli.Result dumped(Cli.Result result) {
        assertThat(result.exitCode()).as("%s", result.err()).isEqualTo(Cli.OK);
        assertThat(result.err()).matches("(note: .*: not accepted by the verifier, .*\n)?");
        return result;
    }

    /** What the verifier leaves of a program. */
    private static byte[] left(ObjectSpec spec, ProgramSpec program) {
        Code code = Code.decode(spec.link(program).insns().bytes());
        Verdict verdict = Verifier.create().verify(Subjects.of(spec, program, null));
        return verdict instanceof Verdict.Verified verified
                ? verified.facts()
                        .trim(Program.ofCode(program.name(), code))
                        .program()
                        .code()
                        .toBytes()
                : code.toBytes();
    }

    @Test
    void everyCommandSaysItsVersion() {
        String version = Cli.run("--version").ok().out();
        assertThat(version).startsWith("sluice ");
        assertThat(Cli.run("bench", "--version").ok().out()).isEqualTo(version);
        assertThat(Cli.run("prog", "show", "--version").ok().out()).isEqualTo(version);
    }

    @Test
    void programsOfOtherTypesAreShownAsWhatTheyAre() throws IOException {
        String sections = new String(Pcaps.bytes(Pcaps.object("features/sections")), StandardCharsets.ISO_8859_1);
        String changed = sections.replace("xdp/cpumap", "tc/ingress");
        Path mixed = Files.write(folder.resolve("mixed.bpf.o"), changed.getBytes(StandardCharsets.ISO_8859_1));
        assertThat(Cli.run("prog", "show", mixed.toString()).ok().out())
                .contains(": sched_cls  name for_cpumap  tag ")
                .contains(": xdp  name for_devmap  tag ");
    }

    @Test
    void whatCannotBeLinkedIsShownWithTheReason() {
        Cli.Result table = Cli.run("prog", "show", object("features/linked_main"));
        assertThat(table.exitCode()).isEqualTo(Cli.FAILED);
        assertThat(table.out())
                .startsWith("1: xdp  name linked\n\tsection xdp  cannot be linked: program linked: ")
                .endsWith("found name=classify\n");
        Cli.Result json = Cli.run("prog", "show", "-j", object("features/linked_main"));
        assertThat(json.exitCode()).isEqualTo(Cli.FAILED);
        assertThat(json.out()).contains("\"name\":\"linked\"").contains("\"error\":\"program linked: ");
    }

    @Test
    void whatIsShown() {
        assertThat(Cli.run("prog", "show", object("hello")).ok().out()).matches("""
                        1: xdp  name hello  tag [0-9a-f]{16}  gpl
                        \tsection xdp  xlated 96B  functions 1
                        \tmap 1: array  name hello.bss  flags 0x400  key 4B  value 4B  max_entries 1
                        \tmap 2: array  name hello.rodata  flags 0x80  key 4B  value 15B  max_entries 1
                        \tbtf 683B  types 18  line_info 3
                        """);
        Json frags =
                Cli.run("prog", "show", "--json", object("frags")).ok().json().at(0);
        assertThat(frags.get("frags").raw()).isEqualTo(true);
        assertThat(frags.get("section").text()).isEqualTo("xdp.frags");
    }

    @Test
    void whatIsDumped() {
        assertThat(Cli.run("prog", "dump", "xlated", object("hello")).ok().out())
                .isEqualTo("""
                        int hello(struct xdp_md * ctx):
                        ; bpf_printk("Hello World %d", counter);
                           0: (18) r6 = map[id:1][0]+0
                           2: (61) r3 = *(u32 *)(r6 +0)
                           3: (18) r1 = map[id:2][0]+0
                           5: (b4) w2 = 15
                           6: (85) call bpf_trace_printk#6
                        ; counter++;
                           7: (61) r1 = *(u32 *)(r6 +0)
                           8: (04) w1 += 1
                           9: (63) *(u32 *)(r6 +0) = r1
                        ; return XDP_PASS;
                          10: (b4) w0 = 2
                          11: (95) exit
                        """);
        // every function of a program with its prototype
        String calls = Cli.run("prog", "dump", "xlated", object("calls")).ok().out();
        for (FunctionSpec function : Pcaps.read(Pcaps.object("calls")).functions()) {
            assertThat(calls).containsPattern("(?m)^\\w.* \\**" + function.name() + "\\(.*\\):$");
        }
        assertThat(calls).containsPattern("call pc\\+[0-9]+");
    }

    @ParameterizedTest
    @ValueSource(strings = {"hello", "calls", "checksum"})
    void jited(String name) {
        String listing = Cli.run("prog", "dump", "jited", object(name)).ok().out();
        assertThat(listing.lines().count()).isGreaterThan(20);
        Json json = Cli.run("prog", "dump", "jited", "-j", object(name)).ok().json();
        assertThat(json.toString()).hasSizeGreaterThan(200);
    }

    /** Inlined functions, callbacks, merged stores, and a program of several methods. */
    @ParameterizedTest
    @ValueSource(strings = {"programs/calls", "programs/features/callback", "programs/firewall", "bench/balancer"})
    void jitedShowsEachInstructionWithItsSource(String name) {
        Path object = Pcaps.FOLDER.resolve(name + ".bpf.o");
        List<String> jited =
                Cli.run("prog", "dump", "jited", object).ok().out().lines().toList();
        List<String> xlated =
                Cli.run("prog", "dump", "xlated", object).ok().out().lines().toList();
        assertThat(jited).containsAll(xlated); // prototypes, source lines, instructions
        List<Json> methods = Cli.run("prog", "dump", "jited", "-j", object)
                .ok()
                .json()
                .get("methods")
                .items();
        assertThat(methods.stream().anyMatch(method -> method.get("name").text().contains("_part")))
                .isEqualTo(name.equals("bench/balancer"));
        List<Json> insns = methods.stream()
                .flatMap(method -> method.get("insns").items().stream())
                .toList();
        List<String> sources = insns.stream()
                .filter(insn -> insn.has("src"))
                .map(insn -> "; " + insn.get("src").text())
                .toList();
        assertThat(sources).isNotEmpty();
        assertThat(xlated).containsAll(sources);
        assertThat(insns).anyMatch(insn -> insn.has("proto"));
    }

    /** In bpftool's words, or as options. */
    @Test
    void encodingsAndPlacesOfLines() {
        String xlated = Cli.run("prog", "dump", "xlated", object("calls"), "opcodes", "linum")
                .ok()
                .out();
        assertThat(xlated)
                .containsPattern("(?m)^; .* \\[file:\\S*calls\\.bpf\\.c line_num:[1-9]\\d* line_col:\\d+]$")
                .containsPattern("(?m)^ +95 00 00 00 00 00 00 00$");
        assertThat(Cli.run("prog", "dump", "xlated", object("calls"), "--opcodes", "--linum")
                        .ok()
                        .out())
                .isEqualTo(xlated);
        Json line = Cli.run("prog", "dump", "xlated", "-j", object("calls"), "linum").ok().json().items().stream()
                .filter(each -> each.has("src"))
                .findFirst()
                .orElseThrow();
        assertThat(line.get("file").text()).endsWith("calls.bpf.c");
        assertThat(line.get("line_num").number()).isPositive();
        assertThat(line.has("line_col")).isTrue();
        String jited = Cli.run("prog", "dump", "jited", object("calls"), "opcodes", "linum")
                .ok()
                .out();
        assertThat(jited)
                .containsPattern("(?m)^; .* \\[file:\\S*calls\\.bpf\\.c line_num:[1-9]\\d* line_col:\\d+]$")
                .containsPattern("(?m)^ +\\d+  return\n +b1$");
        List<Json> insns = Cli.run("prog", "dump", "jited", "-j", "--opcodes", "--linum", object("calls"))
                .ok()
                .json()
                .get("methods")
                .items()
                .stream()
                .flatMap(method -> method.get("insns").items().stream())
                .toList();
        assertThat(insns).allMatch(insn -> insn.has("encoding")).anyMatch(insn -> insn.has("line_num"));
    }

    @Test
    void toAFile() throws Exception {
        Path code = folder.resolve("code.bin");
        assertThat(Cli.run("prog", "dump", "xlated", object("hello"), "file", code)
                        .ok()
                        .out())
                .isEmpty();
        assertThat(Files.readAllBytes(code))
                .hasSize(12 * 8)
                .endsWith(HexFormat.of().parseHex("9500000000000000"));
        Path jar = folder.resolve("classes.jar");
        Cli.run("prog", "dump", "jited", "--file", jar, object("hello")).ok();
        try (JarFile classes = new JarFile(jar.toFile())) {
            assertThat(classes.stream().map(Object::toString))
                    .hasSize(1)
                    .allMatch(name -> name.matches("dev/sluice/jited/hello_[0-9a-f]{16}\\.class"));
        }
        assertThat(Cli.run("prog", "dump", "xlated", object("hello"), "file", folder.resolve("no/where"))
                        .error(FAILED))
                .contains("no/where: cannot be written");
    }

    /** By whatever reads it here; each method with the C lines of its instructions. */
    @Test
    void machineCode() {
        Path parse = Pcaps.FOLDER.resolve("bench/parse.bpf.o");
        String imix = capture("generated/imix.pcap");
        Json json = Cli.run("prog", "dump", "jited", "-j", parse, "--c2", imix, "--machine-code")
                .ok()
                .json();
        assertThat(json.get("c2").get("compilations").items()).isNotEmpty();
        assertThat(json.get("methods").items()).isNotEmpty();
        Json loop = json.get("machine_code").items().stream()
                .filter(method -> method.get("method").text().equals("parse_loop_pc0_40"))
                .findFirst()
                .orElseThrow();
        boolean isRead = !loop.get("disassembler").text().equals("none");
        List<Json> insns = loop.get("insns").items();
        assertThat(insns)
                .allMatch(insn -> insn.has("pc") && insn.has(isRead ? "operation" : "encoding"))
                .anyMatch(insn -> insn.has("src") && insn.get("src").text().contains("eth->proto"));
        if (isRead && System.getProperty("os.arch").equals("amd64")) {
            // the comparison with ETH_P_8021AD, at its own line
            assertThat(insns)
                    .anyMatch(insn -> insn.get("operation").text().startsWith("cmp")
                            && insn.toString().contains("a888"));
        }
    }

    /** To look at a program, nothing that it needs has to exist here. */
    @Test
    void mapsThatDoNotExistHereAreNoObstacle() {
        assertThat(Cli.run("prog", "show", object("features/map_types")).ok().out())
                .contains("array_of_maps");
        assertThat(Cli.run("prog", "dump", "xlated", "--prog", "map_types", object("features/map_types"))
                        .ok()
                        .out())
                .contains("map[id:");
    }

    @Test
    void damagedCodeHasAMessageWithItsPlace() throws IOException {
        byte[] bytes = Pcaps.bytes(Pcaps.object("hello"));
        byte[] exit = HexFormat.of().parseHex("9500000000000000");
        int at = bytes.length - exit.length;
        while (!java.util.Arrays.equals(bytes, at, at + exit.length, exit, 0, exit.length)) {
            at--;
        }
        bytes[at + 4] = 1; // exit has no immediate
        Path file = Files.write(folder.resolve("broken.bpf.o"), bytes);
        String expected = file + ": program hello: insn 11: EXIT uses reserved fields: expected 0, imm=1";
        assertThat(Cli.run("prog", "dump", "xlated", file).error(FAILED)).isEqualTo(expected);
        assertThat(Cli.run("prog", "dump", "jited", file).error(FAILED)).isEqualTo(expected);
        assertThat(Cli.run("replay", file, capture("recorded/ping.pcap")).error(FAILED))
                .isEqualTo(expected);
        assertThat(Cli.run("replay", "--engine", "interpreter", file, capture("recorded/ping.pcap"))
                        .error(FAILED))
                .isEqualTo(expected);
    }

    @Test
    void errors() {
        assertThat(Cli.run("prog", "dump", "xlated", object("hello"), "visual").error(USAGE))
                .isEqualTo("expected opcodes, linum or file FILE behind the program, found visual");
        assertThat(Cli.run("prog", "dump", "xlated", object("hello"), "--c2", "x")
                        .error(USAGE))
                .isEqualTo("--c2: expected with jited, found xlated");
        assertThat(Cli.run("prog", "dump", "jited", object("hello"), "--machine-code")
                        .error(USAGE))
                .isEqualTo("--machine-code: expected with --c2 CAPTURE");
        assertThat(Cli.run("prog", "dump", "jited", object("hello"), "linum", "file", "x")
                        .error(USAGE))
                .isEqualTo("--file: expected by itself, as nothing is printed");
        assertThat(Cli.run("prog", "show", "nowhere.o").error(FAILED)).isEqualTo("nowhere.o: no such file");
        assertThat(Cli.run("prog", "show", object("vlan"), "--prog", "nope").error(FAILED))
                .contains("vlan_push", "vlan_pop", "name=nope");
        assertThat(Cli.run("prog", "dump", "xlated", object("vlan")).error(FAILED))
                .contains("several XDP programs");
        assertThat(Cli.run("prog", "dump", "xlated", object("features/linked_main"))
                        .error(FAILED))
                .isEqualTo(object("features/linked_main") + ": program linked: function linked instruction 1: undefined"
                        + " symbol: expected it in the object, or declared with __ksym, __kconfig or in a linked"
                        + " object, found name=classify");
        assertThat(Cli.run("prog", "dump", "machine", object("hello")).error(USAGE))
                .matches("(?i).*xlated.*jited.*machine.*");
        assertThat(Cli.run("prog", "dump").error(USAGE)).contains("xlated|jited", "OBJ");
    }
}
