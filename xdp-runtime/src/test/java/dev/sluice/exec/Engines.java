package dev.sluice.exec;

import dev.sluice.jit.JitEngine;
import java.util.List;

/** Every engine that checks what it runs: each test of this package runs on each of them. */
public final class Engines {
    private Engines() {}

    public static List<Engine> all() {
        return List.of(new Interpreter(), JitEngine.checked());
    }
}
