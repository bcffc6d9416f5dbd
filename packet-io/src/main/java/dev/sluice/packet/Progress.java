package dev.sluice.packet;

/** Hears how far a replay is, some ten times a second. Called on the thread that reads. */
@FunctionalInterface
public interface Progress {
    /** Wants to know nothing. */
    Progress NONE = (packets, position, size) -> {};

    /**
     * @param packets read so far
     * @param position bytes of the captures read so far, all repetitions counted
     * @param size bytes of all captures and repetitions, or -1 when that is not known
     */
    void update(long packets, long position, long size);
}
