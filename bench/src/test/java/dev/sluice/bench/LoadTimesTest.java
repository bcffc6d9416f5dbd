package dev.sluice.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Engines;
import dev.sluice.bench.LoadTimes.Result;
import dev.sluice.exec.Engine;
import dev.sluice.object.ObjectSpec;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Programs of any size are loaded, and do the same on each engine. */
class LoadTimesTest {
    private static void sameOnAllEngines(int slots) {
        ObjectSpec spec = StraightProgram.of(slots);
        assertThat(spec.functions().getFirst().slots()).isEqualTo(slots);
        Result expected = LoadTimes.measure(Engines.interpreter(), spec);
        assertThat(expected.counters()).anyMatch(count -> count > 0);
        assertThat(new HashSet<>(expected.actions())).hasSizeGreaterThan(1);
        for (Engine engine : List.of(Engines.jit(), Engines.jitChecked())) {
            Result found = LoadTimes.measure(engine, spec);
            assertThat(found.actions()).as(engine.name()).isEqualTo(expected.actions());
            assertThat(found.counters()).as(engine.name()).isEqualTo(expected.counters());
        }
    }

    @Test
    void aFewHundredInstructions() {
        sameOnAllEngines(500);
    }

    @Test
    void aHundredThousandInstructions() {
        sameOnAllEngines(100_000);
    }
}
