package dev.sluice.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Values of types as Java types: records, enums, addresses, arrays. */
class JavaValuesTest {
    private final BtfBuilder types = new BtfBuilder();
    private final int u8 = types.integer("unsigned char", 1, false);
    private final int u16 = types.integer("unsigned short", 2, false);
    private final int u32 = types.integer("unsigned int", 4, false);
    private final int u64 = types.integer("unsigned long", 8, false);
    private final int s32 = types.integer("int", 4, true);
    private final int bool = types.bool("_Bool");
    private final int character = types.integer("char", 1, true);
    private final int color = types.enumeration(
            "color", 4, false, List.of(new BtfType.Enumerator("RED", 1), new BtfType.Enumerator("BLUE", 7)));
    private final int mac = types.array(u8, u32, 6);
    private final int point = types.struct(
            "point", 8, List.of(new BtfType.Member("x", s32, 0, 0), new BtfType.Member("y_position", s32, 32, 0)));
    private final int points = types.array(point, u32, 2);
    private final int words = types.array(u32, u32, 4);
    private final int address6 = types.struct(
            "in6_addr",
            16,
            List.of(new BtfType.Member(
                    "in6_u", types.union("", 16, List.of(new BtfType.Member("u6_addr32", words, 0, 0))), 0, 0)));
    private final int text = types.array(character, u32, 8);
    private final int whole = types.struct(
            "whole",
            72,
            List.of(
                    new BtfType.Member("big", u64, 0, 0),
                    new BtfType.Member("source", u32, 64, 0),
                    new BtfType.Member("port", u16, 96, 0),
                    new BtfType.Member("strict", bool, 112, 0),
                    new BtfType.Member("color", color, 128, 0),
                    new BtfType.Member("mac", mac, 160, 0),
                    new BtfType.Member("name", text, 208, 0),
                    new BtfType.Member("corners", points, 288, 0),
                    new BtfType.Member("v6", address6, 416, 0)));

    enum Color {
        RED,
        BLUE
    }

    record Point(int x, int yPosition) {}

    record Whole(
            long big,
            InetAddress source,
            int port,
            boolean strict,
            Color color,
            byte[] mac,
            String name,
            List<Point> corners,
            InetAddress v6) {}

    @Test
    void recordsThereAndBack() {
        Btf btf = types.build();
        InetAddress source = InetAddress.ofLiteral("192.0.2.200");
        InetAddress v6 = InetAddress.ofLiteral("2001:db8::ffff:1");
        byte[] bytes = BtfValues.encode(
                btf,
                whole,
                new Whole(
                        -1,
                        source,
                        0xfffe,
                        true,
                        Color.BLUE,
                        new byte[] {2, 0, 0, 0, 0, (byte) 0xff},
                        "hello",
                        List.of(new Point(-1, 2), new Point(3, -4)),
                        v6));
        assertThat(bytes).hasSize(72);
        assertThat(bytes[8] & 0xff).isEqualTo(192);
        assertThat(bytes[52] & 0xff).isEqualTo(0x20);
        Whole read = BtfValues.decode(btf, whole, bytes, Whole.class);
        assertThat(read.big()).as("a number keeps its bits").isEqualTo(-1);
        assertThat(read.source()).isEqualTo(source);
        assertThat(read.v6()).isEqualTo(v6);
        assertThat(read.port()).isEqualTo(0xfffe);
        assertThat(read.strict()).isTrue();
        assertThat(read.color()).isEqualTo(Color.BLUE);
        assertThat(read.mac()).containsExactly(2, 0, 0, 0, 0, 0xff);
        assertThat(read.name()).isEqualTo("hello");
        assertThat(read.corners()).containsExactly(new Point(-1, 2), new Point(3, -4));
        assertThat(BtfValues.decode(btf, whole, bytes, byte[].class)).isEqualTo(bytes);
        assertThat(BtfValues.encode(btf, whole, bytes)).isEqualTo(bytes);
    }

    @Test
    void plainTypes() {
        Btf btf = types.build();
        byte[] minusOne = {-1, -1, -1, -1};
        assertThat(BtfValues.decode(btf, u32, minusOne, Integer.class)).isEqualTo(-1);
        assertThat(BtfValues.decode(btf, u32, minusOne, Long.class)).isEqualTo(0xffff_ffffL);
        assertThat(BtfValues.decode(btf, s32, minusOne, Long.class)).isEqualTo(-1);
        assertThat(BtfValues.decode(btf, u32, minusOne, BigInteger.class)).isEqualTo(0xffff_ffffL);
        assertThat(BtfValues.decode(btf, color, new byte[] {7, 0, 0, 0}, String.class))
                .isEqualTo("BLUE");
        assertThat(BtfValues.decode(btf, words, new byte[16], long[].class)).containsExactly(0, 0, 0, 0);
        assertThat(BtfValues.decode(btf, point, new byte[8], Object.class))
                .isEqualTo(Map.of("x", 0L, "y_position", 0L));
    }

    record Other(int z) {}

    record Narrow(byte x) {}

    @Test
    void whatDoesNotFit() {
        Btf btf = types.build();
        byte[] bytes = {1, 2, 3, 4, 0, 0, 0, 0};
        assertThatThrownBy(() -> BtfValues.decode(btf, point, bytes, Other.class))
                .isInstanceOf(BtfException.class)
                .hasMessage("value: expected a member z for Other, found [x, y_position]");
        assertThatThrownBy(() -> BtfValues.decode(btf, point, bytes, Narrow.class))
                .hasMessage("member x: expected a number of 8 bits, found 67305985");
        assertThatThrownBy(() -> BtfValues.decode(btf, color, new byte[4], Color.class))
                .hasMessage("value: expected one of [RED, BLUE], found 0");
    }

    @Test
    void whatDoesNotFitInto() {
        Btf btf = types.build();
        assertThatThrownBy(() -> BtfValues.encode(btf, point, new Other(1)))
                .hasMessage("value: expected members [x, y_position], found z");
        assertThatThrownBy(() -> BtfValues.encode(btf, mac, new byte[5]))
                .hasMessage("value: expected 6 bytes, found 5");
        assertThatThrownBy(() -> BtfValues.encode(btf, u16, InetAddress.ofLiteral("10.0.0.1")))
                .hasMessage("value: expected 2 bytes, found 4");
    }
}
