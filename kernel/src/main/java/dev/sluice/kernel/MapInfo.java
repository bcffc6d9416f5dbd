package dev.sluice.kernel;

/**
 * What the kernel says of a map: {@code struct bpf_map_info}. Immutable. Ids and sizes are unsigned.
 *
 * @param valueSize bytes of one value; in per-CPU maps of one CPU's
 */
public record MapInfo(
        int type,
        int id,
        int keySize,
        int valueSize,
        int maxEntries,
        int flags,
        String name,
        int ifindex,
        int btfId,
        int btfKeyTypeId,
        int btfValueTypeId,
        int btfVmlinuxValueTypeId,
        long mapExtra) {}
