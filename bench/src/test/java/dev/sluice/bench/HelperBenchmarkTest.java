package dev.sluice.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jmh.annotations.Param;

/** The programs of the benchmark load and run on the engine that was asked for, without faults. */
class HelperBenchmarkTest {
    private static String[] values(String field) throws NoSuchFieldException {
        return HelperBenchmark.class
                .getDeclaredField(field)
                .getAnnotation(Param.class)
                .value();
    }

    static Stream<String> helpers() throws NoSuchFieldException {
        return Arrays.stream(values("helper"));
    }

    @ParameterizedTest
    @MethodSource("helpers")
    void runsOnEachEngine(String helper) throws NoSuchFieldException {
        for (String engine : values("engine")) {
            HelperBenchmark benchmark = new HelperBenchmark();
            benchmark.helper = helper;
            benchmark.engine = engine;
            benchmark.load();
            try {
                benchmark.run();
                benchmark.run(); // on what the first has left
                assertThat(benchmark.action(HelperBenchmark.PACKETS - 1))
                        .as(engine)
                        .isBetween(1, 2);
            } finally {
                benchmark.close();
            }
        }
    }
}
