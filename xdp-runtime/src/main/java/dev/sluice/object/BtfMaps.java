package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Maps of a {@code .maps} section: each is a variable whose struct type says everything, in members' types.
 *
 * <pre>
 *  __uint(name, 4)      int (*name)[4]                 the array's length is the number
 *  __ulong(name, 4)     enum { unique = 4 } name       the enumerator's value is the number
 *  __type(key, T)       T *key                         the pointer's target is the type
 *  __array(values, T)   T *values[]                    T is an inner map's struct, or a program's prototype
 * </pre>
 */
final class BtfMaps {
    private static final int TYPE_RINGBUF = 27;
    private static final int TYPE_USER_RINGBUF = 31;
    private static final int PAGE_BYTES = 4096;

    private final Btf btf;

    private BtfMaps(Btf btf) {
        this.btf = btf;
    }

    /** The maps by their offsets in the section, in the order of the section's BTF. */
    static Map<Integer, MapSpec> read(Btf btf) {
        int id = btf.find(BtfKind.DATASEC, ".maps");
        if (id == 0) {
            throw new ObjectException("section .maps: BTF does not describe it: expected a DATASEC of this name");
        }
        Map<Integer, MapSpec> maps = new LinkedHashMap<>();
        for (BtfType.SectionVar place : ((BtfType.DataSec) btf.type(id)).vars()) {
            if (!(btf.type(place.var()) instanceof BtfType.Var var)) {
                throw new ObjectException("section .maps: expected variables, found type=" + place.var());
            }
            try {
                MapSpec map = new BtfMaps(btf).map(var.name(), var.type(), false);
                if (maps.putIfAbsent(place.offset(), map) != null) {
                    throw new ObjectException("two maps lie at the same place: offset=" + place.offset());
                }
            } catch (ObjectException | BtfException e) {
                throw new ObjectException("map " + var.name() + ": " + e.getMessage());
            }
        }
        return maps;
    }

    /** Bytes from the start of a map's variable to its {@code values}; 0 if it has none. */
    static int valuesOffset(Btf btf, String map) {
        int id = btf.find(BtfKind.VAR, map);
        if (id != 0 && btf.resolve(((BtfType.Var) btf.type(id)).type()) instanceof BtfType.Composite struct) {
            for (BtfType.Member member : struct.members()) {
                if (member.name().equals("values")) {
                    return member.bitOffset() / 8;
                }
            }
        }
        return 0;
    }

    private MapSpec map(String name, int type, boolean isInner) {
        if (!(btf.resolve(type) instanceof BtfType.Composite struct) || struct.isUnion()) {
            throw new ObjectException("expected a struct, found " + btf.describe(type));
        }
        int mapType = 0;
        int keySize = -1;
        int valueSize = -1;
        int maxEntries = 0;
        int flags = 0;
        int numaNode = 0;
        int pinning = 0;
        long extra = 0;
        int keyType = 0;
        int valueType = 0;
        MapSpec inner = null;
        // the type decides what values are, and may be written after them
        for (BtfType.Member member : struct.members()) {
            if (member.name().equals("type")) {
                mapType = number(member);
            }
        }
        for (BtfType.Member member : struct.members()) {
            switch (member.name()) {
                case "type" -> {}
                case "max_entries" -> maxEntries = number(member);
                case "map_flags" -> flags = number(member);
                case "map_extra" -> extra = longNumber(member);
                case "numa_node" -> numaNode = number(member);
                case "pinning" -> pinning = number(member);
                case "key_size" -> keySize = sameSize("key", keySize, number(member));
                case "value_size" -> valueSize = sameSize("value", valueSize, number(member));
                case "key" -> {
                    keyType = pointed(member);
                    keySize = sameSize("key", keySize, btf.sizeOf(keyType));
                }
                case "value" -> {
                    valueType = pointed(member);
                    valueSize = sameSize("value", valueSize, btf.sizeOf(valueType));
                }
                case "values" -> {
                    if (isInner) {
                        throw new ObjectException("an inner map cannot have inner maps");
                    }
                    valueSize = sameSize("value", valueSize, 4);
                    inner = values(name, mapType, member);
                }
                default -> {
                    // Aya and others add members of their own; libbpf refuses names that it does not know
                    throw new ObjectException(
                            "unknown field: expected type, key, value, key_size, value_size, max_entries,"
                                    + " map_flags, map_extra, numa_node, pinning or values, found name="
                                    + member.name());
                }
            }
        }
        if (mapType == 0) {
            throw new ObjectException("has no type: expected __uint(type, BPF_MAP_TYPE_...)");
        }
        if (pinning < 0 || pinning > 1) {
            throw new ObjectException(
                    "unknown pinning: expected LIBBPF_PIN_NONE (0) or LIBBPF_PIN_BY_NAME (1), found pinning="
                            + pinning);
        }
        if (mapType == TYPE_RINGBUF || mapType == TYPE_USER_RINGBUF) {
            maxEntries = ringSize(maxEntries);
        }
        return new MapSpec(
                name,
                ".maps",
                MapSpec.Kind.USER,
                mapType,
                Math.max(0, keySize),
                Math.max(0, valueSize),
                maxEntries,
                flags,
                numaNode,
                extra,
                pinning == 1 ? MapSpec.Pinning.BY_NAME : MapSpec.Pinning.NONE,
                "",
                keyType,
                valueType,
                inner,
                List.of(),
                null,
                false,
                List.of());
    }

    private static int sameSize(String what, int known, int size) {
        if (known >= 0 && known != size) {
            throw new ObjectException(
                    "two sizes of its " + what + ": expected " + known + " bytes, found size=" + size);
        }
        return size;
    }

    /** The kernel wants a power of two that is a multiple of the page size; libbpf rounds up. */
    private static int ringSize(int bytes) {
        if (bytes == 0 || (bytes % PAGE_BYTES == 0 && Integer.bitCount(bytes) == 1)) {
            return bytes;
        }
        for (long size = PAGE_BYTES; size <= 1L << 31; size *= 2) {
            if (Integer.compareUnsigned((int) size, bytes) > 0) {
                return (int) size;
            }
        }
        return bytes;
    }

    /** A number of 32 bits, as an array's length has it. */
    private int number(BtfType.Member member) {
        long value = longNumber(member);
        if (value >>> 32 != 0) {
            throw new ObjectException(
                    "field " + member.name() + ": expected a number of 32 bits, found value=" + value);
        }
        return (int) value;
    }

    private long longNumber(BtfType.Member member) {
        BtfType type = btf.resolve(member.type());
        if (type instanceof BtfType.Ptr pointer && btf.resolve(pointer.target()) instanceof BtfType.Array array) {
            return array.count();
        }
        if (type instanceof BtfType.Enum e && e.enumerators().size() == 1) {
            return e.enumerators().getFirst().value();
        }
        throw new ObjectException("field " + member.name() + ": expected a number (__uint or __ulong), found "
                + btf.describe(member.type()));
    }

    private int pointed(BtfType.Member member) {
        if (btf.resolve(member.type()) instanceof BtfType.Ptr pointer) {
            return pointer.target();
        }
        throw new ObjectException("field " + member.name() + ": expected a pointer to its type (__type), found "
                + btf.describe(member.type()));
    }

    private @Nullable MapSpec values(String name, int mapType, BtfType.Member member) {
        if (!(btf.resolve(member.type()) instanceof BtfType.Array array)
                || !(btf.resolve(array.element()) instanceof BtfType.Ptr pointer)) {
            throw new ObjectException(
                    "field values: expected an array of pointers (__array), found " + btf.describe(member.type()));
        }
        BtfType element = btf.resolve(pointer.target());
        return switch (mapType) {
            case MapSpec.TYPE_PROG_ARRAY -> {
                if (!(element instanceof BtfType.FuncProto)) {
                    throw new ObjectException(
                            "field values: expected a function's type, found " + btf.describe(pointer.target()));
                }
                yield null;
            }
            case MapSpec.TYPE_ARRAY_OF_MAPS, MapSpec.TYPE_HASH_OF_MAPS -> map(name + ".inner", pointer.target(), true);
            default ->
                throw new ObjectException("field values: expected an array or hash of maps, or a program array, found"
                        + " type=" + MapSpec.typeName(mapType));
        };
    }
}
