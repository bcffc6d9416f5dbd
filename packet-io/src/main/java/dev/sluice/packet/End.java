package dev.sluice.packet;

import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.gen.Traffic;
import dev.sluice.packet.tap.NetInterface;
import dev.sluice.packet.tap.TapIo;
import java.util.List;

/**
 * What is behind one side of a NIC: where packets come from and where they go. Each NIC has one as its wire and one as its host.
 * These say what is wanted; opening is the {@link Datapath}'s business.
 */
public sealed interface End {
    /** Nothing: gives no packets, takes all. */
    End NULL = new Null();

    /** See {@link #NULL}. */
    record Null() implements End {}

    /**
     * Capture files, one behind the other. Takes what is sent to it as {@link #NULL} does.
     *
     * @param files plain or compressed; {@code -} is standard input
     * @param repeat how often all of them, from memory; 0 for ever
     * @param limit most packets in all
     * @param pace when they are due
     */
    record Captures(List<String> files, long repeat, long limit, Pace pace) implements End {
        public Captures {
            files = List.copyOf(files);
            if (repeat < 0) {
                throw new IllegalArgumentException("repeat, expected=0.. found=" + repeat);
            }
            if (limit < 0) {
                throw new IllegalArgumentException("packets, expected=0.. found=" + limit);
            }
        }

        public Captures(String file) {
            this(List.of(file), 1, Long.MAX_VALUE, Pace.TOP_SPEED);
        }
    }

    /**
     * Packets that are made up. Takes what is sent to it as {@link #NULL} does. In a NIC of several queues each queue's thread makes
     * the packets of the flows that RSS gives it.
     *
     * @param limit most packets in all; {@link Long#MAX_VALUE} for no end
     * @param pace top speed or a rate; they have no timing of their own
     */
    record Generator(Traffic traffic, long limit, Pace pace) implements End {
        public Generator {
            if (limit < 0) {
                throw new IllegalArgumentException("packets, expected=0.. found=" + limit);
            }
            if (pace.speed() != 0) {
                throw new IllegalArgumentException("generated packets have no timing, expected a rate or top speed");
            }
        }
    }

    /**
     * Takes packets for good; gives none. The sink is the caller's to close, may be shared by ends, and gets the packets of one
     * queue from one thread.
     */
    record Sink(FrameSink sink) implements End {}

    /**
     * A TAP interface of the kernel, which is made if it is not there, and is gone afterwards unless it was there. With a NIC of
     * several queues it has as many.
     *
     * @param mtu to set, or 0 to leave it
     * @param up whether to switch it on; needs permission unless it is on
     * @param io how frames are read and written
     */
    record Tap(String ifname, int mtu, boolean up, TapIo io) implements End {
        public Tap {
            NetInterface.requireName("tap", ifname);
        }

        public Tap(String ifname) {
            this(ifname, TapIo.AUTO);
        }

        public Tap(String ifname, TapIo io) {
            this(ifname, 0, true, io);
        }
    }

    /**
     * An interface of the kernel, through libpcap. One queue only.
     *
     * @param filter which packets to read, in libpcap's language; empty for all
     * @param promiscuous whether to read packets for others too
     */
    record Interface(String ifname, String filter, boolean promiscuous) implements End {
        public Interface {
            NetInterface.requireName("iface", ifname);
        }

        public Interface(String ifname) {
            this(ifname, "", true);
        }
    }

    /** A cable to another NIC, of which one end has to name this one, as veth pairs have it. */
    record Link(String nic) implements End {}

    /** Whether packets come from here until somebody stops the run. */
    default boolean isLive() {
        return this instanceof Tap || this instanceof Interface;
    }
}
