package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.capture;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
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

    /** As the sluice script starts the JVM. */
    private static final String EXPORTS = "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED";

    @ParameterizedTest
    @ValueSource(strings = {"drop", "parse", "count", "swap", "tuples"})
    void whatIsMeantToBeInlinedIs(String name) throws Exception {
        Json c2 = report(name, EXPORTS);
        assertThat(methods(c2))
                .as("the program is in its loop")
                .isNotEmpty()
                .allMatch(method -> method.startsWith(name + "_loop_pc"));
        assertThat(calls(c2)).isEmpty();
    }

    /** In programs of several parts those call each other, and nothing else. */
    @ParameterizedTest
    @ValueSource(strings = {"nested", "balancer", "rules"})
    void partsOfLargeProgramsCallEachOtherOnly(String name) throws Exception {
        Json c2 = report(name, EXPORTS);
        assertThat(methods(c2))
                .anyMatch(method -> method.startsWith(name + "_loop_pc"))
                .allMatch(method -> method.startsWith(name + "_loop_pc") || method.startsWith(name + "_part"));
        assertThat(calls(c2)).allMatch(call -> call.contains("." + name + "_part"));
    }

    /** The report says so when something is not: here accesses to memory, which the JVM is told to leave calls. */
    @Test
    void whatIsNotInlinedIsReported() throws Exception {
        Json c2 = report(
                "parse",
                "-XX:CompileCommand=quiet",
                "-XX:CompileCommand=dontinline,java.lang.invoke.VarHandleSegment*::*");
        assertThat(calls(c2)).isNotEmpty().allMatch(call -> call.contains("VarHandleSegment"));
    }

    private static List<String> methods(Json c2) {
        return StreamSupport.stream(c2.get("compilations").items().spliterator(), false)
                .map(each -> each.get("method").text())
                .toList();
    }

    /** Calls that stayed though packets meet them. */
    private static List<String> calls(Json c2) {
        return StreamSupport.stream(c2.get("not_inlined").items().spliterator(), false)
                .filter(call -> FINE.stream().noneMatch(call.get("reason").text()::contains))
                .map(call ->
                        call.get("callee").text() + ": " + call.get("reason").text())
                .toList();
    }

    /** In a JVM of its own, which has compiled nothing else. */
    private static Json report(String name, String... options) throws Exception {
        ProcessBuilder start = Cli.start(
                "prog",
                "dump",
                "jited",
                Pcaps.FOLDER.resolve("bench/" + name + ".bpf.o").toString(),
                "-j",
                "--c2",
                capture("generated/imix.pcap"));
        start.command().addAll(1, List.of(options));
        Process process = start.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String json = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return Json.parse(json).get("c2");
    }
}
