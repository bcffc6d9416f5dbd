package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.Memory;

/** Kernel functions about the packet and about the run itself. Results of type {@code int} are not extended to 64 bits. */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class Kfuncs {
    private static final long LOW = 0xffff_ffffL;

    private Kfuncs() {}

    // --- what the device knows of the packet

    /** Nanoseconds at which the device received the packet: 0, or the error of {@link ReceiveHints}. */
    public static long xdpMetadataRxTimestamp(RunContext context, long ctx, long to, long r3, long r4, long r5) {
        return context.hints.timestamp(context.descriptor, to) & LOW;
    }

    /** The device's hash over addresses and ports, and over what it is: 0, or the error of {@link ReceiveHints}. */
    public static long xdpMetadataRxHash(RunContext context, long ctx, long to, long type, long r4, long r5) {
        return context.hints.hash(context.descriptor, to, type) & LOW;
    }

    /** The VLAN tag that the device took out of the packet: 0, or the error of {@link ReceiveHints}. */
    public static long xdpMetadataRxVlanTag(RunContext context, long ctx, long protocol, long tci, long r4, long r5) {
        return context.hints.vlanTag(context.descriptor, protocol, tci) & LOW;
    }

    // --- the packet

    /**
     * Makes the first {@code length} bytes lie in the linear part, which grows at its end and then, moved, at its start: 0,
     * EINVAL for more bytes than there are or than there is room for.
     */
    public static long xdpPullData(RunContext context, long ctx, long length, long r3, long r4, long r5) {
        long more = (length & LOW) - (context.dataEnd - context.data);
        if (more <= 0) {
            return 0;
        }
        long tailroom = context.frameEnd - context.dataEnd;
        long headroom = context.dataMeta - context.hardStart - PacketHelpers.XDP_FRAME_BYTES;
        if (more > Fragments.bytes(context.descriptor) || more > tailroom + headroom) {
            return Errno.EINVAL.negative() & LOW;
        }
        long shift = more - tailroom;
        if (shift > 0) {
            Memory.copy(context.dataMeta, context.dataMeta - shift, context.dataEnd - context.dataMeta);
            context.dataMeta -= shift;
            context.data -= shift;
            context.dataEnd -= shift;
        }
        Memory.copy(Fragments.address(context.descriptor), context.dataEnd, more);
        Fragments.drop(context.descriptor, (int) more);
        context.dataEnd += more;
        return 0;
    }

    // --- regions that the verifier watches: a program runs to its end here, and is not moved to another CPU

    public static long rcuReadLock(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    public static long rcuReadUnlock(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    public static long preemptDisable(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    public static long preemptEnable(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }
}
