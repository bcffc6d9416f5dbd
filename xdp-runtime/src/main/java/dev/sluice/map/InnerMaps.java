package dev.sluice.map;

/**
 * What arrays of maps and hashes of maps have in common: which maps they take, and that these live as long as they are in
 * one.
 */
final class InnerMaps {
    /** {@code BPF_F_INNER_MAP}. */
    static final int INNER_MAP = 1 << 12;

    private final MapDef prototype;
    private final MapTable table;

    InnerMaps(MapDef outer, MapTable table) {
        this.prototype = outer.inner();
        this.table = table;
        if (table.innerShape(prototype) != null) {
            table.expectInner();
        }
    }

    /** Refuses prototypes as the kernel's {@code bpf_map_meta_alloc} does. */
    static void checkPrototype(MapDef outer) {
        MapDef inner = outer.inner();
        if (inner == null) {
            throw new MapException(Errno.EBADF, "map " + outer.name() + ": expected a definition of its inner maps");
        }
        if (inner.type() == MapType.ARRAY_OF_MAPS || inner.type() == MapType.HASH_OF_MAPS) {
            throw new MapException(
                    Errno.EINVAL, "map " + outer.name() + ": inner maps cannot contain maps, inner=" + inner.name());
        }
        if (inner.type() == MapType.PROG_ARRAY) {
            throw new MapException(
                    Errno.ENOTSUPP,
                    "map " + outer.name() + ": inner maps cannot be of this type, type="
                            + inner.type().bpftoolName());
        }
    }

    /**
     * Finds the map of an id and keeps it from being freed until {@link #drop}.
     *
     * @return the id, or a negative error number: EBADF where there is no such map, EINVAL for one that does not look like
     *     the prototype
     */
    int hold(int id) {
        if (!(table.byId(id) instanceof LiveMap map)) {
            return Errno.EBADF.negative();
        }
        if (!fits(map.def())) {
            return Errno.EINVAL.negative();
        }
        if (!map.hold()) {
            return Errno.EBADF.negative();
        }
        table.describe(map);
        return id;
    }

    void drop(int id) {
        if (id != 0 && table.byId(id) instanceof LiveMap map) {
            map.drop();
        }
    }

    private boolean fits(MapDef map) {
        return map.type() == prototype.type()
                && map.keySize() == prototype.keySize()
                && map.valueSize() == prototype.valueSize()
                && withoutProgramAccess(map) == withoutProgramAccess(prototype)
                && (map.maxEntries() == prototype.maxEntries() || !sizeMatters());
    }

    /** Device maps get a flag of their own when they are made, which a prototype may not have. */
    private static int withoutProgramAccess(MapDef map) {
        boolean device = map.type() == MapType.DEVMAP || map.type() == MapType.DEVMAP_HASH;
        return device ? map.flags() & ~BpfMap.RDONLY_PROG : map.flags();
    }

    /** Look-ups in arrays are compiled with the number of entries, unless BPF_F_INNER_MAP says that it varies. */
    private boolean sizeMatters() {
        return switch (prototype.type()) {
            case ARRAY -> (prototype.flags() & INNER_MAP) == 0;
            case XSKMAP -> true;
            default -> false;
        };
    }
}
