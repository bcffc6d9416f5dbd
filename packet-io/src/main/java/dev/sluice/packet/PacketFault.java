package dev.sluice.packet;

import dev.sluice.exec.ProgramFault;

/**
 * A packet whose program did what it may not.
 *
 * @param packet its number in its source, from 1
 * @param fault what it did
 * @param bytes the packet as it was when the program was stopped
 */
public record PacketFault(long packet, ProgramFault fault, byte[] bytes) {}
