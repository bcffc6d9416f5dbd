package dev.sluice.packet.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SteadyStateTest {
    private static final long SEED = 20_261_121;

    /** Rounds of some levels, each so many times, with noise of one percent. */
    private static double[] series(Random random, double... levelsAndCounts) {
        double[] all = {};
        for (int i = 0; i < levelsAndCounts.length; i += 2) {
            int count = (int) levelsAndCounts[i + 1];
            int from = all.length;
            all = java.util.Arrays.copyOf(all, from + count);
            for (int j = from; j < all.length; j++) {
                all[j] = levelsAndCounts[i] * (1 + 0.01 * random.nextGaussian());
            }
        }
        return all;
    }

    @Test
    void beginsWhereTheLevelStopsFalling() {
        Random random = new Random(SEED);
        for (int i = 0; i < 100; i++) {
            double[] rounds = series(random, 400, 7, 60, 20, 10, 60);
            assertThat(SteadyState.start(rounds)).as("seed=%d case=%d", SEED, i).isBetween(26, 28);
        }
    }

    @Test
    void outliersAreNoChange() {
        Random random = new Random(SEED);
        double[] rounds = series(random, 10, 100);
        for (int i = 3; i < rounds.length; i += 11) {
            rounds[i] *= 5;
        }
        assertThat(SteadyState.start(rounds)).isZero();
    }

    @Test
    void aSlowFirstRoundIsNoOutlier() {
        Random random = new Random(SEED);
        assertThat(SteadyState.start(series(random, 400, 1, 10, 60))).isEqualTo(1);
        assertThat(SteadyState.start(series(random, 400, 1, 30, 1, 10, 60))).isEqualTo(2);
        assertThat(SteadyState.start(series(random, 10, 60))).isZero();
    }

    @Test
    void aLevelThatComesBackCounts() {
        double[] rounds = series(new Random(SEED), 10, 30, 10.1, 30, 10, 30);
        assertThat(SteadyState.start(rounds)).isZero();
        assertThat(SteadyState.start(series(new Random(SEED), 10, 30, 20, 30, 10, 30)))
                .isBetween(59, 61);
    }

    @Test
    void aSeriesThatIsStillChangingIsNotSteady() {
        double[] rounds = series(new Random(SEED), 100, 50, 10, 7);
        assertThat(SteadyState.start(rounds)).isEqualTo(rounds.length);
        assertThat(SteadyState.start(1, 1, 1)).isEqualTo(3);
    }

    @Test
    void quartiles() {
        Timing timing = Timing.of(5, 1, 4, 2, 3);
        assertThat(timing).isEqualTo(new Timing(3, 2, 4, 1, 5, 5));
        assertThat(timing.relativeSpread()).isEqualTo(2.0 / 3);
    }
}
