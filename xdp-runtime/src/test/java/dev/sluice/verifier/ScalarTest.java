package dev.sluice.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.JmpOp;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Random scalars with a concrete member each: after an operation the concrete result lies in the abstract one. */
class ScalarTest {
    private static final int ROUNDS = 60_000;
    private static final long[] EDGES = {
        0,
        1,
        -1,
        2,
        31,
        32,
        63,
        64,
        127,
        128,
        255,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Integer.MIN_VALUE
    };
    private static final List<AluOp> OPERATIONS = List.of(
            AluOp.ADD,
            AluOp.SUB,
            AluOp.MUL,
            AluOp.AND,
            AluOp.OR,
            AluOp.XOR,
            AluOp.LSH,
            AluOp.RSH,
            AluOp.ARSH,
            AluOp.NEG);

    private final long seed = Long.getLong("sluice.seed", System.nanoTime());
    private final Random random = new Random(seed);

    /** A scalar and one of the numbers that it may be. */
    private record Known(Scalar scalar, long value) {}

    private long number() {
        return switch (random.nextInt(4)) {
            case 0 -> EDGES[random.nextInt(EDGES.length)];
            case 1 -> EDGES[random.nextInt(EDGES.length)] + random.nextInt(9) - 4;
            case 2 -> random.nextInt(300);
            default -> random.nextLong() >> random.nextInt(64);
        };
    }

    /** What a few branches may teach of a number. */
    private Known known() {
        long value = number();
        Scalar scalar = new Scalar();
        for (int i = random.nextInt(4); i > 0; i--) {
            JmpOp op = JmpOp.values()[random.nextInt(JmpOp.values().length)];
            boolean wide = random.nextBoolean();
            learn(op, scalar, value, number(), wide);
        }
        if (random.nextInt(8) == 0) {
            scalar.setKnown(value);
        }
        return new Known(scalar, value);
    }

    private static void learn(JmpOp op, Scalar scalar, long value, long other, boolean wide) {
        Scalar constant = new Scalar();
        constant.setKnown(other);
        boolean holds = wide ? op.test(value, other) : op.test((int) value, (int) other);
        if (holds) {
            ScalarBranch.assumeTrue(op, scalar, constant, wide);
        } else {
            ScalarBranch.assumeFalse(op, scalar, constant, wide);
        }
    }

    private void check(Scalar scalar, long value, Object what) {
        if (!scalar.contains(value) || scalar.isContradictory()) {
            throw new AssertionError("seed=" + seed + " " + what + ": " + value + " is not in " + scalar.bits + " s["
                    + scalar.smin + "," + scalar.smax + "] u[" + Long.toUnsignedString(scalar.umin) + ","
                    + Long.toUnsignedString(scalar.umax) + "] s32[" + scalar.s32min + "," + scalar.s32max + "] u32["
                    + Integer.toUnsignedString(scalar.u32min) + "," + Integer.toUnsignedString(scalar.u32max) + "]");
        }
    }

    @Test
    void whatBranchesTeachIsTrue() {
        for (int i = 0; i < ROUNDS; i++) {
            Known known = known();
            check(known.scalar, known.value, "branches");
        }
    }

    @Test
    void arithmeticStaysInside() {
        for (int i = 0; i < ROUNDS; i++) {
            Known a = known();
            Known b = known();
            AluOp op = OPERATIONS.get(random.nextInt(OPERATIONS.size()));
            boolean wide = random.nextBoolean();
            if (!ScalarAlu.apply(op, a.scalar, b.scalar, wide)) {
                assertThat(op).isIn(AluOp.LSH, AluOp.RSH, AluOp.ARSH);
                continue;
            }
            long result = wide ? op.apply(a.value, b.value) : op.apply((int) a.value, (int) b.value) & 0xffff_ffffL;
            check(a.scalar, result, op + (wide ? "64" : "32") + " of " + a.value + " and " + b.value);
        }
    }

    @Test
    void decisionsAreRight() {
        for (int i = 0; i < ROUNDS; i++) {
            Known a = known();
            Known b = known();
            JmpOp op = JmpOp.values()[random.nextInt(JmpOp.values().length)];
            boolean wide = random.nextBoolean();
            boolean holds = wide ? op.test(a.value, b.value) : op.test((int) a.value, (int) b.value);
            int decided = ScalarBranch.decide(op, a.scalar, b.scalar, wide);
            assertThat(decided)
                    .as("seed=%d %s of %d and %d", seed, op, a.value, b.value)
                    .isIn(ScalarBranch.OPEN, holds ? 1 : 0);
        }
    }

    @Test
    void comparingTwoUnknownsTeachesBothTheTruth() {
        for (int i = 0; i < ROUNDS; i++) {
            Known a = known();
            Known b = known();
            JmpOp op = JmpOp.values()[random.nextInt(JmpOp.values().length)];
            boolean wide = random.nextBoolean();
            if (wide ? op.test(a.value, b.value) : op.test((int) a.value, (int) b.value)) {
                ScalarBranch.assumeTrue(op, a.scalar, b.scalar, wide);
            } else {
                ScalarBranch.assumeFalse(op, a.scalar, b.scalar, wide);
            }
            check(a.scalar, a.value, op);
            check(b.scalar, b.value, op);
        }
    }

    @Test
    void truncationAndExtensionStayInside() {
        for (int i = 0; i < ROUNDS; i++) {
            Known a = known();
            int bytes = 1 << random.nextInt(3);
            int unused = 64 - 8 * bytes;
            switch (random.nextInt(3)) {
                case 0 -> {
                    a.scalar.truncate(bytes);
                    check(a.scalar, a.value << unused >>> unused, "truncate " + bytes);
                }
                case 1 -> {
                    SignExtension.extend64(a.scalar, bytes);
                    assertThat(a.scalar.contains(a.value << unused >> unused))
                            .as("seed=%d extend %d of %d", seed, bytes, a.value)
                            .isTrue();
                }
                default -> {
                    AluOp op = List.of(AluOp.BE16, AluOp.BE32, AluOp.BE64, AluOp.LE16, AluOp.BSWAP64)
                            .get(random.nextInt(5));
                    ByteOrderOps.apply(op, a.scalar);
                    check(a.scalar, op.apply(a.value, 0L), op);
                }
            }
        }
    }

    @Test
    void aHalfBelowAMultipleOfTwoTo32IsKnownToBeNegative() {
        Scalar scalar = new Scalar();
        scalar.u32min = 16;
        scalar.s32min = -1;
        scalar.s32max = 0;
        scalar.sync();
        assertThat(scalar.u32min).isEqualTo(-1);
        assertThat(scalar.u32max).isEqualTo(-1);
    }
}
