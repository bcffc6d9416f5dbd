package dev.sluice.cli;

import dev.sluice.packet.Progress;
import java.io.PrintStream;

/** One line on a terminal that is written again and again, and gone at the end. */
final class ProgressBar implements Progress, AutoCloseable {
    private static final int WIDTH = 30;
    private static final String CLEAR = "\r\u001b[K";

    private final boolean shown;
    private final PrintStream err = System.err;
    private final long start = System.nanoTime();
    private boolean drawn;

    private ProgressBar(boolean shown) {
        this.shown = shown;
    }

    /** @param hidden shows nothing even on a terminal */
    static ProgressBar onTerminal(boolean hidden) {
        boolean terminal = System.console() != null && System.console().isTerminal();
        return new ProgressBar(terminal && !hidden);
    }

    @Override
    public void update(long packets, long position, long size) {
        if (!shown) {
            return;
        }
        drawn = true;
        double seconds = (System.nanoTime() - start) / 1e9;
        StringBuilder line = new StringBuilder(CLEAR);
        if (size > 0) {
            double part = Math.min(1, (double) position / size);
            int full = (int) (part * WIDTH);
            line.append('[').repeat("#", full).repeat(".", WIDTH - full).append("] ");
            line.append(String.format(java.util.Locale.ROOT, "%3.0f %%  ", 100 * part));
        }
        line.append(Quantity.count(packets)).append(" packets, ");
        line.append(Quantity.scaled(packets / Math.max(seconds, 1e-3))).append("packets/s");
        err.print(line);
        err.flush();
    }

    @Override
    public void close() {
        if (drawn) {
            err.print(CLEAR);
            err.flush();
        }
    }
}
