package dev.sluice.conformance.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.btf.Btf;
import dev.sluice.conformance.Pcaps;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.KernelProgram;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.ProgramAttributes;
import dev.sluice.kernel.Uapi;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.SourceLine;
import dev.sluice.program.Trimmed;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What survives of a verified program is what survives in the kernel ({@code bpftool prog dump xlated}): the same source lines
 * in the same order, and between them instructions of the same classes, but for those that the kernel expands.
 */
class XlatedTest {
    /** The instructions from one line record to the next, by class. */
    private record Piece(String line, List<Integer> classes, boolean expanded) {}

    @Test
    void theSameInstructionsSurvive() {
        KernelAccess access = Kernel.open();
        assumeTrue(access instanceof KernelAccess.Available, () -> ((KernelAccess.Unavailable) access).reason());
        Kernel kernel = ((KernelAccess.Available) access).kernel();
        assumeTrue(kernel.release().startsWith("6.18."), "not Linux 6.18, which the verifier is like");
        int programs = 0;
        int pieces = 0;
        int compared = 0;
        int removed = 0;
        for (var file : Pcaps.objects()) {
            ObjectSpec object = Pcaps.read(file).withKconfig(KernelLoader.kconfig(kernel));
            Btf types = KernelLoader.targetTypes(object);
            try (KernelObject loaded = KernelLoader.load(kernel, object, 0)) {
                for (ProgramSpec program : object.programs()) {
                    KernelProgram theirs = programOf(loaded, program.name());
                    if (theirs == null || theirs.lineInfo().length == 0) {
                        continue;
                    }
                    Subject subject = Subjects.of(object, program, types);
                    Verdict verdict =
                            Verifier.create().withCpus(kernel.possibleCpus()).verify(subject);
                    if (!(verdict instanceof Verdict.Verified verified)) {
                        continue; // other tests compare verdicts
                    }
                    String name = Pcaps.nameOf(file) + " " + program.name();
                    Trimmed ours = verified.facts().trim(bare(subject));
                    removed +=
                            subject.insns().length / 8 - ours.program().code().size();
                    List<Piece> expected = theirPieces(theirs, object);
                    List<Piece> found = ourPieces(ours);
                    assertThat(found)
                            .extracting(Piece::line)
                            .as(name)
                            .containsExactlyElementsOf(
                                    expected.stream().map(Piece::line).toList());
                    for (int i = 0; i < found.size(); i++) {
                        pieces++;
                        if (!found.get(i).expanded) {
                            compared++;
                            assertThat(found.get(i).classes)
                                    .as("%s: %s", name, found.get(i).line)
                                    .isEqualTo(expected.get(i).classes);
                        }
                    }
                    programs++;
                }
            }
        }
        assertThat(programs).isGreaterThan(80);
        assertThat(compared).isGreaterThan(pieces / 2);
        assertThat(removed).as("dead slots").isGreaterThan(20);
    }

    /** Programs full of branches whose outcome is known: byte for byte what the kernel leaves of them. */
    @Test
    void theSameIsLeftOfRandomPrograms() {
        KernelAccess access = Kernel.open();
        assumeTrue(access instanceof KernelAccess.Available, () -> ((KernelAccess.Unavailable) access).reason());
        Kernel kernel = ((KernelAccess.Available) access).kernel();
        assumeTrue(kernel.release().startsWith("6.18."), "not Linux 6.18, which the verifier is like");
        int removed = 0;
        for (int seed = 0; seed < 300; seed++) {
            Code code = Assembler.assemble(branches(new Random(seed)));
            Verdict verdict = Verifier.create().verify(Subject.of(code.toBytes(), List.of()));
            assertThat(verdict).as("seed=%d", seed).isInstanceOf(Verdict.Verified.class);
            Code left = ((Verdict.Verified) verdict)
                    .facts()
                    .trim(Program.ofCode("random", code))
                    .program()
                    .code();
            removed += code.size() - left.size();
            LoadResult result = kernel.load(ProgramAttributes.of(Uapi.PROG_TYPE_XDP, code.toBytes()));
            try (KernelProgram program = ((LoadResult.Loaded) result).program()) {
                // the first load reads the context, which the kernel expands
                byte[] ours = Arrays.copyOfRange(left.toBytes(), 8, 8 * left.size());
                byte[] theirs = program.xlated();
                byte[] end = Arrays.copyOfRange(theirs, Math.max(0, theirs.length - ours.length), theirs.length);
                assertThat(ours).as("seed=%d", seed).isEqualTo(end);
                assertThat(theirs.length - ours.length).as("seed=%d", seed).isLessThanOrEqualTo(32);
            }
        }
        assertThat(removed).isGreaterThan(1000);
    }

    private static String branches(Random random) {
        int blocks = 4 + random.nextInt(12);
        StringBuilder text = new StringBuilder("r6 = *(u32 *)(r1 + 12)\nr0 = 0\nr7 = 3\n");
        String[] conditions = {
            "if r7 == 3", "if r7 != 3", "if r6 > 9", "if r6 == 2", "if r7 > 1", "if w7 s< 0", "if r0 == 0"
        };
        for (int block = 0; block < blocks; block++) {
            text.append("b").append(block).append(":\n");
            for (int i = random.nextInt(3); i > 0; i--) {
                text.append(random.nextBoolean() ? "r0 += 1\n" : "r0 ^= r6\n");
            }
            int target = block + 1 + random.nextInt(blocks - block);
            text.append(conditions[random.nextInt(conditions.length)])
                    .append(" goto b")
                    .append(target)
                    .append('\n');
            if (random.nextInt(3) == 0) {
                // reached through the condition alone, or by falling through
                text.append("if r6 == ").append(random.nextInt(9)).append(" goto +1\n");
                text.append("goto b")
                        .append(block + 1 + random.nextInt(blocks - block))
                        .append('\n');
            }
        }
        return text.append("b").append(blocks).append(":\nexit\n").toString();
    }

    private static @Nullable KernelProgram programOf(KernelObject loaded, String name) {
        return loaded.result(name) instanceof LoadResult.Loaded result ? result.program() : null;
    }

    private static Program bare(Subject subject) {
        Code code = Code.decode(subject.insns());
        return new Program(
                subject.name(),
                "",
                code,
                Program.findSubprograms(code),
                subject.lines(),
                subject.gplCompatible(),
                false);
    }

    private static String line(int number, int column, String text) {
        return number + ":" + column + " " + text;
    }

    private static List<Piece> ourPieces(Trimmed trimmed) {
        Code code = trimmed.program().code();
        List<SourceLine> lines = trimmed.program().lines();
        List<Piece> pieces = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            SourceLine line = lines.get(i);
            int end = i + 1 < lines.size() ? lines.get(i + 1).slot() : code.size();
            List<Integer> classes = new ArrayList<>();
            boolean expanded = false;
            for (int slot = line.slot(); slot < end; slot++) {
                Instruction insn = code.at(slot);
                if (insn != null) {
                    classes.add(insn.opcode().code() & 7);
                    expanded |= isExpanded(trimmed.facts(), slot, insn);
                }
            }
            pieces.add(new Piece(line(line.line(), line.column(), line.text()), classes, expanded));
        }
        return pieces;
    }

    /** Whether the kernel makes other instructions of it: context, helpers, division, and what it does for its JITs. */
    private static boolean isExpanded(Facts facts, int slot, Instruction insn) {
        return switch (insn.form()) {
            case CALL_HELPER, CALL_KFUNC, MAY_GOTO -> true;
            case LDX, LDXSX -> {
                RegisterFact.Kind kind = facts.base(slot, insn).kind();
                yield kind == RegisterFact.Kind.CTX || kind == RegisterFact.Kind.OBJECT;
            }
            case ALU_K, ALU_X ->
                switch (insn.opcode().alu()) {
                    case DIV, SDIV, MOD, SMOD -> true;
                    default -> false;
                };
            default -> insn.form() == Form.ATOMIC && insn.opcode().fetches();
        };
    }

    private static List<Piece> theirPieces(KernelProgram program, ObjectSpec object) {
        Btf btf = object.btf();
        ByteBuffer records = ByteBuffer.wrap(program.lineInfo()).order(ByteOrder.LITTLE_ENDIAN);
        byte[] insns = program.xlated();
        List<Piece> pieces = new ArrayList<>();
        for (int at = 0; at < records.capacity(); at += 16) {
            int start = records.getInt(at);
            int end = at + 16 < records.capacity() ? records.getInt(at + 16) : insns.length / 8;
            int numbers = records.getInt(at + 12);
            List<Integer> classes = new ArrayList<>();
            for (int slot = start; slot < end; slot++) {
                classes.add(insns[8 * slot] & 7);
                if ((insns[8 * slot] & 0xff) == 0x18) {
                    slot++;
                }
            }
            String text = btf.string(records.getInt(at + 8)).strip();
            pieces.add(new Piece(line(numbers >>> 10, numbers & 0x3ff, text), classes, false));
        }
        return pieces;
    }
}
