package dev.sluice.object;

/** The program types that matter here. */
public enum ProgramType {
    /** The section's name says nothing: it is what the user says. */
    UNSPECIFIED(0),
    XDP(6),
    /** Replaces a function of another program ({@code freplace}). */
    EXT(28);

    private final int number;

    ProgramType(int number) {
        this.number = number;
    }

    /** The number in {@code enum bpf_prog_type}. */
    public int number() {
        return number;
    }
}
