package dev.sluice.conformance.soak;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A short turn of {@code sluice-soak}. */
@Timeout(300)
class SoakTest {
    private static final long NANOS = 1_500_000_000;

    static List<Engine> engines() {
        return TestEngines.all();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void whatMustBeTrueInAnyOrder(Engine engine) throws InterruptedException {
        long seed = System.nanoTime();
        System.out.println("SoakTest engine=" + engine.name() + " seed=" + seed);
        Soak.Result result =
                new Soak(engine, Pcaps.read(Pcaps.FOLDER.resolve("verifier/shared_maps.bpf.o")), 3, seed).run(NANOS);
        assertThat(result.wrong()).as("seed=%d", seed).isEmpty();
        assertThat(result.packets()).isGreaterThan(500);
        assertThat(result.operations()).isPositive();
        assertThat(result.samples()).isPositive();
        assertThat(result.fired()).isPositive();
    }
}
