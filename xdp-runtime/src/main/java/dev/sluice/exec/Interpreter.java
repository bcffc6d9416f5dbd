package dev.sluice.exec;

import dev.sluice.helper.RunContext;
import dev.sluice.helper.StepSink;
import dev.sluice.isa.Alu;
import dev.sluice.isa.Cond;
import dev.sluice.isa.Instruction;
import dev.sluice.map.ProgramRef;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import java.util.Arrays;

/**
 * The checked interpreter: runs any program, verified or not, and faults where it does what it may not. The reference
 * that compiled code is compared with. Thread-safe; a run allocates nothing.
 *
 * <p>What no verified program can tell is fixed here, so that all engines agree on unverified ones too: registers other
 * than r1, r2 and r10 begin as 0, so does the stack of each frame, which a function that does not name r10 has none of;
 * calls leave r1 to r5 as they were; a function's r0 and r6 to r9 begin as 0. {@code may_goto} falls through {@link #MAX_LOOPS} times in a frame, then jumps.
 */
public final class Interpreter implements Engine {
    /** The kernel's {@code BPF_MAX_LOOPS}: how often a frame's {@code may_goto} instructions fall through. */
    public static final int MAX_LOOPS = 8 * 1024 * 1024;

    private static final String NAME = "interpreter";

    /** Instructions that are counted in an int. */
    private static final int MOST_AT_ONCE = 1 << 30;

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
            try {
                return interpret(context, code, 0, depth, MAX_LOOPS);
            } catch (ProgramFault fault) {
                fault.setRegisters(Arrays.copyOf(context.registers, Instruction.FP + 1));
                throw fault;
            }
        }
    }

    /**
     * Goes on in the middle of a function to its end and gives r0, for code that has run so far elsewhere. Registers are in
     * {@link RunContext#registers}, frames where they are in any engine.
     *
     * @param program one of this engine
     * @param slot of the next instruction
     * @param loops what is left of the frame's {@code may_goto}
     */
    public static long goOn(RunContext context, Executable program, int slot, int loops) {
        long framePointer = context.registers[Instruction.FP];
        int depth = (int) ((context.stackTop - framePointer) / RunContext.STACK_BYTES);
        return interpret(context, ((Interpreted) program).code, slot, depth, loops);
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
        enterFrame(context, code, 0, depth);
    }

    private static void enterFrame(RunContext context, Predecoded code, int function, int depth) {
        long framePointer = context.framePointer(depth);
        context.registers[Instruction.FP] = framePointer;
        if (code.hasFrame[function]) {
            context.frameIsLowest(framePointer);
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
        long stackLow = context.stackLow;
        ProgramRef caller = context.tailedInto;
        enterFrame(context, code, target, depth + 1);
        r[0] = interpret(context, code, target, depth + 1, MAX_LOOPS);
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
        context.stackLow = stackLow;
        context.tailedInto = caller;
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
        context.tailedInto = target;
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
     * <p>Instructions are not counted one by one. There is a slot, {@code stop}, that so many instructions are still to be run
     * before as are not in {@link RunContext#instructionsLeft}; whatever moves {@code pc} by more than the instructions that
     * were run moves it as well. Only a jump asks whether it has been passed, because there is room for all instructions from
     * one jump to the next. When there is not, or somebody watches, each instruction is looked at.
     *
     * <p>One flat switch, and no more than it in the way of an instruction: C2 puts what two cases have in common in front of
     * the switch, for all to pay. So accesses to memory share one case, and those that leave the function another. All of it
     * has to stay far below 8,000 bytes of bytecode: above, HotSpot compiles no method, and what it inlines counts as well.
     */
    private static long interpret(RunContext context, Predecoded start, int entry, int depth, int mayGoto) {
        long[] r = context.registers;
        Predecoded code = start;
        int pc = entry;
        int loops = mayGoto;
        while (true) {
            int spare = spare(context, code);
            boolean watching = spare < 0;
            long[] words = watching ? code.watched : code.words;
            int stop = pc + spare;
            context.instructionsLeft -= spare;
            // nothing in the loop below changes these; it makes no calls, either, so that its state is in registers
            long xdpMd = context.xdpMd;
            long data = context.data;
            long packet = context.dataMeta;
            long packetEnd = context.dataEnd;
            long stack = context.stackLow;
            long stackEnd = context.stackTop;
            long[] known = context.knownRegions();
            int operation;
            control:
            while (true) {
                long word = words[pc];
                pc++;
                operation = Operation.operation(word);
                int d = Operation.dst(word);
                int s = Operation.src(word);
                int off = Operation.off(word);
                long imm = Operation.imm(word);
                // Cases that leave the switch jump.
                switch (operation) {
                    case Operation.ADD64_K -> {
                        r[d] = Alu.add(r[d], imm);
                        continue;
                    }
                    case Operation.ADD64_X -> {
                        r[d] = Alu.add(r[d], r[s]);
                        continue;
                    }
                    case Operation.SUB64_X -> {
                        r[d] = Alu.sub(r[d], r[s]);
                        continue;
                    }
                    case Operation.MUL64_X -> {
                        r[d] = Alu.mul(r[d], r[s]);
                        continue;
                    }
                    case Operation.AND64_K -> {
                        r[d] = Alu.and(r[d], imm);
                        continue;
                    }
                    case Operation.AND64_X -> {
                        r[d] = Alu.and(r[d], r[s]);
                        continue;
                    }
                    case Operation.OR64_X -> {
                        r[d] = Alu.or(r[d], r[s]);
                        continue;
                    }
                    case Operation.XOR64_X -> {
                        r[d] = Alu.xor(r[d], r[s]);
                        continue;
                    }
                    case Operation.LSH64_K -> {
                        r[d] = Alu.lsh(r[d], imm);
                        continue;
                    }
                    case Operation.RSH64_K -> {
                        r[d] = Alu.rsh(r[d], imm);
                        continue;
                    }
                    case Operation.ARSH64_K -> {
                        r[d] = Alu.arsh(r[d], imm);
                        continue;
                    }
                    case Operation.MOV64_K -> {
                        r[d] = Alu.mov(0L, imm);
                        continue;
                    }
                    case Operation.MOV64_X -> {
                        r[d] = Alu.mov(0L, r[s]);
                        continue;
                    }
                    case Operation.ADD32_K -> {
                        r[d] = Alu.add((int) r[d], (int) imm) & LOW;
                        continue;
                    }
                    case Operation.ADD32_X -> {
                        r[d] = Alu.add((int) r[d], (int) r[s]) & LOW;
                        continue;
                    }
                    case Operation.SUB32_X -> {
                        r[d] = Alu.sub((int) r[d], (int) r[s]) & LOW;
                        continue;
                    }
                    case Operation.MUL32_K -> {
                        r[d] = Alu.mul((int) r[d], (int) imm) & LOW;
                        continue;
                    }
                    case Operation.AND32_K -> {
                        r[d] = Alu.and((int) r[d], (int) imm) & LOW;
                        continue;
                    }
                    case Operation.AND32_X -> {
                        r[d] = Alu.and((int) r[d], (int) r[s]) & LOW;
                        continue;
                    }
                    case Operation.OR32_X -> {
                        r[d] = Alu.or((int) r[d], (int) r[s]) & LOW;
                        continue;
                    }
                    case Operation.XOR32_K -> {
                        r[d] = Alu.xor((int) r[d], (int) imm) & LOW;
                        continue;
                    }
                    case Operation.XOR32_X -> {
                        r[d] = Alu.xor((int) r[d], (int) r[s]) & LOW;
                        continue;
                    }
                    case Operation.LSH32_K -> {
                        r[d] = Alu.lsh((int) r[d], (int) imm) & LOW;
                        continue;
                    }
                    case Operation.RSH32_K -> {
                        r[d] = Alu.rsh((int) r[d], (int) imm) & LOW;
                        continue;
                    }
                    case Operation.MOV32_X -> {
                        r[d] = Alu.mov(0, (int) r[s]) & LOW;
                        continue;
                    }
                    case Operation.BE16 -> {
                        r[d] = Alu.bswap16(r[d], 0L);
                        continue;
                    }
                    case Operation.BE32 -> {
                        r[d] = Alu.bswap32(r[d], 0L);
                        continue;
                    }
                    case Operation.MOV32_K, Operation.MOV32_K_EXIT -> {
                        r[d] = Alu.mov(0, (int) imm) & LOW;
                        if (operation == Operation.MOV32_K) {
                            continue;
                        }
                        pc++;
                        operation = Operation.EXIT;
                        break control;
                    }
                    case Operation.LEA, Operation.LEA_JGT -> {
                        long sum = Alu.add(r[s], Operation.imm(words[pc]));
                        pc++;
                        r[d] = sum;
                        if (operation == Operation.LEA) {
                            continue;
                        }
                        long third = words[pc];
                        pc++;
                        if (!Cond.gt(sum, r[Operation.src(third)])) {
                            continue;
                        }
                        off = Operation.off(third);
                    }
                    case Operation.AND32_K_JEQ, Operation.AND32_K_JNE -> {
                        int value = Alu.and((int) r[d], (int) imm);
                        long second = words[pc];
                        pc++;
                        r[d] = value & LOW;
                        if (Cond.eq(value, (int) Operation.imm(second)) != (operation == Operation.AND32_K_JEQ)) {
                            continue;
                        }
                        off = Operation.off(second);
                    }
                    case Operation.LDX_B,
                            Operation.LDX_H,
                            Operation.LDX_W,
                            Operation.LDX_DW,
                            Operation.LDX_B_JEQ,
                            Operation.LDX_H_JEQ,
                            Operation.LDX_B_JNE,
                            Operation.LDX_H_JNE,
                            Operation.ST_B,
                            Operation.ST_H,
                            Operation.ST_W,
                            Operation.ST_DW,
                            Operation.STX_B,
                            Operation.STX_H,
                            Operation.STX_W,
                            Operation.STX_DW -> {
                        long address = r[s] + off;
                        int bytes = Operation.bytes(operation);
                        boolean allowed = address >= packet && address <= packetEnd - bytes
                                || address >= stack && address <= stackEnd - bytes;
                        if (!allowed) {
                            int region = (pc - 1 & RunContext.KNOWN_REGIONS - 1) * RunContext.KNOWN_REGION_LONGS;
                            allowed = address >= known[region]
                                    && address <= known[region + 1] - bytes
                                    && (known[region + 2] != 0 || !Operation.isStore(operation));
                        }
                        if (!allowed) {
                            if (operation != Operation.LDX_W || address - off != xdpMd || !Operation.isBound(off)) {
                                break control;
                            }
                            r[d] = off == 0 ? data : off == Operation.DATA_END ? packetEnd : packet;
                            continue;
                        }
                        switch (operation) {
                            case Operation.LDX_B -> {
                                r[d] = Memory.getByte(address) & 0xffL;
                                continue;
                            }
                            case Operation.LDX_H -> {
                                r[d] = Memory.getShort(address) & 0xffffL;
                                continue;
                            }
                            case Operation.LDX_W -> {
                                r[d] = Memory.getInt(address) & LOW;
                                continue;
                            }
                            case Operation.LDX_DW -> {
                                r[d] = Memory.getLong(address);
                                continue;
                            }
                            case Operation.ST_B, Operation.STX_B -> {
                                Memory.putByte(address, (byte) (operation == Operation.ST_B ? imm : r[d]));
                                continue;
                            }
                            case Operation.ST_H, Operation.STX_H -> {
                                Memory.putShort(address, (short) (operation == Operation.ST_H ? imm : r[d]));
                                continue;
                            }
                            case Operation.ST_W, Operation.STX_W -> {
                                Memory.putInt(address, (int) (operation == Operation.ST_W ? imm : r[d]));
                                continue;
                            }
                            case Operation.ST_DW, Operation.STX_DW -> {
                                Memory.putLong(address, operation == Operation.ST_DW ? imm : r[d]);
                                continue;
                            }
                            default -> {
                                int value =
                                        bytes == 1 ? Memory.getByte(address) & 0xff : Memory.getShort(address) & 0xffff;
                                long second = words[pc];
                                pc++;
                                r[d] = value;
                                if (Cond.eq(value, (int) Operation.imm(second))
                                        != Operation.jumpsWhenEqual(operation)) {
                                    continue;
                                }
                                off = Operation.off(second);
                            }
                        }
                    }
                    case Operation.JA -> {}
                    case Operation.JEQ_K -> {
                        if (!Cond.eq(r[d], imm)) {
                            continue;
                        }
                    }
                    case Operation.JNE_K -> {
                        if (!Cond.ne(r[d], imm)) {
                            continue;
                        }
                    }
                    case Operation.JEQ_X -> {
                        if (!Cond.eq(r[d], r[s])) {
                            continue;
                        }
                    }
                    case Operation.JNE_X -> {
                        if (!Cond.ne(r[d], r[s])) {
                            continue;
                        }
                    }
                    case Operation.JGT_X -> {
                        if (!Cond.gt(r[d], r[s])) {
                            continue;
                        }
                    }
                    case Operation.JGE_X -> {
                        if (!Cond.ge(r[d], r[s])) {
                            continue;
                        }
                    }
                    case Operation.JLT_X -> {
                        if (!Cond.lt(r[d], r[s])) {
                            continue;
                        }
                    }
                    case Operation.JLE_X -> {
                        if (!Cond.le(r[d], r[s])) {
                            continue;
                        }
                    }
                    case Operation.JEQ32_K -> {
                        if (!Cond.eq((int) r[d], (int) imm)) {
                            continue;
                        }
                    }
                    case Operation.JNE32_K -> {
                        if (!Cond.ne((int) r[d], (int) imm)) {
                            continue;
                        }
                    }
                    case Operation.JGT32_K -> {
                        if (!Cond.gt((int) r[d], (int) imm)) {
                            continue;
                        }
                    }
                    case Operation.JLT32_K -> {
                        if (!Cond.lt((int) r[d], (int) imm)) {
                            continue;
                        }
                    }
                    case Operation.JEQ32_X -> {
                        if (!Cond.eq((int) r[d], (int) r[s])) {
                            continue;
                        }
                    }
                    case Operation.JNE32_X -> {
                        if (!Cond.ne((int) r[d], (int) r[s])) {
                            continue;
                        }
                    }
                    case Operation.JGT32_X -> {
                        if (!Cond.gt((int) r[d], (int) r[s])) {
                            continue;
                        }
                    }
                    case Operation.JLE32_X -> {
                        if (!Cond.le((int) r[d], (int) r[s])) {
                            continue;
                        }
                    }
                    case Operation.LDDW -> {
                        r[d] = code.wide[pc - 1];
                        pc++;
                        stop++;
                        continue;
                    }
                    default -> {
                        break control;
                    }
                }
                pc += off;
                stop += off;
                if (pc > stop) {
                    operation = Operation.COUNT;
                    break;
                }
            }
            if (watching && operation != Operation.COUNT) {
                watch(context, code, pc - 1, stop, depth);
            }
            context.instructionsLeft += stop - pc;
            switch (operation) {
                case Operation.COUNT -> {}
                case Operation.EXIT -> {
                    return r[0];
                }
                case Operation.CALL, Operation.CALL_KFUNC -> {
                    r[0] = code.callHelper(context, pc - 1);
                    if (context.tailTarget != null) {
                        if (!(context.tailTarget instanceof Interpreted target)) {
                            return tailCallElsewhere(context, depth, pc - 1);
                        }
                        context.tailTarget = null;
                        context.tailedInto = target;
                        code = target.code;
                        loops = MAX_LOOPS;
                        enter(context, code, depth, context.xdpMd, 0);
                        pc = 0;
                    }
                }
                case Operation.CALL_LOCAL, Operation.CALLX ->
                    callFunction(context, code, code.target(pc - 1, r), depth, pc - 1);
                case Operation.MAY_GOTO -> pc += loops-- > 0 ? 0 : Operation.off(words[pc - 1]);
                default -> pc = SingleStep.run(context, code, pc - 1);
            }
        }
    }

    /** How many instructions may run before the next look at the limit; -1 when each has to be looked at. */
    private static int spare(RunContext context, Predecoded code) {
        long most = context.instructionsLeft - code.words.length;
        return context.steps != null || most < 0 ? -1 : (int) Math.min(most, MOST_AT_ONCE);
    }

    /** What comes before each instruction of code that is looked at. */
    private static void watch(RunContext context, Predecoded code, int pc, int stop, int depth) {
        if (context.instructionsLeft + stop - pc <= 0) {
            throw limitReached(context, pc);
        }
        StepSink steps = context.steps;
        if (steps != null) {
            steps.step(code.programId, pc, depth, context.registers);
        }
    }
}
