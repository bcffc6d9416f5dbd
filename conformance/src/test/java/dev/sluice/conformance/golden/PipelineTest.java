package dev.sluice.conformance.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.map.BpfMap;
import dev.sluice.map.Maps;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.packet.Replay;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.nic.VerdictCounters;
import dev.sluice.packet.nic.XdpAction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The whole pipeline gives the kernel's results as well: capture reader, frames, Netty channels, program, sinks, counters.
 * In capture time the number of queues changes nothing but the CPU that a program sees.
 */
class PipelineTest {
    private static final List<String> CAPTURES = List.of(
            "generated/odd.pcap",
            "generated/imix.pcap",
            "recorded/dns.pcap",
            "recorded/ipv6.pcap",
            "recorded/vlan.pcap");

    /** What the golden test says about these, see there. */
    private static final Set<String> LEFT_OUT = Set.of("callback", "core", "map_types");

    /** Its results are about the CPU and the queue. */
    private static final Set<String> BY_CPU = Set.of("percpu_stats");

    @TestFactory
    Stream<DynamicTest> asTheKernel() {
        return TestEngines.all().stream()
                .flatMap(engine -> Stream.of(1, 3)
                        .flatMap(queues -> Golden.subjects().stream()
                                .filter(subject -> subject.object().endsWith(subject.golden()))
                                .filter(subject -> !LEFT_OUT.contains(subject.golden()))
                                .filter(subject -> queues == 1 || !BY_CPU.contains(subject.golden()))
                                .map(subject -> dynamicTest(
                                        subject + ", " + engine.name() + ", queues=" + queues,
                                        () -> compare(engine, subject, queues)))));
    }

    private static void compare(Engine engine, Golden.Subject subject, int queues) throws IOException {
        ObjectSpec spec = Pcaps.read(Pcaps.object(subject.object()));
        List<String> differences = new ArrayList<>();
        int compared = 0;
        for (String name : subject.programs().names()) {
            Json results = subject.programs().get(name);
            for (String capture : CAPTURES) {
                Json expected = results.get(capture);
                if (expected.isNull()) {
                    continue;
                }
                // the kernel did not run longer packets than it has room for, the pipeline does
                assertThat(expected.get("skipped").number()).isZero();
                Outcome outcome = run(engine, spec, spec.program(name).orElseThrow(), capture, queues);
                for (String difference : outcome.differences(expected, true)) {
                    differences.add(name + " on " + capture + ": " + difference);
                }
                compared++;
            }
        }
        assertThat(differences).isEmpty();
        assertThat(compared).isGreaterThanOrEqualTo(CAPTURES.size());
    }

    private static Outcome run(Engine engine, ObjectSpec spec, ProgramSpec program, String capture, int queues)
            throws IOException {
        try (XdpRuntime runtime = new XdpRuntime(engine, queues, 0)) {
            LoadedObject object = runtime.load(spec, List.of(program.asXdp()));
            LoadedProgram loaded = object.program(program.name()).orElseThrow();
            BpfMap counters = Maps.create(VerdictCounters.definition(), runtime.maps(), runtime.regions(), queues, 0);
            List<String> trace = new ArrayList<>();
            InOrder packets = new InOrder();
            Replay.Builder replay = Replay.builder()
                    .program(loaded.executable())
                    .counters(counters)
                    .contexts((cpu, clock) -> {
                        var context = runtime.newContext(clock, cpu);
                        context.trace = (from, line) -> trace.add(line);
                        return context;
                    })
                    .capture(Pcaps.capture(capture).toString())
                    .queues(queues);
            for (XdpAction action : XdpAction.values()) {
                replay.sink(action, packets);
            }
            RunTotals totals = replay.run();
            checkTotals(totals, counters, queues, packets.outcome());
            return packets.builder()
                    .build(
                            MapState.of(object),
                            trace,
                            totals.faults().stream().map(Object::toString).toList());
        }
    }

    /** The totals and the counters map say the same as the packets that came by. */
    private static void checkTotals(RunTotals totals, BpfMap counters, int queues, Outcome outcome) {
        assertThat(totals.damages()).isEmpty();
        assertThat(totals.tooShort() + totals.tooLong() + totals.cutPackets()).isZero();
        assertThat(totals.packets()).isEqualTo(outcome.packets());
        for (XdpAction action : XdpAction.values()) {
            long packets = 0;
            long bytes = 0;
            for (Map.Entry<String, List<Long>> verdict : outcome.verdicts().entrySet()) {
                boolean other = !verdict.getKey().startsWith("XDP_");
                if (action == XdpAction.OTHER ? other : verdict.getKey().equals(action.label())) {
                    packets += verdict.getValue().get(0);
                    bytes += verdict.getValue().get(1);
                }
            }
            assertThat(List.of(totals.packets(action), totals.bytes(action)))
                    .as(action.label())
                    .isEqualTo(List.of(packets, bytes));
            byte[] key = {(byte) action.ordinal(), 0, 0, 0};
            ByteBuffer counted = ByteBuffer.wrap(counters.get(key)).order(ByteOrder.LITTLE_ENDIAN);
            long countedPackets = 0;
            long countedBytes = 0;
            for (int cpu = 0; cpu < queues; cpu++) {
                countedPackets += counted.getLong(VerdictCounters.VALUE_BYTES * cpu + VerdictCounters.PACKETS);
                countedBytes += counted.getLong(VerdictCounters.VALUE_BYTES * cpu + VerdictCounters.BYTES);
            }
            assertThat(List.of(countedPackets, countedBytes))
                    .as("counters map, %s", action.label())
                    .isEqualTo(List.of(packets, bytes));
        }
    }

    /** Takes packets of all actions, and gives them back in the order of the capture. */
    private static final class InOrder implements FrameSink {
        private record Packet(int action, int lengthBefore, byte[] bytes) {}

        private final Map<Long, Packet> packets = new TreeMap<>();

        @Override
        public void write(FrameBatch batch, long mask) {
            for (long rest = mask; rest != 0; rest &= rest - 1) {
                int i = Long.numberOfTrailingZeros(rest);
                byte[] bytes = Memory.bytes(batch.dataMeta(i), (int) (batch.dataEnd(i) - batch.dataMeta(i)));
                Packet before =
                        packets.put(batch.number(i), new Packet(batch.action(i), batch.arrivalLength(i), bytes));
                assertThat(before).as("number=%d came twice", batch.number(i)).isNull();
            }
        }

        Outcome.Builder builder() {
            Outcome.Builder builder = new Outcome.Builder();
            packets.values().forEach(packet -> builder.packet(packet.action, packet.lengthBefore, packet.bytes));
            return builder;
        }

        Outcome outcome() {
            return builder().build(Map.of(), List.of(), List.of());
        }
    }
}
