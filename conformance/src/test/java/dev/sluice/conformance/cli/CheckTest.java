package dev.sluice.conformance.cli;

import static dev.sluice.conformance.cli.Cli.FAILED;
import static dev.sluice.conformance.cli.Cli.object;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code sluice check} with Sluice's own verifier, which needs no kernel. */
class CheckTest {
    private static final int REJECTED = 4;

    @Test
    void ownVerifierNeedsNoKernel() {
        Cli.Result result =
                Cli.run("check", Pcaps.object("parser"), Pcaps.object("hello")).ok();
        assertThat(result.out())
                .contains("parser.bpf.o:\n", "hello.bpf.o:\n")
                .containsPattern("parser +xdp +accepted +[0-9,]+ +");
        assertThat(Cli.run("check", "-j", Pcaps.object("hello"))
                        .ok()
                        .json()
                        .get("programs")
                        .items()
                        .getFirst()
                        .get("sluice")
                        .get("accepted")
                        .raw())
                .isEqualTo(true);
        assertThat(Cli.run("check", Pcaps.object("features/linked_main")).exitCode())
                .isEqualTo(REJECTED);
        assertThat(Cli.run("check").error(Cli.USAGE)).contains("OBJ");
    }

    @Test
    void streamAnswersEachJobInOrder() {
        String jobs = "a\traw\tb7000000020000009500000000000000\n"
                + "b\traw\t61120000000000007120000000000000" + "9500000000000000\n"
                + "c\tobject\t" + Pcaps.object("hello") + "\thello\n"
                + "d\traw\tnonsense\n";
        assertThat(Cli.run(jobs.getBytes(StandardCharsets.UTF_8), "check", "--stream")
                        .ok()
                        .out()
                        .lines())
                .satisfiesExactly(
                        line -> assertThat(line).isEqualTo("a\tACCEPT\t2"),
                        line -> assertThat(line).startsWith("b\tREJECT\t"),
                        line -> assertThat(line).matches("c\tACCEPT\t\\d+"),
                        line -> assertThat(line).startsWith("d\tUNSUPPORTED\t"));
    }

    @Test
    void saysHowMuchWorkItWas() {
        assertThat(Cli.run("check", Pcaps.object("parser")).ok().out())
                .containsPattern("program +section +sluice +insns processed +states +peak +stack +time")
                .containsPattern("parser +xdp +accepted +[0-9,]+ +[0-9,]+ +[0-9,]+ +[0-9+]+ +");
        Json sluice = Cli.run("check", "-j", Pcaps.object("calls"))
                .ok()
                .json()
                .get("programs")
                .items()
                .getFirst()
                .get("sluice");
        assertThat(sluice.get("processed_insns").number()).isPositive();
        assertThat(sluice.get("total_states").number())
                .isGreaterThanOrEqualTo(sluice.get("peak_states").number());
        assertThat(sluice.get("stack_depth").text()).matches("[0-9+]+");
        assertThat(sluice.get("verification_ns").number()).isPositive();
    }

    @Test
    void programsOfOtherTypesAreNamed(@TempDir Path folder) throws IOException {
        String bytes = new String(Pcaps.bytes(Pcaps.object("features/sections")), StandardCharsets.ISO_8859_1);
        Path mixed = folder.resolve("mixed.bpf.o");
        Files.write(mixed, bytes.replace("xdp/cpumap", "tc/ingress").getBytes(StandardCharsets.ISO_8859_1));
        Cli.Result result = Cli.run("check", mixed).ok();
        assertThat(result.out())
                .containsPattern("for_cpumap +tc/ingress +not XDP, [a-z_]+")
                .containsPattern("for_devmap +xdp/devmap +accepted");
        assertThat(Cli.run("check", "-j", mixed).ok().out()).contains("\"not_xdp\":true");
    }

    @Test
    void aHugeProgramOrABadJobDoesNotEndTheStream() {
        // a loop that goes on to the limit; a path for each of many branches
        String endless =
                "b701000000000000" + "0701000001000000" + "5501feff00000000" + "b700000002000000" + "9500000000000000";
        String jobs = "1\traw\t" + endless + "\n\n2\n3\traw\t\n4\traw\t00\n5\tobject\t/no/such.o\tp\n6\tother\tx\n"
                + "\tobject\n7\traw\t" + "b700000002000000".repeat(1000) + "9500000000000000\n";
        assertThat(Cli.run(jobs.getBytes(StandardCharsets.UTF_8), "check", "--stream")
                        .ok()
                        .out()
                        .lines())
                .satisfiesExactly(
                        line -> assertThat(line)
                                .isEqualTo("1\tREJECT\tBPF program is too large. Processed 1000001 insn"),
                        line -> assertThat(line).startsWith("2\tUNSUPPORTED\t"),
                        line -> assertThat(line).startsWith("3\t"),
                        line -> assertThat(line).startsWith("4\t"),
                        line -> assertThat(line).startsWith("5\tUNSUPPORTED\t"),
                        line -> assertThat(line).startsWith("6\tUNSUPPORTED\t"),
                        line -> assertThat(line).startsWith("\tUNSUPPORTED\t"),
                        line -> assertThat(line).isEqualTo("7\tACCEPT\t1001"));
    }

    @Test
    void anObjectThatCannotBeReadTakesNoOthersAway() {
        Cli.Result text = Cli.run("check", "nowhere.o", object("hello"));
        assertThat(text.message(FAILED)).isEqualTo("nowhere.o: no such file");
        assertThat(text.out()).contains(object("hello") + ":", "accepted");
        Cli.Result json = Cli.run("check", "-j", "nowhere.o", object("hello"));
        assertThat(json.message(FAILED)).isEqualTo("nowhere.o: no such file");
        assertThat(json.json().at(0).get("programs").items()).hasSize(1);
        assertThat(json.json().at(1).get("error").text()).isEqualTo("nowhere.o: no such file");
    }

    @Test
    void hintsOfADeviceAreForProgramsLoadedForIt() {
        assertThat(Cli.run("check", object("features/metadata")).exitCode()).isEqualTo(REJECTED);
        assertThat(Cli.run("check", "--xdpmeta-dev", object("features/metadata"))
                        .ok()
                        .out())
                .contains("accepted");
    }
}
