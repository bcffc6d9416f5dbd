package dev.sluice.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.LongBinaryOperator;
import org.junit.jupiter.api.Test;

/** Every set of four bits against every other: what an operation may give lies in what it says. */
class TnumTest {
    private static final int BITS = 4;

    private static List<Tnum> all() {
        List<Tnum> sets = new ArrayList<>();
        for (long mask = 0; mask < 1 << BITS; mask++) {
            for (long value = 0; value < 1 << BITS; value++) {
                if ((value & mask) == 0) {
                    sets.add(new Tnum(value, mask));
                }
            }
        }
        return sets;
    }

    private static List<Long> members(Tnum set) {
        List<Long> members = new ArrayList<>();
        for (long n = 0; n < 1 << BITS; n++) {
            if (set.contains(n)) {
                members.add(n);
            }
        }
        return members;
    }

    private static void holds(BinaryOperator<Tnum> abstractly, LongBinaryOperator concretely) {
        for (Tnum a : all()) {
            for (Tnum b : all()) {
                Tnum result = abstractly.apply(a, b);
                assertThat(result.value() & result.mask()).isZero();
                for (long x : members(a)) {
                    for (long y : members(b)) {
                        long expected = concretely.applyAsLong(x, y);
                        if (!result.contains(expected)) {
                            throw new AssertionError(a + " op " + b + " = " + result + " lacks " + expected);
                        }
                    }
                }
            }
        }
    }

    @Test
    void sumsAndProductsAreInside() {
        holds(Tnum::add, (x, y) -> x + y);
        holds(Tnum::sub, (x, y) -> x - y);
        holds(Tnum::mul, (x, y) -> x * y);
        holds((a, b) -> a.neg(), (x, y) -> -x);
    }

    @Test
    void bitOperationsAreExact() {
        holds(Tnum::and, (x, y) -> x & y);
        holds(Tnum::or, (x, y) -> x | y);
        holds(Tnum::xor, (x, y) -> x ^ y);
        for (Tnum a : all()) {
            for (Tnum b : all()) {
                List<Long> results = new ArrayList<>();
                members(a).forEach(x -> members(b).forEach(y -> results.add(x & y)));
                assertThat(results).containsAll(members(a.and(b)));
            }
        }
    }

    @Test
    void unionAndIntersectionAreThatOfSets() {
        for (Tnum a : all()) {
            for (Tnum b : all()) {
                assertThat(members(a.union(b))).containsAll(members(a)).containsAll(members(b));
                List<Long> both = new ArrayList<>(members(a));
                both.retainAll(members(b));
                assertThat(a.overlaps(b)).isEqualTo(!both.isEmpty());
                if (!both.isEmpty()) {
                    assertThat(members(a.intersect(b))).isEqualTo(both);
                }
                assertThat(a.includes(b)).isEqualTo(members(a).containsAll(members(b)));
            }
        }
    }

    @Test
    void aRangeIsTheSmallestSetAroundIt() {
        for (long min = 0; min < 1 << BITS; min++) {
            for (long max = min; max < 1 << BITS; max++) {
                Tnum range = Tnum.range(min, max);
                for (long n = min; n <= max; n++) {
                    assertThat(range.contains(n)).isTrue();
                }
                long unknown = Long.highestOneBit(min ^ max);
                assertThat(range.mask()).isEqualTo(unknown == 0 ? 0 : 2 * unknown - 1);
            }
        }
    }

    @Test
    void shiftsMoveTheSign() {
        Tnum negative = new Tnum(0x8000_0000L, 0x7);
        assertThat(negative.arsh32(4)).isEqualTo(new Tnum(0xf800_0000L, 0));
        assertThat(negative.arsh(4)).isEqualTo(new Tnum(0x800_0000L, 0));
        assertThat(Tnum.UNKNOWN.rsh(60)).isEqualTo(new Tnum(0, 0xf));
        assertThat(Tnum.of(0x1_2345L).cast(2)).isEqualTo(Tnum.of(0x2345));
    }

    /** All sets of six bits, all numbers. */
    @Test
    void theNextNumberOfASet() {
        for (int mask = 0; mask < 64; mask++) {
            for (int value = 0; value < 64; value++) {
                if ((value & mask) != 0) {
                    continue;
                }
                Tnum set = new Tnum(value, mask);
                for (int number = 0; number < 64; number++) {
                    long expected = value | mask;
                    for (int candidate = 63; candidate > number; candidate--) {
                        expected = set.contains(candidate) ? candidate : expected;
                    }
                    assertThat(set.above(number)).as("%s above %d", set, number).isEqualTo(expected);
                }
            }
        }
        assertThat(new Tnum(1L << 63, 1).above(1L << 63)).isEqualTo(1L << 63 | 1);
        assertThat(new Tnum(0, 1L << 63).above(5)).isEqualTo(1L << 63);
    }
}
