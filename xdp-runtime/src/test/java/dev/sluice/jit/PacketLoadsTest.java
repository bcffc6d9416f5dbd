package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.program.Verified;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a method has loaded from the packet it does not load again, until something may have changed it. */
class PacketLoadsTest {
    /** Repeats a run: {@code -Dsluice.seed=N}. */
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());

    private static final int PROGRAMS = 300;

    /** r6 is the packet; r7 points into it, where nobody knows; each as far as 32 bytes from the end. */
    private static final String BEGIN = """
            r9 = *(u32 *)(r1 + 4)
            r6 = *(u32 *)(r1 + 0)
            r8 = r6
            r8 += 64
            r0 = 0
            if r8 > r9 goto out
            r7 = *(u8 *)(r6 + 63)
            r7 &= 15
            r7 += r6
            r8 = r7
            r8 += 40
            if r8 > r9 goto out
            r2 = *(u32 *)(r6 + 16)
            r3 = *(u16 *)(r7 + 8)
            """;

    private static final String END = """
            r0 ^= r4
            r0 ^= r5
            out:
            exit
            """;

    private static final String AGAIN = """
            r4 = *(u32 *)(r6 + 16)
            r5 = *(u16 *)(r7 + 8)
            """;

    private final Bed bed = new Bed(3);

    @AfterEach
    void close() {
        bed.close();
    }

    private long loads(String between) {
        String text = BEGIN + between + AGAIN + END;
        Verified verified = Proved.of(Assembler.assemble(text));
        Proved.runsAlike(verified, bed, text);
        return Proved.accesses(verified).stream()
                .filter(access -> access.startsWith("get"))
                .count();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "if r2 s> 5 goto on\nr0 += r2\non:\n",
                "*(u64 *)(r10 - 8) = r2\nif r2 s> 5 goto on\nr0 += r2\non:\n",
                // a place that is known to be another
                "if r2 s> 5 goto on\nr0 += r3\non:\nr1 = 0\n",
            })
    void onceIsEnough(String between) {
        assertThat(loads(between)).isEqualTo(3);
    }

    @Test
    void aPlaceIsNotItsNeighbour() {
        // the load through r7 may be of what is stored
        assertThat(loads("*(u32 *)(r6 + 20) = r2\n*(u32 *)(r6 + 12) = r2\n")).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "*(u8 *)(r6 + 19) = r3\n", // one of the bytes
                "*(u64 *)(r6 + 12) = r3\n",
                "*(u8 *)(r7 + 1) = r2\n", // nobody knows where
                "r1 = *(u32 *)(r1 + 0)\n*(u8 *)(r7 + 30) = r2\n",
            })
    void whatIsStoredOverIsLoadedAgain(String between) {
        assertThat(loads("if r2 s> 5 goto on\n" + between + "on:\n")).isEqualTo(5);
    }

    @Test
    void aRegisterThatPointsElsewhereIsAnother() {
        assertThat(loads("if r2 s> 5 goto on\nr7 += 1\non:\n")).isEqualTo(4);
    }

    @Test
    void whatOneWayHasLoadedIsLoadedOnTheOther() {
        String body = """
                if r2 s> 5 goto on
                r4 = *(u32 *)(r6 + 24)
                r0 ^= r4
                on:
                r4 = *(u32 *)(r6 + 24)
                """;
        assertThat(loads(body)).isEqualTo(5);
    }

    @Test
    void helpersThatWriteToThePacketEndWhatIsKnown() {
        String body = """
                *(u64 *)(r10 - 8) = r2
                r2 = 16
                r3 = r10
                r3 += -8
                r4 = 8
                call 190
                r0 = 0
                """;
        // r1 is still the context
        String text = BEGIN + body + AGAIN + END;
        Verified verified = Proved.of(Assembler.assemble(text));
        Proved.runsAlike(verified, bed, text);
        assertThat(Proved.accesses(verified)).filteredOn("get int"::equals).hasSizeGreaterThanOrEqualTo(2);
    }

    /** Blocks that load and store, with ways past each other and back. */
    private static String random(Random random) {
        StringBuilder text = new StringBuilder(BEGIN).append("r1 = 0\nr4 = 1\nr5 = 2\n*(u64 *)(r10 - 8) = r2\n");
        String[] widths = {"u8", "u16", "u32", "u64", "s8", "s16", "s32"};
        int[] bytes = {1, 2, 4, 8, 1, 2, 4};
        int blocks = 3 + random.nextInt(5);
        for (int block = 0; block < blocks; block++) {
            text.append("b").append(block).append(":\n");
            for (int i = random.nextInt(7); i >= 0; i--) {
                int w = random.nextInt(widths.length);
                int r = new int[] {0, 2, 3, 4, 5}[random.nextInt(5)];
                String base = random.nextInt(3) == 0 ? "r7" : "r6";
                int at = 8 + 4 * random.nextInt(3) + random.nextInt(2);
                switch (random.nextInt(8)) {
                    case 0 -> {
                        String width = "u" + widths[w].substring(1);
                        text.append("*(%s *)(%s + %d) = r%d%n".formatted(width, base, at, r));
                    }
                    case 1 -> text.append("r%d += r%d%n".formatted(r, r == 2 ? 3 : 2));
                    case 2 -> text.append("*(u64 *)(r10 - 8) = r%d%n".formatted(r));
                    default -> text.append("r%d = *(%s *)(%s + %d)%n".formatted(r, widths[w], base, at));
                }
            }
            if (block + 2 < blocks) {
                int to = block + 1 + random.nextInt(blocks - block - 1);
                text.append("if r%d s> %d goto b%d%n".formatted(2 + random.nextInt(4), random.nextInt(20), to));
            }
        }
        if (random.nextBoolean()) {
            text.append("r1 += 1\nif r1 < 3 goto b")
                    .append(random.nextInt(blocks))
                    .append('\n');
        }
        return text.append("r0 ^= r2\nr0 ^= r3\n").append(END).toString();
    }

    @Test
    void randomLoads() {
        Random random = new Random(SEED);
        for (int i = 0; i < PROGRAMS; i++) {
            String text = random(random);
            Verified verified = Proved.of(Assembler.assemble(text));
            Proved.runsAlike(verified, bed, "program " + i + " of -Dsluice.seed=" + SEED + "\n" + text);
        }
    }
}
