package dev.sluice.conformance.golden;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A packet allocates nothing, in any program of {@code pcaps}, on any engine: all kinds of maps, most helpers, calls, loops,
 * tail calls. By rounds over the same packets, of which one must come without a byte: until HotSpot has linked and compiled
 * what a program needs, there is more.
 */
@Timeout(900)
class NoAllocationTest {
    private static final int BATCH = 64;
    private static final int FRAME = 4096;
    private static final int HEADROOM = 256;
    private static final int CPUS = 2;
    private static final int MOST_OF_A_CAPTURE = 48;

    /** Of a program; few need more than a handful. */
    private static final int MOST_ROUNDS = 5_000;

    /** Of which a part is missing, or for other kernels: no engine loads them all. */
    private static final Set<String> REFUSED =
            Set.of("features/conntrack", "features/linked_main", "features/linked_other", "features/metadata");

    static List<Engine> engines() {
        return TestEngines.all();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aPacketAllocatesNothing(Engine engine) {
        List<byte[]> packets = packets();
        List<String> wrong = new ArrayList<>();
        int ran = 0;
        for (Path object : Pcaps.objects()) {
            if (REFUSED.contains(Pcaps.nameOf(object))) {
                continue;
            }
            ObjectSpec spec = Pcaps.read(object);
            for (ProgramSpec program : spec.xdpPrograms()) {
                long least = leastBytes(engine, spec, program, packets);
                if (least != 0) {
                    wrong.add(Pcaps.nameOf(object) + " " + program.name() + ": bytes=" + least);
                }
                ran++;
            }
        }
        assertThat(wrong).as("%s, packets=%d", engine.name(), packets.size()).isEmpty();
        assertThat(ran).isGreaterThan(100);
    }

    /** Bytes that the best round of a program allocates. */
    private static long leastBytes(Engine engine, ObjectSpec spec, ProgramSpec program, List<byte[]> packets) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] now = {1_000_000_000};
        try (Arena arena = Arena.ofConfined();
                XdpRuntime runtime = new XdpRuntime(engine, CPUS, 0);
                RunContext context = runtime.newContext(() -> now[0] += 1000, 0)) {
            Executable executable = runtime.load(spec, List.of(program))
                    .program(program.name())
                    .orElseThrow()
                    .executable();
            long frames = Memory.allocate(arena, (long) FRAME * BATCH, 64);
            long descriptors = Memory.allocate(arena, (long) FrameDescriptor.BYTES * BATCH, 64);
            long least = Long.MAX_VALUE;
            for (int round = 0; round < MOST_ROUNDS && least > 0; round++) {
                long bytes = 0;
                for (int first = 0; first + BATCH <= packets.size(); first += BATCH) {
                    describe(packets.subList(first, first + BATCH), descriptors, frames);
                    long before = threads.getCurrentThreadAllocatedBytes();
                    executable.run(context, descriptors, BATCH, (i, fault) -> {
                        throw fault;
                    });
                    bytes += threads.getCurrentThreadAllocatedBytes() - before;
                    context.reader.quiescent();
                }
                least = Math.min(least, bytes);
            }
            return least;
        }
    }

    private static List<byte[]> packets() {
        List<byte[]> packets = new ArrayList<>();
        for (String capture : List.of(
                "generated/imix.pcap",
                "recorded/http.pcap",
                "recorded/ipv6.pcap",
                "recorded/vlan.pcap",
                "recorded/dns.pcap",
                "recorded/fragments.pcap",
                "apps/services.pcap")) {
            packets.addAll(
                    Packets.runnable(capture).stream().limit(MOST_OF_A_CAPTURE).toList());
        }
        assertThat(packets).hasSizeGreaterThan(2 * BATCH);
        return packets;
    }

    private static void describe(List<byte[]> packets, long descriptors, long frames) {
        for (int i = 0; i < BATCH; i++) {
            byte[] packet = packets.get(i);
            long data = frames + (long) i * FRAME + HEADROOM;
            long descriptor = descriptors + (long) i * FrameDescriptor.BYTES;
            Memory.copy(packet, 0, data, packet.length);
            Memory.putLong(descriptor + FrameDescriptor.DATA, data);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + packet.length);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, data - HEADROOM);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
            Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 0);
            Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
        }
    }
}
