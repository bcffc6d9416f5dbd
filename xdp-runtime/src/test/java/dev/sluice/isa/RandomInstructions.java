package dev.sluice.isa;

import java.util.Random;

/** Random valid instructions of a given row, every field that the row uses filled in. */
final class RandomInstructions {
    private RandomInstructions() {}

    static Instruction next(Opcode op, Random random) {
        int dst = random.nextInt(11);
        int src = random.nextInt(11);
        int off = (short) random.nextInt();
        int imm = random.nextInt(4) == 0 ? random.nextInt(16) - 8 : random.nextInt();
        return switch (op.form()) {
            case ALU_K -> new Instruction(op, dst, 0, op.fixedOffset(), imm);
            case ALU_X, MOVSX -> new Instruction(op, dst, src, op.fixedOffset(), 0);
            case UNARY -> new Instruction(op, dst, 0, 0, op.fixedImm());
            case JMP_K -> new Instruction(op, dst, 0, off, imm);
            case JMP_X, LDX, LDXSX, STX -> new Instruction(op, dst, src, off, 0);
            case JA, MAY_GOTO -> new Instruction(op, 0, 0, off, 0);
            case GOTOL -> new Instruction(op, 0, 0, 0, imm);
            case CALL_HELPER -> new Instruction(op, 0, 0, 0, imm);
            case CALL_LOCAL -> new Instruction(op, 0, 1, 0, imm);
            case CALL_KFUNC -> new Instruction(op, 0, 2, random.nextInt(1 << 15), imm);
            case CALLX -> new Instruction(op, dst, 0, 0, 0);
            case EXIT -> new Instruction(op, 0, 0, 0, 0);
            case LDDW -> new Instruction(op, dst, random.nextInt(Pseudo.values().length), 0, random.nextLong());
            case LD_ABS -> new Instruction(op, 0, 0, 0, imm);
            case LD_IND -> new Instruction(op, 0, src, 0, imm);
            case ST -> new Instruction(op, dst, 0, off, imm);
            case ATOMIC, LOAD_ACQ, STORE_REL -> new Instruction(op, dst, src, off, op.fixedImm());
        };
    }
}
