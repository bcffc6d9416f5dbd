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

    private static final int HANDLE_SHIFT = 8;

    /** What a program holds is this plus the map's id times {@link #HANDLE_STEP}. */
    public static final long FIRST_HANDLE = HANDLE_BASE;

    public static final int HANDLE_STEP = 1 << HANDLE_SHIFT;

    /** Ids below this one have a place in {@link #innerArrays}. */
    public static final int INNER_ARRAYS = 1 << 16;

    public static final int INNER_ARRAY_BYTES = 16;

    /** Offset in a place. */
    public static final int INNER_ENTRIES = 8;

    /** Offset in a place. */
    public static final int INNER_STRIDE = 12;

    /** Lives as long as somebody has this table. */
    private final Arena arena = Arena.ofAuto();

    private volatile long innerArrays;

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
     * Where code finds the arrays that are in other maps, by id; 0 while there can be none.
     *
     * <pre>
     * id * 16:  values   u64   address of the first value, 0 where there is no such array
     *           entries  u32
     *           stride   u32
     * </pre>
     */
    public long innerArrays() {
        return innerArrays;
    }

    /** There is a map that arrays can be in. */
    synchronized void expectInnerArrays() {
        if (innerArrays == 0) {
            innerArrays = Memory.allocate(arena, (long) INNER_ARRAYS * INNER_ARRAY_BYTES, 64);
        }
    }

    /** An array is about to be in another map. */
    void describe(ArrayMap array) {
        if (array.id() < INNER_ARRAYS && array.stride() <= Integer.MAX_VALUE) {
            long place = innerArrays + (long) array.id() * INNER_ARRAY_BYTES;
            Memory.putInt(place + INNER_ENTRIES, array.def().maxEntries());
            Memory.putInt(place + INNER_STRIDE, (int) array.stride());
            Memory.ATOMIC_LONG.setRelease(Memory.ALL, place, array.valuesAddress());
        }
    }

    /** Forgets a map. */
    public synchronized void remove(BpfMap map) {
        if (innerArrays != 0 && map.id() < INNER_ARRAYS) {
            Memory.putLong(innerArrays + (long) map.id() * INNER_ARRAY_BYTES, 0);
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
