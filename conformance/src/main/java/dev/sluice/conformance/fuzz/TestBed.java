package dev.sluice.conformance.fuzz;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.verifier.KnownMap;
import java.util.List;

/** The maps and sizes that generated programs count on, alike in the kernel and in every engine. */
final class TestBed {
    /** Index of the array map: one value of {@link #VALUE_BYTES}. */
    static final int ARRAY = 0;

    /** Index of the hash map: four-byte keys, eight-byte values, {@link #HASH_ENTRIES}. */
    static final int HASH = 1;

    static final int VALUE_BYTES = 256;

    /** Where programs leave their registers at the end; random operations stay below. */
    static final int RESULT_OFFSET = 192;

    static final int HASH_ENTRIES = 16;

    /** Bytes that a program proves to be there before it touches a packet. */
    static final int PACKET_BYTES = 64;

    static final MapDef ARRAY_DEF = MapDef.of("array", MapType.ARRAY, 4, VALUE_BYTES, 1);
    static final MapDef HASH_DEF = MapDef.of("hash", MapType.HASH, 4, 8, HASH_ENTRIES);

    private TestBed() {}

    /** The maps by index, as the verifier sees them. */
    static List<KnownMap> known() {
        return List.of(KnownMap.of(ARRAY_DEF), KnownMap.of(HASH_DEF));
    }
}
