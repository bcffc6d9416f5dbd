package dev.sluice.verifier;

import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.map.ValueFields;

/**
 * A map as the verifier sees it.
 *
 * @param def its definition
 * @param frozen whether nobody can change it any more: then what a program-read-only array holds is constant
 * @param contents the value of such an array, else null
 * @param inner for maps of maps: what the maps in it look like, else null
 * @param typed whether the kernel would have the types of its key and value
 * @param fields of its value that only the kernel may touch; none when it is not typed
 */
public record KnownMap(MapDef def, boolean frozen, byte[] contents, KnownMap inner, boolean typed, ValueFields fields) {
    /** {@code BPF_F_RDONLY_PROG}. */
    static final int RDONLY_PROG = 1 << 7;
    /** {@code BPF_F_WRONLY_PROG}. */
    static final int WRONLY_PROG = 1 << 8;

    /** A map of which only the definition is known. */
    public static KnownMap of(MapDef def) {
        return new KnownMap(def, false, null, def.inner() == null ? null : of(def.inner()), false, ValueFields.NONE);
    }

    /** An array whose only value is known for good. */
    public static KnownMap constant(MapDef def, byte[] contents) {
        return new KnownMap(def, true, contents.clone(), null, false, ValueFields.NONE);
    }

    boolean canRead() {
        return (def.flags() & WRONLY_PROG) == 0;
    }

    boolean canWrite() {
        // a device's number is read in place, and the kernel's own
        boolean devices = def.type() == MapType.DEVMAP || def.type() == MapType.DEVMAP_HASH;
        return (def.flags() & RDONLY_PROG) == 0 && !devices;
    }

    /** Whether loads at known offsets give known numbers. */
    boolean isConstant() {
        return frozen && contents != null && !canWrite();
    }

    /** The number at an offset, little endian. */
    long load(int offset, int bytes) {
        long value = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            value = value << 8 | contents[offset + i] & 0xff;
        }
        return value;
    }

    // two maps with equal definitions are two maps
    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
