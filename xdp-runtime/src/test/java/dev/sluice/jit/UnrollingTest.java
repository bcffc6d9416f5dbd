package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.program.Verified;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Small loops are repeated in line, and go round as often as before. */
class UnrollingTest {
    /** r6 is the packet, of which 64 bytes are there, r7 a number from it below 16. */
    private static final String BEGIN = """
            r9 = *(u32 *)(r1 + 4)
            r6 = *(u32 *)(r1 + 0)
            r8 = r6
            r8 += 64
            r0 = 0
            if r8 > r9 goto out
            r7 = *(u8 *)(r6 + 0)
            r7 &= 15
            r3 = 0
            """;

    private static final String END = """
            out:
            exit
            """;

    private final Bed bed = new Bed(40);

    @AfterEach
    void close() {
        bed.close();
    }

    /** How often the code that begins at each slot is there, which must do what it does once. */
    private int[] copies(String body) {
        Verified verified = Proved.of(Assembler.assemble(BEGIN + body + END));
        Proved.runsAlike(verified, bed, body);
        Code code = verified.program().code();
        Flow flow = Flow.of(
                code,
                verified.program().subprograms().getFirst(),
                verified.facts(),
                new SizeEstimate(false, false),
                Settings.HUGE_METHOD_BYTES / 4);
        int[] copies = new int[code.size()];
        for (Block block : flow.blocks) {
            for (int slot = block.start; slot < block.end; slot++) {
                copies[slot]++;
            }
        }
        return copies;
    }

    @Test
    void aLoopOfOneBlockIsThereFourTimes() {
        int[] copies = copies("""
                more:
                r0 += 3
                r3 += 1
                if r3 < r7 goto more
                r0 += 100
                """);
        assertThat(copies[8]).isEqualTo(1);
        assertThat(Arrays.copyOfRange(copies, 9, 12)).containsOnly(4);
        assertThat(copies[12]).isEqualTo(1);
    }

    @Test
    void aLoopWithSeveralWaysOutAndAround() {
        int[] copies = copies("""
                more:
                r2 = *(u8 *)(r6 + 1)
                r6 += 1
                if r2 == 37 goto found
                if r2 & 1 goto odd
                r0 += r2
                odd:
                *(u8 *)(r6 + 0) = r0
                r3 += 1
                if r3 == 15 goto out
                if r3 <= r7 goto more
                r0 += 1000
                goto out
                found:
                r0 = 5000
                """);
        assertThat(Arrays.copyOfRange(copies, 9, 18)).containsOnly(4);
        assertThat(Arrays.copyOfRange(copies, 18, 21)).containsOnly(1);
    }

    @Test
    void ofNestedLoopsTheInner() {
        int[] copies = copies("""
                outer:
                r4 = 0
                inner:
                r0 += r3
                r0 ^= 21
                r4 += 1
                if r4 < 5 goto inner
                r3 += 1
                if r3 < r7 goto outer
                """);
        assertThat(copies[9]).isEqualTo(1);
        assertThat(Arrays.copyOfRange(copies, 10, 14)).containsOnly(4);
        assertThat(copies[14]).isEqualTo(1);
    }

    @Test
    void aLongerLoopIsThereTwiceAndALongOneOnce() {
        String some = "r0 += 7\nr0 ^= 11\n";
        String end = "r3 += 1\nif r3 < r7 goto more\n";
        assertThat(copies("more:\n" + some.repeat(12) + end)[9]).isEqualTo(2);
        assertThat(copies("more:\n" + some.repeat(16) + end)[9]).isEqualTo(1);
    }

    @Test
    void aLoopThatCallsIsLeftAlone() {
        assertThat(copies("""
                        r8 = 0
                        more:
                        call 8
                        r8 += 1
                        if r8 < r7 goto more
                        r0 = r8
                        """)[10]).isEqualTo(1);
    }

    @Test
    void whatIsEnteredInTheMiddleIsLeftAlone() {
        assertThat(copies("""
                        if r7 > 7 goto middle
                        more:
                        r0 += 3
                        middle:
                        r3 += 1
                        if r3 < r7 goto more
                        """)[10]).isEqualTo(1);
    }
}
