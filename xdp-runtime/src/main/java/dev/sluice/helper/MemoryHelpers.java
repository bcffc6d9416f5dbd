package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;

/** Helpers on strings and on memory that may not exist. See {@link Helpers}. */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class MemoryHelpers {
    private static final long BASE_MASK = 31;

    /** Most characters of a number that the kernel looks at. */
    private static final int MAX_DIGITS = 63;

    /** Where the kernel's half of the address space begins. */
    private static final long KERNEL_SPACE = 0xffff_8000_0000_0000L;

    private MemoryHelpers() {}

    // --- numbers

    /**
     * Reads a signed number: white space, a minus sign, digits.
     *
     * @param flags the base in the low five bits: 8, 10, 16, or 0 for what the digits begin with
     * @return characters read, EINVAL without digits or for other flags, ERANGE for too large numbers
     */
    public static long strtol(RunContext context, long buffer, long size, long flags, long result, long r5) {
        Memory.putLong(result, 0);
        long consumed = parse(context, buffer, size, flags);
        if (consumed < 0) {
            return consumed;
        }
        long magnitude = context.parsed;
        long value = context.parsedNegative ? -magnitude : magnitude;
        if (context.parsedNegative ? value > 0 : value < 0) {
            return Errno.ERANGE.negative();
        }
        Memory.putLong(result, value);
        return consumed;
    }

    /** Reads an unsigned number as {@link #strtol} does; EINVAL for a minus sign. */
    public static long strtoul(RunContext context, long buffer, long size, long flags, long result, long r5) {
        Memory.putLong(result, 0);
        long consumed = parse(context, buffer, size, flags);
        if (consumed < 0) {
            return consumed;
        }
        if (context.parsedNegative) {
            return Errno.EINVAL.negative();
        }
        Memory.putLong(result, context.parsed);
        return consumed;
    }

    /** Leaves magnitude and sign in the context, and gives the number of characters read. */
    private static long parse(RunContext context, long buffer, long size, long flags) {
        int base = (int) (flags & BASE_MASK);
        if ((flags & ~BASE_MASK) != 0 || base != 0 && base != 8 && base != 10 && base != 16) {
            return Errno.EINVAL.negative();
        }
        long end = buffer + size;
        long at = buffer;
        while (at < end && isSpace(Memory.getByte(at) & 0xff)) {
            at++;
        }
        context.parsedNegative = at < end && Memory.getByte(at) == '-';
        if (context.parsedNegative) {
            at++;
        }
        end = Math.min(end, at + MAX_DIGITS);
        if (base == 0) {
            base = 10;
            if (peek(at, end) == '0') {
                base = lower(peek(at + 1, end)) == 'x' && digit(peek(at + 2, end)) < 16 ? 16 : 8;
            }
        }
        if (base == 16 && peek(at, end) == '0' && lower(peek(at + 1, end)) == 'x') {
            at += 2;
        }
        long digits = at;
        long value = 0;
        boolean overflow = false;
        for (int digit = digit(peek(at, end)); digit < base; digit = digit(peek(++at, end))) {
            overflow |= value >>> 60 != 0 && Long.compareUnsigned(value, Long.divideUnsigned(-1L - digit, base)) > 0;
            value = value * base + digit;
        }
        if (overflow) {
            return Errno.ERANGE.negative();
        }
        if (at == digits) {
            return Errno.EINVAL.negative();
        }
        context.parsed = value;
        return at - buffer;
    }

    private static int peek(long at, long end) {
        return at < end ? Memory.getByte(at) & 0xff : 0;
    }

    private static int lower(int c) {
        return c | 0x20;
    }

    /** A hexadecimal digit's value, or 99. */
    private static int digit(int c) {
        if (c >= '0' && c <= '9') {
            return c - '0';
        }
        int letter = lower(c);
        return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : 99;
    }

    private static boolean isSpace(int c) {
        return c == ' ' || c >= '\t' && c <= '\r' || c == 0xa0;
    }

    // --- printing

    /**
     * Prints into memory as {@code bpf_trace_vprintk} does into the trace; the text is cut off to fit and ends in NUL.
     *
     * @return the length of the whole text with its NUL, or the error numbers of {@link Helpers#traceVprintk}
     */
    public static long snprintf(RunContext context, long buffer, long size, long format, long data, long dataSize) {
        TraceFormat trace = context.traceFormat();
        int count = trace.readArguments(data, dataSize);
        if (count < 0) {
            return count;
        }
        int formatSize = context.stringLength(format, Integer.MAX_VALUE) + 1;
        int length = trace.format(context, format, formatSize, count, size);
        if (length < 0) {
            return length;
        }
        trace.copyTo(buffer, size);
        return length + 1L;
    }

    // --- memory that may not exist

    /** Copies memory if it exists: 0; else EFAULT or, where the kernel has none, ERANGE, and zeroes. */
    public static long probeReadKernel(RunContext context, long to, long size, long from, long r4, long r5) {
        if (context.allows(from, Math.max(size, 1), false)) {
            Memory.copy(from, to, size);
            return 0;
        }
        if (size == 0 && isKernelSpace(from)) {
            return 0;
        }
        Memory.fill(to, size, (byte) 0);
        return missing(from);
    }

    /** Copies a string up to its NUL: its length with NUL, cut off to {@code size}; errors as {@link #probeReadKernel}. */
    public static long probeReadKernelStr(RunContext context, long to, long size, long from, long r4, long r5) {
        for (long i = 0; i < size; i++) {
            if (!context.allows(from + i, 1, false)) {
                Memory.fill(to, size, (byte) 0);
                return missing(from);
            }
            byte b = i == size - 1 ? 0 : Memory.getByte(from + i);
            Memory.putByte(to + i, b);
            if (b == 0) {
                return i + 1;
            }
        }
        return 0;
    }

    /** There is no user memory while a packet is received: EFAULT and zeroes. */
    public static long probeReadUser(RunContext context, long to, long size, long from, long r4, long r5) {
        if (size == 0 && !isKernelSpace(from)) {
            return 0;
        }
        Memory.fill(to, size, (byte) 0);
        return Errno.EFAULT.negative();
    }

    /** As {@link #probeReadUser}. */
    public static long probeReadUserStr(RunContext context, long to, long size, long from, long r4, long r5) {
        return size == 0 ? 0 : probeReadUser(context, to, size, from, 0, 0);
    }

    static long missing(long address) {
        return (isKernelSpace(address) ? Errno.EFAULT : Errno.ERANGE).negative();
    }

    static boolean isKernelSpace(long address) {
        return Long.compareUnsigned(address, KERNEL_SPACE) >= 0;
    }
}
