package dev.sluice.packet;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.sluice.Engines;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.map.BpfMap;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.tap.NetNamespace;
import dev.sluice.packet.tap.TapIo;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A firewall in the cable between two network namespaces, with real programs on both ends; skipped where that is not permitted.
 *
 * <pre>
 *   client 10.99.0.1 ── slo0 [wire  fw  host] sli0 ── server 10.99.0.2
 * </pre>
 */
@Timeout(300)
class InlineFirewallTest {
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final Pattern DROPPED = Pattern.compile("\"tx\":\\{[^}]*\"dropped\":(\\d+)");

    /** The two namespaces, the firewall between them, and what it has loaded. */
    private static final class Cable implements AutoCloseable {
        final NetNamespace client;
        final NetNamespace server;
        final XdpRuntime runtime;
        final LoadedObject object;
        final Datapath datapath;
        final OrderWatch order = new OrderWatch();
        private final Process holder;

        /** What could not be written before both ends were up. */
        final long errorsBefore;

        /** What could not be written after that; behind {@link #stop}, as one end closes before the other. */
        long errors = -1;

        Cable(int queues, int mtu, TapIo io) throws Exception {
            client = new NetNamespace(io);
            server = new NetNamespace(io);
            runtime = new XdpRuntime(Engines.jit(), queues, 1);
            ObjectSpec spec = ObjectSpec.read(
                    "inline_fw.bpf.o",
                    Files.readAllBytes(Path.of("..", "pcaps", "programs", "features", "inline_fw.bpf.o")));
            object = runtime.load(spec, spec.xdpPrograms());
            datapath = Datapath.builder()
                    .contexts((cpu, clock) -> runtime.newContext(clock, cpu))
                    .nic(
                            "fw",
                            nic -> nic.wire(new End.Tap("slo0", io))
                                    .host(new End.Tap("sli0", io))
                                    .queues(queues)
                                    .mtu(mtu)
                                    .handler(() -> order.new Handler())
                                    .program(object.programs().getFirst().executable()))
                    .build();
            holder = server.call(() -> new ProcessBuilder("sleep", "300").start());
            client.call(() -> {
                datapath.open();
                return null;
            });
            client.must("ip", "link", "set", "sli0", "netns", Long.toString(holder.pid()));
            for (NetNamespace side : new NetNamespace[] {client, server}) {
                String device = side == client ? "slo0" : "sli0";
                side.must("ip", "addr", "add", side == client ? "10.99.0.1/24" : "10.99.0.2/24", "dev", device);
                side.must("ip", "link", "set", device, "up");
            }
            client.ping(2, "10.99.0.2");
            errorsBefore = errors(datapath.totals());
        }

        static long errors(RunTotals totals) {
            return totals.statistics().get("fw:host").get("tx_errors")
                    + totals.statistics().get("fw").get("tx_errors");
        }

        BpfMap map(String name) {
            return object.map(name).map(LoadedMap::map).orElseThrow();
        }

        private static byte[] service(int protocol, int port) {
            return new byte[] {(byte) port, (byte) (port >> 8), (byte) protocol, 0};
        }

        void rule(int protocol, int port, XdpAction action) {
            byte[] value = new byte[24];
            value[16] = (byte) action.ordinal();
            map("rules").put(service(protocol, port), value, BpfMap.ANY);
        }

        long caught(int protocol, int port) {
            return packets("rules", service(protocol, port));
        }

        /** The packets that an entry counts, also behind {@link #stop}. */
        long packets(String map, byte[] key) {
            return ByteBuffer.wrap(map(map).get(key))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getLong();
        }

        RunTotals stop() throws Exception {
            errors = errors(datapath.totals()) - errorsBefore;
            datapath.stop();
            RunTotals totals = datapath.await();
            Map<String, Long> in = totals.statistics().get("fw");
            Map<String, Long> host = totals.statistics().get("fw:host");
            // what the read side gave is what the write side took, less what the program kept
            assertThat(host.get("tx_packets") + host.get("tx_errors"))
                    .isEqualTo(in.get("rx_packets") - totals.packets(XdpAction.DROP));
            assertThat(in.get("tx_packets") + in.get("tx_errors")).isEqualTo(host.get("rx_packets"));
            assertThat(datapath.batchesInUse()).isZero();
            return totals;
        }

        @Override
        public void close() {
            datapath.close();
            holder.destroy();
            runtime.close();
            client.close();
            server.close();
        }
    }

    /** Sees that iperf3's datagrams, which are numbered, leave for the host in order. */
    private static final class OrderWatch {
        final AtomicLong seen = new AtomicLong();
        final AtomicLong wrong = new AtomicLong();

        private final class Handler extends ChannelInboundHandlerAdapter {
            private final Map<Integer, Integer> lastOfFlow = new HashMap<>();

            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                FrameBatch batch = (FrameBatch) message;
                for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
                    int i = Long.numberOfTrailingZeros(rest);
                    long data = batch.data(i);
                    // IPv4 without options, UDP, longer than iperf3's greeting; then seconds, microseconds, number
                    if (batch.length(i) == 42 + 32
                            && Memory.getByte(data + 23) == UDP
                            && Memory.getByte(data + 14) == 0x45) {
                        int flow = Memory.getInt(data + 34);
                        int number = Integer.reverseBytes(Memory.getInt(data + 50));
                        Integer before = lastOfFlow.put(flow, number);
                        seen.incrementAndGet();
                        if (before != null && number != before + 1) {
                            wrong.incrementAndGet();
                        }
                    }
                }
                ctx.fireChannelRead(message);
            }
        }
    }

    private static HttpServer serve(NetNamespace net, int port) throws Exception {
        return net.call(() -> {
            HttpServer server = HttpServer.create(new InetSocketAddress("10.99.0.2", port), 0);
            byte[] body = "behind the firewall".getBytes(StandardCharsets.UTF_8);
            server.createContext("/", exchange -> {
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
                exchange.close();
            });
            server.start();
            return server;
        });
    }

    @ParameterizedTest
    @CsvSource({"1, EPOLL", "2, EPOLL", "1, IO_URING", "2, IO_URING"})
    void pingAndCurlPassOrNotAsTheRulesSay(int queues, TapIo io) throws Exception {
        try (Cable cable = new Cable(queues, 1500, io)) {
            cable.rule(TCP, 8080, XdpAction.DROP);
            cable.rule(TCP, 80, XdpAction.PASS);
            byte[] network = {24, 0, 0, 0, 10, 99, 0, 0};
            HttpServer open = serve(cable.server, 80);
            HttpServer closed = serve(cable.server, 8080);
            try {
                cable.client.ping(10, "10.99.0.2");
                cable.client.ping(1, "-s", "1472", "-M", "do", "10.99.0.2");
                assertThat(cable.client.must("curl", "-s", "--max-time", "200", "http://10.99.0.2/"))
                        .isEqualTo("behind the firewall");
                assertThat(cable.client
                                .run("curl", "-s", "--max-time", "1", "http://10.99.0.2:8080/")
                                .status())
                        .isEqualTo(28); // no answer
                // the network of the client itself, while traffic flows
                cable.map("blocked").put(network, new byte[16], BpfMap.ANY);
                assertThat(cable.client
                                .run("ping", "-c", "2", "-i", "0.05", "-W", "1", "10.99.0.2")
                                .text())
                        .contains("0 received");
            } finally {
                open.stop(0);
                closed.stop(0);
            }
            // curl and ping are over, whether the firewall has seen what they sent or not
            while (cable.caught(TCP, 8080) == 0 || cable.packets("blocked", network) < 2) {
                Thread.sleep(1);
            }
            RunTotals totals = cable.stop();
            long refused = cable.caught(TCP, 8080);
            long blocked = cable.packets("blocked", network);
            assertThat(cable.caught(TCP, 80)).isGreaterThanOrEqualTo(4);
            assertThat(totals.packets(XdpAction.DROP)).isEqualTo(refused + blocked);
        }
    }

    /** Prints the protocol's number of each tagged frame that comes, until there were five. */
    private static final String RECEIVE = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind(("sli0", 0))
            s.settimeout(200)
            print("ready", flush=True)
            s.setsockopt(263, 8, 1) # SOL_PACKET, PACKET_AUXDATA: the kernel has taken the tag out of the frame
            got = 0
            while got < 5:
                frame, extra, flags, sender = s.recvmsg(4096, 256)
                if frame[0:6] == bytes.fromhex("020000000002"):
                    got += 1
                    tag = extra[0][2][16] | extra[0][2][17] << 8
                    print(len(frame), tag, frame[23], flush=True)
            """;

    /** Sends five tagged frames of UDP, full length, with one of ICMP before each. */
    private static final String SEND = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind(("slo0", 0))
            for i in range(5):
                for protocol in (1, 17):
                    ip = bytes.fromhex("450005dc000000004000") + b"\\0\\0" + bytes((10, 7, 0, 1, 10, 7, 0, 2))
                    ip = ip[:9] + bytes((protocol,)) + ip[10:]
                    s.send(bytes.fromhex("020000000002020000000001810000070800") + ip + bytes(1480))
            """;

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void aTaggedFrameIsJudgedAsAnyOther(TapIo io) throws Exception {
        try (Cable cable = new Cable(1, 1500, io)) {
            cable.rule(1, 0, XdpAction.DROP);
            Process receiver = cable.server.call(() -> {
                try {
                    return new ProcessBuilder("python3", "-c", RECEIVE)
                            .redirectErrorStream(true)
                            .start();
                } catch (IOException e) {
                    Assumptions.abort("not installed: python3");
                    throw e;
                }
            });
            try (BufferedReader lines = receiver.inputReader()) {
                assertThat(lines.readLine()).isEqualTo("ready");
                cable.client.must("python3", "-c", SEND);
                // MTU, Ethernet header and tag
                assertThat(lines.lines().toList()).hasSize(5).containsOnly("1514 7 17");
            }
            assertThat(cable.caught(1, 0)).isEqualTo(5);
            cable.stop();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void jumboFramesPassWhereTheMtuAllowsThem(TapIo io) throws Exception {
        try (Cable cable = new Cable(1, 3000, io)) {
            assertThat(cable.client.must("ip", "link", "show", "slo0")).contains("mtu 3000");
            cable.client.ping(2, "-s", "2972", "-M", "do", "10.99.0.2");
            cable.stop();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, EPOLL", "2, EPOLL", "1, IO_URING", "2, IO_URING"})
    void iperf3RunsThroughItInBothDirections(int queues, TapIo io) throws Exception {
        try (Cable cable = new Cable(queues, 1500, io)) {
            cable.rule(TCP, 5201, XdpAction.PASS);
            Process server = serveIperf(cable);
            String result = iperf(cable, "-c", "10.99.0.2", "-t", "1", "-P", "12", "--bidir");
            server.destroy();
            assertThat(result).contains("receiver");
            long passed = cable.caught(TCP, 5201);
            RunTotals totals = cable.stop();
            assertThat(passed).isPositive().isLessThanOrEqualTo(totals.packets(XdpAction.PASS));
            assertThat(cable.errors).isZero();
            if (queues == 2) {
                assertThat(totals.statistics().get("fw").get("rx0_packets")).isPositive();
                assertThat(totals.statistics().get("fw").get("rx1_packets")).isPositive();
            }
        }
    }

    private static Process serveIperf(Cable cable) throws Exception {
        return cable.server.call(() -> {
            try {
                return new ProcessBuilder("iperf3", "-s", "--one-off").start();
            } catch (IOException e) {
                Assumptions.abort("not installed: iperf3");
                throw e;
            }
        });
    }

    private static String iperf(Cable cable, String... arguments) throws Exception {
        String[] command = new String[arguments.length + 1];
        command[0] = "iperf3";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        // the server may not listen yet
        for (int i = 0; i < 50; i++) {
            NetNamespace.Output output = cable.client.run(command);
            if (output.status() == 0) {
                return output.text();
            }
            Thread.sleep(100);
        }
        return cable.client.must(command);
    }

    @ParameterizedTest
    @EnumSource(names = {"EPOLL", "IO_URING"})
    void aMillionDatagramsArriveAsTheyWereReadAndInOrder(TapIo io) throws Exception {
        try (Cable cable = new Cable(1, 1500, io)) {
            // the kernel's own queue in front of the firewall is to be no reason for losses
            cable.client.must("ip", "link", "set", "slo0", "txqueuelen", "100000");
            cable.rule(UDP, 5201, XdpAction.PASS);
            Process server = serveIperf(cable);
            String result = iperf(cable, "-c", "10.99.0.2", "-u", "-l", "32", "-b", "0", "-k", "1000000", "-f", "k");
            server.destroy();
            Matcher drops = DROPPED.matcher(cable.client.must("ip", "-s", "-j", "link", "show", "slo0"));
            assertThat(drops.find()).isTrue();
            long dropsInFront = Long.parseLong(drops.group(1));
            long passed = cable.caught(UDP, 5201);
            RunTotals totals = cable.stop();
            assertThat(cable.order.seen.get() + dropsInFront)
                    .as(
                            "datagrams that the firewall has passed on, and those that the kernel has dropped before it: %s",
                            result)
                    .isGreaterThanOrEqualTo(1_000_000);
            assertThat(cable.order.wrong.get()).as("gaps").isLessThanOrEqualTo(dropsInFront);
            assertThat(passed).isGreaterThanOrEqualTo(cable.order.seen.get());
            Map<String, Long> host = totals.statistics().get("fw:host");
            assertThat(cable.errors).isZero();
            assertThat(host.get("tx_packets")).isGreaterThanOrEqualTo(cable.order.seen.get());
        }
    }
}
