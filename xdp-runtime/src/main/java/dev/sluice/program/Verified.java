package dev.sluice.program;

/**
 * A program that was proved safe, and what was proved of it: the only thing that an engine without checks takes. Comes from
 * {@link Facts#verified} alone, and facts come from the verifier alone. Immutable.
 *
 * <p>The proof holds in a runtime whose maps are like those that the object describes, with as many CPUs as the verifier was
 * told, at most.
 */
public final class Verified {
    private final Program program;
    private final Facts facts;

    Verified(Program program, Facts facts) {
        this.program = program;
        this.facts = facts;
    }

    /** The program. */
    public Program program() {
        return program;
    }

    /** What was proved; its slots are those of {@link #program}. */
    public Facts facts() {
        return facts;
    }
}
