package dev.sluice.packet.measure;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Contenders that are measured side by side: the favourite, which needs a warm-up, and others.
 *
 * <pre>{@code
 * Race race = new Race("sluice", sluice);
 * race.add("kernel", kernel);
 * Race.Result result = race.run(20, 10_000_000_000L);
 * result.timing("sluice").median();
 * }</pre>
 *
 * <p>Owner thread: one, which also makes and closes the contenders.
 */
public final class Race {
    /** Rounds that are compared with as many before them, at least this long: HotSpot compiles in the background. */
    private static final long WINDOW_NANOS = 400_000_000;

    /** The part of a window that compilations may have without being a reason to wait for their end. */
    private static final double COMPILING = 0.02;

    private static final int FEWEST_ROUNDS_OF_WINDOW = 4;

    /** Measured rounds that there are even when time is over. */
    private static final int FEWEST_ROUNDS = 5;

    /** CPU time of this process that the favourite's warm-up has even when time is over: what C2 needs for its code. */
    private static final long LEAST_WARM_UP_CPU_NANOS = 1_000_000_000;

    /** What each of the others' has. */
    private static final long LEAST_WARM_UP_NANOS = 500_000_000;

    /** The parts of a limited time that the favourite's warm-up may take, and those of the others together. */
    private static final double WARM_UP = 0.4;

    private static final double WARM_UP_OF_OTHERS = 0.3;
    private static final int MOST_WARM_UP_ROUNDS = 1_000_000;

    private final String favourite;
    private final Map<String, Contender> contenders = new LinkedHashMap<>();

    public Race(String favourite, Contender contender) {
        this.favourite = favourite;
        contenders.put(favourite, contender);
    }

    /** Adds one to run in each round, behind those before it. */
    public void add(String name, Contender contender) {
        if (contenders.putIfAbsent(name, contender) != null) {
            throw new IllegalArgumentException("two contenders of one name, name=" + name);
        }
    }

    /**
     * How the favourite got to its speed.
     *
     * @param nanos wall time of its rounds before the first steady one, without those of others in between; of all of its
     *     rounds when it never became steady
     * @param rounds it ran before it was steady
     * @param steady whether it became steady at all
     */
    public record WarmUp(long nanos, int rounds, boolean steady) {}

    /**
     * What came out.
     *
     * @param values nanoseconds a packet by contender and round, steady rounds only
     */
    public record Result(WarmUp warmUp, Map<String, double[]> values) {
        /** A contender's rounds summed up. */
        public Timing timing(String name) {
            return Timing.of(of(name));
        }

        /** One contender's rounds divided by another's, round by round. */
        public Timing ratio(String name, String other) {
            double[] one = of(name);
            double[] two = of(other);
            double[] ratios = new double[one.length];
            for (int i = 0; i < one.length; i++) {
                ratios[i] = one[i] / two[i];
            }
            return Timing.of(ratios);
        }

        public boolean has(String name) {
            return values.containsKey(name);
        }

        private double[] of(String name) {
            double[] found = values.get(name);
            if (found == null) {
                throw new IllegalArgumentException(
                        "no such contender, expected one of " + values.keySet() + ", name=" + name);
            }
            return found;
        }
    }

    /**
     * Warms all contenders up, the favourite first, and runs the rounds.
     *
     * @param rounds measured rounds, above 0
     * @param warmUpNanos the most that the warm-up of each contender may take
     */
    public Result run(int rounds, long warmUpNanos) {
        return run(rounds, warmUpNanos, warmUpNanos, 0, Long.MAX_VALUE);
    }

    /**
     * The same in a limited time: where the machine is too busy for all rounds there are fewer, at least {@value #FEWEST_ROUNDS},
     * and shorter warm-ups.
     *
     * @param limitNanos from now on, about
     */
    public Result run(int rounds, long warmUpNanos, long limitNanos) {
        long warmUp = Math.min(warmUpNanos, (long) (limitNanos * WARM_UP));
        long others = (long) (limitNanos * WARM_UP_OF_OTHERS) / Math.max(1, contenders.size() - 1);
        long leastCpu = warmUpNanos == 0 ? 0 : LEAST_WARM_UP_CPU_NANOS;
        return run(rounds, warmUp, Math.min(warmUpNanos, Math.max(LEAST_WARM_UP_NANOS, others)), leastCpu, limitNanos);
    }

    private Result run(int rounds, long warmUpNanos, long othersNanos, long leastCpuNanos, long limitNanos) {
        Contender first = contenders.get(favourite);
        if (first == null) {
            throw new AssertionError("a race without its favourite");
        }
        List<Double> series = new ArrayList<>();
        List<Long> times = new ArrayList<>();
        long start = System.nanoTime();
        warmUp(first, WINDOW_NANOS, warmUpNanos, leastCpuNanos, series, times);
        int warm = series.size();
        for (Contender contender : contenders.values()) {
            if (!contender.equals(first)) {
                warmUp(contender, othersNanos);
            }
        }
        Map<String, double[]> values = new LinkedHashMap<>();
        contenders.keySet().forEach(name -> values.put(name, new double[rounds]));
        List<String> order = new ArrayList<>(contenders.keySet());
        int round = 0;
        for (; round < rounds && (round < FEWEST_ROUNDS || System.nanoTime() - start < limitNanos); round++) {
            for (String name : order) {
                long before = System.nanoTime();
                double nanos = contenders.getOrDefault(name, first).round();
                values.getOrDefault(name, new double[rounds])[round] = nanos;
                if (name.equals(favourite)) {
                    series.add(nanos);
                    times.add(System.nanoTime() - before);
                }
            }
            order.add(order.removeFirst()); // nobody runs always behind the same one
        }
        double[] all = series.stream().mapToDouble(Double::doubleValue).toArray();
        int steadyAt = SteadyState.start(all);
        boolean steady = steadyAt < all.length;
        // of the measured rounds, those of the steady state; all of them when there is none
        int end = round;
        int from = steady ? Math.clamp(steadyAt - warm, 0, end - 1) : 0;
        values.replaceAll((name, of) -> Arrays.copyOfRange(of, from, end));
        long steadyNanos =
                times.stream().limit(steadyAt).mapToLong(Long::longValue).sum();
        return new Result(new WarmUp(steadyNanos, steadyAt, steady), values);
    }

    /** Runs rounds until they have stopped changing, or the time is over; whether they have. */
    static boolean warmUp(Contender contender, long limitNanos) {
        return warmUp(contender, WINDOW_NANOS / 2, limitNanos, 0, new ArrayList<>(), new ArrayList<>());
    }

    /** Runs rounds until two stretches of them are alike and HotSpot has compiled nothing in the second. */
    private static boolean warmUp(
            Contender contender,
            long windowNanos,
            long limitNanos,
            long leastCpuNanos,
            List<Double> series,
            List<Long> times) {
        long start = System.nanoTime();
        long startCpu = CpuClock.processNanos();
        int window = 0;
        long windowStart = start;
        long compiled = CompilerThreads.nanos();
        double levelBefore = Double.NaN;
        while (series.size() < MOST_WARM_UP_ROUNDS) {
            long before = System.nanoTime();
            series.add(contender.round());
            long now = System.nanoTime();
            times.add(now - before);
            window++;
            if (window >= FEWEST_ROUNDS_OF_WINDOW && now - windowStart >= windowNanos) {
                double level = level(series, window);
                long compiledNow = CompilerThreads.nanos();
                boolean compiling = Math.abs(compiledNow - compiled) > COMPILING * (now - windowStart);
                if (!compiling && Math.abs(level / levelBefore - 1) <= SteadyState.TOLERANCE / 2) {
                    return true;
                }
                levelBefore = level;
                window = 0;
                windowStart = now;
                compiled = compiledNow;
            }
            if (now - start >= limitNanos && CpuClock.processNanos() - startCpu >= leastCpuNanos) {
                return false;
            }
        }
        return false;
    }

    private static double level(List<Double> series, int window) {
        double[] last = series.subList(series.size() - window, series.size()).stream()
                .mapToDouble(Double::doubleValue)
                .toArray();
        return SteadyState.median(last, 0, last.length);
    }
}
