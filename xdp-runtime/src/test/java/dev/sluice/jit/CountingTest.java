package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.memory.Memory;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Checked code reaches a limit of instructions at the instruction at which the interpreter does, wherever that is: it counts
 * ahead, and where the limit is near, the interpreter goes on.
 */
class CountingTest {
    private static final int PACKETS = 3;

    /** Loops with branches, calls in loops, {@code may_goto}, a packet that moves, frames that are read before written. */
    private static final String PROGRAM = """
            r6 = r1
            r7 = *(u32 *)(r6 + 0)
            r8 = *(u32 *)(r6 + 4)
            r9 = 0
            next:
            r2 = r7
            r2 += 20
            if r2 > r8 goto out
            r3 = *(u8 *)(r7 + 3)
            r3 += r9
            r3 &= 3
            if r3 == 0 goto even
            *(u8 *)(r7 + 4) = r9
            r4 = *(u64 *)(r10 - 16)
            r4 += r3
            *(u64 *)(r10 - 16) = r4
            goto both
            even:
            r1 = r7
            r2 = r9
            call sub
            *(u8 *)(r7 + 6) = r0
            both:
            r9 += 1
            if r9 < 9 goto next
            r5 = 0
            again:
            r5 += 1
            *(u8 *)(r7 + 8) = r5
            if r5 > 7 goto moved
            may_goto moved
            goto again
            moved:
            r1 = r6
            r2 = -4
            call 44
            r7 = *(u32 *)(r6 + 0)
            r8 = *(u32 *)(r6 + 4)
            r2 = r7
            r2 += 20
            if r2 > r8 goto out
            r1 = r7
            r1 += 9
            r2 = 3
            call sub
            r0 += r9
            exit
            out:
            r0 = 1
            exit
            sub:
            r3 = 0
            r4 = *(u32 *)(r10 - 8)
            *(u32 *)(r10 - 8) = 7
            more:
            *(u8 *)(r1 + 1) = r3
            r3 += 1
            r2 -= 1
            if r2 s> 0 goto more
            r0 = r3
            r0 += r4
            exit
            """;

    private static List<String> outcomes(Engine engine, String text, long limit) {
        List<String> outcomes = new ArrayList<>();
        try (Bed bed = new Bed(PACKETS)) {
            bed.context.instructionLimit = limit;
            Executable program = engine.load(Programs.of(text), 1);
            for (int round = 0; round < 2; round++) { // the second one on frames that the first one has written
                program.run(
                        bed.context,
                        bed.descriptors,
                        PACKETS,
                        (index, fault) -> outcomes.add(
                                index + " " + fault.getMessage() + " registers=" + fault.registers().length));
                for (int i = 0; i < PACKETS; i++) {
                    outcomes.add(bed.action(i) + " " + HexFormat.of().formatHex(Memory.bytes(bed.data(i), Bed.PACKET)));
                }
                bed.reset();
            }
        }
        return outcomes;
    }

    @Test
    void everyLimitIsReachedAtItsInstruction() {
        int reached = 0;
        for (int limit = 1; limit < 420; limit++) {
            List<String> expected = outcomes(new Interpreter(), PROGRAM, limit);
            for (int methodBytes : new int[] {Settings.HUGE_METHOD_BYTES, 500}) {
                assertThat(outcomes(JitEngine.checked().withMethodBytes(methodBytes), PROGRAM, limit))
                        .as("limit=%d methodBytes=%d", limit, methodBytes)
                        .isEqualTo(expected);
            }
            reached += expected.getFirst().contains("too long") ? 1 : 0;
        }
        assertThat(reached).isBetween(100, 400);
    }

    @Test
    void aFaultBehindTheLastCountIsAtItsPlace() {
        String faults = PROGRAM.replace("r0 = r3\n", "r0 = *(u8 *)(r3 + 0)\n");
        for (int limit = 1; limit < 120; limit++) {
            assertThat(outcomes(JitEngine.checked(), faults, limit))
                    .as("limit=%d", limit)
                    .isEqualTo(outcomes(new Interpreter(), faults, limit));
        }
    }
}
