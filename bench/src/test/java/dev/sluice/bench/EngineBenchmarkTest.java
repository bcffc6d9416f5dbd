package dev.sluice.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.memory.Memory;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jmh.annotations.Param;

/** The programs of the benchmark run on each engine without faults, and each pass on the packets as they were captured. */
class EngineBenchmarkTest {
    private static String[] values(String field) throws NoSuchFieldException {
        return EngineBenchmark.class
                .getDeclaredField(field)
                .getAnnotation(Param.class)
                .value();
    }

    static Stream<String> programs() throws NoSuchFieldException {
        return Arrays.stream(values("program"));
    }

    @ParameterizedTest
    @MethodSource("programs")
    void eachPassBeginsWithTheCapturedPackets(String program) throws NoSuchFieldException, IOException {
        for (String engine : values("engine")) {
            EngineBenchmark benchmark = new EngineBenchmark();
            benchmark.program = program;
            benchmark.capture = values("capture")[0];
            benchmark.engine = engine;
            benchmark.load();
            try {
                benchmark.restore();
                benchmark.run();
                benchmark.restore();
                for (int i = 0; i < EngineBenchmark.PACKETS; i++) {
                    int from = i % benchmark.packets.size();
                    int length = benchmark.packets.length(from);
                    assertThat(Memory.bytes(benchmark.frames.packet(i), length))
                            .as("%s, packet %d", engine, i)
                            .isEqualTo(Memory.bytes(benchmark.packets.address(from), length));
                }
                benchmark.run();
            } finally {
                benchmark.close();
            }
        }
    }
}
