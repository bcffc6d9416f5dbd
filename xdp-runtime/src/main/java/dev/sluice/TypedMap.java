package dev.sluice;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfValues;
import dev.sluice.map.BpfMap;
import dev.sluice.object.MapSpec;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A map of a loaded object with keys and values as Java types, by the names and types that the object's BTF has for them;
 * {@link BtfValues#decode(Btf, int, byte[], Class)} says which Java types fit. A map without BTF types takes numbers of the size of its keys and values,
 * addresses, and {@code byte[]}.
 *
 * <pre>{@code
 * record Counter(long packets, long bytes) {}
 * TypedMap<Integer, Counter> counters = object.map("counters").orElseThrow().typed(Integer.class, Counter.class);
 * Counter udp = counters.get(17);
 * }</pre>
 *
 * <p>A view: it holds nothing. Any thread, also while programs run; each operation is one of user space, with its errors.
 */
public final class TypedMap<K, V> {
    private final LoadedMap map;
    private final Class<K> keyType;
    private final Class<V> valueType;

    TypedMap(LoadedMap map, Class<K> keyType, Class<V> valueType) {
        this.map = map;
        this.keyType = keyType;
        this.valueType = valueType;
    }

    /**
     * The value of a key, null when there is none; of a per-CPU map that of CPU 0.
     *
     * @throws BtfException if a key or value does not fit its Java type
     * @throws dev.sluice.map.MapException where user space may not read
     */
    public @Nullable V get(K key) {
        List<V> values = perCpu(key);
        return values.isEmpty() ? null : values.getFirst();
    }

    /** The values of all CPUs; of other maps one value; empty when the key is not there. */
    public List<V> perCpu(K key) {
        return values(live().get(key(key)));
    }

    private List<V> values(byte @Nullable [] all) {
        List<V> values = new ArrayList<>();
        if (all != null) {
            int size = live().def().valueSize();
            int stride = isPerCpu() ? size + 7 & -8 : size;
            for (int at = 0; at < all.length; at += stride) {
                values.add(read("value", map.spec().valueBtfType(), Arrays.copyOfRange(all, at, at + size), valueType));
            }
        }
        return values;
    }

    /** All entries in the map's order; of a per-CPU map with the value of CPU 0. Entries that come and go may be missed. */
    public Map<K, V> entries() {
        Map<K, V> entries = new LinkedHashMap<>();
        for (byte[] key : live().keys()) {
            List<V> values = values(live().get(key));
            if (!values.isEmpty()) {
                entries.put(read("key", map.spec().keyBtfType(), key, keyType), values.getFirst());
            }
        }
        return entries;
    }

    /** Creates or replaces an entry; of a per-CPU map on all CPUs. */
    public void put(K key, V value) {
        put(key, value, BpfMap.ANY);
    }

    /**
     * The same.
     *
     * @param flags {@link BpfMap#ANY}, {@link BpfMap#NOEXIST}, {@link BpfMap#EXIST}, {@link BpfMap#LOCK}
     * @throws dev.sluice.map.MapException with the kernel's error number
     */
    public void put(K key, V value, long flags) {
        byte[] one = write("value", map.spec().valueBtfType(), live().def().valueSize(), value);
        byte[] all = one;
        if (isPerCpu()) {
            int stride = one.length + 7 & -8;
            all = new byte[live().userValueSize()];
            for (int at = 0; at < all.length; at += stride) {
                System.arraycopy(one, 0, all, at, one.length);
            }
        }
        live().put(key(key), all, flags);
    }

    /** Removes an entry; false when there was none. */
    public boolean remove(K key) {
        return live().remove(key(key));
    }

    private BpfMap live() {
        return map.map();
    }

    private boolean isPerCpu() {
        return live().def().type().isPerCpu();
    }

    private byte[] key(K key) {
        return write("key", map.spec().keyBtfType(), live().def().keySize(), key);
    }

    private byte[] write(String what, int type, int size, Object value) {
        Btf btf = map.btf();
        try {
            return btf == null || type == 0 ? plain(size, value) : BtfValues.encodeBits(btf, type, value);
        } catch (BtfException e) {
            throw new BtfException("map " + map.name() + ": " + what + ": " + e.getMessage());
        }
    }

    private <T> T read(String what, int type, byte[] bytes, Class<T> as) {
        Btf btf = map.btf();
        try {
            return btf == null || type == 0 ? plain(bytes, as) : BtfValues.decode(btf, type, bytes, as);
        } catch (BtfException e) {
            throw new BtfException("map " + map.name() + ": " + what + ": " + e.getMessage());
        }
    }

    // --- without types

    private static byte[] plain(int size, Object value) {
        byte[] bytes = switch (value) {
            case byte[] raw -> raw.clone();
            case InetAddress address -> address.getAddress();
            case Number number
            when size <= Long.BYTES ->
                Arrays.copyOf(
                        ByteBuffer.allocate(Long.BYTES)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putLong(number.longValue())
                                .array(),
                        size);
            default -> throw new BtfException("has no type: expected " + size + " bytes, found " + value);
        };
        if (bytes.length != size) {
            throw new BtfException("has no type: expected " + size + " bytes, found size=" + bytes.length);
        }
        return bytes;
    }

    private static <T> T plain(byte[] bytes, Class<T> as) {
        long number = ByteBuffer.wrap(Arrays.copyOf(bytes, Math.max(Long.BYTES, bytes.length)))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        Object value;
        try {
            if (as == byte[].class) {
                value = bytes;
            } else if (InetAddress.class.isAssignableFrom(as)) {
                value = InetAddress.getByAddress(bytes);
            } else if (as == Long.class && bytes.length <= Long.BYTES) {
                value = number;
            } else if (as == Integer.class && bytes.length <= Integer.BYTES) {
                value = (int) number;
            } else if (as == Short.class && bytes.length <= Short.BYTES) {
                value = (short) number;
            } else if (as == Byte.class && bytes.length == 1) {
                value = (byte) number;
            } else {
                throw new BtfException("has no type: expected byte[] or a number for " + bytes.length + " bytes, found "
                        + as.getSimpleName());
            }
        } catch (java.net.UnknownHostException e) {
            throw new BtfException("has no type: expected 4 or 16 bytes of an address, found size=" + bytes.length);
        }
        return as.cast(value);
    }

    /** The map's specification, for its name and sizes. */
    public MapSpec spec() {
        return map.spec();
    }
}
