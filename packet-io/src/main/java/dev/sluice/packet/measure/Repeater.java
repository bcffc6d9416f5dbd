package dev.sluice.packet.measure;

/** Runs a packet many times in a row without a reset in between: the kernel's test run, or something that does the same. */
@FunctionalInterface
public interface Repeater {
    /**
     * Copies a packet in and runs it.
     *
     * @param packet address of its first byte; only read
     * @param length bytes
     * @param repeat runs, above 0
     * @return nanoseconds of CPU time of all runs
     */
    long run(long packet, int length, int repeat);
}
