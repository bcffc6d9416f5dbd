package dev.sluice.packet;

import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.Damage;
import java.util.List;
import java.util.Map;

/**
 * What a run came to. Every packet is somewhere: {@code packets} is the sum of all verdicts, of {@code tooShort} and of
 * {@code tooLong}.
 *
 * @param packets that came in
 * @param bytes of them
 * @param durationNanos from the first packet to the last verdict
 * @param verdicts packets and bytes (as they arrived) by what the program returned
 * @param tooShort packets shorter than an Ethernet header, which no driver shows to a program
 * @param tooLong packets longer than the MTU allows
 * @param cutPackets packets of which the capture does not have all bytes; the program saw what there is
 * @param faultCount packets whose program did what it may not; they are part of {@code XDP_ABORTED}
 * @param faults the first of them
 * @param damages captures that ended before their end
 * @param cancelled whether somebody stopped the run
 * @param statistics of each NIC, by its name, as {@code ethtool -S} lists them
 */
public record RunTotals(
        long packets,
        long bytes,
        long durationNanos,
        Tally verdicts,
        long tooShort,
        long tooLong,
        long cutPackets,
        long faultCount,
        List<PacketFault> faults,
        List<Damage> damages,
        boolean cancelled,
        Map<String, Map<String, Long>> statistics) {

    public RunTotals {
        faults = List.copyOf(faults);
        damages = List.copyOf(damages);
        statistics = Map.copyOf(statistics);
        long judged = verdicts.packets();
        if (packets != judged + tooShort + tooLong) {
            throw new AssertionError("packets are missing: in=" + packets + " judged=" + judged + " tooShort="
                    + tooShort + " tooLong=" + tooLong);
        }
    }

    /** Packets of an action. */
    public long packets(XdpAction action) {
        return verdicts.packets(action);
    }

    /** Bytes of an action's packets, as they arrived. */
    public long bytes(XdpAction action) {
        return verdicts.bytes(action);
    }

    /** Packets a second; 0 when nothing came. */
    public double packetsPerSecond() {
        return durationNanos == 0 ? 0 : packets * 1e9 / durationNanos;
    }
}
