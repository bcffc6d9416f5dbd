package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.Memory;
import java.nio.charset.StandardCharsets;

/**
 * The formats of {@code bpf_trace_printk} and {@code bpf_trace_vprintk}, byte for byte as Linux 6.18 prints them (each
 * rule below was observed on one). One a {@link RunContext}, used by its thread.
 *
 * <pre>
 * %[0+- ]*[width] conversion
 *
 * %%                    a percent sign, without anything in between
 * c                     the low byte of the argument
 * [l|ll] d i u x X      32 bits, or 64 with l or ll
 * s pks                 a string in memory of the program; pks ignores the width
 * pus                   a string in user memory, of which there is none: empty
 * px                    an address, 16 digits unless there is a width
 * p pK                  the same, hashed; null and error pointers as they are
 * ps pS pB              a symbol: here always its number
 * pi4 pI4 pi6 pI6       an IP address in memory; the width is ignored; pi4 has leading zeroes, pi6 no colons
 * </pre>
 *
 * <p>No other flag, precision or length is allowed. After {@code p} and {@code s} conversions there must be the end, a
 * space or punctuation where the kernel says so; letters and digits behind a {@code p} conversion that it does allow are
 * swallowed. Arguments go through a buffer of 512 bytes ({@code ENOSPC}), the text through one of 1,024, which the
 * returned length does not show.
 */
final class TraceFormat {
    /** Most arguments of {@code bpf_trace_printk}. */
    static final int MAX_PRINTK_ARGS = 3;

    /** Most arguments of {@code bpf_trace_vprintk}. */
    static final int MAX_VPRINTK_ARGS = 12;

    /** Bytes of a line of the trace, with its NUL. */
    static final int TEXT_BYTES = 1024;

    /** Most bytes that are kept of a text; the kernel has no such limit for those that go into memory. */
    private static final int MAX_TEXT_BYTES = 1 << 16;

    private static final int ARGUMENT_BYTES = 512;
    private static final int MAX_WIDTH = (1 << 23) - 1;
    private static final int POINTER_DIGITS = 16;
    private static final int MAX_ERRNO = 4095;

    /** Arguments of the call at hand. */
    final long[] args = new long[MAX_VPRINTK_ARGS];

    private byte[] text = new byte[TEXT_BYTES];
    private int textBytes;
    private final byte[] piece = new byte[ARGUMENT_BYTES];
    private int pieceLength;

    /** Bytes printed, with those that had no room. */
    private int length;

    /** Bytes of the argument buffer in use. */
    private int used;

    // --- the conversion at hand
    private boolean zero;
    private boolean plus;
    private boolean left;
    private boolean space;
    private int width;

    /**
     * Formats.
     *
     * @param format address of the format
     * @param size its size; it must hold a NUL
     * @param argCount how many of {@link #args} there are
     * @param room bytes of the text to keep, one of them for a NUL
     * @return the length of the text, or a negative error number
     */
    int format(RunContext context, long format, long size, int argCount, long room) {
        textBytes = (int) Math.min(room, MAX_TEXT_BYTES);
        if (textBytes > text.length) {
            text = new byte[textBytes];
        }
        length = 0;
        used = 0;
        long end = format;
        while (end < format + size && Memory.getByte(end) != 0) {
            end++;
        }
        if (end == format + size) {
            return Errno.EINVAL.negative();
        }
        int arg = 0;
        long at = format;
        while (at < end) {
            int c = Memory.getByte(at) & 0xff;
            if (c != '%') {
                if (!isText(c)) {
                    return Errno.EINVAL.negative();
                }
                put(c);
                at++;
                continue;
            }
            if (peek(at + 1, end) == '%') {
                put('%');
                at += 2;
                continue;
            }
            if (arg >= argCount) {
                return Errno.EINVAL.negative();
            }
            at = flagsAndWidth(at + 1, end);
            long after = convert(context, at, end, args[arg++]);
            if (after < 0) {
                return (int) after;
            }
            at = after;
        }
        return length;
    }

    /** Fills {@link #args}: how many there are, or EINVAL when the size is not allowed. */
    int readArguments(long data, long dataSize) {
        if ((dataSize & 7) != 0
                || Long.compareUnsigned(dataSize, MAX_VPRINTK_ARGS * (long) Long.BYTES) > 0
                || dataSize != 0 && data == 0) {
            return Errno.EINVAL.negative();
        }
        int count = (int) dataSize / Long.BYTES;
        for (int i = 0; i < count; i++) {
            args[i] = Memory.getLong(data + (long) i * Long.BYTES);
        }
        return count;
    }

    /** Copies the text of the last {@link #format} and a NUL, as much as fits. */
    void copyTo(long address, long size) {
        if (size > 0) {
            int bytes = Math.min(length, textBytes - 1);
            Memory.copy(text, 0, address, bytes);
            Memory.putByte(address + bytes, (byte) 0);
        }
    }

    /** The text of the last {@link #format}, up to the first NUL, without one newline at its end. */
    String line() {
        int size = Math.min(length, textBytes - 1);
        for (int i = 0; i < size; i++) {
            if (text[i] == 0) {
                size = i;
            }
        }
        if (size > 0 && text[size - 1] == '\n') {
            size--;
        }
        return new String(text, 0, size, StandardCharsets.UTF_8);
    }

    private static int peek(long at, long end) {
        return at < end ? Memory.getByte(at) & 0xff : 0;
    }

    private long flagsAndWidth(long start, long end) {
        zero = false;
        plus = false;
        left = false;
        space = false;
        width = 0;
        long at = start;
        for (; ; at++) {
            switch (peek(at, end)) {
                case '0' -> zero = true;
                case '+' -> plus = true;
                case '-' -> left = true;
                case ' ' -> space = true;
                default -> {
                    int digits = 0;
                    for (int c = peek(at, end); c >= '0' && c <= '9'; c = peek(++at, end)) {
                        digits = digits * 10 + c - '0'; // wraps as the kernel's does
                    }
                    width = Math.clamp(digits, 0, MAX_WIDTH);
                    return at;
                }
            }
        }
    }

    /** Prints one argument; where the format goes on, or a negative error number. */
    private long convert(RunContext context, long start, long end, long value) {
        long at = start;
        int c = peek(at, end);
        if (c == 'p') {
            return pointer(context, at + 1, end, value);
        }
        if (c == 's') {
            if (!endsWord(peek(at + 1, end))) {
                return Errno.EINVAL.negative();
            }
            if (!string(context, value)) {
                return Errno.ENOSPC.negative();
            }
            padded();
            return at + 1;
        }
        if (c == 'c') {
            if (!use(1, 1)) {
                return Errno.ENOSPC.negative();
            }
            piece[0] = (byte) value;
            pieceLength = 1;
            padded();
            return at + 1;
        }
        boolean wide = false;
        if (c == 'l') {
            wide = true;
            c = peek(++at, end);
            if (c == 'l') {
                c = peek(++at, end);
            }
        }
        boolean signed = c == 'd' || c == 'i';
        if (!signed && c != 'u' && c != 'x' && c != 'X') {
            return Errno.EINVAL.negative();
        }
        if (!use(wide ? Long.BYTES : Integer.BYTES, Integer.BYTES)) {
            return Errno.ENOSPC.negative();
        }
        long number = wide ? value : signed ? (int) value : value & 0xffff_ffffL;
        if (signed) {
            number(number < 0 ? -number : number, 10, false, number < 0 ? '-' : plus ? '+' : space ? ' ' : 0);
        } else {
            number(number, c == 'u' ? 10 : 16, c == 'X', 0);
        }
        return at + 1;
    }

    /** The conversions that begin with p; {@code start} is behind it. */
    private long pointer(RunContext context, long start, long end, long value) {
        int c = peek(start, end);
        int next = peek(start + 1, end);
        long after = start + 1;
        if (endsWord(c)) {
            after = start;
            c = 0;
        }
        switch (c) {
            case 0, 'K', 'x' -> {
                if (!use(Long.BYTES, Integer.BYTES)) {
                    return Errno.ENOSPC.negative();
                }
                if (width == 0) {
                    width = POINTER_DIGITS;
                    zero = true;
                }
                boolean plain = c == 'x' || value == 0 || value < 0 && value >= -MAX_ERRNO;
                number(plain ? value : hashed(value), 16, false, 0);
            }
            case 's', 'S', 'B' -> {
                if (!use(Long.BYTES, Integer.BYTES)) {
                    return Errno.ENOSPC.negative();
                }
                byte[] symbol = ("0x" + Long.toHexString(value)).getBytes(StandardCharsets.US_ASCII);
                System.arraycopy(symbol, 0, piece, 0, symbol.length);
                pieceLength = symbol.length;
                if (c == 'B') {
                    finished();
                } else {
                    padded();
                }
            }
            case 'k', 'u' -> {
                if (next != 's' || !endsWord(peek(start + 2, end))) {
                    return Errno.EINVAL.negative();
                }
                after = start + 2;
                if (!string(context, c == 'k' ? value : 0)) {
                    return Errno.ENOSPC.negative();
                }
                finished();
            }
            case 'i', 'I' -> {
                if (next != '4' && next != '6') {
                    return Errno.EINVAL.negative();
                }
                after = start + 2;
                int bytes = next == '4' ? 4 : 16;
                if (ARGUMENT_BYTES - used < bytes) {
                    return Errno.ENOSPC.negative();
                }
                ip(context, value, bytes, c == 'i');
                used = Math.min(ARGUMENT_BYTES, used + pieceLength + 1);
                finished();
            }
            default -> {
                return Errno.EINVAL.negative();
            }
        }
        return skipWord(after, end);
    }

    private static long skipWord(long start, long end) {
        long at = start;
        while (at < end && isWord(peek(at, end))) {
            at++;
        }
        return at;
    }

    /** Takes room in the argument buffer. */
    private boolean use(int bytes, int alignment) {
        int from = used + alignment - 1 & -alignment;
        if (ARGUMENT_BYTES - from < bytes) {
            return false;
        }
        used = from + bytes;
        return true;
    }

    /** Reads a string of the program into {@link #piece}; false when the argument buffer is full. */
    private boolean string(RunContext context, long address) {
        int room = ARGUMENT_BYTES - used;
        pieceLength = 0;
        if (room == 0) {
            return false;
        }
        while (pieceLength < room - 1) {
            if (!context.allows(address + pieceLength, 1, false)) {
                pieceLength = 0; // a string that cannot be read to its end is none
                break;
            }
            byte b = Memory.getByte(address + pieceLength);
            if (b == 0) {
                break;
            }
            piece[pieceLength++] = b;
        }
        used += pieceLength + 1;
        return true;
    }

    private void ip(RunContext context, long address, int bytes, boolean lower) {
        boolean readable = context.allows(address, bytes, false);
        pieceLength = 0;
        for (int i = 0; i < bytes; i++) {
            int b = readable ? Memory.getByte(address + i) & 0xff : 0;
            if (bytes == 4) {
                if (i > 0) {
                    piece[pieceLength++] = '.';
                }
                if (lower || b >= 100) {
                    piece[pieceLength++] = (byte) ('0' + b / 100);
                }
                if (lower || b >= 10) {
                    piece[pieceLength++] = (byte) ('0' + b / 10 % 10);
                }
                piece[pieceLength++] = (byte) ('0' + b % 10);
            } else {
                if (!lower && i > 0 && i % 2 == 0) {
                    piece[pieceLength++] = ':';
                }
                piece[pieceLength++] = (byte) Character.forDigit(b >> 4, 16);
                piece[pieceLength++] = (byte) Character.forDigit(b & 15, 16);
            }
        }
    }

    /** Addresses are not shown as they are: 32 bits of a mix, which stay the same for the same address. */
    private static long hashed(long value) {
        long x = value * 0x9e37_79b9_7f4a_7c15L;
        return (x ^ x >>> 29) * 0xbf58_476d_1ce4_e5b9L >>> 32;
    }

    private void number(long magnitude, int base, boolean upper, int sign) {
        int digits = 0;
        long rest = magnitude;
        do {
            char digit = Character.forDigit((int) Long.remainderUnsigned(rest, base), base);
            piece[digits++] = (byte) (upper ? Character.toUpperCase(digit) : digit);
            rest = Long.divideUnsigned(rest, base);
        } while (rest != 0);
        int padding = width - digits - (sign == 0 ? 0 : 1);
        if (!left && !zero) {
            fill(padding, ' ');
        }
        if (sign != 0) {
            put(sign);
        }
        if (!left && zero) {
            fill(padding, '0');
        }
        while (digits > 0) {
            put(piece[--digits]);
        }
        if (left) {
            fill(padding, ' ');
        }
    }

    private void padded() {
        if (!left) {
            fill(width - pieceLength, ' ');
        }
        plain();
        if (left) {
            fill(width - pieceLength, ' ');
        }
    }

    /** What the kernel has turned into text before it prints: it counts only where there is room left. */
    private void finished() {
        if (length < textBytes) {
            plain();
        }
    }

    private void plain() {
        for (int i = 0; i < pieceLength; i++) {
            put(piece[i]);
        }
    }

    private void put(int c) {
        if (length < textBytes - 1) {
            text[length] = (byte) c;
        }
        length++;
    }

    private void fill(int count, char c) {
        int room = Math.min(count, textBytes - 1 - length);
        for (int i = 0; i < room; i++) {
            text[length + i] = (byte) c;
        }
        length += Math.max(0, count);
    }

    // --- the kernel's character classes: ASCII and the upper half of Latin-1

    private static boolean isText(int c) {
        return c >= ' ' && c != 0x7f || c >= '\t' && c <= '\r';
    }

    private static boolean isWord(int c) {
        return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || isLatinLetter(c);
    }

    private static boolean isLatinLetter(int c) {
        return c >= 0xc0 && c != 0xd7 && c != 0xf7;
    }

    /** The end, a space, or punctuation. */
    private static boolean endsWord(int c) {
        return c == 0 || c >= '\t' && c <= '\r' || c >= ' ' && c < 0x7f && !isWord(c) || c >= 0xa0 && !isLatinLetter(c);
    }
}
