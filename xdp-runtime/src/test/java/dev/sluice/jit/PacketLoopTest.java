package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.Verified;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What packet loops leave out of a run's beginning and end is not missed: helpers that move and copy packets, redirects and
 * loops of functions do the same on all engines, whichever packets of a batch ask for them.
 */
class PacketLoopTest {
    private static final int FRAME = 3 * Fragments.PAGE_BYTES;
    private static final int LENGTH = 64;
    private static final int EINVAL = 22;
    private static final int EACCES = 13;
    private static final int E2BIG = 7;
    private static final int ADJUST_HEAD = 44;
    private static final int ADJUST_META = 54;
    private static final int ADJUST_TAIL = 65;

    /** Offsets by packet, with the edges of head, metadata and tail: 216 bytes of headroom, 3,456 of tailroom. */
    private static final int[] OFFSETS = {
        0,
        1,
        -1,
        4,
        -4,
        8,
        -8,
        20,
        -20,
        49,
        50,
        51,
        -49,
        -50,
        -51,
        -50,
        2,
        -212,
        -215,
        -216,
        -217,
        -255,
        -256,
        -257,
        255,
        256,
        3455,
        3456,
        3457,
        4096,
        -4096,
        70_000,
        -70_000,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        3519,
        3520,
        3521
    };

    private final MapTable maps = new MapTable();
    private final RunContext context = new RunContext(maps, new Regions(), () -> 12345, 1);
    private final Arena arena = Arena.ofShared();
    private final long frames = Memory.allocate(arena, (long) OFFSETS.length * FRAME, 64);
    private final long descriptors = Memory.allocate(arena, (long) OFFSETS.length * FrameDescriptor.BYTES, 64);

    PacketLoopTest() {
        context.instructionLimit = RunContext.NO_LIMIT;
    }

    @AfterEach
    void close() {
        context.close();
        arena.close();
    }

    /** Engines by name, with the program loaded: interpreter, JIT with checks, JIT without, and that with little methods. */
    private static Map<String, Executable> engines(String text) {
        Code code = Assembler.assemble(text);
        Verdict verdict = Verifier.create().verify(Subject.of(code.toBytes(), List.of()));
        assertThat(verdict).as("%s", verdict).isInstanceOf(Verdict.Verified.class);
        return engines(((Verdict.Verified) verdict)
                .facts()
                .verified(Program.ofCode("test", code))
                .orElseThrow());
    }

    private static Map<String, Executable> engines(Verified verified) {
        Map<String, Executable> engines = new LinkedHashMap<>();
        engines.put("interpreter", new Interpreter().load(verified.program(), 1));
        engines.put("jit-checked", JitEngine.checked().load(verified, 2));
        engines.put("jit", JitEngine.trusting().load(verified, 3));
        engines.put("jit in parts", new JitExecutable(verified.program(), 4, new Settings(verified.facts(), 400)));
        return engines;
    }

    /** A program with functions that only BTF could say more of. */
    private static Verified assumed(String text) {
        return assumed(text, 0);
    }

    /** @param contexts slots whose r6 is the context, as bits */
    private static Verified assumed(String text, long contexts) {
        Program program = Program.ofCode("test", Assembler.assemble(text));
        int size = program.code().size();
        BitSet all = new BitSet();
        all.set(0, size);
        RegisterFact[][] facts = new RegisterFact[size][];
        BitSet.valueOf(new long[] {contexts}).stream().forEach(slot -> {
            facts[slot] = new RegisterFact[10];
            facts[slot][6] = new RegisterFact(RegisterFact.Kind.CTX, true, -1, false, 0, 0, Range.ANY);
        });
        return new Facts(program.code().toBytes(), true, all, all, all, facts)
                .verified(program)
                .orElseThrow();
    }

    /** Packets whose first four bytes are their offset, whose fifth says whether their number is odd. */
    private void reset(int fragment) {
        Memory.fill(frames, (long) OFFSETS.length * FRAME, (byte) 0x11);
        Memory.fill(descriptors, (long) OFFSETS.length * FrameDescriptor.BYTES, (byte) 0);
        for (int i = 0; i < OFFSETS.length; i++) {
            long frame = frames + (long) i * FRAME;
            long data = frame + Fragments.HEADROOM;
            long descriptor = descriptor(i);
            Memory.putLong(descriptor + FrameDescriptor.DATA, data);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + LENGTH + fragment);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, fragment == 0 ? Fragments.PAGE_BYTES : FRAME);
            Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 4);
            for (int b = 0; b < LENGTH + fragment; b++) {
                Memory.putByte(data + b, (byte) b);
            }
            Memory.putInt(data, OFFSETS[i]);
            Memory.putByte(data + 4, (byte) (i & 1));
            if (fragment != 0) {
                Fragments.split(descriptor, LENGTH);
            }
        }
    }

    private long descriptor(int index) {
        return descriptors + (long) index * FrameDescriptor.BYTES;
    }

    private int action(int index) {
        return Memory.getInt(descriptor(index) + FrameDescriptor.ACTION);
    }

    /** All that can be seen: descriptors and frames. */
    private List<String> outcome(Executable executable, int fragment) {
        reset(fragment);
        executable.run(context, descriptors, OFFSETS.length, (index, fault) -> {
            throw fault;
        });
        List<String> outcome = new ArrayList<>();
        for (int i = 0; i < OFFSETS.length; i++) {
            outcome.add("packet " + i + " offset " + OFFSETS[i] + ": action " + action(i) + " "
                    + Arrays.toString(Memory.bytes(descriptor(i), FrameDescriptor.BYTES))
                    + Arrays.hashCode(Memory.bytes(frames + (long) i * FRAME, FRAME)));
        }
        return outcome;
    }

    private void alike(String text, int fragment) {
        Map<String, Executable> engines = engines(text);
        List<String> expected = null;
        for (Map.Entry<String, Executable> engine : engines.entrySet()) {
            List<String> found = outcome(engine.getValue(), fragment);
            expected = expected == null ? found : expected;
            assertThat(found).as(engine.getKey()).isEqualTo(expected);
        }
    }

    /** Calls a helper with the packet's offset, writes into what is the packet then, and gives its error and length. */
    private static String moving(int helper, boolean onlyOdd) {
        return """
                r6 = r1
                r2 = *(u32 *)(r6 + 0)
                r3 = *(u32 *)(r6 + 4)
                r4 = r2
                r4 += 14
                r0 = 77
                if r4 > r3 goto out
                r7 = 0
                r5 = *(u8 *)(r2 + 4)
                %s
                r2 = *(u32 *)(r2 + 0)
                call %d
                r7 = r0
                again:
                r1 = *(u32 *)(r6 + 0)
                r2 = *(u32 *)(r6 + 4)
                r3 = *(u32 *)(r6 + 8)
                r4 = r1
                r4 += 14
                r0 = 88
                if r4 > r2 goto out
                *(u8 *)(r1 + 13) = 0x5a
                r0 = r2
                r0 -= r1
                r1 -= r3
                r0 <<= 8
                r0 += r1
                r0 <<= 8
                r7 &= 255
                r0 += r7
                out:
                exit
                """.formatted(onlyOdd ? "if r5 == 0 goto again" : "", helper);
    }

    @ParameterizedTest
    @ValueSource(ints = {ADJUST_HEAD, ADJUST_META, ADJUST_TAIL})
    void thePacketIsMoved(int helper) {
        for (boolean onlyOdd : new boolean[] {false, true}) {
            alike(moving(helper, onlyOdd), 0);
            alike(moving(helper, onlyOdd), 100);
            alike(moving(helper, onlyOdd), Fragments.PAGE_BYTES + 100);
        }
    }

    private int error(int index) {
        return (byte) action(index);
    }

    private int length(int index) {
        return action(index) >>> 16;
    }

    @Test
    void theEdgesOfHeadMetadataAndTail() {
        for (Executable engine : engines(moving(ADJUST_HEAD, false)).values()) {
            outcome(engine, 0);
            for (int i = 0; i < OFFSETS.length; i++) {
                // 40 bytes of the headroom are the kernel's, 14 bytes of the packet must remain
                boolean fits = OFFSETS[i] >= -216 && OFFSETS[i] <= LENGTH - 14;
                assertThat(error(i)).as("offset %d", OFFSETS[i]).isEqualTo(fits ? 0 : -EINVAL);
                assertThat(length(i)).isEqualTo(LENGTH - (fits ? OFFSETS[i] : 0));
            }
        }
        for (Executable engine : engines(moving(ADJUST_META, false)).values()) {
            outcome(engine, 0);
            for (int i = 0; i < OFFSETS.length; i++) {
                boolean inHeadroom = OFFSETS[i] >= -216 && OFFSETS[i] <= 0;
                int expected = !inHeadroom ? -EINVAL : OFFSETS[i] % 4 != 0 ? -EACCES : 0;
                assertThat(error(i)).as("offset %d", OFFSETS[i]).isEqualTo(expected);
                assertThat(action(i) >>> 8 & 0xff).isEqualTo(expected == 0 ? -OFFSETS[i] : 0);
            }
        }
        for (Executable engine : engines(moving(ADJUST_TAIL, false)).values()) {
            outcome(engine, 0);
            for (int i = 0; i < OFFSETS.length; i++) {
                boolean fits = OFFSETS[i] >= -(LENGTH - 14) && OFFSETS[i] <= Fragments.LINEAR_BYTES - LENGTH;
                assertThat(error(i)).as("offset %d", OFFSETS[i]).isEqualTo(fits ? 0 : -EINVAL);
                assertThat(length(i)).isEqualTo(LENGTH + (fits ? OFFSETS[i] : 0));
            }
        }
    }

    @Test
    void bytesAreLoadedAndStored() {
        // xdp_load_bytes(ctx, 60, r10 - 8, 8), one more, xdp_store_bytes(ctx, 58, r10 - 8, 8), xdp_get_buff_len(ctx)
        String text = """
                r6 = r1
                *(u64 *)(r10 - 8) = 0
                r2 = 60
                r3 = r10
                r3 += -8
                r4 = 8
                call 189
                r8 = r0
                r7 = *(u64 *)(r10 - 8)
                r7 += 1
                *(u64 *)(r10 - 8) = r7
                r1 = r6
                r2 = 58
                r3 = r10
                r3 += -8
                r4 = 6
                call 190
                r8 ^= r0
                r1 = r6
                call 188
                r0 <<= 8
                r8 &= 255
                r0 += r8
                exit
                """;
        alike(text, 0);
        alike(text, 2);
        alike(text, Fragments.PAGE_BYTES + 100);
    }

    @Test
    void aRedirectIsThatOfItsPacketAlone() {
        String text = """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r4 = r2
                r4 += 14
                r0 = 1
                if r4 > r3 goto out
                r5 = *(u8 *)(r2 + 4)
                r0 = 2
                if r5 == 0 goto out
                r1 = *(u8 *)(r2 + 8)
                r2 = 0
                call 23
                out:
                exit
                """;
        alike(text, 0);
        for (int i = 0; i < OFFSETS.length; i++) {
            int index = Memory.getInt(descriptor(i) + FrameDescriptor.REDIRECT_INDEX);
            assertThat(action(i)).isEqualTo(i % 2 == 0 ? 2 : 4);
            assertThat(index).isEqualTo(i % 2 == 0 ? 0 : 8);
        }
    }

    @Test
    void aTailCallTakesThePacketAndTheRedirectWithIt() {
        MapDef def = MapDef.of("jmp_table", MapType.PROG_ARRAY, 4, 4, 2);
        ProgArrayMap map = (ProgArrayMap) Maps.create(def, maps, context.regions, 1, 1);
        maps.add(map);
        // redirects to 9, then goes on in the program of slot 0 or 1, of which only the first is there
        Map<String, Executable> first = engines(assumed("""
                r6 = r1
                r2 = *(u32 *)(r6 + 0)
                r8 = *(u8 *)(r2 + 4)
                r1 = 9
                r2 = 0
                call 23
                r7 = r0
                r1 = r6
                r2 = 0x%x ll
                r3 = r8
                call 12
                r0 = r7
                exit
                """.formatted(map.handle())));
        Map<String, Executable> second = engines(assumed("""
                r2 = 4
                call 44
                r1 = 5
                r2 = 0
                call 23
                exit
                """));
        first.forEach((name, executable) -> {
            map.set(0, second.get(name));
            outcome(executable, 0);
            for (int i = 0; i < OFFSETS.length; i++) {
                assertThat(action(i)).as(name).isEqualTo(4);
                assertThat(Memory.getInt(descriptor(i) + FrameDescriptor.REDIRECT_INDEX))
                        .as(name)
                        .isEqualTo(i % 2 == 0 ? 5 : 9);
                long moved = Memory.getLong(descriptor(i) + FrameDescriptor.DATA)
                        - Memory.getLong(descriptor(i) + FrameDescriptor.HARD_START)
                        - Fragments.HEADROOM;
                assertThat(moved).as(name).isEqualTo(i % 2 == 0 ? 4 : 0);
            }
        });
        map.close();
    }

    @Test
    void aFunctionIsLooped() {
        // bpf_loop(packet's offset, function, stack, 0); function(i, at) { *at += i; return i == 20; }
        String text = """
                r2 = *(u32 *)(r1 + 0)
                r3 = *(u32 *)(r1 + 4)
                r4 = r2
                r4 += 14
                r0 = 0
                if r4 > r3 goto out
                r1 = *(u32 *)(r2 + 0)
                r7 = 100
                *(u64 *)(r10 - 8) = r7
                r2 = subprog[+9]
                r3 = r10
                r3 += -8
                r4 = 0
                call 181
                r7 = *(u64 *)(r10 - 8)
                r0 <<= 16
                r0 += r7
                out:
                exit
                r3 = *(u64 *)(r2 + 0)
                r3 += r1
                *(u64 *)(r2 + 0) = r3
                r0 = 0
                if r1 != 20 goto +1
                r0 = 1
                exit
                """;
        for (Map.Entry<String, Executable> engine : engines(assumed(text)).entrySet()) {
            outcome(engine.getValue(), 0);
            for (int i = 0; i < OFFSETS.length; i++) {
                long wanted = Integer.toUnsignedLong(OFFSETS[i]);
                long made = wanted > 8 * 1024 * 1024 ? -E2BIG : Math.min(wanted, 21);
                long calls = Math.max(made, 0);
                assertThat(action(i))
                        .as("%s, %d times", engine.getKey(), wanted)
                        .isEqualTo((int) ((made << 16) + 100 + calls * (calls - 1) / 2));
            }
        }
    }

    private static final int FILLERS = 800;

    /** Too much to be emitted in place of its call. */
    private static final String FILLER = "r0 ^= 0x5a5a\n".repeat(FILLERS);

    private static final String CALLING = """
            r6 = r1
            r2 = *(u32 *)(r6 + 0)
            r3 = *(u32 *)(r6 + 4)
            r4 = r2
            r4 += 14
            r0 = 77
            if r4 > r3 goto +14
            r1 = r6
            r2 = *(u32 *)(r2 + 0)
            call pc+12
            r7 = r0
            r2 = *(u32 *)(r6 + 0)
            r3 = *(u32 *)(r6 + 4)
            r4 = r2
            r4 += 14
            r0 = 88
            if r4 > r3 goto +4
            *(u8 *)(r2 + 13) = 0x5a
            r3 -= r2
            r0 = r7
            r0 += r3
            exit
            """;

    private static final List<String> WHOLE_RUN = List.of("begin", "finish");

    private static List<String> loopCalls(String text) {
        return loopCalls(Proved.of(Assembler.assemble(text)));
    }

    @Test
    void aFunctionReadsAndMovesThePacket() {
        String text = CALLING + """
                r7 = r1
                call 44
                r8 = r0
                r2 = *(u32 *)(r7 + 0)
                r0 = *(u32 *)(r7 + 4)
                r0 -= r2
                r0 <<= 8
                r8 &= 255
                r0 += r8
                r0 <<= 8
                """ + FILLER + "exit\n";
        alike(text, 0);
        alike(text, 100);
        alike(text, Fragments.PAGE_BYTES + 100);
        assertThat(loopCalls(text)).doesNotContainAnyElementsOf(WHOLE_RUN).contains("take", "give");
    }

    @Test
    void aFunctionThatReadsNoPacketIsToldOfNone() {
        String text = CALLING + "r0 = r2\n" + FILLER + "exit\n";
        alike(text, 0);
        assertThat(loopCalls(text)).doesNotContainAnyElementsOf(WHOLE_RUN).doesNotContain("take", "give");
    }

    @Test
    void aFunctionThatAnotherCallsReadsThePacket() {
        String text =
                CALLING + "call pc+" + (FILLERS + 2) + "\nr0 += 1\n" + FILLER + "exit\n" + """
                r2 = *(u32 *)(r1 + 0)
                r0 = *(u32 *)(r1 + 4)
                r0 -= r2
                """ + FILLER + "exit\n";
        alike(text, 0);
        assertThat(loopCalls(text)).doesNotContainAnyElementsOf(WHOLE_RUN).contains("take");
    }

    /** As a function that is looped is a method of its own. */
    @Test
    void aFunctionThatIsLoopedReadsThePacket() {
        String text = """
                r6 = r1
                r1 = 3
                r2 = subprog[+10]
                *(u64 *)(r10 - 8) = r6
                r3 = r10
                r3 += -8
                r4 = 0
                call 181
                r1 = r6
                r2 = 4
                call 44
                exit
                r6 = *(u64 *)(r2 + 0)
                r3 = *(u32 *)(r6 + 0)
                r4 = *(u32 *)(r6 + 4)
                r5 = r3
                r5 += 14
                if r5 > r4 goto +3
                r5 = *(u8 *)(r3 + 12)
                r5 += 1
                *(u8 *)(r3 + 12) = r5
                r0 = 0
                exit
                """;
        List<String> expected = null;
        for (Map.Entry<String, Executable> engine :
                engines(assumed(text, 3 << 14)).entrySet()) {
            List<String> found = outcome(engine.getValue(), 0);
            expected = expected == null ? found : expected;
            assertThat(found).as(engine.getKey()).isEqualTo(expected);
            assertThat(Memory.getByte(frames + Fragments.HEADROOM + 12))
                    .as(engine.getKey())
                    .isEqualTo((byte) 15);
        }
    }

    private static List<String> loopCalls(Verified verified) {
        return Proved.packetLoop(verified)
                .filter(InvokeInstruction.class::isInstance)
                .map(element -> ((InvokeInstruction) element).name().stringValue())
                .toList();
    }

    /** bpf_loop(3, outer, stack, 0), whose rounds are bpf_loop(2, inner, stack, 0): it adds 10 * round + 1. */
    @Test
    void loopsOfFunctionsAreEmittedInPlaceWithTheirFunctions() {
        String text = """
                r7 = 100
                *(u64 *)(r10 - 8) = r7
                r1 = 3
                r2 = subprog[+7]
                r3 = r10
                r3 += -8
                r4 = 0
                call 181
                r0 = *(u64 *)(r10 - 8)
                exit
                r6 = r1
                r7 = r2
                *(u64 *)(r10 - 16) = r2
                r1 = 2
                r2 = subprog[+6]
                r3 = r7
                r4 = 0
                call 181
                r0 = 0
                exit
                r3 = *(u64 *)(r2 + 0)
                r1 *= 10
                r1 += 1
                r3 += r1
                *(u64 *)(r2 + 0) = r3
                %s
                r0 = 0
                exit
                """;
        Verified small = assumed(text.formatted(""));
        assertThat(loopCalls(small)).noneMatch(name -> name.contains("_pc"));
        Verified large = assumed(text.formatted(FILLER));
        assertThat(loopCalls(large)).anyMatch(name -> name.contains("_pc"));
        for (Verified verified : List.of(small, large)) {
            for (Map.Entry<String, Executable> engine : engines(verified).entrySet()) {
                outcome(engine.getValue(), 0);
                for (int i = 0; i < OFFSETS.length; i++) {
                    assertThat(action(i)).as(engine.getKey()).isEqualTo(100 + 3 * (1 + 11));
                }
            }
        }
    }

    @Test
    void aPacketThatIsTooShortForALoadIsNotTaken() {
        String text = """
                r2 = 60
                r3 = r10
                r3 += -8
                r4 = 8
                call 189
                r1 = *(u64 *)(r10 - 8)
                r0 += r1
                exit
                """;
        alike(text, 0);
        alike(text, 100);
        alike(text.replace("r2 = 60", "r2 = 0x10000"), 0);
        Verified verified = Proved.of(Assembler.assemble(text));
        context.descriptor = 0;
        outcome(JitEngine.trusting().load(verified, 1), 0);
        assertThat(action(0)).isEqualTo(-EINVAL);
        assertThat(context.descriptor).as("the packet at hand").isZero();
        outcome(JitEngine.trusting().load(verified, 1), 100);
        assertThat(action(0)).isNotEqualTo(-EINVAL);
        assertThat(context.descriptor).as("the packet at hand").isEqualTo(descriptor(OFFSETS.length - 1));
    }
}
