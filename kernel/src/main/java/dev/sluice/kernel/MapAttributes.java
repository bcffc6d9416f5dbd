package dev.sluice.kernel;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a map is to be: the arguments of MAP_CREATE. Immutable; the {@code with} methods give a changed copy. Maps and BTF
 * named here must stay open until the map has been created; the kernel then keeps what it needs.
 */
public final class MapAttributes {
    final int type;
    final int keySize;
    final int valueSize;
    final int maxEntries;
    int flags;
    String name = "";
    long mapExtra;

    @Nullable
    KernelMap inner;

    int numaNode;
    int ifindex;

    @Nullable
    KernelBtf btf;

    int btfKeyTypeId;
    int btfValueTypeId;

    private MapAttributes(int type, int keySize, int valueSize, int maxEntries) {
        this.type = type;
        this.keySize = keySize;
        this.valueSize = valueSize;
        this.maxEntries = maxEntries;
    }

    private MapAttributes with(Consumer<MapAttributes> change) {
        MapAttributes copy = new MapAttributes(type, keySize, valueSize, maxEntries);
        copy.flags = flags;
        copy.name = name;
        copy.mapExtra = mapExtra;
        copy.inner = inner;
        copy.numaNode = numaNode;
        copy.ifindex = ifindex;
        copy.btf = btf;
        copy.btfKeyTypeId = btfKeyTypeId;
        copy.btfValueTypeId = btfValueTypeId;
        change.accept(copy);
        return copy;
    }

    /**
     * A map with these sizes and nothing else.
     *
     * @param type one of {@code enum bpf_map_type}; see {@link Uapi}
     * @param keySize bytes
     * @param valueSize bytes; of one CPU's value in per-CPU maps
     * @param maxEntries elements, or bytes of a ring buffer
     */
    public static MapAttributes of(int type, int keySize, int valueSize, int maxEntries) {
        return new MapAttributes(type, keySize, valueSize, maxEntries);
    }

    /** {@code map_flags}. */
    public MapAttributes withFlags(int flags) {
        return with(copy -> copy.flags = flags);
    }

    /** At most 15 characters reach the kernel. */
    public MapAttributes withName(String name) {
        return with(copy -> copy.name = name);
    }

    /** Per type: hash functions of a bloom filter, address of an arena. */
    public MapAttributes withMapExtra(long mapExtra) {
        return with(copy -> copy.mapExtra = mapExtra);
    }

    /** The template of a map of maps; its contents do not matter. */
    public MapAttributes withInner(KernelMap inner) {
        return with(copy -> copy.inner = inner);
    }

    /** Allocates on that node; sets BPF_F_NUMA_NODE. */
    public MapAttributes withNumaNode(int numaNode) {
        return with(copy -> {
            copy.numaNode = numaNode;
            copy.flags |= Uapi.BPF_F_NUMA_NODE;
        });
    }

    /** The device that the map is offloaded to; 0 for none. */
    public MapAttributes withIfindex(int ifindex) {
        return with(copy -> copy.ifindex = ifindex);
    }

    /** Types of key and value, which are ids in {@code btf}; 0 for none. */
    public MapAttributes withBtf(KernelBtf btf, int keyTypeId, int valueTypeId) {
        return with(copy -> {
            copy.btf = btf;
            copy.btfKeyTypeId = keyTypeId;
            copy.btfValueTypeId = valueTypeId;
        });
    }
}
