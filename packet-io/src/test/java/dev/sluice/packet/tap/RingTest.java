package dev.sluice.packet.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class RingTest {
    private static final int FRAME = 60;

    /** Sends frames of an experimental type that carry numbers. */
    private static final String SEND = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind(("ring0", 0))
            for i in range(100):
                s.send(bytes.fromhex("02000000000202000000000188b5") + bytes([i]) * (10 + i))
            """;

    private static TapDevice open(NetNamespace net) throws Exception {
        return net.call(() -> {
            TapDevice opened = TapDevice.open("ring0");
            opened.openRings();
            opened.up(true);
            return opened;
        });
    }

    @Test
    void whatIsThereIsReadInOrderAndNothingStaysInFlight() throws Exception {
        try (NetNamespace net = new NetNamespace(TapIo.IO_URING);
                TapDevice tap = open(net);
                Arena arena = Arena.ofConfined()) {
            Ring ring = tap.ring(0);
            assertThat(ring).isNotNull();
            long frames = Memory.allocate(arena, (long) Ring.ENTRIES * 2048, 64);
            do { // what the kernel itself has sent
                ring.read(frames, 2048);
                ring.submit();
            } while (ring.result(0) > 0);
            net.must("python3", "-c", SEND);
            int next = 0;
            for (int asked : new int[] {1, 7, 64, 64}) {
                for (int i = 0; i < asked; i++) {
                    ring.read(frames + i * 2048L, 2048);
                }
                ring.submit();
                for (int i = 0; i < asked; i++, next++) {
                    if (next >= 100) {
                        assertThat(ring.result(i)).isEqualTo(-LibC.EAGAIN);
                    } else {
                        assertThat(ring.result(i)).as("frame %d", next).isEqualTo(24 + next);
                        assertThat(Memory.getByte(frames + i * 2048L + 14)).isEqualTo((byte) next);
                    }
                }
            }
            // the reads that found nothing are over: they do not take what comes later
            net.must("python3", "-c", SEND);
            ring.read(frames, 2048);
            ring.submit();
            assertThat(ring.result(0)).isEqualTo(24);
        }
    }

    @Test
    void eachWriteHasItsOwnResult() throws Exception {
        try (NetNamespace net = new NetNamespace(TapIo.IO_URING);
                TapDevice tap = open(net);
                Arena arena = Arena.ofConfined()) {
            Ring ring = tap.ring(0);
            assertThat(ring).isNotNull();
            long frame = Memory.allocate(arena, 64, 64);
            for (int round = 0; round < 10; round++) {
                for (int i = 0; i < Ring.ENTRIES; i++) {
                    ring.write(frame, i % 5 == 0 ? 3 : FRAME); // three bytes are no frame
                }
                ring.submit();
                for (int i = 0; i < Ring.ENTRIES; i++) {
                    assertThat(ring.result(i)).isEqualTo(i % 5 == 0 ? -LibC.EINVAL : FRAME);
                }
            }
            net.call(() -> {
                tap.up(false);
                return null;
            });
            ring.write(frame, FRAME);
            ring.submit();
            assertThat(ring.result(0)).isEqualTo(-5); // EIO, as from write(2)
        }
    }

    @Test
    void refusalsSayWhy() throws Exception {
        assertThat(Ring.reason(LibC.EPERM)).contains("forbids it");
        assertThat(Ring.reason(LibC.ENOSYS)).startsWith("the kernel has none");
        assertThat(Ring.reason(LibC.ENOMEM)).contains("ulimit -l");
        try (NetNamespace net = new NetNamespace(TapIo.IO_URING)) {
            assertThat(net.must("ip", "link", "show")).doesNotContain("ring0");
            // a file that cannot be read without waiting
            int directory = LibC.open("/proc/self/status", 0);
            try {
                assertThatThrownBy(() -> new Ring(directory))
                        .isInstanceOf(TapException.class)
                        .hasMessageStartingWith("it cannot read and write the interface without waiting: ");
            } finally {
                LibC.close(directory);
            }
        }
    }
}
