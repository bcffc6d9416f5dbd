package dev.sluice.packet.measure;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Finds out from which round on a series of round times is steady.
 *
 * <p>The series is cut where its level changes: binary segmentation of the logarithms, each cut where it takes most off the
 * squared error, as long as it takes off more than a penalty of {@code 5 σ² ln n}; σ comes from the differences of
 * neighbours, which a change of level does not touch. Outliers (the machine was busy) are first replaced by the median of
 * five neighbours. The steady state begins with the first segment from which on no segment is more than
 * {@link #TOLERANCE} away from the last, and behind the slow rounds that it begins with, however few: a compilation takes less
 * time than some rounds.
 */
public final class SteadyState {
    /** Levels this close count as the same. */
    public static final double TOLERANCE = 0.05;

    private static final int SHORTEST_SEGMENT = 5;
    private static final int SMOOTHED = 5;

    /** More than the usual 3, as smoothing makes neighbours alike. */
    private static final double PENALTY = 5;

    /** So that a series without any noise has a penalty too. */
    private static final double LEAST_SIGMA = 0.002;

    private SteadyState() {}

    /**
     * The first steady round.
     *
     * @param rounds times, above 0
     * @return its index; the length of the series when too few rounds are left to be called steady
     */
    public static int start(double... rounds) {
        if (rounds.length < 2 * SHORTEST_SEGMENT) {
            return rounds.length;
        }
        double[] logs = new double[rounds.length];
        double[] smooth = smooth(rounds);
        for (int i = 0; i < rounds.length; i++) {
            logs[i] = Math.log(Math.max(smooth[i], 1e-3));
        }
        List<Integer> cuts = cuts(logs, sigma(rounds));
        int last = cuts.getLast();
        double level = median(rounds, last, rounds.length);
        int start = last;
        for (int i = cuts.size() - 2; i >= 0; i--) {
            double before = median(rounds, cuts.get(i), cuts.get(i + 1));
            if (Math.abs(before / level - 1) > TOLERANCE) {
                break;
            }
            start = cuts.get(i);
        }
        while (start < rounds.length && rounds[start] > level * (1 + TOLERANCE)) {
            start++; // slow rounds at the beginning are no outliers: the code was not compiled yet
        }
        return rounds.length - start < 2 * SHORTEST_SEGMENT ? rounds.length : start;
    }

    /** Where segments begin, in order; the first begins at 0. */
    private static List<Integer> cuts(double[] series, double sigma) {
        int n = series.length;
        double[] sums = new double[n + 1];
        double[] squares = new double[n + 1];
        for (int i = 0; i < n; i++) {
            sums[i + 1] = sums[i] + series[i];
            squares[i + 1] = squares[i] + series[i] * series[i];
        }
        double penalty = PENALTY * sigma * sigma * Math.log(n);
        List<Integer> cuts = new ArrayList<>(List.of(0));
        split(sums, squares, 0, n, penalty, cuts);
        cuts.sort(null);
        return cuts;
    }

    /** The noise of the rounds' logarithms, from neighbours: a change of level touches only one of these differences. */
    private static double sigma(double[] rounds) {
        double[] steps = new double[rounds.length - 1];
        for (int i = 0; i < steps.length; i++) {
            steps[i] = Math.abs(Math.log(Math.max(rounds[i + 1], 1e-3) / Math.max(rounds[i], 1e-3)));
        }
        // the median of |x - y| of two normal variables is 0.954 sigma
        return Math.max(median(steps, 0, steps.length) / 0.954, LEAST_SIGMA);
    }

    private static void split(double[] sums, double[] squares, int from, int to, double penalty, List<Integer> cuts) {
        double whole = error(sums, squares, from, to);
        double best = whole - penalty;
        int at = -1;
        for (int i = from + SHORTEST_SEGMENT; i <= to - SHORTEST_SEGMENT; i++) {
            double both = error(sums, squares, from, i) + error(sums, squares, i, to);
            if (both < best) {
                best = both;
                at = i;
            }
        }
        if (at >= 0) {
            cuts.add(at);
            split(sums, squares, from, at, penalty, cuts);
            split(sums, squares, at, to, penalty, cuts);
        }
    }

    /** The sum of the squared distances from the mean. */
    private static double error(double[] sums, double[] squares, int from, int to) {
        double sum = sums[to] - sums[from];
        return squares[to] - squares[from] - sum * sum / (to - from);
    }

    private static double[] smooth(double[] rounds) {
        double[] smooth = new double[rounds.length];
        for (int i = 0; i < rounds.length; i++) {
            int from = Math.clamp(i - SMOOTHED / 2, 0, rounds.length - SMOOTHED);
            smooth[i] = median(rounds, from, from + SMOOTHED);
        }
        return smooth;
    }

    static double median(double[] values, int from, int to) {
        double[] sorted = Arrays.copyOfRange(values, from, to);
        Arrays.sort(sorted);
        return sorted.length == 0 ? 0 : sorted[sorted.length / 2];
    }
}
