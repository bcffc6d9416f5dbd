package dev.sluice.kernel;

import static dev.sluice.kernel.KernelTests.R0;
import static dev.sluice.kernel.KernelTests.R1;
import static dev.sluice.kernel.KernelTests.R2;
import static dev.sluice.kernel.KernelTests.R3;
import static dev.sluice.kernel.KernelTests.R4;
import static dev.sluice.kernel.KernelTests.call;
import static dev.sluice.kernel.KernelTests.exit;
import static dev.sluice.kernel.KernelTests.insn;
import static dev.sluice.kernel.KernelTests.join;
import static dev.sluice.kernel.KernelTests.movImm;
import static dev.sluice.kernel.KernelTests.movReg;
import static dev.sluice.kernel.KernelTests.xdp;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KernelProgramTest {
    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    @Test
    void anAcceptedProgramHasItsTagAndInfo() {
        ProgramAttributes pass = xdp(movImm(R0, 2), exit()).withName("pass");
        try (KernelProgram program = kernel.load(pass).orThrow()) {
            ProgramInfo info = program.info();
            assertThat(info.type()).isEqualTo(Uapi.PROG_TYPE_XDP);
            assertThat(info.name()).isEqualTo("pass");
            assertThat(info.id()).isPositive();
            assertThat(info.gplCompatible()).isTrue();
            assertThat(info.mapCount()).isZero();
            assertThat(info.verifiedInsns()).isEqualTo(2);
            assertThat(info.xlatedBytes()).isEqualTo(16);
            assertThat(info.loadTimeNanos()).isPositive();
            assertThat(program.xlated()).isEqualTo(join(movImm(R0, 2), exit()));
            assertThat(program.jited()).hasSize(info.jitedBytes());
            // SHA-256 from Linux 6.18 on, SHA-1 before.
            assertThat(info.tag()).isIn("614b434cd8324ecc", "0eb1e2aa8ec8ac2d").matches("[0-9a-f]{16}");
        }
        try (KernelProgram program =
                kernel.load(pass.withLicense("Proprietary")).orThrow()) {
            assertThat(program.info().gplCompatible()).isFalse();
        }
    }

    @Test
    void aRefusedProgramIsAResultWithTheLog() {
        // *(u8 *)data without a bounds check
        ProgramAttributes wild = xdp(insn(0x61, R2, R1, 0, 0), insn(0x71, R0, R2, 0, 0), exit());
        assertThat(kernel.load(wild)).isInstanceOfSatisfying(LoadResult.Rejected.class, rejected -> {
            assertThat(rejected.errnoName()).isEqualTo("EACCES");
            assertThat(rejected.log()).contains("invalid access to packet, off=0 size=1");
            assertThat(rejected.logTruncated()).isFalse();
        });
        assertThat(kernel.load(wild.withLogLevel(0))).isEqualTo(new LoadResult.Rejected(Errno.EACCES, "", false));
        assertThatThrownBy(() -> kernel.load(wild).orThrow())
                .isInstanceOfSatisfying(
                        BpfException.class, e -> assertThat(e.log()).contains("invalid access to packet"))
                .hasMessageStartingWith("bpf(PROG_LOAD): EACCES\n");
    }

    @Test
    void theLogGrowsUntilItFitsAndIsCutWhereItMayNot() {
        byte[][] many = new byte[3002][];
        for (int i = 0; i < 3000; i++) {
            many[i] = movImm(R0, i);
        }
        many[3000] = movImm(R0, 2);
        many[3001] = exit();
        ProgramAttributes attributes = xdp(many).withLogLevel(Uapi.BPF_LOG_LEVEL2);
        LoadResult whole = kernel.load(attributes);
        try (KernelProgram program = whole.orThrow()) {
            // More than the first buffer: it took a second load.
            assertThat(whole.log())
                    .hasSizeGreaterThan(100_000)
                    .startsWith("func#0 @0")
                    .contains("processed 3002 insns");
            assertThat(whole.logTruncated()).isFalse();
            assertThat(program.info().verifiedInsns()).isEqualTo(3002);
        }
        LoadResult cut = kernel.load(attributes.withLogCapacity(5000));
        try (KernelProgram program = cut.orThrow()) {
            assertThat(cut.logTruncated()).isTrue();
            assertThat(cut.log()).hasSizeLessThan(5000).contains("processed 3002 insns");
            assertThat(program.info().verifiedInsns()).isEqualTo(3002);
        }
        many[3001] = movReg(R0, R4);
        assertThat(kernel.load(xdp(many).withLogLevel(Uapi.BPF_LOG_LEVEL2).withLogCapacity(5000)))
                .isInstanceOfSatisfying(LoadResult.Rejected.class, rejected -> {
                    assertThat(rejected.logTruncated()).isFalse();
                    assertThat(rejected.log()).isNotEmpty();
                });
    }

    @Test
    void statisticsLevelGivesOnlyThem() {
        LoadResult result = kernel.load(xdp(movImm(R0, 2), exit()).withLogLevel(Uapi.BPF_LOG_STATS));
        try (KernelProgram program = result.orThrow()) {
            assertThat(program.fd()).isPositive();
            assertThat(result.log()).contains("processed 2 insns").doesNotContain("0: (b7)");
        }
    }

    @Test
    void typesAndLinesAreKept() {
        int line = 7 << 10 | 3;
        byte[] funcInfo = join(Uapi.u32(0), Uapi.u32(3));
        byte[] lineInfo = join(
                Uapi.u32(0),
                Uapi.u32(MinimalBtf.name("main.c")),
                Uapi.u32(MinimalBtf.name("return 2;")),
                Uapi.u32(line));
        try (KernelBtf btf = kernel.loadBtf(MinimalBtf.INT_U32)) {
            ProgramAttributes attributes = xdp(movImm(R0, 2), exit())
                    .withBtf(btf, funcInfo, 8, lineInfo, 16)
                    .withLogLevel(2);
            LoadResult result = kernel.load(attributes);
            try (KernelProgram program = result.orThrow()) {
                assertThat(program.info().btfId()).isEqualTo(btf.id());
                assertThat(program.info().lineInfoCount()).isEqualTo(1);
                assertThat(program.lineInfo()).isEqualTo(lineInfo);
                assertThat(program.funcInfo()).isEqualTo(funcInfo);
                assertThat(result.log()).contains("; return 2; @ main.c:7");
            }
            byte[] wrongLine = join(Uapi.u32(9), Uapi.u32(1), Uapi.u32(1), Uapi.u32(line));
            assertThat(kernel.load(attributes.withBtf(btf, funcInfo, 8, wrongLine, 16)))
                    .isInstanceOfSatisfying(
                            LoadResult.Rejected.class,
                            rejected -> assertThat(rejected.errnoName()).isEqualTo("EINVAL"));
        }
    }

    @Test
    void wrongBtfIsRefusedWithTheLog() {
        byte[] wrong = MinimalBtf.INT_U32.clone();
        wrong[24 + 8] = 2; // bytes of the int of 32 bits
        assertThatThrownBy(() -> kernel.loadBtf(wrong)).isInstanceOfSatisfying(BpfException.class, e -> {
            assertThat(e.errnoName()).isEqualTo("EINVAL");
            assertThat(e.log()).contains("nr_bits exceeds type_size");
        });
    }

    @Test
    void flagsReachTheVerifier() {
        // An unknown flag is refused, the ones we know are not.
        ProgramAttributes pass = xdp(movImm(R0, 2), exit());
        for (int flags : new int[] {
            Uapi.BPF_F_STRICT_ALIGNMENT,
            Uapi.BPF_F_ANY_ALIGNMENT,
            Uapi.BPF_F_TEST_RND_HI32,
            Uapi.BPF_F_TEST_STATE_FREQ,
            Uapi.BPF_F_XDP_HAS_FRAGS
        }) {
            kernel.load(pass.withFlags(flags)).orThrow().close();
        }
        assertThat(kernel.load(pass.withFlags(1 << 30))).isInstanceOf(LoadResult.Rejected.class);
        // *(u16 *)(r10 - 3) = 0 is misaligned only where alignment is strict.
        ProgramAttributes misaligned = xdp(insn(0x6a, 10, 0, -3, 0), movImm(R0, 2), exit());
        assertThat(kernel.load(misaligned.withFlags(Uapi.BPF_F_STRICT_ALIGNMENT)))
                .isInstanceOfSatisfying(
                        LoadResult.Rejected.class,
                        rejected -> assertThat(rejected.log()).contains("misaligned"));
        kernel.load(xdp(movImm(R0, 2), exit()).withExpectedAttachType(Uapi.ATTACH_TYPE_XDP))
                .orThrow()
                .close();
        try (KernelProgram filter = kernel.load(
                        ProgramAttributes.of(Uapi.PROG_TYPE_SOCKET_FILTER, join(movImm(R0, 0), exit())))
                .orThrow()) {
            assertThat(filter.info().type()).isEqualTo(Uapi.PROG_TYPE_SOCKET_FILTER);
        }
    }

    @Test
    void mapsByIndexOfTheDescriptorArray() {
        try (KernelMap map = kernel.createMap(MapAttributes.of(Uapi.MAP_TYPE_ARRAY, 4, 8, 1))) {
            // r1 = map[fd_array[1]] value address: BPF_PSEUDO_MAP_IDX_VALUE = 6
            ProgramAttributes attributes = xdp(
                            insn(0x18, R1, 6, 0, 1), insn(0, 0, 0, 0, 0), insn(0x79, R0, R1, 0, 0), exit())
                    .withFdArray(map.fd(), map.fd());
            map.update(Uapi.u32(0), Uapi.u64(5));
            try (KernelProgram program = kernel.load(attributes).orThrow();
                    TestRun run = program.testRun()) {
                assertThat(run.run(new byte[14])).isEqualTo(5);
            }
        }
    }

    @Test
    void nothingLeaks() {
        exercise();
        long before = KernelTests.openDescriptors();
        for (int i = 0; i < 50; i++) {
            exercise();
        }
        assertThat(KernelTests.openDescriptors()).isEqualTo(before);
    }

    private void exercise() {
        List<AutoCloseable> open = new ArrayList<>();
        try (KernelBtf btf = kernel.loadBtf(MinimalBtf.INT_U32);
                KernelMap map = kernel.createMap(
                        MapAttributes.of(Uapi.MAP_TYPE_HASH, 4, 4, 4).withBtf(btf, 1, 1));
                KernelProgram program =
                        kernel.load(xdp(movImm(R0, 2), exit()).withLogLevel(2)).orThrow();
                KernelMap byId = kernel.mapById(map.info().id());
                Kernel.Statistics on = kernel.enableStatistics();
                TestRun run = program.testRun()) {
            open.add(on);
            run.run(new byte[64]);
            byId.entries();
            assertThat(kernel.load(xdp(movReg(R0, R3), call(1), exit()))).isInstanceOf(LoadResult.Rejected.class);
            assertThatThrownBy(() -> kernel.createMap(MapAttributes.of(77, 4, 4, 4)));
            TracePipe.open().ifPresent(TracePipe::close);
            MapAttributes events = MapAttributes.of(Uapi.MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 64);
            try (KernelMap ring = kernel.createMap(MapAttributes.of(Uapi.MAP_TYPE_RINGBUF, 0, 0, 4096));
                    KernelMap perf = kernel.createMap(events);
                    RingBufferReader records = RingBufferReader.of(ring);
                    PerfEventReader samples = PerfEventReader.of(kernel, perf, 4096)) {
                assertThat(records.read()).isEmpty();
                assertThat(samples.read()).isEmpty();
            }
        }
        assertThat(open).hasSize(1);
    }
}
