package dev.sluice.verifier;

/**
 * The verifier's log, as the kernel writes it. At level 1 what was written since a branch is taken back when the path that
 * it began has ended well, so that a rejection shows one path. Owned by one verification.
 */
final class Log {
    /** Where the state behind an instruction begins, at least. */
    private static final int STATE_COLUMN = 40;

    private static final int COLUMN_STEP = 8;

    /** Of a longer log the end is kept. */
    private static final int MAX_CHARS = 1 << 24;

    private final int level;
    private final StringBuilder text = new StringBuilder();

    /** Characters of the beginning that are gone. */
    private long dropped;

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
        dropBeginning();
    }

    private void dropBeginning() {
        if (text.length() > MAX_CHARS) {
            int cut = text.indexOf("\n", MAX_CHARS / 2) + 1;
            text.delete(0, cut);
            dropped += cut;
            lineEnd -= cut;
        }
    }

    long position() {
        return dropped + text.length();
    }

    void cutTo(long position) {
        if (position < position()) {
            text.setLength((int) Math.max(0, position - dropped));
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
        return dropped == 0 ? text.toString() : "(the beginning of the log is left out)\n" + text;
    }
}
