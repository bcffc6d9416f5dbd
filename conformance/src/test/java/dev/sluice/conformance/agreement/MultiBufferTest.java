package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.kernel.TestRun;
import dev.sluice.kernel.diff.Comparison;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.object.ObjectSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Packets in fragments, in the kernel's test run and on every engine: the program {@code multi_buffer} does what the packet
 * says, in random order, and its map says what came of it.
 */
class MultiBufferTest {
    private static final int ETH_HLEN = 14;
    private static final int STEPS = 8;
    private static final int HEAD = 4;
    private static final int LINEAR = 5;
    private static final int PACKETS = 600;

    @Test
    void helpersReachFragmentsAsInTheKernel() {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        Random random = new Random(seed);
        ObjectSpec spec = Pcaps.read(Pcaps.object("features/multi_buffer"));
        for (int i = 0; i < PACKETS / 20; i++) {
            try (Comparison comparison = Comparison.open(
                    Kernels.kernel(), spec, spec.programs().getFirst(), Comparison.Options.of(TestEngines.all()))) {
                // the map keeps the results of the last packet only
                for (int n = 0; n < 20; n++) {
                    comparison.packet(packet(random));
                }
                DiffReport report = comparison.finish();
                assertThat(report.compared()).isEqualTo(20);
                assertThat(report.isEqual()).as("seed %d: %s", seed, report).isTrue();
            }
        }
    }

    private static byte[] packet(Random random) {
        int length = switch (random.nextInt(4)) {
            case 0 -> 200 + random.nextInt(TestRun.MAX_LINEAR_BYTES);
            case 1 -> TestRun.MAX_LINEAR_BYTES - 3 + random.nextInt(8);
            case 2 -> TestRun.MAX_LINEAR_BYTES + random.nextInt(10_000);
            default -> TestRun.MAX_PACKET_BYTES - random.nextInt(60_000);
        };
        byte[] packet = new byte[length];
        random.nextBytes(packet);
        ByteBuffer steps = ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < STEPS; i++) {
            int at = ETH_HLEN + 16 * i;
            int op = random.nextInt(LINEAR + 1);
            steps.putInt(at, op);
            steps.putInt(at + 4, random.nextInt(8) == 0 ? random.nextInt() : near(random, length));
            steps.putInt(at + 8, by(random, op, length));
            steps.putInt(at + 12, random.nextInt(1 << 30));
        }
        return packet;
    }

    /** An offset, often one close to the end of a buffer. */
    private static int near(Random random, int length) {
        int pages = Math.max(1, (length - TestRun.MAX_LINEAR_BYTES) / 4096 + 1);
        return switch (random.nextInt(4)) {
            case 0 -> random.nextInt(length);
            case 1 -> Math.max(0, length - random.nextInt(300));
            default -> Math.max(0, TestRun.MAX_LINEAR_BYTES + 4096 * random.nextInt(pages) - 150 + random.nextInt(300));
        };
    }

    private static int by(Random random, int op, int length) {
        if (op == HEAD) {
            return random.nextInt(-120, 120);
        }
        return switch (random.nextInt(6)) {
            case 0 -> random.nextInt();
            case 1 -> -random.nextInt(length);
            case 2 -> random.nextInt(5000);
            case 3 -> -4096 * random.nextInt(1, 18);
            case 4 -> Integer.MIN_VALUE + random.nextInt(2);
            default -> random.nextInt(-300, 300);
        };
    }
}
