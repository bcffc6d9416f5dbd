package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.isa.AluOp;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.program.Program;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is emitted for every arithmetic and branch row is what its row of AluOp or JmpOp means. */
class MeaningTest {
    private static final long[] VALUES = {
        0,
        1,
        2,
        7,
        31,
        32,
        33,
        63,
        64,
        0x7f,
        0x80,
        0xff,
        0x8000,
        0xffff,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        0x0123_4567_89ab_cdefL,
        0xfedc_ba98_7654_3210L,
        -1,
        -2,
        Long.MAX_VALUE,
        Long.MIN_VALUE
    };

    private static final int[] IMMEDIATES = {
        0, 1, 2, 5, 31, 32, 63, 64, 255, 65536, -1, -3, Integer.MAX_VALUE, Integer.MIN_VALUE
    };

    private final Bed bed = new Bed(1);

    @AfterEach
    void close() {
        bed.close();
    }

    static List<Opcode> arithmetic() {
        return Programs.rows(Form.ALU_K, Form.ALU_X, Form.UNARY, Form.MOVSX);
    }

    static List<Opcode> branches() {
        return Programs.rows(Form.JMP_K, Form.JMP_X);
    }

    private Executable load(List<Instruction> insns) {
        return JitEngine.checked().load(Program.ofCode("meaning", Code.of(insns)), 1);
    }

    private static long meaning(Opcode opcode, long dst, long src) {
        AluOp op = opcode.alu();
        return opcode.is64() ? op.apply(dst, src) : op.apply((int) dst, (int) src) & 0xffff_ffffL;
    }

    @ParameterizedTest
    @MethodSource("arithmetic")
    void arithmeticIsWhatItsRowMeans(Opcode opcode) {
        boolean hasImm = opcode.form() == Form.ALU_K;
        for (int imm : hasImm ? IMMEDIATES : new int[] {0}) {
            List<Instruction> insns = new ArrayList<>();
            insns.add(Programs.insn(Opcode.MOV64_X, 0, 1, 0, 0));
            boolean unary = opcode.form() == Form.UNARY;
            insns.add(Programs.insn(opcode, 0, hasImm || unary ? 0 : 2, 0, imm));
            insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
            Executable program = load(insns);
            for (long dst : VALUES) {
                for (long src : hasImm || unary ? new long[] {imm} : VALUES) {
                    assertThat(program.call(bed.context, dst, src))
                            .as("%s dst=%x src=%x", opcode, dst, src)
                            .isEqualTo(meaning(opcode, dst, src));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("arithmetic")
    void arithmeticOnOneRegisterIsWhatItsRowMeans(Opcode opcode) {
        if (opcode.form() == Form.ALU_X || opcode.form() == Form.MOVSX) {
            Executable program = load(List.of(
                    Programs.insn(Opcode.MOV64_X, 0, 1, 0, 0),
                    Programs.insn(opcode, 0, 0, 0, 0),
                    Programs.insn(Opcode.EXIT, 0, 0, 0, 0)));
            for (long value : VALUES) {
                assertThat(program.call(bed.context, value, 0))
                        .as("%s both=%x", opcode, value)
                        .isEqualTo(meaning(opcode, value, value));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("branches")
    void branchesAreWhatTheirRowsMean(Opcode opcode) {
        boolean hasImm = opcode.form() == Form.JMP_K;
        for (int imm : hasImm ? IMMEDIATES : new int[] {0}) {
            Executable program = load(List.of(
                    Programs.insn(Opcode.MOV64_K, 0, 0, 0, 1),
                    Programs.insn(opcode, 1, hasImm ? 0 : 2, 1, hasImm ? imm : 0),
                    Programs.insn(Opcode.MOV64_K, 0, 0, 0, 0),
                    Programs.insn(Opcode.EXIT, 0, 0, 0, 0)));
            for (long dst : VALUES) {
                for (long src : hasImm ? new long[] {imm} : VALUES) {
                    boolean taken = opcode.is64()
                            ? opcode.jmp().test(dst, src)
                            : opcode.jmp().test((int) dst, (int) src);
                    assertThat(program.call(bed.context, dst, src))
                            .as("%s dst=%x src=%x", opcode, dst, src)
                            .isEqualTo(taken ? 1 : 0);
                }
            }
        }
    }
}
