package dev.sluice.packet.live;

import dev.sluice.memory.Memory;
import dev.sluice.packet.tap.NetInterface;
import java.io.IOException;
import java.lang.foreign.Arena;
import org.pcap4j.core.BpfProgram;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.PcapNetworkInterface;
import org.pcap4j.packet.namednumber.DataLinkType;

/** An interface that is opened for reading and injecting. One thread at a time. */
public final class LiveInterface implements AutoCloseable {
    private static final int BUFFER_BYTES = 16 << 20;

    // struct pcap_pkthdr: seconds, microseconds, bytes that were captured, bytes that were on the wire
    private static final int HEADER_MICROS = 8;
    private static final int HEADER_CAPTURED = 16;

    private final String name;
    private final NetInterface link;
    private final PcapHandle handle;
    private final Arena arena = Arena.ofShared();

    /** {@code pcap_t *} of the handle. */
    private final long pcap;

    /** Where libpcap says where the next packet's header and the packet are. */
    private final long place = Memory.allocate(arena, 2 * Long.BYTES, Long.BYTES);

    private LiveInterface(String name, NetInterface link, PcapHandle handle) {
        this.name = name;
        this.link = link;
        this.handle = handle;
        pcap = Libpcap.of(handle);
    }

    /**
     * Opens an interface.
     *
     * @param filter which packets to read, in libpcap's language; empty for all
     * @param promiscuous whether to read packets for others too
     * @param snapLength longer packets are cut
     * @throws IOException when that is not possible; the message says what to do
     * @throws IllegalArgumentException when libpcap does not understand the filter
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
                filter(handle, name, filter);
            }
            if (Libpcap.selectableFd(Libpcap.of(handle)) < 0) {
                throw new IOException("iface " + name + ": libpcap cannot be asked when it has packets");
            }
            opened = true;
            return new LiveInterface(name, link, handle);
        } catch (LinkageError e) { // an Error is what a missing library is
            throw new IOException(
                    "iface " + name + ": libpcap is not there; install it, for example with: apt install libpcap0.8",
                    e);
        } catch (PcapNativeException | NotOpenException e) {
            throw new IOException("iface " + name + ": " + explain(String.valueOf(e.getMessage())), e);
        } finally {
            if (!opened && handle != null) {
                handle.close();
            }
        }
    }

    private static void filter(PcapHandle handle, String name, String filter) throws NotOpenException {
        try {
            handle.setFilter(filter, BpfProgram.BpfCompileMode.OPTIMIZE);
        } catch (PcapNativeException e) {
            throw new IllegalArgumentException(
                    "iface " + name + ": expected a filter in libpcap's language, found filter=" + filter + ": "
                            + String.valueOf(e.getMessage()).strip(),
                    e);
        }
    }

    private static String explain(String message) {
        String text = message.strip();
        if (text.contains("permission") || text.contains("Operation not permitted")) {
            return "no permission to read it; run as root, or give the java command CAP_NET_RAW";
        }
        return "cannot be opened: " + text;
    }

    public String name() {
        return name;
    }

    /** Its settings in the kernel. */
    public NetInterface link() {
        return link;
    }

    /** What epoll is to watch; readable when there are packets. */
    int fd() {
        return Libpcap.selectableFd(pcap);
    }

    /**
     * Goes to the next packet, which is there until the call after this one. Allocates nothing.
     *
     * @return whether there is one now
     * @throws IOException when the interface is gone
     */
    boolean next() throws IOException {
        int result = Libpcap.nextEx(pcap, place, place + Long.BYTES);
        if (result < 0) {
            throw new IOException("iface " + name + ": " + Libpcap.error(pcap));
        }
        return result > 0;
    }

    /** Where the packet is. */
    long address() {
        return Memory.getLong(place + Long.BYTES);
    }

    /** Its bytes. */
    int length() {
        return Memory.getInt(Memory.getLong(place) + HEADER_CAPTURED);
    }

    /** When it came: nanoseconds since 1970. */
    long timestampNanos() {
        long header = Memory.getLong(place);
        return Memory.getLong(header) * 1_000_000_000 + Memory.getLong(header + HEADER_MICROS) * 1_000;
    }

    /** Sends a packet; false when the interface does not take it: it is down, or the packet is too long. Allocates nothing. */
    boolean inject(long address, int length) {
        return Libpcap.sendPacket(pcap, address, length) == 0;
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
        if (handle.isOpen()) {
            handle.close();
            arena.close();
        }
    }
}
