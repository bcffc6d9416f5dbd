package dev.sluice.conformance.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.map.MapTable;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The watch sees where what runs is not what was proved. */
class FactsWatchTest {
    private static final String PROVED = """
            r2 = *(u32 *)(r1 + 0)
            r3 = *(u32 *)(r1 + 4)
            r4 = r2
            r4 += 14
            r0 = 1
            if r4 > r3 goto out
            r0 = *(u8 *)(r2 + 12)
            r0 &= 3
            r5 = r0
            if r5 > 3 goto wrong
            out:
            exit
            wrong:
            r0 = 0
            exit
            """;

    private static Facts facts(String text) {
        Verdict verdict =
                Verifier.create().verify(Subject.of(Assembler.assemble(text).toBytes(), List.of()));
        return ((Verdict.Verified) verdict).facts();
    }

    /** Runs other instructions than the verified ones, and says how many operands were looked at. */
    private static long run(String verified, String executed) {
        Code code = Assembler.assemble(executed);
        Program program = Program.ofCode("watched", code);
        try (Arena arena = Arena.ofConfined();
                RunContext context = new RunContext(new MapTable(), new Regions(), () -> 0, 0)) {
            context.instructionLimit = 1000;
            FactsWatch watch = new FactsWatch(context);
            watch.add(1, program, facts(verified));
            context.steps = watch;
            long frame = Memory.allocate(arena, 4096, 64);
            long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);
            Memory.putLong(descriptor + FrameDescriptor.DATA, frame + 256);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + 256 + 60);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + 256);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, 4096);
            Engines.interpreter().load(program, 1).run(context, descriptor, 1, (index, fault) -> {
                throw fault;
            });
            return watch.checked();
        }
    }

    @Test
    void whatWasProvedHolds() {
        assertThat(run(PROVED, PROVED)).isGreaterThan(8);
    }

    @Test
    void seesANumberOutOfItsRange() {
        assertThatThrownBy(() -> run(PROVED, PROVED.replace("r0 &= 3", "r0 |= 16")))
                .isInstanceOf(FactsWatch.Violation.class)
                .hasMessageContaining("instruction 8 r0=0x10 is not");
    }

    @Test
    void seesAPointerElsewhere() {
        assertThatThrownBy(() -> run(PROVED, PROVED.replace("r4 += 14", "r4 += 15")))
                .isInstanceOf(FactsWatch.Violation.class)
                .hasMessageContaining("instruction 5 r4=");
        assertThatThrownBy(() -> run(PROVED, PROVED.replace("r3 = *(u32 *)(r1 + 4)", "r3 = *(u32 *)(r1 + 0)")))
                .isInstanceOf(FactsWatch.Violation.class);
    }

    @Test
    void seesABranchThatCannotBeTaken() {
        assertThatThrownBy(() -> run(PROVED, PROVED.replace("if r5 > 3", "if r5 <= 3")))
                .isInstanceOf(FactsWatch.Violation.class)
                .hasMessageContaining("counts as dead code");
    }
}
