package dev.sluice.map;

/**
 * A loaded program, as far as a map that holds programs must know it. Engines implement it; they alone cast it back.
 */
public interface ProgramRef {
    /** The program's id, above 0. */
    int programId();
}
