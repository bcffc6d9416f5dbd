package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Programs in the size and manner of what people ship, with filled maps, on traffic for all of them: as a user runs them,
 * on every engine, and held against the kernel.
 */
class AppsTest {
    private static final Path TRAFFIC = Pcaps.capture("apps/services.pcap");
    private static final Path MAPS = Pcaps.PROGRAMS.resolve("apps/maps");
    private static final int PACKETS = 2855;

    static List<String> apps() {
        List<String> names = Pcaps.files(Pcaps.PROGRAMS.resolve("apps"), ".bpf.o").stream()
                .map(Pcaps::nameOf)
                .toList();
        assertThat(names).hasSizeGreaterThanOrEqualTo(30);
        return names;
    }

    @ParameterizedTest
    @MethodSource("apps")
    void theKernelAndAllEnginesAgree(String app) {
        if (Kernel.open() instanceof KernelAccess.Unavailable unavailable) {
            Assumptions.abort(unavailable.reason());
        }
        Json report = Cli.run(command("diff", app, "-j")).ok().json();
        assertThat(report.get("equal").raw()).isEqualTo(true);
        assertThat(report.get("compared").number()).isEqualTo(PACKETS);
    }

    @ParameterizedTest
    @MethodSource("apps")
    void theEnginesAgree(String app) {
        Json jit = Cli.run(command("replay", app, "-j")).json();
        Json interpreter =
                Cli.run(command("replay", app, "-j", "--engine", "interpreter")).json();
        assertThat(jit.get("packets").number()).isEqualTo(PACKETS);
        for (String part : List.of("verdicts", "maps", "trace")) {
            assertThat(jit.get(part).raw())
                    .as(part)
                    .isEqualTo(interpreter.get(part).raw());
        }
    }

    /** The entry program, and a --map for each file of entries. */
    private static Object[] command(String verb, String app, String... more) {
        String name = app.substring(app.indexOf('/') + 1);
        List<Object> line = new ArrayList<>(List.of(verb, Pcaps.object(app), TRAFFIC));
        line.addAll(List.of("--prog", name.equals("service_chain") ? "chain_entry" : name));
        for (Path file : Pcaps.files(MAPS, ".json")) {
            String entry = file.getFileName().toString();
            if (entry.startsWith(name + ".")) {
                String map = entry.substring(name.length() + 1, entry.length() - ".json".length());
                line.addAll(List.of("--map", map + "=" + file));
            }
        }
        line.addAll(List.of(more));
        return line.toArray();
    }
}
