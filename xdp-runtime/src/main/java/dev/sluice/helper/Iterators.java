package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;

/**
 * {@code bpf_iter_num_*}: numbers from one to below another. The iterator is eight bytes of the program's stack:
 *
 * <pre>
 * 0  s32  the number that the program was shown last
 * 4  s32  where it ends
 * </pre>
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class Iterators {
    private static final int END = 4;

    /** The kernel's {@code BPF_MAX_LOOPS}. */
    private static final long MAX_NUMBERS = 8 * 1024 * 1024;

    private static final long LOW = 0xffff_ffffL;

    private Iterators() {}

    /** 0, or an empty iterator and EINVAL for an end before the start, E2BIG for more than 8,388,608 numbers. */
    public static long iterNumNew(RunContext context, long iterator, long start, long end, long r4, long r5) {
        int from = (int) start;
        int to = (int) end;
        Memory.putLong(iterator, 0);
        if (from > to) {
            return Errno.EINVAL.negative() & LOW;
        }
        if ((long) to - from > MAX_NUMBERS) {
            return Errno.E2BIG.negative() & LOW;
        }
        Memory.putInt(iterator, from - 1);
        Memory.putInt(iterator + END, to);
        return 0;
    }

    /** The address of the next number, 0 after the last. */
    public static long iterNumNext(RunContext context, long iterator, long r2, long r3, long r4, long r5) {
        int next = Memory.getInt(iterator) + 1;
        if (next >= Memory.getInt(iterator + END)) {
            Memory.putLong(iterator, 0);
            return 0;
        }
        Memory.putInt(iterator, next);
        return iterator;
    }

    public static long iterNumDestroy(RunContext context, long iterator, long r2, long r3, long r4, long r5) {
        Memory.putLong(iterator, 0);
        return 0;
    }
}
