package dev.sluice.conformance.isa;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import dev.sluice.verifier.KnownMap;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Litmus tests: what two CPUs may see of each other's accesses to maps. The kernel's documents say (atomic_t.txt, and the
 * commits that brought the instructions) that atomic operations which fetch are fully ordered, others not at all, and that
 * load_acquire and store_release are what they are called.
 *
 * <p>Two threads run a program each on the same cells, one a packet; both are hot, so that it is C2's code that is tested.
 */
@Timeout(600)
class MemoryOrderTest {
    private static final int CELLS = 64;
    private static final int CELL_BYTES = 128;
    private static final int FRAME = 2048;
    private static final int HEADROOM = 256;
    private static final int PACKET = 64;
    private static final int WARM_UP = 2_000;
    private static final int LEAST_ROUNDS = 30;
    private static final long NANOS = 120_000_000;
    private static final int PASS = 2;
    private static final int NO_PREALLOC = 1;

    private static final MapDef CELLS_DEF = MapDef.of("cells", MapType.ARRAY, 4, CELLS * CELL_BYTES, 1);

    /** r7 is the packet, r9 the cell that its first word names; {@code body} ends in front of the exit, with r0 set. */
    private static String program(String body) {
        return """
                r6 = r1
                r7 = *(u32 *)(r6 + 0)
                r8 = *(u32 *)(r6 + 4)
                r2 = r7
                r2 += 32
                if r2 > r8 goto out
                *(u32 *)(r10 - 4) = 0
                r1 = map[fd:0]
                r2 = r10
                r2 += -4
                call 1
                if r0 == 0 goto out
                r3 = *(u32 *)(r7 + 0)
                r3 &= 63
                r3 <<= 7
                r0 += r3
                r9 = r0
                """ + body + """
                exit
                out:
                r0 = 1
                exit
                """;
    }

    /** What one thread has: a program, packets and a context. */
    private static final class Side implements AutoCloseable {
        final RunContext context;
        final Executable executable;
        private final Arena arena = Arena.ofShared();
        private final long frames = Memory.allocate(arena, (long) CELLS * FRAME, 64);
        private final long descriptors = Memory.allocate(arena, (long) CELLS * FrameDescriptor.BYTES, 64);

        /** Whether the last packet has the first cell. Where the other side begins with it, the two meet in each round. */
        private final boolean backwards;

        Side(boolean backwards, Engine engine, String text, MapTable maps, Regions regions, List<BpfMap> used) {
            this.backwards = backwards;
            context = new RunContext(maps, regions, () -> 0, 1);
            context.instructionLimit = RunContext.NO_LIMIT;
            executable = load(engine, text, used);
        }

        void run(int count) {
            for (int i = 0; i < count; i++) {
                long data = frames + (long) i * FRAME + HEADROOM;
                long descriptor = descriptors + (long) i * FrameDescriptor.BYTES;
                Memory.putInt(data, backwards ? count - 1 - i : i);
                Memory.putLong(descriptor + FrameDescriptor.DATA, data);
                Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + PACKET);
                Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
                Memory.putLong(descriptor + FrameDescriptor.HARD_START, data - HEADROOM);
                Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
                Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
            }
            executable.run(context, descriptors, count, Side::unexpected);
            context.reader.quiescent();
        }

        int action(int index) {
            return Memory.getInt(descriptors + (long) index * FrameDescriptor.BYTES + FrameDescriptor.ACTION);
        }

        /** A word that the program left in the packet of a cell. */
        long seen(int cell, int at) {
            return Memory.getLong(frames + (long) (backwards ? CELLS - 1 - cell : cell) * FRAME + HEADROOM + at);
        }

        private static void unexpected(int index, ProgramFault fault) {
            throw new AssertionError("packet " + index, fault);
        }

        @Override
        public void close() {
            context.close();
            arena.close();
        }
    }

    private static Executable load(Engine engine, String text, List<BpfMap> maps) {
        Code code = Assembler.assemble(text);
        Code linked = code;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW && insn.pseudo() == Pseudo.MAP_FD) {
                linked = linked.with(
                        slot, insn.withImm(maps.get((int) insn.imm()).handle()));
            }
        }
        Program program = Program.ofCode("litmus", linked);
        if (!engine.wantsProof()) {
            return engine.load(program, 1);
        }
        List<KnownMap> known = maps.stream().map(map -> KnownMap.of(map.def())).toList();
        Verdict verdict = Verifier.create().verify(Subject.of(code.toBytes(), known));
        assertThat(verdict).as("%s", verdict).isInstanceOf(Verdict.Verified.class);
        return engine.load(
                ((Verdict.Verified) verdict).facts().verified(program).orElseThrow(), 1);
    }

    /** Between rounds, and told what the two sides' packets hold. */
    @FunctionalInterface
    private interface Judge {
        void judge(Side one, Side other);
    }

    /** Runs both sides at the same time, again and again. */
    private static void race(Engine engine, String one, String other, Judge judge, MapDef... further) throws Exception {
        MapTable maps = new MapTable();
        Regions regions = new Regions();
        BpfMap cells = Maps.create(CELLS_DEF, maps, regions, 2, 1);
        List<BpfMap> used = new ArrayList<>(List.of(cells));
        for (MapDef def : further) {
            used.add(Maps.create(def, maps, regions, 2, 1));
        }
        try (Side left = new Side(false, engine, program(one), maps, regions, used);
                Side right = new Side(true, engine, program(other), maps, regions, used)) {
            for (int i = 0; i < WARM_UP; i++) {
                left.run(CELLS);
                right.run(CELLS);
            }
            AtomicInteger begun = new AtomicInteger();
            AtomicInteger ended = new AtomicInteger();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            long start = System.nanoTime();
            int rounds = 0;
            Thread thread = new Thread(() -> {
                for (int round = 1; meet(begun, 2 * round - 1); round++) {
                    touch(cells);
                    meet(begun, 2 * round);
                    try {
                        right.run(CELLS);
                    } catch (Throwable e) {
                        failure.set(e);
                    }
                    ended.incrementAndGet();
                }
            });
            thread.start();
            try {
                while (rounds < LEAST_ROUNDS || System.nanoTime() - start < NANOS) {
                    clear(used);
                    rounds++;
                    meet(begun, 2 * rounds - 1);
                    touch(cells);
                    meet(begun, 2 * rounds);
                    left.run(CELLS);
                    await(ended, rounds);
                    assertThat(failure.get()).isNull();
                    judge.judge(left, right);
                }
            } finally {
                begun.set(-1);
                thread.join();
            }
        } finally {
            used.forEach(BpfMap::close);
        }
    }

    /** Brings all cells into this CPU's cache: from there loads are early, while stores have to wait for the other CPU. */
    private static void touch(BpfMap cells) {
        byte[] value = cells.get(new byte[4]);
        assertThat(value).hasSize(CELLS * CELL_BYTES);
    }

    private static void clear(List<BpfMap> maps) {
        for (BpfMap map : maps) {
            if (map.def().type() == MapType.ARRAY) {
                map.put(new byte[4], new byte[map.def().valueSize()], BpfMap.ANY);
            } else {
                map.keys().forEach(map::remove);
            }
        }
    }

    /** Waits until both sides are at the same round; false when all is over. */
    private static boolean meet(AtomicInteger begun, int round) {
        if (begun.updateAndGet(number -> number < 0 ? number : number + 1) < 0) {
            return false;
        }
        await(begun, 2 * round);
        return begun.get() >= 0;
    }

    private static void await(AtomicInteger number, int least) {
        for (int spins = 0; number.get() >= 0 && number.get() < least; spins++) {
            if (spins < 1000) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    // --- store buffering: each writes its word, does an atomic operation, and reads the other's; one of them sees the
    // other

    static List<Arguments> fullyOrdered() {
        List<Arguments> all = new ArrayList<>();
        for (Engine engine : TestEngines.all()) {
            for (String operation : List.of(
                    "r1 = atomic64_fetch_add((u64 *)(r9 + 16), r1)",
                    "r1 = atomic64_fetch_or((u64 *)(r9 + 16), r1)",
                    "r1 = atomic64_fetch_and((u64 *)(r9 + 16), r1)",
                    "r1 = atomic64_fetch_xor((u64 *)(r9 + 16), r1)",
                    "r1 = xchg_64(r9 + 16, r1)",
                    "r0 = cmpxchg_64(r9 + 16, r0, r1)",
                    "r1 = atomic_fetch_add((u32 *)(r9 + 16), r1)",
                    "r1 = atomic_fetch_or((u32 *)(r9 + 16), r1)",
                    "r1 = atomic_fetch_and((u32 *)(r9 + 16), r1)",
                    "r1 = atomic_fetch_xor((u32 *)(r9 + 16), r1)",
                    "w1 = xchg32_32(r9 + 16, w1)",
                    "w0 = cmpxchg32_32(r9 + 16, w0, w1)")) {
                all.add(Arguments.of(engine, operation));
            }
        }
        return all;
    }

    @ParameterizedTest(name = "{1} {0}")
    @MethodSource("fullyOrdered")
    void whatFetchesIsFullyOrdered(Engine engine, String operation) throws Exception {
        String writesOwnReadsOther = """
                r1 = 1
                *(u64 *)(r9 + %d) = r1
                r0 = 0
                %s
                r5 = *(u64 *)(r9 + %d)
                *(u64 *)(r7 + 8) = r5
                r0 = 2
                """;
        String one = writesOwnReadsOther.formatted(0, operation, 64);
        String other = writesOwnReadsOther.formatted(64, operation.replace("16", "80"), 0);
        race(engine, one, other, (left, right) -> {
            for (int i = 0; i < CELLS; i++) {
                assertThat(left.action(i)).isEqualTo(PASS);
                assertThat(left.seen(i, 8) + right.seen(i, 8))
                        .as("neither sees what the other wrote before, cell %d", i)
                        .isPositive();
            }
        });
    }

    // --- message passing: one writes a word and then a flag, the other reads the flag and then the word

    static List<Arguments> messages() {
        List<Arguments> all = new ArrayList<>();
        for (Engine engine : TestEngines.all()) {
            for (int bits : new int[] {8, 16, 32, 64}) {
                all.add(Arguments.of(
                        engine,
                        "store_release((u%d *)(r9 + 64), r1)".formatted(bits),
                        "r5 = load_acquire((u%d *)(r9 + 64))".formatted(bits)));
            }
            all.add(Arguments.of(
                    engine,
                    "r1 = atomic64_fetch_add((u64 *)(r9 + 64), r1)",
                    "r5 = 0\nr5 = atomic64_fetch_or((u64 *)(r9 + 64), r5)"));
            all.add(Arguments.of(
                    engine, "w1 = xchg32_32(r9 + 64, w1)", "r5 = 0\nr5 = atomic_fetch_add((u32 *)(r9 + 64), r5)"));
        }
        return all;
    }

    @ParameterizedTest(name = "{1} {2} {0}")
    @MethodSource("messages")
    void aMessageIsThereWhenItsFlagIs(Engine engine, String sets, String reads) throws Exception {
        String writer = "r1 = 1\n*(u64 *)(r9 + 0) = r1\n" + sets + "\nr0 = 2\n";
        String reader = reads + """

                r4 = *(u64 *)(r9 + 0)
                *(u64 *)(r7 + 8) = r5
                *(u64 *)(r7 + 16) = r4
                r0 = 2
                """;
        race(engine, writer, reader, (left, right) -> {
            for (int i = 0; i < CELLS; i++) {
                assertThat(right.action(i)).isEqualTo(PASS);
                assertThat(right.seen(i, 16))
                        .as("the flag is set, so the word is, cell %d", i)
                        .isGreaterThanOrEqualTo(right.seen(i, 8));
            }
        });
    }

    // --- maps publish: who finds an element finds all of its value

    static List<Arguments> publishing() {
        List<Arguments> all = new ArrayList<>();
        for (Engine engine : TestEngines.all()) {
            all.add(Arguments.of(engine, MapDef.of("hash", MapType.HASH, 4, 16, CELLS)));
            all.add(Arguments.of(engine, new MapDef("sparse", MapType.HASH, 4, 16, CELLS, NO_PREALLOC, 0, null)));
            all.add(Arguments.of(engine, MapDef.of("lru", MapType.LRU_HASH, 4, 16, 2 * CELLS)));
        }
        return all;
    }

    @ParameterizedTest(name = "{1} {0}")
    @MethodSource("publishing")
    void aValueIsThereWhenItsElementIs(Engine engine, MapDef def) throws Exception {
        String key = """
                r1 = *(u32 *)(r7 + 0)
                *(u32 *)(r10 - 4) = r1
                r2 = r10
                r2 += -4
                r1 = map[fd:1]
                """;
        String writer = """
                r1 = *(u32 *)(r7 + 0)
                r1 += 1
                *(u64 *)(r10 - 24) = r1
                r1 *= 3
                *(u64 *)(r10 - 16) = r1
                """ + key + """
                r3 = r10
                r3 += -24
                r4 = 0
                call 2
                r0 = 2
                """;
        String reader = """
                r1 = 0
                *(u64 *)(r7 + 8) = r1
                *(u64 *)(r7 + 16) = r1
                *(u64 *)(r7 + 24) = r1
                """ + key + """
                call 1
                if r0 == 0 goto none
                r1 = *(u64 *)(r0 + 0)
                *(u64 *)(r7 + 8) = r1
                r1 = *(u64 *)(r0 + 8)
                *(u64 *)(r7 + 16) = r1
                r1 = 1
                *(u64 *)(r7 + 24) = r1
                none:
                r0 = 2
                """;
        race(
                engine,
                writer,
                reader,
                (left, right) -> {
                    for (int i = 0; i < CELLS; i++) {
                        assertThat(left.action(i)).isEqualTo(PASS);
                        if (right.seen(i, 24) != 0) {
                            assertThat(right.seen(i, 8)).isEqualTo(i + 1);
                            assertThat(right.seen(i, 16)).isEqualTo(3 * (i + 1));
                        }
                    }
                },
                def);
    }

    // --- a loop that waits for another CPU sees what it writes

    static List<Arguments> waits() {
        List<Arguments> all = new ArrayList<>();
        String jump = """
                wait:
                may_goto over
                r2 = *(u64 *)(r9 + 0)
                if r2 == 0 goto wait
                """;
        String called = """
                r6 = r9
                wait:
                may_goto over
                r1 = r6
                call read
                if r0 == 0 goto wait
                """;
        for (Engine engine : TestEngines.all()) {
            all.add(Arguments.of(engine, "a jump", jump));
            all.add(Arguments.of(engine, "a called function", called));
        }
        return all;
    }

    /** Actions: the word was there before, and it came while the program waited; any other says that it did not come. */
    private static final int BEFORE = 3;

    private static final int CAME = 4;

    private static final int LEAST_SEEN = 20;

    /** Runs after which C2 has compiled the loop. */
    private static final int WAITS = 8;

    /** Until when a writer must have got a CPU often enough. */
    private static final long MOST_NANOS = 240_000_000_000L;

    @ParameterizedTest(name = "{1} {0}")
    @MethodSource("waits")
    void aLoopSeesWhatAnotherCpuWrites(Engine engine, String name, String loop) throws Exception {
        String body = """
                r2 = *(u64 *)(r9 + 0)
                r0 = 3
                if r2 != 0 goto end
                """ + loop + """
                r0 = 4
                exit
                over:
                r0 = 5
                end:
                """;
        String function = loop.contains("call read") ? "read:\nr0 = *(u64 *)(r1 + 0)\nexit\n" : "";
        MapTable maps = new MapTable();
        Regions regions = new Regions();
        BpfMap cells = Maps.create(CELLS_DEF, maps, regions, 2, 1);
        AtomicInteger turn = new AtomicInteger();
        AtomicInteger written = new AtomicInteger();
        try (Arena arena = Arena.ofConfined();
                Side side = new Side(false, engine, program(body) + function, maps, regions, List.of(cells))) {
            long word = cells.lookup(Memory.allocate(arena, 4, 4), 0);
            for (int i = 0; i < WAITS; i++) { // nobody writes: eight million rounds each
                side.run(1);
                assertThat(side.action(0)).isNotIn(BEFORE, CAME);
            }
            Thread writer = new Thread(() -> {
                for (int next = 1; ; next++) {
                    await(turn, next);
                    if (turn.get() < 0) {
                        return;
                    }
                    for (int i = 0; i < 2000; i++) {
                        Thread.onSpinWait();
                    }
                    Memory.ATOMIC_LONG.setRelease(Memory.ALL, word, 1L);
                    written.set(next);
                }
            });
            writer.start();
            try {
                int seen = 0;
                for (long start = System.nanoTime(); seen < LEAST_SEEN; ) {
                    assertThat(System.nanoTime() - start)
                            .as("nanoseconds, seen=%d", seen)
                            .isLessThan(MOST_NANOS);
                    Memory.ATOMIC_LONG.setRelease(Memory.ALL, word, 0L);
                    int now = turn.incrementAndGet();
                    side.run(1);
                    seen += side.action(0) == CAME ? 1 : 0;
                    await(written, now);
                }
            } finally {
                turn.set(-1);
                writer.join();
            }
        } finally {
            cells.close();
        }
    }
}
