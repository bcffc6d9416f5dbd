package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.Memory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Calls in programs that nobody has verified: whatever their arguments are, compiled code gives what the interpreter gives,
 * and faults where and as it does.
 */
class CheckedCallsTest {
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());
    private static final int PROGRAMS = Integer.getInteger("sluice.programs", 150);
    private static final int VALUE = 32;

    private final Bed bed = new Bed(4);
    private final BpfMap array = bed.map(MapDef.of("array", MapType.ARRAY, 4, VALUE, 4));
    private final BpfMap hash = bed.map(MapDef.of("hash", MapType.HASH, 8, VALUE, 16));
    private final BpfMap queue = bed.map(MapDef.of("queue", MapType.QUEUE, 0, 24, 8));
    private final long key = bed.allocate(8);

    @AfterEach
    void close() {
        bed.close();
    }

    private static Map<String, Engine> engines() {
        Map<String, Engine> engines = new LinkedHashMap<>();
        engines.put("interpreter", new Interpreter());
        engines.put("jit-checked", JitEngine.checked());
        engines.put("jit-checked in parts", JitEngine.checked().withMethodBytes(700));
        return engines;
    }

    /** Packets, maps and stacks as at the beginning: what ran before has left something in each frame. */
    private void reset(boolean soil) {
        bed.reset();
        for (int i = 0; i < 4; i++) {
            Memory.putInt(key, i);
            long value = array.lookup(key, 0);
            for (int at = 0; at < VALUE; at++) {
                Memory.putByte(value + at, (byte) (16 * i + at));
            }
        }
        hash.keys().forEach(hash::remove);
        while (queue.pop(bed.context.scratch) == 0) {
            Memory.putLong(bed.context.scratch, 0);
        }
        if (soil) {
            Memory.fill(bed.context.stacks, (long) RunContext.MAX_FRAMES * RunContext.STACK_BYTES, (byte) 0x5a);
        }
    }

    /** All that can be seen of a batch. */
    private List<String> outcome(Executable executable) {
        List<String> outcome = new ArrayList<>();
        executable.run(
                bed.context,
                bed.descriptors,
                bed.count,
                (index, fault) -> outcome.add("packet=" + index + " " + fault.getMessage()));
        for (int i = 0; i < bed.count; i++) {
            outcome.add("action=" + bed.action(i) + " data=" + Arrays.toString(Memory.bytes(bed.data(i), Bed.PACKET)));
        }
        for (int i = 0; i < 4; i++) {
            Memory.putInt(key, i);
            outcome.add("value=" + Arrays.toString(Memory.bytes(array.lookup(key, 0), VALUE)));
        }
        hash.keys().stream()
                .map(each -> Arrays.toString(each) + "=" + Arrays.toString(hash.get(each)))
                .sorted()
                .forEach(outcome::add);
        return outcome;
    }

    /** Runs a program on every engine, twice in a row, and gives what came of it. */
    private List<String> alike(String name, String text) {
        List<String> expected = null;
        for (Map.Entry<String, Engine> engine : engines().entrySet()) {
            Executable executable = engine.getValue().load(Programs.of(text), 1);
            reset(expected != null);
            List<String> found = new ArrayList<>(outcome(executable));
            found.addAll(outcome(executable));
            expected = expected == null ? found : expected;
            assertThat(found).as("%s on %s:%n%s", name, engine.getKey(), text).isEqualTo(expected);
        }
        return expected;
    }

    // --- programs made up

    /** Makes programs of calls, most of whose arguments are right. */
    private final class Generator {
        private final Random random;
        private final StringBuilder text = new StringBuilder();
        private boolean inFunction;
        private int label;

        Generator(long seed) {
            random = new Random(seed);
        }

        private boolean oneIn(int n) {
            return random.nextInt(n) == 0;
        }

        private void line(String format, Object... values) {
            text.append(format.formatted(values)).append('\n');
        }

        String program() {
            line("r6 = r1\nr7 = *(u32 *)(r1 + 0)");
            line("*(u32 *)(r10 - 120) = 1\nr1 = 0x%x ll\nr2 = r10\nr2 += -120\ncall 1", array.handle());
            line("if r0 == 0 goto out\nr9 = r0\nr8 = r10\nr8 += -96");
            line("r1 = *(u64 *)(r7 + 5)\n*(u64 *)(r10 - 64) = r1\n*(u64 *)(r10 - 48) = r1");
            dynptr();
            int calls = 1 + random.nextInt(6);
            for (int i = 0; i < calls; i++) {
                if (oneIn(5)) {
                    line("r1 = r6\nr2 = r7\nr3 = r10\nr3 += -96\nr4 = r9\ncall sub\n*(u64 *)(r10 - 128) = r0");
                } else {
                    call();
                }
            }
            line("r0 = 0");
            for (int at = -8; at >= -160; at -= 8) {
                line("r0 *= 31\nr1 = *(u64 *)(r10 - %d)\nr0 += r1", -at);
            }
            line("out:\nexit\nsub:\nr6 = r1\nr7 = r2\nr8 = r3\nr9 = r4");
            inFunction = true;
            if (oneIn(2)) {
                dynptr();
            }
            call();
            if (oneIn(2)) {
                call();
            }
            line("r1 = *(u64 *)(r10 - 32)\nr0 += r1\nr1 = *(u64 *)(r10 - 64)\nr0 += r1\nexit");
            return text.toString();
        }

        private void dynptr() {
            line("r1 = r6\nr2 = %d\nr3 = r10\nr3 += -32\ncall %s", oneIn(12) ? 1 : 0, kfunc(Kfunc.DYNPTR_FROM_XDP));
            if (oneIn(4)) { // forged
                switch (random.nextInt(5)) {
                    case 0 -> line("*(u64 *)(r10 - 32) = %d", random.nextInt(3));
                    case 1 -> line("*(u32 *)(r10 - 24) = 0x%x", 1 << 28 | random.nextInt(100));
                    case 2 -> line("*(u32 *)(r10 - 24) = 0x%x", random.nextInt());
                    case 3 -> line("*(u32 *)(r10 - 20) = %d", oneIn(2) ? -1 : random.nextInt(80));
                    default -> line("r1 = r8\n*(u64 *)(r10 - 32) = r1\n*(u32 *)(r10 - 24) = 0x%x", 1 << 28 | 24);
                }
            }
        }

        private String kfunc(Kfunc kfunc) {
            return "f#kfunc:" + kfunc.number();
        }

        /** Puts a pointer to some bytes into a register. */
        private void pointer(int register, int bytes) {
            int wrong = oneIn(14) ? 1 + random.nextInt(4) : 0;
            int pick = random.nextInt(20);
            String[] base = {"r10", "r10", "r10", "r10", "r10", "r7", "r7", "r7", "r9", "r9", "r8", "r8"};
            if (pick < base.length) {
                int end = switch (base[pick]) {
                    case "r10" -> 0;
                    case "r7" -> Bed.PACKET;
                    case "r9" -> VALUE;
                    default -> 64;
                };
                // where a frame ends inside of a function there is its caller's, which has not been zeroed, perhaps
                boolean isStack = base[pick].equals("r10") || base[pick].equals("r8");
                int at = end - bytes - (oneIn(3) ? 0 : random.nextInt(24)) + (inFunction && isStack ? 0 : wrong);
                line("r%d = %s\nr%d += %d", register, base[pick], register, at);
            } else if (pick < 17) {
                line("r%d = r10\nr%d += %d", register, register, -Math.max(bytes, 40) - 8 * random.nextInt(4));
            } else if (pick < 19) {
                line("r%d = 0", register);
            } else {
                line("r%d = %s", register, oneIn(2) ? "r6" : "0x" + Integer.toHexString(random.nextInt(1 << 20)));
            }
        }

        private void dynptrArgument(int register) {
            if (oneIn(15)) {
                pointer(register, 16);
            } else {
                line("r%d = %s\nr%d += %d", register, oneIn(8) ? "r8" : "r10", register, oneIn(12) ? -30 : -32);
            }
        }

        /** Puts a size into a register; not always a constant. */
        private void size(int register, int bytes) {
            if (inFunction || !oneIn(6)) {
                line("r%d = %d", register, bytes);
            } else if (oneIn(2)) {
                line("r%d = *(u8 *)(r7 + 2)\nr%d &= 63", register, register);
            } else {
                line("r%d = %d", register, new int[] {0, 1, -1, 65, 70_000, 1 << 30, 4097}[random.nextInt(7)]);
            }
        }

        private void offset(int register, int bytes) {
            int at = oneIn(3) ? Bed.PACKET - bytes + random.nextInt(3) - 1 : random.nextInt(40);
            line("r%d = %d", register, oneIn(20) ? random.nextInt() : at);
            if (oneIn(10)) {
                line("r%d = *(u8 *)(r7 + 1)", register);
            }
        }

        private int bytes() {
            return new int[] {1, 2, 4, 8, 13, 16, 20, 32}[random.nextInt(8)];
        }

        private void call() {
            int bytes = bytes();
            switch (random.nextInt(16)) {
                case 0 -> {
                    BpfMap map = oneIn(2) ? array : hash;
                    map(map);
                    pointer(2, map.def().keySize());
                    line("call 1");
                    value(VALUE);
                    if (map.equals(hash)) { // which element it is says nothing
                        line("r0 = 1");
                    }
                }
                case 1 -> {
                    BpfMap map = oneIn(2) ? array : hash;
                    map(map);
                    pointer(2, map.def().keySize());
                    pointer(3, VALUE);
                    line("r4 = 0\ncall 2");
                }
                case 2 -> {
                    map(hash);
                    pointer(2, hash.def().keySize());
                    line("call 3");
                }
                case 3 -> {
                    int words = 4 * (1 + random.nextInt(5));
                    pointer(1, words);
                    size(2, oneIn(6) ? 0 : words);
                    pointer(3, words);
                    size(4, oneIn(6) ? 0 : words);
                    line("r5 = 7\ncall %d", Helper.CSUM_DIFF.number());
                }
                case 4, 5 -> {
                    line("r1 = %s", oneIn(20) ? "r7" : "r6");
                    offset(2, bytes);
                    pointer(3, bytes);
                    size(4, bytes);
                    line("call %d", (oneIn(2) ? Helper.XDP_LOAD_BYTES : Helper.XDP_STORE_BYTES).number());
                }
                case 6, 7 -> {
                    pointer(1, bytes);
                    size(2, bytes);
                    dynptrArgument(3);
                    offset(4, bytes);
                    line("r5 = %d\ncall %d", oneIn(12) ? 1 : 0, Helper.DYNPTR_READ.number());
                }
                case 8 -> {
                    dynptrArgument(1);
                    offset(2, bytes);
                    pointer(3, bytes);
                    size(4, bytes);
                    line("r5 = 0\ncall %d", Helper.DYNPTR_WRITE.number());
                }
                case 9, 10, 11 -> {
                    dynptrArgument(1);
                    offset(2, bytes);
                    pointer(3, bytes);
                    size(4, bytes);
                    line("call %s", kfunc(oneIn(2) ? Kfunc.DYNPTR_SLICE : Kfunc.DYNPTR_SLICE_RDWR));
                    value(bytes);
                }
                case 12 -> {
                    dynptrArgument(1);
                    switch (random.nextInt(3)) {
                        case 0 -> line("call %s", kfunc(Kfunc.DYNPTR_SIZE));
                        case 1 -> line("r2 = 3\nr3 = %d\ncall %s", random.nextInt(70), kfunc(Kfunc.DYNPTR_ADJUST));
                        default -> {
                            pointer(2, 16);
                            line("call %s", kfunc(Kfunc.DYNPTR_CLONE));
                        }
                    }
                }
                case 13 -> {
                    map(queue);
                    pointer(2, 24);
                    line("r3 = 0\ncall %d", (oneIn(2) ? Helper.MAP_PUSH_ELEM : Helper.MAP_POP_ELEM).number());
                }
                case 14 -> {
                    pointer(1, bytes);
                    size(2, bytes);
                    line("r3 = 0");
                    pointer(4, 16);
                    line("call %d", Helper.DYNPTR_FROM_MEM.number());
                }
                default -> {
                    pointer(1, 8);
                    switch (random.nextInt(3)) {
                        case 0 -> line("r2 = 3\nr3 = %d\ncall %s", random.nextInt(9), kfunc(Kfunc.ITER_NUM_NEW));
                        case 1 -> line("call %s", kfunc(Kfunc.ITER_NUM_DESTROY));
                        default -> {
                            line("call %s", kfunc(Kfunc.ITER_NUM_NEXT));
                            value(4);
                        }
                    }
                }
            }
            line("r1 = *(u64 *)(r10 - 128)\nr1 *= 3\nr1 += r0\n*(u64 *)(r10 - 128) = r1");
        }

        private void map(BpfMap map) {
            line("r1 = 0x%x ll", map.handle() + (oneIn(30) ? 1L << 20 : 0));
        }

        /** Touches what a call gave, mostly if it gave something. */
        private void value(int bytes) {
            if (!oneIn(20)) {
                line("if r0 == 0 goto none%d", label);
            }
            int at = oneIn(8) ? bytes : random.nextInt(bytes);
            line(oneIn(2) ? "r1 = *(u8 *)(r0 + %d)\nr0 += r1" : "*(u8 *)(r0 + %d) = 0x77", at);
            line("none%d:", label++);
        }
    }

    @Test
    void randomCallsAreTheInterpreters() {
        System.out.println("CheckedCallsTest: -Dsluice.seed=" + SEED);
        int clean = 0;
        int faults = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            List<String> outcome = alike("seed " + SEED + " program " + i, new Generator(SEED + i).program());
            boolean faulted = outcome.stream().anyMatch(line -> line.startsWith("packet="));
            clean += faulted ? 0 : 1;
            faults += faulted ? 1 : 0;
        }
        assertThat(clean).as("seed " + SEED).isGreaterThan(PROGRAMS / 10);
        assertThat(faults).as("seed " + SEED).isGreaterThan(PROGRAMS / 10);
    }

    // --- one by one

    private static final String FROM_XDP = """
            r6 = r1
            r7 = *(u32 *)(r1 + 0)
            r2 = 0
            r3 = r10
            r3 += -32
            call f#kfunc:%d
            """.formatted(Kfunc.DYNPTR_FROM_XDP.number());

    private static final String SLICE = """
            r1 = r10
            r1 += -32
            r2 = %d
            r3 = r10
            r3 += -64
            r4 = %d
            call f#kfunc:%d
            if r0 == 0 goto out
            """;

    /** What each packet of the first batch gave: its action, or the kind of its fault. */
    private String first(List<String> outcome) {
        String line = outcome.getFirst();
        return line.startsWith("packet=0 ") ? line.substring("packet=0 ".length()) : line.replaceFirst(" .*", "");
    }

    @ParameterizedTest
    @CsvSource({"56,8,7,action=63", "56,8,8,fault", "57,8,0,action=0", "0,64,63,action=63", "0,64,64,fault"})
    void aSliceEndsWithThePacket(int offset, int bytes, int at, String expected) {
        for (Kfunc kfunc : List.of(Kfunc.DYNPTR_SLICE, Kfunc.DYNPTR_SLICE_RDWR)) {
            String text = FROM_XDP
                    + SLICE.formatted(offset, bytes, kfunc.number())
                    + "r0 = *(u8 *)(r0 + %d)\nout:\nexit".formatted(at);
            List<String> outcome = alike("slice", text);
            assertThat(first(outcome))
                    .startsWith(expected.equals("fault") ? "pc 14: invalid read of memory" : expected);
        }
    }

    /** A dynptr on the stack is bytes like any others: what the program has made of them is found out. */
    @ParameterizedTest
    @CsvSource({
        "*(u64 *)(r10 - 32) = 4096,expected an initialised dynptr",
        "*(u32 *)(r10 - 24) = 0x10000040,expected an initialised dynptr",
        "*(u32 *)(r10 - 24) = 0x70000040,expected an initialised dynptr",
        "*(u32 *)(r10 - 20) = -1,expected an initialised dynptr",
        "*(u32 *)(r10 - 20) = 0x1000000,expected an initialised dynptr",
        "*(u64 *)(r10 - 32) = 0,action=0",
        "*(u32 *)(r10 - 24) = 0x40ffffff,action=",
        "*(u32 *)(r10 - 20) = 60,action=0",
        "*(u32 *)(r10 - 20) = 56,action=56"
    })
    void aForgedDynptrIsFoundOut(String forgery, String expected) {
        for (Kfunc kfunc : List.of(Kfunc.DYNPTR_SLICE, Kfunc.DYNPTR_SLICE_RDWR)) {
            List<String> outcome = alike(
                    forgery,
                    FROM_XDP + forgery + "\n" + SLICE.formatted(0, 8, kfunc.number())
                            + "r0 = *(u8 *)(r0 + 0)\nout:\nexit");
            assertThat(first(outcome)).contains(expected);
        }
        alike(
                forgery,
                FROM_XDP + forgery
                        + "\nr1 = r10\nr1 += -64\nr2 = 8\nr3 = r10\nr3 += -32\nr4 = 0\nr5 = 0\ncall 201\n"
                        + "r0 = *(u8 *)(r10 - 64)\nexit");
    }

    /** Of a slice that is only read nothing may be written, and a dynptr that says so gives none to be written. */
    @Test
    void aDynptrThatIsOnlyReadGivesNoSliceToWrite() {
        List<String> outcome = alike(
                "read only",
                FROM_XDP + "*(u32 *)(r10 - 24) = 0xc0000040\n" + SLICE.formatted(0, 8, Kfunc.DYNPTR_SLICE_RDWR.number())
                        + "r0 = 5\nout:\nexit");
        assertThat(first(outcome)).isEqualTo("action=0");
    }

    @ParameterizedTest
    @CsvSource({
        "r2 = r7;r2 += 60,action=0",
        "r2 = r7;r2 += 61,R2 expected 4 readable bytes",
        "r2 = r10;r2 += -4,action=1",
        "r2 = r10;r2 += -3,R2 expected 4 readable bytes",
        "r2 = 0,R2 expected 4 readable bytes",
        "r2 = r9;r2 += 28,action=0",
        "r2 = r9;r2 += 29,R2 expected 4 readable bytes"
    })
    void aKeyIsReadWhereverItIs(String key, String expected) {
        String text = """
                r7 = *(u32 *)(r1 + 0)
                *(u32 *)(r10 - 4) = 3
                r1 = 0x%x ll
                r2 = r10
                r2 += -4
                call 1
                r9 = r0
                if r0 == 0 goto out
                r1 = 0x%x ll
                %s
                call 1
                if r0 == 0 goto out
                r0 = 1
                out:
                exit
                """.formatted(array.handle(), array.handle(), key.replace(';', '\n'));
        assertThat(first(alike(key, text))).contains(expected);
    }

    /** What helpers write of a frame is zero again, also where they find by themselves where to write. */
    @Test
    void whatHelpersWriteIsZeroAgain() {
        String text = """
                r6 = r1
                r1 = r10
                r1 += -16
                call callee
                r1 = r10
                r1 += -16
                call callee
                r2 = *(u64 *)(r10 - 8)
                r0 += r2
                exit
                callee:
                r6 = r1
                r8 = *(u64 *)(r10 - 64)
                r2 = *(u64 *)(r10 - 200)
                r8 |= r2
                r2 = *(u64 *)(r10 - 248)
                r8 |= r2
                *(u64 *)(r10 - 320) = -1
                r1 = r10
                r1 += -64
                r2 = 8
                r3 = 0
                r4 = r6
                call %d
                r1 = r6
                r2 = 0
                r3 = r10
                r3 += -320
                r4 = 8
                r5 = 0
                call %d
                r1 = r10
                r1 += -200
                r2 = 3
                r3 = 9
                call f#kfunc:%d
                r1 = r10
                r1 += -200
                call f#kfunc:%d
                r1 = 0x%x ll
                r2 = r10
                r2 += -248
                call %d
                r2 = *(u64 *)(r10 - 64)
                r0 = r8
                if r2 == -1 goto done
                r0 = 1
                done:
                exit
                """.formatted(
                        Helper.DYNPTR_FROM_MEM.number(),
                        Helper.DYNPTR_WRITE.number(),
                        Kfunc.ITER_NUM_NEW.number(),
                        Kfunc.ITER_NUM_NEXT.number(),
                        queue.handle(),
                        Helper.MAP_POP_ELEM.number());
        List<String> outcome = alike("frames", text);
        assertThat(outcome).noneMatch(line -> line.startsWith("packet="));
    }

    /**
     * A program that has found out where its stack is changes a pointer there behind the compiler's back. Whatever it becomes,
     * a helper must not get it unseen.
     */
    @ParameterizedTest
    @ValueSource(ints = {Settings.HUGE_METHOD_BYTES, 700})
    void aPointerThatChangedUnseenIsNotHandedToAHelper(int methodBytes) {
        StringBuilder text = new StringBuilder("r6 = r1\nr7 = 0\n");
        for (int bit = 0; bit < Long.SIZE; bit++) {
            text.append("r2 = r10\nr2 >>= %d\nr2 &= 1\nif r2 == 0 goto is0_%d\nr3 = 1\nr3 <<= %d\nr7 |= r3\nis0_%d:\n"
                    .formatted(bit, bit, bit, bit));
        }
        text.append("""
                r3 = r10
                r3 += -16
                *(u64 *)(r10 - 8) = r3
                r2 = 0x1000
                *(u64 *)(r7 - 8) = r2
                r1 = r6
                r2 = 5
                r3 = *(u64 *)(r10 - 8)
                *(u64 *)(r10 - 8) = 0
                r4 = 4
                call 189
                r0 = *(u8 *)(r10 - 16)
                exit
                """);
        Executable compiled = JitEngine.checked().withMethodBytes(methodBytes).load(Programs.of(text.toString()), 1);
        reset(false);
        int[] actions = bed.run(compiled);
        assertThat(bed.faults).isEmpty();
        assertThat(actions).containsExactly(5, 6, 7, 8);
    }

    /** Compared in place or taken for right: what calls cost in code that checks hangs on that. */
    @Test
    void callsAreNotLookedAtAsAWhole() {
        String text = FROM_XDP
                + SLICE.formatted(0, 14, Kfunc.DYNPTR_SLICE.number())
                + """
                r0 = *(u8 *)(r0 + 3)
                r1 = r10
                r1 += -40
                r2 = 0
                r3 = 9
                call f#kfunc:%d
                r1 = r10
                r1 += -40
                call f#kfunc:%d
                r1 = 0
                r2 = 0
                r3 = r7
                r3 += 14
                r4 = 20
                r5 = 0
                call %d
                r1 = 0x%x ll
                r2 = r7
                call 1
                out:
                exit
                """.formatted(
                                Kfunc.ITER_NUM_NEW.number(),
                                Kfunc.ITER_NUM_NEXT.number(),
                                Helper.CSUM_DIFF.number(),
                                array.handle());
        String listing = JitEngine.listing(JitEngine.checked().load(Programs.of(text), 1), bed.maps, bed.regions)
                .toString();
        assertThat(listing)
                .contains("HelperArguments.sizedOrNull", "HelperArguments.memory", "Checks.load8")
                .doesNotContain("Checks.helper")
                .doesNotContain("Iterators.iterNumNext");
    }
}
