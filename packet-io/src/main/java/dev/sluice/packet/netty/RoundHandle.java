package dev.sluice.packet.netty;

/** A {@link PollHandle} that is told where its loop stands. */
public interface RoundHandle extends PollHandle {
    /** Every handle has been polled once: no batch is in anybody's hands. Called often, so it has to be cheap. */
    void roundEnded();

    /** The loop is about to wait, perhaps for long. */
    void beforeWaiting();
}
