package dev.sluice.program;

/**
 * A line record of {@code .BTF.ext}: from this slot on (to the next record) the code comes from this source line.
 *
 * @param slot first slot, counted from the linked program's start
 * @param file the file's name as the compiler wrote it
 * @param text the line's text, without its indentation
 * @param line from 1
 * @param column from 1
 */
public record SourceLine(int slot, String file, String text, int line, int column) {
    /** The same line from another slot on. */
    SourceLine at(int newSlot) {
        return new SourceLine(newSlot, file, text, line, column);
    }
}
