package dev.sluice.packet.nic;

import dev.sluice.memory.Fragments;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A network device. What is fixed is plain, what changes while packets flow (program, RSS, ports) is volatile: any thread may
 * configure, the queues see it with their next batch.
 */
public final class VirtualNic {
    /** Accepts every length. */
    public static final int NO_MTU = Integer.MAX_VALUE;

    /** Most bytes of a frame beyond the MTU: Ethernet header and one VLAN tag. */
    private static final int LINK_HEADER = 14 + 4;

    /** Shorter than an Ethernet header is no frame. */
    public static final int MIN_FRAME = 14;

    /** What {@code RX_QUEUES} the kernel allows a device to have is far less; this bounds our arrays. */
    public static final int MAX_QUEUES = 256;

    private final String name;
    private final int ifindex;
    private final byte[] mac;
    private final int mtu;
    private final QueueStatistics[] statistics;
    private final XdpHook hook = new XdpHook();
    private final @Nullable TxPort[] ports;
    private final LongAdder egressDropped = new LongAdder();
    private final LongAdder egressInvalid = new LongAdder();
    private final LongAdder unreachable = new LongAdder();
    private volatile Rss rss;
    private volatile boolean rxVlanOffload;

    /**
     * @param ifindex above 0
     * @param mac 6 bytes
     * @param mtu bytes behind the Ethernet header, at least 68; {@link #NO_MTU} accepts everything
     * @param queues rx queues, 1 to {@link #MAX_QUEUES}
     */
    public VirtualNic(String name, int ifindex, byte[] mac, int mtu, int queues) {
        if (ifindex < 1) {
            throw new IllegalArgumentException(name + ": ifindex, expected=1.. found=" + ifindex);
        }
        if (mac.length != 6) {
            throw new IllegalArgumentException(name + ": MAC address, expected=6 bytes found=" + mac.length);
        }
        if (mtu < 68) {
            throw new IllegalArgumentException(name + ": mtu, expected=68.. found=" + mtu);
        }
        if (queues < 1 || queues > MAX_QUEUES) {
            throw new IllegalArgumentException(name + ": queues, expected=1.." + MAX_QUEUES + " found=" + queues);
        }
        this.name = name;
        this.ifindex = ifindex;
        this.mac = mac.clone();
        this.mtu = mtu;
        statistics = new QueueStatistics[queues];
        ports = new TxPort[queues];
        for (int i = 0; i < queues; i++) {
            statistics[i] = new QueueStatistics();
        }
        rss = Rss.forQueues(queues);
    }

    /** A locally administered address that differs for each ifindex. */
    public static byte[] macFor(int ifindex) {
        return new byte[] {
            0x02, 0x53, (byte) (ifindex >>> 24), (byte) (ifindex >>> 16), (byte) (ifindex >>> 8), (byte) ifindex
        };
    }

    public String name() {
        return name;
    }

    public int ifindex() {
        return ifindex;
    }

    public byte[] mac() {
        return mac.clone();
    }

    /** Bytes behind the Ethernet header, or {@link #NO_MTU}. */
    public int mtu() {
        return mtu;
    }

    /**
     * The longest frame that is accepted: MTU, Ethernet header and a VLAN tag; and where there is an MTU no more than one
     * buffer takes, unless the program says that it can live with several ({@code xdp.frags}). A driver refuses such a
     * program instead.
     */
    public int maxFrame() {
        if (mtu == NO_MTU) {
            return Integer.MAX_VALUE;
        }
        XdpAttachment attachment = hook.attachment();
        boolean oneBuffer =
                attachment != null && !attachment.program().program().frags();
        return Math.min(mtu + LINK_HEADER, oneBuffer ? Fragments.LINEAR_BYTES : Integer.MAX_VALUE);
    }

    public int queues() {
        return statistics.length;
    }

    /** Where its program is attached. */
    public XdpHook hook() {
        return hook;
    }

    public Rss rss() {
        return rss;
    }

    /** Changes key or indirection table; every entry has to be one of our queues. */
    public void rss(Rss changed) {
        for (int queue : changed.indirection()) {
            if (queue < 0 || queue >= queues()) {
                throw new IllegalArgumentException(
                        name + ": indirection table, expected=0.." + (queues() - 1) + " found=" + queue);
            }
        }
        rss = changed;
    }

    /** Whether VLAN tags are taken out of packets before the program sees them, and told it as a hint. */
    public boolean rxVlanOffload() {
        return rxVlanOffload;
    }

    /** Sets it. Before packets flow. */
    public void rxVlanOffload(boolean on) {
        rxVlanOffload = on;
    }

    /** The sending end for a CPU, or null while there is none. */
    public @Nullable TxPort port(int cpu) {
        return ports[cpu % ports.length];
    }

    /** Sets a queue's sending end. Before packets flow. */
    public void port(int queue, @Nullable TxPort port) {
        ports[queue] = port;
    }

    public QueueStatistics statistics(int queue) {
        return statistics[queue];
    }

    /**
     * Counts packets that the program of a devmap's entry kept from leaving by this NIC. Any thread.
     *
     * @param dropped packets with {@code XDP_DROP}
     * @param invalid packets with anything else that is not {@code XDP_PASS}
     */
    public void countEgress(long dropped, long invalid) {
        egressDropped.add(dropped);
        egressInvalid.add(invalid);
    }

    /** Counts packets that were to be sent when no queue was open: part of {@link NicCounter#TX_ERRORS}. Any thread. */
    public void countUnreachable(long packets) {
        unreachable.add(packets);
    }

    /** A counter over all queues. */
    public long total(NicCounter counter) {
        long sum = counter == NicCounter.TX_ERRORS ? unreachable.sum() : 0;
        for (QueueStatistics queue : statistics) {
            sum += queue.get(counter);
        }
        return sum;
    }

    /** All statistics by name as {@code ethtool -S} lists them: totals, then each queue's. */
    public Map<String, Long> statistics() {
        Map<String, Long> all = new LinkedHashMap<>();
        for (NicCounter counter : NicCounter.values()) {
            all.put(counter.label(), total(counter));
        }
        all.put("tx_xdp_drop", egressDropped.sum());
        all.put("tx_xdp_invalid", egressInvalid.sum());
        for (int queue = 0; queue < statistics.length; queue++) {
            for (NicCounter counter : NicCounter.values()) {
                all.put(counter.label(queue), statistics[queue].get(counter));
            }
        }
        return all;
    }

    @Override
    public String toString() {
        return ifindex + ": " + name + " " + HexFormat.ofDelimiter(":").formatHex(mac);
    }
}
