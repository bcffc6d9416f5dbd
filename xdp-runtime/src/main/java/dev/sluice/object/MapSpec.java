package dev.sluice.object;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfKind;
import dev.sluice.btf.BtfType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a map is made from. Immutable.
 *
 * @param name as the kernel sees it before it cuts it at 15 characters; for global variables libbpf's name, such as
 *     {@code filter.bss}
 * @param section where it is defined
 * @param kind whether the program defines it, or it holds global variables
 * @param type number in {@code enum bpf_map_type}
 * @param keySize bytes
 * @param valueSize bytes
 * @param maxEntries 0 where the program leaves it to the loader
 * @param flags {@code BPF_F_*}
 * @param numaNode meaningful with {@code BPF_F_NUMA_NODE}
 * @param extra {@code map_extra}
 * @param pinning how it wants to be shared through a path
 * @param pinPath the path that the object gives for it; empty for the usual one
 * @param keyBtfType id of the key's type, 0 if unknown
 * @param valueBtfType id of the value's type, 0 if unknown; a {@code DATASEC} for global variables
 * @param inner for map-in-map types what the inner maps look like
 * @param entries what its slots start with, by index
 * @param contents for global variables the value to start with; null if all zero
 * @param frozen whether user space may not write to it either, once it is loaded
 * @param variables in order of their offsets
 */
public record MapSpec(
        String name,
        String section,
        Kind kind,
        int type,
        int keySize,
        int valueSize,
        int maxEntries,
        int flags,
        int numaNode,
        long extra,
        Pinning pinning,
        String pinPath,
        int keyBtfType,
        int valueBtfType,
        @Nullable MapSpec inner,
        List<Entry> entries,
        @Nullable Blob contents,
        boolean frozen,
        List<Variable> variables) {
    private static final String TYPE_PREFIX = "BPF_MAP_TYPE_";

    public static final int TYPE_HASH = 1;
    public static final int TYPE_ARRAY = 2;
    public static final int TYPE_PROG_ARRAY = 3;
    public static final int TYPE_PERF_EVENT_ARRAY = 4;
    public static final int TYPE_PERCPU_ARRAY = 6;
    public static final int TYPE_ARRAY_OF_MAPS = 12;
    public static final int TYPE_HASH_OF_MAPS = 13;
    public static final int TYPE_CPUMAP = 16;

    /** {@code BPF_F_NUMA_NODE}. */
    public static final int FLAG_NUMA_NODE = 1 << 2;
    /** {@code BPF_F_RDONLY_PROG}: programs may not write. */
    public static final int FLAG_RDONLY_PROG = 1 << 7;
    /** {@code BPF_F_MMAPABLE}: user space may map it into memory. */
    public static final int FLAG_MMAPABLE = 1 << 10;

    /** Where a map comes from. */
    public enum Kind {
        USER,
        DATA,
        RODATA,
        BSS,
        KCONFIG
    }

    /** How a map is shared through the BPF file system. */
    public enum Pinning {
        NONE,
        /** Under its name in the root of the BPF file system, or in the loader's folder. */
        BY_NAME,
        /** In a folder of its object (iproute2). */
        OBJECT
    }

    /**
     * A slot's first content.
     *
     * @param key index of an array, or the four-byte key of a hash
     * @param target name of a map, or of a program
     */
    public record Entry(int key, String target, boolean isProgram) {}

    /** Whether it holds global variables. */
    public boolean isInternal() {
        return kind != Kind.USER;
    }

    /**
     * The number of entries to make. Where the object leaves it to its user space ({@code max_entries} is 0) that is one a
     * CPU, which libbpf gives perf event arrays, and what users of the other array types mostly set; {@code max_entries}
     * itself for all types for which nothing is usual.
     *
     * @param cpus of the machine
     */
    public int entriesOn(int cpus) {
        return maxEntries == 0 && (isPlainArray() || type == TYPE_PERF_EVENT_ARRAY || type == TYPE_CPUMAP)
                ? cpus
                : maxEntries;
    }

    /** Whether its size is a guess of {@link #entriesOn}, which a person should know of. */
    public boolean isGuessedSize() {
        return maxEntries == 0 && isPlainArray();
    }

    private boolean isPlainArray() {
        return !isInternal() && (type == TYPE_ARRAY || type == TYPE_PERCPU_ARRAY);
    }

    /** Whether its values are maps. */
    public boolean isMapInMap() {
        return type == TYPE_ARRAY_OF_MAPS || type == TYPE_HASH_OF_MAPS;
    }

    /**
     * A map that no compiler made: as programs define them, empty at first, not pinned.
     *
     * @param keyBtfType 0 if unknown
     * @param valueBtfType 0 if unknown
     */
    public static MapSpec of(
            String name,
            int type,
            int keySize,
            int valueSize,
            int maxEntries,
            int flags,
            long extra,
            int keyBtfType,
            int valueBtfType) {
        return new MapSpec(
                name,
                "",
                Kind.USER,
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                0,
                extra,
                Pinning.NONE,
                "",
                keyBtfType,
                valueBtfType,
                null,
                List.of(),
                null,
                false,
                List.of());
    }

    /** The same map with another first value. */
    MapSpec withContents(Blob value) {
        return new MapSpec(
                name,
                section,
                kind,
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                numaNode,
                extra,
                pinning,
                pinPath,
                keyBtfType,
                valueBtfType,
                inner,
                entries,
                value,
                frozen,
                variables);
    }

    /** The same map with another number of entries, as user space sets it before a load. */
    public MapSpec withMaxEntries(int entryCount) {
        return new MapSpec(
                name,
                section,
                kind,
                type,
                keySize,
                valueSize,
                entryCount,
                flags,
                numaNode,
                extra,
                pinning,
                pinPath,
                keyBtfType,
                valueBtfType,
                inner,
                entries,
                contents,
                frozen,
                variables);
    }

    /** The same map with a slot that starts with something else. */
    public MapSpec withEntry(Entry entry) {
        List<Entry> changed = new ArrayList<>(entries);
        changed.removeIf(old -> old.key() == entry.key());
        changed.add(entry);
        changed.sort((a, b) -> Integer.compareUnsigned(a.key(), b.key()));
        return withEntries(List.copyOf(changed), inner);
    }

    /** What bpftool calls its type; the number of a type that has no name here. */
    public String typeName() {
        return typeName(type);
    }

    static String typeName(int type) {
        Btf types = KernelTypes.btf();
        if (types.type(types.find(BtfKind.ENUM, "bpf_map_type")) instanceof BtfType.Enum names) {
            for (BtfType.Enumerator one : names.enumerators()) {
                if (one.value() == type) {
                    return one.name().substring(TYPE_PREFIX.length()).toLowerCase(Locale.ROOT);
                }
            }
        }
        return Integer.toString(type);
    }

    MapSpec withEntries(List<Entry> first, @Nullable MapSpec innerMap) {
        return new MapSpec(
                name,
                section,
                kind,
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                numaNode,
                extra,
                pinning,
                pinPath,
                keyBtfType,
                valueBtfType,
                innerMap,
                first,
                contents,
                frozen,
                variables);
    }
}
