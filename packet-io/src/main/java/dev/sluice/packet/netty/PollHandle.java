package dev.sluice.packet.netty;

import io.netty.channel.IoHandle;

/**
 * Something that a {@link PollIoHandler} polls: it has work without the kernel knowing of it. All calls on the loop's thread,
 * except where said.
 */
public interface PollHandle extends IoHandle {
    /** {@link #idleNanos}: nothing until somebody submits {@link PollOps#WAKE} to the registration. */
    long UNTIL_WOKEN = Long.MAX_VALUE;

    /**
     * Does some work.
     *
     * @param budget most packets
     * @return how many packets were handled; 0 when there was nothing to do
     */
    int poll(int budget);

    /**
     * How long there will be nothing to do: 0 when there is something now. Asked before the loop waits, after the point from
     * which on a wake-up by another thread ends the waiting.
     */
    long idleNanos();
}
