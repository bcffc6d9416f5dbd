package dev.sluice.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Functions, lines and relocations of a .BTF.ext section. */
class BtfExtTest {
    private static final int NAME;
    private static final int TEXT;
    private static final Btf BTF;

    static {
        BtfBuilder b = new BtfBuilder();
        int integer = b.integer("0:1:2", 4, true);
        b.function("a.c", b.functionPrototype(integer, java.util.List.of()), BtfType.Func.GLOBAL);
        BTF = b.build();
        // strings are appended in this order: empty, "0:1:2", "a.c"
        TEXT = 1;
        NAME = 7;
    }

    /** @param extra bytes that records and the header are longer than what is known of them */
    private static byte[] section(boolean withRelocations, int extra) {
        ByteBuffer body = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        int functions = body.position();
        body.putInt(8 + extra).putInt(NAME).putInt(1);
        body.putInt(16).putInt(3).put(new byte[extra]);
        int lines = body.position();
        body.putInt(16 + extra).putInt(NAME).putInt(2);
        body.putInt(16).putInt(NAME).putInt(TEXT).putInt(12 << 10 | 5).put(new byte[extra]);
        body.putInt(24).putInt(NAME).putInt(0).putInt(13 << 10).put(new byte[extra]);
        int relocations = body.position();
        body.putInt(16 + extra).putInt(NAME).putInt(1);
        body.putInt(24).putInt(1).putInt(TEXT).putInt(12).put(new byte[extra]);
        int end = body.position();
        int header = (withRelocations ? 32 : 24) + extra;
        ByteBuffer all = ByteBuffer.allocate(header + end).order(ByteOrder.LITTLE_ENDIAN);
        all.putShort((short) 0xeb9f).put((byte) 1).put((byte) 0).putInt(header);
        all.putInt(functions).putInt(lines - functions).putInt(lines).putInt(relocations - lines);
        if (withRelocations) {
            all.putInt(relocations).putInt(end - relocations);
        }
        all.position(header);
        all.put(body.array(), 0, end);
        return all.array();
    }

    @Test
    void read() {
        BtfExt ext = BtfExt.parse(section(true, 0), BTF);
        assertThat(ext.functions().get("a.c")).containsExactly(new BtfExt.FuncInfo(16, 3));
        assertThat(ext.lines().get("a.c"))
                .containsExactly(
                        new BtfExt.LineInfo(16, "a.c", "0:1:2", 12, 5, NAME, TEXT),
                        new BtfExt.LineInfo(24, "a.c", "", 13, 0, NAME, 0));
        assertThat(ext.relocations().get("a.c"))
                .containsExactly(new CoreRelocation(24, 1, "0:1:2", CoreRelocation.Kind.TYPE_MATCHES));
        assertThat(ext.lines().get("a.c").getFirst().slot()).isEqualTo(2);
    }

    @Test
    void shortAndLongHeadersAndRecords() {
        assertThat(BtfExt.parse(section(false, 0), BTF).relocations()).isEmpty();
        assertThat(BtfExt.parse(section(true, 8), BTF)).isEqualTo(BtfExt.parse(section(true, 0), BTF));
    }

    @Test
    void damaged() {
        byte[] whole = section(true, 0);
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> BtfExt.parse(cut, BTF)).isInstanceOf(BtfException.class);
        }
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int run = 0; run < 20_000; run++) {
            byte[] damaged = whole.clone();
            for (int i = 0; i < 1 + run % 4; i++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(random.nextBoolean() ? 32 : 256);
            }
            try {
                BtfExt.parse(damaged, BTF);
            } catch (BtfException e) {
                assertThat(e.getMessage())
                        .as("-Dsluice.seed=%d run=%d", seed, run)
                        .isNotBlank();
            }
        }
    }
}
