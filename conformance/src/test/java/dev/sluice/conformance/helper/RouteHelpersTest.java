package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.helper.Links;
import dev.sluice.helper.Network;
import dev.sluice.helper.NetworkException;
import dev.sluice.helper.RouteHelpers;
import java.io.File;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** {@code bpf_fib_lookup} and {@code bpf_check_mtu}: the packet carries the parameters there and back. */
class RouteHelpersTest {
    private static final int STRUCT = 64;

    /** Copies 64 bytes of the packet to the stack, asks, and copies them back. Flags are the 4 bytes behind. */
    private static final String LOOK_UP = """
            r9 = r1
            r2 = 0
            r3 = r10
            r3 += -72
            r4 = 72
            call bpf_xdp_load_bytes
            r1 = r9
            r2 = r10
            r2 += -72
            r3 = %d
            w4 = *(u32 *)(r10 - 8)
            call bpf_fib_lookup
            r6 = r0
            r1 = r9
            r2 = 0
            r3 = r10
            r3 += -72
            r4 = 72
            call bpf_xdp_store_bytes
            r0 = r6
            exit
            """;

    private static final String ADDR = """
            1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
                link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
                inet 127.0.0.1/8 scope host lo
                   valid_lft forever preferred_lft forever
            3: v0@v1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
                link/ether 96:45:f8:50:ba:05 brd ff:ff:ff:ff:ff:ff
                inet 10.0.0.1/24 scope global v0
                inet6 fd00:1::1/64 scope global nodad
            5: v2@v3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP group default qlen 1000
                link/ether 1a:85:27:ed:31:7b brd ff:ff:ff:ff:ff:ff
                inet 10.0.1.1/24 scope global v2
            """;

    private static byte[] params(String from, String to, int ifindex, int totLen, int tos, int table, int flags)
            throws Exception {
        byte[] source = InetAddress.getByName(from).getAddress();
        byte[] destination = InetAddress.getByName(to).getAddress();
        ByteBuffer packet = ByteBuffer.allocate(STRUCT + 8).order(ByteOrder.LITTLE_ENDIAN);
        packet.put(0, (byte) (source.length == 4 ? 2 : 10));
        packet.putShort(6, (short) totLen);
        packet.putInt(8, ifindex);
        packet.put(12, (byte) tos);
        packet.put(16, source);
        packet.put(32, destination);
        packet.putInt(48, table);
        packet.putInt(64, flags);
        return packet.array();
    }

    @Test
    void agreesWithTheKernelInANamespace() {
        Assumptions.assumeTrue(new File("/usr/sbin/ip").canExecute() || new File("/sbin/ip").canExecute(), "needs ip");
        try (HelperBench bench = new HelperBench()) {
            Assumptions.assumeTrue(bench.kernel != null, "needs bpf(2)");
            String unavailable = NetworkNamespace.in(() -> compare(bench));
            Assumptions.assumeTrue(unavailable == null, unavailable);
        }
    }

    private static void compare(HelperBench bench) throws Exception {
        NetworkNamespace.shell("""
                ip link set lo up
                ip link add v0 type veth peer name v1
                ip link add v2 type veth peer name v3
                ip link set v2 mtu 1400
                for i in v0 v1 v2 v3; do ip link set $i up; done
                for i in all default lo v0 v1 v2 v3; do
                    echo 1 > /proc/sys/net/ipv4/conf/$i/forwarding
                    echo 1 > /proc/sys/net/ipv6/conf/$i/forwarding
                done
                echo 0 > /proc/sys/net/ipv4/conf/v1/forwarding
                echo 0 > /proc/sys/net/ipv6/conf/v1/forwarding
                ip addr add 10.0.0.1/24 dev v0
                ip addr add 10.0.1.1/24 dev v2
                ip -6 addr add fd00:1::1/64 dev v0 nodad
                ip -6 addr add fd00:2::1/64 dev v2 nodad
                ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0
                ip neigh add 10.0.1.9 lladdr 02:00:00:00:01:09 dev v2
                ip -6 neigh add fd00:1::9 lladdr 02:00:00:00:06:09 dev v0
                ip route add default via 10.0.1.9 metric 100
                ip route add default via 10.0.0.9 metric 200
                ip route add blackhole 10.9.0.0/16
                ip route add unreachable 10.9.1.0/24
                ip route add prohibit 10.9.2.0/24
                ip route add throw 10.9.3.0/24
                ip route add 10.7.0.0/16 via inet6 fd00:1::9 dev v0
                ip route add 10.6.0.0/16 via 10.0.0.9 mtu lock 1300
                ip route add 10.5.0.0/16 via 10.0.0.9 mtu 1300
                ip route add 10.4.0.0/16 dev v0 metric 7
                ip route add 10.4.0.0/16 dev v2 metric 6
                ip route add 10.3.0.0/16 tos 0x10 via 10.0.0.9
                ip route add 10.2.0.0/16 via 10.0.0.9 src 10.0.1.1
                ip route add 10.1.0.0/16 via 10.0.0.9 table 77
                ip -6 route add fd00:5::/32 via fd00:1::9
                ip -6 route add fd00:6::/32 via fd00:1::9 mtu 1300
                ip -6 route add fd00:7::/32 via fd00:1::9 src fd00:2::1
                ip -6 route add unreachable fd00:9::/32
                ip -6 route add blackhole fd00:a::/32
                ip -6 route add prohibit fd00:b::/32
                """);
        Network network = new Network();
        String addr = NetworkNamespace.shell("ip addr");
        String routes = NetworkNamespace.shell("ip route show table all");
        String neighbours = NetworkNamespace.shell("ip neigh; ip -6 neigh");
        network.parse(addr, routes, neighbours);
        network.set(network.links().withoutForwarding("v1"), network.routes(), network.neighbours());
        bench.with(context -> context.network = network);
        int v0 = network.links().byName("v0").ifindex();
        int v1 = network.links().byName("v1").ifindex();
        int v2 = network.links().byName("v2").ifindex();
        String program = LOOK_UP.formatted(STRUCT);
        int compared = 0;
        int succeeded = 0;
        List<String> v4 = List.of(
                "10.0.0.9",
                "10.0.0.8",
                "10.0.0.1",
                "10.0.0.255",
                "10.0.1.9",
                "10.0.1.1",
                "10.9.0.1",
                "10.9.1.1",
                "10.9.2.1",
                "10.9.3.1",
                "10.7.1.1",
                "10.6.0.1",
                "10.5.0.1",
                "10.4.0.1",
                "10.3.0.1",
                "10.2.3.4",
                "10.1.2.3",
                "8.8.8.8",
                "127.0.0.1",
                "127.1.2.3",
                "255.255.255.255");
        List<String> v6 = List.of(
                "fd00:1::9",
                "fd00:1::8",
                "fd00:1::1",
                "fd00:2::5",
                "fd00:5::1",
                "fd00:6::1",
                "fd00:7::1",
                "fd00:9::1",
                "fd00:a::1",
                "fd00:b::1",
                "2001:db8::1",
                "fe80::1",
                "ff02::1",
                "::1");
        for (int ifindex : new int[] {v0, v1, v2, 99, 0}) {
            for (int flags : new int[] {0, 1, 2, 3, 4, 5, 6, 9, 13, 16, 17, 18, 22, 64}) {
                for (int table : new int[] {0, 254, 77, 255, 12345}) {
                    if (table != 0 && (flags & 8) == 0) {
                        continue;
                    }
                    for (int totLen : new int[] {0, 1301, 1401}) {
                        for (String to : v4) {
                            for (int tos : new int[] {0, 0x10}) {
                                HelperBench.Result result =
                                        bench.run(params("10.0.0.77", to, ifindex, totLen, tos, table, flags), program);
                                compared++;
                                succeeded += result.returned() == 0 ? 1 : 0;
                            }
                        }
                        for (String to : v6) {
                            HelperBench.Result result =
                                    bench.run(params("fd00:1::77", to, ifindex, totLen, 0, table, flags), program);
                            compared++;
                            succeeded += result.returned() == 0 ? 1 : 0;
                        }
                    }
                }
            }
        }
        assertThat(compared).isGreaterThan(1000);
        assertThat(succeeded).isGreaterThan(100);
        byte[] packet = params("10.0.0.77", "10.0.0.9", v0, 0, 0, 0, 0);
        bench.run(packet, LOOK_UP.formatted(63));
        bench.run(packet, LOOK_UP.formatted(65));
        packet[0] = 7;
        bench.run(packet, program);
        compareMtu(bench, v0, v2);
    }

    private static void compareMtu(HelperBench bench, int v0, int v2) throws Exception {
        for (int ifindex : new int[] {0, v0, v2, 99}) {
            for (int length : new int[] {0, 1400, 1401, 1500, 1501, 65536, 65537}) {
                for (int difference : new int[] {0, 1, -1, 1340, 65000}) {
                    for (int flags : new int[] {0, 1, 2}) {
                        bench.run(new byte[64], """
                                r9 = r1
                                *(u64 *)(r10 - 8) = %d
                                r2 = %d
                                r3 = r10
                                r3 += -8
                                r4 = %d
                                r5 = %d
                                call bpf_check_mtu
                                r6 = r0
                                r1 = r9
                                r2 = 0
                                r3 = r10
                                r3 += -8
                                r4 = 8
                                call bpf_xdp_store_bytes
                                r0 = r6
                                exit
                                """.formatted(length, ifindex, difference, flags));
                    }
                }
            }
        }
    }

    @Test
    void severalNextHopsShareByWeight() throws Exception {
        try (HelperBench bench = new HelperBench(false)) {
            Network network = new Network();
            network.parse(
                    ADDR,
                    """
                    10.8.0.0/16
                    	nexthop via 10.0.0.9 dev v0 weight 3
                    	nexthop via 10.0.1.9 dev v2 weight 1
                    """,
                    "10.0.0.9 dev v0 lladdr 02:00:00:00:00:09 REACHABLE\n10.0.1.9 dev v2 lladdr 02:00:00:00:01:09\n");
            bench.with(context -> context.network = network);
            int first = 0;
            for (int i = 0; i < 400; i++) {
                byte[] packet = params("192.0.2." + i % 256, "10.8.0." + (1 + i / 256), 3, 0, 0, 0, 0);
                HelperBench.Result result = bench.run(packet, LOOK_UP.formatted(STRUCT));
                assertThat(result.returned()).isEqualTo(RouteHelpers.SUCCESS);
                int egress = ByteBuffer.wrap(result.packet())
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getInt(8);
                assertThat(egress).isIn(3, 5);
                first += egress == 3 ? 1 : 0;
            }
            assertThat(first).isBetween(260, 340);
        }
    }

    @Test
    void withoutANetworkNothingIsForwarded() throws Exception {
        try (HelperBench bench = new HelperBench(false)) {
            byte[] packet = params("192.0.2.1", "10.8.0.1", 1, 0, 0, 0, 0);
            assertThat(bench.run(packet, LOOK_UP.formatted(STRUCT)).returned()).isEqualTo(RouteHelpers.NOT_FWDED);
            packet = params("192.0.2.1", "10.8.0.1", 2, 0, 0, 0, 0);
            assertThat(bench.run(packet, LOOK_UP.formatted(STRUCT)).returned()).isEqualTo(-19);
        }
    }

    @Test
    void whatCannotBeReadIsNamed() {
        Network network = new Network();
        assertThatThrownBy(() -> network.parse(ADDR, "10.0.0.0/33 dev v0", ""))
                .isInstanceOf(NetworkException.class)
                .hasMessage("routes: line 1: expected ADDRESS/LENGTH or default, found 10.0.0.0/33");
        assertThatThrownBy(() -> network.parse(ADDR, "\ndefault via 10.0.0.1 dev eth7", ""))
                .hasMessage("routes: line 2: no such interface, dev=eth7");
        assertThatThrownBy(() -> network.parse(ADDR, "", "10.0.0.9 dev v0 lladdr 02:00"))
                .hasMessage("neighbours: line 1: expected an Ethernet address, lladdr=02:00");
        assertThatThrownBy(() -> network.parse("hello", "", ""))
                .hasMessage("interfaces: line 1: expected 'NUMBER: NAME:', found hello");
        assertThat(network.links()).isSameAs(Links.NONE);
    }
}
