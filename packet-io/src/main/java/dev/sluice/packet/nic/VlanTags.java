package dev.sluice.packet.nic;

import dev.sluice.helper.PacketHelpers;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameBatch;

/**
 * VLAN tags that a NIC takes out of packets before the program sees them, and gives it as a hint ({@code ethtool -K …
 * rx-vlan-offload on}). What passes gets its tag back on the way to the host; what goes back to the wire or elsewhere goes without,
 * as from drivers.
 *
 * <p>Until then the tag is in the frame's first bytes, which no program reaches, as Linux keeps its {@code struct xdp_frame} there:
 *
 * <pre>
 *  0  tag   u32  bit 16: there is one; bits 0 to 15: priority and number
 *  4  not used
 * </pre>
 *
 * Only the outer tag, and only those of 802.1Q. Allocates nothing; the queue's thread.
 */
public final class VlanTags {
    /** ETH_P_8021Q. */
    public static final int PROTOCOL = 0x8100;

    private static final int TAG_BYTES = 4;
    private static final int MAC_BYTES = 12;
    private static final int PRESENT = 1 << 16;
    private static final int MIN_TAGGED = VirtualNic.MIN_FRAME + TAG_BYTES;

    private VlanTags() {}

    /** Takes the tags out of a batch's packets. */
    public static void strip(FrameBatch batch) {
        for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
            strip(batch.descriptor(Long.numberOfTrailingZeros(rest)));
        }
    }

    private static void strip(long d) {
        long start = Memory.getLong(d + FrameDescriptor.HARD_START);
        long data = Memory.getLong(d + FrameDescriptor.DATA);
        long length = Memory.getLong(d + FrameDescriptor.DATA_END) - data;
        if (length < MIN_TAGGED || be16(data + MAC_BYTES) != PROTOCOL) {
            Memory.putInt(start, 0);
            return;
        }
        Memory.putInt(start, PRESENT | be16(data + MAC_BYTES + 2));
        Memory.putLong(data + 8, Memory.getLong(data + 4)); // the MACs, from behind: they overlap themselves
        Memory.putInt(data + 4, Memory.getInt(data));
        Memory.putLong(d + FrameDescriptor.DATA, data + TAG_BYTES);
        Memory.putLong(d + FrameDescriptor.DATA_META, data + TAG_BYTES);
    }

    /** Gives packets of a batch their tags back; their metadata end here. */
    public static void restore(FrameBatch batch) {
        for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
            restore(batch.descriptor(Long.numberOfTrailingZeros(rest)));
        }
    }

    private static void restore(long d) {
        long start = Memory.getLong(d + FrameDescriptor.HARD_START);
        int tag = Memory.getInt(start);
        long data = Memory.getLong(d + FrameDescriptor.DATA);
        if ((tag & PRESENT) == 0 || data - TAG_BYTES < start + PacketHelpers.XDP_FRAME_BYTES) {
            return;
        }
        Memory.putInt(start, 0);
        long to = data - TAG_BYTES;
        Memory.putInt(to, Memory.getInt(data));
        Memory.putLong(to + 4, Memory.getLong(data + 4));
        putBe16(to + MAC_BYTES, PROTOCOL);
        putBe16(to + MAC_BYTES + 2, tag);
        Memory.putLong(d + FrameDescriptor.DATA, to);
        Memory.putLong(d + FrameDescriptor.DATA_META, to);
    }

    /** Priority and number of the tag that a packet had; negative for none. */
    static int tag(long d) {
        int tag = Memory.getInt(Memory.getLong(d + FrameDescriptor.HARD_START));
        return (tag & PRESENT) == 0 ? -1 : tag & 0xffff;
    }

    private static int be16(long address) {
        return Short.toUnsignedInt(Short.reverseBytes(Memory.getShort(address)));
    }

    private static void putBe16(long address, int value) {
        Memory.putShort(address, Short.reverseBytes((short) value));
    }
}
