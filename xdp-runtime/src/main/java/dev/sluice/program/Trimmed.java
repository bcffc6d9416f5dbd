package dev.sluice.program;

/** A program without its dead code. Immutable. */
public final class Trimmed {
    private final Program program;
    private final Facts facts;
    private final int[] origins;

    Trimmed(Program program, Facts facts, int[] origins) {
        this.program = program;
        this.facts = facts;
        this.origins = origins;
    }

    /** What is left. */
    public Program program() {
        return program;
    }

    /** What was proved, by the slots of {@link #program}. */
    public Facts facts() {
        return facts;
    }

    /** The slot that an instruction had in the program with its dead code. */
    public int originOf(int slot) {
        return origins[slot];
    }
}
