package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import java.lang.constant.ClassDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What checked code does not test any more, because the program did: against the interpreter, at and beyond every bound, and
 * with bounds that do not hold any more where they are used.
 */
class AddressFlowTest {
    private static final int PACKETS = 48;
    private static final int VALUE = 24;
    private static final int AREA = 64;
    private static final int PROGRAMS = Integer.getInteger("sluice.programs", 300);

    /** Stands for the address of an area of {@link #AREA} bytes that programs may write. */
    private static final long AREA_MARK = 0x1234_5678_9abcL;

    /** r6 the context, r7 data, r8 data_end. */
    private static final String BEGIN = """
            r6 = r1
            r7 = *(u32 *)(r6 + 0)
            r8 = *(u32 *)(r6 + 4)
            """;

    private static final String LOOK_UP = """
            *(u32 *)(r10 - 4) = 1
            r2 = r10
            r2 += -4
            r1 = map[fd:1]
            call 1
            """;

    private static final String END = """
            r0 = 2
            exit
            out:
            r0 = 1
            exit
            """;

    /**
     * What engines did with packets of 0 to 47 bytes, one after the other in the same memory: programs compare addresses of
     * packets with those of the stack.
     */
    private static List<List<String>> outcomes(List<Engine> engines, String text, long seed) {
        List<List<String>> outcomes = new ArrayList<>();
        try (Bed bed = new Bed(PACKETS)) {
            long area = bed.allocate(AREA);
            bed.regions.add(area, AREA, true);
            BpfMap map = bed.map(MapDef.of("m", MapType.ARRAY, 4, VALUE, 4));
            for (Engine engine : engines) {
                bed.reset();
                Memory.fill(area, AREA, (byte) 0);
                map.keys().forEach(key -> map.put(key, new byte[VALUE], BpfMap.ANY));
                outcomes.add(outcome(engine, program(text, map, area), bed, seed));
                outcomes.getLast().add(HexFormat.of().formatHex(Memory.bytes(area, AREA)));
                for (byte[] key : map.keys()) {
                    outcomes.getLast().add(HexFormat.of().formatHex(map.get(key)));
                }
            }
            map.close();
        }
        return outcomes;
    }

    private static List<String> outcome(Engine engine, Program program, Bed bed, long seed) {
        List<String> outcome = new ArrayList<>();
        Random random = new Random(seed);
        for (int i = 0; i < PACKETS; i++) {
            long data = bed.data(i);
            Memory.putLong(bed.descriptor(i) + FrameDescriptor.DATA_END, data + i);
            Memory.putLong(bed.descriptor(i) + FrameDescriptor.DATA_META, data - i % 3 * 4);
            for (int at = -8; at < Bed.PACKET; at++) {
                Memory.putByte(data + at, (byte) random.nextInt(random.nextBoolean() ? 8 : 256));
            }
        }
        engine.load(program, 1)
                .run(
                        bed.context,
                        bed.descriptors,
                        PACKETS,
                        (index, fault) -> outcome.add(index + " " + fault.kind() + " pc=" + fault.pc()));
        for (int i = 0; i < PACKETS; i++) {
            outcome.add(bed.action(i) + " " + HexFormat.of().formatHex(Memory.bytes(bed.data(i) - 8, Bed.PACKET)));
        }
        return outcome;
    }

    private static Program program(String text, BpfMap map, long area) {
        Code code = Assembler.assemble(text);
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW) {
                code = code.with(slot, insn.withImm(insn.imm() == AREA_MARK ? area : map.handle()));
            }
        }
        return Program.ofCode("bounds", code);
    }

    /** Gives what the interpreter did, which compiled code in one method and in several has to do as well. */
    private static List<String> agreed(String text, long seed) {
        int[] methodBytes = {Settings.HUGE_METHOD_BYTES, 500};
        List<Engine> engines = new ArrayList<>(List.of(new Interpreter()));
        for (int bytes : methodBytes) {
            engines.add(JitEngine.checked().withMethodBytes(bytes));
        }
        List<List<String>> outcomes = outcomes(engines, text, seed);
        for (int i = 0; i < methodBytes.length; i++) {
            assertThat(outcomes.get(1 + i))
                    .as("methodBytes=%d seed=%d\n%s", methodBytes[i], seed, text)
                    .isEqualTo(outcomes.getFirst());
        }
        return outcomes.getFirst();
    }

    private static long faults(List<String> outcomes) {
        return outcomes.stream().filter(line -> line.contains("MEMORY")).count();
    }

    /** What is said of the accesses of a program's entry function that are not at known places of its frame. */
    private static List<Integer> found(String text) {
        try (Bed bed = new Bed(1)) {
            long area = bed.allocate(AREA);
            bed.regions.add(area, AREA, true);
            BpfMap map = bed.map(MapDef.of("m", MapType.ARRAY, 4, VALUE, 4));
            Program program = program(text, map, area);
            Unit unit = unit(bed, program);
            List<Integer> found = new ArrayList<>();
            for (Block block : unit.flows.getFirst().blocks) {
                int[] state = unit.kinds.stateBefore(0, block);
                for (int slot = block.start;
                        slot < block.end;
                        slot += program.code().at(slot).slots()) {
                    int kind = unit.kinds.baseKind(state, program.code().at(slot));
                    if (kind != Kinds.NONE && kind != Kinds.CONTEXT && kind != Kinds.STACK) {
                        int inside = block.inside(slot);
                        found.add(inside == AddressFlow.IN_PACKET ? AddressFlow.INSIDE : inside);
                    }
                    unit.kinds.step(state, program.code().at(slot), slot);
                }
            }
            map.close();
            return found;
        }
    }

    private static Unit unit(Bed bed, Program program) {
        return new Unit(
                program,
                new Variant(Variant.Entry.LOOP, true, true),
                Settings.CHECKED,
                new Surroundings(bed.maps, bed.regions),
                new Lines(program, Lines.Mode.SOURCE),
                ClassDesc.of("dev.sluice.jited.bounds"));
    }

    // --- what needs no test

    @Test
    void comparisonsWithTheEndSaveTests() {
        String[] comparisons = {
            "if r2 > r8 goto out", "if r8 < r2 goto out", "if r2 >= r8 goto out", "if r8 <= r2 goto out"
        };
        for (String comparison : comparisons) {
            String text = BEGIN + "r2 = r7\nr2 += 14\n" + comparison
                    + "\nr3 = *(u16 *)(r7 + 12)\n*(u8 *)(r2 - 14) = r3\n" + END;
            assertThat(found(text)).as(comparison).containsExactly(3, 3);
            assertThat(faults(agreed(text, 1))).as(comparison).isZero();
        }
        String jumps = BEGIN + "r2 = r7\nr2 += 14\nif r2 <= r8 goto in\ngoto out\nin:\nr3 = *(u16 *)(r7 + 12)\n" + END;
        assertThat(found(jumps)).containsExactly(3);
        agreed(jumps, 1);
    }

    @Test
    void headersOfAnyLengthSaveTests() {
        String text = BEGIN + """
                r2 = r7
                r2 += 1
                if r2 > r8 goto out
                r3 = *(u8 *)(r7 + 0)
                r3 &= 15
                r3 <<= 2
                r4 = r7
                r4 += r3
                r5 = r4
                r5 += 4
                if r5 > r8 goto out
                r9 = *(u32 *)(r4 + 0)
                *(u8 *)(r5 - 1) = r9
                """ + END;
        assertThat(found(text)).containsExactly(3, 3, 3);
        assertThat(faults(agreed(text, 2))).isZero();
    }

    @Test
    void loopsOverThePacketSaveTests() {
        String text = BEGIN + """
                r9 = 0
                next:
                r2 = r7
                r2 += 2
                if r2 > r8 goto done
                r3 = *(u16 *)(r7 + 0)
                r9 += r3
                r7 = r2
                goto next
                done:
                r0 = r9
                exit
                """;
        assertThat(found(text)).isNotEmpty().containsOnly(3);
        assertThat(faults(agreed(text, 3))).isZero();
    }

    @Test
    void elementsOfValuesAndOfGlobalArraysSaveTests() {
        String text =
                BEGIN + "r9 = 0\nr2 = r7\nr2 += 1\nif r2 > r8 goto out\nr9 = *(u8 *)(r7 + 0)\nif r9 > 7 goto out\n"
                        + LOOK_UP + """
                if r0 == 0 goto out
                r1 = r0
                r1 += r9
                *(u64 *)(r1 + 9) = r9
                r2 = *(u64 *)(r0 + 16)
                lock *(u64 *)(r0 + 8) += r9
                r3 = 0x123456789abc ll
                r9 <<= 3
                r3 += r9
                *(u64 *)(r3 + 0) = r2
                r4 = r10
                r4 += -64
                r4 += r9
                *(u64 *)(r4 + 0) = r2
                r0 = *(u64 *)(r4 + 0)
                r0 &= 255
                exit
                out:
                r0 = 1
                exit
                """;
        assertThat(found(text)).containsExactly(3, 3, 3, 3, 3, 7, 7);
        assertThat(faults(agreed(text, 4))).isZero();
    }

    @Test
    void aValueFromOneOfTwoLookUpsSavesTests() {
        String text = BEGIN + LOOK_UP + "if r0 != 0 goto found\n" + LOOK_UP + """
                if r0 == 0 goto out
                found:
                r1 = *(u64 *)(r0 + 16)
                r1 += 1
                *(u64 *)(r0 + 16) = r1
                """ + END;
        assertThat(found(text)).containsExactly(3, 3);
        agreed(text, 5);
    }

    /** Bytes that need no test are moved together; a fault among them finds the stores before it done. */
    @Test
    void bytesOfThePacketAreMovedTogether() {
        String bytes = "r2 = r7\nr2 += 12\nif r2 > r8 goto out\n";
        for (int i = 0; i < 4; i++) {
            bytes += "r3 = *(u8 *)(r7 + %d)\nr4 = *(u8 *)(r7 + %d)\n*(u8 *)(r7 + %d) = r4\n*(u8 *)(r7 + %d) = r3\n"
                    .formatted(i, 6 + i, i, 6 + i);
        }
        assertThat(moved(BEGIN + bytes + END)).isTrue();
        agreed(BEGIN + bytes + END, 11);
        for (String wild : List.of("r5 = *(u8 *)(r7 + 40)\n", "*(u8 *)(r7 + 40) = 7\n", "*(u16 *)(r7 + 2) = 7\n")) {
            int middle = bytes.indexOf("r3 = *(u8 *)(r7 + 2)");
            String text = BEGIN + bytes.substring(0, middle) + wild + bytes.substring(middle) + END;
            long faults = faults(agreed(text, 11));
            assertThat(faults).as(wild).isEqualTo(wild.contains("40") ? 41 - 12 : 0);
        }
    }

    /** Whether something becomes of a program's accesses beside their plain forms. */
    private static boolean moved(String text) {
        try (Bed bed = new Bed(1)) {
            return unit(bed, Program.ofCode("bounds", Assembler.assemble(text))).flows.getFirst().blocks.stream()
                    .anyMatch(block -> block.bytes != null);
        }
    }

    // --- what does

    /** One byte outside, at each side and for each width. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void oneByteOutsideFaults(int bytes) {
        String access = "r3 = *(u" + bytes * 8 + " *)(";
        for (int room : new int[] {8, 14}) {
            String compared = BEGIN + "r2 = r7\nr2 += " + room + "\nif r2 > r8 goto out\n";
            for (String each : List.of(
                    access + "r7 + " + (room - bytes) + ")",
                    access + "r7 + " + (room - bytes + 1) + ")",
                    access + "r2 - " + bytes + ")",
                    access + "r2 - " + (bytes - 1) + ")",
                    access + "r7 + 0)",
                    access + "r7 - 1)",
                    access + "r7 - 9)",
                    access + "r2 - " + (room + 9) + ")")) {
                agreed(compared + each + "\n" + END, 6);
            }
        }
        assertThat(faults(agreed(BEGIN + access + "r7 - 9)\n" + END, 6))).isEqualTo(PACKETS);
        String value = BEGIN + LOOK_UP + "if r0 == 0 goto out\n";
        assertThat(faults(agreed(value + access + "r0 + " + (VALUE - bytes) + ")\n" + END, 6)))
                .isZero();
        assertThat(faults(agreed(value + access + "r0 + " + (4 * VALUE - VALUE - bytes + 1) + ")\n" + END, 6)))
                .isEqualTo(PACKETS);
        assertThat(faults(agreed(value + access + "r0 - " + (VALUE + 1) + ")\n" + END, 6)))
                .isEqualTo(PACKETS);
        String area = BEGIN + "r9 = *(u32 *)(r6 + 4)\nr9 -= r7\nr9 &= 63\nr4 = 0x123456789abc ll\nr4 += r9\n";
        assertThat(faults(agreed(area + access + "r4 + 1)\n" + END, 6))).isEqualTo(Math.max(0, PACKETS - 64 + bytes));
        assertThat(faults(agreed(area + access + "r4 + 40)\n" + END, 6))).isEqualTo(PACKETS - 24 + bytes - 1);
        assertThat(faults(agreed(area + access + "r4 - 1)\n" + END, 6))).isEqualTo(1);
    }

    @Test
    void whatIsComparedIsNotWhatIsAccessed() {
        List<String> wrong = List.of(
                // moved behind the comparison, by a constant and by what the packet says
                "r2 = r7\nr2 += 8\nif r2 > r8 goto out\nr7 += 4\nr3 = *(u64 *)(r7 + 0)",
                "r2 = r7\nr2 += 8\nif r2 > r8 goto out\nr3 = *(u8 *)(r7 + 0)\nr7 += r3\nr3 = *(u8 *)(r7 + 7)",
                // another register with another value
                "r2 = r7\nr2 += 8\nr3 = r7\nr3 += 1\nif r2 > r8 goto out\nr3 = *(u64 *)(r3 + 0)",
                // the other way of the branch
                "r2 = r7\nr2 += 8\nif r2 <= r8 goto out\nr3 = *(u64 *)(r7 + 0)",
                // not the end, or not all of the bits
                "r2 = r7\nr2 += 8\nr8 += 1\nif r2 > r8 goto out\nr3 = *(u64 *)(r7 + 0)",
                "r2 = r7\nr2 += 8\nif w2 > w8 goto out\nr3 = *(u64 *)(r7 + 0)\nr3 = *(u64 *)(r7 + 1)",
                "r2 = r7\nr2 += 8\nif r2 s> r8 goto out\nr3 = *(u64 *)(r7 + 0)\nr3 = *(u64 *)(r7 + 1)",
                "r2 = r7\nr2 += 8\nif r2 != r8 goto out\nr3 = *(u64 *)(r7 + 0)\nr3 = *(u64 *)(r7 + 1)",
                // sums that wrap
                "r2 = r7\nr3 = -8\nr2 += r3\nif r2 > r8 goto out\nr4 = *(u8 *)(r2 + 0)",
                "r2 = r7\nr2 -= r7\nr2 += 4\nif r2 > r8 goto out\nr4 = *(u8 *)(r2 - 4)",
                "r2 = *(u64 *)(r10 - 8)\nr2 += r7\nr3 = r2\nr3 += 8\nif r3 > r8 goto out\nr4 = *(u64 *)(r2 + 0)",
                "r3 = 0x7fffffff\nr3 <<= 32\nr7 += r3\nr2 = r7\nr2 += 8\nif r2 > r8 goto out\nr4 = *(u64 *)(r7 + 0)",
                "r3 = -1\nr3 <<= 40\nr7 += r3\nr2 = r7\nr2 += 8\nif r2 > r8 goto out\nr4 = *(u64 *)(r7 + 0)",
                "w7 = w7\nr2 = r7\nr2 += 8\nif r2 > r8 goto out\nr4 = *(u64 *)(r7 + 0)",
                // indexes with signs
                "r3 = *(u64 *)(r10 - 8)\nr3 -= 1\nif r3 s> 4 goto out\nr7 += r3\nr2 = r7\nr2 += 1\nif r2 > r8 goto out\n"
                        + "r4 = *(u8 *)(r7 + 0)\nr4 = *(u8 *)(r7 - 12)",
                "r3 = *(u64 *)(r10 - 8)\nr3 -= 1\nr9 = r10\nr9 += -16\nif w3 > 8 goto out\nr9 += r3\nr4 = *(u64 *)(r9 + 0)",
                "*(u32 *)(r10 - 4) = 1\nr3 = *(u64 *)(r10 - 8)\nr9 = r10\nr9 += -16\nif w3 > 8 goto out\nr9 += r3\n"
                        + "r4 = *(u64 *)(r9 + 0)",
                // a slot of the stack that somebody else writes
                "*(u64 *)(r10 - 8) = r7\nr2 = r7\nr2 += 8\nif r2 > r8 goto out\nr3 = r10\nr3 += -16\nr9 = *(u8 *)(r7 + 0)\n"
                        + "r9 &= 15\nr3 += r9\n*(u8 *)(r3 + 0) = r9\nr4 = *(u64 *)(r10 - 8)\nr5 = *(u64 *)(r4 + 0)");
        for (String text : wrong) {
            agreed(BEGIN + text + "\n" + END, 7);
        }
        long all = wrong.stream()
                .filter(text -> faults(outcomes(List.of(new Interpreter()), BEGIN + text + "\n" + END, 7)
                                .getFirst())
                        > 0)
                .count();
        assertThat(all).isGreaterThanOrEqualTo(wrong.size() - 3);
    }

    @Test
    void helpersThatMoveThePacketEndWhatWasCompared() {
        for (String helper : List.of("call 44", "call 65", "call 54")) { // adjust_head, adjust_tail, adjust_meta
            for (int by : new int[] {-8, -1, 1, 4, 16}) {
                String text = BEGIN + "r2 = r7\nr2 += 20\nif r2 > r8 goto out\nr9 = *(u8 *)(r7 + 19)\nr1 = r6\nr2 = "
                        + by + "\n" + helper + "\nr3 = *(u8 *)(r7 + 19)\nr4 = *(u8 *)(r7 + 0)\nr5 = *(u64 *)(r7 + 12)\n"
                        + END;
                assertThat(found(text)).as(text).containsExactly(3, 0, 0, 0);
                agreed(text, 8);
                String again = BEGIN + "r2 = r7\nr2 += 20\nif r2 > r8 goto out\nr1 = r6\nr2 = " + by + "\n" + helper
                        + "\nr7 = *(u32 *)(r6 + 0)\nr2 = r7\nr2 += 20\nif r2 > r8 goto out\nr3 = *(u8 *)(r7 + 19)\n"
                        + END;
                agreed(again, 8); // with the end of before
                String called = BEGIN + "r2 = r7\nr2 += 20\nif r2 > r8 goto out\nr1 = r6\ncall sub\n"
                        + "r3 = *(u8 *)(r7 + 19)\nr4 = *(u8 *)(r7 + 0)\n" + END + "sub:\nr2 = " + by + "\n" + helper
                        + "\nexit\n";
                agreed(called, 8);
            }
        }
    }

    @Test
    void aValueThatMayBeNullFaults() {
        String missing = LOOK_UP.replace("= 1\n", "= 9\n");
        assertThat(faults(agreed(BEGIN + missing + "r3 = *(u8 *)(r0 + 0)\n" + END, 9)))
                .isEqualTo(PACKETS);
        assertThat(faults(agreed(BEGIN + missing + "if r0 != 0 goto out\nr3 = *(u8 *)(r0 + 0)\n" + END, 9)))
                .isEqualTo(PACKETS);
        assertThat(faults(agreed(BEGIN + missing + "r9 = r0\nif w0 == 0 goto out\nr3 = *(u8 *)(r9 + 0)\n" + END, 9)))
                .isZero();
        // of two that come together only one was asked
        String joined = BEGIN + missing + "r9 = r0\n" + LOOK_UP + """
                r2 = r7
                r2 += 20
                if r2 > r8 goto other
                r0 = r9
                other:
                if r9 != 0 goto out
                r3 = *(u8 *)(r0 + 0)
                """ + END;
        assertThat(faults(agreed(joined, 9))).isEqualTo(PACKETS - 20);
        // a copy of 0 is not the value that the other way has
        String zero = BEGIN + LOOK_UP + """
                r9 = r0
                r2 = r7
                r2 += 20
                if r2 > r8 goto other
                r9 = 0
                other:
                if r0 == 0 goto out
                r3 = *(u8 *)(r9 + 0)
                """ + END;
        assertThat(faults(agreed(zero, 9))).isEqualTo(PACKETS - 20);
    }

    /** Registers that hold what was computed at the same place one round before. */
    @Test
    void valuesOfTheRoundBeforeAreOthers() {
        String text = BEGIN + """
                r9 = 0
                r4 = r7
                next:
                r3 = *(u8 *)(r10 - 8)
                r3 += 6
                r5 = r4
                r4 = r7
                r4 += r3
                r7 = r4
                r9 += 1
                r2 = r5
                r2 += 4
                if r2 > r8 goto out
                r3 = *(u32 *)(r5 + 0)
                r3 = *(u32 *)(r4 + 0)
                if r9 < 6 goto next
                """ + END;
        assertThat(faults(agreed(text, 10))).isGreaterThan(10);
        // two that go on together on one way round, and apart on the other
        String apart = BEGIN + """
                r7 += 20
                r9 = 0
                r2 = r7
                r3 = r7
                next:
                r4 = r2
                r4 += 4
                if r4 > r8 goto out
                r5 = *(u32 *)(r3 + 0)
                r9 += 1
                if r9 > 40 goto out
                r4 = r9
                r4 &= 3
                if r4 == 0 goto apart
                r2 += 1
                r3 += 1
                goto next
                apart:
                r2 -= 4
                goto next
                """ + END;
        assertThat(faults(agreed(apart, 10))).isGreaterThan(10);
        String lookUps = BEGIN + """
                r9 = 0
                r7 = 0
                next:
                *(u32 *)(r10 - 4) = r9
                r2 = r10
                r2 += -4
                r1 = map[fd:1]
                call 1
                r9 += 2
                r1 = r7
                r7 = r0
                if r1 == 0 goto next
                r3 = *(u64 *)(r1 + 16)
                r3 = *(u64 *)(r0 + 16)
                if r9 < 12 goto next
                """ + END;
        assertThat(faults(agreed(lookUps, 10))).isEqualTo(PACKETS);
    }

    // --- random programs

    @Test
    void randomProgramsDoWhatTheInterpreterDoes() {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        int clean = 0;
        int saved = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            String text = random(new Random(seed + i));
            List<String> outcomes = agreed(text, seed + i);
            clean += faults(outcomes) < PACKETS ? 1 : 0;
            saved += (int) found(text).stream().filter(each -> each != 0).count();
        }
        assertThat(clean).as("-Dsluice.seed=" + seed).isGreaterThan(PROGRAMS / 4);
        assertThat(saved).as("-Dsluice.seed=" + seed).isGreaterThan(PROGRAMS / 2);
    }

    /** Moves pointers, compares them, jumps and accesses what they point to. */
    private static String random(Random random) {
        StringBuilder text = new StringBuilder(BEGIN);
        text.append("r9 = 0\nr2 = r7\nr3 = r7\nr4 = 1\nr5 = 4\n");
        int count = 8 + random.nextInt(30);
        boolean[] labelled = new boolean[count + 1];
        int loops = 0;
        for (int i = 0; i < count; i++) {
            text.append("l").append(i).append(":\n");
            labelled[i] = true;
            String p = "r" + pick(random, 2, 3, 7);
            String q = "r" + pick(random, 2, 3, 7);
            String s = "r" + pick(random, 4, 5);
            String on = "l" + Math.min(count, i + 1 + random.nextInt(6));
            String op = pick(random, "<", "<=", ">", ">=", ">", "<=", "==", "!=", "s>", "s<=");
            int size = 1 << random.nextInt(4);
            String place = "*(u" + size * 8 + " *)";
            int off = random.nextInt(16) - (random.nextInt(3) == 0 ? 6 : 0);
            String at = off < 0 ? " - " + -off + ")" : " + " + off + ")";
            switch (random.nextInt(20)) {
                case 0 -> text.append(p + " = " + q + "\n");
                case 1, 2 -> text.append(p + " += " + (random.nextInt(20) - 4) + "\n");
                case 3 -> text.append(p + " += " + s + "\n");
                case 4 -> text.append(s + " &= " + pick(random, 3, 7, 15, 60) + "\n");
                case 5 ->
                    text.append(
                            s + pick(random, " <<= 2", " >>= 1", " -= 1", " += 3", " *= 3", " %= 9", " |= 4") + "\n");
                case 6 ->
                    text.append("w" + s.substring(1) + pick(random, " &= 12", " += -1", " >>= 3", " <<= 1") + "\n");
                case 7 ->
                    text.append(p + " = " + q + "\n" + p + " += " + (1 + random.nextInt(16)) + "\nif " + p
                            + " > r8 goto l" + count + "\n");
                case 8 -> text.append("if " + p + " " + op + " r8 goto " + on + "\n");
                case 9 -> text.append("if r8 " + op + " " + p + " goto " + on + "\n");
                case 10 -> text.append("if " + s + " " + op + " " + random.nextInt(20) + " goto " + on + "\n");
                case 11 ->
                    text.append("if w" + s.substring(1) + " " + op + " " + random.nextInt(20) + " goto " + on + "\n");
                case 12, 13 -> text.append(s + " = " + place + "(" + p + at + "\n");
                case 14 -> text.append(place + "(" + p + at + " = " + s + "\n");
                case 15 ->
                    text.append(pick(
                                    random,
                                    p + " = r7",
                                    p + " = *(u32 *)(r6 + 0)",
                                    p + " = *(u32 *)(r6 + 8)",
                                    p + " = r10\n" + p + " += -20",
                                    p + " = 0x123456789abc ll",
                                    LOOK_UP + "r2 = r0\nr3 = r0\nr4 = 2\nr5 = 0\nif r0 == 0 goto " + on,
                                    LOOK_UP + "r2 = r0\nr3 = r7\nr4 = 0\nr5 = 6",
                                    "r1 = r6\nr2 = " + (random.nextInt(9) - 4)
                                            + "\ncall 44\nr2 = r7\nr3 = *(u32 *)(r6 + 0)\nr4 = 3\nr5 = 8"
                                            + pick(random, "\nr8 = *(u32 *)(r6 + 4)", ""))
                            + "\n");
                case 17, 18 -> moveBytes(text, random, p, q, s, count);
                case 16 -> text.append("if " + p + " " + pick(random, "==", "!=") + " 0 goto " + on + "\n");
                default -> {
                    if (loops++ < 2) {
                        text.append("r9 += 1\nif r9 < " + (3 + random.nextInt(20)) + " goto l"
                                + IntStream.range(0, i + 1)
                                        .filter(l -> labelled[l])
                                        .skip(random.nextInt(i + 1))
                                        .findFirst()
                                        .orElse(i)
                                + "\n");
                    }
                }
            }
        }
        return text + "l" + count + ":\n" + END.substring(0, END.indexOf("out:"));
    }

    /** Exchanges or copies bytes of memory that is compared with the end before, with an access among them that may fault. */
    private static void moveBytes(StringBuilder text, Random random, String p, String q, String s, int count) {
        text.append("r1 = " + p + "\nr1 += 16\nif r1 > r8 goto l" + count + "\n");
        int bytes = 2 + random.nextInt(7);
        int from = random.nextInt(16 - bytes);
        int to = random.nextInt(16 - bytes);
        boolean exchanges = random.nextBoolean();
        int faulting = random.nextInt(3 * bytes);
        for (int i = 0; i < bytes; i++) {
            String one = "*(u8 *)(" + p + " + " + (from + i) + ")";
            String other = "*(u8 *)(" + p + " + " + (to + i) + ")";
            text.append("r0 = " + one + "\n" + (exchanges ? "r1 = " + other + "\n" : ""));
            text.append(other + " = r0\n" + (exchanges ? one + " = r1\n" : ""));
            if (i == faulting) {
                text.append(
                        random.nextBoolean() ? s + " = *(u16 *)(" + q + " + 9)\n" : "*(u16 *)(" + q + " + 3) = r0\n");
            }
        }
        if (random.nextBoolean()) {
            text.append(s + " = *(u32 *)(" + p + " + " + random.nextInt(12) + ")\n");
        }
    }

    private static int pick(Random random, int... of) {
        return of[random.nextInt(of.length)];
    }

    private static String pick(Random random, String... of) {
        return Arrays.asList(of).get(random.nextInt(of.length));
    }
}
