package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.UserRingBufferMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Helpers whose answers depend on the machine, so that engines are only compared with each other and with what is expected. */
class TaskHelpersTest {
    private final HelperBench bench = new HelperBench(false);

    @AfterEach
    void close() {
        bench.close();
    }

    private HelperBench.Result run(String body, String... functions) {
        return bench.runAndStore(new byte[64], body, functions);
    }

    @Test
    void theIdleTaskRuns() {
        HelperBench.Result result = run("""
                call bpf_get_current_pid_tgid
                r6 = r0
                call bpf_get_current_uid_gid
                r6 += r0
                call bpf_get_current_cgroup_id
                r7 = r0
                r1 = 1
                call bpf_get_current_ancestor_cgroup_id
                r7 += r0
                r1 = 9
                call bpf_send_signal
                r8 = r0
                """);
        assertThat(result.number(0)).isZero();
        assertThat(result.number(8)).isEqualTo(1);
        assertThat(result.number(16)).isEqualTo(-1);
    }

    @Test
    void theIdleTaskHasAName() {
        HelperBench.Result result = run("""
                r1 = r10
                r1 += -16
                r2 = 16
                call bpf_get_current_comm
                r6 = *(u64 *)(r10 - 16)
                r7 = *(u64 *)(r10 - 8)
                r1 = r10
                r1 += -24
                r2 = 5
                *(u64 *)(r10 - 24) = -1
                call bpf_get_current_comm
                r8 = *(u64 *)(r10 - 24)
                """);
        assertThat(new String(result.packet(), 0, 9, StandardCharsets.US_ASCII)).isEqualTo("swapper/0");
        assertThat(result.number(8)).isEqualTo('0');
        assertThat(result.packet()[20]).isZero();
        assertThat(result.packet()[21]).isEqualTo((byte) -1);
    }

    @Test
    void thereAreNoCounters() {
        bench.map(MapDef.of("events", MapType.PERF_EVENT_ARRAY, 4, 4, 2));
        HelperBench.Result result = run("""
                r1 = map[fd:0]
                r2 = 1
                call bpf_perf_event_read
                r6 = r0
                r1 = map[fd:0]
                r2 = 2
                r3 = r10
                r3 += -24
                r4 = 24
                call bpf_perf_event_read_value
                r7 = r0
                r1 = map[fd:0]
                r2 = 0
                r3 = r10
                r3 += -24
                r4 = 16
                call bpf_perf_event_read_value
                r8 = r0
                """);
        assertThat(result.number(0)).isEqualTo(-2);
        assertThat(result.number(8)).isEqualTo(-7);
        assertThat(result.number(16)).isEqualTo(-22);
    }

    @Test
    void samplesOfUserSpaceAreDrained() {
        bench.map(MapDef.of("user", MapType.USER_RINGBUF, 0, 0, 4096));
        for (HelperBench.Side side : bench.sides) {
            UserRingBufferMap ring = (UserRingBufferMap) side.maps.getFirst();
            for (long value = 1; value <= 5; value++) {
                MemorySegment sample = ring.reserve(12);
                sample.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, value);
                if (value == 2) {
                    ring.discard(sample);
                } else {
                    ring.submit(sample);
                }
            }
        }
        String body = """
                *(u64 *)(r10 - 8) = 0
                r1 = map[fd:0]
                r2 = subprog[1]
                r3 = r10
                r3 += -8
                r4 = 0
                call bpf_user_ringbuf_drain
                r6 = r0
                r7 = *(u64 *)(r10 - 8)
                r1 = map[fd:0]
                r2 = subprog[1]
                r3 = r10
                r3 += -8
                r4 = 4
                call bpf_user_ringbuf_drain
                r8 = r0
                """;
        // adds the numbers up, and stops at 4
        String function = """
                r6 = r1
                r7 = r2
                r1 = r10
                r1 += -8
                r2 = 8
                r3 = r6
                r4 = 0
                r5 = 0
                call bpf_dynptr_read
                r1 = *(u64 *)(r10 - 8)
                r2 = *(u64 *)(r7 + 0)
                r2 += r1
                *(u64 *)(r7 + 0) = r2
                r0 = 0
                if r1 != 4 goto go
                r0 = 1
                go:
                exit
                """;
        HelperBench.Result first = run(body, function);
        assertThat(first.number(0)).isEqualTo(3);
        assertThat(first.number(8)).isEqualTo(1 + 3 + 4);
        assertThat(first.number(16)).isEqualTo(-22);
        HelperBench.Result second = run(body, function);
        assertThat(second.number(0)).isEqualTo(1);
        assertThat(second.number(8)).isEqualTo(5);
    }
}
