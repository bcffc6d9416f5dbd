package dev.sluice.packet.frame;

import java.io.IOException;

/**
 * Takes packets out of a pipeline for good: a capture file, a list in a test. It may wait (a full disk queue), which holds up
 * a lossless source and loses nothing. Called by one thread at a time for each queue; a sink shared by queues synchronizes.
 */
@FunctionalInterface
public interface FrameSink extends AutoCloseable {
    /**
     * Takes some packets of a batch. They are the caller's again when this returns.
     *
     * @param mask the packets, a subset of the batch's selection
     */
    void write(FrameBatch batch, long mask) throws IOException;

    /** Called now and then in a live run: what was taken should be seen by others soon. */
    default void flush() throws IOException {}

    @Override
    default void close() throws IOException {}
}
