package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;

/**
 * The kernel functions on strings, which may be given any address: memory that the program may not read counts as memory
 * that does not exist. Results are an {@code int}: numbers are not extended to 64 bits. At most 65,536 bytes are looked
 * at, then it is E2BIG.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class StringKfuncs {
    /** The kernel's {@code XATTR_SIZE_MAX}. */
    private static final int MAX_BYTES = 65_536;

    private static final long LOW = 0xffff_ffffL;

    /** In place of a byte: there is no memory. */
    private static final int NONE = -1;

    private StringKfuncs() {}

    private static int at(RunContext context, long address) {
        return context.allows(address, 1, false) ? Memory.getByte(address) & 0xff : NONE;
    }

    private static long error(Errno errno) {
        return errno.negative() & LOW;
    }

    /** ERANGE where memory can be told not to exist before anything is read. */
    private static boolean isForeign(RunContext context, long address) {
        return !MemoryHelpers.isKernelSpace(address) && at(context, address) == NONE;
    }

    /** Below, at or above: -1, 0, 1. */
    public static long strcmp(RunContext context, long one, long other, long r3, long r4, long r5) {
        return compare(context, one, other, false);
    }

    /** The same for letters of either case. */
    public static long strcasecmp(RunContext context, long one, long other, long r3, long r4, long r5) {
        return compare(context, one, other, true);
    }

    private static long compare(RunContext context, long one, long other, boolean ignoreCase) {
        if (isForeign(context, one) || isForeign(context, other)) {
            return error(Errno.ERANGE);
        }
        for (int i = 0; i < MAX_BYTES; i++) {
            int a = at(context, one + i);
            int b = at(context, other + i);
            if (a == NONE || b == NONE) {
                return error(Errno.EFAULT);
            }
            if (ignoreCase) {
                a = lower(a);
                b = lower(b);
            }
            if (a != b) {
                return (a < b ? -1 : 1) & LOW;
            }
            if (a == 0) {
                return 0;
            }
        }
        return error(Errno.E2BIG);
    }

    /** Of Latin-1, as the kernel's tables have it. */
    private static int lower(int c) {
        boolean upper = c >= 'A' && c <= 'Z' || c >= 0xc0 && c <= 0xde && c != 0xd7;
        return upper ? c + 0x20 : c;
    }

    /** Where a character is first, ENOENT if nowhere. */
    public static long strchr(RunContext context, long string, long c, long r3, long r4, long r5) {
        return strnchr(context, string, MAX_BYTES, c, 0, 0);
    }

    /** The same among the first {@code count} characters. */
    public static long strnchr(RunContext context, long string, long count, long c, long r4, long r5) {
        if (isForeign(context, string)) {
            return error(Errno.ERANGE);
        }
        int i = 0;
        for (; i < MAX_BYTES && Long.compareUnsigned(i, count) < 0; i++) {
            int found = at(context, string + i);
            if (found == NONE) {
                return error(Errno.EFAULT);
            }
            if (found == (c & 0xff)) {
                return i;
            }
            if (found == 0) {
                return error(Errno.ENOENT);
            }
        }
        return error(i == MAX_BYTES ? Errno.E2BIG : Errno.ENOENT);
    }

    /** Where a character is first, or the string's length. */
    public static long strchrnul(RunContext context, long string, long c, long r3, long r4, long r5) {
        if (isForeign(context, string)) {
            return error(Errno.ERANGE);
        }
        for (int i = 0; i < MAX_BYTES; i++) {
            int found = at(context, string + i);
            if (found == NONE) {
                return error(Errno.EFAULT);
            }
            if (found == 0 || found == (c & 0xff)) {
                return i;
            }
        }
        return error(Errno.E2BIG);
    }

    /** Where a character is last, ENOENT if nowhere. */
    public static long strrchr(RunContext context, long string, long c, long r3, long r4, long r5) {
        if (isForeign(context, string)) {
            return error(Errno.ERANGE);
        }
        long last = error(Errno.ENOENT);
        for (int i = 0; i < MAX_BYTES; i++) {
            int found = at(context, string + i);
            if (found == NONE) {
                return error(Errno.EFAULT);
            }
            if (found == (int) c) {
                last = i;
            }
            if (found == 0) {
                return last;
            }
        }
        return error(Errno.E2BIG);
    }

    public static long strlen(RunContext context, long string, long r2, long r3, long r4, long r5) {
        return strnlen(context, string, MAX_BYTES, 0, 0, 0);
    }

    /** The length, at most {@code count}. */
    public static long strnlen(RunContext context, long string, long count, long r3, long r4, long r5) {
        if (isForeign(context, string)) {
            return error(Errno.ERANGE);
        }
        int i = 0;
        for (; i < MAX_BYTES && Long.compareUnsigned(i, count) < 0; i++) {
            int found = at(context, string + i);
            if (found == NONE) {
                return error(Errno.EFAULT);
            }
            if (found == 0) {
                return i;
            }
        }
        return i == MAX_BYTES ? error(Errno.E2BIG) : i;
    }

    /** How many characters at the beginning are of a set. */
    public static long strspn(RunContext context, long string, long accepted, long r3, long r4, long r5) {
        return span(context, string, accepted, true);
    }

    /** How many characters at the beginning are not of a set. */
    public static long strcspn(RunContext context, long string, long rejected, long r3, long r4, long r5) {
        return span(context, string, rejected, false);
    }

    private static long span(RunContext context, long string, long set, boolean in) {
        if (isForeign(context, string) || isForeign(context, set)) {
            return error(Errno.ERANGE);
        }
        for (int i = 0; i < MAX_BYTES; i++) {
            int c = at(context, string + i);
            if (c == NONE) {
                return error(Errno.EFAULT);
            }
            if (c == 0) {
                return i;
            }
            int member = 0;
            int j = 0;
            for (; j < MAX_BYTES; j++) {
                member = at(context, set + j);
                if (member == NONE) {
                    return error(Errno.EFAULT);
                }
                if (member == c || member == 0) {
                    break;
                }
            }
            if (j == MAX_BYTES) {
                return error(Errno.E2BIG);
            }
            if (in == (member == 0)) {
                return i;
            }
        }
        return error(Errno.E2BIG);
    }

    /** Where a string is first in another, ENOENT if nowhere. */
    public static long strstr(RunContext context, long string, long wanted, long r3, long r4, long r5) {
        return strnstr(context, string, wanted, MAX_BYTES, 0, 0);
    }

    /** The same within the first {@code length} characters. */
    public static long strnstr(RunContext context, long string, long wanted, long length, long r4, long r5) {
        if (isForeign(context, string) || isForeign(context, wanted)) {
            return error(Errno.ERANGE);
        }
        for (int i = 0; i < MAX_BYTES; i++) {
            int j = 0;
            for (; Long.compareUnsigned(i + j, length) <= 0 && j < MAX_BYTES; j++) {
                int expected = at(context, wanted + j);
                if (expected == NONE) {
                    return error(Errno.EFAULT);
                }
                if (expected == 0) {
                    return i;
                }
                if (i + j == length) {
                    break;
                }
                int found = at(context, string + i + j);
                if (found == NONE) {
                    return error(Errno.EFAULT);
                }
                if (found == 0) {
                    return error(Errno.ENOENT);
                }
                if (found != expected) {
                    break;
                }
            }
            if (j == MAX_BYTES) {
                return error(Errno.E2BIG);
            }
            if (i + j == length) {
                return error(Errno.ENOENT);
            }
        }
        return error(Errno.E2BIG);
    }
}
