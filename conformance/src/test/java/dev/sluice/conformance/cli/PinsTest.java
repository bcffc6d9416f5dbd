package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.LoadException;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectSpec;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Maps that are pinned by name: shared by objects, and kept between runs. */
class PinsTest {
    private static final String PINNED = object("features/pinned");
    private static final String OTHER = object("features/pinned_other");
    private static final String DNS = capture("recorded/dns.pcap");

    @TempDir
    private Path folder;

    private static long packets(Json run, String action) {
        return run.get("verdicts").get(action).get("packets").number();
    }

    @Test
    void runsGoOnWhereTheLastOneEnded() throws IOException {
        Json first =
                Cli.run("replay", "-j", PINNED, DNS, "--pin-dir", folder).ok().json();
        assertThat(packets(first, "XDP_DROP")).isEqualTo(33);
        assertThat(Files.exists(folder.resolve("lengths.json"))).isTrue();
        Json second =
                Cli.run("replay", "-j", PINNED, DNS, "--pin-dir", folder).ok().json();
        assertThat(packets(second, "XDP_DROP")).isEqualTo(55);
        Json twice = Cli.run("replay", "-j", "--repeat", "2", PINNED, DNS).ok().json();
        assertThat(packets(twice, "XDP_DROP")).isEqualTo(33 + 55);
        // another object goes on with the same map
        Json other =
                Cli.run("replay", "-j", OTHER, DNS, "--pin-dir", folder).ok().json();
        assertThat(packets(other, "XDP_TX")).isEqualTo(70);
        try (var files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(".lock", "lengths.json");
        }
    }

    @Test
    void otherMapsAreRefused() throws IOException {
        Cli.run("replay", "-j", PINNED, DNS, "--pin-dir", folder).ok();
        Path file = folder.resolve("lengths.json");
        assertThat(Cli.run("replay", PINNED, DNS, "--pin-dir", folder, "--max-entries", "lengths=5")
                        .error(Cli.FAILED))
                .isEqualTo(
                        file + ": map lengths cannot use the pinned map: expected max_entries=5, found max_entries=64");
        Files.writeString(file, "{}");
        assertThat(Cli.run("replay", PINNED, DNS, "--pin-dir", folder).error(Cli.FAILED))
                .isEqualTo(file + ": map lengths cannot use the pinned map: expected type=hash, found type=null");
        Files.writeString(file, "[");
        assertThat(Cli.run("replay", PINNED, DNS, "--pin-dir", folder).error(Cli.FAILED))
                .startsWith(file + ": cannot be read: is not JSON");
    }

    @Test
    void objectsOfOneRunShareThem() {
        Json run = Cli.run(
                        "run",
                        "-j",
                        "--clock",
                        "capture",
                        "--nic",
                        "a=pcap:" + DNS + ",prog=" + PINNED,
                        "--nic",
                        "b=pcap:" + DNS + ",prog=" + OTHER)
                .json();
        assertThat(run.get("maps").names()).as("one map, shown once").containsExactly("lengths");
        Json nics = run.get("nics");
        assertThat(nics.get("a").get("verdicts").get("XDP_PASS").get("packets").number()
                        + nics.get("b")
                                .get("verdicts")
                                .get("XDP_PASS")
                                .get("packets")
                                .number())
                .as("lengths that were new, or seen for the second time")
                .isEqualTo(26);
    }

    @Test
    void byLibbpfsRules() throws IOException {
        ObjectSpec first = ObjectSpec.read(Pcaps.object("features/pinned"));
        ObjectSpec second = ObjectSpec.read(Pcaps.object("features/pinned_other"));
        MapSpec map = second.map("lengths").orElseThrow();
        try (XdpRuntime runtime = new XdpRuntime(Engines.jit(), 1, 0)) {
            LoadedObject one = runtime.load(first, first.xdpPrograms());
            LoadedObject other = runtime.load(second, second.xdpPrograms());
            assertThat(other.map("lengths").orElseThrow().map())
                    .isSameAs(one.map("lengths").orElseThrow().map())
                    .isSameAs(runtime.pins().get("lengths").orElseThrow());
            ObjectSpec larger = second.withMap(map.withMaxEntries(65));
            assertThatThrownBy(() -> runtime.load(larger, larger.xdpPrograms()))
                    .isInstanceOf(LoadException.class)
                    .hasMessage("map lengths: cannot use the pinned map of another object: expected hash key_size=4"
                            + " value_size=8 max_entries=64 map_flags=0x0 map_extra=0, found hash key_size=4 value_size=8"
                            + " max_entries=65 map_flags=0x0 map_extra=0, pin=lengths");
        }
        // iproute2's maps with a pinning of their object are shared within it only
        ObjectSpec iproute2 = ObjectSpec.read(Pcaps.object("legacy/iproute2"));
        assertThat(iproute2.maps()).anyMatch(one -> one.pinning() == MapSpec.Pinning.OBJECT);
        try (XdpRuntime runtime = new XdpRuntime(Engines.jitChecked(), 1, 0)) {
            runtime.load(
                    iproute2,
                    iproute2.programs().stream().map(program -> program.asXdp()).toList());
            assertThat(runtime.pins().all().keySet())
                    .allMatch(path -> path.startsWith("iproute2/"))
                    .isNotEmpty();
        }
    }

    @Test
    void aFolderIsOfOneRunAtATime() throws IOException {
        Path pins = Files.createDirectories(folder.resolve("pins"));
        try (FileChannel other =
                        FileChannel.open(pins.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock ignored = other.lock()) {
            assertThat(Cli.run("replay", PINNED, DNS, "--pin-dir", pins).error(3))
                    .isEqualTo(pins + ": another sluice uses it, expected a --pin-dir for each run");
        }
        Cli.run("replay", PINNED, DNS, "--pin-dir", pins).ok();
    }

    @Test
    void whatCannotBeAFolderIsRefusedBeforeTheRun() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertThat(Cli.run("replay", PINNED, DNS, "--pin-dir", file).error(Cli.FAILED))
                .isEqualTo(file + ": cannot be written: is there and is no folder");
    }
}
