package dev.sluice.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the bytes are, reading and using them works or is a {@link BtfException}. */
class DamagedBtfTest {
    private static final long SEED = Long.getLong("sluice.seed", System.nanoTime());

    private static boolean use(byte[] bytes, String what) {
        try {
            Btf btf = Btf.parse(bytes);
            for (int id = 0; id < btf.endId(); id++) {
                useType(btf, id);
            }
            return true;
        } catch (BtfException e) {
            assertThat(e.getMessage()).isNotBlank();
            return false;
        } catch (RuntimeException | Error e) {
            return fail("expected a BtfException: " + what, e);
        }
    }

    private static void useType(Btf btf, int id) {
        assertThat(btf.type(id).id()).isEqualTo(id);
        assertThat(btf.describe(id)).isNotNull();
        try {
            btf.sizeOf(id);
            BtfValues.decode(btf, id, new byte[64]);
            BtfWalker.walk(btf, id, MemorySegment.ofArray(new byte[4096]), new NullVisitor());
        } catch (BtfException e) {
            assertThat(e.getMessage()).isNotBlank();
        }
    }

    @Test
    void cutOffAtEveryOffset() {
        byte[] whole = BtfTest.everyKind().bytes();
        assertThat(use(whole, "whole")).isTrue();
        for (int length = 0; length < whole.length; length++) {
            assertThat(use(Arrays.copyOf(whole, length), "length=" + length)).isFalse();
        }
    }

    @Test
    void everyByteWithEveryValue() {
        byte[] whole = BtfTest.everyKind().bytes();
        assertTimeout(Duration.ofSeconds(240), () -> {
            for (int at = 0; at < whole.length; at++) {
                for (int value = 0; value < 256; value += at < 40 ? 1 : 3) {
                    byte[] damaged = whole.clone();
                    damaged[at] = (byte) value;
                    use(damaged, "[" + at + "]=" + value);
                }
            }
        });
    }

    @Test
    void manyFlips() {
        byte[] whole = BtfTest.everyKind().bytes();
        Random random = new Random(SEED);
        for (int run = 0; run < 20_000; run++) {
            byte[] damaged = whole.clone();
            for (int i = 0; i < 1 + run % 12; i++) {
                damaged[24 + random.nextInt(damaged.length - 24)] =
                        (byte) random.nextInt(random.nextBoolean() ? 32 : 256);
            }
            use(damaged, "-Dsluice.seed=" + SEED + " run=" + run);
        }
    }

    @Test
    void structsThatContainThemselvesEnd() {
        BtfBuilder b = new BtfBuilder();
        BtfType.Member self = new BtfType.Member("", 1, 0, 0);
        b.struct("", 0, java.util.Collections.nCopies(1000, self));
        Btf btf = b.build();
        assertTimeout(Duration.ofSeconds(240), () -> {
            assertThat(use(btf.bytes(), "self")).isTrue();
            try {
                BtfValues.encode(btf, 1, java.util.Map.of("x", 1));
                fail("expected a BtfException");
            } catch (BtfException e) {
                assertThat(e.getMessage()).isNotBlank();
            }
        });
    }

    /** Is told everything and keeps nothing. */
    private static final class NullVisitor implements BtfVisitor {
        @Override
        public void beginStruct() {}

        @Override
        public void member(String name) {}

        @Override
        public void endStruct() {}

        @Override
        public void beginArray() {}

        @Override
        public void endArray() {}

        @Override
        public void integer(long value, boolean signed) {}

        @Override
        public void wideInteger(long high, long low, boolean signed) {}

        @Override
        public void bitfield(long high, long low, int bits) {}

        @Override
        public void bool(boolean value) {}

        @Override
        public void character(byte value) {}

        @Override
        public void string(String value) {}

        @Override
        public void enumerator(String name, long value) {}

        @Override
        public void pointer(long value) {}

        @Override
        public void floatingPoint(double value) {}

        @Override
        public void unknown(String what) {}
    }
}
