package dev.sluice.packet.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TrafficChangeTest {
    @Test
    void howDeepAndHowLong() {
        double[] nanos = new double[300];
        long[] ends = new long[300];
        Arrays.fill(nanos, 20);
        Arrays.fill(nanos, 0, 30, 200);
        Arrays.fill(nanos, 30, 90, 50);
        nanos[200] = 1000; // an outlier is no fall
        for (int i = 0; i < ends.length; i++) {
            ends[i] = 1000L * (i + 1);
        }
        TrafficChange.Result result = TrafficChange.summary(10, nanos, ends);
        assertThat(result).isEqualTo(new TrafficChange.Result(10, 200, 20, 90_000));
        assertThat(result.fall()).isEqualTo(0.95);
    }

    @Test
    void noFallAtAll() {
        double[] nanos = new double[300];
        Arrays.fill(nanos, 10);
        TrafficChange.Result result = TrafficChange.summary(10, nanos, new long[300]);
        assertThat(result.fall()).isZero();
        assertThat(result.nanos()).isZero();
    }
}
