package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Pcaps;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

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
}
