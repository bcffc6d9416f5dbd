package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.conformance.Pcaps;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.helper.RunContext;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.Uapi;
import dev.sluice.kernel.diff.Comparison;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.kernel.diff.Difference;
import dev.sluice.kernel.diff.NotComparableException;
import dev.sluice.kernel.diff.Rule;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.program.Program;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Comparisons find what differs, say so, and count what they excuse. */
class ComparisonTest {
    /** Right, but for the packets whose first byte is 7: their second byte and their verdict. */
    private record Wrong(Engine engine) implements Engine {
        @Override
        public String name() {
            return "wrong";
        }

        @Override
        public Executable load(Program program, int programId) {
            Executable right = engine.load(program, programId);
            return new Executable() {
                @Override
                public String engine() {
                    return "wrong";
                }

                @Override
                public Program program() {
                    return right.program();
                }

                @Override
                public int programId() {
                    return right.programId();
                }

                @Override
                public void run(RunContext context, long descriptors, int count, FaultSink faults) {
                    right.run(context, descriptors, count, faults);
                    long data = Memory.getLong(descriptors + FrameDescriptor.DATA);
                    if (Memory.getByte(data) == 7) {
                        Memory.putByte(data + 1, (byte) 0x55);
                        Memory.putInt(descriptors + FrameDescriptor.ACTION, 3);
                    }
                }

                @Override
                public long call(RunContext context, long r1, long r2) {
                    return right.call(context, r1, r2);
                }
            };
        }
    }

    private static DiffReport compare(String object, String program, List<Engine> engines, byte[]... packets) {
        ObjectSpec spec = Pcaps.read(Pcaps.object(object));
        try (Comparison comparison = Comparison.open(
                Kernels.kernel(), spec, spec.program(program).orElseThrow(), Comparison.Options.of(engines))) {
            for (byte[] packet : packets) {
                comparison.packet(packet);
            }
            return comparison.finish();
        }
    }

    private static byte[] packet(int length, int first) {
        byte[] packet = new byte[length];
        packet[0] = (byte) first;
        return packet;
    }

    @Test
    void aDifferenceIsDescribedWithTheStepsOfTheInterpreter() {
        DiffReport report = compare(
                "proto_counter",
                "proto_counter",
                List.of(new Wrong(Engines.interpreter()), Engines.jitChecked()),
                packet(60, 1),
                packet(64, 7),
                packet(60, 2));
        assertThat(report.isEqual()).isFalse();
        assertThat(report.compared()).isEqualTo(3);
        assertThat(report.engines())
                .extracting(DiffReport.EngineResult::engine, DiffReport.EngineResult::differentPackets)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("wrong", 1L),
                        org.assertj.core.groups.Tuple.tuple("jit-checked", 0L));
        Difference.Packet difference = (Difference.Packet) report.differences().getFirst();
        assertThat(difference.packet()).isEqualTo(2);
        assertThat(difference.aspects()).containsExactly(Difference.Aspect.RETURN_VALUE, Difference.Aspect.BYTES);
        assertThat(difference.before()).hasSize(64).startsWith(7, 0);
        assertThat(difference.kernel().packet()).startsWith(7, 0);
        assertThat(difference.ours().packet()).startsWith(7, 0x55);
        assertThat(difference.kernel().action()).isEqualTo(2);
        assertThat(difference.ours().action()).isEqualTo(3);
        assertThat(difference.steps()).isEqualTo(difference.trace().size()).isGreaterThan(3);
        assertThat(difference.trace().getLast().text()).isEqualTo("(95) exit");
        assertThat(difference.trace())
                .anySatisfy(step -> assertThat(step.changes()).contains("=pkt+64"))
                .anySatisfy(step -> assertThat(step.line()).isNotNull());
    }

    @Test
    void initialEntriesAreThereOnBothSides() {
        ObjectSpec spec = Pcaps.read(Pcaps.object("proto_counter"));
        String map = spec.maps().getFirst().name();
        byte[] value = new byte[spec.maps().getFirst().valueSize()];
        value[0] = 9;
        Comparison.Options options = new Comparison.Options(
                List.of(Engines.interpreter()), Map.of(map, List.of(new MapEntry(Uapi.u32(200), value))), 5, 0);
        try (Comparison comparison =
                Comparison.open(Kernels.kernel(), spec, spec.programs().getFirst(), options)) {
            comparison.packet(packet(60, 0));
            DiffReport report = comparison.finish();
            assertThat(report.isEqual()).isTrue();
            assertThat(report.engines().getFirst().equalEntries()).isEqualTo(256);
        }
        Comparison.Options tooFar = new Comparison.Options(
                List.of(Engines.interpreter()), Map.of(map, List.of(new MapEntry(Uapi.u32(256), value))), 5, 0);
        assertThatThrownBy(() ->
                        Comparison.open(Kernels.kernel(), spec, spec.programs().getFirst(), tooFar))
                .isInstanceOf(NotComparableException.class)
                .hasMessageContaining("initial entry of map " + map)
                .hasMessageContaining("E2BIG");
    }

    @Test
    void whatCannotBeComparedIsCounted() {
        DiffReport lengths = compare(
                "proto_counter",
                "proto_counter",
                List.of(Engines.interpreter()),
                packet(13, 0),
                packet(14, 0),
                packet(73_152, 0),
                packet(73_153, 0));
        assertThat(lengths.packets()).isEqualTo(4);
        assertThat(lengths.compared()).isEqualTo(3);
        assertThat(lengths.rules()).containsEntry(Rule.SHORT_PACKET, 1L).containsEntry(Rule.LONG_PACKET, 1L);

        DiffReport time = compare("clock", "gaps", List.of(Engines.interpreter()), packet(60, 0), packet(60, 0));
        assertThat(time.isEqual()).isTrue();
        assertThat(time.rules()).containsKey(Rule.TIME);
        assertThat(time.engines().getFirst().excusedEntries()).isPositive();
    }

    @Test
    void theTimeExcusesOnlyProgramsThatAskForIt() {
        // the program passes packets; it asks for the time in every one
        DiffReport report =
                compare("clock", "gaps", List.of(new Wrong(Engines.interpreter())), packet(60, 0), packet(60, 7));
        assertThat(report.engines().getFirst().excusedPackets()).isEqualTo(1);
        DiffReport without =
                compare("proto_counter", "proto_counter", List.of(new Wrong(Engines.interpreter())), packet(60, 7));
        assertThat(without.engines().getFirst().excusedPackets()).isZero();
        assertThat(without.engines().getFirst().differentPackets()).isEqualTo(1);
    }
}
