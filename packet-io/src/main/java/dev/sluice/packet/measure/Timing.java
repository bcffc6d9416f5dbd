package dev.sluice.packet.measure;

import java.util.Arrays;

/**
 * A contender's rounds summed up: quartiles, in nanoseconds of CPU time a packet (or as a plain number, for ratios).
 *
 * @param rounds how many there were
 */
public record Timing(double median, double q1, double q3, double min, double max, int rounds) {
    /** @param values one a round, at least one */
    public static Timing of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Timing(
                quantile(sorted, 0.5),
                quantile(sorted, 0.25),
                quantile(sorted, 0.75),
                sorted[0],
                sorted[sorted.length - 1],
                sorted.length);
    }

    /** Between two values in proportion. */
    private static double quantile(double[] sorted, double part) {
        double at = part * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    /** The range of the middle half of the rounds, as a part of the median. */
    public double relativeSpread() {
        return median == 0 ? 0 : (q3 - q1) / median;
    }
}
