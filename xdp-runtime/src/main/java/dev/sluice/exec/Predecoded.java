package dev.sluice.exec;

import dev.sluice.helper.Callbacks;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.program.Program;
import dev.sluice.program.Subprogram;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * A program as the interpreter reads it: arrays by slot, of the words that {@link Operation} describes.
 */
final class Predecoded implements Callbacks {
    private final Program program;
    final int programId;
    final Opcode[] opcodes;

    /** Sequences where there are any; the instructions in them can be jumped to all the same. */
    final long[] words;

    /** The same without sequences, every instruction that the loop need not run itself being a single step. */
    final long[] watched;

    /** The 64-bit constants of {@code lddw}, by slot. */
    final long[] wide;

    /** Whether any instruction of the function that begins at a slot names r10: if not, it has no frame. */
    final boolean[] hasFrame;

    private final Callee[] callees;
    private final BitSet functions = new BitSet();

    /** Functions that the program calls or takes the address of. */
    private final BitSet called = new BitSet();

    Predecoded(Program program, int programId) {
        this.program = program;
        this.programId = programId;
        Code code = program.code();
        int size = code.size();
        opcodes = new Opcode[size];
        words = new long[size];
        wide = new long[size];
        callees = new Callee[size];
        watched = new long[size];
        hasFrame = new boolean[size];
        int function = 0;
        for (Subprogram subprogram : program.subprograms()) {
            functions.set(subprogram.start());
        }
        for (int slot = 0; slot < size; slot++) {
            Instruction insn = code.at(slot);
            if (insn == null) {
                continue;
            }
            function = functions.get(slot) ? slot : function;
            opcodes[slot] = insn.opcode();
            int src = insn.hasSrcRegister() ? insn.src() : 0;
            int operation = Operation.of(insn.opcode());
            watched[slot] = Operation.word(Operation.watched(operation), insn.dst(), src, insn.off(), insn.imm());
            boolean swapped = Operation.isStore(operation);
            words[slot] = Operation.word(
                    Operation.fused(operation, insn, at(code, slot + 1), at(code, slot + 2)),
                    swapped ? src : insn.dst(),
                    swapped ? insn.dst() : src,
                    insn.off(),
                    insn.imm());
            hasFrame[function] |= insn.names(Instruction.FP);
            if (insn.form() == Form.CALL_LOCAL || insn.form() == Form.LDDW && insn.pseudo() == Pseudo.FUNC) {
                called.set(insn.target(slot));
            }
            if (insn.form() == Form.LDDW) {
                wide[slot] = insn.pseudo() == Pseudo.FUNC ? FunctionPointer.of(insn.target(slot)) : insn.imm();
            } else if (insn.form() == Form.CALL_HELPER) {
                callees[slot] = Helper.callable(insn.imm32());
            } else if (insn.form() == Form.CALL_KFUNC) {
                callees[slot] = Kfunc.callable(insn.imm32());
            }
        }
    }

    private static @Nullable Instruction at(Code code, int slot) {
        return slot < code.size() ? code.at(slot) : null;
    }

    /** Calls the helper or kernel function that the instruction at a slot names, and gives r0. */
    long callHelper(RunContext context, int pc) {
        Callee callee = callees[pc];
        if (callee == null) {
            int number = (int) Operation.imm(words[pc]);
            throw new ProgramFault(
                    ProgramFault.Kind.UNKNOWN_HELPER,
                    pc,
                    opcodes[pc] == Opcode.CALL ? Helper.describeMissing(number) : Kfunc.describeMissing(number));
        }
        long[] r = context.registers;
        if (callee.takesFunction()) {
            context.callbacks = this;
            context.callbackFrame = r[Instruction.FP];
            context.callbackPc = pc;
        }
        return Checks.helper(context, callee, r[1], r[2], r[3], r[4], r[5], pc);
    }

    @Override
    public long call(
            RunContext context, long callerFrame, long function, int pc, long r1, long r2, long r3, long r4, long r5) {
        int slot = FunctionPointer.slotOf(function);
        if (slot < 0 || !called.get(slot)) {
            throw new ProgramFault(
                    ProgramFault.Kind.BAD_CALL_TARGET,
                    pc,
                    "expected the address of a function of this program, address=" + Checks.hex(function));
        }
        try {
            return Interpreter.callBack(context, this, slot, callerFrame, pc, r1, r2, r3, r4, r5);
        } catch (ProgramFault fault) {
            fault.setRegisters(Arrays.copyOf(context.registers, Instruction.FP + 1));
            throw fault.in(program);
        }
    }

    /**
     * The slot of the function that the instruction at a slot calls.
     *
     * @param registers hold the address that a {@code callx} calls
     */
    int target(int pc, long[] registers) {
        long word = watched[pc];
        if (opcodes[pc] == Opcode.CALL_LOCAL) {
            return pc + 1 + (int) Operation.imm(word);
        }
        long address = registers[Operation.dst(word)];
        int slot = FunctionPointer.slotOf(address);
        if (slot < 0 || !functions.get(slot)) {
            throw new ProgramFault(
                    ProgramFault.Kind.BAD_CALL_TARGET,
                    pc,
                    "callx expected the address of a function of this program, address=" + Checks.hex(address));
        }
        return slot;
    }
}
