package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Code;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.program.Program;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs of any size: what they become, and that they still do what they say. */
class SizeTest {
    private final Bed bed = new Bed(2);

    @AfterEach
    void close() {
        bed.close();
    }

    /** Loads from the packet, branches over short distances and a few long ones, some loops, all registers in use. */
    private static Program large(int size) {
        Random random = new Random(size);
        List<Instruction> insns = new ArrayList<>();
        insns.add(Programs.insn(Opcode.MOV64_X, 6, 1, 0, 0));
        insns.add(Programs.insn(Opcode.LDX_W, 7, 6, 0, 0));
        for (int r : new int[] {0, 2, 3, 4, 5, 8}) {
            insns.add(Programs.insn(Opcode.MOV64_K, r, 0, 0, r));
        }
        insns.add(Programs.insn(Opcode.MOV64_K, 9, 0, 0, 2000)); // rounds of loops that are left
        int[] free = {0, 2, 3, 4, 5, 8};
        while (insns.size() < size) {
            int dst = free[random.nextInt(free.length)];
            int src = free[random.nextInt(free.length)];
            switch (random.nextInt(8)) {
                case 0, 1 -> insns.add(Programs.insn(Opcode.LDX_H, dst, 7, random.nextInt(Bed.PACKET - 1), 0));
                case 2 -> insns.add(Programs.insn(Opcode.ADD64_X, dst, src, 0, 0));
                case 3 -> insns.add(Programs.insn(Opcode.MUL32_K, dst, 0, 0, random.nextInt()));
                case 4 -> insns.add(Programs.insn(Opcode.STX_DW, 10, src, -8 * (1 + random.nextInt(8)), 0));
                case 5 -> insns.add(Programs.insn(Opcode.LDX_DW, dst, 10, -8 * (1 + random.nextInt(8)), 0));
                case 6 -> {
                    // forward, now and then far; to an instruction that will exist
                    int distance = random.nextInt(50) == 0 ? random.nextInt(3000) : random.nextInt(10);
                    distance = Math.min(distance, size - insns.size() - 1);
                    if (distance > 0) {
                        insns.add(Programs.insn(Opcode.JLT_X, dst, src, distance, 0));
                    }
                }
                default -> {
                    int distance = Math.min(random.nextInt(60), insns.size() - 20);
                    if (distance > 0 && random.nextInt(10) == 0) {
                        insns.add(Programs.insn(Opcode.ADD64_K, 9, 0, 0, -1));
                        insns.add(Programs.insn(Opcode.JSGT_K, 9, 0, -distance - 1, 0));
                    }
                }
            }
        }
        while (insns.size() < size + 2) {
            insns.add(Programs.insn(Opcode.ADD64_X, 0, 8, 0, 0));
        }
        insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        return Program.ofCode("large", Code.of(insns));
    }

    private static List<MethodModel> methods(Compiler.Image image) {
        List<MethodModel> methods = new ArrayList<>();
        image.classes()
                .values()
                .forEach(bytes -> methods.addAll(ClassFile.of().parse(bytes).methods()));
        return methods;
    }

    @ParameterizedTest
    @ValueSource(ints = {30, 900, 5_000, 20_000, 100_000})
    void programsOfAnySizeRun(int size) {
        Program program = large(size);
        bed.context.instructionLimit = 10_000_000;
        Executable reference = new Interpreter().load(program, 1);
        Executable compiled = JitEngine.checked().load(program, 1);
        int[] expected = bed.run(reference);
        assertThat(bed.faults).isEmpty();
        assertThat(bed.run(compiled)).isEqualTo(expected);
        assertThat(compiled.call(bed.context, bed.context.xdpMd, 0) & 0xffff_ffffL)
                .isEqualTo(expected[1] & 0xffff_ffffL);
    }

    /** A million instructions with checks are some 4,000 parts: more than two levels of dispatchers reach. */
    @Test
    void thousandsOfPartsRun() {
        Program program = large(60_000);
        Settings small = new Settings(null, 700);
        Compiler.Image image =
                Compiler.compile(program, new Variant(Variant.Entry.LOOP, true, true), small, Lines.Mode.SOURCE);
        assertThat(methods(image)).hasSizeGreaterThan(5_000);
        bed.context.instructionLimit = 10_000_000;
        int[] expected = bed.run(new Interpreter().load(program, 1));
        assertThat(bed.run(JitEngine.checked().withMethodBytes(700).load(program, 1)))
                .isEqualTo(expected);
        assertThat(bed.faults).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Variant.Entry.class)
    void noMethodIsTooLargeForTheJvmsCompiler(Variant.Entry entry) {
        Compiler.Image image =
                Compiler.compile(large(10_000), new Variant(entry, true, true), Settings.CHECKED, Lines.Mode.SOURCE);
        assertThat(methods(image)).hasSizeGreaterThan(20);
        assertThat(Compiler.largestMethod(image)).isBetween(4000, Settings.HUGE_METHOD_BYTES);
    }

    @Test
    void estimatesOfSizeHold() {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        Random random = new Random(seed);
        boolean[] split = new boolean[2];
        for (int i = 0; i < 300; i++) {
            Program program = new Programs.Generator(random, 0x1000).next(10 + random.nextInt(300));
            for (Variant.Entry entry : Variant.Entry.values()) {
                // with a bound that is not HotSpot's there is no second try
                Settings settings = new Settings(null, 2000);
                Compiler.Image image =
                        Compiler.compile(program, new Variant(entry, true, true), settings, Lines.Mode.SOURCE);
                assertThat(Compiler.largestMethod(image))
                        .as("seed=%d program=%d", seed, i)
                        .isLessThanOrEqualTo(2000);
                split[methods(image).size() > 6 ? 1 : 0] = true;
            }
        }
        assertThat(split).containsOnly(true);
    }

    @Test
    void generatedClassesPassTheVerifierOfTheClassFileApi() {
        for (Variant.Entry entry : Variant.Entry.values()) {
            for (int bytes : new int[] {500, Settings.HUGE_METHOD_BYTES}) {
                Compiler.Image image = Compiler.compile(
                        large(500), new Variant(entry, true, true), new Settings(null, bytes), Lines.Mode.SOURCE);
                image.classes()
                        .values()
                        .forEach(made -> assertThat(ClassFile.of().verify(made)).isEmpty());
            }
        }
    }

    @Test
    void theSameProgramGivesTheSameClasses() {
        Variant variant = new Variant(Variant.Entry.LOOP, true, true);
        Compiler.Image one = Compiler.compile(large(3000), variant, Settings.CHECKED, Lines.Mode.SOURCE);
        Compiler.Image two = Compiler.compile(large(3000), variant, Settings.CHECKED, Lines.Mode.SOURCE);
        assertThat(one.classes().keySet()).isEqualTo(two.classes().keySet());
        one.classes()
                .forEach((name, bytes) -> assertThat(two.classes().get(name)).isEqualTo(bytes));
    }

    @Test
    void controlThatRunsBackwardsIsNoQuadraticWork() {
        // blocks in the reverse order of their execution: each goes to the one before it
        int count = 60_000;
        List<Instruction> insns = new ArrayList<>();
        insns.add(Programs.insn(Opcode.GOTOL, 0, 0, 0, 2 * count));
        insns.add(Programs.insn(Opcode.MOV64_X, 0, 2, 0, 0));
        insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        for (int i = 1; i < count; i++) {
            insns.add(Programs.insn(Opcode.ADD64_K, 2, 0, 0, 1));
            insns.add(Programs.insn(Opcode.JA, 0, 0, -4, 0));
        }
        insns.add(Programs.insn(Opcode.JA, 0, 0, -3, 0));
        Program program = Program.ofCode("backwards", Code.of(insns));
        assertThat(JitEngine.checked().load(program, 1).call(bed.context, 0, 5)).isEqualTo(5 + count - 1);
    }

    @Test
    void callsThatMultiplyAreStillBounded() {
        // eight functions, each calling the next thousands of times: no loop, but no end
        int calls = 3000;
        List<Instruction> insns = new ArrayList<>();
        for (int function = 0; function < 8; function++) {
            int start = insns.size();
            for (int i = 0; i < calls && function < 7; i++) {
                insns.add(Programs.insn(Opcode.CALL_LOCAL, 0, 1, 0, start + calls + 1 - insns.size() - 1));
            }
            insns.add(Programs.insn(Opcode.EXIT, 0, 0, 0, 0));
        }
        bed.context.instructionLimit = 1_000_000;
        Program program = Program.ofCode("multiply", Code.of(insns));
        assertThat(bed.run(JitEngine.checked().load(program, 1))).containsOnly(0);
        assertThat(bed.faults).hasSize(bed.count).allMatch(fault -> fault.contains("INSTRUCTION_LIMIT"));
    }
}
