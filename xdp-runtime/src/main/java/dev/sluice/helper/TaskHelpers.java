package dev.sluice.helper;

import dev.sluice.map.BpfMap;
import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;
import java.nio.charset.StandardCharsets;

/**
 * Helpers that ask for the task, its groups or the CPU's counters: answers as the kernel gives them when a packet comes in
 * while a CPU is idle and no counter is set up. See {@link Helpers}.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class TaskHelpers {
    /** What the idle task of a CPU is called, without the CPU's number. */
    private static final byte[] IDLE = "swapper/".getBytes(StandardCharsets.US_ASCII);

    /** Id of the root of all groups. */
    private static final long ROOT_GROUP = 1;

    private static final long INDEX_MASK = 0xffff_ffffL;
    private static final int PERF_VALUE_BYTES = 24;
    private static final int PID_INFO_BYTES = 8;

    private TaskHelpers() {}

    /** The idle task has number 0. */
    public static long getCurrentPidTgid(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    /** It belongs to root. */
    public static long getCurrentUidGid(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    /** Its name, cut off to fit, and zeroes. */
    public static long getCurrentComm(RunContext context, long to, long size, long r3, long r4, long r5) {
        Memory.fill(to, size, (byte) 0);
        for (int i = 0; i < IDLE.length && i < size - 1; i++) {
            Memory.putByte(to + i, IDLE[i]);
        }
        int divisor = 1;
        while (context.cpu / divisor >= 10) {
            divisor *= 10;
        }
        for (long at = IDLE.length; divisor > 0 && at < size - 1; at++, divisor /= 10) {
            Memory.putByte(to + at, (byte) ('0' + context.cpu / divisor % 10));
        }
        return 0;
    }

    /** None. */
    public static long getCgroupClassid(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return 0;
    }

    public static long getCurrentCgroupId(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return ROOT_GROUP;
    }

    /** The root for level 0, 0 below it. */
    public static long getCurrentAncestorCgroupId(RunContext context, long level, long r2, long r3, long r4, long r5) {
        return (int) level == 0 ? ROOT_GROUP : 0;
    }

    /** There are no groups in the map: E2BIG behind its end, else EAGAIN. */
    public static long currentTaskUnderCgroup(RunContext context, long map, long index, long r3, long r4, long r5) {
        boolean outside = Long.compareUnsigned(index & INDEX_MASK, entries(context, map)) >= 0;
        return (outside ? Errno.E2BIG : Errno.EAGAIN).negative();
    }

    /** The idle task takes no signals: EPERM. */
    public static long sendSignal(RunContext context, long signal, long r2, long r3, long r4, long r5) {
        return Errno.EPERM.negative();
    }

    /** The same. */
    public static long sendSignalThread(RunContext context, long signal, long r2, long r3, long r4, long r5) {
        return Errno.EPERM.negative();
    }

    /** No namespace has the idle task: zeroes and EINVAL. */
    public static long getNsCurrentPidTgid(RunContext context, long device, long inode, long to, long size, long r5) {
        Memory.fill(to, size, (byte) 0);
        return Errno.EINVAL.negative();
    }

    // --- counters

    /** There are none in the map: E2BIG behind its end, EINVAL for flags, else ENOENT. */
    public static long perfEventRead(RunContext context, long map, long flags, long r3, long r4, long r5) {
        return noCounter(context, map, flags);
    }

    /** The same, and zeroes; EINVAL for another size than 24. */
    public static long perfEventReadValue(RunContext context, long map, long flags, long to, long size, long r5) {
        Memory.fill(to, size, (byte) 0);
        return size == PERF_VALUE_BYTES ? noCounter(context, map, flags) : Errno.EINVAL.negative();
    }

    private static long noCounter(RunContext context, long map, long flags) {
        if ((flags & ~INDEX_MASK) != 0) {
            return Errno.EINVAL.negative();
        }
        long index = flags == INDEX_MASK ? context.cpu : flags;
        return (index >= entries(context, map) ? Errno.E2BIG : Errno.ENOENT).negative();
    }

    private static long entries(RunContext context, long map) {
        BpfMap found = context.map(map);
        return Integer.toUnsignedLong(found.def().maxEntries());
    }

    /** No branches are recorded: ENOENT; EINVAL for flags. */
    public static long getBranchSnapshot(RunContext context, long to, long size, long flags, long r4, long r5) {
        return (flags != 0 ? Errno.EINVAL : Errno.ENOENT).negative();
    }
}
