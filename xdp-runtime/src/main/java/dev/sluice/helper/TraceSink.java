package dev.sluice.helper;

/** Takes the lines of {@code bpf_trace_printk}. Called on the queue's thread. */
@FunctionalInterface
public interface TraceSink {
    /** Drops every line. */
    TraceSink NONE = (context, line) -> {};

    /**
     * @param context who printed: CPU and time
     * @param line without the newline at its end
     */
    void line(RunContext context, String line);
}
