package dev.sluice.exec;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Pseudo;
import dev.sluice.program.Program;
import dev.sluice.program.Subprogram;
import java.util.BitSet;

/**
 * What every engine demands of a program before it runs it, verified or not: control stays inside its function, calls
 * go to the beginning of functions, nothing writes r10. It is the part of the kernel's verifier that needs no analysis.
 */
public final class Structure {
    /** The kernel's {@code BPF_MAX_SUBPROGS}. */
    public static final int MAX_FUNCTIONS = 256;

    private Structure() {}

    /**
     * Checks a program.
     *
     * @throws MalformedCodeException that names the first slot at fault, in the kernel's words where it has some
     */
    public static void check(Program program) {
        Code code = program.code();
        if (code.size() == 0) {
            throw new MalformedCodeException(0, "no instructions: expected at least exit");
        }
        if (program.subprograms().size() > MAX_FUNCTIONS) {
            throw new MalformedCodeException(
                    program.subprograms().get(MAX_FUNCTIONS).start(),
                    "too many subprograms: expected at most " + MAX_FUNCTIONS + ", found="
                            + program.subprograms().size());
        }
        BitSet functions = new BitSet();
        int covered = 0;
        for (Subprogram function : program.subprograms()) {
            if (function.start() != covered || function.end() <= covered || !code.isTarget(function.start())) {
                throw new MalformedCodeException(
                        function.start(),
                        "functions must cover the code in order: expected start=" + covered + ", found start="
                                + function.start() + " end=" + function.end());
            }
            covered = function.end();
            functions.set(function.start());
        }
        if (covered != code.size()) {
            throw new MalformedCodeException(
                    covered, "functions must cover the code: expected end=" + code.size() + ", found end=" + covered);
        }
        for (Subprogram function : program.subprograms()) {
            check(code, function, functions);
        }
    }

    private static void check(Code code, Subprogram function, BitSet functions) {
        Instruction last = null;
        int lastSlot = function.start();
        for (int slot = function.start(); slot < function.end(); slot++) {
            Instruction insn = code.at(slot);
            if (insn == null) {
                continue;
            }
            if (insn.slots() == 2 && slot + 2 > function.end()) {
                throw new MalformedCodeException(slot, "function " + function.name() + " ends inside an lddw");
            }
            last = insn;
            lastSlot = slot;
            if (insn.form().isJump()) {
                int target = insn.target(slot);
                if (target < function.start() || target >= function.end()) {
                    throw new MalformedCodeException(slot, "jump out of range from insn " + slot + " to " + target);
                }
                if (!code.isTarget(target)) {
                    throw new MalformedCodeException(
                            slot, "jump into the middle of ldimm64 insn " + (target - 1) + " from insn " + slot);
                }
            } else if (insn.form() == Form.CALL_LOCAL || insn.form() == Form.LDDW && insn.pseudo() == Pseudo.FUNC) {
                int target = insn.target(slot);
                if (target < 0 || !functions.get(target)) {
                    throw new MalformedCodeException(
                            slot, "call to invalid destination: expected a function's start, target=" + target);
                }
            } else if (insn.form() == Form.LD_ABS || insn.form() == Form.LD_IND) {
                throw new MalformedCodeException(
                        slot, "legacy packet access is not supported for XDP programs: BPF_LD_[ABS|IND]");
            }
            if (insn.dst() == Instruction.FP && writesDst(insn.form())
                    || insn.src() == Instruction.FP
                            && insn.form() == Form.ATOMIC
                            && insn.opcode().fetches()) {
                throw new MalformedCodeException(slot, "frame pointer is read only");
            }
        }
        if (last == null || last.form().fallsThrough()) {
            throw new MalformedCodeException(
                    lastSlot,
                    "last insn is not an exit or jmp: function " + function.name() + " would run into what follows");
        }
    }

    private static boolean writesDst(Form form) {
        return switch (form) {
            case ALU_K, ALU_X, UNARY, MOVSX, LDDW, LDX, LDXSX, LOAD_ACQ -> true;
            case JMP_K,
                    JMP_X,
                    JA,
                    GOTOL,
                    MAY_GOTO,
                    CALL_HELPER,
                    CALL_LOCAL,
                    CALL_KFUNC,
                    CALLX,
                    EXIT,
                    LD_ABS,
                    LD_IND,
                    ST,
                    STX,
                    ATOMIC,
                    STORE_REL -> false;
        };
    }
}
