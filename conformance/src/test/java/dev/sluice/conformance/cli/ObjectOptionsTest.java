package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a program starts with, and what it finds: the options that commands share. */
class ObjectOptionsTest {
    private static final String OPTIONS = object("features/options");
    private static final String DNS = capture("recorded/dns.pcap");
    private static final String KERNEL_TYPES = "/sys/kernel/btf/vmlinux";

    @TempDir
    private Path folder;

    private static Json replay(String object, String capture, Object... more) {
        List<Object> words = new ArrayList<>(List.of("replay", "-j", object, capture));
        words.addAll(List.of(more));
        return Cli.run(words.toArray()).ok().json();
    }

    private static Json options(Object... more) {
        List<Object> words = new ArrayList<>(List.of("--prog", "options"));
        words.addAll(List.of(more));
        return replay(OPTIONS, DNS, words.toArray());
    }

    private static long packets(Json run, String action) {
        return run.get("verdicts").get(action).get("packets").number();
    }

    private static Json formatted(Json run, String map, int entry) {
        return run.get("maps").get(map).at(entry).get("formatted");
    }

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    // --- variables

    @Test
    void constantsOfAllTypes() {
        Json plain = options();
        assertThat(packets(plain, "XDP_TX"))
                .as("packets that read as sent to 0.0.0.0")
                .isEqualTo(6);
        Json run = options(
                "--set", "config.min_length=60",
                "--set", "rodata.config.strict=true",
                "--set", "config.ports=[80, 443]",
                "--set", "config.ports[3]=0x10",
                "--set", "config.mode=MODE_REPORT",
                "--set",
                        "config.gateway={\"addr\": \"10.10.0.2\", \"mac\": \"02:00:00:00:00:01\", \"addr6\": \"fd00::1\"}",
                "--set", "name=eth0",
                "--set", "data.balance=-100");
        assertThat(packets(run, "XDP_ABORTED")).isEqualTo(2);
        assertThat(packets(run, "XDP_TX")).isEqualTo(35);
        Json rodata = formatted(run, "options.rodata", 0).get("value").get(".rodata");
        Json config = rodata.at(0).get("config");
        assertThat(config.get("min_length").number()).isEqualTo(60);
        assertThat(config.get("ports").items().stream().map(Json::number)).containsExactly(80L, 443L, 0L, 16L);
        assertThat(config.get("mode").text()).isEqualTo("MODE_REPORT");
        assertThat(config.get("gateway").get("addr").number()).isEqualTo(0x0200_0a0aL);
        assertThat(config.get("gateway").get("mac").items().stream().map(Json::number))
                .containsExactly(2L, 0L, 0L, 0L, 0L, 1L);
        assertThat(config.get("gateway").get("addr6").at(0).number()).isEqualTo(0xfd);
        assertThat(config.get("gateway").get("addr6").at(15).number()).isEqualTo(1);
        assertThat(rodata.at(1).get("name").text()).isEqualTo("eth0");
        assertThat(formatted(run, "options.data", 0)
                        .get("value")
                        .get(".data")
                        .at(0)
                        .get("balance")
                        .number())
                .isEqualTo(-100 + 70);
    }

    /** Without types, what a variable's size allows. */
    @Test
    void variablesWithoutTypes() {
        String gcc = object("legacy/hello.gcc-12");
        Json run = replay(gcc, DNS, "--set", "counter=41");
        assertThat(run.get("trace").at(0).text()).isEqualTo("Hello World 41");
        assertThat(Cli.run("replay", gcc, DNS, "--set", "counter=many").error(Cli.FAILED))
                .endsWith("variable counter: the object has no types (section .BTF): expected a number of 4 bytes,"
                        + " found value=many");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            nope=1               | no such variable: expected one of [rodata.config, rodata.name, data.balance, bss.seen, \
            bss.event_type], found name=nope
            config.mode=NOPE     | variable config.mode: value: expected one of [MODE_COUNT, MODE_REPORT, MODE_FORWARD], found NOPE
            config.min_length=-1 | variable config.min_length: value: expected an unsigned number of 32 bits, found -1
            config.ports=[1,2,3,4,5] | variable config.ports: value: expected at most 4 elements, found 5
            config.wrong=1       | no member name=wrong
            name=much-too-long   | variable name: value: expected at most 8 bytes of text, found 13
            """)
    void wrongVariables(String set, String message) {
        assertThat(Cli.run("replay", "--prog", "options", OPTIONS, DNS, "--set", set)
                        .error(Cli.FAILED))
                .startsWith(OPTIONS + ": ")
                .endsWith(message);
    }

    // --- maps

    @Test
    void entriesOfMaps() throws IOException {
        Json run = options(
                "--map",
                "hosts="
                        + file(
                                "hosts",
                                "[{\"key\": \"10.10.0.1\", \"value\": 0}, {\"key\": \"10.10.0.2\", \"value\": 7}]"),
                "--map",
                "tenants=" + file("tenants", "[{\"key\": 7, \"value\": [{\"key\": \"10.10.0.1\", \"value\": 100}]}]"),
                "--map",
                "tickets=" + file("tickets", "[{\"value\": 1000}, {\"value\": 2000}]"),
                "--map",
                "totals=" + file("totals", "[{\"key\": 0, \"value\": 5}]"),
                "--map",
                "bss=" + file("bss", "[{\"value\": {\"seen\": 1000}}]"),
                "--map",
                "jumps=" + file("jumps", "[{\"key\": 2, \"value\": \"next\"}]"));
        assertThat(packets(run, "XDP_DROP")).isEqualTo(70);
        assertThat(run.get("maps").get("hosts").items().stream()
                        .map(entry -> entry.get("formatted").get("value").number()))
                .containsExactlyInAnyOrder(34L, 28L + 7);
        assertThat(formatted(run, "totals", 0).get("values").at(0).get("value").number())
                .isGreaterThan(5);
        assertThat(formatted(run, "options.data", 0)
                        .get("value")
                        .get(".data")
                        .at(0)
                        .get("balance")
                        .number())
                .isEqualTo(-5 + 70 + 3000);
        assertThat(formatted(run, "options.bss", 0)
                        .get("value")
                        .get(".bss")
                        .at(0)
                        .get("seen")
                        .number())
                .isEqualTo(1070);
    }

    /** What a run prints is what the next one takes. */
    @Test
    void dumpsComeBackIn() throws IOException {
        String stats = object("percpu_stats");
        String dump = Cli.run("replay", "-j", stats, DNS).ok().out();
        Json before = Json.parse(dump);
        int compared = 0;
        for (String map : before.get("maps").names()) {
            if (map.equals("xdp_counters")) {
                continue;
            }
            Path entries = file("dump", entries(dump, map));
            Json after = replay(stats, DNS, "-c", "0", "--map", map + "=" + entries);
            assertThat(after.get("maps").get(map).raw())
                    .as(map)
                    .isEqualTo(before.get("maps").get(map).raw());
            compared++;
        }
        assertThat(compared).isGreaterThan(2);
    }

    /** The array of a map in a run's output. */
    private static String entries(String json, String map) {
        int from = json.indexOf("\"" + map + "\":[") + map.length() + 3;
        int depth = 0;
        int at = from;
        do {
            depth += json.charAt(at) == '[' ? 1 : json.charAt(at) == ']' ? -1 : 0;
            at++;
        } while (depth > 0);
        return json.substring(from, at);
    }

    @Test
    void programsOfEntries() throws IOException {
        Json run = options(
                "--set",
                "config.mode=MODE_FORWARD",
                "--map",
                "ports=" + file("ports", "[{\"key\": 0, \"value\": {\"ifindex\": 3, \"prog\": \"egress\"}}]"));
        assertThat(packets(run, "XDP_REDIRECT")).isEqualTo(70);
        Json value = run.get("maps").get("ports").at(0).get("formatted").get("value");
        assertThat(value.get("ifindex").number()).isEqualTo(3);
        assertThat(value.get("bpf_prog").get("id").number()).isPositive();
        assertThat(Cli.run(
                                "replay",
                                "--prog",
                                "options",
                                OPTIONS,
                                DNS,
                                "--map",
                                "ports="
                                        + file(
                                                "ports",
                                                "[{\"key\": 0, \"value\": {\"ifindex\": 3, \"prog\": \"nix\"}}]"))
                        .error(Cli.FAILED))
                .startsWith(OPTIONS + ": no such program, expected one of")
                .endsWith("name=nix");
    }

    @Test
    void sizesThatAreLeftToTheLoader() throws IOException {
        String cpus = "cpus=" + file("cpus", "[{\"key\": 1, \"value\": {\"qsize\": 64, \"prog\": \"remote\"}}]");
        assertThat(Cli.run("replay", OPTIONS, DNS, "--prog", "spread", "--map", cpus)
                        .error(Cli.FAILED))
                .as("one CPU, one entry")
                .contains("entry 1: ");
        replay(OPTIONS, DNS, "--prog", "spread", "--queues", "2", "--map", cpus);
        Json run = replay(OPTIONS, DNS, "--prog", "spread", "--max-entries", "hosts=3", "--max-entries", "cpus=8");
        assertThat(packets(run, "XDP_DROP")).isEqualTo(70);
        assertThat(Cli.run("replay", OPTIONS, DNS, "--prog", "spread", "--max-entries", "nix=1")
                        .error(Cli.FAILED))
                .contains("no such map: expected one of hosts, totals");
        assertThat(Cli.run("replay", OPTIONS, DNS, "--prog", "spread", "--max-entries", "hosts=-1")
                        .error(Cli.USAGE))
                .isEqualTo("--max-entries: expected MAP=N, found hosts=-1");
    }

    @Test
    void anArrayWithoutASizeGetsOneEntryACpu() {
        String sizes = object("features/sizes");
        Cli.Result guessed = Cli.run("replay", sizes, DNS, "--queues", "2");
        assertThat(guessed.exitCode()).isEqualTo(Cli.OK);
        assertThat(guessed.out()).contains("per_cpu, array, 2 entries");
        assertThat(guessed.err())
                .contains("Warning: " + sizes + ": program sizes uses map per_cpu, whose size the object leaves to its")
                .contains("expected --max-entries per_cpu=N, made with one entry a CPU, max_entries=2");
        Cli.Result given =
                Cli.run("replay", sizes, DNS, "--max-entries", "per_cpu=64").ok();
        assertThat(given.out()).contains("per_cpu, array, 64 entries");
    }

    @Test
    void tailCalls() {
        assertThat(packets(options("--tail-call", "jumps[2]=next"), "XDP_DROP")).isEqualTo(70);
        for (String wrong : List.of("jumps[4]=next", "jumps[0]=nix", "hosts[0]=next", "nix[0]=next")) {
            assertThat(Cli.run("replay", "--prog", "options", OPTIONS, DNS, "--tail-call", wrong)
                            .error(Cli.FAILED))
                    .startsWith(OPTIONS + ": ")
                    .contains("expected");
        }
        assertThat(Cli.run("replay", "--prog", "options", OPTIONS, DNS, "--tail-call", "jumps=next")
                        .error(Cli.USAGE))
                .isEqualTo("--tail-call: expected MAP[I]=PROGRAM, found jumps=next");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            hosts  | {}                                         | map hosts: expected an array of entries
            hosts  | [{"value": 1}]                             | map hosts: entry 1: no key
            hosts  | [{"key": "10.10.0.1", "value": 1}, 5]      | map hosts: entry 2: expected an object with key and value
            hosts  | [{"key": "10.10.0", "value": 1}]           | map hosts: entry 1: key: expected a whole number, found 10.10.0
            totals | [{"key": 5, "value": 1}]                   | entry 1: map totals: no room: max_entries=2 key=05 00 00 00, errno=E2BIG
            ports  | [{"key": 0, "value": {"prog": "egress"}}]  | map ports: entry 1: value: expected ifindex, and prog if a program runs there
            hosts  | [1                                         | map hosts: is not JSON:
            """)
    void wrongFiles(String map, String text, String message) throws IOException {
        Path file = file("wrong.json", text);
        String error = Cli.run("replay", "--prog", "options", OPTIONS, DNS, "--map", map + "=" + file)
                .error(Cli.FAILED);
        assertThat(error).startsWith(file + ": ").contains(message).doesNotContain("\n");
    }

    @Test
    void wrongMaps() throws IOException {
        Path file = file("empty.json", "[]");
        assertThat(Cli.run("replay", "--prog", "options", OPTIONS, DNS, "--map", "nix=" + file)
                        .error(Cli.FAILED))
                .startsWith("--map: no such map, expected one of hosts, totals");
        assertThat(Cli.run(
                                "replay",
                                "--prog",
                                "options",
                                OPTIONS,
                                DNS,
                                "--map",
                                "hosts=" + file,
                                "--map",
                                "hosts=" + file)
                        .error(Cli.USAGE))
                .isEqualTo("--map: hosts is there twice");
        Path missing = folder.resolve("missing.json");
        assertThat(Cli.run("replay", "--prog", "options", OPTIONS, DNS, "--map", "hosts=" + missing)
                        .error(Cli.FAILED))
                .isEqualTo(missing + ": no such file");
    }

    // --- the kernel's types and configuration

    @Test
    void typesAreBuiltIn() {
        Json facts = facts();
        assertThat(facts.get("xdp_buff_exists").number()).isEqualTo(1);
        assertThat(facts.get("xdp_buff_size").number()).isEqualTo(56);
        assertThat(facts.get("absent_exists").number()).isZero();
        assertThat(facts.get("array_value").number()).isEqualTo(2);
        assertThat(facts.get("sluice_exists").number()).isZero();
        assertThat(facts.get("mtu_offset").number())
                .as("a type that is not built in")
                .isEqualTo(4);
    }

    @Test
    void typesOfAFile() {
        assumeTrue(Files.isReadable(Path.of(KERNEL_TYPES)), "needs " + KERNEL_TYPES);
        Json facts = facts("--btf", KERNEL_TYPES);
        assertThat(facts.get("xdp_buff_size").number()).isEqualTo(56);
        assertThat(facts.get("mtu_offset").number()).isNotEqualTo(4);
        assertThat(facts.get("absent_exists").number()).isZero();
    }

    private static Json facts(Object... more) {
        Json run = replay(object("features/core"), DNS, more);
        return formatted(run, "core.bss", 0).get("value").get(".bss").at(0).get("facts");
    }

    /** libbpf gives the same program (by its tag, KernelAgreementTest); these are the answers, by the two tables of types. */
    @Test
    void relocationsAtTheirEdges() {
        Json builtIn = kinds();
        assertThat(builtIn.get("hv_exists").number())
                .as("an enum that is not built in")
                .isZero();
        if (Files.isReadable(Path.of(KERNEL_TYPES))) {
            Json kernel = kinds("--btf", KERNEL_TYPES);
            assertThat(kernel.get("hv").raw()).hasToString("18446744073709551584");
            for (String name : builtIn.names()) {
                if (!name.startsWith("hv")) {
                    assertThat(builtIn.get(name).number())
                            .as(name)
                            .isEqualTo(kernel.get(name).number());
                }
            }
        }
        assertThat(builtIn.get("doff_left").number()).isEqualTo(56);
        assertThat(builtIn.get("same").number()).isEqualTo(1);
        assertThat(builtIn.get("wrong").number()).isZero();
    }

    private static Json kinds(Object... more) {
        List<Object> words = new ArrayList<>(List.of("-c", "1"));
        words.addAll(List.of(more));
        Json run = replay(object("features/core_kinds"), DNS, words.toArray());
        return formatted(run, "core_kin.bss", 0).get("value").get(".bss").at(0).get("kinds");
    }

    // --- old objects

    @Test
    void mapsAsAyaWritesThem() throws IOException {
        String aya = object("legacy/aya_like");
        Path blocked = file("blocked", "[{\"key\": " + 0x0200_0a0a + ", \"value\": 1}]");
        Json run = replay(aya, DNS, "--map", "BLOCKLIST=" + blocked, "--set", "LEVEL=3");
        assertThat(packets(run, "XDP_DROP")).isEqualTo(27);
        assertThat(run.get("maps").names()).contains("COUNTERS", "BLOCKLIST", "SEEN");
        assertThat(run.get("maps")
                        .get("COUNTERS")
                        .at(3)
                        .get("values")
                        .at(0)
                        .get("value")
                        .at(0)
                        .text())
                .as("long packets, by the constant")
                .isEqualTo("0x02");
    }

    @Test
    void wrongTypes() throws IOException {
        Path file = file("types", "not types at all, but longer than a header");
        assertThat(Cli.run("replay", OPTIONS, DNS, "--prog", "options", "--btf", file)
                        .error(Cli.FAILED))
                .isEqualTo(file + ": btf: wrong magic: expected 0xeb9f, found 0x6f6e");
    }

    @Test
    void configuration() throws IOException {
        String externs = object("features/externs");
        Json plain = replay(externs, DNS);
        Path file = file("config", "CONFIG_HZ=1000\nLINUX_KERNEL_VERSION=5.4.10\nCONFIG_NET=y\nCONFIG_BPF=y\n");
        Json other = replay(externs, DNS, "--kconfig", file);
        String before = plain.get("maps").get("externs.kconfig").toString();
        assertThat(other.get("maps").get("externs.kconfig").toString()).isNotEqualTo(before);
        assertThat(other.get("maps").get("externs.kconfig").toString()).contains(Integer.toString(0x05040a));
        Path wrong = file("wrong", "CONFIG_HZ\n");
        assertThat(Cli.run("replay", externs, DNS, "--kconfig", wrong).error(Cli.FAILED))
                .isEqualTo(wrong + ": kconfig: line 1: expected NAME=VALUE, found CONFIG_HZ");
    }

    // --- the network

    private static final String NETWORK = """
            {"links": [{"ifindex": 1, "ifname": "in", "mtu": 1500, "link_type": "ether", "address": "02:00:00:00:00:01",
                        "addr_info": [{"family": "inet", "local": "10.10.0.9", "prefixlen": 24}]},
                       {"ifindex": 2, "ifname": "out", "mtu": 1500, "address": "02:00:00:00:00:02"}],
             "routes": ["10.10.0.2/32 via 10.20.0.1 dev out",
                        {"dst": "10.20.0.0/24", "dev": "out", "protocol": "kernel", "flags": []},
                        {"type": "blackhole", "dst": "10.10.0.1"}],
             "neighbours": [{"dst": "10.20.0.1", "dev": "out", "lladdr": "02:00:00:00:00:99", "state": ["REACHABLE"]}]}
            """;

    @Test
    void routesAndSockets() throws IOException {
        String network = object("features/network");
        String http = capture("recorded/http.pcap");
        assertThat(packets(replay(network, http), "XDP_PASS")).isEqualTo(236);
        Path routes = file("routes", NETWORK);
        Json routed = replay(network, http, "--routes", routes);
        assertThat(packets(routed, "XDP_REDIRECT")).isEqualTo(95);
        assertThat(packets(routed, "XDP_DROP")).isEqualTo(137);
        Json bss = formatted(routed, "network.bss", 0).get("value").get(".bss");
        assertThat(bss.at(2).get("out_ifindex").number()).isEqualTo(2);
        assertThat(bss.at(3).get("last_dmac").at(5).number()).isEqualTo(0x99);
        Path sockets = file("sockets", "tcp LISTEN 0 128 10.10.0.2:80 0.0.0.0:*\n");
        Json found = replay(network, http, "--routes", routes, "--sockets", sockets);
        assertThat(packets(found, "XDP_REDIRECT")).isZero();
        assertThat(formatted(found, "network.bss", 0)
                        .get("value")
                        .get(".bss")
                        .at(0)
                        .get("sockets")
                        .number())
                .isEqualTo(95);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --routes  | {"links": [{"ifname": "x"}]}            | links: expected a member ifindex, found {ifname=x}
            --routes  | {"route": []}                           | expected links, routes and neighbours, found route
            --routes  | {"routes": [5]}                         | routes: expected lines or objects, found 5
            --routes  | {"routes": "10.0.0.0/8 dev eth9"}       | routes: line 1: no such interface, dev=eth9
            --routes  | {                                       | is not JSON
            --sockets | tcp LISTEN                              | sockets: line 1: expected 'tcp|udp STATE
            """)
    void wrongNetworks(String option, String text, String message) throws IOException {
        Path file = file("wrong", text.replace("'", "\""));
        assertThat(Cli.run("replay", object("features/network"), DNS, option, file)
                        .error(Cli.FAILED))
                .startsWith(file + ": ")
                .contains(message);
    }

    // --- the other commands

    @Test
    void checkTakesConstants() {
        Cli.Result checked = Cli.run("check", "-j", "--prog", "next", OPTIONS, "--set", "config.min_length=60");
        assertThat(checked.exitCode()).isZero();
        assertThat(Cli.run("check", OPTIONS, "--set", "nope=1").error(Cli.FAILED))
                .contains("no such variable");
    }

    @Test
    void execTakesThemToo() throws IOException {
        byte[] elf = HexFormat.of()
                .formatHex(Files.readAllBytes(Path.of(object("legacy/hello.gcc-12"))))
                .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        assertThat(Cli.run(elf, "exec", "--elf", "--set", "counter=5").ok().out())
                .isEqualTo("2\n");
        assertThat(Cli.run(elf, "exec", "--elf", "--set", "nope=5").error(Cli.FAILED))
                .contains("no such variable");
        assertThat(Cli.run(elf, "exec", "--set", "counter=5").error(Cli.USAGE))
                .isEqualTo("--set: expected --elf, as raw bytecode has no variables, maps and programs");
    }

    @Test
    void comparisonsWithAKernelTakeItAsItIs() throws IOException {
        Path config = file("config", "CONFIG_HZ=1000\n");
        assertThat(Cli.run("diff", OPTIONS, DNS, "--prog", "options", "--kconfig", config)
                        .error(Cli.USAGE))
                .isEqualTo("--kconfig: cannot be given with diff, which takes this machine's kernel as it is");
        assertThat(Cli.run("check", "--kernel", OPTIONS, "--btf", config).exitCode())
                .isIn(Cli.USAGE, 3);
    }
}
