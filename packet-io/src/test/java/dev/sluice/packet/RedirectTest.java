package dev.sluice.packet;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.map.XskMap;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.nic.XdpAction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** XDP_REDIRECT by number and through every kind of map, over whole datapaths: every packet once where it belongs, no frame lost. */
@Timeout(300)
class RedirectTest {
    private static final int PACKETS = 10_000;

    private final MapTable maps = new MapTable();
    private final Regions regions = new Regions();

    @TempDir
    private Path directory;

    private String capture = "";

    @BeforeEach
    void write() throws Exception {
        capture = TestCaptures.write(directory.resolve("in.pcap"), TestCaptures.flows(7, PACKETS, 200));
    }

    @AfterEach
    void close() {
        maps.closeAll();
    }

    /** Keeps packets. */
    private static final class Kept implements FrameSink {
        final List<byte[]> packets = new ArrayList<>();
        final Set<String> threads = ConcurrentHashMap.newKeySet();

        @Override
        public synchronized void write(FrameBatch batch, long mask) {
            threads.add(Thread.currentThread().getName());
            for (long rest = mask; rest != 0; rest &= rest - 1) {
                packets.add(batch.bytes(Long.numberOfTrailingZeros(rest)));
            }
        }

        int size() {
            return packets.size();
        }
    }

    private RunContext context(int cpu, Clock clock) {
        RunContext context = new RunContext(maps, regions, clock, cpu);
        context.cpu = cpu;
        return context;
    }

    private BpfMap map(MapType type, int valueSize, int entries) {
        return Maps.create(MapDef.of("targets", type, 4, valueSize, entries), maps, regions, 2, 1);
    }

    private static void put(BpfMap map, int key, int value, int program) {
        ByteBuffer bytes = ByteBuffer.allocate(map.def().valueSize()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(value);
        if (bytes.remaining() >= 4) {
            bytes.putInt(program);
        }
        map.put(
                ByteBuffer.allocate(4)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(key)
                        .array(),
                bytes.array(),
                BpfMap.ANY);
    }

    private static int last(long descriptor) {
        return Memory.getByte(Memory.getLong(descriptor + FrameDescriptor.DATA_END) - 1) & 0xff;
    }

    private static TestProgram redirect(BpfMap map, int flags) {
        return new TestProgram((running, d) -> {
            Memory.putInt(d + FrameDescriptor.REDIRECT_MAP, map.id() | flags << FrameDescriptor.REDIRECT_FLAGS_SHIFT);
            Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, last(d) % 4);
            return 4;
        });
    }

    private static RunTotals run(Datapath.Builder builder) throws Exception {
        try (Datapath datapath = builder.build()) {
            datapath.open();
            RunTotals totals = datapath.await();
            assertThat(datapath.batchesInUse()).as("batches that leak").isZero();
            return totals;
        }
    }

    private Datapath.Builder datapath(Time time) {
        return Datapath.builder().time(time).contexts(this::context);
    }

    @ParameterizedTest
    @EnumSource(
            value = MapType.class,
            names = {"DEVMAP", "DEVMAP_HASH"})
    void aDevmapsProgramSeesWhereThePacketLeavesAndMayDropIt(MapType type) throws Exception {
        BpfMap devices = map(type, 8, 4);
        put(devices, 0, 2, 0);
        put(devices, 1, 3, 9);
        put(devices, 2, 3, 77); // no such program
        Kept two = new Kept();
        Kept three = new Kept();
        TestProgram egress = new TestProgram((running, d) -> {
            assertThat(running.egressIfindex).isEqualTo(3);
            assertThat(Memory.getInt(d + FrameDescriptor.INGRESS_IFINDEX)).isEqualTo(1);
            return switch (last(d) / 4 % 4) {
                case 0 -> 1;
                case 1 -> 0;
                default -> 2;
            };
        });
        RunTotals totals = run(datapath(Time.CAPTURE)
                .programs(id -> id == 9 ? egress : null)
                .nic("in", nic -> nic.ifindex(1).wire(new End.Captures(capture)).program(redirect(devices, 0)))
                .nic("two", nic -> nic.ifindex(2).sent(new End.Sink(two)))
                .nic("three", nic -> nic.ifindex(3).sent(new End.Sink(three))));
        assertThat(totals.packets(XdpAction.REDIRECT)).isEqualTo(PACKETS);
        assertThat(two.packets).hasSize(PACKETS / 4).allMatch(p -> (p[p.length - 1] & 0xff) % 4 == 0);
        assertThat(three.packets)
                .allMatch(p -> (p[p.length - 1] & 0xff) % 4 == 1 && (p[p.length - 1] & 0xff) / 4 % 4 >= 2);
        Map<String, Long> in = totals.statistics().get("in");
        assertThat(in)
                .containsEntry("rx_xdp_redirect", PACKETS / 2L)
                .containsEntry("rx_xdp_redirect_errors", PACKETS / 2L);
        Map<String, Long> out = totals.statistics().get("three");
        assertThat(out.get("tx_packets")).isEqualTo(three.size());
        assertThat(out.get("tx_packets") + out.get("tx_xdp_drop") + out.get("tx_xdp_invalid"))
                .isEqualTo(PACKETS / 4);
        assertThat(out.get("tx_xdp_drop")).isPositive();
        assertThat(out.get("tx_xdp_invalid")).isPositive();
    }

    @ParameterizedTest
    @EnumSource(
            value = MapType.class,
            names = {"DEVMAP", "DEVMAP_HASH"})
    void broadcastGoesEverywhereAndExcludeIngressNotBack(MapType type) throws Exception {
        for (boolean exclude : new boolean[] {false, true}) {
            BpfMap devices = map(type, 4, 8);
            for (int i = 0; i < 3; i++) {
                put(devices, i * 2, i + 1, 0);
            }
            Kept[] kept = {new Kept(), new Kept(), new Kept()};
            RunTotals totals = run(datapath(Time.CAPTURE)
                    .nic(
                            "a",
                            nic -> nic.ifindex(1)
                                    .wire(new End.Captures(capture))
                                    .sent(new End.Sink(kept[0]))
                                    .program(redirect(devices, exclude ? 3 : 1)))
                    .nic("b", nic -> nic.ifindex(2).sent(new End.Sink(kept[1])))
                    .nic("c", nic -> nic.ifindex(3).sent(new End.Sink(kept[2]))));
            assertThat(totals.statistics().get("a")).containsEntry("rx_xdp_redirect", (long) PACKETS);
            assertThat(kept[0].size()).isEqualTo(exclude ? 0 : PACKETS);
            assertThat(kept[1].size()).isEqualTo(PACKETS);
            for (int i = 0; i < PACKETS; i++) {
                assertThat(kept[2].packets.get(i)).isEqualTo(kept[1].packets.get(i));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCpumapHandsPacketsToTheOtherCpuWhoseProgramDecides(boolean withProgram) throws Exception {
        BpfMap cpus = map(MapType.CPUMAP, 8, 2);
        put(cpus, 1, 192, withProgram ? 9 : 0);
        Set<String> threads = ConcurrentHashMap.newKeySet();
        Executable remote = new TestProgram((running, d) -> {
            threads.add(Thread.currentThread().getName());
            assertThat(Memory.getInt(d + FrameDescriptor.RX_QUEUE)).isEqualTo(1);
            return last(d) % 3 == 0 ? 1 : last(d) % 3 == 1 ? 2 : 3;
        });
        TestProgram program = new TestProgram((running, d) -> {
            Memory.putInt(d + FrameDescriptor.REDIRECT_MAP, cpus.id());
            Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, 1);
            return 4;
        });
        Kept host = new Kept();
        Set<Boolean> freed = ConcurrentHashMap.newKeySet();
        RunTotals totals = run(datapath(Time.MACHINE)
                .cpus(2)
                .programs(id -> {
                    // the CPU has looked into the map, whose memory has to stay meanwhile
                    freed.add(
                            maps.quiescentStates().passed(maps.quiescentStates().stamp()));
                    return id == 9 ? remote : null;
                })
                .nic(
                        "in",
                        nic -> nic.wire(new End.Captures(capture))
                                .host(new End.Sink(host))
                                .program(program)));
        Map<String, Long> cpu = totals.statistics().get("cpumap:1");
        assertThat(cpu).containsEntry("rx_packets", (long) PACKETS);
        assertThat(totals.statistics().get("in")).containsEntry("rx_xdp_redirect", (long) PACKETS);
        assertThat(cpu.get("rx_xdp_pass") + cpu.get("rx_xdp_drop") + cpu.get("rx_xdp_invalid"))
                .isEqualTo(PACKETS);
        assertThat((long) host.size()).isEqualTo(cpu.get("rx_xdp_pass"));
        if (withProgram) {
            assertThat(threads).hasSize(1);
            assertThat(freed).containsExactly(false);
            assertThat(host.packets).allMatch(p -> (p[p.length - 1] & 0xff) % 3 == 1);
            assertThat(cpu.get("rx_xdp_invalid")).isPositive(); // XDP_TX is no action there
        } else {
            assertThat(host.size()).isEqualTo(PACKETS);
        }
    }

    @Test
    void anXskmapGivesPacketsOfItsQueueToJava() throws Exception {
        XskMap sockets = (XskMap) map(MapType.XSKMAP, 4, 4);
        Kept received = new Kept();
        TestProgram program = new TestProgram((running, d) -> {
            int queue = Memory.getInt(d + FrameDescriptor.RX_QUEUE);
            Memory.putInt(d + FrameDescriptor.REDIRECT_MAP, sockets.id());
            // every fourth packet goes to the socket of another queue, which must not get it
            Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, last(d) % 4 == 0 ? 1 - queue : queue);
            return 4;
        });
        RunTotals totals = run(datapath(Time.CAPTURE)
                .nic(
                        "in",
                        nic -> nic.wire(new End.Captures(capture))
                                .queues(2)
                                .sockets(sockets, received)
                                .program(program)));
        assertThat(received.packets).hasSize(PACKETS * 3 / 4).noneMatch(p -> (p[p.length - 1] & 3) == 0);
        assertThat(totals.statistics().get("in"))
                .containsEntry("rx_xdp_redirect", PACKETS * 3L / 4)
                .containsEntry("rx_xdp_redirect_errors", PACKETS / 4L);
    }

    @ParameterizedTest
    @EnumSource(Time.class)
    void aChainOfLinksKeepsEveryPacketInOrder(Time time) throws Exception {
        Kept end = new Kept();
        Kept back = new Kept();
        RunTotals totals = run(datapath(time)
                .nic(
                        "a",
                        nic -> nic.ifindex(1)
                                .wire(new End.Captures(capture))
                                .sent(new End.Sink(back))
                                .host(new End.Link("b")))
                .nic(
                        "b",
                        nic -> nic.ifindex(2)
                                .wire(new End.Link("a"))
                                .mtu(1500)
                                .program(new TestProgram((running, d) -> {
                                    assertThat(Memory.getInt(d + FrameDescriptor.INGRESS_IFINDEX))
                                            .isEqualTo(2);
                                    Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, 3);
                                    return new int[] {2, 3, 4, 1}[last(d) % 4];
                                })))
                .nic("c", nic -> nic.ifindex(3).wire(new End.Link("d")))
                .nic("d", nic -> nic.ifindex(4).wire(new End.Link("c")).host(new End.Sink(end))));
        assertThat(end.packets).hasSize(PACKETS / 4);
        assertThat(back.packets).hasSize(PACKETS / 4);
        for (int i = 0; i < PACKETS / 4; i++) {
            assertThat(end.packets.get(i)[end.packets.get(i).length - 1]).isEqualTo((byte) (i * 4 + 2));
            assertThat(back.packets.get(i)[back.packets.get(i).length - 1]).isEqualTo((byte) (i * 4 + 1));
        }
        assertThat(totals.nics().stream()
                        .filter(n -> n.name().equals("b"))
                        .findFirst()
                        .orElseThrow()
                        .packets())
                .isEqualTo(PACKETS);
    }

    @Test
    void whatGoesRoundForEverIsDroppedSomeTime() throws Exception {
        RunTotals totals = run(datapath(Time.CAPTURE)
                .nic("in", nic -> nic.wire(new End.Captures(capture)).host(new End.Link("a")))
                .nic(
                        "a",
                        nic -> nic.wire(new End.Link("b"))
                                .host(new End.Link("in"))
                                .program(TestProgram.returning(3)))
                .nic("b", nic -> nic.wire(new End.Link("a")).program(TestProgram.returning(3))));
        // what comes from the host leaves by the wire to b, and then goes to and fro
        assertThat(totals.dropped()).isEqualTo(PACKETS);
    }

    @Test
    void aLinkRefusesWhatIsLongerThanItsMtu() throws Exception {
        Kept host = new Kept();
        RunTotals totals = run(datapath(Time.CAPTURE)
                .nic("a", nic -> nic.wire(new End.Captures(capture)).host(new End.Link("b")))
                .nic("b", nic -> nic.wire(new End.Link("a")).mtu(100).host(new End.Sink(host))));
        assertThat(host.packets).isNotEmpty().allMatch(p -> p.length <= 118);
        assertThat(totals.tooLong()).isPositive().isEqualTo(PACKETS - host.size());
    }
}
