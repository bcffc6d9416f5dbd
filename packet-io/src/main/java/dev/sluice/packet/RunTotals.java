package dev.sluice.packet;

import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.Damage;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * What a run came to.
 *
 * @param durationNanos from the first packet to the last verdict
 * @param nics what came of the packets of each NIC
 * @param cutPackets packets of which a capture does not have all bytes; the program saw what there is
 * @param damages captures that ended before their end
 * @param cancelled whether somebody stopped the run
 * @param statistics of each device, by its name, as {@code ethtool -S} lists them; the host's end of NIC {@code eth0} is called
 *     {@code eth0:host}
 */
public record RunTotals(
        long durationNanos,
        List<NicTotals> nics,
        long cutPackets,
        List<Damage> damages,
        boolean cancelled,
        Map<String, Map<String, Long>> statistics) {

    public RunTotals {
        nics = List.copyOf(nics);
        damages = List.copyOf(damages);
        statistics = Map.copyOf(statistics);
    }

    private long sum(ToLongFunction<NicTotals> of) {
        return nics.stream().mapToLong(of).sum();
    }

    /** Packets that came in, of all NICs. */
    public long packets() {
        return sum(NicTotals::packets);
    }

    /** Bytes of them. */
    public long bytes() {
        return sum(NicTotals::bytes);
    }

    /** Packets and bytes (as they arrived) by what programs returned, of all NICs. */
    public Tally verdicts() {
        Tally all = new Tally();
        nics.forEach(nic -> all.add(nic.verdicts()));
        return all;
    }

    /** Packets shorter than an Ethernet header, which no driver shows to a program. */
    public long tooShort() {
        return sum(NicTotals::tooShort);
    }

    /** Packets longer than the MTU allows. */
    public long tooLong() {
        return sum(NicTotals::tooLong);
    }

    /** Packets of live sources for which there was no room. */
    public long dropped() {
        return sum(NicTotals::dropped);
    }

    /** Packets whose program did what it may not; they are part of {@code XDP_ABORTED}. */
    public long faultCount() {
        return sum(NicTotals::faultCount);
    }

    /** The first of them. */
    public List<PacketFault> faults() {
        return nics.stream().flatMap(nic -> nic.faults().stream()).toList();
    }

    /** Packets of an action. */
    public long packets(XdpAction action) {
        return sum(nic -> nic.verdicts().packets(action));
    }

    /** Bytes of an action's packets, as they arrived. */
    public long bytes(XdpAction action) {
        return sum(nic -> nic.verdicts().bytes(action));
    }

    /** Packets a second; 0 when nothing came. */
    public double packetsPerSecond() {
        return durationNanos == 0 ? 0 : packets() * 1e9 / durationNanos;
    }
}
