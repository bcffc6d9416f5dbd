package dev.sluice.conformance;

import dev.sluice.object.ObjectSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where the programs, captures and golden results of the {@code pcaps} module are. */
public final class Pcaps {
    /** The repository's top folder. */
    public static final Path TOP = top();

    public static final Path FOLDER = TOP.resolve("pcaps");
    public static final Path PROGRAMS = FOLDER.resolve("programs");
    public static final Path CAPTURES = FOLDER.resolve("captures");

    private Pcaps() {}

    private static Path top() {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.isDirectory(folder.resolve("pcaps/programs"))) {
                return folder;
            }
        }
        throw new AssertionError("no folder pcaps/programs above " + Path.of("").toAbsolutePath());
    }

    /** All compiled objects, in order of their paths. */
    public static List<Path> objects() {
        return files(PROGRAMS, ".bpf.o");
    }

    /** Files below a folder by the end of their names, in order of their paths. */
    public static List<Path> files(Path folder, String suffix) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An object's path below {@code programs}, without {@code .bpf.o}: {@code features/core}. */
    public static String nameOf(Path object) {
        String name = PROGRAMS.relativize(object).toString().replace('\\', '/');
        return name.substring(0, name.length() - ".bpf.o".length());
    }

    /** @param name as {@link #nameOf} gives it */
    public static Path object(String name) {
        return PROGRAMS.resolve(name + ".bpf.o");
    }

    /** @param name below {@code captures}, such as {@code generated/imix.pcap} */
    public static Path capture(String name) {
        return CAPTURES.resolve(name);
    }

    public static ObjectSpec read(Path object) {
        return ObjectSpec.read(object.getFileName().toString(), bytes(object));
    }

    public static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
