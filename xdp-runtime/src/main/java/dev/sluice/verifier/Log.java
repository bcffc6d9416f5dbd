package dev.sluice.verifier;

/**
 * The verifier's log, as the kernel writes it. At level 1 what was written since a branch is taken back when the path that
 * it began has ended well, so that a rejection shows one path. Owned by one verification.
 */
final class Log {
    /** Where the state behind an instruction begins, at least. */
    private static final int STATE_COLUMN = 40;

    private static final int COLUMN_STEP = 8;

    private final int level;
    private final StringBuilder text = new StringBuilder();

    /** Where an instruction's line ended, if nothing was written since. */
    private int lineEnd = -1;

    private int lineChars;

    Log(int level) {
        this.level = level;
    }

    /** Whether instructions and states are written. */
    boolean isOn() {
        return level > 0;
    }

    /** Whether all paths stay in the log. */
    boolean isDetailed() {
        return level > 1;
    }

    void add(String more) {
        text.append(more);
    }

    void line(String more) {
        text.append(more).append('\n');
    }

    int position() {
        return text.length();
    }

    void cutTo(int position) {
        if (position < text.length()) {
            text.setLength(position);
        }
    }

    /** An instruction's line, behind which its state can be written. */
    void instruction(String line) {
        text.append(line).append('\n');
        lineEnd = text.length();
        lineChars = line.length() + 1;
    }

    /** A state: behind the instruction just written, or on a line of its own. */
    void state(int slot, String state) {
        if (lineEnd == text.length()) {
            text.setLength(lineEnd - 1);
            int column = Math.max(lineChars + COLUMN_STEP / 2, STATE_COLUMN);
            int rounded = (column + COLUMN_STEP - 1) / COLUMN_STEP * COLUMN_STEP;
            text.append(" ".repeat(rounded - lineChars - 1)).append(';');
        } else {
            text.append(slot).append(':');
        }
        text.append(state).append('\n');
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
