package dev.sluice.btf;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Values of types as plain Java objects, both ways: structs are maps by member name, arrays are lists, text is a string,
 * enumerations are their enumerator's name, numbers are {@link Long} or, above its range, {@link BigInteger}, {@code bool}
 * is {@link Boolean}, floating point is {@link Double}. Stateless.
 */
public final class BtfValues {
    private static final int MOST_DEPTH = 64;
    /** Largest value that is written; damaged tables claim anything. */
    private static final int MOST_BYTES = 64 << 20;

    private BtfValues() {}

    /**
     * Reads bytes as a value of a type. Members of anonymous structs and unions stand beside the others.
     *
     * @return null for what has no value
     * @throws BtfException if the type is malformed, or larger than {@code data}
     */
    public static @Nullable Object decode(Btf btf, int type, byte[] data) {
        Builder builder = new Builder();
        BtfWalker.walk(btf, type, data, builder);
        return builder.result;
    }

    private static final class Builder implements BtfVisitor {
        private final Deque<Object> open = new ArrayDeque<>();
        private final Deque<String> names = new ArrayDeque<>();
        private @Nullable Object result;

        @SuppressWarnings("unchecked")
        private void add(@Nullable Object value) {
            Object top = open.peek();
            if (top == null) {
                result = value;
            } else if (top instanceof List) {
                ((List<@Nullable Object>) top).add(value);
            } else {
                Map<String, @Nullable Object> struct = (Map<String, @Nullable Object>) top;
                String name = names.pop();
                if (name.isEmpty() && value instanceof Map) {
                    struct.putAll((Map<String, @Nullable Object>) value);
                } else {
                    struct.put(name, value);
                }
            }
        }

        @Override
        public void beginStruct() {
            open.push(new LinkedHashMap<String, @Nullable Object>());
        }

        @Override
        public void member(String name) {
            names.push(name);
        }

        @Override
        public void endStruct() {
            add(open.pop());
        }

        @Override
        public void beginArray() {
            open.push(new ArrayList<@Nullable Object>());
        }

        @Override
        public void endArray() {
            add(open.pop());
        }

        @Override
        public void integer(long value, boolean signed) {
            add(signed || value >= 0 ? (Object) value : new BigInteger(Long.toUnsignedString(value)));
        }

        @Override
        public void wideInteger(long high, long low, boolean signed) {
            BigInteger value = BigInteger.valueOf(high).shiftLeft(64).or(new BigInteger(Long.toUnsignedString(low)));
            add(signed || high >= 0 ? value : value.add(BigInteger.ONE.shiftLeft(128)));
        }

        @Override
        public void bitfield(long high, long low, int bits) {
            if (high != 0) {
                wideInteger(high, low, false);
            } else {
                integer(low, false);
            }
        }

        @Override
        public void bool(boolean value) {
            add(value);
        }

        @Override
        public void character(byte value) {
            add((long) value);
        }

        @Override
        public void string(String value) {
            add(value);
        }

        @Override
        public void enumerator(String name, long value) {
            add(name.isEmpty() ? (Object) value : name);
        }

        @Override
        public void pointer(long value) {
            integer(value, false);
        }

        @Override
        public void floatingPoint(double value) {
            add(value);
        }

        @Override
        public void unknown(String what) {
            add(null);
        }
    }

    /**
     * Reads bytes as a value of a type, and gives it as a value of a Java type: a record or an enum whose components and
     * constants have the names of members and enumerators ({@code minLength} stands for {@code min_length}), numbers (one
     * that is larger than a signed one of its size keeps its bits), {@code boolean}, {@link String}, arrays and lists of
     * these, {@link java.net.InetAddress} for 4 or 16 bytes, {@code byte[]} for the bytes as they are, {@link Object} for
     * what {@link #decode(Btf, int, byte[])} gives.
     *
     * @throws BtfException if the Java type has no room for the value
     */
    public static <T> T decode(Btf btf, int type, byte[] data, Class<T> as) {
        return JavaValues.as(as, data, () -> decode(btf, type, data));
    }

    /**
     * As {@link #encode}, for values of which {@link #decode(Btf, int, byte[], Class)} keeps the bits: a Java number below 0
     * is taken for an unsigned type too.
     */
    public static byte[] encodeBits(Btf btf, int type, Object value) {
        Object bits = JavaValues.bits(value);
        return encode(btf, type, bits == null ? value : bits);
    }

    /**
     * Writes a value as bytes.
     *
     * @param value as {@link #decode} gives it; numbers may also be text ({@code 0x1f}, {@code -1}), enumerators also
     *     numbers, members that are left out are zero. Addresses may be text, and are written in network order: IPv4 as an
     *     unsigned integer, IPv4, IPv6 and Ethernet addresses as a struct or an array of unsigned integers of 4, 16 and 6
     *     bytes
     *     <p>Java's own forms are taken too: records and enums, whose components and constants have the names of members
     *     and enumerators ({@code minLength} stands for {@code min_length}), arrays, {@link java.net.InetAddress}, and
     *     byte arrays for whatever has as many bytes
     * @return as many bytes as the type has
     * @throws BtfException if the value does not fit the type
     */
    public static byte[] encode(Btf btf, int type, Object value) {
        int size = btf.sizeOf(type);
        if (size > MOST_BYTES) {
            throw new BtfException("btf: type is too large for a value: expected at most " + MOST_BYTES
                    + " bytes, found size=" + size);
        }
        byte[] bytes = new byte[size];
        new Encoder(btf, bytes).write(type, value, 0, "", MOST_DEPTH);
        return bytes;
    }

    private static final class Encoder {
        private final Btf btf;
        private final byte[] bytes;
        /** Members that may be looked at: enough for real types, and not for types that contain each other in circles. */
        private int budget = 4_000_000;

        Encoder(Btf btf, byte[] bytes) {
            this.btf = btf;
            this.bytes = bytes;
        }

        private void write(int id, Object given, int at, String path, int depth) {
            if (depth == 0) {
                throw new BtfException("btf: type is nested deeper than " + MOST_DEPTH);
            }
            Object value = JavaValues.plain(given);
            if (value instanceof byte[] raw) {
                if (raw.length != btf.sizeOf(id)) {
                    throw wrong(path, btf.sizeOf(id) + " bytes", raw.length);
                }
                System.arraycopy(raw, 0, bytes, at, raw.length);
                return;
            }
            if (value instanceof JavaValues.Bits bits) {
                value = JavaValues.number(btf, id, bits);
            }
            switch (btf.resolve(id)) {
                case BtfType.Int t ->
                    putNumber(bytes, at * 8L, t.size() * 8, integer(t, value, path), t.signed(), path);
                case BtfType.Ptr t -> putNumber(bytes, at * 8L, 64, number(value, path), false, path);
                case BtfType.Enum t ->
                    putNumber(bytes, at * 8L, t.size() * 8, enumerator(t, value, path), t.signed(), path);
                case BtfType.Float t -> putFloat(t, value, bytes, at, path);
                case BtfType.Array t -> writeArray(t, value, at, path, depth);
                case BtfType.Composite t -> writeStruct(t, value, at, path, depth);
                case BtfType.Var t -> write(t.type(), value, at, path, depth - 1);
                default -> throw wrong(path, "a type with a value", btf.describe(id));
            }
        }

        private static BtfException wrong(String path, String expected, Object found) {
            return new BtfException(
                    (path.isEmpty() ? "value" : "member " + path) + ": expected " + expected + ", found " + found);
        }

        private static BigInteger integer(BtfType.Int type, Object value, String path) {
            if (value instanceof Boolean b) {
                return b ? BigInteger.ONE : BigInteger.ZERO;
            }
            if (type.isBool() && value instanceof String text && (text.equals("true") || text.equals("false"))) {
                return text.equals("true") ? BigInteger.ONE : BigInteger.ZERO;
            }
            if (value instanceof String text && type.size() == 4 && !type.signed()) {
                byte[] address = NetworkText.parse(text.strip(), 4);
                if (address != null) {
                    return BigInteger.valueOf(Integer.toUnsignedLong(Bytes.i32(address, 0)));
                }
            }
            BigInteger number = number(value, path);
            if (type.isBool() && (number.signum() < 0 || number.compareTo(BigInteger.ONE) > 0)) {
                throw wrong(path, "true or false", value);
            }
            return number;
        }

        private static BigInteger number(Object value, String path) {
            try {
                return switch (value) {
                    case BigInteger n -> n;
                    case Byte n -> BigInteger.valueOf(n);
                    case Short n -> BigInteger.valueOf(n);
                    case Integer n -> BigInteger.valueOf(n);
                    case Long n -> BigInteger.valueOf(n);
                    case Double n -> new BigDecimal(n).toBigIntegerExact();
                    case BigDecimal n -> n.toBigIntegerExact();
                    case String text -> parse(text.strip());
                    default -> throw wrong(path, "a number", value);
                };
            } catch (ArithmeticException | NumberFormatException e) {
                throw wrong(path, "a whole number", value);
            }
        }

        private static BigInteger parse(String text) {
            boolean negative = text.startsWith("-");
            String digits = negative ? text.substring(1) : text;
            // nothing that fits a type has more digits
            if (digits.length() > 64 || digits.startsWith("-") || digits.startsWith("+")) {
                throw new NumberFormatException(text);
            }
            BigInteger number = digits.startsWith("0x") || digits.startsWith("0X")
                    ? new BigInteger(digits.substring(2), 16)
                    : new BigInteger(digits);
            return negative ? number.negate() : number;
        }

        private static BigInteger enumerator(BtfType.Enum type, Object value, String path) {
            if (value instanceof String text) {
                for (BtfType.Enumerator enumerator : type.enumerators()) {
                    if (enumerator.name().equals(text.strip())) {
                        BigInteger number = BigInteger.valueOf(enumerator.value());
                        return type.signed() || number.signum() >= 0
                                ? number
                                : number.add(BigInteger.ONE.shiftLeft(64));
                    }
                }
                char first = text.isBlank() ? 'x' : text.strip().charAt(0);
                if (first != '-' && (first < '0' || first > '9')) {
                    throw wrong(
                            path,
                            "one of "
                                    + type.enumerators().stream()
                                            .map(BtfType.Enumerator::name)
                                            .toList(),
                            text);
                }
            }
            return number(value, path);
        }

        /** Numbers may be given by their signed or by their unsigned value, as C takes them. */
        private static void putNumber(
                byte[] bytes, long bit, int bits, BigInteger number, boolean signed, String path) {
            BigInteger least = BigInteger.ONE.shiftLeft(bits - 1).negate();
            BigInteger beyond = BigInteger.ONE.shiftLeft(bits);
            if (number.compareTo(least) < 0 || number.compareTo(beyond) >= 0 || (!signed && number.signum() < 0)) {
                throw wrong(path, (signed ? "a signed" : "an unsigned") + " number of " + bits + " bits", number);
            }
            for (int i = 0; i < bits; i++) {
                int at = (int) ((bit + i) / 8);
                int mask = 1 << (bit + i) % 8;
                if (at >= bytes.length) {
                    throw wrong(path, "a member within its struct", "bit " + bit);
                }
                bytes[at] = (byte) (number.testBit(i) ? bytes[at] | mask : bytes[at] & ~mask);
            }
        }

        private static void putFloat(BtfType.Float type, Object value, byte[] bytes, int at, String path) {
            double number;
            try {
                number = value instanceof Number n ? n.doubleValue() : Double.parseDouble(value.toString());
            } catch (NumberFormatException e) {
                throw wrong(path, "a number", value);
            }
            long raw = switch (type.size()) {
                case 2 -> Float.floatToFloat16((float) number) & 0xffff;
                case 4 -> Float.floatToRawIntBits((float) number);
                case 8 -> Double.doubleToRawLongBits(number);
                default -> throw wrong(path, "a floating point number of 2, 4 or 8 bytes", type.size() + " bytes");
            };
            putNumber(bytes, at * 8L, 8 * type.size(), unsigned(raw, type.size()), false, path);
        }

        private static BigInteger unsigned(long raw, int size) {
            BigInteger number = BigInteger.valueOf(raw);
            return number.signum() < 0 ? number.add(BigInteger.ONE.shiftLeft(size == 8 ? 64 : 32)) : number;
        }

        private void writeArray(BtfType.Array type, Object value, int at, String path, int depth) {
            boolean characters = btf.resolve(type.element()) instanceof BtfType.Int i && i.size() == 1;
            if (value instanceof String text && btf.resolve(type.element()) instanceof BtfType.Int i && !i.signed()) {
                byte[] address = NetworkText.parse(text.strip(), i.size() * type.count());
                if (address != null) {
                    System.arraycopy(address, 0, bytes, at, address.length);
                    return;
                }
            }
            if (value instanceof String text && characters) {
                byte[] chars = text.getBytes(StandardCharsets.UTF_8);
                if (chars.length > type.count()) {
                    throw wrong(path, "at most " + type.count() + " bytes of text", chars.length);
                }
                System.arraycopy(chars, 0, bytes, at, chars.length);
                return;
            }
            if (!(value instanceof List<?> list)) {
                throw wrong(path, "a list" + (characters ? " or text" : ""), value);
            }
            if (list.size() > type.count()) {
                throw wrong(path, "at most " + type.count() + " elements", list.size());
            }
            int size = btf.sizeOf(type.element());
            for (int i = 0; i < list.size(); i++) {
                write(type.element(), present(list.get(i), path), at + i * size, path + "[" + i + "]", depth - 1);
            }
        }

        private static Object present(@Nullable Object value, String path) {
            if (value == null) {
                throw wrong(path, "a value", "null");
            }
            return value;
        }

        private void writeStruct(BtfType.Composite type, Object value, int at, String path, int depth) {
            if (value instanceof Record record) {
                for (RecordComponent component : record.getClass().getRecordComponents()) {
                    String name = component.getName();
                    String inner = path.isEmpty() ? name : path + "." + name;
                    Object part = present(JavaValues.component(record, component), inner);
                    if (!writeMember(type, name, part, at, inner, depth)
                            && !writeMember(type, JavaValues.snakeCase(name), part, at, inner, depth)) {
                        throw noMember(type, path, name);
                    }
                }
                return;
            }
            byte[] address = value instanceof String text ? NetworkText.parse(text.strip(), type.size()) : null;
            if (address != null) {
                System.arraycopy(address, 0, bytes, at, address.length);
                return;
            }
            if (!(value instanceof Map<?, ?> map)) {
                throw wrong(path, "members by name", value);
            }
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                String name = String.valueOf(entry.getKey());
                String inner = path.isEmpty() ? name : path + "." + name;
                Object part = present(entry.getValue(), inner);
                if (!writeMember(type, name, part, at, inner, depth)) {
                    throw noMember(type, path, name);
                }
            }
        }

        private static BtfException noMember(BtfType.Composite type, String path, String name) {
            return wrong(
                    path,
                    "members "
                            + type.members().stream().map(BtfType.Member::name).toList(),
                    name);
        }

        private boolean writeMember(BtfType.Composite type, String name, Object value, int at, String path, int depth) {
            if (depth == 0) {
                throw new BtfException("btf: type is nested deeper than " + MOST_DEPTH);
            }
            for (BtfType.Member member : type.members()) {
                if (--budget < 0) {
                    throw new BtfException("btf: types are too deeply intertwined");
                }
                long bit = at * 8L + Integer.toUnsignedLong(member.bitOffset());
                boolean nested = member.name().isEmpty() && btf.resolve(member.type()) instanceof BtfType.Composite;
                if (nested && !name.isEmpty()) {
                    BtfType.Composite inner = (BtfType.Composite) btf.resolve(member.type());
                    if (writeMember(inner, name, value, (int) (bit / 8), path, depth - 1)) {
                        return true;
                    }
                } else if (member.name().equals(name)) {
                    if (member.bitfieldSize() > 0) {
                        BigInteger number = btf.resolve(member.type()) instanceof BtfType.Enum e
                                ? enumerator(e, value, path)
                                : value instanceof Boolean b ? BigInteger.valueOf(b ? 1 : 0) : number(value, path);
                        putNumber(bytes, bit, member.bitfieldSize(), number, true, path);
                    } else {
                        if (bit / 8 + btf.sizeOf(member.type()) > bytes.length) {
                            throw wrong(path, "a member within its struct", "offset " + bit / 8);
                        }
                        write(member.type(), value, (int) (bit / 8), path, depth - 1);
                    }
                    return true;
                }
            }
            return false;
        }
    }
}
