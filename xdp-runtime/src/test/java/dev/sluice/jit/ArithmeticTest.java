package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.Assembler;
import dev.sluice.program.Verified;
import java.lang.classfile.instruction.InvokeInstruction;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Proved programs test no divisor that is never 0, and compute what the interpreter does. */
class ArithmeticTest {
    /** Repeats a run: {@code -Dsluice.seed=N}. */
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());

    private static final int PROGRAMS = 300;

    /** Bytes, a word and a long of the packet in r2 to r5. */
    private static final String BEGIN = """
            r9 = *(u32 *)(r1 + 4)
            r6 = *(u32 *)(r1 + 0)
            r8 = r6
            r8 += 64
            r0 = 0
            if r8 > r9 goto out
            r2 = *(u8 *)(r6 + 3)
            r3 = *(u16 *)(r6 + 8)
            r4 = *(u32 *)(r6 + 12)
            r5 = *(u64 *)(r6 + 16)
            """;

    /** The action tells all 64 bits. */
    private static final String END = """
            r1 = r0
            r1 >>= 32
            r0 ^= r1
            out:
            exit
            """;

    private final Bed bed = new Bed(3);

    @AfterEach
    void close() {
        bed.close();
    }

    private static Verified proved(String body) {
        return Proved.of(Assembler.assemble(BEGIN + body + END));
    }

    private static List<String> calls(Verified verified) {
        return Proved.packetLoop(verified)
                .filter(InvokeInstruction.class::isInstance)
                .map(element -> ((InvokeInstruction) element).name().stringValue())
                .toList();
    }

    @Test
    void aDivisorThatIsNeverZeroIsNotTested() {
        String known = "r2 |= 1\nr0 = r5\nr0 /= r2\n";
        String unknown = "r0 = r5\nr0 /= r2\n";
        assertThat(calls(proved(known))).contains("divideUnsigned").doesNotContain("div64");
        assertThat(calls(proved(unknown))).doesNotContain("divideUnsigned");
        Proved.runsAlike(proved(known), bed, known);
        Proved.runsAlike(proved(unknown), bed, unknown);
    }

    @Test
    void aDivisionByAConstantIsASignedOneWhereThatIsTheSame() {
        for (String op : new String[] {"/=", "%="}) {
            String method = op.equals("/=") ? "divideUnsigned" : "remainderUnsigned";
            for (String same : new String[] {
                "r0 = r5\nw0 %s 1000\n", "r0 = r5\nw0 %s -7\n", "r0 = r5\nr0 >>= 1\nr0 %s 10\n", "r0 = r4\nr0 %s 7\n"
            }) {
                String body = same.formatted(op);
                assertThat(calls(proved(body))).as(body).doesNotContain(method);
                Proved.runsAlike(proved(body), bed, body);
            }
            for (String other : new String[] {"r0 = r5\nr0 %s 10\n", "r0 = r4\nr0 %s -7\n"}) {
                String body = other.formatted(op);
                assertThat(calls(proved(body))).as(body).contains(method);
                Proved.runsAlike(proved(body), bed, body);
            }
        }
    }

    @Test
    void randomArithmeticIsTheInterpreters() {
        Random random = new Random(SEED);
        String[] binary = {"+=", "-=", "*=", "|=", "&=", "^=", "=", "/=", "%=", "s/=", "s%="};
        String[] shifts = {"<<=", ">>=", "s>>="};
        for (int i = 0; i < PROGRAMS; i++) {
            StringBuilder body = new StringBuilder("r0 = 0\n");
            for (int n = 0; n < 40; n++) {
                String half = random.nextInt(4) == 0 ? "r" : "w";
                String dst = half + new int[] {0, 2, 3, 4, 5}[random.nextInt(5)];
                String src = half + (2 + random.nextInt(4));
                String text = switch (random.nextInt(5)) {
                    case 0 -> dst + " " + shifts[random.nextInt(3)] + " " + random.nextInt(32);
                    case 1 -> dst + " " + binary[random.nextInt(7)] + " " + (random.nextInt() >> random.nextInt(32));
                    case 2 -> dst + " " + shifts[random.nextInt(3)] + " " + src;
                    case 3 ->
                        dst + (random.nextBoolean() ? " /= " : " %= ") + (random.nextInt() >> random.nextInt(31) | 1);
                    default -> dst + " " + binary[random.nextInt(binary.length)] + " " + src;
                };
                body.append(text).append('\n');
            }
            body.append("r0 ^= r2\nr0 ^= r3\nr0 ^= r4\nr0 ^= r5\n");
            Proved.runsAlike(proved(body.toString()), bed, "seed=" + SEED + " program=" + i + "\n" + body);
        }
    }
}
