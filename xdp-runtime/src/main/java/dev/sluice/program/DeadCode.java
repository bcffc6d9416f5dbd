package dev.sluice.program;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Removes what no path comes by, in the same steps as Linux, so that the same instructions survive:
 *
 * <ol>
 *   <li>a conditional jump with only one way on that is reached becomes a jump to there;
 *   <li>slots that are not reached go, and functions that have none left;
 *   <li>jumps that now go to the next instruction go, from the first to the last, once.
 * </ol>
 *
 * <p>Source lines move with their instructions. A line all of whose instructions go is lost, but for the last one before an
 * instruction that begins no line of its own: that instruction takes it.
 */
final class DeadCode {
    private final Program program;
    private final Instruction[] insns;
    private final boolean[] kept;
    private final List<SourceLine> lines;

    private DeadCode(Program program, Facts facts) {
        this.program = program;
        Code code = program.code();
        insns = new Instruction[code.size()];
        kept = new boolean[code.size()];
        lines = new ArrayList<>(program.lines());
        for (int slot = 0; slot < code.size(); slot++) {
            insns[slot] = code.at(slot);
            kept[slot] = facts.isReached(slot);
        }
    }

    /** The program without its dead code, its facts by its own slots, and where each slot was before. */
    static Trimmed trim(Program program, Facts facts) {
        DeadCode work = new DeadCode(program, facts);
        work.decideJumps();
        work.removeUnreached();
        work.removeJumpsToNext();
        return work.result(facts);
    }

    private void decideJumps() {
        for (int slot = 0; slot < insns.length; slot++) {
            Instruction insn = insns[slot];
            if (insn == null || !kept[slot] || !insn.form().isConditional()) {
                continue;
            }
            if (!kept[slot + 1]) {
                insns[slot] = jump(insn.off());
            } else if (!kept[insn.target(slot)]) {
                insns[slot] = jump(0);
            }
        }
    }

    private static Instruction jump(int off) {
        return new Instruction(Opcode.JA, 0, 0, off, 0);
    }

    private void removeUnreached() {
        int slot = 0;
        while (slot < kept.length) {
            int end = slot;
            while (end < kept.length && !kept[end]) {
                end++;
            }
            if (end > slot) {
                moveLines(slot, end);
            }
            slot = end + 1;
        }
    }

    private void removeJumpsToNext() {
        int slot = next(0);
        while (slot < kept.length) {
            Instruction insn = insns[slot];
            boolean mayGoto = insn != null && insn.form() == Form.MAY_GOTO;
            int following = next(slot + 1);
            if (insn != null
                    && (mayGoto || insn.form() == Form.JA)
                    && next(insn.target(slot)) == following
                    && insn.target(slot) > slot) {
                kept[slot] = false;
                moveLines(slot, following);
                int before = previous(slot);
                // a may_goto over the one that went may go as well now
                slot = mayGoto && before >= 0 ? before : following;
            } else {
                slot = following;
            }
        }
    }

    /** The first slot from here on that stays; the code's size if there is none. */
    private int next(int from) {
        int slot = from;
        while (slot < kept.length && !kept[slot]) {
            slot++;
        }
        return slot;
    }

    private int previous(int from) {
        int slot = from - 1;
        while (slot >= 0 && !kept[slot]) {
            slot--;
        }
        return slot;
    }

    /** Slots from {@code from} on have gone; {@code next} is the first that stays. */
    private void moveLines(int from, int next) {
        int first = 0;
        while (first < lines.size() && lines.get(first).slot() < from) {
            first++;
        }
        int end = first;
        while (end < lines.size() && lines.get(end).slot() < next) {
            end++;
        }
        if (end == first) {
            return;
        }
        boolean taken = end < lines.size() && lines.get(end).slot() == next;
        if (!taken) {
            end--;
            lines.set(end, lines.get(end).at(next));
        }
        lines.subList(first, end).clear();
    }

    private Trimmed result(Facts facts) {
        int[] place = new int[kept.length + 1];
        int[] origins = new int[kept.length];
        int size = 0;
        for (int slot = 0; slot < kept.length; slot++) {
            place[slot] = size;
            if (kept[slot]) {
                origins[size++] = slot;
            }
        }
        place[kept.length] = size;
        origins = Arrays.copyOf(origins, size);
        List<Instruction> code = new ArrayList<>();
        for (int slot = 0; slot < kept.length; slot++) {
            Instruction insn = insns[slot];
            if (kept[slot] && insn != null) {
                code.add(moved(insn, slot, place));
            }
        }
        List<Subprogram> subprograms = new ArrayList<>();
        for (Subprogram function : program.subprograms()) {
            int start = place[function.start()];
            int end = place[function.end()];
            if (end > start) {
                subprograms.add(new Subprogram(function.name(), start, end));
            }
        }
        List<SourceLine> moved = new ArrayList<>();
        for (SourceLine line : lines) {
            if (line.slot() < kept.length) {
                moved.add(line.at(place[line.slot()]));
            }
        }
        Program trimmed = new Program(
                program.name(),
                program.tag(),
                Code.of(code),
                subprograms,
                moved,
                program.gplCompatible(),
                program.frags());
        return new Trimmed(trimmed, facts.select(trimmed.code(), origins), origins);
    }

    private Instruction moved(Instruction insn, int slot, int[] place) {
        return switch (insn.form()) {
            case JMP_K, JMP_X, JA, MAY_GOTO ->
                new Instruction(
                        insn.opcode(), insn.dst(), insn.src(), place[insn.target(slot)] - place[slot] - 1, insn.imm());
            case GOTOL, CALL_LOCAL -> insn.withImm(place[insn.target(slot)] - place[slot] - 1L);
            case LDDW -> insn.pseudo() == Pseudo.FUNC ? functionPointer(insn, slot, place) : insn;
            case ALU_K,
                    ALU_X,
                    UNARY,
                    MOVSX,
                    CALL_HELPER,
                    CALL_KFUNC,
                    CALLX,
                    EXIT,
                    LD_ABS,
                    LD_IND,
                    LDX,
                    LDXSX,
                    ST,
                    STX,
                    ATOMIC,
                    LOAD_ACQ,
                    STORE_REL -> insn;
        };
    }

    /** A function that is never called may have gone; then nobody asks for its address either. */
    private Instruction functionPointer(Instruction insn, int slot, int[] place) {
        int target = insn.target(slot);
        if (!kept[target]) {
            return new Instruction(insn.opcode(), insn.dst(), 0, 0, 0);
        }
        return insn.withImm(place[target] - place[slot] - 1L & 0xffff_ffffL);
    }
}
