package dev.sluice.kernel;

import static dev.sluice.kernel.KernelTests.R0;
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

import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.map.PerfEventArrayMap;
import dev.sluice.map.PerfRing;
import dev.sluice.map.RingBufferMap;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Ring buffers and perf event arrays: a program in the kernel and calls of ours, record for record. */
class EventAgreementTest {
    private static final int R5 = 5;
    private static final int R6 = 6;
    private static final int RESERVE = 131;
    private static final int SUBMIT = 132;
    private static final int DISCARD = 133;
    private static final int OUTPUT = 130;
    private static final int QUERY = 134;
    private static final int PERF_OUTPUT = 25;
    private static final int[] SIZES = {1, 7, 8, 9, 100, 1001, 2000, 4079, 4080, 4081, 4088, 4089};

    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    @Test
    void definitions() {
        for (MapType type : List.of(MapType.RINGBUF, MapType.USER_RINGBUF)) {
            for (int bit = 0; bit < 15; bit++) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 0, 4096, 1 << bit, 0));
            }
            for (int size : new int[] {0, 1, 2048, 4095, 4096, 8192, 12288}) {
                MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 0, size, 0, 0));
            }
            MapTwin.sameCreation(kernel, MapTwin.def(type, 4, 0, 4096, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 4, 4096, 0, 0));
            MapTwin.sameCreation(kernel, MapTwin.def(type, 0, 0, 4096, 0, 1));
        }
        for (int bit = 0; bit < 15; bit++) {
            MapTwin.sameCreation(kernel, MapTwin.def(MapType.PERF_EVENT_ARRAY, 4, 4, 2, 1 << bit, 0));
        }
        MapTwin.sameCreation(kernel, MapTwin.def(MapType.PERF_EVENT_ARRAY, 4, 8, 2, 0, 0));
        MapTwin.sameCreation(kernel, MapTwin.def(MapType.PERF_EVENT_ARRAY, 8, 4, 2, 0, 0));
        MapTwin.sameCreation(kernel, MapTwin.def(MapType.PERF_EVENT_ARRAY, 4, 4, 0, 0, 0));
    }

    @Test
    void userSpaceHasNoEntries() {
        byte[] noKey = {};
        for (MapType type : List.of(MapType.RINGBUF, MapType.USER_RINGBUF)) {
            try (MapTwin twin = MapTwin.create(kernel, MapTwin.def(type, 0, 0, 4096, 0, 0))) {
                twin.lookup(noKey);
                twin.update(noKey, noKey, 0);
                twin.delete(noKey);
                twin.nextKey(noKey);
                twin.lookupAndDelete(noKey);
            }
        }
        try (MapTwin twin = MapTwin.create(kernel, MapTwin.def(MapType.PERF_EVENT_ARRAY, 4, 4, 2, 0, 0))) {
            twin.lookup(Uapi.u32(0));
            twin.delete(Uapi.u32(0));
            twin.delete(Uapi.u32(2));
            twin.update(Uapi.u32(0), Uapi.u32(1000), 0);
            twin.update(Uapi.u32(0), Uapi.u32(1000), 1);
            twin.update(Uapi.u32(2), Uapi.u32(1000), 0);
            twin.nextKey(noKey);
            twin.nextKey(Uapi.u32(1));
            twin.lookupAndDelete(Uapi.u32(0));
        }
    }

    /** {@code s = reserve(size); if (!s) return 1; *s = mark; submit or discard(s); return 0;} */
    private ProgramAttributes reserving(KernelMap ring, int size, boolean discard) {
        return xdp(
                loadMap(R1, ring),
                movImm(R2, size),
                movImm(R3, 0),
                call(RESERVE),
                insn(0x55, R0, 0, 2, 0),
                movImm(R0, 1),
                exit(),
                insn(0x72, R0, 0, 0, size & 0x7f),
                movReg(R1, R0),
                movImm(R2, 0),
                call(discard ? DISCARD : SUBMIT),
                movImm(R0, 0),
                exit());
    }

    private ProgramAttributes querying(KernelMap ring, int what) {
        return xdp(loadMap(R1, ring), movImm(R2, what), call(QUERY), exit());
    }

    @Test
    void ringBuffersFillAndEmptyInTheSameWay() {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        System.out.println("EventAgreementTest seed=" + seed);
        Random random = new Random(seed);
        List<AutoCloseable> open = new ArrayList<>();
        MapTable table = new MapTable();
        Maps maps = new Maps(table, new Regions(), 1, 1);
        try (KernelMap theirs = kernel.createMap(MapAttributes.of(Uapi.MAP_TYPE_RINGBUF, 0, 0, 4096));
                RingBufferMap ours = (RingBufferMap) maps.create(MapTwin.def(MapType.RINGBUF, 0, 0, 4096, 0, 0));
                RingBufferReader reader = RingBufferReader.of(theirs)) {
            TestRun[][] reserving = new TestRun[SIZES.length][2];
            for (int i = 0; i < SIZES.length; i++) {
                for (int discard = 0; discard < 2; discard++) {
                    KernelProgram program = kernel.load(reserving(theirs, SIZES[i], discard == 1))
                            .orThrow();
                    reserving[i][discard] = program.testRun();
                    open.add(reserving[i][discard]);
                    open.add(program);
                }
            }
            TestRun[] querying = new TestRun[5];
            for (int what = 0; what < querying.length; what++) {
                KernelProgram program = kernel.load(querying(theirs, what)).orThrow();
                querying[what] = program.testRun();
                open.add(querying[what]);
                open.add(program);
            }
            int full = 0;
            for (int i = 0; i < 5000; i++) {
                int size = random.nextInt(SIZES.length);
                int discard = random.nextInt(5) == 0 ? 1 : 0;
                boolean refused = reserving[size][discard].run(new byte[14]) == 1;
                long sample = ours.reserve(SIZES[size], 0);
                assertThat(sample == 0)
                        .describedAs("reserve %d at step %d", SIZES[size], i)
                        .isEqualTo(refused);
                if (refused) {
                    full++;
                } else {
                    Memory.putByte(sample, (byte) (SIZES[size] & 0x7f));
                    assertThat(RingBufferMap.ofSample(table, sample)).isSameAs(ours);
                    assertThat(RingBufferMap.ofSample(table, sample + 8)).isNull();
                    if (discard == 1) {
                        ours.discard(sample, 0);
                    } else {
                        ours.submit(sample, 0);
                    }
                    assertThat(RingBufferMap.ofSample(table, sample)).isNull();
                }
                for (int what = 0; what < querying.length; what++) {
                    assertThat((int) ours.query(what)).isEqualTo(querying[what].run(new byte[14]));
                }
                if (random.nextInt(6) == 0) {
                    List<String> found = new ArrayList<>();
                    ours.consume(
                            record -> found.add(record.byteSize() + ":" + record.get(ValueLayout.JAVA_BYTE, 0)),
                            Integer.MAX_VALUE);
                    assertThat(found)
                            .containsExactlyElementsOf(reader.read().stream()
                                    .map(record -> record.length + ":" + record[0])
                                    .toList());
                }
            }
            assertThat(full).isPositive();
            assertThat(ours.dropped()).isEqualTo(full);
        } finally {
            open.forEach(EventAgreementTest::close);
        }
    }

    private static void close(AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** {@code return perf_event_output(ctx, events, flags, stack, size)} */
    private ProgramAttributes perf(KernelMap events, long flags, int size) {
        List<byte[]> code = new ArrayList<>();
        code.add(movReg(R6, R1));
        for (int at = -8; at >= -64; at -= 8) {
            code.add(insn(0x7a, R10, 0, at, 0x0101_0101 * (at & 7) + at));
        }
        code.add(movReg(R1, R6));
        code.add(loadMap(R2, events));
        code.add(KernelTests.join(insn(0x18, R3, 0, 0, (int) flags), insn(0, 0, 0, 0, (int) (flags >>> 32))));
        code.add(movReg(R4, R10));
        code.add(addImm(R4, -64));
        code.add(movImm(R5, size));
        code.add(call(PERF_OUTPUT));
        code.add(exit());
        return xdp(code.toArray(byte[][]::new));
    }

    @Test
    void perfEventsAreFilledUpInTheSameWay() {
        MapTable table = new MapTable();
        Maps maps = new Maps(table, new Regions(), kernel.possibleCpus(), 1);
        try (CpuPin pin = CpuPin.toFirstAllowed();
                Arena arena = Arena.ofConfined();
                KernelMap theirs = kernel.createMap(
                        MapAttributes.of(Uapi.MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, kernel.possibleCpus()));
                PerfEventArrayMap ours = (PerfEventArrayMap)
                        maps.create(MapTwin.def(MapType.PERF_EVENT_ARRAY, 4, 4, kernel.possibleCpus(), 0, 0))) {
            long stack = Memory.allocate(arena, 64, 8);
            for (int at = -8; at >= -64; at -= 8) {
                Memory.putLong(stack + 64 + at, 0x0101_0101 * (at & 7) + at);
            }
            int cpu = pin.cpu();
            long current = PerfEventArrayMap.CURRENT_CPU;
            int other = cpu == 0 ? 1 : 0;
            assertThat(perfResult(theirs, current, 8)).isEqualTo(ours.output(current, cpu, stack, 8, 0, 0));
            try (PerfEventReader reader = PerfEventReader.of(kernel, theirs, 1 << 14)) {
                List<PerfRing> rings = new ArrayList<>();
                for (int i = 0; i < kernel.possibleCpus(); i++) {
                    rings.add(ours.open(i, 1 << 14));
                }
                long[] flags = {current, cpu, other, 77, 0xffff_fffeL, 1L << 32 | current, 1L << 60};
                for (long flag : flags) {
                    if (flag >>> 32 == 0 && (flag != other || kernel.possibleCpus() > 1)) {
                        assertThat(ours.output(flag, cpu, stack, 24, 0, 0))
                                .describedAs("flags=%x", flag)
                                .isEqualTo(perfResult(theirs, flag, 24));
                    }
                }
                for (int size = 1; size <= 64; size++) {
                    assertThat(perfResult(theirs, current, size)).isZero();
                    assertThat(ours.output(current, cpu, stack, size, 0, 0)).isZero();
                }
                List<String> expected = new ArrayList<>();
                reader.read().forEach(event -> expected.add(event.cpu() + ":" + event.data().length));
                List<String> found = new ArrayList<>();
                rings.forEach(ring ->
                        ring.consume(event -> found.add(ring.cpu() + ":" + event.byteSize()), Integer.MAX_VALUE));
                assertThat(found).containsExactlyElementsOf(expected);
            }
        }
    }

    private int perfResult(KernelMap events, long flags, int size) {
        try (KernelProgram program = kernel.load(perf(events, flags, size)).orThrow();
                TestRun run = program.testRun()) {
            return run.run(new byte[64]);
        }
    }
}
