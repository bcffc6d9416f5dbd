package dev.sluice;

import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.object.MapSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Maps by the paths under which they are shared, as the BPF file system has them, of one runtime. A map that says
 * {@code LIBBPF_PIN_BY_NAME} is made by the first object that has it and used by all that are loaded later; it must then be
 * alike, by libbpf's rules. Any thread.
 */
public final class Pins {
    private record Pinned(MapDef wanted, BpfMap map) {}

    private final Map<String, Pinned> maps = new LinkedHashMap<>();

    Pins() {}

    /**
     * Where a map is shared: its name, or the path that its object gives; iproute2's {@code PIN_OBJECT_NS} shares it within the
     * object only. Null for maps that are not.
     */
    static @Nullable String path(String object, MapSpec map) {
        return switch (map.pinning()) {
            case NONE -> null;
            case BY_NAME -> map.pinPath().isEmpty() ? map.name() : map.pinPath();
            case OBJECT -> object + "/" + map.name();
        };
    }

    /** The map of a path. */
    public synchronized Optional<BpfMap> get(String path) {
        return Optional.ofNullable(maps.get(path)).map(Pinned::map);
    }

    /** All of them by path, in the order in which they were made. */
    public synchronized Map<String, BpfMap> all() {
        Map<String, BpfMap> all = new LinkedHashMap<>();
        maps.forEach((path, pinned) -> all.put(path, pinned.map));
        return all;
    }

    synchronized void put(String path, MapDef wanted, BpfMap map) {
        maps.put(path, new Pinned(wanted, map));
    }

    /**
     * The map to use for a definition.
     *
     * @return null when none was made yet
     * @throws LoadException if the one that is there is not alike: type, sizes, entries, flags or map_extra differ
     */
    @Nullable
    synchronized BpfMap reuse(String path, MapDef wanted) {
        Pinned pinned = maps.get(path);
        if (pinned == null) {
            return null;
        }
        requireAlike(pinned.wanted, wanted, "the pinned map of another object", "pin=" + path);
        return pinned.map;
    }

    /**
     * Holds a definition against the map that is to be used for it.
     *
     * @param what the map is, for the message
     * @param which it is
     */
    static void requireAlike(MapDef there, MapDef wanted, String what, String which) {
        String expected = describe(there);
        String found = describe(wanted);
        if (!expected.equals(found)) {
            throw new LoadException("map " + wanted.name() + ": cannot use " + what + ": expected " + expected
                    + ", found " + found + ", " + which);
        }
    }

    private static String describe(MapDef def) {
        return def.type().bpftoolName() + " key_size=" + def.keySize() + " value_size=" + def.valueSize()
                + " max_entries=" + Integer.toUnsignedString(def.maxEntries()) + " map_flags=0x"
                + Integer.toHexString(def.flags()) + " map_extra=" + def.extra();
    }
}
