package dev.sluice.packet.measure;

/** Something that can be measured in rounds. Owner thread: the one that measures. */
@FunctionalInterface
public interface Contender {
    /** Runs one round: nanoseconds of CPU time a packet. */
    double round();
}
