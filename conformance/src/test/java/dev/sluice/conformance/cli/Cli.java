package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.cli.Main;
import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Runs the command in this JVM, with its own standard input, output and error. */
final class Cli {
    /** Exit codes, as the README lists them. */
    static final int OK = 0;

    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int PIPE_CLOSED = 141;

    private Cli() {}

    /** What a command line left behind. */
    record Result(List<String> args, int exitCode, String out, String err) {
        /** Nothing went wrong and nobody was warned. */
        Result ok() {
            assertThat(exitCode).as("%s: %s", args, err).isEqualTo(OK);
            assertThat(err).as("standard error of %s", args).isEmpty();
            return this;
        }

        /** One message, on standard error alone. */
        String error(int expectedCode) {
            assertThat(out).as("standard output of %s", args).isEmpty();
            return message(expectedCode);
        }

        /** One message behind what was printed before. */
        String message(int expectedCode) {
            assertThat(exitCode)
                    .as("exit code of %s, standard error %s", args, err)
                    .isEqualTo(expectedCode);
            List<String> lines = err.lines().toList();
            assertThat(lines).as("standard error of %s", args).isNotEmpty();
            assertThat(lines.getFirst())
                    .startsWith("Error: ")
                    .doesNotContain("Exception")
                    .isNotEqualTo("Error: null");
            List<String> rest = lines.subList(1, lines.size());
            if (expectedCode == USAGE) {
                assertThat(rest)
                        .as("advice for %s", args)
                        .allMatch(line -> line.matches("Try 'sluice.* --help' for more\\."));
                assertThat(rest).hasSizeLessThan(2);
            } else {
                assertThat(rest)
                        .as("standard error of %s behind the message", args)
                        .isEmpty();
            }
            return lines.getFirst().substring("Error: ".length());
        }

        Json json() {
            assertThat(out).as("standard output of %s", args).endsWith("\n");
            return Json.parse(out);
        }
    }

    static Result run(Object... args) {
        return run(new byte[0], args);
    }

    static synchronized Result run(byte[] in, Object... args) {
        String[] words = Stream.of(args).map(Object::toString).toArray(String[]::new);
        InputStream inBefore = System.in;
        PrintStream outBefore = System.out;
        PrintStream errBefore = System.err;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exitCode;
        try {
            System.setIn(new ByteArrayInputStream(in));
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            exitCode = Main.run(words);
        } finally {
            System.out.flush();
            System.setIn(inBefore);
            System.setOut(outBefore);
            System.setErr(errBefore);
        }
        return new Result(
                List.of(words), exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** The command in a JVM of its own, for what goes through the process's own standard input and output. */
    static ProcessBuilder start(String... args) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.sluice.cli.Main"));
        command.addAll(List.of(args));
        return new ProcessBuilder(command);
    }

    /** @param name below {@code programs}, without {@code .bpf.o} */
    static String object(String name) {
        return Pcaps.object(name).toString();
    }

    /** @param name below {@code captures} */
    static String capture(String name) {
        return Pcaps.capture(name).toString();
    }
}
