package dev.sluice.packet.live;

import dev.sluice.packet.tap.NetInterface;
import java.io.IOException;
import java.sql.Timestamp;
import org.jspecify.annotations.Nullable;
import org.pcap4j.core.BpfProgram;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.PcapNetworkInterface;
import org.pcap4j.packet.namednumber.DataLinkType;

/** An interface that is opened for reading and injecting. One thread at a time. */
public final class LiveInterface implements AutoCloseable {
    private static final int BUFFER_BYTES = 16 << 20;

    private final String name;
    private final NetInterface link;
    private final PcapHandle handle;

    private LiveInterface(String name, NetInterface link, PcapHandle handle) {
        this.name = name;
        this.link = link;
        this.handle = handle;
    }

    /**
     * Opens an interface.
     *
     * @param filter which packets to read, in libpcap's language; empty for all
     * @param promiscuous whether to read packets for others too
     * @param snapLength longer packets are cut
     * @throws IOException when that is not possible; the message says what to do
     */
    public static LiveInterface open(String name, String filter, boolean promiscuous, int snapLength)
            throws IOException {
        NetInterface link = new NetInterface("iface", name);
        link.ifindex(); // its message is better than libpcap's
        PcapHandle handle = null;
        boolean opened = false;
        try {
            handle = new PcapHandle.Builder(name)
                    .snaplen(snapLength)
                    .promiscuousMode(
                            promiscuous
                                    ? PcapNetworkInterface.PromiscuousMode.PROMISCUOUS
                                    : PcapNetworkInterface.PromiscuousMode.NONPROMISCUOUS)
                    .timeoutMillis(1)
                    .immediateMode(true)
                    .bufferSize(BUFFER_BYTES)
                    .build();
            if (!handle.getDlt().equals(DataLinkType.EN10MB)) {
                throw new IOException("iface " + name + ": is no Ethernet, link type="
                        + handle.getDlt().name());
            }
            handle.setBlockingMode(PcapHandle.BlockingMode.NONBLOCKING);
            handle.setDirection(PcapHandle.PcapDirection.IN);
            if (!filter.isEmpty()) {
                handle.setFilter(filter, BpfProgram.BpfCompileMode.OPTIMIZE);
            }
            opened = true;
            return new LiveInterface(name, link, handle);
        } catch (LinkageError e) { // an Error is what a missing library is
            throw new IOException(
                    "iface " + name + ": libpcap is not there; install it, for example with: apt install libpcap0.8",
                    e);
        } catch (PcapNativeException | NotOpenException e) {
            throw new IOException("iface " + name + ": " + explain(String.valueOf(e.getMessage()), filter), e);
        } finally {
            if (!opened && handle != null) {
                handle.close();
            }
        }
    }

    private static String explain(String message, String filter) {
        String text = message.strip();
        if (text.contains("permission") || text.contains("Operation not permitted")) {
            return "no permission to read it; run as root, or give the java command CAP_NET_RAW";
        }
        return filter.isEmpty() ? "cannot be opened: " + text : "cannot be opened: " + text + ", filter=" + filter;
    }

    public String name() {
        return name;
    }

    /** Its settings in the kernel. */
    public NetInterface link() {
        return link;
    }

    /** The next packet, or null when none has come. */
    byte @Nullable [] next() throws IOException {
        try {
            return handle.getNextRawPacket();
        } catch (NotOpenException e) {
            throw new IOException("iface " + name + ": is closed", e);
        }
    }

    /** When the last packet came: nanoseconds since 1970. */
    long timestampNanos() {
        Timestamp time = handle.getTimestamp();
        return time.getTime() / 1000 * 1_000_000_000L + time.getNanos();
    }

    /** Sends a packet; false when the interface does not take it. */
    boolean inject(byte[] packet, int length) {
        try {
            handle.sendPacket(packet, length);
            return true;
        } catch (PcapNativeException e) {
            return false; // it is down, or the packet is too long: lost, as on a wire
        } catch (NotOpenException e) {
            return false;
        }
    }

    /** Packets that the kernel has dropped because nobody read them in time. */
    public long dropped() {
        try {
            return handle.getStats().getNumPacketsDropped();
        } catch (PcapNativeException | NotOpenException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        handle.close();
    }
}
