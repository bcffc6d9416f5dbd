package dev.sluice.object;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** Immutable bytes, equal to others by content, read as little-endian numbers. */
public final class Blob {
    private static final VarHandle I64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle I32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle I16 = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;

    private Blob(byte[] bytes) {
        this.bytes = bytes;
    }

    /** A copy of these bytes. */
    public static Blob of(byte[] bytes) {
        return new Blob(bytes.clone());
    }

    /** A copy of a range. */
    static Blob of(byte[] bytes, int from, int to) {
        return new Blob(Arrays.copyOfRange(bytes, from, to));
    }

    /** Number of bytes. */
    public int size() {
        return bytes.length;
    }

    /** A copy of the bytes. */
    public byte[] bytes() {
        return bytes.clone();
    }

    /** The byte at an offset, 0 to 255. */
    public int u8(int at) {
        return bytes[at] & 0xff;
    }

    public short i16(int at) {
        return (short) I16.get(bytes, at);
    }

    public int i32(int at) {
        return (int) I32.get(bytes, at);
    }

    public long i64(int at) {
        return (long) I64.get(bytes, at);
    }

    static void i16(byte[] bytes, int at, short value) {
        I16.set(bytes, at, value);
    }

    static void i32(byte[] bytes, int at, int value) {
        I32.set(bytes, at, value);
    }

    static int i32(byte[] bytes, int at) {
        return (int) I32.get(bytes, at);
    }

    static short i16(byte[] bytes, int at) {
        return (short) I16.get(bytes, at);
    }

    static long i64(byte[] bytes, int at) {
        return (long) I64.get(bytes, at);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Blob that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return bytes.length <= 32
                ? HexFormat.of().formatHex(bytes)
                : HexFormat.of().formatHex(bytes, 0, 32) + "... (" + bytes.length + " bytes)";
    }
}
