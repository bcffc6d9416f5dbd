package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.NetworkException;
import dev.sluice.helper.SocketTable;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Look-ups of sockets, and SYN cookies. */
class SocketHelpersTest {
    private static final String SOCKETS = """
            Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
            tcp   LISTEN 0      128          0.0.0.0:80         0.0.0.0:*
            tcp   LISTEN 0      128        10.0.0.1:443         0.0.0.0:*
            tcp   ESTAB  0      0          10.0.0.1:80        10.0.0.2:5555
            tcp   TIME-WAIT 0   0          10.0.0.1:80        10.0.0.3:5555
            tcp   LISTEN 0      128             [::]:22           [::]:*
            udp   UNCONN 0      0           0.0.0.0:53         0.0.0.0:*
            udp   UNCONN 0      0         [fd00::1]:53            [::]:*
            """;

    /** The tuple is the front of the packet; r0 is 1000 * state + remote port in its order, or 0. */
    private static final String LOOK_UP = """
            r9 = r1
            r2 = 0
            r3 = r10
            r3 += -40
            r4 = 36
            call bpf_xdp_load_bytes
            r1 = r9
            r2 = r10
            r2 += -40
            r3 = %d
            r4 = %d
            r5 = %d
            call bpf_%s
            if r0 != 0 goto found
            exit
            found:
            r6 = *(u32 *)(r0 + 72)
            r6 *= 100000
            r1 = *(u32 *)(r0 + 44)
            r6 += r1
            r1 = r0
            call bpf_sk_release
            r0 = r6
            exit
            """;

    private static byte[] tuple(String remote, int remotePort, String local, int localPort) throws Exception {
        return ByteBuffer.allocate(64)
                .put(InetAddress.getByName(remote).getAddress())
                .put(InetAddress.getByName(local).getAddress())
                .putShort((short) remotePort)
                .putShort((short) localPort)
                .array();
    }

    @ParameterizedTest
    @CsvSource({
        "sk_lookup_tcp, 10.0.0.9, 1, 10.0.0.7, 80, 1000080",
        "sk_lookup_tcp, 10.0.0.2, 5555, 10.0.0.1, 80, 100080",
        "sk_lookup_tcp, 10.0.0.2, 5556, 10.0.0.1, 80, 1000080",
        "sk_lookup_tcp, 10.0.0.3, 5555, 10.0.0.1, 80, 1000080",
        "skc_lookup_tcp, 10.0.0.3, 5555, 10.0.0.1, 80, 600080",
        "sk_lookup_tcp, 10.0.0.9, 1, 10.0.0.1, 443, 1000443",
        "sk_lookup_tcp, 10.0.0.9, 1, 10.0.0.7, 443, 0",
        "sk_lookup_tcp, 10.0.0.9, 1, 10.0.0.7, 22, 1000022",
        "sk_lookup_tcp, fd00::9, 1, fd00::1, 22, 1000022",
        "sk_lookup_tcp, fd00::9, 1, fd00::1, 80, 0",
        "sk_lookup_udp, 10.0.0.9, 1, 10.0.0.7, 53, 700053",
        "sk_lookup_udp, fd00::9, 1, fd00::1, 53, 700053",
        "sk_lookup_udp, fd00::9, 1, fd00::2, 53, 0",
        "sk_lookup_udp, 10.0.0.9, 1, 10.0.0.7, 80, 0"
    })
    void theBestSocketIsFound(String helper, String remote, int remotePort, String local, int localPort, int expected)
            throws Exception {
        try (HelperBench bench = new HelperBench(false)) {
            SocketTable sockets = SocketTable.parse(SOCKETS);
            bench.with(context -> context.network.set(sockets));
            byte[] packet = tuple(remote, remotePort, local, localPort);
            int size = remote.indexOf(':') >= 0 ? 36 : 12;
            assertThat(bench.run(packet, LOOK_UP.formatted(size, -1, 0, helper)).returned())
                    .isEqualTo(expected);
            assertThat(bench.run(packet, LOOK_UP.formatted(size, -1, 1, helper)).returned())
                    .isZero();
        }
    }

    @Test
    void withoutSocketsNothingIsFoundAsInAnEmptyNamespace() throws Exception {
        try (HelperBench bench = new HelperBench()) {
            byte[] packet = tuple("192.0.2.1", 1, "192.0.2.2", 4711);
            for (String helper : new String[] {"sk_lookup_tcp", "sk_lookup_udp", "skc_lookup_tcp"}) {
                for (int size : new int[] {1, 12, 36}) {
                    assertThat(bench.run(packet, LOOK_UP.formatted(size, -1, 0, helper))
                                    .returned())
                            .isZero();
                }
            }
        }
    }

    @Test
    void onlySocketsAreReleased() {
        try (HelperBench bench = new HelperBench(false)) {
            assertThatThrownBy(() -> bench.run(new byte[64], "r1 = r10\ncall bpf_sk_release\nr0 = 0\nexit"))
                    .isInstanceOf(ProgramFault.class)
                    .hasMessageContaining("socket");
        }
    }

    @Test
    void whatCannotBeReadIsNamed() {
        assertThatThrownBy(() -> SocketTable.parse("tcp LISTEN 0 0 10.0.0.1:99999 0.0.0.0:*"))
                .isInstanceOf(NetworkException.class)
                .hasMessage("sockets: line 1: expected ADDRESS:PORT, found 10.0.0.1:99999");
    }

    /** Makes a cookie of the SYN in the packet (IP header, TCP header), and gives what was chosen as segment size. */
    private static final String COOKIE = """
            r6 = r1
            r7 = *(u32 *)(r1 + 0)
            r8 = *(u32 *)(r1 + 4)
            r1 = r7
            r1 += 80
            if r1 > r8 goto short
            r1 = r7
            r2 = r7
            r2 += %1$d
            r3 = %3$d
            call bpf_tcp_raw_gen_syncookie_ipv%2$d
            r9 = r0
            if r9 s< 0 goto bad
            r4 = r9
            w4 += 1
            r4 = be32 r4
            *(u32 *)(r7 + %4$d) = r4
            r4 = *(u32 *)(r7 + %5$d)
            r4 = be32 r4
            w4 += 1
            r4 = be32 r4
            *(u32 *)(r7 + %5$d) = r4
            r1 = r7
            r2 = r7
            r2 += %1$d
            call bpf_tcp_raw_check_syncookie_ipv%2$d
            if r0 != 0 goto refused
            r4 = *(u32 *)(r7 + %4$d)
            w4 ^= 0x10000
            *(u32 *)(r7 + %4$d) = r4
            r1 = r7
            r2 = r7
            r2 += %1$d
            call bpf_tcp_raw_check_syncookie_ipv%2$d
            *(u32 *)(r7 + %4$d) = 0
            r1 = r9
            r1 >>= 32
            r0 *= 100000
            r0 += r1
            exit
            bad:
            r0 = r9
            exit
            refused:
            r0 = 7
            exit
            short:
            r0 = 6
            exit
            """;

    @Test
    void cookiesAreRecognised() {
        try (HelperBench bench = new HelperBench()) {
            for (int mss : new int[] {0, 100, 536, 1000, 1300, 1460, 9000, 65535}) {
                for (boolean ipv6 : new boolean[] {false, true}) {
                    int ip = ipv6 ? 40 : 20;
                    byte[] packet = HexFormat.of().parseHex("45".repeat(80));
                    packet[ip + 12] = (byte) (mss == 0 ? 0x50 : 0x60);
                    packet[ip + 20] = 2;
                    packet[ip + 21] = 4;
                    packet[ip + 22] = (byte) (mss >> 8);
                    packet[ip + 23] = (byte) mss;
                    String program = COOKIE.formatted(ip, ipv6 ? 6 : 4, mss == 0 ? 20 : 24, ip + 8, ip + 4);
                    HelperBench.Result result = bench.run(packet, program);
                    assertThat(result.returned()).isLessThan(-1_000_000 * 13 / 10 + 100_000);
                    assertThat(bench.run(packet, COOKIE.formatted(ip, ipv6 ? 6 : 4, 28, ip + 8, ip + 4))
                                    .returned())
                            .isEqualTo(-22);
                }
            }
        }
    }
}
