package dev.sluice.conformance;

import dev.sluice.Engines;
import dev.sluice.exec.Engine;
import java.util.List;

/** The engines that every suite runs on; a new engine joins all of them here. */
public final class TestEngines {
    private TestEngines() {}

    public static List<Engine> all() {
        return List.of(Engines.interpreter(), Engines.jitChecked(), Engines.jit());
    }
}
