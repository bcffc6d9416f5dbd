package dev.sluice.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import dev.sluice.program.Subprogram;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole programs on every engine: context, calls, tail calls, stacks, limits, batches, and what is refused. */
class ProgramTest {
    private final Sandbox sandbox = new Sandbox();

    static List<Engine> engines() {
        return Engines.all();
    }

    @AfterEach
    void close() {
        sandbox.close();
    }

    // --- context

    @ParameterizedTest
    @MethodSource("engines")
    void readsTheContext(Engine engine) {
        sandbox.packet(new byte[60]);
        assertThat(sandbox.run(sandbox.load(engine, "r0 = *(u32 *)(r1 +12)\nexit")))
                .isEqualTo(7);
        assertThat(sandbox.run(sandbox.load(engine, "r0 = *(u32 *)(r1 +16)\nexit")))
                .isEqualTo(1);
        assertThat(sandbox.run(sandbox.load(engine, "r0 = *(u32 *)(r1 +20)\nexit")))
                .isZero();
        assertThat(sandbox.run(sandbox.load(engine, "r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r1 +4)\nr0 -= r2\nexit")))
                .isEqualTo(60);
        assertThat(sandbox.run(sandbox.load(engine, "r2 = *(u32 *)(r1 +8)\nr0 = *(u32 *)(r1 +0)\nr0 -= r2\nexit")))
                .isZero();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void readsThePacketUpToItsEnd(Engine engine) {
        byte[] packet = new byte[60];
        packet[59] = 77;
        sandbox.packet(packet);
        assertThat(sandbox.run(sandbox.load(engine, "r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +59)\nexit")))
                .isEqualTo(77);
        for (String load : List.of("*(u8 *)(r2 +60)", "*(u16 *)(r2 +59)", "*(u64 *)(r2 +53)", "*(u8 *)(r2 -1)")) {
            Executable program = sandbox.load(engine, "r2 = *(u32 *)(r1 +0)\nr0 = " + load + "\nexit");
            assertThatThrownBy(() -> sandbox.run(program))
                    .as(load)
                    .isInstanceOfSatisfying(ProgramFault.class, fault -> {
                        assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.MEMORY);
                        assertThat(fault.pc()).isEqualTo(1);
                        assertThat(fault).hasMessageContaining("packet_size=60").hasMessageContaining("pc 1: ");
                    });
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void refusesOtherAccessesToTheContext(Engine engine) {
        sandbox.packet(new byte[60]);
        for (String access : List.of(
                "r0 = *(u8 *)(r1 +0)",
                "r0 = *(u16 *)(r1 +0)",
                "r0 = *(u64 *)(r1 +0)",
                "r0 = *(u32 *)(r1 +2)",
                "r0 = *(u32 *)(r1 +24)",
                "r0 = *(u32 *)(r1 -4)",
                "r0 = *(s32 *)(r1 +12)",
                "*(u32 *)(r1 +0) = r1",
                "*(u32 *)(r1 +16) = 0",
                "lock *(u64 *)(r1 +0) += r1")) {
            Executable program = sandbox.load(engine, access + "\nr0 = 0\nexit");
            assertThatThrownBy(() -> sandbox.run(program)).as(access).isInstanceOf(ProgramFault.class);
        }
    }

    // --- batches

    @ParameterizedTest
    @MethodSource("engines")
    void runsABatchAndGoesOnAfterAFault(Engine engine) {
        // XDP_PASS + first byte of the packet; a packet of one byte faults on the second
        Executable program = sandbox.load(
                engine,
                "r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +0)\nr3 = *(u8 *)(r2 +1)\nr0 += 2\n*(u8 *)(r2 +1) = r0\nexit");
        int count = 100;
        try (Arena arena = Arena.ofConfined()) {
            long packets = Memory.allocate(arena, count * 16L, 64);
            long descriptors = Memory.allocate(arena, (long) count * FrameDescriptor.BYTES, 64);
            for (int i = 0; i < count; i++) {
                long packet = packets + i * 16L;
                long descriptor = descriptors + (long) i * FrameDescriptor.BYTES;
                Memory.putByte(packet, (byte) i);
                Memory.putLong(descriptor + FrameDescriptor.DATA, packet);
                Memory.putLong(descriptor + FrameDescriptor.DATA_META, packet);
                Memory.putLong(descriptor + FrameDescriptor.DATA_END, packet + (i % 10 == 3 ? 1 : 16));
                Memory.putLong(descriptor + FrameDescriptor.HARD_START, packet);
                Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, 16);
                Memory.putInt(descriptor + FrameDescriptor.ACTION, -1);
            }
            List<Integer> faults = new ArrayList<>();
            program.run(sandbox.context, descriptors, count, (index, fault) -> {
                assertThat(fault.pc()).isEqualTo(2);
                faults.add(index);
            });
            assertThat(faults).containsExactly(3, 13, 23, 33, 43, 53, 63, 73, 83, 93);
            for (int i = 0; i < count; i++) {
                long descriptor = descriptors + (long) i * FrameDescriptor.BYTES;
                assertThat(Memory.getInt(descriptor + FrameDescriptor.ACTION)).isEqualTo(i % 10 == 3 ? 0 : i + 2);
                assertThat(Memory.getByte(packets + i * 16L + 1)).isEqualTo((byte) (i % 10 == 3 ? 0 : i + 2));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void returnValuesAreNotClamped(Engine engine) {
        sandbox.packet(new byte[60]);
        assertThat(sandbox.run(sandbox.load(engine, "r0 = 77\nexit"))).isEqualTo(77);
        assertThat(sandbox.run(sandbox.load(engine, "r0 = -1\nexit"))).isEqualTo(-1);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aRunDoesNotInheritTheRedirectOfTheLast(Engine engine) {
        sandbox.packet(new byte[60]);
        assertThat(sandbox.run(sandbox.load(engine, "r1 = 9\nr2 = 0\ncall 23\nexit")))
                .isEqualTo(4);
        assertThat(Memory.getInt(sandbox.descriptor + FrameDescriptor.REDIRECT_INDEX))
                .isEqualTo(9);
        assertThat(sandbox.run(sandbox.load(engine, "r0 = 4\nexit"))).isEqualTo(4);
        assertThat(Memory.getInt(sandbox.descriptor + FrameDescriptor.REDIRECT_INDEX))
                .isZero();
    }

    // --- calls and stacks

    @ParameterizedTest
    @MethodSource("engines")
    void eachFunctionHasAStackOfItsOwn(Engine engine) {
        // main keeps 5 at r10-8 and gives the callee a pointer; the callee writes its own r10-8 and through the
        // pointer.
        String program = """
                *(u64 *)(r10 -8) = 5
                *(u64 *)(r10 -512) = 1
                r1 = r10
                r1 += -512
                r6 = 100
                call pc+5
                r1 = *(u64 *)(r10 -8)
                r0 += r1
                r1 = *(u64 *)(r10 -512)
                r0 += r1
                exit
                r0 = *(u64 *)(r10 -8)
                *(u64 *)(r10 -8) = 70
                *(u64 *)(r1 +0) = 1000
                r6 = 3
                exit
                """;
        assertThat(sandbox.call(engine, program, 0, 0)).isEqualTo(1005);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void onlyFramesThatAreAliveAreMemory(Engine engine) {
        sandbox.packet(new byte[60]);
        String inside = "*(u64 *)(r10 -512) = 7\nr0 = *(u64 *)(r10 -512)\nexit";
        assertThat(sandbox.run(sandbox.load(engine, inside))).isEqualTo(7);
        for (String outside : List.of(
                "*(u64 *)(r10 -520) = 7\nr0 = 0\nexit",
                "r2 = r10\nr2 += -516\nr0 = *(u64 *)(r2 +0)\nexit",
                "r0 = *(u8 *)(r10 +0)\nexit",
                // the frame of a function that has returned
                "call f\nr2 = r0\nr0 = *(u64 *)(r2 -8)\nexit\nf: *(u64 *)(r10 -8) = 1\nr0 = r10\nexit")) {
            Executable program = sandbox.load(engine, outside);
            assertThatThrownBy(() -> sandbox.run(program))
                    .as(outside)
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.MEMORY));
        }
        // a caller's frame is alive
        String caller = "*(u64 *)(r10 -8) = 5\nr1 = r10\ncall f\nexit\nf: r0 = *(u64 *)(r1 -8)\nexit";
        assertThat(sandbox.run(sandbox.load(engine, caller))).isEqualTo(5);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void stacksBeginAsZeroesInEveryRun(Engine engine) {
        Executable program = sandbox.load(
                engine,
                "r0 = *(u64 *)(r10 -16)\n*(u64 *)(r10 -16) = 7\nr1 = r0\ncall pc+1\nexit\n"
                        + "r0 = *(u64 *)(r10 -24)\n*(u64 *)(r10 -24) = 9\nr0 += r1\nexit");
        assertThat(program.call(sandbox.context, 0, 0)).isZero();
        assertThat(program.call(sandbox.context, 0, 0)).isZero();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void calleeSavedRegistersSurviveAndArgumentsToo(Engine engine) {
        String program = """
                r6 = 6
                r7 = 70
                r8 = 800
                r9 = 9000
                r1 = 10000
                r5 = 500000
                call pc+7
                r0 += r6
                r0 += r7
                r0 += r8
                r0 += r9
                r0 += r1
                r0 += r5
                exit
                r0 = r6
                r0 += r9
                r6 = -1
                r7 = -1
                r8 = -1
                r9 = -1
                r1 = -1
                r5 = -1
                exit
                """;
        // The callee's r6 and r9 begin as 0; calls leave r1 to r5 as they were.
        assertThat(sandbox.call(engine, program, 0, 0)).isEqualTo(519_876);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void eightFramesAreEnoughAndNineTooMany(Engine engine) {
        // r1 counts down; F: if r1 == 0 exit; r1 -= 1; call F
        String program = "r0 = 0\ncall pc+1\nexit\nr0 = r1\nif r1 == 0 goto +3\nr1 += -1\ncall pc-4\nr0 += 1\nexit";
        assertThat(sandbox.call(engine, program, RunContext.MAX_FRAMES - 2, 0)).isEqualTo(RunContext.MAX_FRAMES - 2);
        assertThatThrownBy(() -> sandbox.call(engine, program, RunContext.MAX_FRAMES - 1, 0))
                .isInstanceOfSatisfying(ProgramFault.class, fault -> {
                    assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.CALL_DEPTH);
                    assertThat(fault.pc()).isEqualTo(6);
                });
    }

    @ParameterizedTest
    @MethodSource("engines")
    void theStackEndsAtBothEnds(Engine engine) {
        assertThatThrownBy(() -> sandbox.call(engine, "*(u8 *)(r10 +0) = 1\nr0 = 0\nexit", 0, 0))
                .isInstanceOf(ProgramFault.class);
        assertThatThrownBy(() -> sandbox.call(engine, "*(u64 *)(r10 -4) = 1\nr0 = 0\nexit", 0, 0))
                .isInstanceOf(ProgramFault.class);
        assertThatThrownBy(() -> sandbox.call(engine, "*(u8 *)(r10 -4097) = 1\nr0 = 0\nexit", 0, 0))
                .isInstanceOf(ProgramFault.class);
    }

    // --- limits

    @ParameterizedTest
    @MethodSource("engines")
    void endlessLoopsEnd(Engine engine) {
        sandbox.context.instructionLimit = 100_000;
        for (String program : List.of("goto -1\nexit", "r0 += 1\nif r0 != 0 goto -2\nexit", "call pc-1\nexit")) {
            assertThatThrownBy(() -> sandbox.call(engine, program, 0, 0))
                    .as(program)
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind())
                                    .isIn(ProgramFault.Kind.INSTRUCTION_LIMIT, ProgramFault.Kind.CALL_DEPTH));
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void mayGotoCountsInEachFrame(Engine engine) {
        // Twice F: count its loops.
        String program = "call pc+4\nr6 = r0\ncall pc+2\nr0 += r6\nexit\nr0 = 0\nmay_goto +2\nr0 += 1\ngoto -3\nexit";
        assertThat(sandbox.call(engine, program, 0, 0)).isEqualTo(2L * Interpreter.MAX_LOOPS);
    }

    // --- tail calls

    private ProgArrayMap programs(int entries) {
        return (ProgArrayMap) sandbox.map(MapDef.of("jmp_table", MapType.PROG_ARRAY, 4, 4, entries));
    }

    /** r1 = context; tail call to index; else r0 = otherwise. */
    private static Code tailCall(BpfMap map, int index, int otherwise) {
        return Code.of(List.of(
                new Instruction(Opcode.LDDW, 2, Pseudo.MAP_FD.ordinal(), 0, map.handle()),
                new Instruction(Opcode.MOV64_K, 3, 0, 0, index),
                new Instruction(Opcode.CALL, 0, 0, 0, 12),
                new Instruction(Opcode.MOV64_K, 0, 0, 0, otherwise),
                new Instruction(Opcode.EXIT, 0, 0, 0, 0)));
    }

    @ParameterizedTest
    @MethodSource("engines")
    void tailCallsGoOnInTheOtherProgram(Engine engine) {
        sandbox.packet(new byte[60]);
        ProgArrayMap programs = programs(4);
        programs.set(1, sandbox.load(engine, "r0 = *(u32 *)(r1 +12)\nr0 += 100\nexit"));
        assertThat(sandbox.run(sandbox.load(engine, tailCall(programs, 1, 55)))).isEqualTo(107);
        assertThat(sandbox.run(sandbox.load(engine, tailCall(programs, 0, 55)))).isEqualTo(55);
        assertThat(sandbox.run(sandbox.load(engine, tailCall(programs, 4, 55)))).isEqualTo(55);
        assertThat(sandbox.run(sandbox.load(engine, tailCall(programs, -1, 55))))
                .isEqualTo(55);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void thirtyThreeTailCallsAndNoMore(Engine engine) {
        sandbox.packet(new byte[60]);
        ProgArrayMap programs = programs(1);
        BpfMap counter = sandbox.map(MapDef.of("counter", MapType.ARRAY, 4, 8, 1));
        Executable self = sandbox.load(
                engine,
                Code.of(List.of(
                        new Instruction(Opcode.LDDW, 4, Pseudo.MAP_VALUE.ordinal(), 0, counter.valueAddress()),
                        new Instruction(Opcode.LDX_DW, 5, 4, 0, 0),
                        new Instruction(Opcode.ADD64_K, 5, 0, 0, 1),
                        new Instruction(Opcode.STX_DW, 4, 5, 0, 0),
                        new Instruction(Opcode.LDDW, 2, Pseudo.MAP_FD.ordinal(), 0, programs.handle()),
                        new Instruction(Opcode.MOV64_K, 3, 0, 0, 0),
                        new Instruction(Opcode.CALL, 0, 0, 0, 12),
                        new Instruction(Opcode.MOV64_K, 0, 0, 0, 2),
                        new Instruction(Opcode.EXIT, 0, 0, 0, 0))));
        programs.set(0, self);
        for (int run = 1; run <= 2; run++) {
            assertThat(sandbox.run(self)).isEqualTo(2);
            assertThat(Memory.getLong(counter.valueAddress())).isEqualTo(34L * run);
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void aTailCallInAFunctionReturnsToItsCaller(Engine engine) {
        sandbox.packet(new byte[60]);
        ProgArrayMap programs = programs(1);
        programs.set(0, sandbox.load(engine, "r0 = 30\nr6 = 1\n*(u64 *)(r10 -8) = 99\nexit"));
        // main: *(r10-8) = 5; r6 = 7; call F; r0 += r6; r0 += *(r10-8); exit; F: tail call, else 1000
        Code code = Code.of(List.of(
                new Instruction(Opcode.ST_DW, 10, 0, -8, 5),
                new Instruction(Opcode.MOV64_K, 6, 0, 0, 7),
                new Instruction(Opcode.CALL_LOCAL, 0, 1, 0, 4),
                new Instruction(Opcode.ADD64_X, 0, 6, 0, 0),
                new Instruction(Opcode.LDX_DW, 1, 10, -8, 0),
                new Instruction(Opcode.ADD64_X, 0, 1, 0, 0),
                new Instruction(Opcode.EXIT, 0, 0, 0, 0),
                new Instruction(Opcode.LDDW, 2, Pseudo.MAP_FD.ordinal(), 0, programs.handle()),
                new Instruction(Opcode.MOV64_K, 3, 0, 0, 0),
                new Instruction(Opcode.CALL, 0, 0, 0, 12),
                new Instruction(Opcode.MOV64_K, 0, 0, 0, 1000),
                new Instruction(Opcode.EXIT, 0, 0, 0, 0)));
        assertThat(sandbox.run(sandbox.load(engine, code))).isEqualTo(42);
    }

    @Test
    void programsOfDifferentEnginesTailCallEachOther() {
        sandbox.packet(new byte[60]);
        for (Engine one : engines()) {
            for (Engine other : engines()) {
                ProgArrayMap programs = programs(1);
                programs.set(0, sandbox.load(other, "r0 = *(u32 *)(r1 +16)\nr0 += 40\nexit"));
                assertThat(sandbox.run(sandbox.load(one, tailCall(programs, 0, 55))))
                        .as("%s to %s", one.name(), other.name())
                        .isEqualTo(41);
            }
        }
    }

    // --- arguments of helpers

    @ParameterizedTest
    @MethodSource("engines")
    void helpersGetOnlyWhatTheProgramOwns(Engine engine) {
        sandbox.packet(new byte[60]);
        BpfMap hash = sandbox.map(MapDef.of("flows", MapType.HASH, 16, 8, 4));
        BpfMap programs = programs(1);
        String load = "r1 = " + hash.handle() + " ll\n";
        for (String bad : List.of(
                "r1 = 0\nr2 = r10\nr2 += -16\ncall 1",
                "r2 = r10\nr2 += -16\ncall 1",
                load + "r2 = 0\ncall 1",
                load + "r2 = r10\nr2 += -15\ncall 1",
                load + "r2 = r10\nr2 += -16\nr3 = r10\nr3 += -7\nr4 = 0\ncall 2",
                "r1 = " + programs.handle() + " ll\nr2 = r10\nr2 += -16\ncall 1",
                "r2 = " + hash.handle() + " ll\nr3 = 0\ncall 12",
                load + "r2 = 0\nr3 = 0\ncall 51",
                "r1 = r10\nr2 = 4\ncall 44",
                "r1 = r10\nr1 += -8\nr2 = 9\ncall 6",
                "r1 = r10\nr1 += -8\nr2 = 0\ncall 6",
                "r1 = r10\nr2 = -1\ncall 6",
                "r1 = 0\nr2 = 4\nr3 = 0\nr4 = 0\nr5 = 0\ncall 28",
                "r2 = 0\nr3 = r10\nr3 += -8\nr4 = 16\ncall 189")) {
            assertThatThrownBy(() -> sandbox.run(sandbox.load(engine, bad + "\nr0 = 0\nexit")))
                    .as(bad)
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.BAD_ARGUMENT));
        }
        assertThat(sandbox.run(sandbox.load(engine, load + "r2 = r10\nr2 += -16\ncall 1\nexit")))
                .isZero();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void readOnlyMapsAreRead(Engine engine) {
        BpfMap map = sandbox.map(new MapDef(".rodata", MapType.ARRAY, 4, 8, 1, BpfMap.RDONLY_PROG, 0, null));
        map.put(new byte[4], new byte[] {42, 0, 0, 0, 0, 0, 0, 0}, BpfMap.ANY);
        String load = "r1 = " + map.valueAddress() + " ll\n";
        assertThat(sandbox.call(engine, load + "r0 = *(u64 *)(r1 +0)\nexit", 0, 0))
                .isEqualTo(42);
        assertThatThrownBy(() -> sandbox.call(engine, load + "*(u8 *)(r1 +0) = 1\nr0 = 0\nexit", 0, 0))
                .hasMessageContaining("(read-only)");
        assertThatThrownBy(() -> sandbox.call(
                        engine,
                        "*(u64 *)(r10 -8) = 0\nr1 = " + map.handle()
                                + " ll\nr2 = r10\nr2 += -8\nr3 = r2\nr4 = 0\ncall 2\nexit",
                        0,
                        0))
                .hasMessageContaining("write into map forbidden");
    }

    @ParameterizedTest
    @MethodSource("engines")
    void memoryOfAClosedMapIsGone(Engine engine) {
        BpfMap map = sandbox.map(MapDef.of("gone", MapType.ARRAY, 4, 8, 1));
        Executable program = sandbox.load(engine, "r1 = " + map.valueAddress() + " ll\nr0 = *(u64 *)(r1 +0)\nexit");
        assertThat(program.call(sandbox.context, 0, 0)).isZero();
        map.close();
        assertThatThrownBy(() -> program.call(sandbox.context, 0, 0)).isInstanceOf(ProgramFault.class);
    }

    // --- refused at load

    @ParameterizedTest
    @MethodSource("engines")
    void controlMayNotLeaveTheCode(Engine engine) {
        for (String[] bad : new String[][] {
            {"r0 = 0", "last insn is not an exit or jmp"},
            {"goto +1\nexit", "jump out of range from insn 0 to 2"},
            {"if r1 == 0 goto -2\nexit", "jump out of range from insn 0 to -1"},
            {"goto +1\nr0 = 5 ll\nexit", "jump into the middle of ldimm64"},
            {"r10 = 1\nexit", "frame pointer is read only"},
            {"r10 = *(u64 *)(r10 -8)\nexit", "frame pointer is read only"},
            {"r10 = atomic64_xchg((u64 *)(r1 +0), r10)\nexit", "frame pointer is read only"},
            {"call pc+1\nexit\ngoto -3", "jump out of range"},
            {"if r0 == 0 goto +0", "jump out of range from insn 0 to 1"},
            {"if r0 == 0 goto -1", "last insn is not an exit or jmp"},
        }) {
            assertThatThrownBy(() -> sandbox.load(engine, bad[0]))
                    .as(bad[0])
                    .isInstanceOf(MalformedCodeException.class)
                    .hasMessageContaining(bad[1]);
        }
        assertThatThrownBy(() -> sandbox.load(engine, Code.of(List.of()))).isInstanceOf(MalformedCodeException.class);
        assertThatThrownBy(() -> sandbox.load(engine, Code.decode(new byte[] {(byte) 0x85, 0x10, 0, 0, 9, 0, 0, 0})))
                .isInstanceOf(MalformedCodeException.class);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void functionsMustCoverTheCode(Engine engine) {
        Code code =
                Code.of(List.of(new Instruction(Opcode.EXIT, 0, 0, 0, 0), new Instruction(Opcode.EXIT, 0, 0, 0, 0)));
        for (List<Subprogram> functions : List.of(
                List.<Subprogram>of(),
                List.of(new Subprogram("a", 0, 1)),
                List.of(new Subprogram("a", 1, 2)),
                List.of(new Subprogram("a", 0, 3)),
                List.of(new Subprogram("a", 0, 1), new Subprogram("b", 0, 2)))) {
            Program program = new Program("test", "", code, functions, List.of(), true, false);
            assertThatThrownBy(() -> engine.load(program, 1))
                    .as("%s", functions)
                    .isInstanceOf(MalformedCodeException.class);
        }
    }
}
