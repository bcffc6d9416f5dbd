package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A running {@code sluice run} is looked at and changed from outside, in bpftool's words. */
@Timeout(300)
class ControlTest {
    private static final String FIREWALL = "features/inline_fw";
    private static final String TRAFFIC = "fw=gen:udp,rate=2000,dport=53-54,flows=64";

    @TempDir
    private Path folder;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void stopAll() throws InterruptedException {
        for (Process process : processes) {
            process.destroy();
            if (!process.waitFor(180, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        }
    }

    private Path socket() {
        return folder.resolve("control");
    }

    /** Starts a run that listens at {@link #socket}. */
    private Process start(String... args) throws IOException {
        List<String> all = new ArrayList<>(List.of("run", "--control", socket().toString()));
        all.addAll(List.of(args));
        Process process = Cli.start(all.toArray(String[]::new))
                .redirectError(folder.resolve("errors").toFile())
                .redirectOutput(folder.resolve("output").toFile())
                .start();
        processes.add(process);
        await(() -> Files.exists(socket()) || !process.isAlive());
        return process;
    }

    /** Until something is so, or the test's time is over. */
    private static void await(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            try {
                Thread.sleep(5);
            } catch (InterruptedException e) {
                throw new AssertionError("the time is over", e);
            }
        }
    }

    private Cli.Result sluice(String... words) {
        List<Object> all = new ArrayList<>(List.of(words));
        all.add("--control");
        all.add(socket());
        return Cli.run(all.toArray());
    }

    private long counter(String name) {
        return sluice("-j", "stats", "fw").ok().json().get("fw").get(name).number();
    }

    private void awaitPackets(long more) {
        long from = counter("rx_packets");
        await(() -> counter("rx_packets") > from + more);
    }

    @Test
    void aRuleThatIsPutAndTakenWhileItRunsChangesTheVerdicts() throws Exception {
        start(object(FIREWALL), "--nic", TRAFFIC);
        awaitPackets(100);
        assertThat(counter("rx_xdp_drop")).isZero();

        sluice("map", "update", "name", "rules", "key", "{\"protocol\":17,\"port\":53}", "value", "{\"action\":1}")
                .ok();
        await(() -> counter("rx_xdp_drop") > 0);
        Json caught = sluice("-j", "map", "lookup", "rules", "key", "53", "0", "17", "0")
                .ok()
                .json();
        assertThat(caught.get("formatted").get("value").get("packets").number()).isPositive();
        assertThat(caught.get("key").at(0).text()).isEqualTo("0x35");

        sluice("map", "delete", "name", "rules", "key", "hex", "35", "00", "11", "00")
                .ok();
        awaitPackets(200); // what had seen the rule
        long dropped = counter("rx_xdp_drop");
        awaitPackets(200);
        assertThat(counter("rx_xdp_drop")).isEqualTo(dropped);
    }

    @Test
    void rulesOfAFileTakeTheOldOnesPlace() throws Exception {
        start(object(FIREWALL), "--nic", TRAFFIC);
        Path rules = folder.resolve("rules.json");
        Files.writeString(rules, "[{\"key\":{\"protocol\":17,\"port\":53},\"value\":{\"action\":1}}]");
        sluice("map", "load", "rules", rules.toString()).ok();
        Files.writeString(
                rules,
                "[{\"key\":{\"protocol\":17,\"port\":54},\"value\":{\"action\":1}},"
                        + "{\"key\":{\"protocol\":6,\"port\":80},\"value\":{\"action\":2}}]");
        sluice("map", "load", "rules", rules.toString(), "replace").ok();
        String dump = sluice("map", "dump", "rules").ok().out();
        assertThat(dump).contains("\"port\": 54").contains("\"port\": 80").doesNotContain("\"port\": 53");

        Files.writeString(rules, "[{\"key\":{\"port\":\"high\"},\"value\":{}}]");
        assertThat(sluice("map", "load", "rules", rules.toString()).error(Cli.FAILED))
                .contains("rules.json: map rules: entry 1: member port: expected");
        assertThat(sluice("map", "load", "rules", folder.resolve("none").toString())
                        .error(Cli.FAILED))
                .endsWith("none: no such file");
    }

    @Test
    void mapsAreShownAsBpftoolShowsThem() throws Exception {
        start(object(FIREWALL), "--nic", TRAFFIC);
        assertThat(sluice("map", "show", "name", "rules").ok().out())
                .matches("2: hash  name rules  flags 0x0\n" + "\tkey 4B  value 24B  max_entries 1000  memlock \\d+B\n");
        Json maps = sluice("map", "list", "-j").ok().json();
        assertThat(maps.items()).hasSize(3);
        assertThat(maps.at(1).names())
                .containsExactly(
                        "id",
                        "type",
                        "name",
                        "flags",
                        "bytes_key",
                        "bytes_value",
                        "max_entries",
                        "bytes_memlock",
                        "frozen");
        assertThat(maps.at(2).get("name").text()).isEqualTo("xdp_counters");
        assertThat(sluice("map", "dump", "rules").ok().out().strip()).isEqualTo("[ ]");

        sluice("map", "update", "rules", "key", "80", "0", "6", "0", "value", "{\"action\":1}")
                .ok();
        assertThat(sluice("map", "getnext", "rules").ok().out()).isEqualTo("key: None\nnext key:\n50 00 06 00\n");
        assertThat(sluice("-j", "map", "getnext", "rules").ok().out())
                .isEqualTo("{\"key\":null,\"next_key\":[\"0x50\",\"0x00\",\"0x06\",\"0x00\"]}\n");
        assertThat(sluice("-j", "map", "delete", "rules", "key", "80", "0", "6", "0")
                        .ok()
                        .out())
                .isEqualTo("null\n");
        Cli.Result missing = sluice("map", "lookup", "rules", "key", "80", "0", "6", "0");
        assertThat(missing.exitCode()).isEqualTo(Cli.FAILED);
        assertThat(missing.out()).isEqualTo("key:\n50 00 06 00\n\nNot found\n");

        assertThat(sluice("net", "list").ok().out()).startsWith("xdp:\nfw(1) driver id 1\n\ntc:\n");
        assertThat(sluice("prog", "show").ok().out())
                .matches("(?s)1: xdp  name inline_fw  tag [0-9a-f]{16}  gpl\n\tloaded_at .*  uid \\d+\n"
                        + "\txlated \\d+B  jited  map_ids 1,2\n.*");
        assertThat(sluice("prog", "dump", "xlated", "id", "1").ok().out()).contains("int inline_fw", "exit");
    }

    @Test
    void whatCannotBeDoneSaysWhy() throws Exception {
        start(object(FIREWALL), "--nic", TRAFFIC);
        assertThat(sluice("map", "dump", "name", "roles").error(Cli.FAILED))
                .isEqualTo("no such map: expected one of blocked, rules, xdp_counters, name=roles");
        assertThat(sluice("map", "dump", "id", "77").error(Cli.FAILED))
                .isEqualTo("no such map: expected one of 1, 2, 3, id=77");
        assertThat(sluice("map", "lookup", "rules", "key", "80", "0", "6").error(Cli.USAGE))
                .startsWith("key expected 4 bytes got 3");
        assertThat(sluice("map", "update", "rules", "key", "80", "0", "6", "0", "value", "1", "2")
                        .error(Cli.USAGE))
                .startsWith("value expected 24 bytes got 2");
        assertThat(sluice("map", "update", "rules", "key", "80", "0", "6", "300", "value", "{}")
                        .error(Cli.USAGE))
                .isEqualTo("key: expected bytes, found 300");
        assertThat(sluice("map", "update", "rules", "key", "{\"gate\":1}", "value", "{}")
                        .error(Cli.FAILED))
                .contains("gate");
        assertThat(sluice("map", "update", "rules", "key", "80").error(Cli.USAGE))
                .isEqualTo("expected value, found the end of the command");
        assertThat(sluice("map", "shrink").error(Cli.USAGE)).startsWith("unknown command, expected one of show, list");
        assertThat(sluice("map", "push", "rules", "value", "1").error(Cli.USAGE))
                .isNotEmpty();
        assertThat(sluice("map", "pop", "rules").error(Cli.FAILED))
                .contains("is neither a queue nor a stack, type=hash");

        sluice("map", "update", "rules", "key", "80", "0", "6", "0", "value", "{}", "noexist")
                .ok();
        assertThat(sluice("map", "update", "rules", "key", "80", "0", "6", "0", "value", "{}", "noexist")
                        .error(Cli.FAILED))
                .startsWith("update failed: ")
                .endsWith("errno=EEXIST");
        sluice("map", "freeze", "rules").ok();
        assertThat(sluice("map", "update", "rules", "key", "80", "0", "6", "0", "value", "{}")
                        .error(Cli.FAILED))
                .endsWith("errno=EPERM");
        assertThat(sluice("map", "show", "rules").ok().out()).contains("\n\tfrozen\n");

        assertThat(sluice("net", "attach", "xdp", "id", "1", "dev", "eth9").error(Cli.FAILED))
                .isEqualTo("no such NIC: expected one of fw, dev=eth9");
        assertThat(sluice("net", "attach", "xdp", "id", "1", "dev", "fw").error(Cli.FAILED))
                .contains("a program is there already")
                .endsWith("errno=EBUSY");
        assertThat(sluice("net", "attach", "xdp", "name", "nat", "dev", "fw").error(Cli.FAILED))
                .isEqualTo("no such program: expected one of 1 (inline_fw), name=nat");
        assertThat(sluice("prog", "load", folder.resolve("no.bpf.o").toString()).error(Cli.FAILED))
                .endsWith("no.bpf.o: no such file");
        assertThat(sluice("set", "limit=1").error(Cli.FAILED)).contains("limit");

        Cli.Result json = sluice("-j", "map", "dump", "name", "roles");
        assertThat(json.exitCode()).isEqualTo(Cli.FAILED);
        assertThat(json.json().get("error").text()).startsWith("no such map");
        assertThat(counter("rx_packets")).as("the run goes on").isPositive();
    }

    @Test
    void aProgramTakesAnothersPlaceAndGoesOnWithItsMaps() throws Exception {
        start(object(FIREWALL), "--nic", TRAFFIC);
        sluice("map", "update", "rules", "key", "{\"protocol\":17}", "value", "{\"action\":2}")
                .ok();
        Json loaded = sluice("-j", "prog", "load", object(FIREWALL) + ":inline_fw", "map", "name", "rules", "id", "2")
                .ok()
                .json();
        assertThat(loaded.get("id").number()).isEqualTo(2);
        assertThat(loaded.get("map_ids").items().stream().map(Json::number)).contains(2L);
        sluice("net", "attach", "xdp", "id", "2", "dev", "fw", "overwrite").ok();
        assertThat(sluice("-j", "net", "show")
                        .ok()
                        .json()
                        .at(0)
                        .get("xdp")
                        .at(0)
                        .get("id")
                        .number())
                .isEqualTo(2);
        assertThat(sluice("map", "dump", "name", "rules").ok().out()).contains("\"protocol\": 17");
        awaitPackets(100);
        // the new one's own counters
        String counters =
                sluice("-j", "map", "dump", "name", "xdp_counters").ok().out();
        assertThat(counters).contains("XDP_PASS");

        sluice("prog", "load", object("hello")).ok();
        assertThat(sluice("prog", "load", object("parser"), "map", "name", "classes", "id", "2")
                        .error(Cli.FAILED))
                .contains("map classes: cannot use the map that is given for it: expected hash key_size=4");
        sluice("net", "detach", "xdp", "dev", "fw").ok();
        assertThat(sluice("net", "list").ok().out()).startsWith("xdp:\n\ntc:");
        awaitPackets(200);
        long seen = counter("rx_xdp_packets");
        awaitPackets(200);
        sluice("net", "attach", "xdp", "name", "hello", "dev", "fw").ok();
        awaitPackets(200);
        assertThat(Long.parseLong(sluice("get", "counter").ok().out().strip().replace("counter=", "")))
                .isPositive();
        assertThat(seen).isPositive();
        String report = sluice("-j", "report").ok().out();
        assertThat(Json.parse(report.lines().findFirst().orElseThrow() + "\n")
                        .get("nics")
                        .get("fw")
                        .get("program")
                        .text())
                .isEqualTo("hello");
    }

    @Test
    void globalVariablesAreReadAndWrittenByName() throws Exception {
        start(object("globals"), "--nic", "fw=gen:udp,rate=500");
        awaitPackets(10);
        assertThat(sluice("get", "corner.x", "limits").ok().out())
                .matches("corner.x=-?\\d+\nlimits=\\[64,256,1024,4294967295]\n");
        sluice("set", "zeroed=1000000", "corner={\"x\":5,\"y\":6}").ok();
        assertThat(sluice("-j", "get", "zeroed").ok().json().get("zeroed").number())
                .isGreaterThanOrEqualTo(1_000_000);
        assertThat(sluice("get").ok().out()).contains("data.started=", "rodata.weights=[1,2,3,5,8,13,21,34]");
        assertThat(sluice("set", "weights[0]=7").error(Cli.FAILED))
                .contains("variable weights[0]: is constant once it is loaded")
                .contains("errno=EPERM");
        assertThat(sluice("set", "started=many").error(Cli.FAILED)).contains("many");
        sluice("map", "update", "name", "globals.bss", "value", "{\"zeroed\": 5000000}")
                .ok();
        assertThat(sluice("-j", "get", "zeroed").ok().json().get("zeroed").number())
                .isGreaterThanOrEqualTo(5_000_000);
    }

    @Test
    void theTraceIsFollowed() throws Exception {
        start(object("hello"), "--nic", "fw=gen:udp,rate=200", "--trace-limit", "3");
        for (String json : new String[] {"no", "-j"}) {
            List<String> words = new ArrayList<>(List.of("prog", "tracelog", "--control", socket().toString()));
            if (!json.equals("no")) {
                words.add(json);
            }
            Process follower = Cli.start(words.toArray(String[]::new))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            processes.add(follower);
            try (BufferedReader lines = follower.inputReader()) {
                for (int i = 0; i < 6; i++) { // more than the log keeps
                    String line = lines.readLine();
                    if (json.equals("no")) {
                        assertThat(line)
                                .matches(" +sluice-\\d+ +\\[000].* \\d+\\.\\d{6}: bpf_trace_printk: Hello World \\d+");
                    } else {
                        assertThat(Json.parse(line + "\n").get("text").text()).startsWith("Hello World ");
                    }
                }
            }
            follower.destroy();
            assertThat(follower.waitFor(180, TimeUnit.SECONDS)).isTrue();
        }
        awaitPackets(10);
    }

    @Test
    void theSocketIsItsUsersAloneAndGoesWithTheRun() throws Exception {
        Process run = start(object(FIREWALL), "--nic", TRAFFIC);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket())))
                .isEqualTo("rw-------");
        awaitPackets(1);
        Cli.Result second = Cli.run("run", "--nic", "a=null", "--control", socket());
        assertThat(second.error(3)).endsWith("control: another process listens there");
        run.destroy(); // SIGTERM
        assertThat(run.waitFor(180, TimeUnit.SECONDS)).isTrue();
        assertThat(socket()).doesNotExist();
        assertThat(Files.readString(folder.resolve("output"))).contains("XDP_PASS");
        assertThat(sluice("map", "list").error(3)).contains("no such socket");
    }

    @Test
    void whatIsLeftBehindAndWhatIsNoSocketIsToldApart() throws Exception {
        try (ServerSocketChannel gone = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            gone.bind(UnixDomainSocketAddress.of(socket()));
        }
        assertThat(sluice("map", "list").error(3)).endsWith("nobody listens there any more, the process was killed");
        start(object(FIREWALL), "--nic", TRAFFIC); // takes its place
        await(() -> sluice("map", "list").exitCode() == Cli.OK);

        Path file = Files.writeString(folder.resolve("file"), "mine");
        assertThat(Cli.run("run", "--nic", "a=null", "--control", file).error(3))
                .endsWith("file: is there and is no socket");
        assertThat(file).hasContent("mine");
        assertThat(Cli.run("run", "--nic", "a=null", "--control", folder.resolve("none/s"))
                        .error(3))
                .contains("none/s: cannot listen there");
    }

    @Test
    void anotherUserIsRefused() throws Exception {
        assumeTrue(System.getProperty("user.name").equals("root"), "only root can become another user");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/python3")), "python3 is not there");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")), "setpriv is not there");
        start(object(FIREWALL), "--nic", TRAFFIC);
        awaitPackets(1);
        // even where the file would let him in
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.setPosixFilePermissions(socket(), PosixFilePermissions.fromString("rw-rw-rw-"));
        Process other = new ProcessBuilder(
                        "/usr/bin/setpriv",
                        "--reuid=65534",
                        "--clear-groups",
                        "/usr/bin/python3",
                        "-c",
                        "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
                                + "s.sendall(b'{\"words\":[\"map\",\"list\"],\"folder\":\"/\"}\\n')\n"
                                + "print(s.makefile().readline())",
                        socket().toString())
                .redirectErrorStream(true)
                .start();
        String answer = new String(other.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(answer).contains("\"error\":\"only root may control this process\"");
    }

    @Test
    void runningProcessesAreListed() throws Exception {
        ProcessBuilder builder = Cli.start("run", object(FIREWALL), "--nic", TRAFFIC)
                .redirectError(folder.resolve("errors").toFile())
                .redirectOutput(folder.resolve("output").toFile());
        builder.environment().put("SLUICE_RUN_DIR", folder.resolve("run").toString());
        Process run = builder.start();
        processes.add(run);
        Path socket = folder.resolve("run").resolve(run.pid() + ".sock");
        await(() -> Files.exists(socket) || !run.isAlive());
        Path stale = folder.resolve("run/999999999.sock");
        try (ServerSocketChannel gone = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            gone.bind(UnixDomainSocketAddress.of(stale));
        }
        assertThat(output(0, "list"))
                .startsWith(run.pid() + ": " + TRAFFIC + "\n\tup ")
                .contains("programs inline_fw  control " + socket);
        assertThat(stale).doesNotExist();
        assertThat(Json.parse(output(0, "list", "-j")).at(0).get("pid").number())
                .isEqualTo(run.pid());
        assertThat(output(0, "map", "show", "name", "rules")).contains("2: hash  name rules");
        assertThat(output(0, "map", "show", "name", "rules", "--pid", Long.toString(run.pid())))
                .contains("2: hash  name rules");
        assertThat(output(3, "map", "show", "--pid", "1")).isEmpty();
        run.destroy();
        assertThat(run.waitFor(180, TimeUnit.SECONDS)).isTrue();
        assertThat(output(0, "list")).isEmpty();
        assertThat(output(3, "map", "list")).isEmpty();
    }

    /** What a command prints that finds processes where {@link #runningProcessesAreListed} starts one. */
    private String output(int exitCode, String... args) throws Exception {
        ProcessBuilder builder =
                Cli.start(args).redirectError(folder.resolve("client").toFile());
        builder.environment().put("SLUICE_RUN_DIR", folder.resolve("run").toString());
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as(Files.readString(folder.resolve("client")))
                .isEqualTo(exitCode);
        return out;
    }
}
