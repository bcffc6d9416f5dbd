package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.Verified;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random programs do on the JIT what they do on the interpreter: results, memory, and faults with their places. */
class DifferentialTest {
    /** Repeats a run: {@code -Dsluice.seed=N}; more or fewer programs: {@code -Dsluice.programs=N}. */
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());

    private static final int PROGRAMS = Integer.getInteger("sluice.programs", 400);
    private static final int PACKET = 96;
    private static final int MEMORY = 64;
    private static final long LIMIT = 3_000;

    private final Arena arena = Arena.ofShared();
    private final long frame = Memory.allocate(arena, 1024, 64);
    private final long memory = Memory.allocate(arena, MEMORY, 64);
    private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);
    private final long keyAddress = Memory.allocate(arena, 4, 4);
    private final Regions regions = new Regions();
    private final MapTable mapTable = new MapTable();
    private final RunContext context = new RunContext(mapTable, regions, () -> 12345, 1);
    private final List<BpfMap> maps = new ArrayList<>();
    private final long[] handles;

    /** What can be seen of a run. */
    private record Outcome(
            long result, String fault, long[] registers, byte[] packet, byte[] memory, byte[] values, boolean limit) {
        boolean equals(Outcome other) {
            return result == other.result
                    && Objects.equals(fault, other.fault)
                    && areEqual(registers, other.registers)
                    && Arrays.equals(packet, other.packet)
                    && Arrays.equals(memory, other.memory)
                    && Arrays.equals(values, other.values);
        }

        /** Parts of a program do not know registers that they do not need. */
        private static boolean areEqual(long[] some, long[] others) {
            for (int r = 0; r < some.length; r++) {
                if (some[r] != others[r] && some[r] != ProgramFault.UNKNOWN && others[r] != ProgramFault.UNKNOWN) {
                    return false;
                }
            }
            return some.length == others.length;
        }

        boolean knowsAllRegisters() {
            return Arrays.stream(registers).noneMatch(value -> value == ProgramFault.UNKNOWN);
        }

        @Override
        public String toString() {
            return "r0=" + Long.toHexString(result) + " fault=" + fault + " registers="
                    + Arrays.stream(registers).mapToObj(ProgramFault::show).toList() + "\npacket="
                    + Arrays.toString(packet)
                    + "\nmemory=" + Arrays.toString(memory)
                    + "\nvalues=" + Arrays.toString(values);
        }
    }

    DifferentialTest() {
        regions.add(memory, MEMORY, true);
        for (MapType type : List.of(MapType.ARRAY, MapType.HASH, MapType.PERCPU_ARRAY)) {
            addMap(MapDef.of("map", type, 4, 64, 4));
        }
        addMap(new MapDef("constant", MapType.ARRAY, 4, 64, 4, BpfMap.RDONLY_PROG, 0, null));
        addMap(MapDef.of("progs", MapType.PROG_ARRAY, 4, 4, 4));
        maps.get(1).put(new byte[4], new byte[64], BpfMap.ANY);
        maps.get(1).put(new byte[] {2, 0, 0, 0}, new byte[64], BpfMap.ANY);
        handles = maps.stream().mapToLong(BpfMap::handle).toArray();
    }

    private void addMap(MapDef def) {
        BpfMap map = Maps.create(def, mapTable, regions, 4, 1);
        if (mapTable.byId(map.id()) == null) {
            mapTable.add(map);
        }
        maps.add(map);
    }

    /** What programs may change of the maps, as at the beginning; gives what it was. Values keep their addresses. */
    private byte[] resetMaps() {
        ByteArrayOutputStream was = new ByteArrayOutputStream();
        for (BpfMap map : maps) {
            for (int key = 0; key < 4; key++) {
                Memory.putInt(keyAddress, key);
                for (int cpu = 0; cpu < 4; cpu++) {
                    long value = map.lookup(keyAddress, cpu);
                    if (value != 0) {
                        was.writeBytes(Memory.bytes(value, map.def().valueSize()));
                        Memory.fill(value, map.def().valueSize(), (byte) (key + 1));
                    }
                }
            }
        }
        return was.toByteArray();
    }

    @AfterEach
    void close() {
        maps.forEach(BpfMap::close);
        context.close();
        arena.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {Settings.HUGE_METHOD_BYTES, 1500, 700})
    void agreesWithTheInterpreter(int methodBytes) {
        System.out.println("DifferentialTest: -Dsluice.seed=" + SEED + " methodBytes=" + methodBytes);
        JitEngine jit = JitEngine.checked().withMethodBytes(methodBytes);
        JitEngine trusting = JitEngine.trusting().withMethodBytes(methodBytes);
        Interpreter interpreter = new Interpreter();
        int unlimited = 0;
        int clean = 0;
        int proven = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            Random random = new Random(SEED + i);
            Program program = new Programs.Generator(random, memory, handles).next(5 + random.nextInt(80));
            String name = "seed " + SEED + " program " + i;
            Executable reference = interpreter.load(program, 1);
            Executable compiled = jit.load(program, 2);
            boolean raw = random.nextInt(4) == 0;
            long limit = LIMIT;
            Outcome expected = run(reference, raw, limit);
            Outcome found = run(compiled, raw, limit);
            if (expected.limit || found.limit) {
                // Compiled code counts whole blocks: it may stop a few instructions earlier, in the same block.
                assertThat(found.limit).as(name).isTrue();
                if (expected.limit) {
                    assertThat(found.fault).as(name).isEqualTo(expected.fault);
                    assertThat(Outcome.areEqual(expected.registers, found.registers))
                            .as("%s: %s %s", name, expected, found)
                            .isTrue();
                }
                continue;
            }
            unlimited++;
            check(name, program, expected, found);
            assertThat(methodBytes == Settings.HUGE_METHOD_BYTES && !found.knowsAllRegisters())
                    .as(name)
                    .isFalse();
            if (expected.fault == null) {
                clean++;
                // It does nothing wrong with this input, so that it may run without checks.
                BitSet contextLoads = contextLoads(program, reference, raw);
                if (contextLoads != null) {
                    Executable unchecked = trusting.load(proved(program, contextLoads), 3);
                    check(name + " unchecked", program, expected, run(unchecked, raw, limit));
                    proven++;
                }
            }
        }
        assertThat(unlimited).isGreaterThan(PROGRAMS / 2);
        assertThat(clean).isGreaterThan(PROGRAMS / 10);
        assertThat(proven).isGreaterThan(PROGRAMS / 20);
    }

    /**
     * Slots of the loads that read the context with this input; null for what no verifier accepts: a load that also reads
     * something else, or an access to the end of one frame and the beginning of the next.
     */
    private BitSet contextLoads(Program program, Executable reference, boolean raw) {
        BitSet context = new BitSet();
        BitSet others = new BitSet();
        this.context.steps = (id, pc, depth, registers) -> {
            Instruction insn = program.code().at(pc);
            if (isAcrossFrames(insn, registers)) {
                context.set(pc);
                others.set(pc);
            }
            if (insn.opcode() == Opcode.LDX_W) {
                long field = registers[insn.src()] + insn.off() - this.context.xdpMd;
                // a place in the middle of the context cannot be told from one that was computed
                boolean inContext = field >= 0 && field < RunContext.XDP_MD_BYTES;
                (inContext && field == insn.off() ? context : others).set(pc);
                if (inContext && field != insn.off()) {
                    context.set(pc);
                }
            }
        };
        run(reference, raw, LIMIT);
        this.context.steps = null;
        return context.intersects(others) ? null : context;
    }

    private boolean isAcrossFrames(Instruction insn, long[] registers) {
        int base = switch (insn.form()) {
            case LDX, LDXSX, LOAD_ACQ -> insn.src();
            case ST, STX, STORE_REL, ATOMIC -> insn.dst();
            default -> -1;
        };
        if (base < 0) {
            return false;
        }
        long first = registers[base] + insn.off() - context.stacks;
        long last = first + insn.opcode().width().bytes() - 1;
        return last >= 0
                && first < (long) RunContext.MAX_FRAMES * RunContext.STACK_BYTES
                && first / RunContext.STACK_BYTES != last / RunContext.STACK_BYTES;
    }

    /** What a run that went well shows, for runs with the same input. */
    private static Verified proved(Program program, BitSet contextLoads) {
        Code code = program.code();
        BitSet all = new BitSet();
        all.set(0, code.size());
        RegisterFact[][] registers = new RegisterFact[code.size()][];
        contextLoads.stream().forEach(slot -> {
            registers[slot] = new RegisterFact[Instruction.FP + 1];
            registers[slot][code.at(slot).src()] =
                    new RegisterFact(RegisterFact.Kind.CTX, true, -1, false, 0, 0, Range.ANY);
        });
        return new Facts(code.toBytes(), true, all, all, all, registers)
                .verified(program)
                .orElseThrow();
    }

    private static void check(String name, Program program, Outcome expected, Outcome found) {
        if (!found.equals(expected)) {
            throw new AssertionError(name + "\nexpected " + expected + "\nfound    " + found + "\n"
                    + new Disassembler(Syntax.CLANG, Symbols.NONE).text(program.code()));
        }
    }

    private Outcome run(Executable executable, boolean raw, long limit) {
        long data = frame + 256;
        resetMaps();
        for (int i = 0; i < PACKET; i++) {
            Memory.putByte(data + i, (byte) (i * 7));
        }
        for (int i = 0; i < MEMORY; i++) {
            Memory.putByte(memory + i, (byte) i);
        }
        Memory.fill(context.stacks, (long) RunContext.MAX_FRAMES * RunContext.STACK_BYTES, (byte) 0xaa);
        context.seed(7);
        context.instructionLimit = limit;
        ProgramFault[] fault = new ProgramFault[1];
        long result;
        if (raw) {
            context.data = data;
            context.dataMeta = data;
            context.dataEnd = data + PACKET;
            try {
                result = executable.call(context, context.xdpMd, 5);
            } catch (ProgramFault e) {
                result = -1;
                fault[0] = e;
            }
        } else {
            Memory.putLong(descriptor + FrameDescriptor.DATA, data);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + PACKET);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, 1024);
            Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 3);
            Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 4);
            executable.run(context, descriptor, 1, (index, e) -> fault[0] = e);
            result = Memory.getInt(descriptor + FrameDescriptor.ACTION);
        }
        ProgramFault thrown = fault[0];
        return new Outcome(
                result,
                thrown == null ? null : thrown.kind() + " " + thrown.getMessage(),
                thrown == null ? new long[0] : thrown.registers(),
                Memory.bytes(data, PACKET),
                Memory.bytes(memory, MEMORY),
                resetMaps(),
                thrown != null && thrown.kind() == ProgramFault.Kind.INSTRUCTION_LIMIT);
    }

    /**
     * The interpreter's loop, which runs several instructions as one and counts at jumps, does what single steps do, and as
     * many: with one instruction less to spare the last one is at fault.
     */
    @Test
    void theInterpretersLoopIsTheSumOfItsSteps() {
        System.out.println("DifferentialTest: -Dsluice.seed=" + SEED);
        Interpreter interpreter = new Interpreter();
        int clean = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            Random random = new Random(SEED + i);
            Program program = new Programs.Generator(random, memory, handles).next(5 + random.nextInt(80));
            String name = "seed " + SEED + " program " + i;
            Executable loop = interpreter.load(program, 1);
            Executable steps = interpreter.load(program, 2);
            long[] seen = new long[2];
            context.steps = (id, pc, depth, registers) -> {
                seen[0]++;
                seen[1] = pc;
            };
            Outcome expected = run(steps, false, LIMIT);
            context.steps = null;
            Outcome found = run(loop, false, LIMIT);
            check(name, program, expected, found);
            if (expected.limit) {
                assertThat(seen[0]).as(name).isEqualTo(LIMIT);
            } else if (expected.fault == null) {
                clean++;
                assertThat(LIMIT - context.instructionsLeft).as(name).isEqualTo(seen[0]);
                check(name, program, expected, run(loop, false, seen[0]));
                Outcome less = run(loop, false, seen[0] - 1);
                assertThat(less.fault)
                        .as(name)
                        .startsWith("INSTRUCTION_LIMIT pc " + seen[1] + ": the run took too long");
            }
        }
        assertThat(clean).isGreaterThan(PROGRAMS / 10);
    }

    @Test
    void aProgramOfEveryRowRuns() {
        // every row of the tables is in some random program: the generator picks from the tables
        Random random = new Random(1);
        boolean[] seen = new boolean[Opcode.values().length];
        for (int i = 0; i < 2000; i++) {
            Code code = new Programs.Generator(random, memory, handles).next(60).code();
            for (int slot = 0; slot < code.size(); slot++) {
                if (code.at(slot) != null) {
                    seen[code.at(slot).opcode().ordinal()] = true;
                }
            }
        }
        for (Opcode opcode : Opcode.values()) {
            boolean left = switch (opcode.form()) {
                case GOTOL, CALL_KFUNC, CALLX, LD_ABS, LD_IND -> true;
                default -> false;
            };
            assertThat(seen[opcode.ordinal()] || left).as(opcode.name()).isTrue();
        }
    }
}
