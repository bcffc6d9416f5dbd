package dev.sluice.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Assembler;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureWriter;
import dev.sluice.packet.tap.NetNamespace;
import dev.sluice.packet.tap.TapException;
import dev.sluice.packet.tap.TapIo;
import dev.sluice.program.Program;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Real traffic through TAPs, in network namespaces of their own; skipped where that is not permitted. */
@Timeout(300)
class TapDatapathTest {
    /** ICMP echo requests come back as replies; everything else passes. */
    private static final String ECHO = """
            r6 = *(u32 *)(r1 +0)
            r7 = *(u32 *)(r1 +4)
            r2 = r6
            r2 += 42
            if r2 > r7 goto pass
            r3 = *(u16 *)(r6 +12)
            if r3 != 0x8 goto pass
            r3 = *(u8 *)(r6 +23)
            if r3 != 1 goto pass
            r3 = *(u8 *)(r6 +34)
            if r3 != 8 goto pass
            r2 = *(u32 *)(r6 +0)
            r3 = *(u16 *)(r6 +4)
            r4 = *(u32 *)(r6 +6)
            r5 = *(u16 *)(r6 +10)
            *(u32 *)(r6 +0) = r4
            *(u16 *)(r6 +4) = r5
            *(u32 *)(r6 +6) = r2
            *(u16 *)(r6 +10) = r3
            r2 = *(u32 *)(r6 +26)
            r3 = *(u32 *)(r6 +30)
            *(u32 *)(r6 +26) = r3
            *(u32 *)(r6 +30) = r2
            r2 = 0
            *(u8 *)(r6 +34) = r2
            r2 = *(u16 *)(r6 +36)
            r2 += 8
            r3 = r2
            r3 >>= 16
            r2 &= 0xffff
            r2 += r3
            *(u16 *)(r6 +36) = r2
            r0 = 3
            exit
            pass:
            r0 = 2
            exit
            """;

    @TempDir
    private Path directory;

    private static Executable echo() {
        return new Interpreter().load(Program.ofCode("echo", Assembler.assemble(ECHO)), 1);
    }

    private static Datapath.Builder datapath() {
        return Datapath.builder().contexts(TestProgram::context);
    }

    private static Datapath tap(TapIo io, Executable program) {
        return datapath()
                .nic("eth0", nic -> nic.wire(new End.Tap("slt0", io)).program(program))
                .build();
    }

    private static void open(NetNamespace net, Datapath run) throws Exception {
        net.call(() -> {
            run.open();
            return null;
        });
    }

    private static void host(NetNamespace net, String dev, String address, String neighbour) throws Exception {
        net.must("ip", "addr", "add", address, "dev", dev);
        net.must("ip", "neigh", "add", neighbour, "lladdr", "02:00:00:00:00:ec", "dev", dev);
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void aProgramAnswersARealPing(TapIo io) throws Exception {
        Path sent = directory.resolve("tx.pcapng");
        try (NetNamespace net = new NetNamespace(io);
                CaptureFileSink sink =
                        new CaptureFileSink(CaptureWriter.create(sent, CaptureWriter.Options.byName("tx.pcapng")))) {
            Datapath run = datapath()
                    .nic(
                            "eth0",
                            nic -> nic.wire(new End.Tap("slt0", io))
                                    .program(echo())
                                    .sink(XdpAction.TX, sink))
                    .build();
            open(net, run);
            host(net, "slt0", "10.99.0.1/24", "10.99.0.2");
            net.ping(20, "-I", "slt0", "10.99.0.2");
            net.ping(1, "-s", "1472", "-M", "do", "10.99.0.2");
            run.stop();
            RunTotals totals = run.await();
            assertThat(totals.packets(XdpAction.TX)).isEqualTo(21);
            assertThat(totals.packets(XdpAction.PASS)).isEqualTo(totals.packets() - 21);
            Map<String, Long> statistics = totals.statistics().get("eth0");
            assertThat(statistics)
                    .containsEntry("rx_packets", totals.packets())
                    .containsEntry("rx_bytes", totals.bytes())
                    .containsEntry("rx_xdp_tx", 21L)
                    .containsEntry("tx_packets", 21L)
                    .containsEntry("tx_errors", 0L);
            assertThat(net.run("ip", "link", "show", "dev", "slt0").status()).isNotZero();
        }
        assertThat(TestCaptures.read(sent)).hasSize(21);
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void aCompiledProgramAnswersArpAndPing(TapIo io) throws Exception {
        Path object = Path.of("..", "pcaps", "programs", "echo_tx.bpf.o");
        ObjectSpec spec = ObjectSpec.read("echo_tx.bpf.o", Files.readAllBytes(object));
        try (NetNamespace net = new NetNamespace(io);
                XdpRuntime runtime = new XdpRuntime(Engines.interpreter(), 1, 1)) {
            LoadedProgram program =
                    runtime.load(spec, spec.xdpPrograms()).programs().getFirst();
            Datapath run = Datapath.builder()
                    .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
                    .nic("eth0", nic -> nic.wire(new End.Tap("slt0", io)).program(program.executable()))
                    .build();
            open(net, run);
            net.must("ip", "addr", "add", "10.99.0.1/24", "dev", "slt0");
            net.ping(5, "-I", "slt0", "10.99.0.77");
            assertThat(net.must("ip", "neigh", "show", "10.99.0.77")).contains("02:00:00:00:00:ec");
            run.stop();
            RunTotals totals = run.await();
            assertThat(totals.packets(XdpAction.TX)).isGreaterThanOrEqualTo(6);
            assertThat(totals.faults()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void aDroppingProgramLeavesThePingUnanswered(TapIo io) throws Exception {
        try (NetNamespace net = new NetNamespace(io)) {
            Datapath run = tap(io, TestProgram.returning(1));
            open(net, run);
            host(net, "slt0", "10.99.0.1/24", "10.99.0.2");
            assertThat(net.run("ping", "-c", "3", "-i", "0.01", "-W", "1", "10.99.0.2")
                            .text())
                    .contains("3 packets transmitted, 0 received");
            VirtualNic nic = run.nics().byName("eth0");
            while (nic.total(NicCounter.RX_PACKETS) < 3) { // ping is over, whether they were read or not
                TimeUnit.MILLISECONDS.sleep(1);
            }
            run.stop();
            RunTotals totals = run.await();
            assertThat(totals.packets(XdpAction.DROP))
                    .isEqualTo(totals.packets())
                    .isGreaterThanOrEqualTo(3);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void redirectsToTheOtherInterface(TapIo io) throws Exception {
        try (NetNamespace net = new NetNamespace(io);
                NetNamespace far = new NetNamespace(io)) {
            AtomicIntegerArray ifindex = new AtomicIntegerArray(2);
            Executable swap = new TestProgram((context, d) -> {
                int from = Memory.getInt(d + FrameDescriptor.INGRESS_IFINDEX);
                Memory.putInt(
                        d + FrameDescriptor.REDIRECT_INDEX, from == ifindex.get(0) ? ifindex.get(1) : ifindex.get(0));
                return 4;
            });
            // a wire between two TAPs of which one is then moved to another namespace
            Datapath run = datapath()
                    .nic("a", nic -> nic.wire(new End.Tap("sla0", io)).program(swap))
                    .nic("b", nic -> nic.wire(new End.Tap("slb0", io)).program(swap))
                    .build();
            open(net, run);
            ifindex.set(0, run.nics().byName("a").ifindex());
            ifindex.set(1, run.nics().byName("b").ifindex());
            Process sleeper = far.call(() -> new ProcessBuilder("sleep", "300").start());
            try {
                net.must("ip", "link", "set", "slb0", "netns", Long.toString(sleeper.pid()));
                net.must("ip", "addr", "add", "10.99.0.1/24", "dev", "sla0");
                far.must("ip", "addr", "add", "10.99.0.2/24", "dev", "slb0");
                far.must("ip", "link", "set", "slb0", "up");
                net.ping(10, "10.99.0.2");
                run.stop();
                RunTotals totals = run.await();
                assertThat(totals.packets(XdpAction.REDIRECT))
                        .isEqualTo(totals.packets())
                        .isGreaterThanOrEqualTo(20);
                long sent = totals.statistics().get("a").get("tx_packets")
                        + totals.statistics().get("b").get("tx_packets");
                long lost = 0;
                for (String nic : List.of("a", "b")) {
                    // some may have come before the program knew the other interface
                    lost += totals.statistics().get(nic).get("tx_errors")
                            + totals.statistics().get(nic).get("rx_xdp_redirect_errors");
                }
                assertThat(sent + lost).isEqualTo(totals.packets());
            } finally {
                sleeper.destroy();
            }
        }
    }

    /** Sends numbered frames of an experimental type, each behind one that is longer than the MTU was. */
    private static final String SEND = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind(("slt0", 0))
            head = bytes.fromhex("02000000000202000000000188b5")
            for i in range(500):
                s.send(head + bytes(2000))
                s.send(head + i.to_bytes(2, "big") + bytes(50 + i % 1400))
            """;

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void framesThatAreTooLongAreCountedAndOthersStayInOrder(TapIo io) throws Exception {
        List<byte[]> passed = Collections.synchronizedList(new ArrayList<>());
        FrameSink host = (batch, mask) -> {
            for (long rest = mask; rest != 0; rest &= rest - 1) {
                byte[] frame = batch.bytes(Long.numberOfTrailingZeros(rest));
                if ((frame[12] & 0xff) == 0x88 && (frame[13] & 0xff) == 0xb5) {
                    passed.add(frame);
                }
            }
        };
        try (NetNamespace net = new NetNamespace(io)) {
            Datapath run = datapath()
                    .nic("eth0", nic -> nic.wire(new End.Tap("slt0", io)).host(new End.Sink(host)))
                    .build();
            open(net, run);
            net.must("ip", "link", "set", "slt0", "mtu", "3000", "txqueuelen", "2000");
            net.must("python3", "-c", SEND);
            VirtualNic nic = run.nics().byName("eth0");
            // the kernel's drops would show as packets that never come
            while (nic.total(NicCounter.RX_TOO_LARGE) < 500 || passed.size() < 500) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            run.stop();
            RunTotals totals = run.await();
            assertThat(totals.statistics().get("eth0").get("rx_too_large")).isEqualTo(500);
            for (int i = 0; i < 500; i++) {
                byte[] expected = new byte[66 + i % 1400];
                System.arraycopy(HexFormat.of().parseHex("02000000000202000000000188b5"), 0, expected, 0, 14);
                expected[14] = (byte) (i >> 8);
                expected[15] = (byte) i;
                assertThat(passed.get(i)).as("frame %d", i).isEqualTo(expected);
            }
            assertThat(run.batchesInUse()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void aRemovedInterfaceEndsTheRunWithAMessage(TapIo io) throws Exception {
        try (NetNamespace net = new NetNamespace(io)) {
            Datapath run = tap(io, TestProgram.returning(2));
            open(net, run);
            net.must("ip", "link", "del", "slt0");
            assertThatThrownBy(run::await)
                    .isInstanceOf(TapException.class)
                    .hasMessageStartingWith("tap slt0: the interface is gone");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void closeFromAnotherThreadGivesTheTotals(TapIo io) throws Exception {
        try (NetNamespace net = new NetNamespace(io);
                ExecutorService other = Executors.newSingleThreadExecutor()) {
            Datapath run = tap(io, TestProgram.returning(2));
            open(net, run);
            Future<RunTotals> totals = other.submit(run::await);
            TimeUnit.MILLISECONDS.sleep(50);
            run.close();
            assertThat(totals.get(180, TimeUnit.SECONDS).durationNanos()).isPositive();
            assertThat(net.run("ip", "link", "show", "dev", "slt0").status()).isNotZero();
        }
    }

    @Test
    void whatCannotBeOpenedLeavesNothingBehind() throws Exception {
        try (NetNamespace net = new NetNamespace()) {
            Datapath run = datapath()
                    .nic("a", nic -> nic.wire(new End.Tap("slt0")))
                    .nic("b", nic -> nic.wire(new End.Tap("lo")))
                    .build();
            assertThatThrownBy(() -> open(net, run))
                    .isInstanceOf(TapException.class)
                    .hasMessageStartingWith("tap lo: cannot make the interface");
            assertThat(net.run("ip", "link", "show", "dev", "slt0").status()).isNotZero();
        }
    }
}
