package dev.sluice.cli;

import java.util.Locale;

/** Numbers for people. */
final class Quantity {
    private static final String[] PREFIXES = {"", "k", "M", "G", "T"};

    private Quantity() {}

    /** Three digits behind the point, as JSON has them. */
    static double rounded(double number) {
        return Math.round(number * 1000) / 1000.0;
    }

    /** With thousands separated: {@code 1,234,567}. */
    static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** With what it counts: {@code 1 packet}, {@code 1,234 packets}. */
    static String of(long number, String noun) {
        return count(number) + " " + noun + (number == 1 ? "" : "s");
    }

    /** With a decimal prefix and three digits: {@code 12.3 M}. */
    static String scaled(double number) {
        int prefix = 0;
        double scaled = number;
        while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
            scaled /= 1000;
            prefix++;
        }
        String digits = String.format(Locale.ROOT, scaled < 10 ? "%.2f" : scaled < 100 ? "%.1f" : "%.0f", scaled);
        return prefix == 0 ? String.format(Locale.ROOT, "%.0f ", number) : digits + " " + PREFIXES[prefix];
    }

    /** {@code 12.3 %}, or a dash of nothing. */
    static String share(long part, long whole) {
        return whole == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }

    /** Seconds, milliseconds or microseconds, whichever reads best. */
    static String duration(long nanos) {
        if (nanos >= 1_000_000_000L) {
            return String.format(Locale.ROOT, "%.2f s", nanos / 1e9);
        }
        return nanos >= 1_000_000L
                ? String.format(Locale.ROOT, "%.1f ms", nanos / 1e6)
                : String.format(Locale.ROOT, "%.0f µs", nanos / 1e3);
    }
}
