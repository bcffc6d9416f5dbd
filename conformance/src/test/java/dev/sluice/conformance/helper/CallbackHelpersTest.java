package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.exec.ProgramFault;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Helpers that call functions of the program. */
class CallbackHelpersTest {
    private static final byte[] PACKET = new byte[64];

    private final HelperBench bench = new HelperBench();

    @AfterEach
    void close() {
        bench.close();
    }

    private static byte[] u32(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    private static byte[] u64(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            bytes.putLong(value);
        }
        return bytes.array();
    }

    /** Adds the index to a sum on the caller's stack; stops at 10. */
    private static final String ADD_INDEX = """
            r3 = *(u64 *)(r2 + 0)
            r3 += r1
            *(u64 *)(r2 + 0) = r3
            r0 = 0
            if r1 != 10 goto out
            r0 = 1
            out:
            exit
            """;

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 5, 10, 11, 12, 8388608, 8388609, 0xffffffffL, 0x100000003L})
    void loopCallsUntilTheFunctionStopsIt(long count) {
        // r0 = calls * 1000 + sum
        HelperBench.Result result = bench.run(PACKET, """
                r6 = 7
                *(u64 *)(r10 - 8) = 0
                r1 = %d ll
                r2 = subprog[1]
                r3 = r10
                r3 += -8
                r4 = 0
                call bpf_loop
                r0 *= 1000
                r1 = *(u64 *)(r10 - 8)
                r0 += r1
                r0 *= 10
                r0 += r6
                exit
                """.formatted(count), ADD_INDEX);
        long calls = Math.min(count, 11);
        long expected = count > 8388608 ? -7000 : calls * 1000 + calls * (calls - 1) / 2;
        assertThat(result.returned()).isEqualTo((int) (expected * 10 + 7));
    }

    @Test
    void loopRefusesFlags() {
        HelperBench.Result result = bench.run(PACKET, """
                r1 = 3
                r2 = subprog[1]
                r3 = 0
                r4 = 1
                call bpf_loop
                exit
                """, "r0 = 0\nexit");
        assertThat(result.returned()).isEqualTo(-22);
    }

    @Test
    void loopsInLoopsHaveFramesOfTheirOwn() {
        HelperBench.Result result = bench.run(PACKET, """
                *(u64 *)(r10 - 8) = 0
                r1 = 5
                r2 = subprog[1]
                r3 = r10
                r3 += -8
                r4 = 0
                call bpf_loop
                r0 *= 1000
                r1 = *(u64 *)(r10 - 8)
                r0 += r1
                exit
                """, """
                r6 = r1
                r7 = r2
                *(u64 *)(r10 - 16) = r1
                r1 = 3
                r2 = subprog[2]
                r3 = r7
                r4 = 0
                call bpf_loop
                r8 = *(u64 *)(r10 - 16)
                r0 = 1
                if r8 != r6 goto out
                r0 = 0
                out:
                exit
                """, """
                *(u64 *)(r10 - 16) = 77
                r3 = *(u64 *)(r2 + 0)
                r3 += 1
                *(u64 *)(r2 + 0) = r3
                r0 = 0
                exit
                """);
        assertThat(result.returned()).isEqualTo(5015);
    }

    @ParameterizedTest
    @EnumSource(names = {"ARRAY", "PERCPU_ARRAY", "HASH", "PERCPU_HASH"})
    void everyElementIsVisited(MapType type) {
        bench.map(MapDef.of("map", type, 4, 8, 5));
        for (int i = 0; i < 5; i++) {
            byte[] key = u32(i);
            long value = 100L + i;
            bench.sides.forEach(
                    side -> side.maps.getFirst().put(key, type.isPerCpu() ? u64(value, value) : u64(value), 0));
            if (bench.kernel != null) {
                byte[] all = new byte
                        [bench.kernelMaps.getFirst().info().type() == type.number() && type.isPerCpu()
                                ? 8 * bench.kernel.possibleCpus()
                                : 8];
                ByteBuffer to = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
                while (to.hasRemaining()) {
                    to.putLong(value);
                }
                bench.kernelMaps.getFirst().update(key, all);
            }
        }
        // the sum of key * value, and a value changed in place
        HelperBench.Result result = bench.run(PACKET, """
                *(u64 *)(r10 - 8) = 0
                r1 = map[fd:0]
                r2 = subprog[1]
                r3 = r10
                r3 += -8
                r4 = 0
                call bpf_for_each_map_elem
                r0 *= 10000
                r1 = *(u64 *)(r10 - 8)
                r0 += r1
                exit
                """, """
                r5 = *(u32 *)(r2 + 0)
                r6 = *(u64 *)(r3 + 0)
                r7 = r6
                r6 *= r5
                r5 = *(u64 *)(r4 + 0)
                r5 += r6
                *(u64 *)(r4 + 0) = r5
                r7 += 1000
                *(u64 *)(r3 + 0) = r7
                r0 = 0
                exit
                """);
        assertThat(result.returned()).isEqualTo(50000 + 101 + 2 * 102 + 3 * 103 + 4 * 104);
        for (HelperBench.Side side : bench.sides) {
            byte[] value = side.maps.getFirst().get(u32(3));
            assertThat(ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong())
                    .isEqualTo(1103);
        }
    }

    @Test
    void elementsMayBeDeletedOnTheWay() {
        bench.map(MapDef.of("map", MapType.HASH, 4, 8, 50));
        for (int i = 0; i < 50; i++) {
            bench.put(0, u32(i * 7919), u64(i));
        }
        HelperBench.Result result = bench.run(PACKET, """
                r1 = map[fd:0]
                r2 = subprog[1]
                r3 = 0
                r4 = 0
                call bpf_for_each_map_elem
                exit
                """, "call bpf_map_delete_elem\nr0 = 0\nexit");
        assertThat(result.returned()).isEqualTo(50);
        bench.sides.forEach(side ->
                assertThat(side.maps.getFirst().keys()).as(side.engine.name()).isEmpty());
    }

    @Test
    void keysMayBeLongerThanAStack() {
        bench.map(MapDef.of("map", MapType.HASH, 600, 8, 8));
        for (int i = 1; i <= 5; i++) {
            byte[] key = new byte[600];
            key[592] = (byte) i;
            bench.put(0, key, u64(i));
        }
        // r0 = calls * 1000 + sum of the keys' last words
        HelperBench.Result result = bench.run(PACKET, """
                *(u64 *)(r10 - 8) = 0
                r1 = map[fd:0]
                r2 = subprog[1]
                r3 = r10
                r3 += -8
                r4 = 0
                call bpf_for_each_map_elem
                r0 *= 1000
                r1 = *(u64 *)(r10 - 8)
                r0 += r1
                exit
                """, """
                r5 = *(u64 *)(r2 + 592)
                r1 = *(u64 *)(r4 + 0)
                r1 += r5
                *(u64 *)(r4 + 0) = r1
                r0 = 0
                exit
                """);
        assertThat(result.returned()).isEqualTo(5015);
    }

    @Test
    void forEachStopsAndRefusesFlags() {
        bench.map(MapDef.of("map", MapType.ARRAY, 4, 8, 10));
        String main = """
                r1 = map[fd:0]
                r2 = subprog[1]
                r3 = 0
                r4 = %d
                call bpf_for_each_map_elem
                exit
                """;
        String stop = "r1 = *(u32 *)(r2 + 0)\nr0 = 0\nif r1 != 3 goto out\nr0 = 1\nout:\nexit";
        assertThat(bench.run(PACKET, main.formatted(0), stop).returned()).isEqualTo(4);
        assertThat(bench.run(PACKET, main.formatted(4), stop).returned()).isEqualTo(-22);
    }

    @Test
    void perCpuValuesOfOtherCpus() {
        bench.map(MapDef.of("map", MapType.PERCPU_ARRAY, 4, 8, 2));
        bench.sides.forEach(side -> side.maps.getFirst().put(u32(1), u64(11, 22), 0));
        if (bench.kernel != null && bench.kernel.possibleCpus() == HelperBench.CPUS) {
            bench.kernelMaps.getFirst().update(u32(1), u64(11, 22));
            String program = """
                    *(u32 *)(r10 - 4) = 1
                    r1 = map[fd:0]
                    r2 = r10
                    r2 += -4
                    r3 = %d ll
                    call bpf_map_lookup_percpu_elem
                    if r0 == 0 goto out
                    r0 = *(u64 *)(r0 + 0)
                    out:
                    exit
                    """;
            assertThat(bench.run(PACKET, program.formatted(0)).returned()).isEqualTo(11);
            assertThat(bench.run(PACKET, program.formatted(1)).returned()).isEqualTo(22);
            assertThat(bench.run(PACKET, program.formatted(0x500000001L)).returned())
                    .isEqualTo(22);
            assertThat(bench.run(PACKET, program.formatted(2)).returned()).isZero();
            assertThat(bench.run(PACKET, program.formatted(0xffffffffL)).returned())
                    .isZero();
        }
    }

    @Test
    void whatIsNoFunctionIsNotCalled() {
        for (String function : new String[] {"r2 = 0", "r2 = 8 ll", "r2 = subprog[1]\nr2 += 8"}) {
            try (HelperBench own = new HelperBench(false)) {
                assertThatThrownBy(() -> own.run(
                                PACKET,
                                "r1 = 3\n" + function + "\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit",
                                "r0 = 0\nexit"))
                        .isInstanceOf(ProgramFault.class)
                        .hasMessageContaining("function");
            }
        }
    }

    @Test
    void callbacksCountInstructions() {
        try (HelperBench own = new HelperBench(false)) {
            own.with(context -> context.instructionLimit = 10_000);
            assertThatThrownBy(() -> own.run(
                            PACKET, "r1 = 5000\nr2 = subprog[1]\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit", "r0 = 0\nexit"))
                    .isInstanceOf(ProgramFault.class)
                    .hasMessageContaining("took too long");
        }
    }
}
