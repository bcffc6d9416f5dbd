package dev.sluice.packet;

/** Which clock programs see, and so which thread runs which queue. */
public enum Time {
    /** The packets' time stamps: one thread runs all queues in the packets' order; reproducible. */
    CAPTURE,
    /** The machine's monotonic clock: a thread for each CPU, that is for each queue number. */
    MACHINE
}
