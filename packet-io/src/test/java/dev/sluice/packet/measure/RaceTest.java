package dev.sluice.packet.measure;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RaceTest {
    private static final int SLOW_ROUNDS = 12;
    private static final int ROUNDS = 40;
    private static final long OTHERS_NANOS = 2_000_000;

    @Test
    void theTimeToTheSteadyStateIsThatOfTheFavouritesOwnRounds() {
        int[] rounds = {0};
        long[] others = {0};
        Race race = new Race("favourite", () -> rounds[0]++ < SLOW_ROUNDS ? 100 : 10);
        race.add("other", () -> {
            long start = System.nanoTime();
            while (System.nanoTime() - start < OTHERS_NANOS) {
                Thread.onSpinWait();
            }
            others[0] += System.nanoTime() - start;
            return 7;
        });
        long start = System.nanoTime();
        Race.Result result = race.run(ROUNDS, 0);
        long without = System.nanoTime() - start - others[0];
        assertThat(result.warmUp().steady()).isTrue();
        assertThat(result.warmUp().rounds()).isEqualTo(SLOW_ROUNDS);
        assertThat(result.warmUp().nanos()).isBetween(0L, without);
        // the first round was the warm-up
        assertThat(result.timing("favourite")).isEqualTo(new Timing(10, 10, 10, 10, 10, ROUNDS - SLOW_ROUNDS + 1));
        assertThat(result.ratio("other", "favourite").median()).isEqualTo(0.7);
    }
}
