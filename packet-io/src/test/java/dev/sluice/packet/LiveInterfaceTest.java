package dev.sluice.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.gen.Traffic;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.tap.NetNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A veth pair, one end of which is read and written through libpcap; skipped where there is none of these. */
@Timeout(300)
class LiveInterfaceTest {
    private static final long WARM = 100_000;
    private static final long MEASURED = 50_000;

    @BeforeEach
    void needsLibpcap() throws IOException {
        boolean there = Files.exists(Path.of("/usr/lib/x86_64-linux-gnu/libpcap.so.0.8"))
                || Files.exists(Path.of("/usr/lib/x86_64-linux-gnu/libpcap.so"));
        Assumptions.assumeTrue(there, "libpcap is not installed");
    }

    private static void veth(NetNamespace near, NetNamespace far) throws Exception {
        Process holder = far.call(() -> new ProcessBuilder("sleep", "300").start());
        NetNamespace.Output made = near.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1");
        Assumptions.assumeTrue(made.status() == 0, "no veth here: " + made.text());
        near.must("ip", "link", "set", "v1", "netns", Long.toString(holder.pid()));
        far.must("ip", "addr", "add", "10.99.0.1/24", "dev", "v1");
        for (NetNamespace side : new NetNamespace[] {near, far}) {
            String device = side == near ? "v0" : "v1";
            side.must("ip", "link", "set", device, "up");
        }
        holder.destroy();
    }

    @Test
    void aProgramAnswersPingThroughLibpcap() throws Exception {
        Path object = Path.of("..", "pcaps", "programs", "echo_tx.bpf.o");
        ObjectSpec spec = ObjectSpec.read("echo_tx.bpf.o", Files.readAllBytes(object));
        try (NetNamespace near = new NetNamespace();
                NetNamespace far = new NetNamespace();
                XdpRuntime runtime = new XdpRuntime(Engines.interpreter(), 1, 1)) {
            LoadedProgram program =
                    runtime.load(spec, spec.xdpPrograms()).programs().getFirst();
            veth(near, far);
            try (Datapath datapath = Datapath.builder()
                    .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
                    .nic(
                            "eth0",
                            nic -> nic.wire(new End.Interface("v0", "arp or icmp", true))
                                    .program(program.executable()))
                    .build()) {
                near.call(() -> {
                    datapath.open();
                    return null;
                });
                // veth hands over what offloads have made, and we say so
                assertThat(datapath.warnings()).hasSize(1).first().asString().contains("ethtool -K v0");
                far.ping(5, "10.99.0.77");
                datapath.stop();
                RunTotals totals = datapath.await();
                assertThat(totals.packets(XdpAction.TX)).isGreaterThanOrEqualTo(6);
                assertThat(totals.statistics().get("eth0").get("tx_packets")).isEqualTo(totals.packets(XdpAction.TX));
                assertThat(datapath.batchesInUse()).isZero();
            }
        }
    }

    @Test
    void readingAndInjectingAllocateNothing() throws Exception {
        try (NetNamespace near = new NetNamespace();
                NetNamespace far = new NetNamespace()) {
            veth(near, far);
            near.must("ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1");
            for (String device : new String[] {"w0", "w1"}) {
                near.must("sysctl", "-q", "-w", "net.ipv6.conf." + device + ".disable_ipv6=1");
                near.must("ip", "link", "set", device, "up");
            }
            try (Datapath run = Datapath.builder()
                    .contexts(TestProgram::context)
                    .nic(
                            "out",
                            nic -> nic.wire(new End.Generator(
                                            Traffic.of(Traffic.Kind.UDP), Long.MAX_VALUE, Pace.TOP_SPEED))
                                    .host(new End.Interface("w0")))
                    .nic("in", nic -> nic.wire(new End.Interface("w1")).program(TestProgram.returning(1)))
                    .build()) {
                near.call(() -> {
                    run.open();
                    return null;
                });
                VirtualNic in = run.nics().byName("in");
                SteadyStateTest.await(in, WARM);
                // code of a lower tier may allocate what C2 does not: the best of some rounds counts
                long least = Long.MAX_VALUE;
                for (int round = 1; round <= 60 && least > 8 << 10; round++) {
                    long before = SteadyStateTest.allocated();
                    SteadyStateTest.await(in, WARM + round * MEASURED);
                    least = Math.min(least, SteadyStateTest.allocated() - before);
                }
                assertThat(least).as("bytes allocated for %d packets", MEASURED).isLessThanOrEqualTo(8 << 10);
                run.stop();
                RunTotals totals = run.await();
                assertThat(totals.statistics().get("out:host").get("tx_packets"))
                        .isGreaterThanOrEqualTo(in.total(NicCounter.RX_XDP_DROP));
                assertThat(run.batchesInUse()).isZero();
            }
        }
    }

    @Test
    void anInterfaceThatIsSwitchedOffGoesOnLaterAndOneThatIsGoneEndsTheRun() throws Exception {
        try (NetNamespace near = new NetNamespace();
                NetNamespace far = new NetNamespace()) {
            veth(near, far);
            try (Datapath run = Datapath.builder()
                    .contexts(TestProgram::context)
                    .nic("eth0", nic -> nic.wire(new End.Interface("v0")).program(TestProgram.returning(1)))
                    .build()) {
                near.call(() -> {
                    run.open();
                    return null;
                });
                VirtualNic nic = run.nics().byName("eth0");
                ping(far, nic, 1);
                near.must("ip", "link", "set", "v0", "down");
                near.must("ip", "link", "set", "v0", "up");
                ping(far, nic, nic.total(NicCounter.RX_PACKETS) + 1);
                near.must("ip", "link", "del", "v0");
                assertThatThrownBy(run::await).isInstanceOf(IOException.class).hasMessageStartingWith("iface v0: ");
            }
        }
    }

    /** Has packets sent until so many have come in all. */
    private static void ping(NetNamespace far, VirtualNic nic, long packets) throws Exception {
        while (nic.total(NicCounter.RX_PACKETS) < packets) {
            far.run("ping", "-c", "1", "-W", "1", "10.99.0.77");
        }
    }

    @Test
    void whatCannotBeOpenedIsSaid() throws Exception {
        try (NetNamespace near = new NetNamespace();
                NetNamespace far = new NetNamespace()) {
            veth(near, far);
            assertThatThrownBy(() -> open(near, new End.Interface("nope0")))
                    .hasMessageStartingWith("iface nope0: cannot ask for its number: No such device");
            assertThatThrownBy(() -> open(near, new End.Interface("v0", "no such filter", true)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith(
                            "iface v0: expected a filter in libpcap's language, found filter=no such filter: ");
        }
    }

    private static void open(NetNamespace net, End end) throws Exception {
        try (Datapath datapath = Datapath.builder()
                .contexts(TestProgram::context)
                .nic("eth0", nic -> nic.wire(end))
                .build()) {
            net.call(() -> {
                datapath.open();
                return null;
            });
        }
    }
}
