package dev.sluice.exec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.memory.Memory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every row of {@link Opcode} on every engine with edge values, against {@link Oracle}. */
class OpcodeTest {
    private static final long[] VALUES = {
        0,
        1,
        2,
        3,
        7,
        8,
        -1,
        -2,
        31,
        32,
        33,
        63,
        64,
        65,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        0xffff_ffff_0000_0000L,
        0xffff_ffff_8000_0000L,
        0x8000_0000_8000_0000L,
        0x0123_4567_89ab_cdefL,
        0xfedc_ba98_7654_3210L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MIN_VALUE + 1
    };

    private static final int[] IMMEDIATES = {
        0, 1, 2, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xffff, -1, -2, -128, Integer.MAX_VALUE, Integer.MIN_VALUE
    };

    private final Sandbox sandbox = new Sandbox();

    @AfterEach
    void close() {
        sandbox.close();
    }

    static List<Arguments> everyRowOnEveryEngine() {
        List<Arguments> all = new ArrayList<>();
        for (Engine engine : Engines.all()) {
            for (Opcode opcode : Opcode.values()) {
                all.add(Arguments.argumentSet(engine.name() + " " + opcode, engine, opcode));
            }
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("everyRowOnEveryEngine")
    void doesWhatTheTableSays(Engine engine, Opcode opcode) {
        // An expression, so that javac refuses a form that nobody tests.
        int cases = switch (opcode.form()) {
            case ALU_K, ALU_X, UNARY, MOVSX -> arithmetic(engine, opcode);
            case JMP_K, JMP_X -> branch(engine, opcode);
            case JA, GOTOL -> jump(engine, opcode);
            case MAY_GOTO -> mayGoto(engine, opcode);
            case CALL_HELPER -> helper(engine, opcode);
            case CALL_LOCAL -> localCall(engine, opcode);
            case CALL_KFUNC -> kernelFunction(engine, opcode);
            case CALLX -> indirectCall(engine, opcode);
            case EXIT -> exit(engine, opcode);
            case LDDW -> constant(engine, opcode);
            case LD_ABS, LD_IND -> legacy(engine, opcode);
            case LDX, LDXSX -> load(engine, opcode);
            case ST, STX -> store(engine, opcode);
            case ATOMIC -> atomic(engine, opcode);
            case LOAD_ACQ -> load(engine, opcode);
            case STORE_REL -> store(engine, opcode);
        };
        assertThat(cases).isPositive();
    }

    // --- arithmetic and branches

    private int arithmetic(Engine engine, Opcode opcode) {
        int bits = opcode.is64() ? 64 : 32;
        int cases = 0;
        boolean hasImm = opcode.form() == Form.ALU_K;
        // Destination and source in all combinations that matter: distinct, r0, callee-saved, the same register.
        int[][] registers = hasImm || opcode.form() == Form.UNARY
                ? new int[][] {{0, 0}, {3, 0}, {9, 0}}
                : new int[][] {{0, 2}, {4, 9}, {7, 0}, {8, 8}};
        for (int[] pair : registers) {
            for (int imm : hasImm ? IMMEDIATES : new int[] {0}) {
                Instruction insn = insn(opcode, pair[0], hasImm ? 0 : pair[1], imm);
                Executable program = sandbox.load(engine, surrounded(insn, pair[0], pair[1]));
                for (long dst : VALUES) {
                    for (long src : hasImm || opcode.form() == Form.UNARY ? new long[] {0} : VALUES) {
                        long operand = hasImm ? imm : pair[0] == pair[1] ? dst : src;
                        assertThat(program.call(sandbox.context, dst, src))
                                .as("%s dst=%x src=%x", insn, dst, operand)
                                .isEqualTo(Oracle.alu(opcode.alu(), bits, dst, operand));
                        cases++;
                    }
                }
            }
        }
        return cases;
    }

    private int branch(Engine engine, Opcode opcode) {
        int bits = opcode.is64() ? 64 : 32;
        boolean hasImm = opcode.form() == Form.JMP_K;
        int cases = 0;
        for (int imm : hasImm ? IMMEDIATES : new int[] {0}) {
            // if r6 op r7 goto +2; r0 = 1; exit; r0 = 2; exit
            Instruction insn = new Instruction(opcode, 6, hasImm ? 0 : 7, 2, imm);
            Executable program = sandbox.load(
                    engine,
                    Code.of(List.of(mov(6, 1), mov(7, 2), insn, constant(0, 1), exit(), constant(0, 2), exit())));
            for (long dst : VALUES) {
                for (long src : hasImm ? new long[] {0} : VALUES) {
                    long operand = hasImm ? imm : src;
                    assertThat(program.call(sandbox.context, dst, src))
                            .as("%s dst=%x src=%x", insn, dst, operand)
                            .isEqualTo(Oracle.branches(opcode.jmp(), bits, dst, operand) ? 2 : 1);
                    cases++;
                }
            }
        }
        return cases;
    }

    private int jump(Engine engine, Opcode opcode) {
        // r0 = 7; goto A; B: exit; A: r0 = 8; goto B; exit
        Instruction forward = jumpBy(opcode, 1);
        Instruction back = jumpBy(opcode, -3);
        Executable program =
                sandbox.load(engine, Code.of(List.of(constant(0, 7), forward, exit(), constant(0, 8), back, exit())));
        assertThat(program.call(sandbox.context, 0, 0)).isEqualTo(8);
        Executable zero = sandbox.load(engine, Code.of(List.of(constant(0, 7), jumpBy(opcode, 0), exit())));
        assertThat(zero.call(sandbox.context, 0, 0)).isEqualTo(7);
        return 2;
    }

    private static Instruction jumpBy(Opcode opcode, int by) {
        return opcode.form() == Form.JA ? new Instruction(opcode, 0, 0, by, 0) : new Instruction(opcode, 0, 0, 0, by);
    }

    private int mayGoto(Engine engine, Opcode opcode) {
        // L: may_goto +2; r0 += 1; goto L; exit
        Executable program = sandbox.load(
                engine,
                Code.of(List.of(
                        constant(0, 0),
                        new Instruction(opcode, 0, 0, 2, 0),
                        new Instruction(Opcode.ADD64_K, 0, 0, 0, 1),
                        new Instruction(Opcode.JA, 0, 0, -3, 0),
                        exit())));
        assertThat(program.call(sandbox.context, 0, 0)).isEqualTo(Interpreter.MAX_LOOPS);
        return 1;
    }

    // --- calls, exit, constants

    private int helper(Engine engine, Opcode opcode) {
        sandbox.context.cpu = 5;
        Executable program = sandbox.load(engine, Code.of(List.of(new Instruction(opcode, 0, 0, 0, 8), exit())));
        assertThat(program.call(sandbox.context, 0, 0)).isEqualTo(5);
        Executable unknown = sandbox.load(engine, Code.of(List.of(new Instruction(opcode, 0, 0, 0, 9999), exit())));
        assertThatThrownBy(() -> unknown.call(sandbox.context, 0, 0))
                .isInstanceOf(ProgramFault.class)
                .hasMessageContaining("9999");
        return 2;
    }

    private int localCall(Engine engine, Opcode opcode) {
        // r6 = r1; call F; r0 += r6; exit; F: r6 = 1000; r0 = r1; r0 -= r2; exit
        Executable program = sandbox.load(
                engine,
                Code.of(List.of(
                        mov(6, 1),
                        new Instruction(opcode, 0, 1, 0, 2),
                        new Instruction(Opcode.ADD64_X, 0, 6, 0, 0),
                        exit(),
                        constant(6, 1000),
                        mov(0, 1),
                        new Instruction(Opcode.SUB64_X, 0, 2, 0, 0),
                        exit())));
        assertThat(program.call(sandbox.context, 50, 8)).isEqualTo(92);
        return 1;
    }

    private int indirectCall(Engine engine, Opcode opcode) {
        // r3 = F ll; callx r3; exit; F: r0 = 9; exit
        Executable program = sandbox.load(
                engine,
                Code.of(List.of(
                        new Instruction(Opcode.LDDW, 3, Pseudo.FUNC.ordinal(), 0, 3),
                        new Instruction(opcode, 3, 0, 0, 0),
                        exit(),
                        constant(0, 9),
                        exit())));
        assertThat(program.call(sandbox.context, 0, 0)).isEqualTo(9);
        Executable wild = sandbox.load(engine, Code.of(List.of(new Instruction(opcode, 1, 0, 0, 0), exit())));
        for (long target : new long[] {0, 1, FunctionPointer.of(1), FunctionPointer.of(77), sandbox.lent}) {
            assertThatThrownBy(() -> wild.call(sandbox.context, target, 0))
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.BAD_CALL_TARGET));
        }
        return 6;
    }

    private int kernelFunction(Engine engine, Opcode opcode) {
        Executable program = sandbox.load(engine, Code.of(List.of(new Instruction(opcode, 0, 2, 0, 90_001), exit())));
        assertThatThrownBy(() -> program.call(sandbox.context, 0, 0))
                .isInstanceOf(ProgramFault.class)
                .hasMessageContaining("90001");
        return 1;
    }

    private int exit(Engine engine, Opcode opcode) {
        Executable program = sandbox.load(
                engine, Code.of(List.of(mov(0, 1), new Instruction(opcode, 0, 0, 0, 0), constant(0, 3), exit())));
        for (long value : VALUES) {
            assertThat(program.call(sandbox.context, value, 0)).isEqualTo(value);
        }
        return VALUES.length;
    }

    private int constant(Engine engine, Opcode opcode) {
        for (long value : VALUES) {
            for (Pseudo pseudo : List.of(Pseudo.IMM, Pseudo.MAP_FD, Pseudo.MAP_VALUE)) {
                Executable program = sandbox.load(
                        engine,
                        Code.of(List.of(new Instruction(opcode, 4, pseudo.ordinal(), 0, value), mov(0, 4), exit())));
                assertThat(program.call(sandbox.context, 0, 0)).isEqualTo(value);
            }
        }
        return VALUES.length;
    }

    private int legacy(Engine engine, Opcode opcode) {
        assertThatThrownBy(() -> sandbox.load(
                        engine, Code.of(List.of(new Instruction(opcode, 0, 0, 0, 0), constant(0, 0), exit()))))
                .isInstanceOf(MalformedCodeException.class)
                .hasMessageContaining("legacy packet access is not supported for XDP programs");
        return 1;
    }

    // --- memory

    private int load(Engine engine, Opcode opcode) {
        int size = opcode.width().bytes();
        int bits = size * Byte.SIZE;
        boolean aligned = opcode.form() == Form.LOAD_ACQ;
        int cases = 0;
        for (int off : new int[] {0, 8, -8, Short.MAX_VALUE, Short.MIN_VALUE}) {
            Executable program =
                    sandbox.load(engine, surrounded(new Instruction(opcode, 5, 2, off, opcodeImm(opcode)), 5, 2));
            for (int place : new int[] {0, 8, Sandbox.LENT - size}) {
                for (long value : VALUES) {
                    Memory.fill(sandbox.lent, Sandbox.LENT, (byte) 0x5a);
                    write(sandbox.lent + place, size, value);
                    long expected = opcode.form() == Form.LDXSX
                            ? Oracle.signed(value, bits).longValue()
                            : Oracle.unsigned(value, bits).longValue();
                    assertThat(program.call(sandbox.context, -1, sandbox.lent + place - off))
                            .as("%s off=%d place=%d value=%x", opcode, off, place, value)
                            .isEqualTo(expected);
                    cases++;
                }
            }
            faults(program, off, size, aligned);
        }
        return cases;
    }

    private int store(Engine engine, Opcode opcode) {
        int size = opcode.width().bytes();
        boolean hasImm = opcode.form() == Form.ST;
        int cases = 0;
        for (int off : new int[] {0, 8, -8, Short.MAX_VALUE, Short.MIN_VALUE}) {
            for (int imm : hasImm ? IMMEDIATES : new int[] {opcodeImm(opcode)}) {
                // *(r2 + off) = r1 or imm
                Executable program = sandbox.load(
                        engine,
                        Code.of(List.of(
                                mov(6, 2),
                                mov(7, 1),
                                new Instruction(opcode, 6, hasImm ? 0 : 7, off, imm),
                                constant(0, 0),
                                exit())));
                for (int place : new int[] {0, 8, Sandbox.LENT - size}) {
                    for (long src : hasImm ? new long[] {0} : VALUES) {
                        Memory.fill(sandbox.lent - 8, Sandbox.LENT + 16, (byte) 0x5a);
                        byte[] expected = Memory.bytes(sandbox.lent - 8, Sandbox.LENT + 16);
                        long value = hasImm ? imm : src;
                        for (int i = 0; i < size; i++) {
                            expected[8 + place + i] = (byte) (value >> 8 * i);
                        }
                        program.call(sandbox.context, src, sandbox.lent + place - off);
                        assertThat(Memory.bytes(sandbox.lent - 8, Sandbox.LENT + 16))
                                .as("%s off=%d place=%d value=%x", opcode, off, place, value)
                                .isEqualTo(expected);
                        cases++;
                    }
                }
                faults(program, off, size, opcode.form() == Form.STORE_REL);
            }
        }
        return cases;
    }

    private int atomic(Engine engine, Opcode opcode) {
        int size = opcode.width().bytes();
        int bits = size * Byte.SIZE;
        AtomicOp op = opcode.atomic();
        int cases = 0;
        for (int off : new int[] {0, 16, -16}) {
            // r0 = *(r2 - 8), the expected value; r6 = r1; atomic on *(r2 + off) with r6; r0 ^= r6 * 3
            int place = 64;
            Executable program = sandbox.load(
                    engine,
                    Code.of(List.of(
                            new Instruction(Opcode.LDX_DW, 0, 2, off - 8, 0),
                            mov(6, 1),
                            new Instruction(opcode, 2, 6, off, opcodeImm(opcode)),
                            new Instruction(Opcode.STX_DW, 2, 6, off + 8, 0),
                            exit())));
            for (long old : VALUES) {
                for (long src : VALUES) {
                    for (long expect : op == AtomicOp.CMPXCHG ? new long[] {old, ~old, src} : new long[] {77}) {
                        long at = sandbox.lent + place;
                        Memory.putLong(at - 8, expect);
                        Memory.putLong(at, 0x5a5a_5a5a_5a5a_5a5aL);
                        write(at, size, old);
                        long r0 = program.call(sandbox.context, src, at - off);
                        String what = String.format("%s old=%x src=%x expect=%x", opcode, old, src, expect);
                        long fetched = Oracle.unsigned(old, bits).longValue();
                        assertThat(read(at, size)).as(what).isEqualTo(Oracle.atomic(op, bits, old, src, expect));
                        if (size == 4) {
                            assertThat(Memory.getInt(at + 4)).as(what).isEqualTo(0x5a5a_5a5a);
                        }
                        boolean toR0 = op == AtomicOp.CMPXCHG;
                        assertThat(r0).as(what).isEqualTo(toR0 ? fetched : expect);
                        assertThat(Memory.getLong(at + 8))
                                .as(what)
                                .isEqualTo(opcode.fetches() && !toR0 ? fetched : src);
                        cases++;
                    }
                }
            }
        }
        Executable bare = sandbox.load(
                engine,
                Code.of(List.of(
                        mov(6, 1), new Instruction(opcode, 2, 6, 0, opcodeImm(opcode)), constant(0, 0), exit())));
        faults(bare, 0, size, true);
        return cases;
    }

    /** A program that accesses {@code size} bytes at r2 + off must fault wherever it has no business. */
    private void faults(Executable program, int off, int size, boolean aligned) {
        List<Long> bad = new ArrayList<>(List.of(
                0L,
                1L,
                sandbox.lent - 1,
                sandbox.lent - size,
                sandbox.lent + Sandbox.LENT,
                sandbox.lent + Sandbox.LENT - size + 1,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                -1L,
                (long) -size,
                0xffff_8880_0000_0100L,
                sandbox.context.stacks - 1,
                sandbox.context.stackTop - size + 1,
                sandbox.context.xdpMd + 1));
        for (long address : bad) {
            assertThatThrownBy(() -> program.call(sandbox.context, 0, address - off))
                    .as("address=%x lent=%x size=%d", address, sandbox.lent, size)
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind())
                                    .isIn(ProgramFault.Kind.MEMORY, ProgramFault.Kind.ALIGNMENT));
        }
        if (aligned && size > 1) {
            assertThatThrownBy(() -> program.call(sandbox.context, 0, sandbox.lent + 1 - off))
                    .isInstanceOfSatisfying(
                            ProgramFault.class,
                            fault -> assertThat(fault.kind()).isEqualTo(ProgramFault.Kind.ALIGNMENT));
        }
    }

    // --- building

    /** Puts r2 into src and r1 into dst (which wins if they are the same), runs the instruction, gives dst. */
    private static Code surrounded(Instruction insn, int dst, int src) {
        return Code.of(List.of(mov(src, 2), mov(dst, 1), insn, mov(0, dst), exit()));
    }

    private static Instruction insn(Opcode opcode, int dst, int src, int imm) {
        Instruction template = template(opcode);
        boolean hasImm = opcode.form() == Form.ALU_K;
        return new Instruction(
                opcode, dst, opcode.form() == Form.UNARY ? 0 : src, template.off(), hasImm ? imm : template.imm());
    }

    private static int opcodeImm(Opcode opcode) {
        return template(opcode).imm32();
    }

    /** An instruction of a row with the fields that are part of its encoding: found by trying them. */
    private static Instruction template(Opcode opcode) {
        for (int off : new int[] {0, 1, 8, 16, 32}) {
            for (int imm : new int[] {0, 1, 16, 32, 64, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110}) {
                if (Opcode.of(opcode.code(), 0, off, imm) == opcode) {
                    return new Instruction(opcode, 0, 0, off, imm);
                }
            }
        }
        throw new AssertionError("no encoding found for " + opcode);
    }

    private static Instruction mov(int dst, int src) {
        return new Instruction(Opcode.MOV64_X, dst, src, 0, 0);
    }

    private static Instruction constant(int dst, int value) {
        return new Instruction(Opcode.MOV64_K, dst, 0, 0, value);
    }

    private static Instruction exit() {
        return new Instruction(Opcode.EXIT, 0, 0, 0, 0);
    }

    private static void write(long address, int size, long value) {
        for (int i = 0; i < size; i++) {
            Memory.putByte(address + i, (byte) (value >> 8 * i));
        }
    }

    private static long read(long address, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (Memory.getByte(address + i) & 0xffL) << 8 * i;
        }
        return value;
    }
}
