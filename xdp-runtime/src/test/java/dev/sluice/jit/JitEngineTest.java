package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Symbols;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import dev.sluice.program.Subprogram;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What compiled programs do beyond single instructions: contexts, calls, limits, faults, tail calls. */
class JitEngineTest {
    private final Bed bed = new Bed(4);

    @AfterEach
    void close() {
        bed.close();
    }

    /** Whole methods, and methods so small that nearly every block is a part of its own. */
    static List<JitEngine> engines() {
        return List.of(JitEngine.checked(), JitEngine.checked().withMethodBytes(500));
    }

    private static Executable load(Engine engine, String text) {
        return engine.load(Programs.of(text), 1);
    }

    private ProgramFault fault(Executable executable) {
        return catchThrowableOfType(ProgramFault.class, () -> executable.call(bed.context, 1, 2));
    }

    @ParameterizedTest
    @MethodSource("engines")
    void contextIsFollowedThroughRegistersStackAndCalls(JitEngine engine) {
        Executable program = load(engine, """
                r6 = r1
                *(u64 *)(r10 - 16) = r6
                r1 = 5
                r1 = *(u64 *)(r10 - 16)
                call sub
                exit
                sub:
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r3 -= r2
                r0 = *(u32 *)(r1 + 12)
                r4 = *(u32 *)(r1 + 16)
                r0 *= 100
                r0 += r4
                r0 *= 100
                r0 += r3
                r5 = *(u8 *)(r2 + 1)
                r0 *= 100
                r0 += r5
                exit
                """);
        assertThat(bed.run(program)).containsExactly(4036401, 4036402, 4036403, 4036404);
        assertThat(bed.faults).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aFaultAbortsItsPacketOnly(JitEngine engine) {
        Executable program = load(engine, """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u8 *)(r2 + 0)
                if r3 != 2 goto ok
                r0 = *(u8 *)(r2 + 64)
                exit
                ok:
                r0 = 2
                exit
                """);
        assertThat(bed.run(program)).containsExactly(2, 2, 0, 2);
        assertThat(bed.faults).containsExactly("2 MEMORY pc=3");
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aFaultShowsTheRegistersOfItsFunction(JitEngine engine) {
        String text = """
                r6 = 66
                r7 = 77
                r1 = 11
                call sub
                exit
                sub:
                r6 = r1
                r6 += 5
                r3 = 33
                r0 = *(u8 *)(r3 + 0)
                exit
                """;
        long[] expected = {0, 11, 0, 33, 0, 0, 16, 0, 0, 0, bed.context.framePointer(1)};
        for (Engine each : List.of(engine, new Interpreter())) {
            List<long[]> found = new ArrayList<>();
            bed.reset();
            each.load(Program.ofCode("registers", Assembler.assemble(text)), 1)
                    .run(bed.context, bed.descriptors, 1, (i, fault) -> found.add(fault.registers()));
            assertThat(found).as(each.name()).hasSize(1);
            assertThat(found.getFirst()).as(each.name()).containsExactly(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void packetThatAHelperMovesIsReadAnew(JitEngine engine) {
        Executable program = load(engine, """
                r6 = r1
                r2 = 14
                call 44
                if r0 != 0 goto out
                r2 = *(u32 *)(r6 + 0)
                r3 = *(u32 *)(r6 + 4)
                r4 = r2
                r4 += 1
                if r4 > r3 goto out
                r0 = *(u8 *)(r2 + 0)
                r3 -= r2
                r0 *= 100
                r0 += r3
                exit
                out:
                r0 = 0
                exit
                """);
        long before = bed.data(0);
        assertThat(bed.run(program)).containsExactly(1450, 1550, 1650, 1750);
        assertThat(bed.data(0)).isEqualTo(before + 14);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void stackBeginsAsZeroInEveryFrame(JitEngine engine) {
        Executable program = load(engine, """
                r0 = *(u64 *)(r10 - 8)
                *(u64 *)(r10 - 8) = 7
                r6 = r0
                call sub
                r0 += r6
                r6 = r0
                call sub
                r0 += r6
                exit
                sub:
                r0 = *(u64 *)(r10 - 400)
                r0 += 1
                *(u64 *)(r10 - 400) = 100
                exit
                """);
        assertThat(bed.run(program)).containsOnly(2);
        assertThat(program.call(bed.context, 0, 0)).isEqualTo(2);
    }

    /** Sums up what is not zero in a whole frame, through a pointer whose place nobody knows when code is made. */
    private static final String SUM_OF_FRAME = """
            sum:
            r0 = 0
            r2 = r10
            r2 -= 512
            r3 = 64
            next:
            r4 = *(u64 *)(r2 + 0)
            r0 += r4
            r2 += 8
            r3 -= 1
            if r3 != 0 goto next
            exit
            """;

    @ParameterizedTest
    @MethodSource("engines")
    void aFrameIsZeroAgainWhereverAndHoweverItWasWritten(JitEngine engine) {
        Executable program = load(engine, """
                r6 = r1
                call writes
                call sum
                r7 = r0
                r1 = r6
                call helper
                r8 = r0
                call sum
                r0 += r7
                r8 &= 1
                r0 += r8
                exit
                writes:
                *(u64 *)(r10 - 8) = 1
                *(u32 *)(r10 - 508) = 1
                r1 = 1
                lock *(u64 *)(r10 - 24) += r1
                r1 = r10
                r1 -= 500
                call through
                r0 = 0
                exit
                through:
                *(u64 *)(r1 + 4) = 1
                *(u8 *)(r1 + 99) = 1
                *(u64 *)(r1 + 201) = -1
                r2 = 1
                lock *(u64 *)(r1 + 300) += r2
                *(u64 *)(r10 - 256) = 1
                r0 = 0
                exit
                helper:
                r2 = 4
                r3 = r10
                r3 += -400
                r4 = 24
                call 189
                exit
                """ + SUM_OF_FRAME);
        assertThat(bed.run(program)).containsOnly(0);
        assertThat(bed.faults).isEmpty();
        // whatever ran in between
        Memory.fill(bed.context.stacks, (long) RunContext.MAX_FRAMES * RunContext.STACK_BYTES, (byte) 0xaa);
        assertThat(bed.run(program)).containsOnly(0);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void callsKeepTheirCallersRegisters(JitEngine engine) {
        Executable program = load(engine, """
                r6 = 6
                r7 = 7
                r8 = 8
                r9 = 9
                r1 = 1
                call sub
                r0 += r6
                r0 += r7
                r0 += r8
                r0 += r9
                r0 += r1
                exit
                sub:
                r6 = 1000
                r7 = 1000
                r8 = 1000
                r9 = 1000
                r1 = 1000
                r0 = 100
                exit
                """);
        assertThat(program.call(bed.context, 0, 0)).isEqualTo(131);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void recursionEndsAtTheEighthFrame(JitEngine engine) {
        String recursive = """
                r6 = 0
                call f
                exit
                f:
                r1 += 1
                if r1 == %d goto out
                call f
                out:
                r0 = r1
                exit
                """;
        assertThat(load(engine, recursive.formatted(7)).call(bed.context, 0, 0)).isEqualTo(1);
        ProgramFault fault = fault(load(engine, recursive.formatted(9)));
        assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.CALL_DEPTH);
        assertThat(fault.pc()).isEqualTo(5);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void endlessLoopsReachTheLimit(JitEngine engine) {
        bed.context.instructionLimit = 100_000;
        ProgramFault fault = fault(load(engine, "loop:\nr1 += 1\ngoto loop"));
        assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.INSTRUCTION_LIMIT);
        assertThat(bed.run(load(engine, "loop:\nr1 += 1\ngoto loop"))).containsOnly(0);
        assertThat(bed.faults).hasSize(4).allMatch(f -> f.contains("INSTRUCTION_LIMIT"));
    }

    @ParameterizedTest
    @MethodSource("engines")
    void limitIsExact(JitEngine engine) {
        // 1 + 10 times 2 + call and exit of f, each time, + exit
        String text = """
                r6 = 10
                loop:
                call f
                r6 += -1
                if r6 != 0 goto loop
                exit
                f:
                r0 = 5 ll
                exit
                """;
        long instructions = 1 + 10 * 5 + 1;
        for (Engine each : List.of(engine, new Interpreter())) {
            Executable program = load(each, text);
            bed.context.instructionLimit = instructions;
            assertThat(program.call(bed.context, 0, 0)).isEqualTo(5);
            assertThat(bed.run(program)).containsOnly(5);
            bed.context.instructionLimit = instructions - 1;
            assertThat(fault(program).kind()).isEqualTo(ProgramFault.Kind.INSTRUCTION_LIMIT);
            assertThat(fault(program).pc()).isEqualTo(4);
            assertThat(bed.run(program)).containsOnly(0);
            bed.context.instructionLimit = 1;
            assertThat(fault(program).pc()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void mayGotoFallsThroughEightMillionTimes(JitEngine engine) {
        bed.context.instructionLimit = RunContext.NO_LIMIT;
        Executable program = load(engine, """
                r0 = 0
                loop:
                may_goto out
                r0 += 1
                goto loop
                out:
                exit
                """);
        assertThat(program.call(bed.context, 0, 0)).isEqualTo(8 * 1024 * 1024);
    }

    private static Instruction functionPointer(int register, int slot, int target) {
        return new Instruction(Opcode.LDDW, register, Pseudo.FUNC.ordinal(), 0, target - slot - 1);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void functionPointersAreCalled(JitEngine engine) {
        List<Instruction> insns = new ArrayList<>();
        insns.add(functionPointer(3, 0, 9)); // slots 0 and 1
        insns.add(functionPointer(4, 2, 11)); // slots 2 and 3
        insns.add(Programs.insn(Opcode.JNE_K, 1, 0, 1, 0));
        insns.add(Programs.insn(Opcode.MOV64_X, 3, 4, 0, 0));
        insns.add(Programs.insn(Opcode.JNE_K, 1, 0, 0, 7));
        insns.add(Programs.insn(Opcode.CALLX, 3, 0, 0, 0));
        insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        insns.add(Programs.insn(Opcode.MOV64_K, 0, 0, 0, 111)); // slot 9
        insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        insns.add(Programs.insn(Opcode.MOV64_X, 0, 2, 0, 0)); // slot 11
        insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        Executable program = engine.load(Program.ofCode("pointers", Code.of(insns)), 1);
        assertThat(program.call(bed.context, 1, 222)).isEqualTo(111);
        assertThat(program.call(bed.context, 0, 222)).isEqualTo(222);
        assertThat(bed.run(program)).containsOnly(111);
        ProgramFault fault = fault(load(engine, "r0 = 1\ncallx r1\nexit"));
        assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.BAD_CALL_TARGET);
        assertThat(fault.pc()).isEqualTo(1);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void callsOfWhatDoesNotExistFault(JitEngine engine) {
        ProgramFault helper = fault(load(engine, "r0 = 1\ncall 250\nr0 += 1\nexit"));
        assertThat(helper.kind()).isEqualTo(ProgramFault.Kind.UNKNOWN_HELPER);
        assertThat(helper.pc()).isEqualTo(1);
        List<Instruction> insns = List.of(
                new Instruction(Opcode.CALL_KFUNC, 0, 2, 0, 77),
                Programs.insn(Opcode.ADD64_K, 0, 0, 0, 1),
                Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        ProgramFault kfunc = fault(engine.load(Program.ofCode("kfunc", Code.of(insns)), 1));
        assertThat(kfunc.kind()).isEqualTo(ProgramFault.Kind.UNKNOWN_HELPER);
        assertThat(kfunc.pc()).isZero();
    }

    @Test
    void codeThatControlCanLeaveIsRefused() {
        assertThatThrownBy(() -> load(JitEngine.checked(), "r0 = 1"))
                .isInstanceOf(MalformedCodeException.class)
                .hasMessageContaining("last insn is not an exit or jmp");
    }

    @Test
    void argumentsOfHelpersAreChecked() {
        ProgramFault fault = fault(load(JitEngine.checked(), "r1 = 5\nr2 = r10\ncall 1\nexit"));
        assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.BAD_ARGUMENT);
        assertThat(fault.pc()).isEqualTo(2);
    }

    // --- memory beside packet and stack

    @ParameterizedTest
    @MethodSource("engines")
    void whatIsAssumedOfMemoryIsAskedAgainWhenItChanges(JitEngine engine) {
        long value = bed.allocate(16);
        bed.regions.add(value, 16, true);
        Executable program = load(engine, """
                r1 = 0x%x ll
                *(u32 *)(r1 + 4) = 5
                r0 = *(u64 *)(r1 + 0)
                r0 >>= 32
                exit
                """.formatted(value));
        assertThat(bed.run(program)).containsOnly(5);
        bed.regions.remove(value);
        assertThat(bed.run(program)).containsOnly(0);
        assertThat(bed.faults).hasSize(4).allMatch(fault -> fault.contains("MEMORY pc=2"));
        bed.regions.add(value, 16, false);
        assertThat(bed.run(program)).containsOnly(0);
        assertThat(fault(program).getMessage()).contains("read-only");
        bed.regions.remove(value);
        bed.regions.add(value, 7, true);
        assertThat(bed.run(program)).containsOnly(0);
        bed.regions.remove(value);
        bed.regions.add(value, 16, true);
        assertThat(bed.run(program)).containsOnly(5);
        // another runtime, where this memory belongs to nobody
        try (RunContext other = new RunContext(new MapTable(), new Regions(), () -> 0, 1)) {
            assertThatThrownBy(() -> program.call(other, 0, 0)).isInstanceOf(ProgramFault.class);
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void valuesOfMapsAreTouchedWithinTheirBounds(JitEngine engine) {
        BpfMap counters = bed.map(MapDef.of("counters", MapType.ARRAY, 4, 8, 4));
        BpfMap constants = bed.map(new MapDef("constants", MapType.ARRAY, 4, 8, 1, BpfMap.RDONLY_PROG, 0, null));
        String text = """
                r6 = r2
                *(u32 *)(r10 - 4) = r1
                r1 = 0x%x ll
                r2 = r10
                r2 += -4
                call 1
                r0 += r6
                lock *(u64 *)(r0 + 0) += r6
                r0 = *(u64 *)(r0 + 0)
                exit
                """;
        Executable program = load(engine, text.formatted(counters.handle()));
        assertThat(program.call(bed.context, 3, 0)).isZero();
        assertThat(program.call(bed.context, 2, 8)).isEqualTo(8); // the next value of the same array
        assertThat(program.call(bed.context, 3, 0)).isEqualTo(8);
        assertThatThrownBy(() -> program.call(bed.context, 3, 8)).hasMessageContaining("invalid write to memory");
        assertThatThrownBy(() -> program.call(bed.context, 3, 1)).hasMessageContaining("invalid write to memory");
        assertThatThrownBy(() -> program.call(bed.context, 2, 1)).hasMessageContaining("misaligned");
        assertThatThrownBy(() -> program.call(bed.context, 4, 0)).hasMessageContaining("a null pointer");
        Executable readOnly = load(engine, text.formatted(constants.handle()));
        assertThatThrownBy(() -> readOnly.call(bed.context, 0, 0)).hasMessageContaining("read-only");
    }

    /** The index is the packet's first byte, 0 to 3. */
    @ParameterizedTest
    @MethodSource("engines")
    void elementsOfAreasAreTouchedWithinTheirBounds(JitEngine engine) {
        long area = bed.allocate(64);
        long constant = bed.allocate(64);
        bed.regions.add(area, 2, true);
        bed.regions.add(constant, 2, false);
        Memory.putByte(area + 1, (byte) 40);
        String text = """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u8 *)(r2 + 0)
                r4 = 0x%x ll
                r4 += r3
                r0 = *(u8 *)(r4 + 0)
                r0 += 2
                %s
                exit
                """;
        Executable reads = load(engine, text.formatted(area, ""));
        assertThat(bed.run(reads)).containsExactly(2, 42, 0, 0);
        assertThat(bed.faults).containsExactly("2 MEMORY pc=5", "3 MEMORY pc=5");
        Executable writes = load(engine, text.formatted(area, "*(u8 *)(r4 + 0) = r0"));
        assertThat(bed.run(writes)).containsExactly(2, 42, 0, 0);
        assertThat(Memory.getByte(area + 1)).isEqualTo((byte) 42);
        assertThat(Memory.getByte(area + 2)).isZero();
        Executable writesConstant = load(engine, text.formatted(constant, "*(u8 *)(r4 + 0) = r0"));
        assertThat(bed.run(writesConstant)).containsOnly(0);
        assertThat(bed.faults).containsExactly("0 MEMORY pc=7", "1 MEMORY pc=7", "2 MEMORY pc=5", "3 MEMORY pc=5");
        // a smaller one takes its place
        bed.regions.remove(area);
        bed.regions.add(area, 1, true);
        assertThat(bed.run(reads)).containsExactly(4, 0, 0, 0);
        bed.regions.remove(area);
        assertThat(bed.run(reads)).containsOnly(0);
        assertThat(bed.faults).hasSize(4);
    }

    /** A function reads and writes the frame of its caller, which is zero again for the next packet. */
    @ParameterizedTest
    @MethodSource("engines")
    void functionsReachIntoTheFramesOfTheirCallers(JitEngine engine) {
        String text = """
                r6 = *(u64 *)(r10 - 24)
                *(u64 *)(r10 - 8) = 30
                r1 = r10
                r1 += -8
                call sub
                r0 += r6
                r1 = *(u64 *)(r10 - 24)
                r0 += r1
                exit
                sub:
                r0 = *(u64 *)(r1 + 0)
                *(u64 *)(r1 - 16) = 12
                exit
                """;
        Executable program = load(engine, text);
        for (int i = 0; i < 3; i++) {
            assertThat(bed.run(program)).containsOnly(42);
        }
        // the end of the frames is the end for them, too
        assertThat(bed.run(load(engine, text.replace("r1 - 16", "r1 + 4")))).containsOnly(0);
        assertThat(bed.faults).contains("0 MEMORY pc=10").hasSize(4);
        assertThat(bed.run(load(engine, text.replace("r1 - 16", "r1 + 8")))).containsOnly(0);
    }

    /** Compared in place, and the run is not begun: what checks cost hangs on that. */
    @Test
    void codeThatChecksAsksForNothingThatItCanCompare() {
        long area = bed.allocate(64);
        bed.regions.add(area, 2, true);
        BpfMap map = bed.map(MapDef.of("array", MapType.ARRAY, 4, 8, 4));
        String text = JitEngine.listing(
                        load(JitEngine.checked(), """
                        r2 = *(u32 *)(r1 + 0)
                        r3 = *(u8 *)(r2 + 0)
                        r4 = 0x%x ll
                        r4 += r3
                        r0 = *(u8 *)(r4 + 0)
                        *(u64 *)(r10 - 8) = 0
                        r1 = r10
                        r1 += -8
                        call sub
                        r2 = r10
                        r2 += -8
                        r1 = 0x%x ll
                        call 3
                        exit
                        sub:
                        *(u64 *)(r1 + 0) = 1
                        r0 = 0
                        exit
                        """.formatted(area, map.handle())), bed.maps, bed.regions)
                .toString();
        assertThat(text).contains("Checks.load8"); // behind the last block
        assertThat(text)
                .doesNotContain("Checks.store")
                .doesNotContain("Checks.helper")
                .doesNotContain("BaseExecutable.begin")
                .doesNotContain("BaseExecutable.finish");
    }

    // --- tail calls

    private ProgArrayMap programs(int entries) {
        return (ProgArrayMap) bed.map(MapDef.of("jmp_table", MapType.PROG_ARRAY, 4, 4, entries));
    }

    private String tailCall(ProgArrayMap map, int index) {
        return "r1 = r6\nr2 = 0x" + Long.toHexString(map.handle()) + " ll\nr3 = " + index + "\ncall 12\n";
    }

    @ParameterizedTest
    @MethodSource("engines")
    void tailCallsGoOnInTheirTarget(JitEngine engine) {
        ProgArrayMap map = programs(4);
        Executable first = load(engine, "r6 = r1\n" + tailCall(map, 1) + "r0 = 77\nexit");
        assertThat(bed.run(first)).containsOnly(77); // an empty slot: falls through
        map.set(1, load(engine, """
                r2 = *(u32 *)(r1 + 0)
                r0 = *(u8 *)(r2 + 2)
                r0 += 100
                exit
                """));
        assertThat(bed.run(first)).containsExactly(102, 103, 104, 105);
        map.set(1, load(new Interpreter(), "r0 = 33\nexit"));
        assertThat(bed.run(first)).containsOnly(33);
        map.set(1, load(engine, "r0 = *(u64 *)(r2 + 0)\nexit"));
        assertThat(bed.run(first)).containsOnly(0);
        assertThat(bed.faults).hasSize(4).allMatch(f -> f.contains("MEMORY pc=0"));
    }

    @ParameterizedTest
    @MethodSource("engines")
    void atMostThirtyThreeTailCalls(JitEngine engine) {
        ProgArrayMap map = programs(4);
        Executable self = load(engine, """
                r6 = r1
                r2 = *(u32 *)(r6 + 0)
                r3 = *(u32 *)(r6 + 4)
                r4 = r2
                r4 += 1
                if r4 > r3 goto out
                r5 = *(u8 *)(r2 + 0)
                r5 += 1
                *(u8 *)(r2 + 0) = r5
                """ + tailCall(map, 0) + "out:\nr0 = 9\nexit");
        map.set(0, self);
        assertThat(bed.run(self)).containsOnly(9);
        assertThat(Memory.getByte(bed.data(0))).isEqualTo((byte) 34);
        bed.reset();
        assertThat(self.call(bed.context, bed.context.xdpMd, 0)).isEqualTo(9);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aTailCallInAFunctionReturnsToItsCaller(JitEngine engine) {
        ProgArrayMap map = programs(4);
        map.set(2, load(engine, """
                r6 = r1
                *(u64 *)(r10 - 8) = 5
                r2 = 4
                call 44
                r0 = *(u64 *)(r10 - 8)
                exit
                """));
        Executable program = load(engine, """
                r6 = r1
                *(u64 *)(r10 - 8) = 1000
                call sub
                r2 = *(u32 *)(r6 + 0)
                r1 = *(u8 *)(r2 + 0)
                r0 += r1
                r1 = *(u64 *)(r10 - 8)
                r0 += r1
                exit
                sub:
                r6 = r1
                """ + tailCall(map, 2) + "r0 = 77\nexit");
        // data has moved by 4 when the caller reads it
        assertThat(bed.run(program)).containsExactly(1009, 1010, 1011, 1012);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void tailCallsCountAgainstTheLimit(JitEngine engine) {
        ProgArrayMap map = programs(4);
        map.set(0, load(engine, "loop:\ngoto loop"));
        Executable first = load(engine, "r6 = r1\n" + tailCall(map, 0) + "r0 = 77\nexit");
        assertThat(bed.run(first)).containsOnly(0);
        assertThat(bed.faults).hasSize(4).allMatch(f -> f.contains("INSTRUCTION_LIMIT pc=0"));
        // the next packet begins anew
        map.set(0, load(engine, "r0 = 3\nexit"));
        assertThat(bed.run(first)).containsOnly(3);
    }

    // --- names

    @Test
    void stackTracesShowProgramFunctionAndLine() {
        String text = """
                r6 = r1
                call sub
                exit
                sub:
                r1 = 0
                r2 = 0
                call 5
                if r0 != 0 goto end
                call sub
                end:
                exit
                """;
        Program bare = Programs.of(text);
        List<SourceLine> lines = List.of(
                new SourceLine(0, "/src/filter.c", "int filter(void) {", 10, 1),
                new SourceLine(3, "/src/filter.c", "sub();", 21, 1),
                new SourceLine(5, "/src/filter.c", "return now();", 23, 1));
        Program program = new Program(
                "xdp_filter",
                "0123456789abcdef",
                bare.code(),
                List.of(new Subprogram("xdp_filter", 0, 3), new Subprogram("sub", 3, 9)),
                lines,
                true,
                false);
        Executable executable = JitEngine.checked().load(program, 1);
        StackTraceElement[][] trace = new StackTraceElement[1][];
        bed.context.clock = () -> {
            trace[0] = new Throwable().getStackTrace();
            return 1;
        };
        bed.run(executable);
        assertThat(trace[0])
                .extracting(StackTraceElement::toString)
                .anySatisfy(frame -> assertThat(frame)
                        .endsWith("dev.sluice.jited.xdp_filter_0123456789abcdef.sub_pc3_9(filter.c:23)"))
                .anySatisfy(frame -> assertThat(frame)
                        .endsWith("dev.sluice.jited.xdp_filter_0123456789abcdef.xdp_filter_loop_pc0_3(filter.c:10)"));
    }

    /** What no program can bring about: Java code that it calls fails. */
    @Test
    void aFailureOfJavaCodeIsReportedWithPlaceRegistersAndPacket() {
        Program inLoop = Programs.of("""
                r6 = 0x77
                call 5
                r0 = r6
                exit
                """);
        Program inFunction = Programs.of("""
                r6 = 0x66
                call sub
                r0 = r6
                exit
                sub:
                r6 = 0x77
                call 5
                r0 += r6
                exit
                """);
        bed.context.clock = () -> {
            throw new IllegalStateException("the clock is broken");
        };
        for (Program program : List.of(inLoop, inFunction)) {
            int pc = program == inLoop ? 1 : 5;
            for (JitEngine engine : engines()) {
                Executable checked = engine.load(program, 1);
                assertThatThrownBy(() -> bed.run(checked))
                        .isInstanceOf(AssertionError.class)
                        .hasMessageMatching("bug of sluice in \\w+\\.\\w+_pc\\d+_\\d+ pc " + pc + ": "
                                + "java.lang.IllegalStateException: the clock is broken, r0=0x.* r6=0x77 .* r10=0x.*, "
                                + "packet=00010203[0-9a-f]{120} bytes=64")
                        .rootCause()
                        .hasMessage("the clock is broken");
                assertThatThrownBy(() -> checked.call(bed.context, 0, 0))
                        .isInstanceOf(AssertionError.class)
                        .hasMessageMatching("bug of sluice in \\w+\\.\\w+_pc\\d+_\\d+ pc " + pc
                                + ": .*the clock is broken, r0=0x.* r6=0x77 .* r10=0x.*");
                assertThat(bed.faults).isEmpty();
            }
        }
    }

    /** A class has the name of one source file; reports have that of each line. */
    @Test
    void aFailureInCodeFromAHeaderIsReportedThere() {
        Program bare = Programs.of("""
                call 8
                call 5
                call 8
                r0 = 1
                exit
                """);
        Program program = new Program(
                "xdp_filter",
                "0123456789abcdef",
                bare.code(),
                List.of(new Subprogram("xdp_filter", 0, 5)),
                List.of(
                        new SourceLine(0, "/src/filter.c", "int filter(void) {", 10, 1),
                        new SourceLine(1, "/src/clock.h", "return now();", 7, 1),
                        new SourceLine(3, "/src/filter.c", "return 1;", 12, 1)),
                true,
                false);
        bed.context.clock = () -> {
            throw new IllegalStateException("the clock is broken");
        };
        for (JitEngine engine : engines()) {
            Executable executable = engine.load(program, 1);
            assertThatThrownBy(() -> bed.run(executable))
                    .hasMessageStartingWith(
                            "bug of sluice in xdp_filter_0123456789abcdef.xdp_filter_loop_pc0_5 pc 1 (clock.h:7): java.lang.IllegalState");
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aFaultBehindATailCallNamesItsProgram(JitEngine engine) {
        ProgArrayMap map = programs(4);
        String bad = "r6 = 0x66\nr1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit";
        for (Executable other : List.of(load(engine, bad), new Interpreter().load(Programs.of(bad), 9))) {
            map.set(0, other);
            Executable first = load(engine, "r6 = r1\n" + tailCall(map, 0) + "r0 = 77\nexit");
            List<ProgramFault> faults = new ArrayList<>();
            first.run(bed.context, bed.descriptors, 1, (index, fault) -> faults.add(fault));
            assertThat(faults).hasSize(1);
            assertThat(faults.getFirst().pc()).isEqualTo(2);
            assertThat(faults.getFirst().program()).isSameAs(other.program());
        }
        // one of the first program has nobody to tell it from
        List<ProgramFault> own = new ArrayList<>();
        load(engine, bad).run(bed.context, bed.descriptors, 1, (index, fault) -> own.add(fault));
        assertThat(own.getFirst().program()).isNull();
        assertThat(own.getFirst().registers()[6]).isEqualTo(0x66);
    }

    // --- listings

    @ParameterizedTest
    @MethodSource("engines")
    void listingShowsEachInstructionBeforeItsCode(JitEngine engine) {
        Program bare = Programs.of("""
                r2 = *(u32 *)(r1 + 0)
                r0 = 5
                if r2 == 0 goto out
                call sub
                out:
                exit
                sub:
                r0 *= 3
                if r0 != 0 goto end
                call sub
                end:
                exit
                """);
        Program program = new Program(
                "prog",
                "",
                bare.code(),
                bare.subprograms(),
                List.of(new SourceLine(1, "a.c", "int x = 5;", 7, 1)),
                true,
                false);
        JitListing listing = JitEngine.listing(engine.load(program, 1));
        String text = listing.text(Symbols.NONE);
        assertThat(text)
                .contains("   1: (b7) r0 = 5\n")
                .contains("; int x = 5; @ a.c:7\n")
                .contains("   5: (27) r0 *= 3\n")
                .contains("dev.sluice.jited.prog.F5_pc5_9(");
        for (int slot = 0; slot < program.code().size(); slot++) {
            int each = slot;
            assertThat(listing.methods())
                    .as("slot %d", slot)
                    .anySatisfy(method -> assertThat(method.code())
                            .extracting(JitListing.Insn::slot)
                            .contains(each));
        }
        assertThat(listing.methods())
                .flatMap(JitListing.Method::code)
                .filteredOn(insn -> insn.slot() == 5)
                .extracting(JitListing.Insn::operation)
                .contains("lmul");
    }
}
