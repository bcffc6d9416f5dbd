package dev.sluice.kernel;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The same object as libbpf loads it, through bpftool: the reference for our own loader. Pins live in a mount namespace
 * of its own that ends with this object.
 */
final class Libbpf implements AutoCloseable {
    // Maps are pinned too: the kernel empties a program array when the last user of it goes.
    private static final String SCRIPT = """
            mount -t bpf bpf /sys/fs/bpf || exit 1
            bpftool prog loadall "$1" /sys/fs/bpf/object pinmaps /sys/fs/bpf/maps >&2 || { echo failed; exit 1; }
            for pin in /sys/fs/bpf/object/*; do
                echo "${pin##*/} $(bpftool prog show pinned "$pin" | head -1)"
            done
            echo loaded
            read -r line
            """;

    private final Process process;
    private final Map<String, Integer> ids;

    private Libbpf(Process process, Map<String, Integer> ids) {
        this.process = process;
        this.ids = ids;
    }

    /** Whether bpftool is here and may make a mount namespace; if not, why. */
    static @Nullable String missing() {
        try {
            Process process = new ProcessBuilder(
                            "unshare", "-m", "sh", "-c", "bpftool version && mount -t bpf bpf /sys/fs/bpf")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? null : "bpftool in a mount namespace: " + said;
        } catch (IOException e) {
            return "bpftool in a mount namespace: " + e.getMessage();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Empty where libbpf refuses the object. */
    static Optional<Libbpf> load(Path object) {
        try {
            Process process = new ProcessBuilder("unshare", "-m", "sh", "-c", SCRIPT, "sh", object.toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
            Map<String, Integer> ids = new TreeMap<>();
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                if (line.equals("loaded")) {
                    return Optional.of(new Libbpf(process, ids));
                }
                // NAME 12: xdp  name NAME  tag 614b434cd8324ecc  gpl
                String[] words = line.split("[ :]+");
                if (words.length > 2) {
                    ids.put(words[0], Integer.parseInt(words[1]));
                }
            }
            process.destroy();
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The ids of its programs by the names of their pins, where '.' has become '_'. */
    Map<String, Integer> ids() {
        return ids;
    }

    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(180, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
