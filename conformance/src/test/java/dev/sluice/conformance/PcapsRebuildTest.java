package dev.sluice.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What is committed under {@code pcaps} is what its sources give, byte for byte. */
class PcapsRebuildTest {
    /** The compilers that the objects were made with; others may give other bytes, and that is no mistake. */
    private static final Map<String, String> COMPILERS = Map.of(
            "clang-19", "19.1.7",
            "llvm-strip-19", "19.1.7",
            "clang-13", "13.0.1",
            "clang-14", "14.0.6",
            "clang-16", "16.0.6",
            "bpf-gcc", "12.2.0");

    /** What an ended command left behind; -1 and no output when there is no such command. */
    private record Ended(int exitCode, String output) {}

    @Test
    void objects() throws IOException, InterruptedException {
        for (Map.Entry<String, String> compiler : COMPILERS.entrySet()) {
            assumeTrue(
                    run(compiler.getKey(), "--version").output.contains(compiler.getValue()),
                    "needs " + compiler.getKey() + " " + compiler.getValue());
        }
        Ended check = run(Pcaps.FOLDER.resolve("build.sh").toString(), "--check");
        assertThat(check.exitCode).as(check.output).isZero();
        assertThat(check.output).endsWith("all objects are as committed\n");
    }

    @Test
    void generatedCaptures() throws IOException, InterruptedException {
        // other versions compress to other bytes
        assumeTrue(run("zstd", "--version").output.contains("v1.5.4"), "needs zstd 1.5.4");
        String zlib = "import sys, zlib; print(sys.version_info >= (3, 9), zlib.ZLIB_RUNTIME_VERSION)";
        assumeTrue(run("python3", "-c", zlib).output.startsWith("True 1.2.13"), "needs Python 3.9 and zlib 1.2.13");
        Ended check = run("python3", Pcaps.FOLDER.resolve("generate.py").toString(), "--check");
        assertThat(check.exitCode).as(check.output).isZero();
        assertThat(check.output).endsWith("all generated captures are as they were\n");
    }

    @Test
    void trafficAndMapsOfTheApps() throws IOException, InterruptedException {
        String version = "import sys; print(sys.version_info >= (3, 9))";
        assumeTrue(run("python3", "-c", version).output.startsWith("True"), "needs Python 3.9");
        Ended check = run("python3", Pcaps.FOLDER.resolve("apps.py").toString(), "--check");
        assertThat(check.exitCode).as(check.output).isZero();
        assertThat(check.output).endsWith("all is as it was\n");
    }

    private static Ended run(String... command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            return new Ended(-1, "");
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(5, TimeUnit.MINUTES))
                .as("end of %s", List.of(command))
                .isTrue();
        return new Ended(process.exitValue(), output);
    }
}
