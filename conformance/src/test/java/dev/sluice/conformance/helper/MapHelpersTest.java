package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType;
import dev.sluice.exec.ProgramFault;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.PerfEventArrayMap;
import dev.sluice.map.PerfRing;
import dev.sluice.map.RingBufferMap;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Helpers on queues, ring buffers, events and locks in values. */
class MapHelpersTest {
    private static final byte[] PACKET = new byte[64];

    private final HelperBench bench = new HelperBench();

    @AfterEach
    void close() {
        bench.close();
    }

    /** Pushes 5, 6, 7 (the last beyond the end), then peeks, pops until empty; results are mixed into r0. */
    @ParameterizedTest
    @EnumSource(names = {"QUEUE", "STACK"})
    void queuesAndStacks(MapType type) {
        bench.map(MapDef.of("map", type, 0, 8, 2));
        for (int flags : new int[] {0, 1, 2, 4}) {
            StringBuilder program = new StringBuilder("r6 = 0\n");
            for (int value : new int[] {5, 6, 7}) {
                program.append("""
                        *(u64 *)(r10 - 8) = %d
                        r1 = map[fd:0]
                        r2 = r10
                        r2 += -8
                        r3 = %d
                        call bpf_map_push_elem
                        r6 *= 31
                        r6 += r0
                        """.formatted(value, flags));
            }
            for (String helper : new String[] {"peek", "pop", "pop", "pop", "peek"}) {
                program.append("""
                        *(u64 *)(r10 - 8) = 99
                        r1 = map[fd:0]
                        r2 = r10
                        r2 += -8
                        call bpf_map_%s_elem
                        r6 *= 31
                        r6 += r0
                        r1 = *(u64 *)(r10 - 8)
                        r6 *= 31
                        r6 += r1
                        """.formatted(helper));
            }
            bench.run(PACKET, program + "r0 = r6\nexit");
        }
    }

    private static final String RESERVE = """
            r1 = map[fd:0]
            r2 = %d
            r3 = %d
            call bpf_ringbuf_reserve
            if r0 != 0 goto reserved
            r0 = 77
            exit
            reserved:
            """;

    private static String query(int what) {
        return "r1 = map[fd:0]\nr2 = " + what + "\ncall bpf_ringbuf_query\nr6 *= 31\nr6 += r0\n";
    }

    private static final String QUERIES = query(0) + query(1) + query(2) + query(3) + query(4) + "r0 = r6\nexit";

    @Test
    void ringBuffers() {
        bench.map(MapDef.of("ring", MapType.RINGBUF, 0, 0, 4096));
        for (int size : new int[] {8, 12, 24}) {
            String fill = "r9 = 0x1122334455667788 ll\n*(u64 *)(r0 + 0) = r9\n";
            bench.run(
                    PACKET,
                    RESERVE.formatted(size, 0) + fill + "r1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr6 = 0\n" + QUERIES);
            bench.run(
                    PACKET,
                    RESERVE.formatted(size, 0) + "r1 = r0\nr2 = 1\ncall bpf_ringbuf_discard\nr6 = 0\n" + QUERIES);
        }
        assertThat(bench.run(PACKET, RESERVE.formatted(8, 4) + "r1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 0\nexit")
                        .returned())
                .isEqualTo(77);
        for (int flags : new int[] {0, 1, 2, 4}) {
            bench.run(PACKET, """
                    *(u64 *)(r10 - 8) = 4242
                    r1 = map[fd:0]
                    r2 = r10
                    r2 += -8
                    r3 = 5
                    r4 = %d
                    call bpf_ringbuf_output
                    r6 = r0
                    """.formatted(flags) + QUERIES);
        }
        for (HelperBench.Side side : bench.sides) {
            List<String> records = new ArrayList<>();
            ((RingBufferMap) side.maps.getFirst())
                    .consume(
                            record -> records.add(HexFormat.of().formatHex(record.toArray(ValueLayout.JAVA_BYTE))), 99);
            assertThat(records).as(side.engine.name()).hasSize(6);
            assertThat(records.getFirst()).isEqualTo("8877665544332211");
            assertThat(records.getLast()).isEqualTo("9210000000");
        }
    }

    @Test
    void aFullRingBufferSaysSo() {
        bench.map(MapDef.of("ring", MapType.RINGBUF, 0, 0, 4096));
        String program = RESERVE.formatted(1500, 0) + "r1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 1\nexit";
        assertThat(bench.run(PACKET, program).returned()).isEqualTo(1);
        assertThat(bench.run(PACKET, program).returned()).isEqualTo(1);
        assertThat(bench.run(PACKET, program).returned()).isEqualTo(77);
        for (HelperBench.Side side : bench.sides) {
            assertThat(((RingBufferMap) side.maps.getFirst()).dropped()).isEqualTo(1);
        }
    }

    @Test
    void whatWasNotReservedCannotBeSubmitted() {
        try (HelperBench own = new HelperBench(false)) {
            own.map(MapDef.of("ring", MapType.RINGBUF, 0, 0, 4096));
            for (String sample : new String[] {"r1 = 0", "r1 = r10\nr1 += -8", "r1 = r7\nr1 += 8"}) {
                assertThatThrownBy(() -> own.run(
                                PACKET,
                                RESERVE.formatted(16, 0) + "r7 = r0\n" + sample
                                        + "\nr2 = 0\ncall bpf_ringbuf_submit\nr0 = 0\nexit"))
                        .isInstanceOf(ProgramFault.class)
                        .hasMessageContaining("bpf_ringbuf_reserve");
            }
            assertThatThrownBy(() -> own.run(PACKET, RESERVE.formatted(16, 0) + """
                                    r7 = r0
                                    r1 = r7
                                    r2 = 0
                                    call bpf_ringbuf_submit
                                    r1 = r7
                                    r2 = 0
                                    call bpf_ringbuf_submit
                                    r0 = 0
                                    exit
                                    """))
                    .isInstanceOf(ProgramFault.class);
        }
    }

    private static final String EVENT = """
            *(u64 *)(r10 - 8) = 4242
            r2 = map[fd:0]
            r3 = %d ll
            r4 = r10
            r4 += -8
            r5 = %d
            call bpf_perf_event_output
            exit
            """;

    @Test
    void eventsThatNobodyReads() {
        bench.map(MapDef.of("events", MapType.PERF_EVENT_ARRAY, 4, 4, HelperBench.CPUS));
        for (long flags : new long[] {0, 2, 5, 1L << 52, 1L << 63, 65L << 32, 64L << 32}) {
            bench.run(PACKET, EVENT.formatted(flags, 8));
        }
        assertThat(bench.run(PACKET, EVENT.formatted(0xffffffffL, 8)).returned())
                .isEqualTo(-2);
    }

    @Test
    void eventsHaveTheirBytesAndThePackets() {
        try (HelperBench own = new HelperBench(false)) {
            own.map(MapDef.of("events", MapType.PERF_EVENT_ARRAY, 4, 4, HelperBench.CPUS));
            byte[] packet = HexFormat.of().parseHex("00112233445566778899aabbccddeeff".repeat(4));
            List<PerfRing> rings = own.sides.stream()
                    .map(side -> ((PerfEventArrayMap) side.maps.getFirst()).open(0, 4096))
                    .toList();
            assertThat(own.run(packet, EVENT.formatted(0xffffffffL | 3L << 32, 8))
                            .returned())
                    .isZero();
            for (PerfRing ring : rings) {
                List<String> events = new ArrayList<>();
                ring.consume(event -> events.add(HexFormat.of().formatHex(event.toArray(ValueLayout.JAVA_BYTE))), 9);
                assertThat(events).hasSize(1);
                assertThat(events.getFirst()).contains("9210000000000000001122");
            }
        }
    }

    private static final String LOCKED = """
            *(u32 *)(r10 - 4) = 0
            r1 = map[fd:0]
            r2 = r10
            r2 += -4
            call bpf_map_lookup_elem
            if r0 != 0 goto found
            exit
            found:
            r6 = r0
            """;

    @Test
    void locksInValues() {
        BtfBuilder types = new BtfBuilder();
        int u32 = types.integer("unsigned int", 4, false);
        int lock = types.struct("bpf_spin_lock", 4, List.of(new BtfType.Member("val", u32, 0, 0)));
        bench.map(
                MapDef.of("map", MapType.ARRAY, 4, 8, 1),
                List.of(new BtfType.Member("lock", lock, 0, 0), new BtfType.Member("count", u32, 32, 0)),
                types);
        String count = LOCKED + """
                r1 = r6
                call bpf_spin_lock
                r7 = *(u32 *)(r6 + 4)
                r7 += 1
                *(u32 *)(r6 + 4) = r7
                r1 = r6
                call bpf_spin_unlock
                r0 = r7
                exit
                """;
        assertThat(bench.run(PACKET, count).returned()).isEqualTo(1);
        assertThat(bench.run(PACKET, count).returned()).isEqualTo(2);
    }

    @Test
    void aLockIsGivenBackWhateverThePrograms() {
        try (HelperBench own = new HelperBench(false)) {
            own.map(MapDef.of("map", MapType.ARRAY, 4, 8, 1));
            String take = LOCKED + "r1 = r6\ncall bpf_spin_lock\n";
            own.run(PACKET, take + "r0 = 1\nexit"); // without an unlock
            assertThatThrownBy(() -> own.run(PACKET, take + "r1 = r6\ncall bpf_spin_lock\nr0 = 0\nexit"))
                    .isInstanceOf(ProgramFault.class)
                    .hasMessageContaining("no lock to be held");
            assertThatThrownBy(() -> own.run(PACKET, LOCKED + "r1 = r6\ncall bpf_spin_unlock\nr0 = 0\nexit"))
                    .isInstanceOf(ProgramFault.class)
                    .hasMessageContaining("this lock to be held");
            for (HelperBench.Side side : own.sides) {
                assertThat(side.maps.getFirst().get(new byte[4])).isEqualTo(new byte[8]);
            }
            assertThat(own.run(PACKET, take + "r1 = r6\ncall bpf_spin_unlock\nr0 = 5\nexit")
                            .returned())
                    .isEqualTo(5);
        }
    }
}
