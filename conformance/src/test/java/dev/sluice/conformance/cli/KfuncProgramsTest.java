package dev.sluice.conformance.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.conformance.Pcaps;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that call functions of the kernel, from the command line. */
class KfuncProgramsTest {
    private static final Path KERNEL_TYPES = Path.of("/sys/kernel/btf/vmlinux");
    private static final String CAPTURE =
            Pcaps.FOLDER.resolve("captures/recorded/dns.pcap").toString();

    private static String object(String name) {
        return Pcaps.FOLDER.resolve("programs/features/" + name + ".bpf.o").toString();
    }

    @Test
    void receiveHintsAreForProgramsOfTheDevice() {
        Cli.Result refused = Cli.run("replay", object("metadata"), CAPTURE);
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("metadata kfuncs require device-bound program");
        Cli.Result run = Cli.run("replay", "--xdpmeta-dev", object("metadata"), CAPTURE);
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).contains("{\"stamped\":70}");
    }

    @Test
    void connectionsComeFromAFile(@TempDir Path folder) throws Exception {
        assumeTrue(Files.isReadable(KERNEL_TYPES), "needs the types of a running kernel, " + KERNEL_TYPES);
        Path connections = folder.resolve("conntrack");
        Files.writeString(connections, "sctp src=1.2.3.4\n");
        String types = "--btf=" + KERNEL_TYPES;
        Cli.Result refused =
                Cli.run("replay", types, "--conntrack", connections.toString(), object("conntrack"), CAPTURE);
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("line 1").contains("expected tcp or udp");
        Files.writeString(connections, "udp 17 src=10.10.0.1 dst=10.10.0.2 sport=9 dport=53 mark=0\n");
        Cli.Result run = Cli.run("replay", types, "--conntrack", connections.toString(), object("conntrack"), CAPTURE);
        assertThat(run.err()).isEmpty();
        assertThat(run.out()).contains("XDP_TX").contains("XDP_PASS");
    }
}
