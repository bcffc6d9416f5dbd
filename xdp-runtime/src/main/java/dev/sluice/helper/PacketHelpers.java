package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.Memory;

/**
 * The helpers that move the ends of the packet and copy from and to it, fragments included ({@link Fragments}). See {@link
 * Helpers}.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class PacketHelpers {
    /** Bytes at the start of a frame that the kernel keeps for {@code struct xdp_frame}. */
    public static final int XDP_FRAME_BYTES = 40;

    private static final int ETH_HLEN = 14;

    /** The length of metadata is kept in a byte. */
    private static final long MAX_METADATA = 255;

    /** The greatest offset in a packet that helpers take. */
    public static final int MAX_OFFSET = 0xffff;

    private PacketHelpers() {}

    /** Moves data by an offset, metadata with it: 0, or EINVAL when there is no headroom or too little packet left. */
    public static long xdpAdjustHead(RunContext context, long ctx, long offset, long r3, long r4, long r5) {
        int by = (int) offset;
        long metadata = context.data - context.dataMeta;
        long data = context.data + by;
        if (data < context.hardStart + XDP_FRAME_BYTES + metadata || data > context.dataEnd - ETH_HLEN) {
            return Errno.EINVAL.negative();
        }
        if (metadata != 0) {
            Memory.moveShort(context.dataMeta, context.dataMeta + by, metadata);
        }
        context.dataMeta += by;
        context.data = data;
        return 0;
    }

    /** Moves data_meta by an offset: 0, EINVAL out of bounds, EACCES for a length that is no multiple of 4. */
    public static long xdpAdjustMeta(RunContext context, long ctx, long offset, long r3, long r4, long r5) {
        long start = context.dataMeta + (int) offset;
        long metadata = context.data - start;
        if (start < context.hardStart + XDP_FRAME_BYTES || metadata < 0) {
            return Errno.EINVAL.negative();
        }
        if ((metadata & 3) != 0 || metadata > MAX_METADATA) {
            return Errno.EACCES.negative();
        }
        context.dataMeta = start;
        return 0;
    }

    /**
     * Moves the packet's end by an offset, new bytes are zero: 0, or EINVAL without tailroom or with too little packet
     * left. A packet with fragments grows in its last one and shrinks from its last one on.
     */
    public static long xdpAdjustTail(RunContext context, long ctx, long offset, long r3, long r4, long r5) {
        int by = (int) offset;
        int fragments = Fragments.bytes(context.descriptor);
        if (fragments != 0 && by >= 0) {
            if (by > Fragments.room(context.descriptor)) {
                return Errno.EINVAL.negative();
            }
            Fragments.resize(context.descriptor, by);
            return 0;
        }
        if (fragments != 0) {
            // the smallest offset has no opposite: Linux finds nothing to do
            int less = -by;
            if (less > length(context) - ETH_HLEN) {
                return Errno.EINVAL.negative();
            }
            if (less > 0) {
                int fromFragments = Math.min(less, fragments);
                Fragments.resize(context.descriptor, -fromFragments);
                context.dataEnd -= less - fromFragments;
            }
            return 0;
        }
        long end = context.dataEnd + by;
        if (end > context.frameEnd || end < context.data + ETH_HLEN) {
            return Errno.EINVAL.negative();
        }
        if (by > 0) {
            Memory.zeroShort(context.dataEnd, by);
        }
        context.dataEnd = end;
        return 0;
    }

    /** Bytes of the packet. */
    public static long xdpGetBuffLen(RunContext context, long ctx, long r2, long r3, long r4, long r5) {
        return length(context);
    }

    /** Copies out of the packet: 0, EFAULT for numbers above 65,535, EINVAL outside of the packet. */
    public static long xdpLoadBytes(RunContext context, long ctx, long offset, long buffer, long size, long r5) {
        int error = checkRange(context, offset, size);
        if (error == 0) {
            load(context, offset & 0xffff_ffffL, buffer, size & 0xffff_ffffL);
        }
        return error;
    }

    /** Copies into the packet; errors as {@link #xdpLoadBytes}. */
    public static long xdpStoreBytes(RunContext context, long ctx, long offset, long buffer, long size, long r5) {
        int error = checkRange(context, offset, size);
        if (error == 0) {
            store(context, offset & 0xffff_ffffL, buffer, size & 0xffff_ffffL);
        }
        return error;
    }

    private static int checkRange(RunContext context, long offset, long size) {
        long from = offset & 0xffff_ffffL;
        long bytes = size & 0xffff_ffffL;
        if (from > MAX_OFFSET || bytes > MAX_OFFSET) {
            return Errno.EFAULT.negative();
        }
        return from + bytes > length(context) ? Errno.EINVAL.negative() : 0;
    }

    // --- for helpers and kfuncs that read and write packets

    /** Bytes of the packet at hand, fragments included. */
    public static long length(RunContext context) {
        return context.dataEnd - context.data + Fragments.bytes(context.descriptor);
    }

    /**
     * Copies out of the packet.
     *
     * @param offset from its first byte; offset and bytes are within {@link #length}
     */
    public static void load(RunContext context, long offset, long to, long bytes) {
        long linear = linear(context, offset, bytes);
        Memory.moveShort(context.data + offset, to, linear);
        if (linear != bytes) {
            Memory.copy(fragment(context, offset + linear), to + linear, bytes - linear);
        }
    }

    /** Copies into the packet; offset and bytes are within {@link #length}. */
    public static void store(RunContext context, long offset, long from, long bytes) {
        long linear = linear(context, offset, bytes);
        Memory.moveShort(from, context.data + offset, linear);
        if (linear != bytes) {
            Memory.copy(from + linear, fragment(context, offset + linear), bytes - linear);
        }
    }

    /**
     * The address of bytes of the packet, or 0 when they lie in more than one buffer.
     *
     * @param offset from its first byte; offset and bytes are within {@link #length}
     */
    public static long pointer(RunContext context, long offset, long bytes) {
        long linear = context.dataEnd - context.data;
        if (offset + bytes <= linear) {
            return context.data + offset;
        }
        if (offset < linear) {
            return 0;
        }
        long at = fragment(context, offset);
        long page = Fragments.PAGE_BYTES;
        long first = at - context.hardStart;
        return bytes == 0 || first / page == (first + bytes - 1) / page ? at : 0;
    }

    /** How many of the bytes lie in the linear part. */
    private static long linear(RunContext context, long offset, long bytes) {
        return Math.max(0, Math.min(bytes, context.dataEnd - context.data - offset));
    }

    private static long fragment(RunContext context, long offset) {
        return Fragments.address(context.descriptor) + offset - (context.dataEnd - context.data);
    }
}
