package dev.sluice.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Engines;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Sandbox;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Helpers called by programs on every engine; numbers are those that Linux 6.18 gave to the same programs. */
class HelpersTest {
    private static final int EINVAL = -22;
    private static final int EACCES = -13;
    private static final int EFAULT = -14;

    private final Sandbox sandbox = new Sandbox();

    static List<Engine> engines() {
        return Engines.all();
    }

    @AfterEach
    void close() {
        sandbox.close();
    }

    private static byte[] packet(int size) {
        byte[] packet = new byte[size];
        for (int i = 0; i < size; i++) {
            packet[i] = (byte) (i + 1);
        }
        return packet;
    }

    // --- the packet moves

    /** Calls helpers in turn, each with one number; gives the last result. */
    private int adjust(Engine engine, int size, int... helpersAndOffsets) {
        sandbox.packet(packet(size));
        StringBuilder program = new StringBuilder("r6 = r1\n");
        for (int i = 0; i < helpersAndOffsets.length; i += 2) {
            program.append("r1 = r6\nr2 = ").append(helpersAndOffsets[i + 1]).append("\ncall ");
            program.append(helpersAndOffsets[i]).append('\n');
        }
        return sandbox.run(sandbox.load(engine, program + "exit"));
    }

    private long metadata() {
        return Memory.getLong(sandbox.descriptor + FrameDescriptor.DATA)
                - Memory.getLong(sandbox.descriptor + FrameDescriptor.DATA_META);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void adjustHeadHasTheKernelsLimits(Engine engine) {
        int[][] offsetsAndLengths = {
            {0, 100}, {-1, 101}, {-216, 316}, {1, 99}, {86, 14},
        };
        for (int[] good : offsetsAndLengths) {
            assertThat(adjust(engine, 100, 44, good[0])).as("%d", good[0]).isZero();
            assertThat(sandbox.packet()).hasSize(good[1]);
            assertThat(sandbox.packet()[good[1] - 1]).isEqualTo((byte) 100);
            assertThat(metadata()).isZero();
        }
        for (int bad : new int[] {-217, -256, 87, 100, 101, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            assertThat(adjust(engine, 100, 44, bad)).as("%d", bad).isEqualTo(EINVAL);
            assertThat(sandbox.packet()).isEqualTo(packet(100));
        }
        assertThat(adjust(engine, 14, 44, 1)).isEqualTo(EINVAL);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void adjustMetaHasTheKernelsLimits(Engine engine) {
        for (int good : new int[] {0, -4, -212, -216}) {
            assertThat(adjust(engine, 100, 54, good)).as("%d", good).isZero();
            assertThat(metadata()).isEqualTo(-good);
            assertThat(sandbox.packet()).isEqualTo(packet(100));
        }
        for (int bad : new int[] {-1, -2, -3}) {
            assertThat(adjust(engine, 100, 54, bad)).as("%d", bad).isEqualTo(EACCES);
            assertThat(metadata()).isZero();
        }
        for (int bad : new int[] {-217, -220, -256, 1, 4}) {
            assertThat(adjust(engine, 100, 54, bad)).as("%d", bad).isEqualTo(EINVAL);
            assertThat(metadata()).isZero();
        }
        assertThat(adjust(engine, 100, 54, -32, 54, 32)).isZero();
        assertThat(metadata()).isZero();
        assertThat(adjust(engine, 100, 54, -32, 54, 28)).isZero();
        assertThat(metadata()).isEqualTo(4);
        assertThat(adjust(engine, 100, 54, -32, 54, 36)).isEqualTo(EINVAL);
        assertThat(adjust(engine, 100, 54, -32, 54, 30)).isEqualTo(EACCES);
        assertThat(metadata()).isEqualTo(32);
        assertThat(adjust(engine, 100, 54, -32, 54, -184)).isZero();
        assertThat(adjust(engine, 100, 54, -32, 54, -188)).isEqualTo(EINVAL);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void metadataMovesWithTheHead(Engine engine) {
        for (int[] good : new int[][] {{-32, -184}, {-32, 0}, {-32, 10}, {-32, 86}, {-216, 0}, {-4, -212}}) {
            assertThat(adjust(engine, 100, 54, good[0], 44, good[1]))
                    .as("%d %d", good[0], good[1])
                    .isZero();
            assertThat(metadata()).isEqualTo(-good[0]);
            assertThat(sandbox.packet()).hasSize(100 - good[1]);
        }
        for (int[] bad : new int[][] {{-32, -185}, {-32, -188}, {-32, 87}, {-216, -1}, {-4, -213}}) {
            assertThat(adjust(engine, 100, 54, bad[0], 44, bad[1]))
                    .as("%d %d", bad[0], bad[1])
                    .isEqualTo(EINVAL);
            assertThat(sandbox.packet()).isEqualTo(packet(100));
        }
        // The bytes of the metadata move too.
        sandbox.packet(packet(60));
        String program = """
                r6 = r1
                r2 = -4
                call 54
                r1 = *(u32 *)(r6 +8)
                *(u32 *)(r1 +0) = 287454020
                r1 = r6
                r2 = -20
                call 44
                r1 = *(u32 *)(r6 +8)
                r0 = *(u32 *)(r1 +0)
                exit
                """;
        assertThat(sandbox.run(sandbox.load(engine, program))).isEqualTo(287454020);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void adjustTailHasTheKernelsLimits(Engine engine) {
        for (int good : new int[] {0, -1, -86, 1, 10, 3420}) {
            Memory.fill(sandbox.frame, Sandbox.FRAME, (byte) -1);
            assertThat(adjust(engine, 100, 65, good)).as("%d", good).isZero();
            assertThat(sandbox.packet()).isEqualTo(Arrays.copyOf(packet(100), 100 + good));
        }
        for (int bad : new int[] {-87, -100, -101, 3421, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            assertThat(adjust(engine, 100, 65, bad)).as("%d", bad).isEqualTo(EINVAL);
            assertThat(sandbox.packet()).isEqualTo(packet(100));
        }
        assertThat(adjust(engine, 14, 65, -1)).isEqualTo(EINVAL);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void theLengthFollows(Engine engine) {
        assertThat(adjust(engine, 100, 44, -10, 65, 5, 188, 0)).isEqualTo(115);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void pointersAreReloadedAfterAMove(Engine engine) {
        sandbox.packet(packet(60));
        String program = """
                r6 = r1
                r2 = 20
                call 44
                r1 = *(u32 *)(r6 +0)
                r2 = *(u32 *)(r6 +4)
                r0 = *(u8 *)(r1 +0)
                r3 = *(u8 *)(r2 -1)
                r3 <<= 8
                r0 |= r3
                exit
                """;
        assertThat(sandbox.run(sandbox.load(engine, program))).isEqualTo(60 << 8 | 21);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void loadsAndStoresBytesInsideThePacket(Engine engine) {
        for (int helper : new int[] {189, 190}) {
            long[][] cases = {
                {0, 1, 0},
                {0, 64, 0},
                {36, 64, 0},
                {37, 64, EINVAL},
                {99, 1, 0},
                {100, 1, EINVAL},
                {0xffff, 1, EINVAL},
                {0x10000, 1, EFAULT},
                {0xffff_ffffL, 1, EFAULT},
                {0xffff_ffffL, 64, EFAULT},
                {0x7fff_ffffL, 64, EFAULT},
            };
            for (long[] c : cases) {
                sandbox.packet(packet(100));
                String program = "r2 = " + c[0] + " ll\nr3 = r10\nr3 += -64\nr4 = " + c[1] + "\ncall " + helper
                        + "\nif r0 != 0 goto +1\nr0 = *(u8 *)(r10 -64)\nexit";
                int expected = c[2] != 0 ? (int) c[2] : helper == 189 ? (int) c[0] + 1 : 0;
                assertThat(sandbox.run(sandbox.load(engine, program)))
                        .as("helper=%d offset=%d size=%d", helper, c[0], c[1])
                        .isEqualTo(expected);
                byte[] after = packet(100);
                if (helper == 190 && c[2] == 0) {
                    Arrays.fill(after, (int) c[0], (int) (c[0] + c[1]), (byte) 0);
                }
                assertThat(sandbox.packet()).isEqualTo(after);
            }
        }
    }

    // --- redirects

    @ParameterizedTest
    @MethodSource("engines")
    void redirectTakesNoFlags(Engine engine) {
        sandbox.packet(packet(60));
        assertThat(sandbox.run(sandbox.load(engine, "r1 = 999\nr2 = 0\ncall 23\nexit")))
                .isEqualTo(4);
        assertThat(Memory.getInt(sandbox.descriptor + FrameDescriptor.REDIRECT_MAP))
                .isZero();
        assertThat(Memory.getInt(sandbox.descriptor + FrameDescriptor.REDIRECT_INDEX))
                .isEqualTo(999);
        assertThat(sandbox.run(sandbox.load(engine, "r1 = 1\nr2 = 1\ncall 23\nexit")))
                .isZero();
        assertThat(sandbox.run(sandbox.load(engine, "r1 = 1\nr2 = 1\nr2 <<= 63\ncall 23\nexit")))
                .isZero();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void redirectMapAnswersAsTheKernel(Engine engine) {
        long[][] empty = {
            {0, 0, 0},
            {0, 1, 1},
            {0, 2, 2},
            {0, 3, 3},
            {0, 4, 0},
            {0, 8, 4},
            {0, 16, 0},
            {0, 24, 4},
            {0, 10, 4},
            {0, 18, 2},
            {0, 32, 0},
            {9, 2, 2},
            {1L << 32, 2, 2},
            {0, Long.MIN_VALUE, 0},
        };
        long[][] set = {
            {0, 0, 4},
            {0, 1, 4},
            {0, 2, 4},
            {0, 3, 4},
            {0, 4, 0},
            {0, 8, 4},
            {0, 16, 4},
            {0, 24, 4},
            {0, 10, 4},
            {0, 32, 0},
            {9, 2, 2},
            {1L << 32, 2, 4},
            {1, 2, 2},
        };
        for (MapType type : List.of(MapType.DEVMAP, MapType.DEVMAP_HASH)) {
            BpfMap map = sandbox.map(MapDef.of("tx_port", type, 4, 4, 4));
            sandbox.packet(packet(60));
            for (long[][] cases : List.of(empty, set)) {
                for (long[] c : cases) {
                    String program =
                            "r1 = " + map.handle() + " ll\nr2 = " + c[0] + " ll\nr3 = " + c[1] + " ll\ncall 51\nexit";
                    assertThat(sandbox.run(sandbox.load(engine, program)))
                            .as("%s set=%b key=%d flags=%d", type, cases == set, c[0], c[1])
                            .isEqualTo((int) c[2]);
                    int target = Memory.getInt(sandbox.descriptor + FrameDescriptor.REDIRECT_MAP);
                    if (c[2] == 4) {
                        assertThat(target & FrameDescriptor.REDIRECT_MAP_ID_MASK)
                                .isEqualTo(map.id());
                        long flags = (c[1] & 8) != 0 ? c[1] >> 3 & 3 : 0;
                        assertThat(target >>> FrameDescriptor.REDIRECT_FLAGS_SHIFT)
                                .isEqualTo((int) flags);
                        assertThat(Memory.getInt(sandbox.descriptor + FrameDescriptor.REDIRECT_INDEX))
                                .isEqualTo((int) c[0]);
                    } else {
                        assertThat(target).isZero();
                    }
                }
                map.put(new byte[4], new byte[] {1, 0, 0, 0}, BpfMap.ANY);
            }
        }
    }

    // --- maps

    @ParameterizedTest
    @MethodSource("engines")
    void programsUseHashTables(Engine engine) {
        BpfMap map = sandbox.map(MapDef.of("flows", MapType.HASH, 4, 8, 1));
        String program = """
                *(u32 *)(r10 -4) = r1
                *(u64 *)(r10 -16) = r2
                r6 = %d ll
                r1 = r6
                r2 = r10
                r2 += -4
                r3 = r10
                r3 += -16
                r4 = 1
                call 2
                if r0 != 0 goto +6
                r1 = r6
                r2 = r10
                r2 += -4
                call 1
                if r0 == 0 goto +1
                r0 = *(u64 *)(r0 +0)
                exit
                """.formatted(map.handle());
        Executable insert = sandbox.load(engine, program);
        assertThat(insert.call(sandbox.context, 7, 1234)).isEqualTo(1234);
        assertThat(insert.call(sandbox.context, 7, 1)).isEqualTo(-17);
        assertThat(insert.call(sandbox.context, 8, 1)).isEqualTo(-7);
        Executable delete = sandbox.load(
                engine, "*(u32 *)(r10 -4) = r1\nr1 = " + map.handle() + " ll\nr2 = r10\nr2 += -4\ncall 3\nexit");
        assertThat(delete.call(sandbox.context, 8, 0)).isEqualTo(-2);
        assertThat(delete.call(sandbox.context, 7, 0)).isZero();
        assertThat(map.keys()).isEmpty();
        assertThat(insert.call(sandbox.context, 8, -5)).isEqualTo(-5);
        assertThat(HexFormat.of().formatHex(map.get(new byte[] {8, 0, 0, 0}))).isEqualTo("fbffffffffffffff");
    }

    @ParameterizedTest
    @MethodSource("engines")
    void eachCpuCountsForItself(Engine engine) {
        BpfMap map = sandbox.map(MapDef.of("counters", MapType.PERCPU_ARRAY, 4, 8, 1));
        Executable program = sandbox.load(
                engine,
                "*(u32 *)(r10 -4) = 0\nr1 = " + map.handle() + " ll\nr2 = r10\nr2 += -4\ncall 1\n"
                        + "if r0 == 0 goto +3\nr1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1\nr0 = 2\nexit");
        for (int cpu = 0; cpu < 2; cpu++) {
            sandbox.packet(packet(60));
            Memory.putInt(sandbox.descriptor + FrameDescriptor.RX_QUEUE, cpu);
            for (int i = 0; i < 3 + cpu; i++) {
                assertThat(sandbox.run(program)).isEqualTo(2);
            }
        }
        assertThat(map.get(new byte[4])).isEqualTo(new byte[] {3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0});
    }

    // --- trace, time, numbers

    @ParameterizedTest
    @MethodSource("engines")
    void printsATraceLine(Engine engine) {
        Memory.copy("Hello World %d".getBytes(), 0, sandbox.lent, 14);
        Memory.putByte(sandbox.lent + 14, (byte) 0);
        assertThat(sandbox.call(engine, "r2 = 15\nr3 = -7\ncall 6\nexit", sandbox.lent, 0))
                .isEqualTo(14);
        assertThat(sandbox.trace).containsExactly("Hello World -7");
        assertThat(sandbox.call(engine, "r2 = 14\nr3 = 7\ncall 6\nexit", sandbox.lent, 0))
                .isEqualTo(EINVAL);
        assertThat(sandbox.trace).hasSize(1);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void printsArgumentsFromMemory(Engine engine) {
        StringBuilder format = new StringBuilder();
        for (int i = 0; i < 12; i++) {
            format.append("%d ");
            Memory.putLong(sandbox.lent + 100 + i * 8L, i * i);
        }
        byte[] bytes = (format + "\0").getBytes();
        Memory.copy(bytes, 0, sandbox.lent, bytes.length);
        String call = "r3 = r1\nr3 += 100\nr4 = r2\nr2 = " + bytes.length + "\ncall 177\nexit";
        assertThat(sandbox.call(engine, call, sandbox.lent, 96)).isEqualTo(34);
        assertThat(sandbox.trace).containsExactly("0 1 4 9 16 25 36 49 64 81 100 121 ");
        for (long badSize : new long[] {0, 88, 95, 104, 4}) {
            assertThat(sandbox.call(engine, call, sandbox.lent, badSize))
                    .as("%d", badSize)
                    .isEqualTo(EINVAL);
        }
        Memory.copy("null\0".getBytes(), 0, sandbox.lent, 5);
        assertThat(sandbox.call(engine, "r2 = 5\nr3 = 0\nr4 = 0\ncall 177\nexit", sandbox.lent, 0))
                .isEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void clocksAgree(Engine engine) {
        Sandbox.nanos = 1_000_000_007L;
        assertThat(sandbox.call(engine, "call 5\nexit", 0, 0)).isEqualTo(1_000_000_007L);
        assertThat(sandbox.call(engine, "call 125\nexit", 0, 0)).isEqualTo(1_000_000_007L);
        assertThat(sandbox.call(engine, "call 160\nexit", 0, 0)).isEqualTo(1_000_000_000L);
        assertThat(sandbox.call(engine, "call 118\nexit", 0, 0)).isEqualTo((1L << 32) - 300 * 250 + 250);
        assertThat(sandbox.call(engine, "call 42\nexit", 0, 0)).isZero();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void randomNumbersComeFromTheSeed(Engine engine) {
        Executable program = sandbox.load(engine, "call 7\nexit");
        sandbox.context.seed(5);
        long[] first = new long[10];
        for (int i = 0; i < 10; i++) {
            first[i] = program.call(sandbox.context, 0, 0);
            assertThat(first[i]).isBetween(0L, 0xffff_ffffL);
        }
        assertThat(Arrays.stream(first).distinct().count()).isEqualTo(10);
        sandbox.context.seed(5);
        for (long expected : first) {
            assertThat(program.call(sandbox.context, 0, 0)).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void comparesStrings(Engine engine) {
        String[][] cases = {{"abc", "abc", "0"}, {"abc", "abd", "-1"}, {"abd", "abc", "1"}, {"ab", "abc", "-1"}};
        for (String[] c : cases) {
            Memory.fill(sandbox.lent, Sandbox.LENT, (byte) 0);
            Memory.copy(c[0].getBytes(), 0, sandbox.lent, c[0].length());
            Memory.copy(c[1].getBytes(), 0, sandbox.lent + 64, c[1].length());
            assertThat(sandbox.call(engine, "r3 = r1\nr3 += 64\nr2 = 8\ncall 182\nexit", sandbox.lent, 0))
                    .as(String.join(" ", c))
                    .isEqualTo(Long.parseLong(c[2]));
        }
        Memory.copy("abcX".getBytes(), 0, sandbox.lent, 4);
        Memory.copy("abcY".getBytes(), 0, sandbox.lent + 64, 4);
        assertThat(sandbox.call(engine, "r3 = r1\nr3 += 64\nr2 = 3\ncall 182\nexit", sandbox.lent, 0))
                .isZero();
    }

    // --- the table

    @Test
    void everyRowNamesItsMethod() {
        for (Helper helper : Helper.values()) {
            if (helper.isImplemented()) {
                assertThat(Arrays.stream(helper.owner().getMethods())
                                .filter(method -> method.getName().equals(helper.method()))
                                .toList())
                        .as("%s", helper)
                        .singleElement()
                        .satisfies(method -> assertThat(method.getParameterTypes())
                                .containsExactly(
                                        RunContext.class, long.class, long.class, long.class, long.class, long.class));
            }
            assertThat(Helper.of(helper.number())).isSameAs(helper);
            assertThat(helper.args()).hasSizeLessThanOrEqualTo(5);
        }
        assertThat(Helper.of(0)).isNull();
        assertThat(Helper.of(-1)).isNull();
        assertThat(Helper.of(9999)).isNull();
        assertThat(Helper.CSUM_DIFF.cname()).isEqualTo("bpf_csum_diff");
    }
}
