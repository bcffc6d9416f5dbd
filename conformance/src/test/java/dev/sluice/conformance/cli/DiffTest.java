package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code sluice diff} and {@code sluice check}: what they print, and their exit codes. */
class DiffTest {
    private static final int ENVIRONMENT = 3;
    private static final int REJECTED = 4;

    private static final Path ODD = Pcaps.capture("generated/odd.pcap");

    @TempDir
    private Path folder;

    @BeforeAll
    static void needsTheKernel() {
        if (Kernel.open() instanceof KernelAccess.Unavailable unavailable) {
            Assumptions.abort(unavailable.reason());
        }
    }

    @Test
    void equalIsZero() {
        Cli.Result result = Cli.run("diff", Pcaps.object("parser"), ODD).ok();
        assertThat(result.out()).contains("366 of 366 packets compared").endsWith("\nequal\n");
    }

    @Test
    void theJsonSaysWhatTheTableSaysOfLongPacketsToo() {
        Json json = Cli.run(
                        "diff", Pcaps.object("firewall"), ODD, Pcaps.capture("recorded/jumbo.pcap"), "-j", "-c", 400)
                .ok()
                .json();
        assertThat(json.get("equal").raw()).isEqualTo(true);
        assertThat(json.get("packets").number()).isEqualTo(400);
        long compared = json.get("compared").number();
        assertThat(compared).isEqualTo(400);
        assertThat(json.get("engines").items().size()).isEqualTo(3);
        for (Json engine : json.get("engines").items()) {
            assertThat(engine.get("packets").get("equal").number()).isEqualTo(compared);
            assertThat(engine.get("packets").get("different").number()).isZero();
        }
    }

    @Test
    void initialEntriesComeFromAFile() throws IOException {
        Path entries = Files.writeString(folder.resolve("counters.json"), """
                [{"key": ["0xc8","0x00","0x00","0x00"],
                  "value": ["0x05","0x00","0x00","0x00","0x00","0x00","0x00","0x00",
                            "0x07","0x00","0x00","0x00","0x00","0x00","0x00","0x00"]},
                 {"key": 201, "value": {"packets": 8, "bytes": 9}}]
                """);
        String map = Pcaps.read(Pcaps.object("proto_counter")).maps().getFirst().name();
        Cli.run("diff", Pcaps.object("proto_counter"), ODD, "--map", map + "=" + entries, "-c", 3)
                .ok();
        Files.writeString(entries, "[{\"key\": 1}]");
        assertThat(Cli.run("diff", Pcaps.object("proto_counter"), ODD, "--map", map + "=" + entries)
                        .error(Cli.FAILED))
                .endsWith("entry 1: no value");
        assertThat(Cli.run("diff", Pcaps.object("proto_counter"), ODD, "--map", "none=" + entries)
                        .error(Cli.FAILED))
                .startsWith("--map: no such map, expected one of ")
                .endsWith("name=none");
    }

    @Test
    void sizesAndInterfacesAreTheKernels() {
        Cli.Result result = Cli.run("diff", Pcaps.object("features/sizes"), ODD, "-c", 100);
        assertThat(result.exitCode()).isEqualTo(Cli.OK);
        assertThat(result.out())
                .contains("note: program sizes uses map per_cpu, whose size")
                .endsWith("\nequal\n");
    }

    @Test
    void whatCannotBeComparedIsThree() throws IOException {
        assertThat(Cli.run("diff", Pcaps.object("features/linked_main"), ODD).error(ENVIRONMENT))
                .contains("cannot compare: ");
        assertThat(Cli.run("diff", Pcaps.object("features/sections"), ODD, "--prog", "for_cpumap")
                        .error(ENVIRONMENT))
                .endsWith("cannot compare: the kernel has no test run of programs for devmap and cpumap entries,"
                        + " program=for_cpumap section=xdp/cpumap");
        Path tiny = Pcaps.capture("formats/no-packets.pcap");
        Cli.Result nothing = Cli.run("diff", Pcaps.object("parser"), tiny);
        assertThat(nothing.message(ENVIRONMENT)).endsWith("not one packet could be compared");
    }

    @Test
    void checkListsEveryProgram() {
        Cli.Result result =
                Cli.run("check", Pcaps.object("tail_calls"), "--kernel").ok();
        assertThat(result.out().lines())
                .hasSize(7)
                .allMatch(line -> line.matches(".* accepted .* accepted") || line.startsWith("program"));
        Json json = Cli.run("check", Pcaps.object("tail_calls"), "--kernel", "-j")
                .ok()
                .json();
        assertThat(json.get("programs").items().size()).isEqualTo(6);
        for (Json program : json.get("programs").items()) {
            assertThat(program.get("kernel").get("accepted").raw()).isEqualTo(true);
            assertThat(program.get("kernel").get("processed_insns").number()).isPositive();
        }
    }

    @Test
    void aRejectionIsFour() {
        // an extern that nobody defines: not even linked
        Cli.Result result = Cli.run("check", Pcaps.object("features/linked_main"), "--kernel");
        assertThat(result.exitCode()).isEqualTo(REJECTED);
        assertThat(result.out()).contains("rejected, ESRCH").contains("undefined symbol");
    }
}
