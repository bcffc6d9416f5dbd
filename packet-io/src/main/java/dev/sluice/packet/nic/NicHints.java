package dev.sluice.packet.nic;

import dev.sluice.helper.ReceiveHints;
import dev.sluice.map.Errno;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;

/**
 * What a virtual NIC tells programs of a packet beyond its bytes: when it came, its RSS hash with what that is over, and the VLAN
 * tag if the NIC takes tags out ({@link VlanTags}; otherwise they are in the packets). One for each queue; allocates nothing.
 */
public final class NicHints implements ReceiveHints {
    /** {@code enum xdp_rss_hash_type}: XDP_RSS_L3_IPV4, XDP_RSS_L3_IPV6, and the bit XDP_RSS_L4 with its protocols. */
    private static final int L3_IPV4 = 1;

    private static final int L3_IPV6 = 1 << 1;
    private static final int L4 = 1 << 3;
    private static final int L4_TCP = 1 << 4;
    private static final int L4_UDP = 1 << 5;

    private final VirtualNic nic;

    public NicHints(VirtualNic nic) {
        this.nic = nic;
    }

    @Override
    public int timestamp(long descriptor, long to) {
        return ReceiveHints.TIMESTAMPS.timestamp(descriptor, to);
    }

    @Override
    public int hash(long descriptor, long to, long type) {
        if (descriptor == 0) {
            return Errno.ENODATA.negative();
        }
        long data = Memory.getLong(descriptor + FrameDescriptor.DATA);
        int length = (int) (Memory.getLong(descriptor + FrameDescriptor.DATA_END) - data);
        Rss rss = nic.rss();
        int over = rss.layers(data, length);
        if (over == 0) {
            return Errno.ENODATA.negative();
        }
        Memory.putInt(to, rss.hash(data, length));
        Memory.putInt(type, typeOf(over));
        return 0;
    }

    private static int typeOf(int layers) {
        int type = (layers & Rss.IPV6) != 0 ? L3_IPV6 : L3_IPV4;
        if ((layers & Rss.TCP) != 0) {
            type |= L4 | L4_TCP;
        } else if ((layers & Rss.UDP) != 0) {
            type |= L4 | L4_UDP;
        }
        return type;
    }

    @Override
    public int vlanTag(long descriptor, long protocol, long tci) {
        int tag = descriptor == 0 || !nic.rxVlanOffload() ? -1 : VlanTags.tag(descriptor);
        if (tag < 0) {
            return Errno.ENODATA.negative();
        }
        Memory.putShort(protocol, Short.reverseBytes((short) VlanTags.PROTOCOL));
        Memory.putShort(tci, (short) tag);
        return 0;
    }
}
