package dev.sluice.verifier;

import dev.sluice.program.Facts;
import dev.sluice.program.SourceLine;

/** What the verifier says of a program. Immutable. */
public sealed interface Verdict {
    /** The log at the level that was asked for, in the kernel's form; ends without a line end. */
    String log();

    /** How much work it was. */
    Statistics statistics();

    /** Accepted: it may run without checks. */
    record Verified(Subject subject, Facts facts, String log, Statistics statistics) implements Verdict {}

    /**
     * Refused.
     *
     * @param message the last line of what is wrong, in the kernel's words
     * @param insn the slot where the path ended; -1 where no path was walked
     * @param path the last branches that lead there, of those that could have gone either way
     */
    record Rejected(String message, int insn, java.util.List<Step> path, String log, Statistics statistics)
            implements Verdict {}

    /**
     * A branch on the way to a rejection.
     *
     * @param insn its slot
     * @param line the source line that it belongs to; null if not known
     * @param text the instruction
     * @param holds whether its condition holds on the path
     * @param learnt what is known for that; empty if nothing
     */
    record Step(int insn, SourceLine line, String text, boolean holds, String learnt) {
        /** One line: where, what, and what follows. */
        @Override
        public String toString() {
            String where = line == null
                    ? insn + ": " + text
                    : line.file().substring(line.file().lastIndexOf('/') + 1) + ":" + line.line() + ": " + line.text();
            // a compiler may have turned the condition round, so that only the instruction says which way
            return where + "  [" + insn + ": " + (holds ? "jumps" : "goes on")
                    + (learnt.isEmpty() ? "]" : ", " + learnt + "]");
        }
    }

    /** It uses what this verifier does not know: neither accepted nor the program's fault. */
    record Unsupported(String why, int insn, String log, Statistics statistics) implements Verdict {}

    /**
     * How much work it was.
     *
     * @param processed instructions along all paths
     * @param totalStates states put aside
     * @param peakStates most of them at a time
     * @param maxStatesPerInsn most of them at one instruction
     * @param stackBytes of the deepest stack of each function, in the order of functions
     */
    record Statistics(
            int processed, int totalStates, int peakStates, int maxStatesPerInsn, java.util.List<Integer> stackBytes) {
        /** The line that ends the kernel's log. */
        public String line() {
            return "processed " + processed + " insns (limit 1000000) max_states_per_insn " + maxStatesPerInsn
                    + " total_states " + totalStates + " peak_states " + peakStates + " mark_read 0";
        }
    }
}
