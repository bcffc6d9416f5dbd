package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.ALU;
import static dev.sluice.jit.LongCode.pushLong;
import static dev.sluice.jit.LongCode.signExtend;
import static dev.sluice.jit.LongCode.widen;
import static java.lang.constant.ConstantDescs.CD_Character;
import static java.lang.constant.ConstantDescs.CD_Integer;
import static java.lang.constant.ConstantDescs.CD_Long;
import static java.lang.constant.ConstantDescs.CD_char;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.JmpOp;
import dev.sluice.isa.Width;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.constant.MethodTypeDesc;

/** Emits arithmetic on registers, and branches that compare them. */
final class AluCode {
    private static final long LOW = 0xffff_ffffL;

    private static final MethodTypeDesc TAKES_TWO_LONGS = MethodTypeDesc.of(CD_long, CD_long, CD_long);
    private static final MethodTypeDesc TAKES_TWO_INTS = MethodTypeDesc.of(CD_int, CD_int, CD_int);

    private final CodeBuilder b;
    private final Unit unit;
    private final int[] register;

    AluCode(CodeBuilder b, Unit unit, Locals locals) {
        this.b = b;
        this.unit = unit;
        register = locals.register;
    }

    /** Emits an operation on registers, of one of the four forms of those. */
    void alu(Instruction insn, int pc) {
        AluOp op = insn.opcode().alu();
        boolean isConstant = op == AluOp.MOV && insn.form() == Form.ALU_K;
        boolean is64 = insn.opcode().is64() || isConstant;
        boolean hasDst = op != AluOp.MOV && insn.form() != Form.MOVSX;
        if (op == AluOp.LE64 || divideByConstant(insn, pc)) {
            return;
        }
        if (hasDst) {
            b.lload(register[insn.dst()]);
            narrow(is64);
        }
        if (insn.form() == Form.ALU_K) {
            boolean shift = op == AluOp.LSH || op == AluOp.RSH || op == AluOp.ARSH;
            if (shift) {
                b.loadConstant(insn.imm32() & (insn.opcode().is64() ? 63 : 31));
            } else if (is64) {
                pushLong(b, insn.opcode().is64() ? insn.imm() : insn.imm() & LOW);
            } else {
                b.loadConstant(insn.imm32());
            }
            operation(op, is64, insn.imm() != 0);
        } else if (insn.form() == Form.UNARY) {
            operation(op, is64, true);
        } else {
            b.lload(register[insn.src()]);
            boolean shift = op == AluOp.LSH || op == AluOp.RSH || op == AluOp.ARSH;
            if (shift) {
                b.l2i();
            } else {
                narrow(is64);
            }
            operation(op, is64, unit.isNeverZero(insn, pc));
        }
        if (!is64) {
            widen(b);
        }
        b.lstore(register[insn.dst()]);
    }

    private void narrow(boolean is64) {
        if (!is64) {
            b.l2i();
        }
    }

    /**
     * Emits an operation on the one or two operands on the JVM's stack, a shift's amount being an int.
     *
     * @param nonZero whether the second operand is known not to be 0
     */
    void operation(AluOp op, boolean is64, boolean nonZero) {
        switch (op) {
            case ADD -> either(is64, b::ladd, b::iadd);
            case SUB -> either(is64, b::lsub, b::isub);
            case MUL -> either(is64, b::lmul, b::imul);
            case OR -> either(is64, b::lor, b::ior);
            case AND -> either(is64, b::land, b::iand);
            case XOR -> either(is64, b::lxor, b::ixor);
            case LSH -> either(is64, b::lshl, b::ishl);
            case RSH -> either(is64, b::lushr, b::iushr);
            case ARSH -> either(is64, b::lshr, b::ishr);
            case NEG -> either(is64, b::lneg, b::ineg);
            case MOV -> {}
            case DIV -> divide(op, "divideUnsigned", is64, nonZero);
            case MOD -> divide(op, "remainderUnsigned", is64, nonZero);
            case SDIV -> {
                if (nonZero) {
                    either(is64, b::ldiv, b::idiv);
                } else {
                    byMeaning(op, is64);
                }
            }
            case SMOD -> {
                if (nonZero) {
                    either(is64, b::lrem, b::irem);
                } else {
                    byMeaning(op, is64);
                }
            }
            case MOVSX8 -> either(is64, () -> signExtend(b, Width.B), b::i2b);
            case MOVSX16 -> either(is64, () -> signExtend(b, Width.H), b::i2s);
            case MOVSX32 -> either(is64, () -> signExtend(b, Width.W), () -> {});
            case LE16 -> {
                pushLong(b, 0xffffL);
                b.land();
            }
            case LE32 -> {
                pushLong(b, LOW);
                b.land();
            }
            case LE64 -> {}
            case BE16, BSWAP16 -> {
                b.l2i().i2c(); // chars: their bytes are exchanged without a sign to be removed afterwards
                b.invokestatic(CD_Character, "reverseBytes", MethodTypeDesc.of(CD_char, CD_char));
                b.i2l();
            }
            case BE32, BSWAP32 -> {
                b.l2i();
                b.invokestatic(CD_Integer, "reverseBytes", MethodTypeDesc.of(CD_int, CD_int));
                widen(b);
            }
            case BE64, BSWAP64 -> b.invokestatic(CD_Long, "reverseBytes", MethodTypeDesc.of(CD_long, CD_long));
        }
    }

    private static void either(boolean is64, Runnable wide, Runnable narrow) {
        if (is64) {
            wide.run();
        } else {
            narrow.run();
        }
    }

    // --- division
    private void divide(AluOp op, String method, boolean is64, boolean nonZero) {
        if (nonZero) {
            b.invokestatic(is64 ? CD_Long : CD_Integer, method, is64 ? TAKES_TWO_LONGS : TAKES_TWO_INTS);
        } else {
            byMeaning(op, is64);
        }
    }

    /**
     * Divides by a constant as signed longs, where that is the same: C2 makes multiplications of signed divisions only.
     *
     * @return whether it is
     */
    private boolean divideByConstant(Instruction insn, int pc) {
        boolean is64 = insn.opcode().is64();
        boolean divides = insn.opcode().alu() == AluOp.DIV || insn.opcode().alu() == AluOp.MOD;
        long divisor = is64 ? insn.imm() : insn.imm() & LOW;
        if (!divides || insn.form() != Form.ALU_K || divisor <= 0 || is64 && !unit.isNeverNegative(insn, pc)) {
            return false;
        }
        b.lload(register[insn.dst()]);
        if (!is64) {
            pushLong(b, LOW);
            b.land();
        }
        pushLong(b, divisor);
        if (insn.opcode().alu() == AluOp.DIV) {
            b.ldiv();
        } else {
            b.lrem();
        }
        b.lstore(register[insn.dst()]);
        return true;
    }

    private void byMeaning(AluOp op, boolean is64) {
        b.invokestatic(ALU, op.method(), is64 ? TAKES_TWO_LONGS : TAKES_TWO_INTS);
    }

    // --- branches

    /** Emits a conditional jump of an instruction. */
    void branch(Instruction insn, Label target) {
        JmpOp op = insn.opcode().jmp();
        boolean is64 = insn.opcode().is64();
        b.lload(register[insn.dst()]);
        narrow(is64);
        if (insn.form() == Form.JMP_X) {
            b.lload(register[insn.src()]);
            narrow(is64);
        } else if (is64) {
            pushLong(b, insn.imm());
        } else {
            b.loadConstant(insn.imm32());
        }
        switch (op) {
            case EQ -> compare(is64, Opcode.IFEQ, Opcode.IF_ICMPEQ, target);
            case NE -> compare(is64, Opcode.IFNE, Opcode.IF_ICMPNE, target);
            case SGT -> compare(is64, Opcode.IFGT, Opcode.IF_ICMPGT, target);
            case SGE -> compare(is64, Opcode.IFGE, Opcode.IF_ICMPGE, target);
            case SLT -> compare(is64, Opcode.IFLT, Opcode.IF_ICMPLT, target);
            case SLE -> compare(is64, Opcode.IFLE, Opcode.IF_ICMPLE, target);
            case GT -> compareUnsigned(is64, Opcode.IFGT, target);
            case GE -> compareUnsigned(is64, Opcode.IFGE, target);
            case LT -> compareUnsigned(is64, Opcode.IFLT, target);
            case LE -> compareUnsigned(is64, Opcode.IFLE, target);
            case SET -> {
                if (is64) {
                    b.land().lconst_0().lcmp().ifne(target);
                } else {
                    b.iand().ifne(target);
                }
            }
        }
    }

    private void compare(boolean is64, Opcode wide, Opcode narrow, Label target) {
        if (is64) {
            b.lcmp().branch(wide, target);
        } else {
            b.branch(narrow, target);
        }
    }

    private void compareUnsigned(boolean is64, Opcode opcode, Label target) {
        if (is64) {
            LongCode.compareUnsigned(b, opcode, target);
        } else {
            b.invokestatic(CD_Integer, "compareUnsigned", TAKES_TWO_INTS).branch(opcode, target);
        }
    }
}
