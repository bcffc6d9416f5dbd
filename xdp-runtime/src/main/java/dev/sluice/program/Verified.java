package dev.sluice.program;

/**
 * A program that was proved safe, and what was proved of it: the only thing that an engine without checks takes. Comes from
 * {@link Facts#verified} alone, and facts come from the verifier alone. Immutable.
 *
 * <p>The proof holds in a runtime whose maps are like those that the object describes, with as many CPUs as the verifier was
 * told, at most.
 */
public final class Verified {
    private final Trimmed trimmed;

    Verified(Trimmed trimmed) {
        this.trimmed = trimmed;
    }

    /** The program, without the dead code that it had. */
    public Program program() {
        return trimmed.program();
    }

    /** What was proved; its slots are those of {@link #program}. */
    public Facts facts() {
        return trimmed.facts();
    }

    /** The slot that an instruction had when the program was linked. */
    public int originOf(int slot) {
        return trimmed.originOf(slot);
    }
}
