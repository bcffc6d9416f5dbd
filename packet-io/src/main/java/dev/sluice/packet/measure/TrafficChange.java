package dev.sluice.packet.measure;

import dev.sluice.exec.Executable;
import dev.sluice.helper.Clock;
import dev.sluice.packet.ContextFactory;
import java.util.Arrays;

/**
 * What happens to a program's speed when the traffic changes: HotSpot has compiled what the first traffic does, and has to throw
 * that away when other branches are taken. The first packets run until they are steady, then the second ones, in stretches of
 * 1,024 packets, until HotSpot has nothing to compile any more.
 */
public final class TrafficChange {
    private static final long LEAST_NANOS = 600_000_000;
    private static final long IDLE_NANOS = 300_000_000;
    private static final long MOST_NANOS = 6_000_000_000L;
    private static final long WARM_UP_NANOS = 6_000_000_000L;

    /** Stretches whose median is one point of the course. */
    private static final int POINTS = 1_000;

    /** Points to either side that make a point. */
    private static final int SMOOTHED = 3;

    /** The speed is back when it is this close to what it will be. */
    private static final double BACK = 1.2;

    /** One object, as compiled code may know its class. */
    private static final Clock MACHINE = System::nanoTime;

    private TrafficChange() {}

    /**
     * The course of it, in nanoseconds of CPU time a packet.
     *
     * @param before steady, with the first packets
     * @param worst the slowest point after the change
     * @param after steady, with the second packets
     * @param nanos wall time from the change until the speed is within a fifth of {@code after} to stay
     */
    public record Result(double before, double worst, double after, long nanos) {
        /** The part of the rate that is missing at the slowest point: 0.9 when a tenth is left. */
        public double fall() {
            return Math.max(0, 1 - Math.min(before, after) / worst);
        }
    }

    /**
     * Measures a change.
     *
     * @param executable freshly loaded, or it has seen both already
     * @param warmUp whether to run a {@link WarmUp} of the first packets beforehand
     */
    public static Result run(
            Executable executable, ContextFactory contexts, PacketSet first, PacketSet second, boolean warmUp) {
        if (warmUp) {
            WarmUp.run(executable, contexts, MACHINE, first, WARM_UP_NANOS);
        }
        try (var context = contexts.create(0, MACHINE);
                WholeSetContender before = new WholeSetContender(first, executable, context);
                WholeSetContender after = new WholeSetContender(second, executable, context)) {
            Race.warmUp(before, WARM_UP_NANOS);
            double[] level = new double[101];
            for (int i = 0; i < level.length; i++) {
                level[i] = before.stretch();
            }
            return course(Timing.of(level).median(), after);
        }
    }

    private static Result course(double before, WholeSetContender after) {
        double[] nanos = new double[1 << 10];
        long[] ends = new long[1 << 10];
        int count = 0;
        long start = System.nanoTime();
        long windowStart = start;
        long compiled = CompilerThreads.nanos();
        while (true) {
            if (count == nanos.length) {
                nanos = Arrays.copyOf(nanos, 2 * count);
                ends = Arrays.copyOf(ends, 2 * count);
            }
            nanos[count] = after.stretch();
            long now = System.nanoTime();
            ends[count++] = now - start;
            if (now - windowStart >= IDLE_NANOS) {
                long compiledNow = CompilerThreads.nanos();
                boolean idle = Math.abs(compiledNow - compiled) < IDLE_NANOS / 50;
                if (idle && now - start >= LEAST_NANOS || now - start >= MOST_NANOS) {
                    break;
                }
                windowStart = now;
                compiled = compiledNow;
            }
        }
        return summary(before, Arrays.copyOf(nanos, count), ends);
    }

    /** Medians of neighbours make points, twice: some stretches in which something else happened are no fall. */
    static Result summary(double before, double[] nanos, long[] ends) {
        int block = Math.max(3, nanos.length / POINTS);
        int points = nanos.length / block;
        double level = SteadyState.median(nanos, nanos.length - nanos.length / 4, nanos.length);
        double worst = level;
        long back = 0;
        double[] medians = new double[points];
        for (int i = 0; i < points; i++) {
            medians[i] = SteadyState.median(nanos, i * block, (i + 1) * block);
        }
        for (int i = 0; i < points; i++) {
            double point = SteadyState.median(medians, Math.max(0, i - SMOOTHED), Math.min(points, i + SMOOTHED + 1));
            worst = Math.max(worst, point);
            if (point > level * BACK) {
                back = ends[(i + 1) * block - 1];
            }
        }
        return new Result(before, worst, level, back);
    }
}
