package dev.sluice.helper;

import org.jspecify.annotations.Nullable;

/**
 * An IP address as 16 bytes in two numbers, first byte highest. IPv4 addresses are the upper half of {@code high}, with
 * zeroes behind.
 *
 * @param ipv6 which of the two
 */
record Address(boolean ipv6, long high, long low) {
    private static final int V4_SHIFT = 32;

    /** Bits of an address of its kind. */
    int bits() {
        return ipv6 ? 128 : 32;
    }

    /** Reads an address in its usual form; null if it is none. */
    static @Nullable Address parse(String text) {
        return text.indexOf(':') >= 0 ? parseV6(text) : parseV4(text);
    }

    private static @Nullable Address parseV4(String text) {
        String[] parts = text.split("\\.", -1);
        if (parts.length > 4 || parts.length == 0) {
            return null;
        }
        // iproute2 leaves zeroes at the end of prefixes away: 10/8
        long value = 0;
        for (int i = 0; i < 4; i++) {
            int part = i < parts.length ? number(parts[i], 10, 255) : 0;
            if (part < 0) {
                return null;
            }
            value = value << 8 | part;
        }
        return new Address(false, value << V4_SHIFT, 0);
    }

    private static @Nullable Address parseV6(String text) {
        int gap = text.indexOf("::");
        if (gap >= 0 && text.indexOf("::", gap + 1) >= 0) {
            return null;
        }
        int[] words = new int[8];
        if (gap < 0) {
            return words(text, words) == 8 ? of(words) : null;
        }
        int[] tail = new int[8];
        int front = gap == 0 ? 0 : words(text.substring(0, gap), words);
        int back = gap + 2 == text.length() ? 0 : words(text.substring(gap + 2), tail);
        if (front < 0 || back < 0 || front + back > 7) {
            return null;
        }
        System.arraycopy(tail, 0, words, 8 - back, back);
        return of(words);
    }

    /** Reads 16-bit words, the last two perhaps as an IPv4 address: how many, or -1. */
    private static int words(String text, int[] to) {
        String[] parts = text.split(":", -1);
        int count = 0;
        for (int i = 0; i < parts.length; i++) {
            if (i == parts.length - 1 && parts[i].indexOf('.') >= 0 && count <= 6) {
                Address last = parts[i].split("\\.", -1).length == 4 ? parseV4(parts[i]) : null;
                if (last == null) {
                    return -1;
                }
                to[count++] = (int) (last.high >>> 48);
                to[count++] = (int) (last.high >>> 32) & 0xffff;
                continue;
            }
            int word = parts[i].length() > 4 ? -1 : number(parts[i], 16, 0xffff);
            if (word < 0 || count == 8) {
                return -1;
            }
            to[count++] = word;
        }
        return count;
    }

    private static Address of(int[] words) {
        long high = 0;
        long low = 0;
        for (int i = 0; i < 4; i++) {
            high = high << 16 | words[i];
            low = low << 16 | words[i + 4];
        }
        return new Address(true, high, low);
    }

    private static int number(String text, int radix, int max) {
        int value = 0;
        for (int i = 0; i < text.length(); i++) {
            int digit = Character.digit(text.charAt(i), radix);
            value = value * radix + digit;
            if (digit < 0 || value > max) {
                return -1;
            }
        }
        return text.isEmpty() ? -1 : value;
    }

    /** The part of {@code high} that a prefix of some bits keeps. */
    static long maskHigh(int bits) {
        return bits == 0 ? 0 : bits >= 64 ? -1 : -1L << 64 - bits;
    }

    /** The part of {@code low} that a prefix of some bits keeps. */
    static long maskLow(int bits) {
        return bits <= 64 ? 0 : bits >= 128 ? -1 : -1L << 128 - bits;
    }
}
