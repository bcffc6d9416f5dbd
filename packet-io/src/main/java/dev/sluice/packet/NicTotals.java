package dev.sluice.packet;

import dev.sluice.packet.nic.Tally;
import java.util.List;

/**
 * What came of the packets of one NIC. Every one is somewhere: {@code packets} is the sum of all verdicts and of what was refused.
 *
 * @param name of the NIC
 * @param packets that came in from its wire
 * @param bytes of them
 * @param verdicts packets and bytes (as they arrived) by what the program returned; without a program all have passed
 * @param tooShort packets shorter than an Ethernet header, which no driver shows to a program
 * @param tooLong packets longer than the MTU allows
 * @param dropped packets of a live source for which there was no room, or which have come through too many devices
 * @param faultCount packets whose program did what it may not, which are part of {@code XDP_ABORTED}, and timers' callbacks
 * @param faults the first of them
 */
public record NicTotals(
        String name,
        long packets,
        long bytes,
        Tally verdicts,
        long tooShort,
        long tooLong,
        long dropped,
        long faultCount,
        List<PacketFault> faults) {

    public NicTotals {
        faults = List.copyOf(faults);
        long judged = verdicts.packets();
        if (packets != judged + tooShort + tooLong + dropped) {
            throw new AssertionError("packets are missing: nic=" + name + " in=" + packets + " judged=" + judged
                    + " tooShort=" + tooShort + " tooLong=" + tooLong + " dropped=" + dropped);
        }
    }
}
