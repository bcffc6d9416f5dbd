package dev.sluice.conformance.fuzz;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Makes a program that shows a difference as small as it gets, by leaving out runs of instructions. */
final class Shrinker {
    private Shrinker() {}

    /**
     * @param shows whether a smaller program is still valid and still shows the difference
     */
    static Code shrink(Code code, Predicate<Code> shows) {
        Code best = code;
        for (int run = best.size() / 2; run >= 1; run /= 2) {
            boolean smaller = true;
            while (smaller) {
                smaller = false;
                for (int start = best.size() - run; start >= 0; start--) {
                    Code without = without(best, start, start + run);
                    if (without != null && shows.test(without)) {
                        best = without;
                        smaller = true;
                        start = Math.min(start, best.size() - run + 1);
                    }
                }
            }
        }
        return best;
    }

    /** The code without the instructions of some slots; jumps to them go to what follows. Null where that is no code. */
    static @Nullable Code without(Code code, int from, int to) {
        int[] moved = new int[code.size() + 1];
        int next = 0;
        for (int slot = 0; slot < code.size(); slot++) {
            moved[slot] = next;
            boolean half = code.at(slot) == null;
            int owner = half ? slot - 1 : slot;
            if (owner < from || owner >= to) {
                next++;
            }
        }
        moved[code.size()] = next;
        List<Instruction> kept = new ArrayList<>();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn == null || slot >= from && slot < to) {
                continue;
            }
            kept.add(retarget(insn, slot, moved));
        }
        boolean ends = !kept.isEmpty() && !kept.getLast().form().fallsThrough();
        return ends ? Code.of(kept) : null;
    }

    private static Instruction retarget(Instruction insn, int slot, int[] moved) {
        boolean jumps = insn.form().isJump()
                || insn.form() == Form.CALL_LOCAL
                || insn.form() == Form.LDDW && insn.pseudo() == Pseudo.FUNC;
        if (!jumps) {
            return insn;
        }
        int distance = moved[insn.target(slot)] - moved[slot] - 1;
        return Arrays.asList(Form.GOTOL, Form.CALL_LOCAL, Form.LDDW).contains(insn.form())
                ? insn.withImm(insn.form() == Form.LDDW ? distance & 0xffff_ffffL : distance)
                : new Instruction(insn.opcode(), insn.dst(), insn.src(), distance, insn.imm());
    }
}
