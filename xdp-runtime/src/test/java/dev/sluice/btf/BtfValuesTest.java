package dev.sluice.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.btf.BtfType.Enumerator;
import dev.sluice.btf.BtfType.Member;
import dev.sluice.btf.BtfType.SectionVar;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Values of types: as bpftool prints them (measured with its version 7.1), and back to bytes. */
class BtfValuesTest {
    private final BtfBuilder b = new BtfBuilder();
    private final int integer = b.integer("int", 4, true);
    private final int unsigned = b.integer("unsigned int", 4, false);
    private final int character = b.integer("char", 1, true);
    private final int u8 = b.integer("unsigned char", 1, false);
    private final int u64 = b.integer("unsigned long long", 8, false);
    private final int i128 = b.integer("__int128", 16, true);
    private final int bool = b.bool("_Bool");
    private final int color =
            b.enumeration("color", 4, false, List.of(new Enumerator("RED", 0), new Enumerator("GREEN", 5)));
    private final int sign =
            b.enumeration("neg", 4, true, List.of(new Enumerator("MINUS", -1), new Enumerator("PLUS", 1)));

    private static byte[] bytes(int size, Object... numbers) {
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        for (Object number : numbers) {
            switch (number) {
                case Byte n -> buffer.put(n);
                case Short n -> buffer.putShort(n);
                case Integer n -> buffer.putInt(n);
                case Long n -> buffer.putLong(n);
                case Float n -> buffer.putFloat(n);
                case Double n -> buffer.putDouble(n);
                default -> throw new AssertionError(number);
            }
        }
        return buffer.array();
    }

    private static byte[] text(String text, int size) {
        byte[] bytes = new byte[size];
        byte[] chars = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(chars, 0, bytes, 0, chars.length);
        return bytes;
    }

    @Test
    void integers() {
        Btf btf = b.build();
        assertThat(BtfValues.decode(btf, integer, bytes(4, -2))).isEqualTo(-2L);
        assertThat(BtfValues.decode(btf, unsigned, bytes(4, -2))).isEqualTo(0xffff_fffeL);
        assertThat(BtfValues.decode(btf, character, bytes(1, (byte) 65)))
                .as("clang does not mark char as a character")
                .isEqualTo(65L);
        assertThat(BtfValues.decode(btf, u64, bytes(8, -1L))).isEqualTo(new BigInteger("18446744073709551615"));
        assertThat(BtfValues.decode(btf, bool, bytes(1, (byte) 1))).isEqualTo(true);
        assertThat(BtfValues.decode(btf, i128, bytes(16, 1L, 2L)))
                .isEqualTo(BigInteger.TWO.shiftLeft(64).add(BigInteger.ONE));
        assertThat(BtfValues.decode(btf, i128, bytes(16, -1L, -1L))).isEqualTo(BigInteger.ONE.negate());
    }

    @Test
    void enumerations() {
        Btf btf = b.build();
        assertThat(BtfValues.decode(btf, color, bytes(4, 5))).isEqualTo("GREEN");
        assertThat(BtfValues.decode(btf, color, bytes(4, 6))).isEqualTo(6L);
        assertThat(BtfValues.decode(btf, sign, bytes(4, -1))).isEqualTo("MINUS");
        assertThat(BtfValues.decode(btf, sign, bytes(4, -5))).isEqualTo(-5L);
        assertThat(BtfValues.encode(btf, color, "GREEN")).isEqualTo(bytes(4, 5));
        assertThat(BtfValues.encode(btf, sign, "MINUS")).isEqualTo(bytes(4, -1));
        assertThat(BtfValues.encode(btf, sign, -5)).isEqualTo(bytes(4, -5));
        assertThatThrownBy(() -> BtfValues.encode(btf, color, "BLUE"))
                .isInstanceOf(BtfException.class)
                .hasMessage("value: expected one of [RED, GREEN], found BLUE");
    }

    @Test
    void charactersAreTextWhereTheyLookLikeIt() {
        int four = b.array(character, integer, 4);
        int typedef = b.array(b.typedef("mychar", character), integer, 4);
        int constant = b.array(b.qualifier(BtfKind.CONST, b.qualifier(BtfKind.VOLATILE, character)), integer, 4);
        int bytes = b.array(u8, integer, 4);
        int two = b.array(four, integer, 2);
        int flexible = b.array(character, integer, 0);
        Btf btf = b.build();
        assertThat(BtfValues.decode(btf, four, text("ab", 4))).isEqualTo("ab");
        assertThat(BtfValues.decode(btf, four, text("", 4))).isEqualTo("");
        assertThat(BtfValues.decode(btf, constant, text("cc", 4))).isEqualTo("cc");
        assertThat(BtfValues.decode(btf, four, text("abcd", 4))).as("no end").isEqualTo(List.of(97L, 98L, 99L, 100L));
        assertThat(BtfValues.decode(btf, four, text("a\n", 4))).isEqualTo(List.of(97L, 10L, 0L, 0L));
        assertThat(BtfValues.decode(btf, four, text("é", 4))).isEqualTo(List.of(-61L, -87L, 0L, 0L));
        assertThat(BtfValues.decode(btf, typedef, text("ab", 4))).isEqualTo(List.of(97L, 98L, 0L, 0L));
        assertThat(BtfValues.decode(btf, bytes, text("ab", 4))).isEqualTo(List.of(97L, 98L, 0L, 0L));
        assertThat(BtfValues.decode(btf, two, text("ab\0\0cd\0\0", 8))).isEqualTo(List.of("ab", "cd"));
        assertThat(BtfValues.decode(btf, flexible, new byte[0])).isEqualTo(List.of());
        assertThat(BtfValues.encode(btf, four, "ab")).isEqualTo(text("ab", 4));
        assertThat(BtfValues.encode(btf, bytes, List.of(1, 2))).isEqualTo(new byte[] {1, 2, 0, 0});
        assertThatThrownBy(() -> BtfValues.encode(btf, four, "abcde")).isInstanceOf(BtfException.class);
    }

    @Test
    void bitFieldsAreBareBits() {
        // int bs:5; (3 bits of padding) unsigned bu:7; enum be:4; _Bool bb:1; unsigned long long bl:33
        int struct = b.struct(
                "bits",
                16,
                List.of(
                        new Member("bs", integer, 0, 5),
                        new Member("bu", unsigned, 8, 7),
                        new Member("be", color, 15, 4),
                        new Member("bb", bool, 19, 1),
                        new Member("bl", u64, 20, 33)));
        Btf btf = b.build();
        byte[] value = bytes(16, 0xffff_fff0_b0b3L >>> 0, 0L);
        Map<String, Object> expected = Map.of("bs", 0x13L, "bu", 0x30L, "be", 1L, "bb", 0L, "bl", 0xfff_ffffL);
        assertThat(BtfValues.decode(btf, struct, value)).isEqualTo(expected);
        byte[] encoded = BtfValues.encode(btf, struct, expected);
        assertThat(BtfValues.decode(btf, struct, encoded)).isEqualTo(expected);
        assertThatThrownBy(() -> BtfValues.encode(btf, struct, Map.of("bb", 2))).isInstanceOf(BtfException.class);
    }

    @Test
    void bitFieldsOfOldCompilers() {
        BtfBuilder old = new BtfBuilder();
        int narrow = old.integer("int", 4, false);
        byte[] bytes = old.build().bytes();
        // an integer of 3 bits, as compilers described bit fields before the flag for them
        bytes[24 + 12] = 3;
        BtfBuilder builder = BtfBuilder.from(Btf.parse(bytes));
        int struct = builder.struct("s", 4, List.of(new Member("a", narrow, 0, 0), new Member("b", narrow, 3, 0)));
        assertThat(BtfValues.decode(builder.build(), struct, bytes(4, 0b101_011)))
                .isEqualTo(Map.of("a", 3L, "b", 5L));
    }

    @Test
    void structs() {
        int pointer = b.pointer(0);
        int f = b.floatingPoint("float", 4);
        int d = b.floatingPoint("double", 8);
        int inner = b.union("", 4, List.of(new Member("x", integer, 0, 0), new Member("c", u8, 0, 0)));
        int empty = b.struct("", 0, List.of());
        int struct = b.struct(
                "value",
                40,
                List.of(
                        new Member("p", pointer, 0, 0),
                        new Member("f", f, 64, 0),
                        new Member("", inner, 96, 0),
                        new Member("d", d, 128, 0),
                        new Member("e", empty, 192, 0),
                        new Member("a", b.array(b.array(integer, integer, 2), integer, 2), 192, 0)));
        Btf btf = b.build();
        byte[] value = bytes(40, 0xffff_8880_1234_5678L, 1.5f, 7, 2.25, 1, 2, 3, -4);
        Map<String, Object> expected = Map.of(
                "p",
                new BigInteger("ffff888012345678", 16),
                "f",
                1.5,
                "x",
                7L,
                "c",
                7L,
                "d",
                2.25,
                "e",
                Map.of(),
                "a",
                List.of(List.of(1L, 2L), List.of(3L, -4L)));
        assertThat(BtfValues.decode(btf, struct, value)).isEqualTo(expected);
        assertThat(BtfValues.encode(btf, struct, expected)).isEqualTo(value);
        assertThat(BtfValues.encode(btf, struct, Map.of("x", "0x10", "d", "0.5")))
                .isEqualTo(bytes(40, 0L, 0, 16, 0.5));
        assertThatThrownBy(() -> BtfValues.decode(btf, struct, new byte[39])).isInstanceOf(BtfException.class);
        assertThatThrownBy(() -> BtfValues.encode(btf, struct, Map.of("y", 1)))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("found y");
        assertThatThrownBy(() -> BtfValues.encode(btf, struct, Map.of("a", List.of(List.of(1, "z")))))
                .isInstanceOf(BtfException.class)
                .hasMessage("member a[0][1]: expected a whole number, found z");
    }

    @Test
    void sectionsAreListsOfVariables() {
        int first = b.variable("zero", u64, BtfType.Var.GLOBAL);
        int second = b.variable("flag", bool, BtfType.Var.GLOBAL);
        int section = b.dataSection(".bss", 9, List.of(new SectionVar(first, 0, 8), new SectionVar(second, 8, 1)));
        assertThat(BtfValues.decode(b.build(), section, bytes(9, 3L, (byte) 1)))
                .isEqualTo(Map.of(".bss", List.of(Map.of("zero", 3L), Map.of("flag", true))));
    }

    @Test
    void numbersThatDoNotFit() {
        Btf btf = b.build();
        assertThat(BtfValues.encode(btf, u8, 255)).isEqualTo(new byte[] {-1});
        assertThat(BtfValues.encode(btf, integer, "0xffffffff")).isEqualTo(bytes(4, -1));
        assertThatThrownBy(() -> BtfValues.encode(btf, u8, 256)).isInstanceOf(BtfException.class);
        assertThatThrownBy(() -> BtfValues.encode(btf, u8, -1)).isInstanceOf(BtfException.class);
        assertThatThrownBy(() -> BtfValues.encode(btf, integer, "4294967296")).isInstanceOf(BtfException.class);
        assertThatThrownBy(() -> BtfValues.encode(btf, integer, "x")).isInstanceOf(BtfException.class);
        assertThatThrownBy(() -> BtfValues.encode(btf, integer, 1.5)).isInstanceOf(BtfException.class);
        assertThat(BtfValues.encode(btf, bool, true)).isEqualTo(new byte[] {1});
        assertThat(BtfValues.encode(btf, bool, "false")).isEqualTo(new byte[] {0});
        assertThatThrownBy(() -> BtfValues.encode(btf, bool, 2)).isInstanceOf(BtfException.class);
    }

    @Test
    void whatIsWrittenIsRead() {
        int struct = b.struct(
                "mixed",
                32,
                List.of(
                        new Member("i", integer, 0, 0),
                        new Member("u", unsigned, 32, 0),
                        new Member("l", u64, 64, 0),
                        new Member("w", i128, 128, 0)));
        Btf btf = b.build();
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int run = 0; run < 1_000; run++) {
            byte[] value = new byte[32];
            random.nextBytes(value);
            Object decoded = BtfValues.decode(btf, struct, value);
            assertThat(decoded).isNotNull();
            assertThat(BtfValues.encode(btf, struct, decoded))
                    .as("-Dsluice.seed=%d run=%d", seed, run)
                    .isEqualTo(value);
        }
    }

    @Test
    void partsOfValues() {
        int inner = b.struct("inner", 8, List.of(new Member("x", integer, 0, 0), new Member("y", u64, 32, 0)));
        int anonymous = b.union("", 8, List.of(new Member("u", unsigned, 0, 0), new Member("i", inner, 0, 0)));
        int struct = b.struct(
                "outer",
                64,
                List.of(
                        new Member("a", b.array(b.array(inner, integer, 2), integer, 3), 0, 0),
                        new Member("", anonymous, 8 * 48, 0),
                        new Member("bit", integer, 8 * 56, 3)));
        Btf btf = b.build();
        assertThat(BtfAccess.of(btf, struct, "")).isEqualTo(new BtfAccess(0, struct));
        assertThat(BtfAccess.of(btf, struct, ".a[2][1].x")).isEqualTo(new BtfAccess(40, integer));
        assertThat(BtfAccess.of(btf, struct, ".u")).isEqualTo(new BtfAccess(48, unsigned));
        assertThat(BtfAccess.of(btf, struct, ".i.y")).isEqualTo(new BtfAccess(52, u64));
        for (String wrong : List.of(".z", ".a.x", ".a[3]", ".a[-1]", ".a[1", ".bit", "x", ".", ".u.v", ".u[0]")) {
            assertThatThrownBy(() -> BtfAccess.of(btf, struct, wrong)).as(wrong).isInstanceOf(BtfException.class);
        }
    }
}
