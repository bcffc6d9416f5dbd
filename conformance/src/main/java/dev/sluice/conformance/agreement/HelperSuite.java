package dev.sluice.conformance.agreement;

import dev.sluice.exec.Engine;
import dev.sluice.helper.Helper;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.Uapi;
import dev.sluice.kernel.diff.Outcome;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Helpers by contract: small programs that take a helper's arguments from the packet, at and around every limit. What
 * they return, the packet with its metadata, and the first map's first value must be the kernel's.
 *
 * <pre>
 * packet: 0 u32, 4 u32, 8 u32 or 8 u64: arguments;  the rest is data
 * </pre>
 */
public final class HelperSuite {
    private static final int PACKETS = 400;
    private static final int MIN_BYTES = 14;
    private static final int MAX_BYTES = 3520;
    private static final int ADJUST_HEAD = 44;
    private static final int ADJUST_META = 54;
    private static final int ADJUST_TAIL = 65;

    /** Lengths of packets, at and around the limits of a test run. */
    private static final int[] LENGTHS = {14, 15, 18, 60, 64, 128, 255, 1000, 1514, 3300, 3519, 3520};

    /** What packets are moved by. */
    private static final int[] DELTAS = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        4,
        -4,
        8,
        -8,
        14,
        -14,
        20,
        -20,
        40,
        -40,
        176,
        -176,
        212,
        -212,
        215,
        -215,
        216,
        -216,
        217,
        -217,
        220,
        -220,
        252,
        -252,
        256,
        -256,
        257,
        -257,
        320,
        1000,
        -1000,
        3504,
        -3504,
        3505,
        3506,
        -3506,
        3520,
        -3520,
        65535,
        -65536,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE
    };

    /** Reads three numbers to r7, r8 and r9; r6 is the context. */
    private static final String START = """
            r6 = r1
            r2 = *(u32 *)(r1 + 0)
            r3 = *(u32 *)(r1 + 4)
            r4 = r2
            r4 += %d
            if r4 <= r3 goto start
            r0 = 99
            exit
            start:
            r7 = *(u32 *)(r2 + 0)
            r8 = *(u32 *)(r2 + 4)
            """;

    private static final HexFormat HEX = HexFormat.of();

    /** How a packet of a case is made. */
    @FunctionalInterface
    private interface Packets {
        byte[] next(Random random);
    }

    /**
     * A program.
     *
     * @param name what is tried
     * @param maps its maps; of the first, if it is an array, the first value is compared
     */
    private record Case(String name, String program, List<MapDef> maps, Packets packets) {}

    private final List<Engine> engines;
    private final Kernel kernel;
    private final Random random;
    private final Tally tally = new Tally();
    private final Set<Integer> called = new TreeSet<>();

    private HelperSuite(Kernel kernel, List<Engine> engines, long seed) {
        this.kernel = kernel;
        this.engines = engines;
        random = new Random(seed);
    }

    /**
     * What came of it.
     *
     * @param called numbers of the helpers that were called
     */
    public record Result(Tally tally, Set<Integer> called) {}

    /** Runs all of it. */
    public static Result run(Kernel kernel, List<Engine> engines, long seed) {
        HelperSuite suite = new HelperSuite(kernel, engines, seed);
        cases().forEach(suite::run);
        return new Result(suite.tally, suite.called);
    }

    private static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        adjust(cases);
        checksums(cases);
        bytes(cases);
        redirects(cases);
        strings(cases);
        numbers(cases);
        return cases;
    }

    // --- moving the packet's borders

    /** All sequences of three moves. */
    private static void adjust(List<Case> cases) {
        int[] helpers = {ADJUST_HEAD, ADJUST_META, ADJUST_TAIL};
        for (int first : helpers) {
            for (int second : helpers) {
                for (int third : helpers) {
                    String program = START.formatted(12) + "r9 = *(u32 *)(r2 + 8)\n" + call(7, first) + call(8, second)
                            + call(9, third)
                            + """
                            r7 &= 255
                            r8 &= 255
                            r9 &= 255
                            r7 <<= 16
                            r8 <<= 8
                            r0 = r7
                            r0 |= r8
                            r0 |= r9
                            exit
                            """;
                    String name = name(first) + ", " + name(second) + ", " + name(third);
                    cases.add(new Case(name, program, List.of(), random -> {
                        ByteBuffer packet = packet(LENGTHS[random.nextInt(LENGTHS.length)], random);
                        return packet.putInt(0, delta(random))
                                .putInt(4, delta(random))
                                .putInt(8, delta(random))
                                .array();
                    }));
                }
            }
        }
        cases.add(new Case(
                "xdp_get_buff_len",
                START.formatted(14) + "r1 = r6\nr2 = r7\ncall 65\nr1 = r6\ncall 188\nr0 &= 65535\nexit\n",
                List.of(),
                random -> packet(LENGTHS[random.nextInt(LENGTHS.length)], random)
                        .putInt(0, delta(random))
                        .array()));
    }

    private static String name(int helper) {
        return switch (helper) {
            case ADJUST_HEAD -> "xdp_adjust_head";
            case ADJUST_META -> "xdp_adjust_meta";
            default -> "xdp_adjust_tail";
        };
    }

    private static String call(int register, int helper) {
        return "r1 = r6\nr2 = r%d\ncall %d\nr%d = r0\n".formatted(register, helper, register);
    }

    private static int delta(Random random) {
        return random.nextInt(4) == 0 ? random.nextInt(80) - 40 : DELTAS[random.nextInt(DELTAS.length)];
    }

    private static ByteBuffer packet(int length, Random random) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    // --- checksums

    private static void checksums(List<Case> cases) {
        StringBuilder copy = new StringBuilder();
        for (int i = 0; i < 128; i += 8) {
            copy.append("r1 = *(u64 *)(r2 + %d)\n*(u64 *)(r10 - %d) = r1\n".formatted(16 + i, 128 - i));
        }
        String start = START.formatted(144) + "r9 = *(u64 *)(r2 + 8)\n" + copy;
        Packets packets = random -> {
            ByteBuffer packet = packet(144, random);
            // sizes of words more often than others, and of nothing
            packet.putInt(0, random.nextInt(4) == 0 ? random.nextInt(64) : 4 * random.nextInt(16));
            packet.putInt(4, random.nextInt(4) == 0 ? random.nextInt(64) : 4 * random.nextInt(16));
            if (random.nextInt(4) == 0) {
                Arrays.fill(packet.array(), 16, 144, (byte) (random.nextBoolean() ? 0xff : 0));
            }
            if (random.nextInt(4) == 0) {
                packet.putLong(
                        8, List.of(0L, 0xffffL, 0xffff_ffffL, 0xffff_0000L, -1L).get(random.nextInt(5)));
            }
            return packet.array();
        };
        String both = "r1 = r10\nr1 += -128\nr2 = r7\nr2 &= 63\nr3 = r10\nr3 += -64\nr4 = r8\nr4 &= 63\n";
        String from = "r1 = r10\nr1 += -128\nr2 = r7\nr2 &= 63\nr3 = 0\nr4 = 0\n";
        String to = "r1 = 0\nr2 = 0\nr3 = r10\nr3 += -64\nr4 = r8\nr4 &= 63\n";
        String end = "r5 = r9\ncall 28\nexit\n";
        cases.add(new Case("csum_diff", start + both + end, List.of(), packets));
        cases.add(new Case("csum_diff, nothing new", start + from + end, List.of(), packets));
        cases.add(new Case("csum_diff, nothing old", start + to + end, List.of(), packets));
    }

    // --- bytes of the packet

    private static void bytes(List<Case> cases) {
        List<MapDef> buffer = List.of(MapDef.of("buffer", MapType.ARRAY, 4, 64, 1));
        Packets packets = random -> {
            int length = LENGTHS[random.nextInt(LENGTHS.length)];
            ByteBuffer packet = packet(length, random);
            int offset = switch (random.nextInt(5)) {
                case 0 -> random.nextInt(length);
                case 1 -> length - random.nextInt(70);
                case 2 -> List.of(0, 0xffff, 0x1_0000, -1, Integer.MIN_VALUE).get(random.nextInt(5));
                case 3 -> 0xffff - random.nextInt(70);
                default -> random.nextInt(20);
            };
            return packet.putInt(0, offset).putInt(4, random.nextInt()).array();
        };
        String value =
                "*(u32 *)(r10 - 4) = 0\nr1 = map[fd:0]\nr2 = r10\nr2 += -4\ncall 1\nif r0 == 0 goto out\nr9 = r0\n";
        String size = "r4 = r8\nr4 &= 63\nr4 += 1\n";
        cases.add(new Case(
                "xdp_load_bytes",
                START.formatted(MIN_BYTES) + value + "r1 = r6\nr2 = r7\nr3 = r9\n" + size
                        + "call 189\nexit\nout:\nr0 = 98\nexit\n",
                buffer,
                packets));
        cases.add(new Case(
                "xdp_store_bytes",
                START.formatted(MIN_BYTES) + value + """
                        r1 = 0x0123456789abcdef ll
                        *(u64 *)(r9 + 0) = r1
                        *(u64 *)(r9 + 24) = r1
                        *(u64 *)(r9 + 56) = r1
                        r1 = r6
                        r2 = r7
                        r3 = r9
                        """ + size + "call 190\nexit\nout:\nr0 = 98\nexit\n",
                buffer,
                packets));
    }

    // --- redirects

    private static void redirects(List<Case> cases) {
        Packets packets = random -> packet(60, random)
                .putInt(0, random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(6))
                .putLong(
                        8,
                        switch (random.nextInt(4)) {
                            case 0 -> 0L;
                            case 1 -> random.nextInt(64);
                            case 2 -> 1L << random.nextInt(64) | random.nextInt(4);
                            default -> random.nextInt(4);
                        })
                .array();
        String start = START.formatted(16) + "r9 = *(u64 *)(r2 + 8)\n";
        cases.add(new Case("redirect", start + "r1 = r7\nr2 = r9\ncall 23\nexit\n", List.of(), packets));
        for (MapType type : List.of(MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP)) {
            if (Maps.supports(type)) {
                cases.add(new Case(
                        "redirect_map, " + type.bpftoolName(),
                        start + "r1 = map[fd:0]\nr2 = r7\nr3 = r9\ncall 51\nexit\n",
                        List.of(MapDef.of("targets", type, 4, 4, 4)),
                        packets));
            }
        }
        cases.add(new Case(
                "tail_call, empty slots",
                start + "r1 = r6\nr2 = map[fd:0]\nr3 = r7\ncall 12\nr0 = 5\nexit\n",
                List.of(MapDef.of("programs", MapType.PROG_ARRAY, 4, 4, 4)),
                packets));
    }

    // --- strings

    private static void strings(List<Case> cases) {
        StringBuilder copy = new StringBuilder();
        for (int i = 0; i < 16; i += 8) {
            copy.append("r1 = *(u64 *)(r2 + %d)\n*(u64 *)(r10 - %d) = r1\n".formatted(16 + i, 16 - i));
        }
        MapDef constant = new MapDef("constant", MapType.ARRAY, 4, 16, 1, BpfMap.RDONLY_PROG, 0, null);
        cases.add(new Case(
                "strncmp",
                START.formatted(32) + copy
                        + "r1 = r10\nr1 += -16\nr2 = r7\nr2 &= 15\nr2 += 1\nr3 = map[fd:0][0]+0\ncall 182\nexit\n",
                List.of(constant),
                random -> {
                    ByteBuffer packet = packet(60, random);
                    byte[] text = Arrays.copyOf(CONSTANT, 16);
                    if (random.nextBoolean()) {
                        text[random.nextInt(16)] = (byte) random.nextInt();
                    }
                    return packet.put(16, text).array();
                }));
    }

    private static final byte[] CONSTANT = "packet filter\0".getBytes(StandardCharsets.US_ASCII);

    // --- time, CPU, random numbers: what holds of them on any machine

    private static void numbers(List<Case> cases) {
        for (int clock : List.of(5, 125, 160, 208)) {
            if (Helper.callable(clock) != null) {
                cases.add(property(
                        Helper.of(clock).cname().substring(4),
                        "call %d\nr7 = r0\ncall %d\nr8 = r0\nr0 = 0\nif r7 == 0 goto out\nif r8 < r7 goto out\nr0 = 1\n"
                                .formatted(clock, clock)));
            }
        }
        cases.add(property("jiffies64", "call 118\nr7 = r0\nr0 = 0\nif r7 == 0 goto out\nr0 = 1\n"));
        cases.add(property("get_prandom_u32", "call 7\nr0 >>= 32\n"));
        cases.add(property("get_smp_processor_id", "call 8\n"));
    }

    private static Case property(String name, String body) {
        return new Case(
                name,
                body + "out:\nexit\n",
                List.of(),
                random -> packet(60, random).array());
    }

    // --- running

    private void run(Case trial) {
        Code code = Assembler.assemble(trial.program());
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.CALL_HELPER) {
                called.add(insn.imm32());
            }
        }
        try (Sides sides = new Sides(kernel, engines, trial.maps())) {
            prepare(trial, sides);
            String rejection = sides.load(code);
            if (rejection != null) {
                tally.different(trial.name(), "refused: " + rejection);
                return;
            }
            for (int i = 0; i < PACKETS; i++) {
                byte[] packet = trial.packets().next(random);
                // metadata first, in some runs; programs see only what is behind it
                int metadata = random.nextInt(4) == 0 ? 4 * (1 + random.nextInt(54)) : 0;
                if (packet.length + metadata > MAX_BYTES) {
                    metadata = 0;
                }
                byte[] input = new byte[metadata + packet.length];
                System.arraycopy(packet, 0, input, metadata, packet.length);
                List<Outcome> outcomes = sides.run(input, metadata);
                for (int engine = 0; engine < engines.size(); engine++) {
                    judge(
                            trial,
                            sides,
                            sides.ours().get(engine),
                            input,
                            metadata,
                            outcomes.getFirst(),
                            outcomes.get(engine + 1));
                }
            }
        }
    }

    /** The loopback in slot 1 of maps of targets; the text in the map of constants, which is then frozen. */
    private static void prepare(Case trial, Sides sides) {
        if (trial.maps().isEmpty()) {
            return;
        }
        MapDef def = trial.maps().getFirst();
        byte[] key = new byte[4];
        byte[] value = new byte[def.valueSize()];
        switch (def.type()) {
            case DEVMAP, DEVMAP_HASH -> {
                key[0] = 1;
                value[0] = 1;
            }
            case CPUMAP -> value[0] = 64;
            case ARRAY -> {
                if (def.flags() == 0) {
                    return;
                }
                System.arraycopy(CONSTANT, 0, value, 0, CONSTANT.length);
            }
            default -> {
                return;
            }
        }
        try {
            sides.kernelMap(0).update(key, value, Uapi.BPF_ANY);
            sides.ours().forEach(side -> side.map(0).put(key, value, BpfMap.ANY));
            if (def.type() == MapType.ARRAY) {
                sides.kernelMap(0).freeze();
                sides.ours().forEach(side -> side.map(0).freeze());
            }
        } catch (BpfException | MapException e) {
            throw new AssertionError(trial.name() + ": a first entry is refused", e);
        }
    }

    private void judge(
            Case trial, Sides sides, Sides.Ours side, byte[] input, int metadata, Outcome theirs, Outcome our) {
        String difference = difference(theirs, our);
        if (difference == null
                && !trial.maps().isEmpty()
                && trial.maps().getFirst().type() == MapType.ARRAY) {
            byte[] key = new byte[4];
            byte[] expected = sides.kernelMap(0).lookup(key).orElseThrow();
            byte[] found = side.map(0).get(key);
            if (!Arrays.equals(expected, found)) {
                difference = "map: kernel " + HEX.formatHex(expected) + ", ours " + HEX.formatHex(found);
            }
        }
        if (difference == null) {
            tally.equal(trial.name());
        } else {
            ByteBuffer arguments = ByteBuffer.wrap(input, metadata, input.length - metadata)
                    .slice()
                    .order(ByteOrder.LITTLE_ENDIAN);
            tally.different(
                    trial.name(),
                    side.name() + ", metadata=" + metadata + " length=" + arguments.limit() + " arguments="
                            + arguments.getInt(0) + " " + arguments.getInt(4) + " " + arguments.getInt(8) + ": "
                            + difference);
        }
    }

    private static @Nullable String difference(Outcome theirs, Outcome our) {
        if (our.failure() != null) {
            return "fault: " + our.failure();
        }
        if (theirs.action() != our.action()) {
            return "returned: kernel 0x%x, ours 0x%x".formatted(theirs.action(), our.action());
        }
        if (theirs.metadataBytes() != our.metadataBytes() || theirs.packet().length != our.packet().length) {
            return "metadata and length: kernel " + theirs.metadataBytes() + " " + theirs.packet().length + ", ours "
                    + our.metadataBytes() + " " + our.packet().length;
        }
        int at = Arrays.mismatch(theirs.packet(), our.packet());
        return at < 0
                ? null
                : "byte %d: kernel 0x%02x, ours 0x%02x".formatted(at, theirs.packet()[at], our.packet()[at]);
    }
}
