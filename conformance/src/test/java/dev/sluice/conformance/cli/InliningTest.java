package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The JVM's own report of what C2 inlined into the packet loops of the benchmark's programs: everything that is ours, but for
 * what a packet meets seldom or what is a call on purpose.
 */
class InliningTest {
    /** Why C2 leaves calls alone that have not been made or that cost nothing. */
    private static final List<String> FINE =
            List.of("never executed", "call site not reached", "executed < MinInlineFrequencyRatio", "unloaded");

    @ParameterizedTest
    @ValueSource(strings = {"drop", "parse", "count", "swap", "tuples"})
    void whatIsMeantToBeInlinedIs(String name) {
        Json c2 = Cli.run(
                        "prog",
                        "dump",
                        "jited",
                        Pcaps.FOLDER.resolve("bench/" + name + ".bpf.o"),
                        "-j",
                        "--c2",
                        capture("generated/imix.pcap"))
                .ok()
                .json()
                .get("c2");
        assertThat(c2.get("compilations").items()).as("compiled").isNotEmpty();
        assertThat(c2.get("compilations").items().stream()
                        .map(each -> each.get("method").text()))
                .as("the program is in its loop")
                .containsOnly("run");
        List<String> calls = StreamSupport.stream(c2.get("not_inlined").items().spliterator(), false)
                .filter(call -> FINE.stream().noneMatch(call.get("reason").text()::contains))
                .map(call ->
                        call.get("callee").text() + ": " + call.get("reason").text())
                .toList();
        assertThat(calls).isEmpty();
    }
}
