package dev.sluice.btf;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian numbers in a byte array; the caller has checked the bounds. */
final class Bytes {
    private static final VarHandle I32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private Bytes() {}

    static int i32(byte[] bytes, int at) {
        return (int) I32.get(bytes, at);
    }

    static void i32(byte[] bytes, int at, int value) {
        I32.set(bytes, at, value);
    }

    static int u16(byte[] bytes, int at) {
        return (bytes[at] & 0xff) | (bytes[at + 1] & 0xff) << 8;
    }
}
