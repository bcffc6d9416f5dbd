package dev.sluice.packet.nic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the numbers that Microsoft publishes for its key ("Verifying the RSS Hash Calculation"). */
class RssTest {
    private static final int TCP = 6;
    private static final int UDP = 17;

    private static int hash(byte[] frame) {
        try (Arena arena = Arena.ofConfined()) {
            long address = Memory.allocate(arena, frame.length, 8);
            Memory.copy(frame, 0, address, frame.length);
            return Rss.forQueues(4).hash(address, frame.length);
        }
    }

    /** Ethernet with some VLAN tags, IP, the ports; a fragment where asked for. */
    private static byte[] frame(
            String source, int sourcePort, String target, int targetPort, int protocol, int tags, int fragment)
            throws Exception {
        byte[] from = InetAddress.getByName(source).getAddress();
        byte[] to = InetAddress.getByName(target).getAddress();
        ByteBuffer frame = ByteBuffer.allocate(200);
        frame.position(12);
        for (int i = 0; i < tags; i++) {
            frame.putShort((short) (i == 0 && tags > 1 ? 0x88a8 : 0x8100)).putShort((short) 100);
        }
        if (from.length == 4) {
            frame.putShort((short) 0x0800);
            int ip = frame.position();
            frame.put((byte) 0x45).put(ip + 9, (byte) protocol).putShort(ip + 6, (short) fragment);
            frame.position(ip + 12);
        } else {
            frame.putShort((short) 0x86dd);
            int ip = frame.position();
            frame.put((byte) 0x60).put(ip + 6, (byte) protocol);
            frame.position(ip + 8);
        }
        frame.put(from).put(to).putShort((short) sourcePort).putShort((short) targetPort);
        return Arrays.copyOf(frame.array(), frame.position());
    }

    @ParameterizedTest
    @CsvSource({
        "66.9.149.187,2794,161.142.100.80,1766,323e8fc2,51ccc178",
        "199.92.111.2,14230,65.69.140.83,4739,d718262a,c626b0ea",
        "24.19.198.95,12898,12.22.207.184,38024,d2d0a5de,5c2b394a",
        "38.27.205.30,48228,209.142.163.6,2217,82989176,afc7327f",
        "153.39.163.191,44251,202.188.127.2,1303,5d1809c5,10e828a2",
        "3ffe:2501:200:1fff::7,2794,3ffe:2501:200:3::1,1766,2cc18cd5,40207d3d",
        "3ffe:501:8::260:97ff:fe40:efab,14230,ff02::1,4739,0f0c461c,dde51bbf",
        "3ffe:1900:4545:3:200:f8ff:fe21:67cf,44251,fe80::200:f8ff:fe21:67cf,38024,4b61e985,02d1feef"
    })
    void publishedNumbers(String from, int fromPort, String to, int toPort, String addresses, String withPorts)
            throws Exception {
        int expected = HexFormat.fromHexDigits(withPorts);
        int onlyAddresses = HexFormat.fromHexDigits(addresses);
        for (int tags = 0; tags <= 2; tags++) {
            assertThat(hash(frame(from, fromPort, to, toPort, TCP, tags, 0))).isEqualTo(expected);
            assertThat(hash(frame(from, fromPort, to, toPort, UDP, tags, 0))).isEqualTo(expected);
            assertThat(hash(frame(from, fromPort, to, toPort, 1, tags, 0))).isEqualTo(onlyAddresses);
        }
    }

    @Test
    void fragmentsOfAPacketStayTogether() throws Exception {
        int only = HexFormat.fromHexDigits("323e8fc2");
        for (int fragment : new int[] {0x2000, 0x2001, 0x0001, 0x1fff}) {
            assertThat(hash(frame("66.9.149.187", 2794, "161.142.100.80", 1766, TCP, 0, fragment)))
                    .isEqualTo(only);
        }
        int dontFragment = 0x4000;
        assertThat(hash(frame("66.9.149.187", 2794, "161.142.100.80", 1766, TCP, 0, dontFragment)))
                .isEqualTo(HexFormat.fromHexDigits("51ccc178"));
    }

    @Test
    void cutFramesAreHashedByWhatIsThere() throws Exception {
        for (String[] flow : new String[][] {{"1.2.3.4", "5.6.7.8"}, {"::1", "::2"}}) {
            byte[] frame = frame(flow[0], 1, flow[1], 2, TCP, 2, 0);
            int addressesEnd = frame.length - 4;
            int addresses = hash(frame(flow[0], 1, flow[1], 2, 1, 2, 0));
            for (int length = 0; length < frame.length; length++) {
                assertThat(hash(Arrays.copyOf(frame, length)))
                        .as("length " + length)
                        .isEqualTo(length < addressesEnd ? 0 : addresses);
            }
            assertThat(hash(frame)).isNotEqualTo(addresses);
        }
        assertThat(hash(new byte[60])).isZero();
    }

    @Test
    void theTableChoosesTheQueue() {
        Rss rss = Rss.forQueues(3);
        assertThat(rss.queueOf(0)).isZero();
        assertThat(rss.queueOf(127)).isEqualTo(127 % 3);
        assertThat(rss.queueOf(128 + 5)).isEqualTo(5 % 3);
        VirtualNic nic = new VirtualNic("eth0", 1, VirtualNic.macFor(1), 1500, 2);
        assertThatThrownBy(() -> nic.rss(rss))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("eth0: indirection table, expected=0..1 found=2");
    }
}
