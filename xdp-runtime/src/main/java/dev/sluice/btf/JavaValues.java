package dev.sluice.btf;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Between the plain objects of {@link BtfValues} and the types that Java programs like. Stateless. */
final class JavaValues {
    private JavaValues() {}

    // --- from Java

    /** A value as the encoder knows it: arrays as lists, enums as names, addresses as bytes. */
    static Object plain(Object value) {
        return switch (value) {
            case Enum<?> constant -> constant.name();
            case InetAddress address -> address.getAddress();
            case byte[] raw -> raw;
            default -> value.getClass().isArray() ? list(value) : value;
        };
    }

    /** A number of Java whose bits count: one below 0 stands for an unsigned one that Java cannot write. */
    record Bits(long value) {}

    /** Of a number its bits; anything else as it is. */
    static @Nullable Object bits(@Nullable Object value) {
        return value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte
                ? new Bits(((Number) value).longValue())
                : value;
    }

    private static List<Object> list(Object array) {
        List<Object> elements = new ArrayList<>();
        for (int i = 0; i < Array.getLength(array); i++) {
            Object element = bits(Array.get(array, i));
            if (element == null) {
                throw new BtfException("element " + i + ": expected a value, found null");
            }
            elements.add(element);
        }
        return elements;
    }

    /** The value of a record's component; of numbers the bits count, as Java has no unsigned ones. */
    static @Nullable Object component(Record record, RecordComponent component) {
        try {
            Method accessor = component.getAccessor();
            accessor.setAccessible(true);
            return bits(accessor.invoke(record));
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new BtfException("record " + record.getClass().getSimpleName() + ": component " + component.getName()
                    + " cannot be read: " + e);
        }
    }

    /** What bits mean in a type. */
    static Object number(Btf btf, int type, Bits bits) {
        return btf.resolve(type) instanceof BtfType.Int t && !t.signed() && !t.isBool() && bits.value < 0
                ? BigInteger.valueOf(bits.value)
                        .and(BigInteger.ONE.shiftLeft(8 * t.size()).subtract(BigInteger.ONE))
                : (Object) bits.value;
    }

    /** {@code min_length} for {@code minLength}. */
    static String snakeCase(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }

    // --- to Java

    /**
     * A decoded value as a Java type.
     *
     * @param data its bytes
     */
    static <T> T as(Class<T> wanted, byte[] data, Supplier<@Nullable Object> decoded) {
        if (wanted == byte[].class) {
            return cast(wanted, data.clone());
        }
        if (InetAddress.class.isAssignableFrom(wanted)) {
            return cast(wanted, address(data));
        }
        return cast(wanted, convert(decoded.get(), wanted, ""));
    }

    private static <T> T cast(Class<T> wanted, Object value) {
        Class<?> boxed = wanted.isPrimitive()
                ? Array.get(Array.newInstance(wanted, 1), 0).getClass()
                : wanted;
        @SuppressWarnings("unchecked")
        T result = (T) boxed.cast(value);
        return result;
    }

    private static InetAddress address(byte[] data) {
        try {
            return InetAddress.getByAddress(data);
        } catch (UnknownHostException e) {
            throw new BtfException("value: expected 4 or 16 bytes of an address, found " + data.length);
        }
    }

    private static BtfException wrong(String path, String expected, @Nullable Object found) {
        return new BtfException(
                (path.isEmpty() ? "value" : "member " + path) + ": expected " + expected + ", found " + found);
    }

    private static Object convert(@Nullable Object value, Type wanted, String path) {
        if (wanted instanceof ParameterizedType list && list.getRawType() == List.class) {
            return elements(value, list.getActualTypeArguments()[0], path);
        }
        if (wanted instanceof GenericArrayType array) {
            throw wrong(path, "a Java type without parameters", array);
        }
        if (!(wanted instanceof Class<?> type) || value == null) {
            throw wrong(path, wanted.getTypeName(), value);
        }
        if (type == Object.class) {
            return value;
        }
        if (type == boolean.class || type == Boolean.class) {
            return value instanceof Boolean b ? b : number(value, 64, path) != 0;
        }
        if (type == long.class || type == Long.class) {
            return number(value, 64, path);
        }
        if (type == int.class || type == Integer.class) {
            return (int) number(value, 32, path);
        }
        if (type == short.class || type == Short.class) {
            return (short) number(value, 16, path);
        }
        if (type == byte.class || type == Byte.class) {
            return (byte) number(value, 8, path);
        }
        if (type == double.class || type == Double.class) {
            return value instanceof Number n ? n.doubleValue() : (double) number(value, 64, path);
        }
        if (type == BigInteger.class && value instanceof Number) {
            return value instanceof BigInteger big ? big : BigInteger.valueOf(number(value, 64, path));
        }
        if (type == String.class && value instanceof String) {
            return value;
        }
        if (type.isEnum()) {
            return constant(value, type, path);
        }
        if (InetAddress.class.isAssignableFrom(type)) {
            return type.cast(address(addressBytes(value, path)));
        }
        if (type.isArray()) {
            List<Object> elements = elements(value, type.getComponentType(), path);
            Object array = Array.newInstance(type.getComponentType(), elements.size());
            for (int i = 0; i < elements.size(); i++) {
                Array.set(array, i, elements.get(i));
            }
            return array;
        }
        if (type.isRecord()) {
            return record(value, type, path);
        }
        throw wrong(path, "something that is " + type.getSimpleName(), value);
    }

    private static long number(Object value, int bits, String path) {
        BigInteger number;
        if (value instanceof Long n) {
            number = BigInteger.valueOf(n);
        } else if (value instanceof BigInteger n) {
            number = n;
        } else if (value instanceof Boolean b) {
            number = b ? BigInteger.ONE : BigInteger.ZERO;
        } else {
            throw wrong(path, "a number", value);
        }
        if (number.compareTo(BigInteger.ONE.shiftLeft(bits - 1).negate()) < 0 || number.bitLength() > bits) {
            throw wrong(path, "a number of " + bits + " bits", value);
        }
        return number.longValue();
    }

    private static Object constant(Object value, Class<?> type, String path) {
        for (Object constant : type.getEnumConstants()) {
            if (((Enum<?>) constant).name().equals(value)) {
                return constant;
            }
        }
        throw wrong(path, "one of " + Arrays.toString(type.getEnumConstants()), value);
    }

    /** Of an IPv4 address as a number, or of elements, or of a struct with one member, as in6_addr is one. */
    private static byte[] addressBytes(Object value, String path) {
        return switch (value) {
            case Long number ->
                ByteBuffer.allocate(4)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(number.intValue())
                        .array();
            case List<?> list
            when list.size() == 4 && list.getFirst() instanceof Long first && first > 0xff -> words(list, path);
            case List<?> list -> bytes(list, path);
            case Map<?, ?> struct
            when !struct.isEmpty() -> {
                Object first = struct.values().iterator().next();
                yield addressBytes(first == null ? "" : first, path);
            }
            default -> throw wrong(path, "an address", value);
        };
    }

    private static byte[] words(List<?> list, String path) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * list.size()).order(ByteOrder.LITTLE_ENDIAN);
        list.forEach(word -> buffer.putInt((int) number(word, 32, path)));
        return buffer.array();
    }

    private static byte[] bytes(List<?> list, String path) {
        byte[] bytes = new byte[list.size()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) number(list.get(i), 8, path);
        }
        return bytes;
    }

    private static List<Object> elements(@Nullable Object value, Type element, String path) {
        if (!(value instanceof List<?> list)) {
            throw wrong(path, "an array", value);
        }
        List<Object> elements = new ArrayList<>();
        for (Object one : list) {
            elements.add(convert(one, element, path + "[" + elements.size() + "]"));
        }
        return elements;
    }

    private static Object record(Object value, Class<?> type, String path) {
        if (!(value instanceof Map<?, ?> members)) {
            throw wrong(path, "a struct for " + type.getSimpleName(), value);
        }
        RecordComponent[] components = type.getRecordComponents();
        Object[] arguments = new Object[components.length];
        Class<?>[] types = new Class<?>[components.length];
        for (int i = 0; i < components.length; i++) {
            String name = components[i].getName();
            Object member = members.containsKey(name) ? members.get(name) : members.get(snakeCase(name));
            if (member == null) {
                throw wrong(path, "a member " + name + " for " + type.getSimpleName(), members.keySet());
            }
            types[i] = components[i].getType();
            arguments[i] = convert(member, components[i].getGenericType(), path.isEmpty() ? name : path + "." + name);
        }
        try {
            Constructor<?> constructor = type.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(arguments);
        } catch (InvocationTargetException e) {
            throw new BtfException("record " + type.getSimpleName() + ": refuses the value: " + e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new BtfException("record " + type.getSimpleName() + ": cannot be made: " + e);
        }
    }
}
