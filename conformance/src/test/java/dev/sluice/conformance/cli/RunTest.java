package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.packet.pcap.CaptureReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sluice run} without privileges: captures, generators, links, files. */
@Timeout(300)
class RunTest {
    private static final String IMIX = capture("generated/imix.pcap");

    @TempDir
    private Path folder;

    private static long packets(Path file) throws IOException {
        long n = 0;
        try (CaptureReader reader = CaptureReader.open(file)) {
            while (reader.next()) {
                n++;
            }
        }
        return n;
    }

    @Test
    void severalNicsWithAProgramEach() throws IOException {
        Path passed = folder.resolve("passed.pcapng");
        Json run = Cli.run(
                        "run",
                        object("firewall"),
                        "-j",
                        "--nic",
                        "a=pcap:" + IMIX + ",host=link:b",
                        "--nic",
                        "b=link:a,prog=" + object("parser") + ":parser,host=write:" + passed,
                        "--nic",
                        "c=pcap:" + IMIX + ",prog=none,repeat=2,count=1k")
                .ok()
                .json();
        assertThat(run.get("nics").get("a").get("program").text()).isEqualTo("firewall");
        assertThat(run.get("nics").get("a").get("packets").number()).isEqualTo(600);
        long drops = run.get("nics")
                .get("a")
                .get("verdicts")
                .get("XDP_DROP")
                .get("packets")
                .number();
        assertThat(drops).isEqualTo(40);
        assertThat(run.get("nics").get("b").get("packets").number()).isEqualTo(560);
        assertThat(run.get("nics").get("c").get("packets").number()).isEqualTo(1000);
        assertThat(run.get("statistics").get("b:host").get("tx_packets").number())
                .isEqualTo(560);
        assertThat(packets(passed)).isEqualTo(560);
    }

    @Test
    void inCaptureTimeTheSameInputGivesTheSameOutput() throws IOException {
        String[] outputs = new String[2];
        for (int i = 0; i < 2; i++) {
            Path sent = folder.resolve("sent" + i + ".pcap");
            outputs[i] = Cli.run(
                            "run",
                            object("percpu_stats"),
                            "--clock",
                            "capture",
                            "-j",
                            "--nic",
                            "a=gen:udp,rate=1M,count=5000,flows=777,queues=3,host=link:b",
                            "--nic",
                            "b=link:a,queues=2,sent=write:" + sent)
                    .json()
                    .get("nics")
                    .toString();
        }
        assertThat(outputs[0]).isEqualTo(outputs[1]).contains("5000");
    }

    @Test
    void generatedPacketsAreWhatWasAskedFor() throws IOException {
        Path file = folder.resolve("gen.pcap");
        Cli.run(
                        "run",
                        "--nic",
                        "g=gen:syn6,src=fd00::1-fd00::4,dport=443,size=imix,vlan=9,flows=100,count=2400,host=write:"
                                + file)
                .ok();
        try (CaptureReader reader = CaptureReader.open(file)) {
            int[] sizes = new int[1519];
            while (reader.next()) {
                byte[] packet = reader.copyBytes();
                sizes[Math.min(packet.length, 1518)]++;
                assertThat(packet[12] << 8 & 0xff00 | packet[13] & 0xff).isEqualTo(0x8100);
                assertThat(packet[15]).isEqualTo((byte) 9);
                assertThat(packet[18 + 6]).isEqualTo((byte) 6);
                assertThat(packet[18 + 23]).isBetween((byte) 0, (byte) 4);
            }
            assertThat(sizes[594]).isEqualTo(800);
            assertThat(sizes[1518]).isEqualTo(200);
        }
    }

    @Test
    void whatIsNoActionIsToldAsTheKernelsTracePointDoes() {
        Json run = Cli.run("run", object("actions"), "-j", "--nic", "a=pcap:" + IMIX + ",count=30,ifindex=7")
                .ok()
                .json();
        assertThat(run.get("xdp_exceptions").number()).isEqualTo(8);
        assertThat(run.get("xdp_exception").items()).hasSize(8);
        assertThat(run.get("xdp_exception").at(0).text()).isEqualTo("prog_id=1 action=77 ifindex=7 queue=0 packet=2");
    }

    @Test
    void outputRotates() throws IOException {
        Cli.run("run", "--nic", "g=gen:udp,count=10k,host=write:" + folder.resolve("out.pcapng") + ",size=64k,files=3")
                .ok();
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> kept = files.sorted().toList();
            assertThat(kept).hasSize(3);
            for (Path file : kept) {
                assertThat(file.getFileName().toString()).matches("out-\\d{5}\\.pcapng");
                assertThat(packets(file)).isBetween(1L, 1100L);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "eth0; expected NAME=WIRE",
                "eth0=foo:bar; expected tap:IFNAME, iface:IFNAME, pcap:FILE, gen:KIND, write:FILE, link:NIC or null",
                "eth0=tap; tap: expected the name of an interface",
                "eth0=null,queues=0; queues: expected a number from 1 to 256, found 0",
                "eth0=gen:udp,rate=fast; rate: expected packets a second such as 5000 or 1.5M, found fast",
                "eth0=gen:udp,src=nowhere; addresses, expected such as 10.0.0.1",
                "eth0=gen:udp,size=20; size of a frame, expected=42..65549 found=20",
                "eth0=gen:smtp; gen: expected udp, tcp",
                "eth0=gen:udp,src=10.0.0.0/33; addresses, expected a prefix of at most 32 bits, found 10.0.0.0/33",
                "eth0=null,queues=1,queues=2; queues is there twice",
                "eth0=gen:udp,count=1,count=2; count is there twice",
                "eth0=null,mac=1:2; mac: expected six bytes",
                "eth0=null,colour=red; null: unknown key",
                "eth0=tap:a-name-that-is-too-long; tap a-name-that-is-too-long: name of an interface, expected 1 to 15",
                "eth0=iface:a/b; iface a/b: name of an interface",
                "eth0=iface:lo,queues=2; an interface read through libpcap has one queue, found queues=2",
                "eth0=gen:udp,vlan=5000; vlan: expected a number from 0 to 4095, found 5000",
                "eth0=gen:udp,host=write:x,files=3; files: expected size or every beside it",
            })
    void whatCannotBeUnderstoodIsRefused(String nic, String message) {
        assertThat(Cli.run("run", "--nic", nic).error(Cli.USAGE)).contains(message);
    }

    @Test
    void aCableNeedsTwoEnds() {
        assertThat(Cli.run("run", "--nic", "a=link:b", "--nic", "b=null").error(Cli.USAGE))
                .contains("nic a: link to b has no other end, expected one of the sides of b to be link:a");
    }

    @Test
    void whatTwoNicsCannotShareIsRefused() {
        assertThat(Cli.run("run", "--nic", "a=null,ifindex=5", "--nic", "b=null,ifindex=5")
                        .error(Cli.USAGE))
                .contains("nic b: expected a number that no other NIC has, found ifindex=5");
        assertThat(Cli.run("run", "--nic", "a=tap:slsame,host=tap:slsame").error(Cli.USAGE))
                .contains("nic a: a TAP is one side of one NIC, found a second time tap:slsame");
    }

    @Test
    void ratesAsLinesOfJsonATotalOnRequestAndACleanEnd() throws Exception {
        Process process = Cli.start("run", object("parser"), "-j", "--stats", "100ms", "--nic", "g=gen:udp,rate=20k")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = process.inputReader()) {
            Json first = Json.parse(lines.readLine() + "\n");
            assertThat(first.get("type").text()).isEqualTo("stats");
            assertThat(first.get("nics").get("g").get("per_second").get("rx_packets"))
                    .isNotNull();
            new ProcessBuilder("kill", "-USR1", Long.toString(process.pid()))
                    .start()
                    .waitFor();
            String line = lines.readLine();
            while (!line.contains("\"report\"")) {
                line = lines.readLine();
            }
            long sofar = Json.parse(line + "\n").get("packets").number();
            long since = 0;
            while (since <= sofar) {
                Json stats = Json.parse(lines.readLine() + "\n");
                since = stats.get("nics").get("g").get("rx_packets").number();
            }
            new ProcessBuilder("kill", Long.toString(process.pid())).start().waitFor();
            String last = line;
            for (line = lines.readLine(); line != null; line = lines.readLine()) {
                last = line;
            }
            assertThat(last).contains("\"report\"");
            assertThat(Json.parse(last + "\n").get("packets").number()).isGreaterThanOrEqualTo(since);
            assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroy();
        }
    }

    /** Rates and reports are printed by threads of their own, each in whole lines. */
    @Test
    void linesOfSeveralThreadsAreNotMixed() throws Exception {
        Process process = Cli.start("run", object("parser"), "-j", "--stats", "1ms", "--nic", "g=gen:udp,rate=2k")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = process.inputReader()) {
            Json.parse(lines.readLine() + "\n"); // it runs
            int reports = 0;
            for (int stats = 0; reports < 20 || stats < 20; reports++) {
                new ProcessBuilder("kill", "-USR1", Long.toString(process.pid()))
                        .start()
                        .waitFor();
                while (Json.parse(lines.readLine() + "\n").get("type").text().equals("stats")) {
                    stats++;
                }
            }
            // the last report is the last line, whatever else is being printed
            new ProcessBuilder("kill", "-USR1", Long.toString(process.pid()))
                    .start()
                    .waitFor();
            new ProcessBuilder("kill", Long.toString(process.pid())).start().waitFor();
            List<String> rest = lines.lines().toList();
            rest.forEach(line -> Json.parse(line + "\n"));
            assertThat(Json.parse(rest.getLast() + "\n").get("type").text()).isEqualTo("report");
        } finally {
            process.destroy();
        }
    }

    private static Json formatted(Json entry) {
        return entry.get("formatted").get("values");
    }

    /** What the packets' places were, over all CPUs: packets, queues, CPUs, ingress and egress ifindex. */
    private static List<Long> place(Json run, int which) {
        long packets = 0;
        long queues = 0;
        long cpus = 0;
        long ingress = 0;
        long egress = 0;
        for (Json value : formatted(run.get("maps").get("places").at(which)).items()) {
            Json place = value.get("value");
            packets += place.get("packets").number();
            queues |= place.get("queues").number();
            cpus |= place.get("cpus").number();
            ingress |= place.get("ingress").number();
            egress |= place.get("egress").number();
        }
        return List.of(packets, queues, cpus, ingress, egress);
    }

    /** As Linux 6.18 answers it: the entry's program knows where the packet came in and where it leaves, but no queue. */
    @ParameterizedTest
    @ValueSource(strings = {"jit", "jit-checked", "interpreter"})
    void aDevmapsProgramIsToldTheWayOutAndNoQueue(String engine) throws IOException {
        for (String program : new String[] {"on_device", "only_device_7"}) {
            Path devices = folder.resolve(engine + program + ".json");
            Files.writeString(devices, "[{\"key\":0,\"value\":{\"ifindex\":7,\"prog\":\"" + program + "\"}}]");
            Json run = Cli.run(
                            "run",
                            object("features/entries"),
                            "--prog",
                            "to_device",
                            "--engine",
                            engine,
                            "--map",
                            "devices=" + devices,
                            "-j",
                            "--nic",
                            "in=gen:udp,count=1000,flows=64,queues=2,ifindex=5",
                            "--nic",
                            "out=null,ifindex=7,prog=none")
                    .ok()
                    .json();
            assertThat(run.get("statistics").get("out").get("tx_packets").number())
                    .as(program)
                    .isEqualTo(1000);
            assertThat(place(run, 0)).containsExactly(1000L, 3L, 3L, 5L, 0L);
            if (program.equals("on_device")) {
                assertThat(place(run, 1)).containsExactly(1000L, 1L, 3L, 5L, 7L);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jit", "jit-checked", "interpreter"})
    void aCpumapsProgramRunsOnThatCpuAndIsToldNoQueue(String engine) throws IOException {
        Path cpus = folder.resolve(engine + "-cpus.json");
        Files.writeString(cpus, "[{\"key\":2,\"value\":{\"qsize\":128,\"prog\":\"on_cpu\"}}]");
        Path passed = folder.resolve(engine + "-passed.pcap");
        Json run = Cli.run(
                        "run",
                        object("features/entries"),
                        "--prog",
                        "to_cpu",
                        "--engine",
                        engine,
                        "--map",
                        "remote=" + cpus,
                        "--cpus",
                        "4",
                        "-j",
                        "--nic",
                        "in=gen:udp,count=1000,flows=64,queues=2,ifindex=5,host=write:" + passed)
                .ok()
                .json();
        assertThat(place(run, 0)).containsExactly(1000L, 3L, 3L, 5L, 0L);
        assertThat(place(run, 2)).containsExactly(1000L, 1L, 4L, 5L, 0L);
        assertThat(run.get("statistics").get("cpumap:2").get("rx_packets").number())
                .isEqualTo(1000);
        assertThat(packets(passed)).isEqualTo(1000);
    }

    @Test
    void anXskmapsSocketsWriteACapture() throws IOException {
        Path received = folder.resolve("received.pcapng");
        Json run = Cli.run(
                        "run",
                        object("features/entries"),
                        "--prog",
                        "to_socket",
                        "-j",
                        "--nic",
                        "in=gen:udp,count=1000,flows=64,queues=2,xsk=sockets:" + received)
                .ok()
                .json();
        assertThat(run.get("statistics").get("in").get("rx_xdp_redirect").number())
                .isEqualTo(1000);
        assertThat(packets(received)).isEqualTo(1000);
        assertThat(Cli.run("run", object("hello"), "--nic", "in=null,xsk=sockets:" + received)
                        .error(Cli.USAGE))
                .contains("xsk: no xskmap of this name, name=sockets");
    }

    @Test
    void anEntryTakesOnlyProgramsForItsKindOfMap() throws IOException {
        Path devices = folder.resolve("devices.json");
        Files.writeString(devices, "[{\"key\":0,\"value\":{\"ifindex\":7,\"prog\":\"on_cpu\"}}]");
        assertThat(Cli.run(
                                "run",
                                object("features/entries"),
                                "--prog",
                                "to_device",
                                "--map",
                                "devices=" + devices,
                                "--nic",
                                "in=null")
                        .error(Cli.FAILED))
                .endsWith(
                        "entry 1: prog: expected a program of section xdp/devmap, found section=xdp/cpumap, name=on_cpu");
    }

    private static long ofQueue(Json run, int queue) {
        return run.get("statistics").get("in").get("rx" + queue + "_packets").number();
    }

    @Test
    void keyAndTableChooseTheQueue() {
        String flows = "in=gen:udp,count=1000,flows=64,src=10.0.0.0/8,queues=2";
        Json usual = Cli.run("run", "-j", "--nic", flows).ok().json();
        assertThat(ofQueue(usual, 0)).isBetween(100L, 900L);
        Json second = Cli.run("run", "-j", "--nic", flows + ",rss-table=1").ok().json();
        assertThat(ofQueue(second, 1)).isEqualTo(1000);
        Json third =
                Cli.run("run", "-j", "--nic", flows + ",rss-table=0:1:1:1").ok().json();
        assertThat(ofQueue(third, 0)).isBetween(1L, ofQueue(usual, 0));
        // a key of zeros hashes everything to 0
        Json zero = Cli.run("run", "-j", "--nic", flows + ",rss-key=" + "00:".repeat(39) + "00,rss-table=1:0")
                .ok()
                .json();
        assertThat(ofQueue(zero, 1)).isEqualTo(1000);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "eth0=null,rss-key=6d5a; rss-key: expected 40 bytes as hexadecimal digits, found 6d5a",
                "eth0=null,queues=2,rss-table=0:1:0; rss-table: expected a power of two of queues such as 0:1:0:2, found 3",
                "eth0=null,queues=2,rss-table=0:2; rss-table: expected queues from 0 to 1, found 2",
                "eth0=tap:never,queues=2,rss-table=0:1; rss-table: the kernel chooses the queue of a TAP's packet",
                "eth0=null,rx-vlan-offload=yes; rx-vlan-offload: expected on or off, found yes",
            })
    void settingsOfTheDeviceAreChecked(String nic, String message) {
        assertThat(Cli.run("run", "--nic", nic).error(Cli.USAGE)).contains(message);
    }

    private static long variable(Json run, String name) {
        for (Json variable : run.get("maps")
                .get("metadata.bss")
                .at(0)
                .get("formatted")
                .get("value")
                .get(".bss")
                .items()) {
            if (variable.has(name)) {
                return variable.get(name).number();
            }
        }
        throw new AssertionError(name);
    }

    /** As {@code ethtool -K … rx-vlan-offload}: the program gets the tag beside the packet, the host gets the packet whole. */
    @ParameterizedTest
    @ValueSource(strings = {"jit", "jit-checked", "interpreter"})
    void aTagIsInThePacketOrAHint(String engine) throws IOException {
        byte[][] packets = new byte[2][];
        for (String offload : new String[] {"off", "on"}) {
            Path passed = folder.resolve(engine + offload + ".pcap");
            Json run = Cli.run(
                            "run",
                            object("features/metadata"),
                            "--xdpmeta-dev",
                            "--engine",
                            engine,
                            "-j",
                            "--nic",
                            "in=gen:udp,count=640,flows=8,vlan=777,rx-vlan-offload=" + offload + ",host=write:"
                                    + passed)
                    .ok()
                    .json();
            boolean on = offload.equals("on");
            assertThat(variable(run, "tagged")).isEqualTo(on ? 640 : 0);
            assertThat(variable(run, "hashed")).isEqualTo(640);
            try (CaptureReader reader = CaptureReader.open(passed)) {
                assertThat(reader.next()).isTrue();
                packets[on ? 1 : 0] = reader.copyBytes();
                assertThat(packets[on ? 1 : 0]).containsSequence(0x81, 0x00, 777 >> 8, 777 & 0xff);
            }
        }
        assertThat(packets[1]).isEqualTo(packets[0]);
    }

    /** What goes back to the wire goes without its tag, as from a driver. */
    @Test
    void aStrippedTagDoesNotComeBackOnTheWire() throws IOException {
        Path sent = folder.resolve("sent.pcap");
        Cli.run(
                        "run",
                        object("actions"),
                        "--set",
                        "actions=[3,3,3,3,3,3,3,3]",
                        "--nic",
                        "in=gen:udp,size=100,count=64,vlan=5,rx-vlan-offload=on,sent=write:" + sent)
                .ok();
        try (CaptureReader reader = CaptureReader.open(sent)) {
            assertThat(reader.next()).isTrue();
            byte[] packet = reader.copyBytes();
            assertThat(packet).hasSize(96);
            assertThat(packet[12] << 8 | packet[13]).isEqualTo(0x0800);
        }
    }

    /** A machine without libpcap, as far as pcap4j is concerned: it looks for a library of another name. */
    @Test
    void withoutLibpcapTheMessageSaysWhatToInstall() throws Exception {
        ProcessBuilder builder = Cli.start("run", "--nic", "a=iface:lo", "--control", "none");
        builder.command().add(1, "-Dorg.pcap4j.core.pcapLibName=" + folder.resolve("no-such-library"));
        Process process = builder.start();
        String errors;
        try (BufferedReader lines = process.errorReader()) {
            errors = String.join("\n", lines.lines().toList());
        }
        assertThat(process.waitFor()).as(errors).isEqualTo(3);
        assertThat(errors)
                .contains(
                        "Error: iface lo: libpcap is not there; install it, for example with: apt install libpcap0.8");
    }
}
