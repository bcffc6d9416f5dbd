package dev.sluice;

import dev.sluice.helper.RunContext;
import dev.sluice.helper.TraceSink;
import java.util.ArrayList;
import java.util.List;

/** Keeps the first lines that programs print, and counts the others. Any thread. */
public final class TraceLog implements TraceSink {
    /**
     * A line of the trace.
     *
     * @param nanos of the clock that programs see
     */
    public record Line(int cpu, long nanos, String text) {}

    private final int limit;
    private final List<Line> lines = new ArrayList<>();
    private long total;

    /** @param limit lines to keep */
    public TraceLog(int limit) {
        this.limit = limit;
    }

    @Override
    public synchronized void line(RunContext context, String line) {
        total++;
        if (lines.size() < limit) {
            lines.add(new Line(context.cpu, context.clock.nanos(), line));
        }
    }

    /** The lines that were kept, oldest first. */
    public synchronized List<Line> lines() {
        return List.copyOf(lines);
    }

    /** All lines, kept or not. */
    public synchronized long total() {
        return total;
    }
}
