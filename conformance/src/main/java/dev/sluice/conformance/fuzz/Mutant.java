package dev.sluice.conformance.fuzz;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.program.Program;
import java.util.ArrayList;
import java.util.List;

/**
 * An engine with one mistake: it takes one operation for another. What the fuzzer is worth shows in how soon it finds
 * that out.
 *
 * @param engine that is otherwise right
 * @param right the operation that is mistaken
 * @param wrong what it is taken for
 */
record Mutant(Engine engine, Opcode right, Opcode wrong) implements Engine {
    /** A mistake in every operation that has a like one: the next row of the table that has the same shape. */
    static List<Mutant> all(Engine engine) {
        List<Mutant> mutants = new ArrayList<>();
        Opcode[] rows = Opcode.values();
        for (Opcode right : rows) {
            for (int i = 1; i < rows.length; i++) {
                Opcode other = rows[(right.ordinal() + i) % rows.length];
                if (other.form() == right.form() && canReplace(right, other)) {
                    mutants.add(new Mutant(engine, right, other));
                    break;
                }
            }
        }
        return mutants;
    }

    private static boolean canReplace(Opcode right, Opcode wrong) {
        return switch (right.form()) {
            case ALU_K, ALU_X, MOVSX, UNARY, JMP_K, JMP_X, LDX, LDXSX, ST, STX -> true;
            // a wider access would be unaligned; one that fetches changes another register
            case ATOMIC -> right.width() == wrong.width() && right.fetches() == wrong.fetches();
            case LOAD_ACQ, STORE_REL ->
                wrong.width().bytes() < right.width().bytes() || right.width().bytes() == 1;
            case JA, GOTOL, MAY_GOTO, CALL_HELPER, CALL_LOCAL, CALL_KFUNC, CALLX, EXIT, LDDW, LD_ABS, LD_IND -> false;
        };
    }

    @Override
    public String name() {
        return engine.name() + " with " + right + " as " + wrong;
    }

    @Override
    public Executable load(Program program, int programId) {
        List<Instruction> mistaken = new ArrayList<>();
        for (int slot = 0; slot < program.code().size(); slot++) {
            Instruction insn = program.code().at(slot);
            if (insn != null) {
                mistaken.add(insn.opcode() == right ? mistake(insn) : insn);
            }
        }
        return engine.load(Program.ofCode(program.name(), Code.of(mistaken)), programId);
    }

    private Instruction mistake(Instruction insn) {
        int off = insn.form() == Form.ALU_K || insn.form() == Form.ALU_X || insn.form() == Form.MOVSX
                ? wrong.fixedOffset()
                : insn.off();
        boolean immIsOperation = wrong.fixedImm() != right.fixedImm();
        return new Instruction(wrong, insn.dst(), insn.src(), off, immIsOperation ? wrong.fixedImm() : insn.imm());
    }
}
