package dev.sluice.object;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The compiled programs that are kept in the repository. */
final class Objects {
    private static final Path PROGRAMS = programs();

    private Objects() {}

    private static Path programs() {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            Path found = folder.resolve("pcaps/programs");
            if (Files.isDirectory(found)) {
                return found;
            }
        }
        throw new AssertionError("no folder pcaps/programs above " + Path.of("").toAbsolutePath());
    }

    /** All of them, in order of their paths. */
    static List<Path> all() {
        try (Stream<Path> files = Files.walk(PROGRAMS)) {
            return files.filter(f -> f.toString().endsWith(".bpf.o")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param name below {@code pcaps/programs}, without {@code .bpf.o} */
    static byte[] bytes(String name) {
        return bytes(PROGRAMS.resolve(name + ".bpf.o"));
    }

    static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ObjectSpec read(String name) {
        return ObjectSpec.read(name + ".bpf.o", bytes(name));
    }

    static ObjectSpec read(Path file) {
        return ObjectSpec.read(file.getFileName().toString(), bytes(file));
    }
}
