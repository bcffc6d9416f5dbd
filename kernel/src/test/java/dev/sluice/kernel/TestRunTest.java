package dev.sluice.kernel;

import static dev.sluice.kernel.KernelTests.R0;
import static dev.sluice.kernel.KernelTests.R1;
import static dev.sluice.kernel.KernelTests.R2;
import static dev.sluice.kernel.KernelTests.R3;
import static dev.sluice.kernel.KernelTests.addImm;
import static dev.sluice.kernel.KernelTests.call;
import static dev.sluice.kernel.KernelTests.exit;
import static dev.sluice.kernel.KernelTests.insn;
import static dev.sluice.kernel.KernelTests.movImm;
import static dev.sluice.kernel.KernelTests.movReg;
import static dev.sluice.kernel.KernelTests.xdp;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TestRunTest {
    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    private static byte[] packet(int length) {
        byte[] packet = new byte[length];
        for (int i = 0; i < length; i++) {
            packet[i] = (byte) (i * 7);
        }
        return packet;
    }

    /** {@code if (data + 14 > data_end) return 0; data[0]++; return 3;} */
    private KernelProgram incrementing() {
        return kernel.load(xdp(
                        insn(0x61, R2, R1, 0, 0),
                        insn(0x61, R3, R1, 4, 0),
                        movImm(R0, 0),
                        movReg(R1, R2),
                        addImm(R1, 14),
                        insn(0x2d, R1, R3, 4, 0),
                        insn(0x71, R1, R2, 0, 0),
                        addImm(R1, 1),
                        insn(0x73, R2, R1, 0, 0),
                        movImm(R0, 3),
                        exit()))
                .orThrow();
    }

    @Test
    void aRunGivesTheActionAndThePacket() {
        try (KernelProgram program = incrementing();
                TestRun run = program.testRun()) {
            byte[] packet = packet(60);
            assertThat(run.run(packet)).isEqualTo(3);
            byte[] expected = packet.clone();
            expected[0]++;
            assertThat(run.outputLength()).isEqualTo(60);
            assertThat(run.outputBytes()).isEqualTo(expected);
            assertThat(run.outputMetadataBytes()).isZero();
            assertThat(run.outputLinearBytes()).isEqualTo(60);
            assertThat(run.outputTruncated()).isFalse();
            // The next packet is not disturbed by the last.
            byte[] shorter = packet(20);
            assertThat(run.run(shorter)).isEqualTo(3);
            assertThat(run.outputBytes()).hasSize(20);
        }
    }

    @Test
    void repeatedRunsKeepThePacket() {
        try (KernelProgram program = incrementing();
                TestRun run = program.testRun().repeat(5)) {
            run.run(packet(60));
            assertThat(run.outputBytes()[0]).isEqualTo((byte) 5);
            assertThat(run.durationNanos()).isNotNegative();
        }
    }

    @Test
    void anotherProgramIsBoundInPlace() {
        try (KernelProgram pass = KernelTests.returning(kernel, 2);
                KernelProgram odd = KernelTests.returning(kernel, 77);
                KernelProgram negative = KernelTests.returning(kernel, -1);
                TestRun run = pass.testRun()) {
            assertThat(run.run(packet(14))).isEqualTo(2);
            assertThat(run.bind(odd).run(packet(14))).isEqualTo(77);
            assertThat(run.bind(negative).run(packet(14))).isEqualTo(-1);
            negative.close();
            assertThatThrownBy(() -> run.run(packet(14))).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void tooShortAndTooLong() {
        try (KernelProgram pass = KernelTests.returning(kernel, 2);
                TestRun run = pass.testRun()) {
            assertThatThrownBy(() -> run.run(packet(13)))
                    .isInstanceOf(BpfException.class)
                    .hasMessage("bpf(PROG_TEST_RUN) program= data_size_in=13: EINVAL");
            assertThat(run.tryRun(13)).isEqualTo(-Errno.EINVAL);
            assertThatThrownBy(() -> run.run(new byte[TestRun.MAX_DATA_BYTES + 1]))
                    .isInstanceOf(IllegalArgumentException.class);
            // 3,520 linear and 17 pages
            byte[] longest = packet(TestRun.MAX_LINEAR_BYTES + 17 * 4096);
            assertThat(run.run(longest)).isEqualTo(2);
            assertThat(run.outputBytes()).isEqualTo(longest);
            assertThat(run.tryRun(longest.length + 1)).isEqualTo(-Errno.ENOMEM);
        }
    }

    @Test
    void aShortOutputBufferCutsOffAndSaysSo() {
        try (KernelProgram program = incrementing();
                TestRun run = program.testRun(16)) {
            byte[] packet = packet(100);
            assertThat(run.run(packet)).isEqualTo(3);
            assertThat(run.outputTruncated()).isTrue();
            assertThat(run.outputLength()).isEqualTo(100);
            byte[] expected = Arrays.copyOf(packet, 16);
            expected[0]++;
            assertThat(run.outputBytes()).isEqualTo(expected);
        }
    }

    @Test
    void theContextIsSeen() {
        // return ctx->ingress_ifindex * 100 + (data - data_meta)
        try (KernelProgram program = kernel.load(xdp(
                                insn(0x61, R0, R1, 12, 0),
                                insn(0x27, R0, 0, 0, 100),
                                insn(0x61, R2, R1, 0, 0),
                                insn(0x61, R3, R1, 8, 0),
                                insn(0x1f, R2, R3, 0, 0),
                                insn(0x0f, R0, R2, 0, 0),
                                exit()))
                        .orThrow();
                TestRun run = program.testRun()) {
            assertThat(run.run(packet(64))).isEqualTo(100);
            assertThat(run.context(false).run(packet(64))).isEqualTo(100);
            run.context(true).metadata(8);
            assertThat(run.run(packet(64))).isEqualTo(108);
            assertThat(run.outputMetadataBytes()).isEqualTo(8);
            assertThat(run.outputLength()).isEqualTo(64);
            assertThat(run.receivedOn(1, 0).run(packet(64))).isEqualTo(108);
            run.metadata(0);
            assertThat(run.receivedOn(0, 1).tryRun(64)).isEqualTo(-Errno.EINVAL);
            assertThat(run.receivedOn(0x7fff_0000, 0).tryRun(64)).isEqualTo(-Errno.ENODEV);
            run.receivedOn(0, 0);
            assertThat(run.refused(4, 0).tryRun(64)).isEqualTo(-Errno.EINVAL);
            assertThat(run.refused(0, 1).tryRun(64)).isEqualTo(-Errno.EINVAL);
            assertThat(run.refused(0, 0).tryRun(64)).isZero();
        }
    }

    @Test
    void metadataThatTheProgramMadeComesFirst() {
        // bpf_xdp_adjust_meta(ctx, -8); *(u32 *)data_meta = 0x01020304 after the check
        try (KernelProgram program = kernel.load(xdp(
                                movReg(6, R1),
                                movImm(R2, -8),
                                call(54),
                                insn(0x61, R2, 6, 8, 0),
                                insn(0x61, R3, 6, 0, 0),
                                movReg(R1, R2),
                                addImm(R1, 8),
                                insn(0x2d, R1, R3, 1, 0),
                                insn(0x62, R2, 0, 0, 0x01020304),
                                movImm(R0, 2),
                                exit()))
                        .orThrow();
                TestRun run = program.testRun()) {
            byte[] packet = packet(64);
            assertThat(run.run(packet)).isEqualTo(2);
            assertThat(run.outputLength()).isEqualTo(72);
            assertThat(run.outputMetadataBytes()).isEqualTo(8);
            byte[] output = run.outputBytes();
            assertThat(Arrays.copyOf(output, 4)).isEqualTo(Uapi.u32(0x01020304));
            assertThat(Arrays.copyOfRange(output, 8, 72)).isEqualTo(packet);
        }
    }

    @Test
    void longPacketsAreLinearAsFarAsTheyFitAndFurtherOnlyIfSaid() {
        // return data_end - data
        try (KernelProgram program = kernel.load(xdp(
                                        insn(0x61, R0, R1, 4, 0),
                                        insn(0x61, R2, R1, 0, 0),
                                        insn(0x1f, R0, R2, 0, 0),
                                        exit())
                                .withFlags(Uapi.BPF_F_XDP_HAS_FRAGS))
                        .orThrow();
                TestRun run = program.testRun()) {
            assertThat(run.run(packet(TestRun.MAX_LINEAR_BYTES))).isEqualTo(TestRun.MAX_LINEAR_BYTES);
            assertThat(run.run(packet(9000))).isEqualTo(TestRun.MAX_LINEAR_BYTES);
            assertThat(run.context(false).run(packet(9000))).isEqualTo(TestRun.MAX_LINEAR_BYTES);
            run.context(true).linear(100);
            byte[] packet = packet(9000);
            assertThat(run.run(packet)).isEqualTo(100);
            assertThat(run.outputBytes()).isEqualTo(packet);
            assertThat(run.outputLinearBytes()).isEqualTo(100);
        }
    }

    @Test
    void liveFramesAreDroppedByTheKernelInBatches() {
        try (KernelMap map = kernel.createMap(MapAttributes.of(Uapi.MAP_TYPE_ARRAY, 4, 8, 1));
                KernelProgram program = kernel.load(xdp(
                                KernelTests.insn(0x18, R1, 2, 0, map.fd()),
                                insn(0, 0, 0, 0, 0),
                                movImm(R2, 1),
                                insn(0xdb, R1, R2, 0, 0),
                                movImm(R0, 1),
                                exit()))
                        .orThrow();
                TestRun run = program.testRun()) {
            run.liveFrames(32).repeat(100).run(packet(64));
            assertThat(Uapi.u64(map.lookup(Uapi.u32(0)).orElseThrow())).isEqualTo(100);
            assertThat(run.liveFrames(257).tryRun(64)).isEqualTo(-Errno.E2BIG);
            run.liveFrames(-1).repeat(1);
            assertThat(run.run(packet(64))).isEqualTo(1);
            assertThat(run.outputLength()).isEqualTo(64);
        }
    }
}
