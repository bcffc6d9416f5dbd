package dev.sluice.packet;

import dev.sluice.exec.ProgramFault;

/**
 * A packet whose program did what it may not, or a timer whose callback did.
 *
 * @param packet its number in its source, from 1; {@link #TIMER} for a timer's callback
 * @param fault what it did
 * @param bytes the packet as it was when the program was stopped; none for a timer's callback
 */
public record PacketFault(long packet, ProgramFault fault, byte[] bytes) {
    /** In place of a packet's number: there is no packet, a timer called. */
    public static final long TIMER = 0;

    /** The fault of a timer's callback. */
    static PacketFault ofTimer(ProgramFault fault) {
        return new PacketFault(TIMER, fault, new byte[0]);
    }

    /** Whether it was a timer's callback. */
    public boolean isTimer() {
        return packet == TIMER;
    }
}
