package dev.sluice.conformance.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.EventReader;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.TestRun;
import dev.sluice.TestRunException;
import dev.sluice.TypedMap;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.map.Errno;
import dev.sluice.map.MapException;
import dev.sluice.map.XskMap;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.Datapath;
import dev.sluice.packet.End;
import dev.sluice.packet.Replay;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.Time;
import dev.sluice.packet.nic.XdpAction;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

/** What stands between {@code // example} and {@code // end} is what {@code docs/API.md} shows, word for word. */
class ApiExamplesTest {
    private static final Path OBJECT_FILE = Pcaps.object("features/options");
    private static final String CAPTURE = Pcaps.capture("recorded/dns.pcap").toString();
    /** An ARP request of 42 bytes, and a UDP packet from 10.10.0.1 to 10.10.0.2. */
    private static final byte[] PACKET = HexFormat.of()
            .parseHex("02534c000002" + "02534c000001" + "0800" + "4500002000000000401100000a0a00010a0a0002"
                    + "303900350" + "00c0000" + "61626364");

    @Test
    void openSetLoadAndRun() throws Exception {
        Path objectFile = OBJECT_FILE;
        byte[] packet = PACKET;
        // example run
        ObjectSpec spec = ObjectSpec.read(objectFile)
                .withVariable("config.min_length", 60)
                .withVariable("config.gateway", Map.of("addr", "10.10.0.2", "mac", "02:00:00:00:00:01"))
                .withVariable("name", "eth0");
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("options").orElseThrow()));
            LoadedProgram program = object.program("options").orElseThrow();
            try (TestRun run = runtime.testRun(program)) {
                TestRun.Result result = run.run(packet);
                assertThat(result.action()).isEqualTo(TestRun.XDP_DROP); // shorter than min_length
                assertThat(result.packet()).isEqualTo(packet);
                assertThat(object.get("seen", Long.class)).isEqualTo(1);
            }
        }
        // end
    }

    @Test
    void contextAndErrors() throws Exception {
        ObjectSpec spec = ObjectSpec.read(Pcaps.object("meta"));
        byte[] packet = PACKET;
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 2, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("write_mark").orElseThrow()));
            LoadedProgram program = object.program("write_mark").orElseThrow();
            // example context
            try (TestRun run = runtime.testRun(program, () -> 1_000_000_000L)) { // bpf_ktime_get_ns() is one second
                TestRun.Result result =
                        run.receivedOn(1, 1).metadata(4).repeat(3).run(packet);
                byte[] marks = result.metadata(); // what the program left in front of the packet
                assertThat(marks.length).isGreaterThan(4);
                assertThat(result.durationNanos()).isPositive();
                assertThatThrownBy(() -> run.metadata(3).run(packet))
                        .isInstanceOfSatisfying(
                                TestRunException.class,
                                e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
            }
            // end
        }
    }

    // example types
    record Gateway(InetAddress addr, byte[] mac) {}

    record Config(int minLength, short[] ports, Gateway gateway, Mode mode, boolean strict) {}

    enum Mode {
        MODE_COUNT,
        MODE_REPORT,
        MODE_FORWARD
    }

    record Event(long number, int length, InetAddress src, Mode mode, String name) {}
    // end

    @Test
    void mapsAndVariables() throws Exception {
        ObjectSpec spec = ObjectSpec.read(OBJECT_FILE);
        byte[] packet = PACKET;
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("options").orElseThrow()));
            try (TestRun run = runtime.testRun(object.program("options").orElseThrow())) {
                // example maps
                TypedMap<InetAddress, Long> hosts =
                        object.map("hosts").orElseThrow().typed(InetAddress.class, Long.class);
                InetAddress sender = InetAddress.ofLiteral("10.10.0.1");
                hosts.put(sender, 0L);
                object.set("balance", -100); // a global variable, also while programs run
                run.repeat(5).run(packet);
                assertThat(hosts.get(sender)).isEqualTo(5);
                assertThat(hosts.entries()).containsExactly(Map.entry(sender, 5L));
                assertThat(object.get("balance", Integer.class)).isEqualTo(-95);
                TypedMap<Integer, Long> totals =
                        object.map("totals").orElseThrow().typed(Integer.class, Long.class);
                long bytes =
                        totals.perCpu(0).stream().mapToLong(Long::longValue).sum();
                assertThat(bytes).isEqualTo(5L * packet.length);
                // end
                assertThatThrownBy(() -> object.set("config.strict", true))
                        .isInstanceOfSatisfying(
                                MapException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPERM))
                        .hasMessageContaining("variable config.strict: is constant once it is loaded");
                assertThat(object.get("config.strict", Boolean.class)).isFalse();
            }
        }
    }

    @Test
    void constantsAsRecords() throws Exception {
        Path objectFile = OBJECT_FILE;
        // example records
        Gateway gateway = new Gateway(InetAddress.ofLiteral("10.10.0.2"), new byte[] {2, 0, 0, 0, 0, 1});
        Config config = new Config(20, new short[] {80, 443}, gateway, Mode.MODE_COUNT, true);
        ObjectSpec spec = ObjectSpec.read(objectFile).withVariable("config", config);
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("options").orElseThrow()));
            Config loaded = object.get("config", Config.class);
            assertThat(loaded.gateway().addr()).isEqualTo(gateway.addr());
            assertThat(loaded.ports()).containsExactly(80, 443, 0, 0);
        }
        // end
    }

    @Test
    void events() throws Exception {
        ObjectSpec spec = ObjectSpec.read(OBJECT_FILE).withVariable("config.mode", "MODE_REPORT");
        byte[] packet = PACKET;
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("options").orElseThrow()));
            try (TestRun run = runtime.testRun(object.program("options").orElseThrow())) {
                // example events
                List<Event> seen = new ArrayList<>();
                try (EventReader reader = runtime.events(object.map("events").orElseThrow())) {
                    run.run(packet);
                    reader.poll(
                            Duration.ofSeconds(1),
                            event -> seen.add(object.decode("event", event.data(), Event.class)));
                    assertThat(reader.lost()).isZero();
                }
                assertThat(seen).hasSize(1);
                assertThat(seen.getFirst().src()).isEqualTo(InetAddress.ofLiteral("10.10.0.1"));
                assertThat(seen.getFirst().name()).isEqualTo("none");
                // end
                List<String> at = new ArrayList<>();
                try (EventReader reader = runtime.events(
                        object.map("samples").orElseThrow(), event -> at.add(event.map() + " on CPU " + event.cpu()))) {
                    run.run(packet);
                    assertThat(at).as("before the run is over").containsExactly("samples on CPU 0");
                    assertThat(reader.poll(event -> {})).isZero();
                }
                run.run(packet);
                assertThat(at).hasSize(1);
            }
        }
    }

    @Test
    void captures() throws Exception {
        String capture = CAPTURE;
        ObjectSpec spec = ObjectSpec.read(OBJECT_FILE);
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("options").orElseThrow()));
            LoadedProgram program = object.program("options").orElseThrow();
            // example replay
            RunTotals totals = Replay.builder()
                    .program(program.executable())
                    .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
                    .capture(capture)
                    .run();
            assertThat(totals.packets(XdpAction.PASS)).isEqualTo(64);
            // end
        }
    }

    @Test
    void nics() throws Exception {
        String capture = CAPTURE;
        ObjectSpec spec = ObjectSpec.read(OBJECT_FILE);
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object =
                    runtime.load(spec, List.of(spec.program("options").orElseThrow()));
            LoadedProgram program = object.program("options").orElseThrow();
            // example nics
            try (Datapath datapath = Datapath.builder()
                    .time(Time.CAPTURE)
                    .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
                    .nic(
                            "eth0",
                            nic -> nic.wire(new End.Captures(capture))
                                    .program(program.executable())) // or End.Tap("tap0")
                    .build()) {
                datapath.open();
                RunTotals totals = datapath.await();
                assertThat(totals.packets()).isEqualTo(70);
                assertThat(datapath.nics().all().getFirst().statistics().get("rx_packets"))
                        .isEqualTo(70);
            }
            // end
        }
    }

    @Test
    void receivers() throws Exception {
        String capture = CAPTURE;
        ObjectSpec spec = ObjectSpec.read(Pcaps.object("features/map_types"));
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject object = runtime.load(spec, spec.xdpPrograms());
            LoadedProgram program = object.programs().getFirst();
            // example receivers
            XskMap sockets = (XskMap) object.map("xskmap").orElseThrow().map();
            LongAdder redirected = new LongAdder();
            LongAdder passedBytes = new LongAdder();
            try (Datapath datapath = Datapath.builder()
                    .time(Time.CAPTURE)
                    .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
                    .nic(
                            "eth0",
                            nic -> nic.wire(new End.Captures(capture))
                                    .program(program.executable())
                                    .sockets(sockets, (batch, mask) -> redirected.add(Long.bitCount(mask)))
                                    .host(new End.Sink((batch, mask) -> {
                                        for (long rest = mask; rest != 0; rest &= rest - 1) {
                                            int i = Long.numberOfTrailingZeros(
                                                    rest); // its bytes begin at address batch.data(i)
                                            passedBytes.add(batch.length(i));
                                        }
                                    })))
                    .build()) {
                datapath.open();
                datapath.await();
            }
            assertThat(redirected.sum()).isEqualTo(26);
            assertThat(passedBytes.sum()).isEqualTo(6442);
            // end
        }
    }

    /** The documentation shows nothing that does not run. */
    @Test
    void theDocumentationShowsThese() throws Exception {
        String source = Files.readString(
                Pcaps.TOP.resolve("conformance/src/test/java/dev/sluice/conformance/api/ApiExamplesTest.java"));
        List<String> examples = new ArrayList<>();
        for (String part : source.split("\n *// example ", -1)) {
            if (!part.startsWith("package")) {
                examples.add(plain(part.substring(part.indexOf('\n'), part.indexOf("// end\n"))));
            }
        }
        String page = Files.readString(Pcaps.TOP.resolve("docs/API.md"), StandardCharsets.UTF_8);
        List<String> shown = new ArrayList<>();
        for (String part : page.split("```java\n", -1)) {
            int end = part.indexOf("```");
            if (end >= 0 && !part.startsWith("# ")) {
                shown.add(plain(part.substring(0, end)));
            }
        }
        assertThat(examples).hasSizeGreaterThan(6);
        assertThat(shown).containsExactlyInAnyOrderElementsOf(examples);
    }

    /** The formatter breaks lines at other places than a page does. */
    private static String plain(String code) {
        return code.replaceAll("\\s+", "");
    }
}
