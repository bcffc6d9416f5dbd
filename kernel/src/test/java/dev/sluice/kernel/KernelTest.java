package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class KernelTest {
    @Test
    void openingSaysTheSameEveryTimeAndNeverThrows() {
        KernelAccess access = Kernel.open();
        assertThat(Kernel.open()).isSameAs(access);
        if (access instanceof KernelAccess.Unavailable unavailable) {
            assertThat(unavailable.reason()).isNotBlank().doesNotContain("\n").doesNotEndWith(".");
        }
    }

    @Test
    void possibleCpusAreCountedToTheGreatest() {
        assertThat(Kernel.parsePossibleCpus("0")).isEqualTo(1);
        assertThat(Kernel.parsePossibleCpus("0-1")).isEqualTo(2);
        assertThat(Kernel.parsePossibleCpus("0,2-5")).isEqualTo(6);
        assertThat(Kernel.parsePossibleCpus("0-7,63")).isEqualTo(64);
    }

    @Test
    void releaseIsWhatProcSays() throws Exception {
        assertThat(KernelTests.kernel().release())
                .isEqualTo(
                        Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
    }

    @Test
    void objectNamesAreMadeAcceptable() {
        assertThat(new String(Uapi.objectName("xdp-prog name.rodata"), java.nio.charset.StandardCharsets.US_ASCII))
                .isEqualTo("xdp_prog_name.r\0");
    }

    @Test
    void errorsSayTheirNameAndTheCall() {
        Kernel kernel = KernelTests.kernel();
        MapAttributes wrong = MapAttributes.of(Uapi.MAP_TYPE_ARRAY, 8, 4, 1).withName("wrong");
        assertThatThrownBy(() -> kernel.createMap(wrong))
                .isInstanceOfSatisfying(BpfException.class, e -> {
                    assertThat(e.errno()).isEqualTo(Errno.EINVAL);
                    assertThat(e.errnoName()).isEqualTo("EINVAL");
                })
                .hasMessage("bpf(MAP_CREATE) name=wrong type=2 key_size=8 value_size=4 max_entries=1 map_flags=0x0:"
                        + " EINVAL");
        assertThat(Errno.name(4095)).isEqualTo("errno 4095");
    }

    @Test
    void mapsAndProgramsAreFoundByTheirIds() {
        Kernel kernel = KernelTests.kernel();
        try (KernelMap map = kernel.createMap(
                        MapAttributes.of(Uapi.MAP_TYPE_HASH, 4, 8, 10).withName("by_id"));
                KernelProgram program = KernelTests.returning(kernel, 1)) {
            int mapId = map.info().id();
            int programId = program.info().id();
            assertThat(kernel.mapIds()).contains(mapId).isSorted();
            assertThat(kernel.programIds()).contains(programId).isSorted();
            map.update(Uapi.u32(7), Uapi.u64(70));
            try (KernelMap again = kernel.mapById(mapId);
                    KernelProgram same = kernel.programById(programId)) {
                assertThat(again.fd()).isNotEqualTo(map.fd());
                assertThat(again.name()).isEqualTo("by_id");
                assertThat(again.lookup(Uapi.u32(7)))
                        .hasValueSatisfying(v -> assertThat(v).isEqualTo(Uapi.u64(70)));
                assertThat(same.info().tag()).isEqualTo(program.info().tag());
            }
        }
        assertThatThrownBy(() -> kernel.mapById(0x7fff_fff0))
                .hasMessageContaining("ENOENT")
                .hasMessageContaining("id=2147483632");
    }

    @Test
    void statisticsCountRunsWhileTheyAreOn() {
        Kernel kernel = KernelTests.kernel();
        try (KernelProgram program = KernelTests.returning(kernel, 2);
                TestRun run = program.testRun().repeat(1000)) {
            run.run(new byte[64]);
            // Zero, unless somebody else on this machine has switched them on.
            long before = program.info().runCount();
            try (Kernel.Statistics on = kernel.enableStatistics()) {
                assertThat(on).isNotNull();
                run.run(new byte[64]);
            }
            assertThat(program.info().runCount() - before).isEqualTo(1000);
            assertThat(program.info().runTimeNanos()).isPositive();
        }
    }

    @Test
    void aPinnedThreadStaysOnItsCpuAndIsReleased() throws Exception {
        KernelTests.kernel();
        String before = allowedCpus();
        try (CpuPin pin = CpuPin.toFirstAllowed()) {
            assertThat(allowedCpus()).isEqualTo(Integer.toString(pin.cpu()));
        }
        assertThat(allowedCpus()).isEqualTo(before);
        assertThatThrownBy(() -> CpuPin.to(8191))
                .isInstanceOf(BpfException.class)
                .hasMessageContaining("EINVAL");
        assertThat(allowedCpus()).isEqualTo(before);
    }

    private static String allowedCpus() throws java.io.IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/thread-self/status"))) {
            return lines.filter(line -> line.startsWith("Cpus_allowed_list:"))
                    .findFirst()
                    .orElseThrow()
                    .replaceFirst(".*:\\s*", "");
        }
    }

    @Test
    void printedLinesComeOutOfTheTracePipe() throws InterruptedException {
        Kernel kernel = KernelTests.kernel();
        var opened = TracePipe.open();
        org.junit.jupiter.api.Assumptions.assumeTrue(opened.isPresent(), "no tracefs, or no right to it");
        // "sluice %d\n" on the stack, then bpf_trace_printk(fmt, 11, 4711)
        byte[] format = "sluice %d\n\0".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        byte[] padded = java.util.Arrays.copyOf(format, 16);
        ProgramAttributes printing = KernelTests.xdp(
                KernelTests.insn(0x18, KernelTests.R1, 0, 0, Uapi.u32(padded)),
                KernelTests.insn(0, 0, 0, 0, Uapi.u32(java.util.Arrays.copyOfRange(padded, 4, 8))),
                KernelTests.insn(0x7b, KernelTests.R10, KernelTests.R1, -16, 0),
                KernelTests.insn(0x18, KernelTests.R1, 0, 0, Uapi.u32(java.util.Arrays.copyOfRange(padded, 8, 12))),
                KernelTests.insn(0, 0, 0, 0, 0),
                KernelTests.insn(0x7b, KernelTests.R10, KernelTests.R1, -8, 0),
                KernelTests.movReg(KernelTests.R1, KernelTests.R10),
                KernelTests.addImm(KernelTests.R1, -16),
                KernelTests.movImm(KernelTests.R2, format.length),
                KernelTests.movImm(KernelTests.R3, 4711),
                KernelTests.call(6),
                KernelTests.movImm(KernelTests.R0, 2),
                KernelTests.exit());
        try (TracePipe pipe = opened.get();
                KernelProgram program = kernel.load(printing).orThrow();
                TestRun run = program.testRun()) {
            pipe.lines();
            // The kernel switches the event on in the background, some time after the load: the first lines may be
            // lost.
            List<String> lines = new ArrayList<>();
            long deadline = System.nanoTime() + 180_000_000_000L;
            while (lines.isEmpty() && System.nanoTime() < deadline) {
                run.run(new byte[64]);
                pipe.lines().stream()
                        .filter(line -> line.endsWith("sluice 4711"))
                        .forEach(lines::add);
                Thread.sleep(1);
            }
            assertThat(lines).isNotEmpty();
        }
    }
}
