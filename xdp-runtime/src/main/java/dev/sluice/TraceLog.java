package dev.sluice;

import dev.sluice.helper.RunContext;
import dev.sluice.helper.TraceSink;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

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
    private final List<Consumer<Line>> followers = new CopyOnWriteArrayList<>();
    private long total;

    /** @param limit lines to keep */
    public TraceLog(int limit) {
        this.limit = limit;
    }

    @Override
    public synchronized void line(RunContext context, String line) {
        total++;
        boolean kept = lines.size() < limit;
        if (kept || !followers.isEmpty()) {
            Line made = new Line(context.cpu, context.clock.nanos(), line);
            if (kept) {
                lines.add(made);
            }
            followers.forEach(follower -> follower.accept(made));
        }
    }

    /**
     * Gives each line that is printed from now on to a follower, on the printing program's thread: it must not wait.
     *
     * @return the lines that were kept before the first one that it gets
     */
    public synchronized List<Line> follow(Consumer<Line> follower) {
        followers.add(follower);
        return lines();
    }

    /** Gives no more lines to a follower. */
    public void unfollow(Consumer<Line> follower) {
        followers.remove(follower);
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
