package dev.sluice.program;

/**
 * A function of a linked program.
 *
 * @param name the C function's name; {@code "F"} and the slot where the object does not say
 * @param start its first slot
 * @param end the slot behind its last
 */
public record Subprogram(String name, int start, int end) {}
