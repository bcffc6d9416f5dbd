package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.Verified;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every construct of the instruction set is compiled: no code is handed to the interpreter. Who calls the clock shows in its
 * stack trace, so programs ask for the time in each of their functions.
 */
class ConstructsTest {
    private static final int PACKETS = 4;
    private static final String GENERATED = "dev.sluice.jited.construct";

    private final Bed bed = new Bed(PACKETS);

    /** The stack traces of the calls of the clock, the innermost frame first. */
    private final List<List<String>> traces = new ArrayList<>();

    ConstructsTest() {
        bed.context.clock = () -> {
            traces.add(StackWalker.getInstance()
                    .walk(frames -> frames.map(frame -> frame.getClassName() + "." + frame.getMethodName())
                            .filter(name -> name.startsWith("dev.sluice.exec.") || name.startsWith(GENERATED))
                            .toList()));
            return traces.size();
        };
    }

    @AfterEach
    void close() {
        bed.close();
    }

    /** Whole methods and parts of them, with checks and without. */
    static List<JitEngine> engines() {
        return Stream.of(JitEngine.checked(), JitEngine.trusting())
                .flatMap(engine -> Stream.of(engine, engine.withMethodBytes(500)))
                .toList();
    }

    /** A program that is taken for proved; it does nothing wrong. */
    private static Verified proved(Code code) {
        BitSet all = new BitSet();
        all.set(0, code.size());
        return new Facts(code.toBytes(), true, all, all, all, new RegisterFact[code.size()][])
                .verified(Program.ofCode("construct", code))
                .orElseThrow();
    }

    private static Executable load(Engine engine, Code code) {
        return engine.wantsProof() ? engine.load(proved(code), 1) : engine.load(Program.ofCode("construct", code), 1);
    }

    private static boolean interprets(String name) {
        return name.startsWith("dev.sluice.exec.") && (name.contains("Interpreter") || name.contains("SingleStep"));
    }

    // --- rows

    @ParameterizedTest
    @EnumSource(Opcode.class)
    void everyRowIsCompiled(Opcode opcode) {
        List<Instruction> insns = new ArrayList<>(List.of(
                Programs.insn(Opcode.MOV64_X, 2, 10, 0, 0),
                Programs.insn(Opcode.ADD64_K, 2, 0, 0, -8),
                row(opcode),
                Programs.insn(Opcode.MOV64_K, 0, 0, 0, 0),
                Programs.insn(Opcode.EXIT, 0, 0, 0, 0)));
        if (opcode.form() == Form.CALL_LOCAL) {
            insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        }
        Code code = Code.of(insns);
        for (JitEngine engine : engines()) {
            if (opcode.form() == Form.LD_ABS || opcode.form() == Form.LD_IND) {
                assertThatThrownBy(() -> load(engine, code)).isInstanceOf(MalformedCodeException.class);
                continue;
            }
            Executable executable = load(engine, code);
            assertThat(executable.engine()).isEqualTo(engine.name());
            Settings settings =
                    new Settings(engine.wantsProof() ? proved(code).facts() : null, Settings.HUGE_METHOD_BYTES);
            for (Variant.Entry entry : Variant.Entry.values()) {
                Compiler.Image image = Compiler.compile(
                        executable.program(), new Variant(entry, false, true), settings, Lines.Mode.SOURCE);
                image.classes()
                        .values()
                        .forEach(bytes ->
                                assertThat(classesOf(bytes)).as("%s", entry).noneMatch(ConstructsTest::interprets));
            }
        }
    }

    private static Instruction row(Opcode opcode) {
        return switch (opcode.form()) {
            case LDX, LDXSX, LOAD_ACQ -> Programs.insn(opcode, 0, 2, 0, 0);
            case ST, STX, ATOMIC, STORE_REL -> Programs.insn(opcode, 2, 3, 0, 1);
            case CALL_HELPER -> Programs.insn(opcode, 0, 0, 0, 5);
            case CALL_LOCAL -> Programs.insn(opcode, 0, 0, 0, 2);
            case CALL_KFUNC -> new Instruction(opcode, 0, 2, 0, 77);
            case ALU_K, ALU_X, UNARY, MOVSX, JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, CALLX, EXIT, LDDW, LD_ABS, LD_IND ->
                Programs.insn(opcode, 0, 0, 0, 0);
        };
    }

    private static List<String> classesOf(byte[] classFile) {
        List<String> names = new ArrayList<>();
        for (PoolEntry entry : ClassFile.of().parse(classFile).constantPool()) {
            if (entry instanceof ClassEntry name) {
                names.add(name.asInternalName().replace('/', '.'));
            }
        }
        assertThat(names).isNotEmpty();
        return names;
    }

    // --- functions and what calls them

    /** Runs on all engines alike; gives the traces of the compiled one. */
    private List<List<String>> run(JitEngine engine, Code code) {
        traces.clear();
        int[] expected = bed.run(load(new Interpreter(), code));
        int calls = traces.size();
        assertThat(calls).isPositive();
        assertThat(traces).allMatch(trace -> trace.stream().anyMatch(ConstructsTest::interprets));
        bed.reset();
        traces.clear();
        Executable executable = load(engine, code);
        assertThat(executable.engine()).isEqualTo(engine.name());
        int[] found = bed.run(executable);
        assertThat(bed.faults).isEmpty();
        assertThat(traces).hasSize(calls);
        assertThat(traces).allMatch(trace -> trace.stream().noneMatch(ConstructsTest::interprets));
        assertThat(found).isEqualTo(expected);
        return List.copyOf(traces);
    }

    private static void inFunction(List<List<String>> traces, String function) {
        assertThat(traces)
                .allSatisfy(trace -> assertThat(trace)
                        .filteredOn(frame -> frame.startsWith(GENERATED))
                        .first()
                        .asString()
                        .containsPattern(function));
    }

    private static Code code(String text) {
        return Assembler.assemble(text);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void functions(JitEngine engine) {
        List<List<String>> found = run(engine, code("""
                call sub
                r0 = 1
                exit
                sub:
                call 5
                exit
                """));
        assertThat(found).hasSize(PACKETS);
        inFunction(found, "_loop_pc0_3|_pc3_5"); // in place of its call where that fits
    }

    @ParameterizedTest
    @MethodSource("engines")
    void functionPointers(JitEngine engine) {
        inFunction(
                run(
                        engine,
                        Code.of(List.of(
                                new Instruction(Opcode.LDDW, 3, Pseudo.FUNC.ordinal(), 0, 3),
                                Programs.insn(Opcode.CALLX, 3, 0, 0, 0),
                                Programs.insn(Opcode.EXIT, 0, 0, 0, 0),
                                Programs.insn(Opcode.CALL, 0, 0, 0, 5),
                                Programs.insn(Opcode.EXIT, 0, 0, 0, 0)))),
                "_pc4_6");
    }

    @ParameterizedTest
    @MethodSource("engines")
    void loopsOfFunctions(JitEngine engine) {
        List<List<String>> found = run(engine, code("""
                r1 = 5
                r2 = subprog[+6]
                r3 = 0
                r4 = 0
                call 181
                r0 = 1
                exit
                call 5
                r0 = 0
                exit
                """));
        assertThat(found).hasSize(5 * PACKETS);
        inFunction(found, "_pc8_11");
    }

    static List<Object[]> elements() {
        List<Object[]> all = new ArrayList<>();
        for (JitEngine engine : engines()) {
            for (MapType type : List.of(MapType.ARRAY, MapType.HASH, MapType.PERCPU_ARRAY, MapType.LRU_HASH)) {
                all.add(new Object[] {engine, type});
            }
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("elements")
    void functionsOfElements(JitEngine engine, MapType type) {
        try (BpfMap map = bed.map(MapDef.of("m", type, 4, 8, 3))) {
            if (type != MapType.ARRAY && type != MapType.PERCPU_ARRAY) {
                for (byte i = 0; i < 3; i++) {
                    map.put(new byte[] {i, 0, 0, 0}, new byte[8], BpfMap.ANY);
                }
            }
            List<List<String>> found = run(engine, code("""
                    r1 = 0x%x ll
                    r2 = subprog[+6]
                    r3 = 0
                    r4 = 0
                    call 164
                    r0 = 1
                    exit
                    call 5
                    r0 = 0
                    exit
                    """.formatted(map.handle())));
            assertThat(found).hasSize(3 * PACKETS);
            inFunction(found, "_pc9_12");
        }
    }

    @ParameterizedTest
    @MethodSource("engines")
    void loopsThatMayGo(JitEngine engine) {
        bed.context.instructionLimit = 1_000_000_000;
        List<List<String>> found = run(engine, code("""
                r6 = 0
                loop:
                may_goto out
                if r6 != 3 goto on
                call 5
                on:
                r6 += 1
                goto loop
                out:
                r0 = 1
                exit
                """));
        assertThat(found).hasSize(PACKETS);
    }

    @ParameterizedTest
    @MethodSource("engines")
    void atMostThirtyThreeTailCallsWithoutGrowingTheStack(JitEngine engine) {
        try (ProgArrayMap map = (ProgArrayMap) bed.map(MapDef.of("jmp_table", MapType.PROG_ARRAY, 4, 4, 1))) {
            Code self = code("""
                    r6 = r1
                    call 5
                    r1 = r6
                    r2 = 0x%x ll
                    r3 = 0
                    call 12
                    r0 = 9
                    exit
                    """.formatted(map.handle()));
            for (Engine each : List.of(engine, new Interpreter())) {
                Executable executable = load(each, self);
                map.set(0, executable);
                traces.clear();
                assertThat(bed.run(executable)).containsOnly(9);
                assertThat(traces).hasSize(34 * PACKETS);
                for (int packet = 0; packet < PACKETS; packet++) {
                    // all but the first, which is in the packet loop itself
                    assertThat(traces.subList(34 * packet + 1, 34 * (packet + 1)))
                            .extracting(List::size)
                            .containsOnly(traces.get(1).size());
                }
                boolean compiled = each == engine;
                assertThat(traces).allMatch(trace -> trace.stream().anyMatch(ConstructsTest::interprets) != compiled);
            }
        }
    }

    /** What is asked of memory by the width and order of an access, as the kernel's documents want it. */
    @Test
    void accessesThatAreOrderedSaySo() {
        for (Opcode opcode : Programs.rows(Form.ATOMIC, Form.LOAD_ACQ, Form.STORE_REL)) {
            Code code = Code.of(List.of(
                    Programs.insn(Opcode.MOV64_X, 2, 10, 0, 0),
                    Programs.insn(Opcode.ADD64_K, 2, 0, 0, -8),
                    row(opcode),
                    Programs.insn(Opcode.EXIT, 0, 0, 0, 0)));
            String expected = switch (opcode.form()) {
                case LOAD_ACQ -> "Acquire";
                case STORE_REL -> "Release";
                default ->
                    switch (opcode.atomic()) {
                        case ADD -> "getAndAdd";
                        case OR -> "getAndBitwiseOr";
                        case AND -> "getAndBitwiseAnd";
                        case XOR -> "getAndBitwiseXor";
                        case XCHG -> "getAndSet";
                        case CMPXCHG -> "compareAndExchange";
                    };
            };
            for (JitEngine engine : engines()) {
                List<JitListing.Insn> accesses = JitEngine.listing(load(engine, code)).methods().stream()
                        .flatMap(method -> method.code().stream())
                        .filter(insn -> insn.slot() == 2 && insn.operands().contains(expected))
                        .toList();
                assertThat(accesses).as("%s %s", opcode, engine.name()).isNotEmpty();
                // a suffix would be a weaker order: getAndAddAcquire, weakCompareAndSet
                if (opcode.form() == Form.ATOMIC) {
                    assertThat(accesses)
                            .noneMatch(insn -> insn.operands().contains("Acquire")
                                    || insn.operands().contains("Release")
                                    || insn.operands().contains("weak"));
                }
            }
        }
    }
}
