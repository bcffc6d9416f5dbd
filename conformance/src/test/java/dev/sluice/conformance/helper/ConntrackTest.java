package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.helper.ConntrackTable;
import dev.sluice.helper.NetworkException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Connections that programs look up and add; the kernel's are those of this machine, so each test has a port of its own, from a random one on. */
class ConntrackTest {
    private final HelperBench bench = new HelperBench();
    private static final AtomicInteger PORTS =
            new AtomicInteger(ThreadLocalRandom.current().nextInt(1 << 20));
    private final int port = 1024 + PORTS.getAndIncrement() % (65_536 - 1024);

    @AfterEach
    void close() {
        bench.close();
    }

    /** Tuple at r10 - 64, options at r10 - 80, both filled; r9 is the context. */
    private String setUp(int protocol, int namespace, int zone, int reserved) {
        return """
                r9 = r1
                r6 = 0
                r7 = 0
                r8 = 0
                *(u64 *)(r10 - 24) = 0
                *(u64 *)(r10 - 32) = 0
                *(u64 *)(r10 - 40) = 0
                *(u64 *)(r10 - 48) = 0
                *(u32 *)(r10 - 64) = 0x0100007f
                *(u32 *)(r10 - 60) = 0x0200007f
                *(u16 *)(r10 - 56) = %d
                *(u16 *)(r10 - 54) = 0x3500
                *(u32 *)(r10 - 52) = 0
                *(u32 *)(r10 - 80) = %d
                *(u32 *)(r10 - 76) = 0
                *(u8 *)(r10 - 72) = %d
                *(u8 *)(r10 - 71) = 0
                *(u16 *)(r10 - 70) = %d
                *(u32 *)(r10 - 68) = %d
                """.formatted((short) port, namespace, protocol, zone, reserved);
    }

    private static String call(String function, int tupleSize, int optionsSize) {
        return """
                r1 = r9
                r2 = r10
                r2 += -64
                r3 = %d
                r4 = r10
                r4 += -80
                r5 = %d
                call %s#kfunc
                """.formatted(tupleSize, optionsSize, function);
    }

    private static final String ERROR = "r7 = *(s32 *)(r10 - 76)\nr8 = *(u8 *)(r10 - 71)\n";

    private static final String STORE = """
            *(u64 *)(r10 - 256) = r6
            *(u64 *)(r10 - 248) = r7
            *(u64 *)(r10 - 240) = r8
            r1 = r9
            r2 = 0
            r3 = r10
            r3 += -256
            r4 = 24
            call bpf_xdp_store_bytes
            r0 = 2
            exit
            """;

    @ParameterizedTest
    @CsvSource({
        "17,-1,0,0,12,12",
        "6,-1,0,0,12,16",
        "1,-1,0,0,12,12",
        "17,-2,0,0,12,12",
        "17,999999,0,0,12,12",
        "17,-1,3,0,12,12",
        "17,-1,3,0,12,16",
        "17,-1,0,256,12,16",
        "17,-1,0,256,12,12",
        "17,-1,0,1,12,16",
        "17,-1,0,0,11,12",
        "17,-1,0,0,36,12",
        "17,-1,0,0,12,8",
        "1,-2,3,256,11,16"
    })
    void whatCannotBeFoundHasAReason(int protocol, int namespace, int zone, int reserved, int tuple, int options) {
        HelperBench.Result result = bench.run(
                new byte[64],
                setUp(protocol, namespace, zone, reserved) + call("bpf_xdp_ct_lookup", tuple, options) + """
                        if r0 == 0 goto none
                        r6 = 1
                        r1 = r0
                        call bpf_ct_release#kfunc
                        none:
                        """ + ERROR
                        + STORE);
        assertThat(result.number(0)).isZero();
    }

    private static final String INSERT = """
            if r0 == 0 goto none
            r6 = r0
            r1 = r0
            r2 = 2000
            call bpf_ct_set_timeout#kfunc
            r1 = r6
            r2 = %d
            call bpf_ct_set_status#kfunc
            r7 = r0
            r1 = r6
            call bpf_ct_insert_entry#kfunc
            r6 = 2
            if r0 == 0 goto none
            r6 = 1
            r8 = *(u64 *)(r0 + 128)
            r1 = r0
            call bpf_ct_release#kfunc
            none:
            """;

    @ParameterizedTest
    @CsvSource({"0", "2", "6", "8", "1024", "48", "512", "1"})
    void aConnectionIsInsertedOnceAndFoundFromBothSides(int status) {
        String add = setUp(17, -1, 0, 0) + call("bpf_xdp_ct_alloc", 12, 12) + INSERT.formatted(status) + STORE;
        assertThat(bench.run(new byte[64], add).number(0)).isEqualTo(1);
        assertThat(bench.run(new byte[64], add).number(0)).isEqualTo(2);
        String find = call("bpf_xdp_ct_lookup", 12, 12) + """
                if r0 == 0 goto none
                r6 = *(u32 *)(r0 + 168)
                r6 |= 4096
                r7 = r0
                *(u32 *)(r0 + 168) = 77
                r1 = r0
                r2 = 5000
                call bpf_ct_change_timeout#kfunc
                r6 |= r0
                r1 = r7
                r2 = 14
                call bpf_ct_change_status#kfunc
                r6 <<= 32
                r6 |= r0
                r1 = r7
                call bpf_ct_release#kfunc
                none:
                """ + ERROR + STORE;
        HelperBench.Result found = bench.run(new byte[64], setUp(17, -1, 0, 0) + find);
        assertThat(found.number(0)).isNotZero();
        String turned = setUp(17, -1, 0, 0) + """
                *(u32 *)(r10 - 64) = 0x0200007f
                *(u32 *)(r10 - 60) = 0x0100007f
                *(u16 *)(r10 - 56) = 0x3500
                *(u16 *)(r10 - 54) = %d
                """.formatted((short) port);
        assertThat(bench.run(new byte[64], turned + find).number(16)).isEqualTo(1); // the answers' direction
        // another protocol is another connection
        assertThat(bench.run(new byte[64], setUp(6, -1, 0, 0) + find).number(0)).isZero();
    }

    @Test
    void aTextGivesConnections() {
        try (HelperBench alone = new HelperBench(false)) {
            alone.with(
                    context -> context.network
                            .connections()
                            .parse(
                                    "ipv4     2 tcp      6 431999 ESTABLISHED src=127.0.0.1 dst=127.0.0.2 sport="
                                            + (Short.reverseBytes((short) port) & 0xffff)
                                            + " dport=53 src=127.0.0.2 dst=127.0.0.1 sport=53 dport=7 [ASSURED] mark=9 zone=0 use=2\n"));
            HelperBench.Result result = alone.run(
                    new byte[64], setUp(6, -1, 0, 0) + call("bpf_xdp_ct_lookup", 12, 12) + """
                            if r0 == 0 goto none
                            r6 = *(u32 *)(r0 + 168)
                            r1 = r0
                            call bpf_ct_release#kfunc
                            none:
                            """ + ERROR + STORE);
            assertThat(result.number(0)).isEqualTo(9);
        }
    }

    @Test
    void whatIsNoConnectionIsRefusedWithItsLine() {
        assertThatThrownBy(() -> new ConntrackTable().parse("# a comment\n\nicmp 1 src=1.2.3.4 dst=1.2.3.5"))
                .isInstanceOf(NetworkException.class)
                .hasMessageContaining("line 3")
                .hasMessageContaining("expected tcp or udp");
        assertThatThrownBy(() -> new ConntrackTable().parse("tcp src=1.2.3.4 dst=1.2.3.5 sport=99999 dport=1"))
                .isInstanceOf(NetworkException.class);
    }
}
