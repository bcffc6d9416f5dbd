package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code --events}: what programs tell user space through ring buffers and perf event arrays. */
class EventsTest {
    private static final String OPTIONS = object("features/options");
    private static final String DNS = capture("recorded/dns.pcap");
    private static final int PACKETS = 70;

    @TempDir
    private Path folder;

    private static Cli.Result replay(Object... more) {
        List<Object> words = new ArrayList<>(
                List.of("replay", OPTIONS, DNS, "--prog", "options", "--set", "config.mode=MODE_REPORT"));
        words.addAll(List.of(more));
        return Cli.run(words.toArray());
    }

    private static List<Json> lines(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> Json.parse(line + "\n"))
                .toList();
    }

    @Test
    void recordsAndEventsWithTheirTypes() throws IOException {
        Path ring = folder.resolve("ring.ndjson");
        Path perf = folder.resolve("perf.ndjson");
        Json run = replay(
                        "-j",
                        "--set",
                        "name=eth0",
                        "--events",
                        "events:struct event=" + ring,
                        "--events",
                        "samples:event=" + perf)
                .ok()
                .json();
        for (String map : List.of("events", "samples")) {
            assertThat(run.get("events").get(map).get("read").number()).isEqualTo(PACKETS);
            assertThat(run.get("events").get(map).get("lost").number()).isZero();
        }
        List<Json> records = lines(ring);
        List<Json> events = lines(perf);
        assertThat(records).hasSize(PACKETS);
        assertThat(events).hasSize(PACKETS);
        long time = 0;
        for (int i = 0; i < PACKETS; i++) {
            Json record = records.get(i);
            assertThat(record.get("map").text()).isEqualTo("events");
            assertThat(record.has("cpu")).isFalse();
            assertThat(record.get("size").number()).isEqualTo(32);
            assertThat(record.get("data").text()).hasSize(64);
            assertThat(record.get("event").get("number").number()).isEqualTo(i + 1);
            assertThat(record.get("event").get("mode").text()).isEqualTo("MODE_REPORT");
            assertThat(record.get("event").get("name").text()).isEqualTo("eth0");
            assertThat(record.get("time_ns").number()).as("capture time").isGreaterThanOrEqualTo(time);
            time = record.get("time_ns").number();
            Json event = events.get(i);
            assertThat(event.get("cpu").number()).isZero();
            assertThat(event.get("event").raw()).isEqualTo(record.get("event").raw());
            // 16 bytes of the packet follow, and 4 of filling
            assertThat(event.get("data").text())
                    .startsWith(record.get("data").text())
                    .hasSize(2 * (32 + 16 + 4))
                    .endsWith("00000000");
        }
        assertThat(time).isGreaterThan(1_000_000_000_000_000_000L);
    }

    @Test
    void standardOutputIsForEventsThen() {
        Cli.Result result = replay("--events", "events");
        assertThat(result.exitCode()).isZero();
        assertThat(result.out().lines()).hasSize(PACKETS).allMatch(line -> line.startsWith("{\"map\":\"events\""));
        assertThat(result.out()).doesNotContain("\"event\"");
        assertThat(result.err()).contains("XDP_PASS").contains("events of events: 70 read, 0 lost");
    }

    /** In capture time nothing depends on how fast somebody reads. */
    @Test
    void capturesGiveTheSameEventsAgain() throws IOException {
        Path first = folder.resolve("first");
        Path second = folder.resolve("second");
        replay("-j", "--repeat", "20", "--queues", "3", "--events", "events=" + first)
                .ok();
        replay("-j", "--repeat", "20", "--queues", "3", "--engine", "interpreter", "--events", "events=" + second)
                .ok();
        assertThat(first).hasSameTextualContentAs(second);
        assertThat(Files.readAllLines(first)).hasSize(20 * PACKETS);
    }

    /** By the machine's clock a reader runs beside the programs, as it does beside a kernel, and may be too slow. */
    @Test
    void whatIsLostIsCounted() throws IOException {
        Path file = folder.resolve("events");
        Json run = replay(
                        "-j",
                        "--clock",
                        "machine",
                        "--queues",
                        "2",
                        "--repeat",
                        "100",
                        "--events",
                        "events=" + file,
                        "--events",
                        "samples=" + folder.resolve("samples"))
                .ok()
                .json();
        for (String map : List.of("events", "samples")) {
            Json counts = run.get("events").get(map);
            assertThat(counts.get("read").number()).isPositive();
            assertThat(counts.get("read").number() + counts.get("lost").number())
                    .isEqualTo(100 * PACKETS);
        }
        assertThat(Files.readAllLines(file))
                .hasSize((int) run.get("events").get("events").get("read").number());
    }

    @Test
    void withoutAReaderTheRingFillsUp() {
        Cli.Result result = replay("--repeat", "3").ok();
        assertThat(result.out()).contains("map 8: events, ringbuf, 4,080 of 4,096 bytes not read, 108 records dropped");
        assertThat(result.out()).doesNotContain("events of");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            nix        | 1 | --events: no such map, expected one of events, samples, name=nix
            hosts      | 1 | --events: map hosts: expected a ring buffer or perf event array, found hash
            events:nix | 1 | --events: map events: the object has no such type, name=nix
            events=/no/such/folder/x | 1 | /no/such/folder/x: cannot be written: no such folder
            =x         | 2 | --events: expected MAP[:TYPE][=FILE], found =x
            """)
    void wrongEvents(String events, int exitCode, String message) {
        assertThat(replay("--events", events).error(exitCode)).isEqualTo(message);
    }

    @Test
    void twice() {
        assertThat(replay("--events", "events", "--events", "events=x").error(Cli.USAGE))
                .isEqualTo("--events: events is there twice");
    }
}
