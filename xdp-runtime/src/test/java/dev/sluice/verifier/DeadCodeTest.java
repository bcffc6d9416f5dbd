package dev.sluice.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import dev.sluice.program.Subprogram;
import dev.sluice.program.Trimmed;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What is left of a program; each case is as Linux 6.18 leaves it ({@code bpftool prog dump xlated}). */
class DeadCodeTest {
    private static Trimmed trim(String text, int... lineSlots) {
        Code code = Assembler.assemble(text);
        Verdict verdict = Verifier.create().verify(Subject.of(code.toBytes(), List.of()));
        assertThat(verdict).isInstanceOf(Verdict.Verified.class);
        Program bare = Program.ofCode("trimmed", code);
        List<SourceLine> lines = IntStream.of(lineSlots)
                .mapToObj(slot -> new SourceLine(slot, "a.c", "line " + slot, slot + 1, 1))
                .toList();
        return ((Verdict.Verified) verdict)
                .facts()
                .trim(new Program("trimmed", "", code, bare.subprograms(), lines, true, false));
    }

    private static String text(Trimmed trimmed) {
        return new Disassembler(Syntax.CLANG, Symbols.NONE)
                .text(trimmed.program().code())
                .strip();
    }

    private static void assertLeft(Trimmed trimmed, String expected) {
        assertThat(trimmed.program().code()).as(text(trimmed)).isEqualTo(Assembler.assemble(expected));
    }

    @Test
    void whatNoPathComesByGoes() {
        Trimmed trimmed = trim("r0 = 1\nif r0 == 1 goto +2\nr0 = *(u64 *)(r9 + 0)\nr0 = 3\nr0 += 1\nexit", 0, 1, 2, 4);
        assertLeft(trimmed, "r0 = 1\nr0 += 1\nexit");
        assertThat(IntStream.range(0, 3).map(trimmed::originOf)).containsExactly(0, 4, 5);
        // the jump's own line gives way to the one of its target
        assertThat(trimmed.program().lines())
                .extracting(SourceLine::slot, SourceLine::text)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(0, "line 0"),
                        org.assertj.core.groups.Tuple.tuple(1, "line 4"));
        assertThat(trimmed.facts().before(1, 0).range().constant()).isEqualTo(1);
    }

    @Test
    void aLineWhoseInstructionsGoIsTakenByTheNextInstruction() {
        Trimmed trimmed = trim("r0 = 1\nif r0 == 1 goto +1\nr0 = 3\nr0 += 1\nexit", 0, 1, 2);
        assertThat(trimmed.program().lines()).extracting(SourceLine::text).containsExactly("line 0", "line 2");
        assertThat(trimmed.program().lines()).extracting(SourceLine::slot).containsExactly(0, 1);
    }

    @Test
    void jumpsThatAreLeftGoOnToWhereTheyWent() {
        Trimmed trimmed = trim("""
                r2 = *(u32 *)(r1 + 12)
                r0 = 0
                again:
                r0 += 1
                if r0 > 0 goto live
                r0 = r9
                live:
                if r2 == 7 goto out
                if r0 != 5 goto again
                out:
                exit
                """);
        assertLeft(trimmed, """
                r2 = *(u32 *)(r1 + 12)
                r0 = 0
                again:
                r0 += 1
                if r2 == 7 goto out
                if r0 != 5 goto again
                out:
                exit
                """);
    }

    @Test
    void functionsThatNobodyReachesGo() {
        Trimmed trimmed = trim("""
                r1 = 1
                if r1 != 1 goto +2
                call kept
                exit
                call gone
                exit
                gone:
                r0 = 7
                exit
                kept:
                r0 = r1
                exit
                """);
        assertLeft(trimmed, "r1 = 1\ncall kept\nexit\nkept:\nr0 = r1\nexit");
        assertThat(trimmed.program().subprograms())
                .extracting(Subprogram::start)
                .containsExactly(0, 3);
        assertThat(trimmed.program().subprograms()).extracting(Subprogram::end).containsExactly(3, 5);
    }

    /** As Linux does it, in one pass: the first jump has become one to the next instruction only after it was looked at. */
    @Test
    void jumpsToTheNextInstructionGoOnce() {
        String start = "r0 = 1\nr2 = *(u32 *)(r1 + 12)\nif r2 == 0 goto +1\n";
        assertLeft(
                trim(start + "goto +1\ngoto +0\nexit"),
                "r0 = 1\nr2 = *(u32 *)(r1 + 12)\nif r2 == 0 goto +1\ngoto +0\nexit");
        assertLeft(trim("r0 = 1\ngoto +0\ngoto +0\nexit"), "r0 = 1\nexit");
    }
}
