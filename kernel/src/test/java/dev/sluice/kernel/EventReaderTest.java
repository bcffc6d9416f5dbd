package dev.sluice.kernel;

import static dev.sluice.kernel.KernelTests.R1;
import static dev.sluice.kernel.KernelTests.R10;
import static dev.sluice.kernel.KernelTests.R2;
import static dev.sluice.kernel.KernelTests.R3;
import static dev.sluice.kernel.KernelTests.R4;
import static dev.sluice.kernel.KernelTests.addImm;
import static dev.sluice.kernel.KernelTests.call;
import static dev.sluice.kernel.KernelTests.exit;
import static dev.sluice.kernel.KernelTests.insn;
import static dev.sluice.kernel.KernelTests.loadMap;
import static dev.sluice.kernel.KernelTests.movImm;
import static dev.sluice.kernel.KernelTests.movReg;
import static dev.sluice.kernel.KernelTests.xdp;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class EventReaderTest {
    private static final int R5 = 5;

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    private KernelMap map(int type, int keySize, int valueSize, int maxEntries) {
        return kernel.createMap(MapAttributes.of(type, keySize, valueSize, maxEntries));
    }

    /** {@code r6 = value of counter, one more than last time}, then it is put on the stack. */
    private static byte[] countOnStack(KernelMap counter) {
        return KernelTests.join(
                insn(0x18, R1, 2, 0, counter.fd()),
                insn(0, 0, 0, 0, 0),
                movImm(6, 1),
                insn(0xdb, R1, 6, 0, 0x01), // fetch_add
                insn(0x7b, R10, 6, -16, 0),
                insn(0x7a, R10, 0, -8, -1));
    }

    @Test
    void ringBufferRecordsComeInOrderWhereverTheyWrap() {
        try (KernelMap counter = map(Uapi.MAP_TYPE_ARRAY, 4, 8, 1);
                KernelMap ring = map(Uapi.MAP_TYPE_RINGBUF, 0, 0, 4096);
                // bpf_ringbuf_output(ring, fp - 16, 13, 0)
                KernelProgram program = kernel.load(xdp(
                                countOnStack(counter),
                                loadMap(R1, ring),
                                movReg(R2, R10),
                                addImm(R2, -16),
                                movImm(R3, 13),
                                movImm(R4, 0),
                                call(130),
                                exit()))
                        .orThrow();
                RingBufferReader reader = RingBufferReader.of(ring);
                TestRun run = program.testRun()) {
            assertThat(reader.read()).isEmpty();
            long next = 0;
            for (int round = 0; round < 30; round++) {
                for (int i = 0; i < 50; i++) {
                    assertThat(run.run(new byte[14])).isZero();
                }
                List<byte[]> records = reader.read();
                assertThat(records).hasSize(50);
                for (byte[] record : records) {
                    assertThat(record).hasSize(13);
                    assertThat(Uapi.u64(record)).isEqualTo(next++);
                    assertThat(record[12]).isEqualTo((byte) -1);
                }
            }
        }
        try (KernelMap array = map(Uapi.MAP_TYPE_ARRAY, 4, 8, 1)) {
            assertThatThrownBy(() -> RingBufferReader.of(array)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void perfEventsComeFromTheCpuThatWroteThemAndLostOnesAreCounted() {
        try (KernelMap counter = map(Uapi.MAP_TYPE_ARRAY, 4, 8, 1);
                KernelMap events = map(Uapi.MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, kernel.possibleCpus());
                // bpf_perf_event_output(ctx, events, BPF_F_CURRENT_CPU, fp - 16, 12)
                KernelProgram program = kernel.load(xdp(
                                movReg(7, R1),
                                countOnStack(counter),
                                movReg(R1, 7),
                                loadMap(R2, events),
                                insn(0xb4, R3, 0, 0, -1),
                                movReg(R4, R10),
                                addImm(R4, -16),
                                movImm(R5, 12),
                                call(25),
                                exit()))
                        .orThrow();
                TestRun run = program.testRun();
                CpuPin pin = CpuPin.toFirstAllowed()) {
            assertThat(run.run(new byte[14])).isEqualTo(-Errno.ENOENT);
            try (PerfEventReader reader = PerfEventReader.of(kernel, events, 4096)) {
                long next = 1;
                for (int round = 0; round < 30; round++) {
                    for (int i = 0; i < 50; i++) {
                        assertThat(run.run(new byte[14])).isZero();
                    }
                    for (PerfEventReader.Event event : reader.read()) {
                        assertThat(event.cpu()).isEqualTo(pin.cpu());
                        assertThat(event.data()).hasSize(12);
                        assertThat(Uapi.u64(event.data())).isEqualTo(next++);
                    }
                    assertThat(next).isEqualTo(1 + 50 * (round + 1));
                }
                assertThat(reader.lost()).isZero();
                List<Integer> results = new ArrayList<>();
                for (int i = 0; i < 300; i++) {
                    results.add(run.run(new byte[14]));
                }
                assertThat(results).contains(0, -Errno.ENOSPC);
                int fitted = reader.read().size();
                run.run(new byte[14]);
                assertThat(reader.read()).hasSize(1);
                assertThat(fitted + reader.lost()).isEqualTo(300);
            }
            assertThat(run.run(new byte[14])).isEqualTo(-Errno.ENOENT);
        }
    }
}
