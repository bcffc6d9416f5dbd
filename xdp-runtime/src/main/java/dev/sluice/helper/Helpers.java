package dev.sluice.helper;

import dev.sluice.map.ProgArrayMap;
import dev.sluice.map.ProgramRef;
import dev.sluice.map.RedirectMap;
import dev.sluice.memory.Memory;

/**
 * The implementations of the helpers; arguments have been proved or checked by the caller. Results and error numbers are
 * those of Linux 6.18.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class Helpers {
    private static final long XDP_ABORTED = 0;
    private static final long XDP_REDIRECT = 4;

    /** The part of bpf_redirect_map's flags that is the action for an entry that is not set. */
    private static final long ACTION_MASK = 3;

    private static final long BROADCAST = 1 << 3;

    /** Ticks a second of Debian's and this table's kernel ({@code CONFIG_HZ}). */
    private static final long HZ = 250;

    private static final long NANOS_PER_TICK = 1_000_000_000L / HZ;

    /** The kernel's tick counter begins five minutes before the low half wraps. */
    private static final long INITIAL_JIFFIES = -300 * HZ & 0xffff_ffffL;

    private Helpers() {}

    // --- maps

    public static long mapLookupElem(RunContext context, long map, long key, long r3, long r4, long r5) {
        return context.map(map).lookup(key, context.cpu);
    }

    /** A value of a CPU; 0 for a CPU that there is not. */
    public static long mapLookupPercpuElem(RunContext context, long map, long key, long cpu, long r4, long r5) {
        return context.map(map).lookupPerCpu(key, cpu & 0xffff_ffffL);
    }

    public static long mapUpdateElem(RunContext context, long map, long key, long value, long flags, long r5) {
        return context.map(map).update(key, value, flags, context.cpu);
    }

    public static long mapDeleteElem(RunContext context, long map, long key, long r3, long r4, long r5) {
        return context.map(map).delete(key);
    }

    // --- time, CPU, random numbers

    public static long ktimeGetNs(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.clock.nanos();
    }

    /** The same clock: Sluice's machine is never suspended. */
    public static long ktimeGetBootNs(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.clock.nanos();
    }

    /** International Atomic Time: the same clock again. */
    public static long ktimeGetTaiNs(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.clock.nanos();
    }

    /** The clock as of the last tick. */
    public static long ktimeGetCoarseNs(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        long now = context.clock.nanos();
        return now - now % NANOS_PER_TICK;
    }

    /** Ticks of 4 ms. */
    public static long jiffies64(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return INITIAL_JIFFIES + context.clock.nanos() / NANOS_PER_TICK;
    }

    public static long getPrandomU32(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.nextRandom() >>> 32;
    }

    public static long getSmpProcessorId(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.cpu;
    }

    public static long getNumaNodeId(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    // --- trace

    /**
     * Prints a line.
     *
     * @return its length in bytes, EINVAL for a format that is not allowed, ENOSPC for too long arguments
     */
    public static long tracePrintk(RunContext context, long format, long size, long r3, long r4, long r5) {
        TraceFormat trace = context.traceFormat();
        trace.args[0] = r3;
        trace.args[1] = r4;
        trace.args[2] = r5;
        return print(context, trace, format, size, TraceFormat.MAX_PRINTK_ARGS);
    }

    /** The same with arguments in memory: {@code dataSize} bytes, a multiple of 8, at most 96. */
    public static long traceVprintk(RunContext context, long format, long size, long data, long dataSize, long r5) {
        TraceFormat trace = context.traceFormat();
        int count = trace.readArguments(data, dataSize);
        if (count < 0) {
            return count;
        }
        return print(context, trace, format, size, count);
    }

    private static long print(RunContext context, TraceFormat trace, long format, long size, int argCount) {
        int length = trace.format(context, format, size, argCount, TraceFormat.TEXT_BYTES);
        if (length >= 0 && !context.trace.equals(TraceSink.NONE)) {
            context.trace.line(context, trace.line());
        }
        return length;
    }

    // --- control

    /**
     * Finds the target of a tail call and leaves it in {@link RunContext#tailTarget}; leaves null there when the slot is
     * empty or the run has made its 33 tail calls, and the program goes on.
     */
    public static long tailCall(RunContext context, long ctx, long map, long index, long r4, long r5) {
        if (context.tailCalls >= RunContext.MAX_TAIL_CALLS) {
            return 0;
        }
        ProgramRef target = ((ProgArrayMap) context.map(map)).program((int) index);
        if (target != null) {
            context.tailCalls++;
            context.tailTarget = target;
        }
        return 0;
    }

    /** Remembers the interface; XDP_REDIRECT, or XDP_ABORTED for flags, of which there are none. */
    public static long redirect(RunContext context, long ifindex, long flags, long r3, long r4, long r5) {
        if (flags != 0) {
            return XDP_ABORTED;
        }
        context.redirectMapId = 0;
        context.redirectIndex = (int) ifindex;
        context.redirectFlags = 0;
        return XDP_REDIRECT;
    }

    /** Remembers the entry; the low bits of flags when it is not set, XDP_ABORTED for unknown flags. */
    public static long redirectMap(RunContext context, long map, long key, long flags, long r4, long r5) {
        RedirectMap target = (RedirectMap) context.map(map);
        if ((flags & ~(ACTION_MASK | target.redirectFlags())) != 0) {
            return XDP_ABORTED;
        }
        boolean broadcast = (flags & BROADCAST) != 0;
        if (!broadcast && !target.hasTarget((int) key)) {
            context.redirectMapId = 0;
            context.redirectIndex = 0;
            context.redirectFlags = 0;
            return flags & ACTION_MASK;
        }
        context.redirectMapId = context.map(map).id();
        context.redirectIndex = (int) key;
        context.redirectFlags = broadcast ? flags & target.redirectFlags() : 0;
        return XDP_REDIRECT;
    }

    // --- checksums

    /**
     * The Internet checksum of {@code to} less that of {@code from}, added to a seed and folded to 16 bits. Sizes need not
     * be multiples of 4 any more.
     */
    public static long csumDiff(RunContext context, long from, long fromSize, long to, long toSize, long seed) {
        long sum = seed & 0xffff_ffffL;
        if (fromSize != 0 && toSize != 0) {
            long difference = fold32(sum + sum(to, toSize)) + (~fold32(sum(from, fromSize)) & 0xffff_ffffL);
            return fold16(fold32(difference));
        }
        if (toSize != 0) {
            return fold16(fold32(sum + sum(to, toSize)));
        }
        if (fromSize != 0) {
            return fold16(~fold32((~sum & 0xffff_ffffL) + sum(from, fromSize)) & 0xffff_ffffL);
        }
        return fold16(sum);
    }

    /** The sum of 32-bit words, the last filled with zeroes; sizes are below 2^29, so 64 bits are enough. */
    private static long sum(long address, long size) {
        long sum = 0;
        long at = address;
        long end = address + size;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            long word = Memory.getLong(at);
            sum += (word & 0xffff_ffffL) + (word >>> 32);
        }
        if (at <= end - Integer.BYTES) {
            sum += Memory.getInt(at) & 0xffff_ffffL;
            at += Integer.BYTES;
        }
        for (int shift = 0; at < end; at++, shift += Byte.SIZE) {
            sum += (Memory.getByte(at) & 0xffL) << shift;
        }
        return sum;
    }

    private static long fold32(long sum) {
        long once = (sum & 0xffff_ffffL) + (sum >>> 32);
        return (once & 0xffff_ffffL) + (once >>> 32);
    }

    private static long fold16(long sum32) {
        long once = (sum32 & 0xffff) + (sum32 >>> 16);
        return (once & 0xffff) + (once >>> 16);
    }

    // --- strings

    /** Compares at most {@code size} bytes of a string with another: below 0, 0, above 0. */
    public static long strncmp(RunContext context, long one, long size, long other, long r4, long r5) {
        long bytes = size & 0xffff_ffffL;
        for (long i = 0; i < bytes; i++) {
            int a = Memory.getByte(one + i) & 0xff;
            int b = Memory.getByte(other + i) & 0xff;
            if (a != b) {
                return a < b ? -1 : 1;
            }
            if (a == 0) {
                break;
            }
        }
        return 0;
    }
}
