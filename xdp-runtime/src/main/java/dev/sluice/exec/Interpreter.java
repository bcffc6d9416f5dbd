package dev.sluice.exec;

import dev.sluice.helper.RunContext;
import dev.sluice.helper.StepSink;
import dev.sluice.isa.Alu;
import dev.sluice.isa.Cond;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;

/**
 * The checked interpreter: runs any program, verified or not, and faults where it does what it may not. The reference
 * that compiled code is compared with. Thread-safe; a run allocates nothing.
 *
 * <p>What no verified program can tell is fixed here, so that all engines agree on unverified ones too: registers other
 * than r1, r2 and r10 begin as 0, so does the stack of each frame; calls leave r1 to r5 as they were; a function's r0
 * and r6 to r9 begin as 0. {@code may_goto} falls through {@link #MAX_LOOPS} times in a frame, then jumps.
 */
public final class Interpreter implements Engine {
    /** The kernel's {@code BPF_MAX_LOOPS}: how often a frame's {@code may_goto} instructions fall through. */
    public static final int MAX_LOOPS = 8 * 1024 * 1024;

    private static final String NAME = "interpreter";

    /** In place of a next slot: the function is over. */
    private static final int DONE = -1;

    private static final long LOW = 0xffff_ffffL;

    /** Creates the engine. */
    public Interpreter() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Executable load(Program program, int programId) {
        Structure.check(program);
        return new Interpreted(program, programId);
    }

    private static final class Interpreted extends BaseExecutable {
        final Predecoded code;

        @Override
        public String engine() {
            return NAME;
        }

        Interpreted(Program program, int programId) {
            super(program, programId);
            code = new Predecoded(program, programId);
        }

        @Override
        public long execute(RunContext context, long r1, long r2, int depth) {
            enter(context, code, depth, r1, r2);
            return interpret(context, code, 0, depth);
        }
    }

    /** Prepares the registers and the stack of a program's entry function. */
    private static void enter(RunContext context, Predecoded code, int depth, long r1, long r2) {
        long[] r = context.registers;
        r[0] = 0;
        r[1] = r1;
        r[2] = r2;
        for (int i = 3; i < Instruction.FP; i++) {
            r[i] = 0;
        }
        enterFrame(context, code, depth);
    }

    private static void enterFrame(RunContext context, Predecoded code, int depth) {
        long framePointer = context.framePointer(depth);
        context.registers[Instruction.FP] = framePointer;
        context.frameIsLowest(framePointer);
        if (code.usesStack) {
            Memory.fill(framePointer - RunContext.STACK_BYTES, RunContext.STACK_BYTES, (byte) 0);
        }
    }

    private static void callFunction(RunContext context, Predecoded code, int target, int depth, int pc) {
        if (depth + 1 >= RunContext.MAX_FRAMES) {
            throw new ProgramFault(
                    ProgramFault.Kind.CALL_DEPTH,
                    pc,
                    "the call stack is too deep: expected at most " + RunContext.MAX_FRAMES + " frames");
        }
        long[] r = context.registers;
        long r1 = r[1];
        long r2 = r[2];
        long r3 = r[3];
        long r4 = r[4];
        long r5 = r[5];
        long r6 = r[6];
        long r7 = r[7];
        long r8 = r[8];
        long r9 = r[9];
        r[0] = 0;
        r[6] = 0;
        r[7] = 0;
        r[8] = 0;
        r[9] = 0;
        enterFrame(context, code, depth + 1);
        r[0] = interpret(context, code, target, depth + 1);
        r[1] = r1;
        r[2] = r2;
        r[3] = r3;
        r[4] = r4;
        r[5] = r5;
        r[6] = r6;
        r[7] = r7;
        r[8] = r8;
        r[9] = r9;
        r[Instruction.FP] = context.framePointer(depth);
        context.frameIsLowest(r[Instruction.FP]);
    }

    /** Calls a function for a helper that was called in a frame. */
    static long callBack(
            RunContext context,
            Predecoded code,
            int target,
            long callerFrame,
            int pc,
            long r1,
            long r2,
            long r3,
            long r4,
            long r5) {
        long[] r = context.registers;
        long saved1 = r[1];
        long saved2 = r[2];
        long saved3 = r[3];
        long saved4 = r[4];
        long saved5 = r[5];
        r[1] = r1;
        r[2] = r2;
        r[3] = r3;
        r[4] = r4;
        r[5] = r5;
        callFunction(context, code, target, (int) ((context.stackTop - callerFrame) / RunContext.STACK_BYTES), pc);
        r[1] = saved1;
        r[2] = saved2;
        r[3] = saved3;
        r[4] = saved4;
        r[5] = saved5;
        return r[0];
    }

    /** Continues in a program of another engine. */
    private static long tailCallElsewhere(RunContext context, int depth, int pc) {
        if (!(context.tailTarget instanceof BaseExecutable target)) {
            throw new ProgramFault(ProgramFault.Kind.BAD_CALL_TARGET, pc, "tail call to what no engine has loaded");
        }
        context.tailTarget = null;
        return target.execute(context, context.xdpMd, 0, depth);
    }

    private static ProgramFault limitReached(RunContext context, int pc) {
        return new ProgramFault(
                ProgramFault.Kind.INSTRUCTION_LIMIT,
                pc,
                "the run took too long: expected at most " + context.instructionLimit + " instructions");
    }

    /**
     * Runs from a slot to the exit of that function and gives r0. Registers are in {@link RunContext#registers}.
     *
     * <p>One flat switch; it has to stay below 8,000 bytes of bytecode, above which HotSpot compiles no method.
     */
    private static long interpret(RunContext context, Predecoded start, int entry, int depth) {
        long[] r = context.registers;
        Predecoded code = start;
        Opcode[] opcodes = code.opcodes;
        long[] words = code.words;
        long left = context.instructionsLeft;
        int loops = MAX_LOOPS;
        StepSink steps = context.steps;
        int pc = entry;
        while (pc != DONE) {
            if (left-- <= 0) {
                throw limitReached(context, pc);
            }
            if (steps != null) {
                steps.step(code.programId, pc, depth, r);
            }
            long word = words[pc];
            int d = (int) word & 15;
            int s = (int) (word >>> 4) & 15;
            int off = (short) (word >>> 16);
            long imm = word >> 32;
            long dv = r[d];
            long sv = r[s];
            // A switch expression, so that the compiler refuses a row of Opcode that is missing here.
            pc = switch (opcodes[pc]) {
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
                case MAY_GOTO -> loops-- > 0 ? pc + 1 : pc + 1 + off;
                case CALL -> {
                    context.instructionsLeft = left;
                    r[0] = code.callHelper(context, pc);
                    left = context.instructionsLeft;
                    if (context.tailTarget == null) {
                        yield pc + 1;
                    }
                    if (!(context.tailTarget instanceof Interpreted target)) {
                        r[0] = tailCallElsewhere(context, depth, pc);
                        left = context.instructionsLeft;
                        yield DONE;
                    }
                    context.tailTarget = null;
                    code = target.code;
                    opcodes = code.opcodes;
                    words = code.words;
                    loops = MAX_LOOPS;
                    enter(context, code, depth, context.xdpMd, 0);
                    yield 0;
                }
                case CALL_LOCAL -> {
                    context.instructionsLeft = left;
                    callFunction(context, code, pc + 1 + (int) imm, depth, pc);
                    left = context.instructionsLeft;
                    yield pc + 1;
                }
                case CALL_KFUNC -> {
                    r[0] = code.callHelper(context, pc);
                    yield pc + 1;
                }
                case CALLX -> {
                    context.instructionsLeft = left;
                    callFunction(context, code, code.function(dv, pc), depth, pc);
                    left = context.instructionsLeft;
                    yield pc + 1;
                }
                case EXIT -> DONE;
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
        context.instructionsLeft = left;
        return r[0];
    }
}
