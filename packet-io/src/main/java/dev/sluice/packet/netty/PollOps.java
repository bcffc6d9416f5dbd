package dev.sluice.packet.netty;

import io.netty.channel.IoOps;

/** What can be submitted to the registration of a {@link PollHandle}, by any thread. */
public enum PollOps implements IoOps {
    /** There is work: poll soon. */
    WAKE
}
