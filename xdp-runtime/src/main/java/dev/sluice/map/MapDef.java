package dev.sluice.map;

/**
 * What a map is made from: the attributes of {@code BPF_MAP_CREATE}.
 *
 * @param name at most 15 characters are kept by the kernel; ours keeps all
 * @param keySize bytes of a key
 * @param valueSize bytes of a value (of one CPU)
 * @param maxEntries most entries; for some types other things, see {@link MapType}
 * @param flags {@code BPF_F_*} of map creation
 * @param extra {@code map_extra}
 * @param inner the definition of inner maps for map-in-map types, else null
 */
public record MapDef(
        String name, MapType type, int keySize, int valueSize, int maxEntries, int flags, long extra, MapDef inner) {
    /** A map without flags, extra or inner map. */
    public static MapDef of(String name, MapType type, int keySize, int valueSize, int maxEntries) {
        return new MapDef(name, type, keySize, valueSize, maxEntries, 0, 0, null);
    }
}
