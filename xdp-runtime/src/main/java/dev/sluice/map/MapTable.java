package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.QuiescentStates;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * The maps of one runtime by id, and from the pointer that a program holds back to the map. Look-ups take no lock; any
 * thread.
 */
public final class MapTable {
    /** Pointers to maps look like kernel addresses, so that no region can ever contain one. */
    private static final long HANDLE_BASE = 0xffff_8880_0000_0000L;

    private static final int HANDLE_SHIFT = 5;

    /** What a program holds is this plus the map's id times {@link #HANDLE_STEP}. */
    public static final long FIRST_HANDLE = HANDLE_BASE;

    /** As many as a place of {@link #innerPlaces} has bytes: code that has one finds the other without multiplying. */
    public static final int HANDLE_STEP = 1 << HANDLE_SHIFT;

    /** Ids below this one have a place in {@link #innerPlaces}. */
    public static final int INNER_PLACES = 1 << 16;

    /** Offset in a place: entries of an array, or a hash's buckets less 1. */
    public static final int INNER_ENTRIES = 8;

    /** Offset in a place: what the hashes of a hash begin with. */
    public static final int INNER_SEED = 16;

    /** Offset in a place. */
    public static final int INNER_SECRET = 24;

    /** The part of the first word of a place that is the shape's number; the rest is an address. */
    public static final int INNER_SHAPE = 63;

    /** Lives as long as somebody has this table. */
    private final Arena arena = Arena.ofAuto();

    private volatile long innerPlaces;
    private final List<InnerShape> innerShapes = new ArrayList<>();

    private volatile BpfMap[] byId = new BpfMap[16];
    private volatile RingBufferMap[] rings = {};
    private volatile long version;
    private int lastId;

    private final QuiescentStates states = new QuiescentStates();
    private final MapTimers timers = new MapTimers();

    /** The pointer of a map's id. */
    static long handle(int id) {
        return HANDLE_BASE + ((long) id << HANDLE_SHIFT);
    }

    /** Takes the next id: 1, 2, 3 and so on. */
    public synchronized int nextId() {
        return ++lastId;
    }

    /** Makes a map known under its id. */
    public synchronized void add(BpfMap map) {
        BpfMap[] copy = java.util.Arrays.copyOf(byId, Math.max(byId.length, Integer.highestOneBit(map.id()) * 2));
        copy[map.id()] = map;
        byId = copy;
        version = version + 1;
    }

    /**
     * What code that looks keys up in a map within another one has to know of it beforehand.
     *
     * @param number 1 to 63
     * @param type an array, or a hash without a value for each CPU
     * @param entries of arrays of which all have as many; else 0
     */
    public record InnerShape(int number, MapType type, int keySize, int valueSize, int entries) {
        /** Bytes from a value of an array to the next. */
        public long stride() {
            return LiveMap.roundUp8(valueSize);
        }
    }

    /**
     * Where code finds the arrays and hashes that are in other maps, by id; 0 while there can be none.
     *
     * <pre>
     * id * 32:  address  u64   of the first value or bucket; plus {@link InnerShape#number}, as it is a multiple of 64; 0
     *                          where there is no such map
     *           entries  u64   of an array; of a hash the number of buckets, less 1
     *           seed     u64   of a hash
     *           secret   u64   of a hash
     * </pre>
     */
    public long innerPlaces() {
        return innerPlaces;
    }

    /** The shape of maps in other maps that look like this one; null for those that code calls. */
    public synchronized InnerShape innerShape(MapDef def) {
        MapType type = def.type();
        if (type != MapType.ARRAY && type != MapType.HASH && type != MapType.LRU_HASH) {
            return null;
        }
        int entries = type == MapType.ARRAY && (def.flags() & InnerMaps.INNER_MAP) == 0 ? def.maxEntries() : 0;
        for (InnerShape known : innerShapes) {
            if (known.equals(new InnerShape(known.number, type, def.keySize(), def.valueSize(), entries))) {
                return known;
            }
        }
        int number = innerShapes.size() + 1;
        if (number > INNER_SHAPE) {
            return null;
        }
        InnerShape shape = new InnerShape(number, type, def.keySize(), def.valueSize(), entries);
        innerShapes.add(shape);
        return shape;
    }

    /** There is a map that other maps can be in. */
    synchronized void expectInner() {
        if (innerPlaces == 0) {
            innerPlaces = Memory.allocate(arena, (long) INNER_PLACES * HANDLE_STEP, 64);
        }
    }

    /** A map is about to be in another one. */
    void describe(LiveMap map) {
        InnerShape shape = map.id() < INNER_PLACES ? innerShape(map.def()) : null;
        if (shape == null) {
            return;
        }
        long place = innerPlaces + (long) map.id() * HANDLE_STEP;
        long address = 0;
        if (map instanceof ArrayMap array) {
            address = array.valuesAddress();
            Memory.putLong(
                    place + INNER_ENTRIES, Integer.toUnsignedLong(map.def().maxEntries()));
        } else if (map instanceof HashTableMap hash) {
            address = hash.bucketsAddress();
            Memory.putLong(place + INNER_ENTRIES, hash.bucketCount() - 1);
            Memory.putLong(place + INNER_SEED, hash.seed());
            Memory.putLong(place + INNER_SECRET, hash.secret());
        }
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, place, address + shape.number);
    }

    /** Forgets a map. */
    public synchronized void remove(BpfMap map) {
        if (innerPlaces != 0 && map.id() < INNER_PLACES) {
            Memory.putLong(innerPlaces + (long) map.id() * HANDLE_STEP, 0);
        }
        BpfMap[] copy = byId.clone();
        copy[map.id()] = null;
        byId = copy;
        version = version + 1;
    }

    /** Changes whenever a map comes or goes: what a pointer was found to be under an older version may be gone. */
    public long version() {
        return version;
    }

    /** The ring buffers, to find the one of a sample. */
    RingBufferMap[] rings() {
        return rings;
    }

    synchronized void addRing(RingBufferMap ring) {
        RingBufferMap[] copy = java.util.Arrays.copyOf(rings, rings.length + 1);
        copy[rings.length] = ring;
        rings = copy;
    }

    synchronized void removeRing(RingBufferMap ring) {
        rings = java.util.Arrays.stream(rings)
                .filter(other -> !other.equals(ring))
                .toArray(RingBufferMap[]::new);
    }

    /** By which the memory of maps is given back: queues that run programs have a reader there. */
    public QuiescentStates quiescentStates() {
        return states;
    }

    /** The timers in values of maps. */
    public MapTimers timers() {
        return timers;
    }

    /** Closes all maps. Their memory is given back when every queue has been in a quiescent state. */
    public void closeAll() {
        for (BpfMap map : all()) {
            map.close();
        }
    }

    /** The map of an id, or null. */
    public BpfMap byId(int id) {
        BpfMap map = any(id);
        return map instanceof LiveMap live && live.isGone() ? null : map;
    }

    private BpfMap any(int id) {
        BpfMap[] maps = byId;
        return id > 0 && id < maps.length ? maps[id] : null;
    }

    /**
     * The map of a pointer, or null when it is no map's. A program may have got it out of another map that it has left
     * since: it is found until every queue has been in a quiescent state.
     */
    public BpfMap byHandle(long handle) {
        long offset = handle - HANDLE_BASE;
        if ((offset & (1 << HANDLE_SHIFT) - 1) != 0 || offset < 0 || offset >>> HANDLE_SHIFT > Integer.MAX_VALUE) {
            return null;
        }
        return any((int) (offset >>> HANDLE_SHIFT));
    }

    /** All maps, by id. */
    public List<BpfMap> all() {
        List<BpfMap> maps = new ArrayList<>();
        for (BpfMap map : byId) {
            if (map != null && !(map instanceof LiveMap live && live.isGone())) {
                maps.add(map);
            }
        }
        return maps;
    }
}
