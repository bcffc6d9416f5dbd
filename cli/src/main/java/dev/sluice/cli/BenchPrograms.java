package dev.sluice.cli;

import dev.sluice.object.ObjectSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** The programs that come with the command, from {@code pcaps/bench}. */
final class BenchPrograms {
    private BenchPrograms() {}

    /** A program that does nothing: what is left is the cost of calling it. */
    static ObjectOptions.Choice empty() {
        return choice("drop");
    }

    /** @param name without {@code .bpf.o} */
    static ObjectOptions.Choice choice(String name) {
        String file = name + ".bpf.o";
        ObjectSpec spec = ObjectSpec.read(file, resource(file));
        return new ObjectOptions().choose(Path.of(file), spec);
    }

    /** @param file below {@code pcaps/bench} */
    static byte[] resource(String file) {
        try (InputStream in = BenchPrograms.class.getResourceAsStream("bench/" + file)) {
            if (in == null) {
                throw new AssertionError("missing from the jar: bench/" + file);
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
