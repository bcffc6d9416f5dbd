package dev.sluice.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The search for a JDK that {@code ./mvnw} and {@code ./sluice} share, on folders that look like JDKs. */
class JdkSearchTest {
    private static final Path SEARCH = Path.of("..", ".mvn", "find-jdk.sh").toAbsolutePath();

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "25, true",
        "25.0.3, true",
        "25-ea, true",
        "26.0.1, true",
        "100, true",
        "24.0.2, false",
        "17.0.15, false",
        "1.8.0_402, false",
        "9, false",
        "'', false",
        "x, false"
    })
    void versions(String version, boolean enough) throws Exception {
        Path jdk = jdk("a jdk", version);
        assertThat(run("if is_jdk \"$1\"; then echo true; else echo false; fi", Map.of(), jdk.toString()))
                .containsExactly(String.valueOf(enough));
    }

    @Test
    void runtimeWithoutCompilerIsNoJdk() throws Exception {
        Path jre = jdk("jre", "25");
        Files.delete(jre.resolve("bin/javac"));
        assertThat(run("is_jdk \"$1\" || echo no", Map.of(), jre.toString())).containsExactly("no");
    }

    @Test
    void ownVariableComesFirstAndOldJdksAreSkipped() throws Exception {
        Path old = jdk("17", "17.0.1");
        Path one = jdk("one", "25.0.1");
        Path other = jdk("other", "26");
        String find = "find_jdk && echo \"$jdk\"";
        assertThat(run(find, Map.of("SLUICE_JAVA_HOME", one.toString(), "JAVA_HOME", other.toString())))
                .containsExactly(one.toString());
        assertThat(run(find, Map.of("SLUICE_JAVA_HOME", old.toString(), "JAVA_HOME", other.toString())))
                .containsExactly(other.toString());
        assertThat(run(find, Map.of("JAVA25_HOME", one.toString(), "JAVA_HOME", other.toString())))
                .containsExactly(one.toString());
    }

    @Test
    void javaOnPathLeadsToItsJdk() throws Exception {
        Path jdk = jdk("jdk", "25");
        Path bin = Files.createDirectory(folder.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("java"), jdk.resolve("bin/java"));
        assertThat(run("find_jdk && echo \"$jdk\"", Map.of("PATH", bin + ":/usr/bin:/bin")))
                .containsExactly(jdk.toRealPath().toString());
    }

    private Path jdk(String name, String version) throws IOException {
        Path home = folder.resolve(name);
        Path bin = Files.createDirectories(home.resolve("bin"));
        for (String tool : List.of("java", "javac")) {
            assertThat(Files.createFile(bin.resolve(tool)).toFile().setExecutable(true))
                    .isTrue();
        }
        Files.writeString(
                home.resolve("release"),
                "IMPLEMENTOR=\"Someone\"\nJAVA_VERSION=\"" + version + "\"\nOS_NAME=\"Linux\"\n");
        return home;
    }

    /** The lines that {@code script} prints on either stream, run by sh after the search's functions. */
    private static List<String> run(String script, Map<String, String> environment, String... arguments)
            throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", ". \"$0\"; " + script, SEARCH.toString());
        builder.command().addAll(List.of(arguments));
        builder.environment().keySet().removeAll(List.of("SLUICE_JAVA_HOME", "JAVA25_HOME", "JAVA_HOME"));
        builder.environment().putAll(environment);
        Process process = builder.redirectErrorStream(true).start();
        process.getOutputStream().close();
        List<String> lines;
        try (var reader = process.inputReader()) {
            lines = reader.lines().toList();
        }
        process.waitFor();
        return lines;
    }
}
