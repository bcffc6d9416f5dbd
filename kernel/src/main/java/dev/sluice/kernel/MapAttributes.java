package dev.sluice.kernel;

import org.jspecify.annotations.Nullable;

/**
 * What a map is to be: the arguments of MAP_CREATE. Immutable; the {@code with} methods give a changed copy. Maps and BTF
 * named here must stay open until the map has been created; the kernel then keeps what it needs.
 *
 * @param type one of {@code enum bpf_map_type}; see {@link Uapi}
 * @param keySize bytes
 * @param valueSize bytes; of one CPU's value in per-CPU maps
 * @param maxEntries elements, or bytes of a ring buffer
 * @param flags {@code map_flags}
 * @param name at most 15 characters reach the kernel
 * @param mapExtra per type: hash functions of a bloom filter, address of an arena
 * @param inner for maps of maps: a map like the ones it will hold; else null
 * @param numaNode where to allocate; counts only with BPF_F_NUMA_NODE
 * @param ifindex device that the map is offloaded to; 0 for none
 * @param btf types of key and value; null for none
 * @param btfKeyTypeId type of the key in {@code btf}; 0 for none
 * @param btfValueTypeId type of the value in {@code btf}; 0 for none
 * @param btfVmlinuxValueTypeId type of the value in the kernel's own BTF (struct_ops); 0 for none
 */
public record MapAttributes(
        int type,
        int keySize,
        int valueSize,
        int maxEntries,
        int flags,
        String name,
        long mapExtra,
        @Nullable KernelMap inner,
        int numaNode,
        int ifindex,
        @Nullable KernelBtf btf,
        int btfKeyTypeId,
        int btfValueTypeId,
        int btfVmlinuxValueTypeId) {

    /** A map with these sizes and nothing else. */
    public static MapAttributes of(int type, int keySize, int valueSize, int maxEntries) {
        return new MapAttributes(type, keySize, valueSize, maxEntries, 0, "", 0, null, 0, 0, null, 0, 0, 0);
    }

    public MapAttributes withFlags(int newFlags) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                newFlags,
                name,
                mapExtra,
                inner,
                numaNode,
                ifindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                btfVmlinuxValueTypeId);
    }

    public MapAttributes withName(String newName) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                newName,
                mapExtra,
                inner,
                numaNode,
                ifindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                btfVmlinuxValueTypeId);
    }

    public MapAttributes withMapExtra(long newMapExtra) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                name,
                newMapExtra,
                inner,
                numaNode,
                ifindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                btfVmlinuxValueTypeId);
    }

    /** The template of a map of maps; its contents do not matter. */
    public MapAttributes withInner(KernelMap newInner) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                name,
                mapExtra,
                newInner,
                numaNode,
                ifindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                btfVmlinuxValueTypeId);
    }

    /** Allocates on that node; sets BPF_F_NUMA_NODE. */
    public MapAttributes withNumaNode(int newNumaNode) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags | Uapi.BPF_F_NUMA_NODE,
                name,
                mapExtra,
                inner,
                newNumaNode,
                ifindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                btfVmlinuxValueTypeId);
    }

    public MapAttributes withIfindex(int newIfindex) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                name,
                mapExtra,
                inner,
                numaNode,
                newIfindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                btfVmlinuxValueTypeId);
    }

    public MapAttributes withBtf(KernelBtf newBtf, int keyTypeId, int valueTypeId) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                name,
                mapExtra,
                inner,
                numaNode,
                ifindex,
                newBtf,
                keyTypeId,
                valueTypeId,
                btfVmlinuxValueTypeId);
    }

    public MapAttributes withBtfVmlinuxValueTypeId(int typeId) {
        return new MapAttributes(
                type,
                keySize,
                valueSize,
                maxEntries,
                flags,
                name,
                mapExtra,
                inner,
                numaNode,
                ifindex,
                btf,
                btfKeyTypeId,
                btfValueTypeId,
                typeId);
    }
}
