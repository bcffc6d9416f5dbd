package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code sluice prog} shows of an object. */
class ProgTest {
    private static final String CALLS = "../pcaps/programs/calls.bpf.o";
    private static final String FIREWALL = "../pcaps/programs/firewall.bpf.o";

    @Test
    void showNamesTypeTagSizesAndMaps() {
        assertThat(Cli.run("prog", "show", FIREWALL).ok().out())
                .startsWith("1: xdp  name firewall  tag ")
                .contains("  gpl\n")
                .contains("\tmap 1: hash  name rules  flags 0x0  key 16B  value 24B  max_entries 1024\n")
                .contains("\tbtf ");
        String json = Cli.run("prog", "show", "-j", FIREWALL).ok().out();
        assertThat(json)
                .contains(
                        "\"type\":\"xdp\"", "\"name\":\"firewall\"", "\"gpl_compatible\":true", "\"map_ids\":[1,2,3]");
        assertThat(Cli.run("prog", "list", FIREWALL).ok().out())
                .isEqualTo(Cli.run("prog", "show", FIREWALL).ok().out());
    }

    @Test
    void xlatedShowsSourceLinesAndInstructions() {
        List<String> lines =
                Cli.run("prog", "dump", "xlated", CALLS).ok().out().lines().toList();
        assertThat(lines.get(0)).isEqualTo("int calls_main(struct xdp_md * ctx):");
        assertThat(lines.get(1)).startsWith("; ");
        assertThat(lines).anyMatch(line -> line.matches(" +\\d+: \\(85\\) call pc\\+\\d+"));
        assertThat(lines).anyMatch(line -> line.matches(" +\\d+: \\(18\\) r\\d = map\\[id:1]\\[0]\\+0"));
        assertThat(lines.getLast()).matches(" *\\d+: \\(95\\) exit");
        assertThat(Cli.run("prog", "dump", "xlated", CALLS, "-j").ok().out())
                .startsWith("[{\"proto\":\"int calls_main(struct xdp_md * ctx)\",\"src\":");
        assertThat(Cli.run("prog", "dump", "xlated", CALLS, "--opcodes").ok().out())
                .contains("\n       95 00 00 00 00 00 00 00\n");
    }

    @Test
    void jitedShowsJvmCodeBelowEachInstruction() {
        String text = Cli.run("prog", "dump", "jited", CALLS).ok().out();
        assertThat(text).contains("dev.sluice.jited.calls_main_", "(95) exit\n", "lreturn\n");
        assertThat(Cli.run("prog", "dump", "jited", CALLS, "-j").ok().out())
                .startsWith("{\"name\":\"calls_main\",\"tag\":\"")
                .contains("\"operation\":\"lreturn\"");
    }
}
