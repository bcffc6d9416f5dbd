package dev.sluice.cli;

import dev.sluice.Engines;
import dev.sluice.exec.Engine;

/** The values of {@code --engine}. */
enum EngineChoice {
    /** Verifies, refuses what Linux would refuse, and compiles to JVM bytecode without checks. */
    JIT {
        @Override
        Engine engine() {
            return Engines.jit();
        }
    },
    /** Compiles to JVM bytecode that checks every access; runs any program. */
    JIT_CHECKED {
        @Override
        Engine engine() {
            return Engines.jitChecked();
        }
    },
    /** Reads instruction by instruction, with the same checks; runs any program. */
    INTERPRETER {
        @Override
        Engine engine() {
            return Engines.interpreter();
        }
    };

    abstract Engine engine();

    /** As written on the command line. */
    @Override
    public String toString() {
        return ChoiceConverter.word(this);
    }
}
