package dev.sluice.packet.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.memory.Memory;
import dev.sluice.packet.gen.PacketRing;
import dev.sluice.packet.gen.Traffic;
import io.netty.channel.unix.FileDescriptor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class PacketSocketTest {
    private static final Traffic FOUR =
            Traffic.of(Traffic.Kind.UDP).sizes(List.of(60, 61, 62, 63)).flows(4).seed(7);

    @Test
    void whatIsSentComesOutOfTheInterfaceInOrder() throws Exception {
        try (NetNamespace net = new NetNamespace();
                TapDevice tap = net.call(() -> TapDevice.open("ps0"));
                PacketRing packets = new PacketRing(FOUR);
                Arena arena = Arena.ofConfined()) {
            net.must("sysctl", "-q", "-w", "net.ipv6.conf.ps0.disable_ipv6=1");
            net.call(() -> {
                tap.up(true);
                return null;
            });
            List<byte[]> expected = new ArrayList<>();
            try (PacketSocket socket = net.call(() -> new PacketSocket(tap.ifindex(), packets))) {
                assertThat(socket.send(3)).isEqualTo(3);
                assertThat(socket.send(3)).isEqualTo(3); // round the end of the ring
                assertThatThrownBy(() -> socket.send(1025)).hasMessage("packets, expected=1..1024 found=1025");
            }
            FileDescriptor descriptor = new FileDescriptor(tap.fd(0));
            long buffer = Memory.allocate(arena, 2048, 8);
            List<byte[]> found = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                expected.add(Memory.bytes(packets.address(i % 4), packets.length(i % 4)));
                int length =
                        descriptor.readAddress(buffer, 0, 2048); // the kernel has put it there before send was over
                assertThat(length).as("packet %d", i).isPositive();
                found.add(Memory.bytes(buffer, length));
            }
            assertThat(found).usingRecursiveComparison().isEqualTo(expected);
        }
    }

    @Test
    void anInterfaceThatIsNotThereIsSaid() throws Exception {
        try (NetNamespace net = new NetNamespace();
                PacketRing packets = new PacketRing(FOUR)) {
            assertThatThrownBy(() -> net.call(() -> new PacketSocket(4711, packets)))
                    .isInstanceOf(TapException.class)
                    .hasMessage("packet socket: No such device, ifindex=4711");
        }
    }
}
