package dev.sluice.exec;

import dev.sluice.helper.RunContext;
import dev.sluice.isa.Alu;
import dev.sluice.isa.Cond;

/**
 * One instruction of any kind, but for those that leave the function: what the interpreter does of which its loop has no
 * faster way. On the queue's thread; allocates only for a fault.
 */
final class SingleStep {
    private static final long LOW = 0xffff_ffffL;

    private SingleStep() {}

    /**
     * Runs the instruction at a slot.
     *
     * @return the slot to go on at
     */
    static int run(RunContext context, Predecoded code, int pc) {
        long[] r = context.registers;
        long word = code.watched[pc];
        int d = Operation.dst(word);
        int s = Operation.src(word);
        int off = Operation.off(word);
        long imm = Operation.imm(word);
        long dv = r[d];
        long sv = r[s];
        // A switch expression, so that the compiler refuses a row of Opcode that is missing here.
        return switch (code.opcodes[pc]) {
            case ADD64_K -> {
                r[d] = Alu.add(dv, imm);
                yield pc + 1;
            }
            case ADD64_X -> {
                r[d] = Alu.add(dv, sv);
                yield pc + 1;
            }
            case SUB64_K -> {
                r[d] = Alu.sub(dv, imm);
                yield pc + 1;
            }
            case SUB64_X -> {
                r[d] = Alu.sub(dv, sv);
                yield pc + 1;
            }
            case MUL64_K -> {
                r[d] = Alu.mul(dv, imm);
                yield pc + 1;
            }
            case MUL64_X -> {
                r[d] = Alu.mul(dv, sv);
                yield pc + 1;
            }
            case DIV64_K -> {
                r[d] = Alu.div(dv, imm);
                yield pc + 1;
            }
            case DIV64_X -> {
                r[d] = Alu.div(dv, sv);
                yield pc + 1;
            }
            case OR64_K -> {
                r[d] = Alu.or(dv, imm);
                yield pc + 1;
            }
            case OR64_X -> {
                r[d] = Alu.or(dv, sv);
                yield pc + 1;
            }
            case AND64_K -> {
                r[d] = Alu.and(dv, imm);
                yield pc + 1;
            }
            case AND64_X -> {
                r[d] = Alu.and(dv, sv);
                yield pc + 1;
            }
            case LSH64_K -> {
                r[d] = Alu.lsh(dv, imm);
                yield pc + 1;
            }
            case LSH64_X -> {
                r[d] = Alu.lsh(dv, sv);
                yield pc + 1;
            }
            case RSH64_K -> {
                r[d] = Alu.rsh(dv, imm);
                yield pc + 1;
            }
            case RSH64_X -> {
                r[d] = Alu.rsh(dv, sv);
                yield pc + 1;
            }
            case MOD64_K -> {
                r[d] = Alu.mod(dv, imm);
                yield pc + 1;
            }
            case MOD64_X -> {
                r[d] = Alu.mod(dv, sv);
                yield pc + 1;
            }
            case XOR64_K -> {
                r[d] = Alu.xor(dv, imm);
                yield pc + 1;
            }
            case XOR64_X -> {
                r[d] = Alu.xor(dv, sv);
                yield pc + 1;
            }
            case MOV64_K -> {
                r[d] = Alu.mov(dv, imm);
                yield pc + 1;
            }
            case MOV64_X -> {
                r[d] = Alu.mov(dv, sv);
                yield pc + 1;
            }
            case ARSH64_K -> {
                r[d] = Alu.arsh(dv, imm);
                yield pc + 1;
            }
            case ARSH64_X -> {
                r[d] = Alu.arsh(dv, sv);
                yield pc + 1;
            }
            case SDIV64_K -> {
                r[d] = Alu.sdiv(dv, imm);
                yield pc + 1;
            }
            case SDIV64_X -> {
                r[d] = Alu.sdiv(dv, sv);
                yield pc + 1;
            }
            case SMOD64_K -> {
                r[d] = Alu.smod(dv, imm);
                yield pc + 1;
            }
            case SMOD64_X -> {
                r[d] = Alu.smod(dv, sv);
                yield pc + 1;
            }
            case MOVSX8_64 -> {
                r[d] = Alu.movsx8(dv, sv);
                yield pc + 1;
            }
            case MOVSX16_64 -> {
                r[d] = Alu.movsx16(dv, sv);
                yield pc + 1;
            }
            case MOVSX32_64 -> {
                r[d] = Alu.movsx32(dv, sv);
                yield pc + 1;
            }
            case NEG64 -> {
                r[d] = Alu.neg(dv, 0L);
                yield pc + 1;
            }
            case ADD32_K -> {
                r[d] = Alu.add((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case ADD32_X -> {
                r[d] = Alu.add((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case SUB32_K -> {
                r[d] = Alu.sub((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case SUB32_X -> {
                r[d] = Alu.sub((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case MUL32_K -> {
                r[d] = Alu.mul((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case MUL32_X -> {
                r[d] = Alu.mul((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case DIV32_K -> {
                r[d] = Alu.div((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case DIV32_X -> {
                r[d] = Alu.div((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case OR32_K -> {
                r[d] = Alu.or((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case OR32_X -> {
                r[d] = Alu.or((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case AND32_K -> {
                r[d] = Alu.and((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case AND32_X -> {
                r[d] = Alu.and((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case LSH32_K -> {
                r[d] = Alu.lsh((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case LSH32_X -> {
                r[d] = Alu.lsh((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case RSH32_K -> {
                r[d] = Alu.rsh((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case RSH32_X -> {
                r[d] = Alu.rsh((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case MOD32_K -> {
                r[d] = Alu.mod((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case MOD32_X -> {
                r[d] = Alu.mod((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case XOR32_K -> {
                r[d] = Alu.xor((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case XOR32_X -> {
                r[d] = Alu.xor((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case MOV32_K -> {
                r[d] = Alu.mov((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case MOV32_X -> {
                r[d] = Alu.mov((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case ARSH32_K -> {
                r[d] = Alu.arsh((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case ARSH32_X -> {
                r[d] = Alu.arsh((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case SDIV32_K -> {
                r[d] = Alu.sdiv((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case SDIV32_X -> {
                r[d] = Alu.sdiv((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case SMOD32_K -> {
                r[d] = Alu.smod((int) dv, (int) imm) & LOW;
                yield pc + 1;
            }
            case SMOD32_X -> {
                r[d] = Alu.smod((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case MOVSX8_32 -> {
                r[d] = Alu.movsx8((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case MOVSX16_32 -> {
                r[d] = Alu.movsx16((int) dv, (int) sv) & LOW;
                yield pc + 1;
            }
            case NEG32 -> {
                r[d] = Alu.neg((int) dv, 0) & LOW;
                yield pc + 1;
            }
            case LE16 -> {
                r[d] = Alu.le16(dv, 0L);
                yield pc + 1;
            }
            case LE32 -> {
                r[d] = Alu.le32(dv, 0L);
                yield pc + 1;
            }
            case LE64 -> {
                r[d] = Alu.le64(dv, 0L);
                yield pc + 1;
            }
            case BE16 -> {
                r[d] = Alu.bswap16(dv, 0L);
                yield pc + 1;
            }
            case BE32 -> {
                r[d] = Alu.bswap32(dv, 0L);
                yield pc + 1;
            }
            case BE64 -> {
                r[d] = Alu.bswap64(dv, 0L);
                yield pc + 1;
            }
            case BSWAP16 -> {
                r[d] = Alu.bswap16(dv, 0L);
                yield pc + 1;
            }
            case BSWAP32 -> {
                r[d] = Alu.bswap32(dv, 0L);
                yield pc + 1;
            }
            case BSWAP64 -> {
                r[d] = Alu.bswap64(dv, 0L);
                yield pc + 1;
            }
            case JEQ_K -> Cond.eq(dv, imm) ? pc + 1 + off : pc + 1;
            case JEQ_X -> Cond.eq(dv, sv) ? pc + 1 + off : pc + 1;
            case JGT_K -> Cond.gt(dv, imm) ? pc + 1 + off : pc + 1;
            case JGT_X -> Cond.gt(dv, sv) ? pc + 1 + off : pc + 1;
            case JGE_K -> Cond.ge(dv, imm) ? pc + 1 + off : pc + 1;
            case JGE_X -> Cond.ge(dv, sv) ? pc + 1 + off : pc + 1;
            case JSET_K -> Cond.set(dv, imm) ? pc + 1 + off : pc + 1;
            case JSET_X -> Cond.set(dv, sv) ? pc + 1 + off : pc + 1;
            case JNE_K -> Cond.ne(dv, imm) ? pc + 1 + off : pc + 1;
            case JNE_X -> Cond.ne(dv, sv) ? pc + 1 + off : pc + 1;
            case JSGT_K -> Cond.sgt(dv, imm) ? pc + 1 + off : pc + 1;
            case JSGT_X -> Cond.sgt(dv, sv) ? pc + 1 + off : pc + 1;
            case JSGE_K -> Cond.sge(dv, imm) ? pc + 1 + off : pc + 1;
            case JSGE_X -> Cond.sge(dv, sv) ? pc + 1 + off : pc + 1;
            case JLT_K -> Cond.lt(dv, imm) ? pc + 1 + off : pc + 1;
            case JLT_X -> Cond.lt(dv, sv) ? pc + 1 + off : pc + 1;
            case JLE_K -> Cond.le(dv, imm) ? pc + 1 + off : pc + 1;
            case JLE_X -> Cond.le(dv, sv) ? pc + 1 + off : pc + 1;
            case JSLT_K -> Cond.slt(dv, imm) ? pc + 1 + off : pc + 1;
            case JSLT_X -> Cond.slt(dv, sv) ? pc + 1 + off : pc + 1;
            case JSLE_K -> Cond.sle(dv, imm) ? pc + 1 + off : pc + 1;
            case JSLE_X -> Cond.sle(dv, sv) ? pc + 1 + off : pc + 1;
            case JEQ32_K -> Cond.eq((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JEQ32_X -> Cond.eq((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JGT32_K -> Cond.gt((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JGT32_X -> Cond.gt((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JGE32_K -> Cond.ge((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JGE32_X -> Cond.ge((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JSET32_K -> Cond.set((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JSET32_X -> Cond.set((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JNE32_K -> Cond.ne((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JNE32_X -> Cond.ne((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JSGT32_K -> Cond.sgt((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JSGT32_X -> Cond.sgt((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JSGE32_K -> Cond.sge((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JSGE32_X -> Cond.sge((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JLT32_K -> Cond.lt((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JLT32_X -> Cond.lt((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JLE32_K -> Cond.le((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JLE32_X -> Cond.le((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JSLT32_K -> Cond.slt((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JSLT32_X -> Cond.slt((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JSLE32_K -> Cond.sle((int) dv, (int) imm) ? pc + 1 + off : pc + 1;
            case JSLE32_X -> Cond.sle((int) dv, (int) sv) ? pc + 1 + off : pc + 1;
            case JA -> pc + 1 + off;
            case GOTOL -> pc + 1 + (int) imm;
            case MAY_GOTO, CALL, CALL_LOCAL, CALL_KFUNC, CALLX, EXIT ->
                throw new AssertionError("the loop's own: " + code.opcodes[pc]);
            case LDDW -> {
                r[d] = code.wide[pc];
                yield pc + 2;
            }
            case LDX_B -> {
                r[d] = Checks.load8(context, sv + off, pc);
                yield pc + 1;
            }
            case LDX_H -> {
                r[d] = Checks.load16(context, sv + off, pc);
                yield pc + 1;
            }
            case LDX_W -> {
                r[d] = Checks.load32(context, sv + off, pc);
                yield pc + 1;
            }
            case LDX_DW -> {
                r[d] = Checks.load64(context, sv + off, pc);
                yield pc + 1;
            }
            case LDXSX_B -> {
                r[d] = (byte) Checks.load8(context, sv + off, pc);
                yield pc + 1;
            }
            case LDXSX_H -> {
                r[d] = (short) Checks.load16(context, sv + off, pc);
                yield pc + 1;
            }
            case LDXSX_W -> {
                r[d] = Checks.loadSigned32(context, sv + off, pc);
                yield pc + 1;
            }
            case ST_B -> {
                Checks.store8(context, dv + off, imm, pc);
                yield pc + 1;
            }
            case ST_H -> {
                Checks.store16(context, dv + off, imm, pc);
                yield pc + 1;
            }
            case ST_W -> {
                Checks.store32(context, dv + off, imm, pc);
                yield pc + 1;
            }
            case ST_DW -> {
                Checks.store64(context, dv + off, imm, pc);
                yield pc + 1;
            }
            case STX_B -> {
                Checks.store8(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case STX_H -> {
                Checks.store16(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case STX_W -> {
                Checks.store32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case STX_DW -> {
                Checks.store64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_ADD32 -> {
                Checks.atomicAdd32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_ADD32 -> {
                r[s] = Checks.atomicAdd32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_OR32 -> {
                Checks.atomicOr32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_OR32 -> {
                r[s] = Checks.atomicOr32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_AND32 -> {
                Checks.atomicAnd32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_AND32 -> {
                r[s] = Checks.atomicAnd32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_XOR32 -> {
                Checks.atomicXor32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_XOR32 -> {
                r[s] = Checks.atomicXor32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_XCHG32 -> {
                r[s] = Checks.atomicXchg32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_CMPXCHG32 -> {
                r[0] = Checks.atomicCmpxchg32(context, dv + off, r[0], sv, pc);
                yield pc + 1;
            }
            case ATOMIC_ADD64 -> {
                Checks.atomicAdd64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_ADD64 -> {
                r[s] = Checks.atomicAdd64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_OR64 -> {
                Checks.atomicOr64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_OR64 -> {
                r[s] = Checks.atomicOr64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_AND64 -> {
                Checks.atomicAnd64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_AND64 -> {
                r[s] = Checks.atomicAnd64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_XOR64 -> {
                Checks.atomicXor64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_FETCH_XOR64 -> {
                r[s] = Checks.atomicXor64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_XCHG64 -> {
                r[s] = Checks.atomicXchg64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case ATOMIC_CMPXCHG64 -> {
                r[0] = Checks.atomicCmpxchg64(context, dv + off, r[0], sv, pc);
                yield pc + 1;
            }
            case LOAD_ACQ_B -> {
                r[d] = Checks.loadAcquire8(context, sv + off, pc);
                yield pc + 1;
            }
            case LOAD_ACQ_H -> {
                r[d] = Checks.loadAcquire16(context, sv + off, pc);
                yield pc + 1;
            }
            case LOAD_ACQ_W -> {
                r[d] = Checks.loadAcquire32(context, sv + off, pc);
                yield pc + 1;
            }
            case LOAD_ACQ_DW -> {
                r[d] = Checks.loadAcquire64(context, sv + off, pc);
                yield pc + 1;
            }
            case STORE_REL_B -> {
                Checks.storeRelease8(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case STORE_REL_H -> {
                Checks.storeRelease16(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case STORE_REL_W -> {
                Checks.storeRelease32(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case STORE_REL_DW -> {
                Checks.storeRelease64(context, dv + off, sv, pc);
                yield pc + 1;
            }
            case LDABS_B, LDABS_H, LDABS_W, LDIND_B, LDIND_H, LDIND_W ->
                throw new AssertionError("legacy packet access was not refused at load");
        };
    }
}
