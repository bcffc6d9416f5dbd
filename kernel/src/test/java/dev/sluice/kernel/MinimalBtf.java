package dev.sluice.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The smallest BTF that says something; layout: Documentation/bpf/btf.rst. */
final class MinimalBtf {
    /** Type 1: {@code unsigned int}, 32 bits. Type 2: a function without arguments that returns it. Type 3: {@code main}. */
    static final byte[] INT_U32 = intBtf();

    private MinimalBtf() {}

    private static byte[] intBtf() {
        String strings = "\0unsigned int\0main\0main.c\0return 2;\0";
        byte[] names = strings.getBytes(StandardCharsets.US_ASCII);
        int typeBytes = 16 + 12 + 12;
        ByteBuffer out = ByteBuffer.allocate(24 + typeBytes + names.length).order(ByteOrder.nativeOrder());
        // header: magic, version, flags, hdr_len, type_off, type_len, str_off, str_len
        out.putShort((short) 0xeb9f).put((byte) 1).put((byte) 0).putInt(24);
        out.putInt(0).putInt(typeBytes).putInt(typeBytes).putInt(names.length);
        // BTF_KIND_INT, 4 bytes, unsigned, 32 bits
        out.putInt(strings.indexOf("unsigned")).putInt(1 << 24).putInt(4).putInt(32);
        // BTF_KIND_FUNC_PROTO returning type 1
        out.putInt(0).putInt(13 << 24).putInt(1);
        // BTF_KIND_FUNC, global, of type 2
        out.putInt(strings.indexOf("main\0")).putInt(12 << 24 | 1).putInt(2);
        out.put(names);
        return out.array();
    }

    static int name(String string) {
        return "\0unsigned int\0main\0main.c\0return 2;\0".indexOf(string + "\0");
    }
}
