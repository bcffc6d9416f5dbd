package dev.sluice.packet.pcap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.packet.pcap.Captures.Packet;
import dev.sluice.packet.pcap.Captures.Read;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The captures of the pcaps module: recorded, generated and damaged ones, which other code made. */
class SharedCapturesTest {
    private static final Path CAPTURES = Path.of("../pcaps/captures");

    @BeforeAll
    static void captures() {
        assumeTrue(Files.isDirectory(CAPTURES), "needs the captures of the pcaps module");
    }

    private static List<Path> files(String... folders) throws IOException {
        List<Path> files = new ArrayList<>();
        for (String folder : folders) {
            Path path = CAPTURES.resolve(folder);
            if (Files.isDirectory(path)) {
                try (Stream<Path> list = Files.list(path)) {
                    list.filter(file -> file.toString().matches(".*\\.pcap(ng)?(\\.gz|\\.zst)?"))
                            .forEach(files::add);
                }
            }
        }
        files.sort(null);
        return files;
    }

    @Test
    void theSamePacketsInEveryFormat() throws IOException {
        List<Packet> expected =
                Captures.read(CAPTURES.resolve("formats/le-micro.pcap"), 64).packets();
        assertThat(expected).hasSize(60);
        for (String name : List.of(
                "be-micro.pcap",
                "le-nano.pcap",
                "be-nano.pcap",
                "le.pcapng",
                "be.pcapng",
                "micro.pcap.gz",
                "two-members.pcap.gz",
                "micro.pcap.zst",
                "two-frames.pcap.zst",
                "le.pcapng.gz",
                "le.pcapng.zst",
                "sections.pcapng")) {
            Read read = Captures.read(CAPTURES.resolve("formats").resolve(name), 64);
            assertThat(read.damage()).as(name).isNull();
            assertThat(read.packets()).as(name).hasSize(60);
            for (int i = 0; i < 60; i++) {
                assertThat(read.packets().get(i).data())
                        .as(name)
                        .isEqualTo(expected.get(i).data());
            }
        }
    }

    @Test
    void damageIsWhereItWasMade() throws IOException {
        List<String> lines = Files.readAllLines(CAPTURES.resolve("damaged/expected.tsv"));
        assertThat(lines).hasSizeGreaterThan(20);
        for (String line : lines.subList(1, lines.size())) {
            String[] columns = line.split("\t", -1);
            Path file = CAPTURES.resolve("damaged").resolve(columns[0]);
            long before = Long.parseLong(columns[1]);
            Read read;
            try {
                read = Captures.read(file, 64);
            } catch (CaptureException e) {
                assertThat(before).as("%s: %s", line, e.getMessage()).isLessThanOrEqualTo(0);
                assertThat(e).hasMessageStartingWith(file + ": ");
                continue;
            }
            assertThat(read.damage()).as(line).isNotNull();
            if (before >= 0) {
                assertThat(read.packets()).as(line).hasSize((int) before);
                assertThat(read.damage().packet()).as(line).isEqualTo(before + 1);
                assertThat(read.damage().offset()).as(line).isEqualTo(Long.parseLong(columns[2]));
            }
        }
    }

    @Test
    void tsharkReadsTheSame() throws Exception {
        assumeTrue(
                Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "tshark"))),
                "needs tshark");
        List<Path> files = files("formats", "generated", "recorded");
        assertThat(files).hasSizeGreaterThan(20);
        for (Path file : files) {
            Read read = Captures.read(file, 64);
            assertThat(read.damage()).as(file.toString()).isNull();
            Process process = new ProcessBuilder(
                            "tshark",
                            "-r",
                            file.toString(),
                            "-T",
                            "fields",
                            "-e",
                            "frame.time_epoch",
                            "-e",
                            "frame.cap_len",
                            "-e",
                            "frame.len")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            List<String> shown = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            assertThat(shown).as(file.toString()).hasSameSizeAs(read.packets());
            for (int i = 0; i < shown.size(); i++) {
                Packet packet = read.packets().get(i);
                String[] columns = shown.get(i).split("\t", -1);
                assertThat(columns[1] + " " + columns[2])
                        .as("%s packet %d", file, i + 1)
                        .isEqualTo(packet.data().length + " " + packet.original());
                if (packet.time() != CaptureReader.NO_TIMESTAMP) {
                    assertThat(columns[0])
                            .as("%s packet %d", file, i + 1)
                            .isEqualTo(String.format(
                                    "%d.%09d", packet.time() / 1_000_000_000, packet.time() % 1_000_000_000));
                }
            }
        }
    }
}
