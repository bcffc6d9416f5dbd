package dev.sluice.program;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Pseudo;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A linked program: an immutable value.
 *
 * @param name the entry function's name
 * @param tag the kernel's tag, 16 hexadecimal digits
 * @param code all functions, the entry function first
 * @param subprograms in order of their start; the first is the entry function and begins at slot 0
 * @param lines line records in order of their slots; empty when the object has none
 * @param gplCompatible whether its license lets it call GPL-only helpers
 * @param frags whether it takes multi-buffer packets ({@code xdp.frags})
 */
public record Program(
        String name,
        String tag,
        Code code,
        List<Subprogram> subprograms,
        List<SourceLine> lines,
        boolean gplCompatible,
        boolean frags) {

    public Program {
        subprograms = List.copyOf(subprograms);
        lines = List.copyOf(lines);
    }

    /** A program of bare instructions, as {@code sluice exec} and tests run them. */
    public static Program ofCode(String name, Code code) {
        return new Program(name, "", code, findSubprograms(code), List.of(), true, false);
    }

    /** The functions of a code, found by the targets of its calls and function pointers. */
    public static List<Subprogram> findSubprograms(Code code) {
        TreeSet<Integer> starts = new TreeSet<>();
        starts.add(0);
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null
                    && (insn.form() == Form.CALL_LOCAL || insn.form() == Form.LDDW && insn.pseudo() == Pseudo.FUNC)) {
                int target = insn.target(slot);
                if (!code.isTarget(target)) {
                    throw new MalformedCodeException(
                            slot,
                            "call to invalid destination: expected slot 0 to " + (code.size() - 1) + ", target="
                                    + target);
                }
                starts.add(target);
            }
        }
        List<Integer> sorted = new ArrayList<>(starts);
        List<Subprogram> found = new ArrayList<>();
        for (int i = 0; i < sorted.size(); i++) {
            int start = sorted.get(i);
            int end = i + 1 < sorted.size() ? sorted.get(i + 1) : code.size();
            found.add(new Subprogram("F" + start, start, end));
        }
        return found;
    }

    /** The line record that a slot belongs to, or null. */
    public @Nullable SourceLine lineAt(int slot) {
        @Nullable SourceLine found = null;
        for (SourceLine line : lines) {
            if (line.slot() > slot) {
                break;
            }
            found = line;
        }
        return found;
    }
}
