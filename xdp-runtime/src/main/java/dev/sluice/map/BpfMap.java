package dev.sluice.map;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * A live map. Program-side methods take and give native addresses and never allocate; they may be called by every queue
 * at once. User-side methods take and give byte arrays and throw {@link MapException}.
 */
public abstract class BpfMap implements AutoCloseable {
    /** {@code BPF_ANY}: create or replace. */
    public static final long ANY = 0;

    /** {@code BPF_NOEXIST}: create only. */
    public static final long NOEXIST = 1;

    /** {@code BPF_EXIST}: replace only. */
    public static final long EXIST = 2;

    /** {@code BPF_F_LOCK}: copy the value under its spin lock. */
    public static final long LOCK = 4;

    /** {@code BPF_F_RDONLY_PROG}: programs may not write. */
    public static final int RDONLY_PROG = 1 << 7;

    /** {@code BPF_F_WRONLY_PROG}: programs may not read. */
    public static final int WRONLY_PROG = 1 << 8;

    private final MapDef def;
    private final int id;
    private final int plainValueBytes;

    protected BpfMap(MapDef def, int id) {
        this.def = def;
        this.id = id;
        boolean plain = switch (def.type()) {
            case ARRAY, PERCPU_ARRAY, HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, LPM_TRIE -> true;
            default -> false;
        };
        plainValueBytes = plain && (def.flags() & (RDONLY_PROG | WRONLY_PROG)) == 0 ? def.valueSize() : 0;
    }

    /**
     * Bytes from an address that {@link #lookup} gave on, that programs may both read and write; 0 when it is not as simple
     * as that.
     */
    public final int plainValueBytes() {
        return plainValueBytes;
    }

    public final MapDef def() {
        return def;
    }

    /** The map's id, above 0 and below 2^28, unique in its runtime. */
    public final int id() {
        return id;
    }

    /**
     * What a program holds as the map's pointer ({@code CONST_PTR_TO_MAP}). It is no address of anything: reading
     * through it faults on a checked engine.
     */
    public final long handle() {
        return MapTable.handle(id);
    }

    // --- the program's side: addresses in, addresses out, 0 or a negative error number

    /**
     * Finds a value.
     *
     * @param key address of {@code keySize} readable bytes
     * @param cpu whose value to find, for per-CPU types
     * @return the value's address, or 0
     */
    public abstract long lookup(long key, int cpu);

    /**
     * Creates or replaces an entry.
     *
     * @param key address of {@code keySize} readable bytes
     * @param value address of {@code valueSize} readable bytes
     * @param flags {@link #ANY}, {@link #NOEXIST} or {@link #EXIST}
     * @return 0 or a negative error number
     */
    public abstract int update(long key, long value, long flags, int cpu);

    /** Removes an entry: 0 or a negative error number. */
    public abstract int delete(long key);

    /**
     * The value of one CPU ({@code bpf_map_lookup_percpu_elem}).
     *
     * @param cpu any number
     * @return its address; 0 where there is no such entry, no such CPU, or no value for each CPU
     */
    public long lookupPerCpu(long key, long cpu) {
        return 0;
    }

    /** Adds a value to a queue, a stack or a bloom filter: 0 or a negative error number. */
    public int push(long value, long flags) {
        return Errno.ENOTSUPP.negative();
    }

    /** Takes the next value of a queue or a stack out and copies it; ENOENT and zeroes when there is none. */
    public int pop(long value) {
        return Errno.ENOTSUPP.negative();
    }

    /** Copies the next value of a queue or a stack; for a bloom filter 0 when it may hold the value, else ENOENT. */
    public int peek(long value) {
        return Errno.ENOTSUPP.negative();
    }

    /**
     * The address of the first value, for programs that address an array's values directly (global data); 0 when the
     * type does not allow it.
     */
    public long valueAddress() {
        return 0;
    }

    // --- the user's side

    /**
     * Does something with the map's memory that user space wants, and keeps it from being given back meanwhile. Short, and not
     * to be nested.
     *
     * @throws MapException EBADF when the map is closed
     */
    public abstract <T> T inside(Supplier<T> what);

    /** Bytes of native memory that the map has taken. */
    public abstract long memoryBytes();

    /** Bytes of a value as {@code bpf(2)} copies it: all CPUs of a per-CPU map. */
    public abstract int userValueSize();

    /** A copy of a value, or null when there is no such entry. */
    public final byte[] get(byte[] key) {
        return get(key, ANY);
    }

    /**
     * The same.
     *
     * @param flags {@link #ANY}, or {@link #LOCK} to copy while nobody holds the value's lock
     * @throws MapException EINVAL for other flags, or when values have no lock
     */
    public abstract byte[] get(byte[] key, long flags);

    /**
     * Tells, before the map is used, which fields of its values belong to the kernel: copies of values leave them alone,
     * {@link #LOCK} is allowed when there is a lock, and timers go with the values that they are in.
     *
     * @throws MapException EOPNOTSUPP when values of the map's type cannot have them ({@link ValueFields#fit})
     */
    public abstract void declareFields(ValueFields fields);

    /** The fields of its values that belong to the kernel. */
    public abstract ValueFields fields();

    /** Creates or replaces an entry. */
    public abstract void put(byte[] key, byte[] value, long flags);

    /** Removes an entry; false when there was none. */
    public abstract boolean remove(byte[] key);

    /**
     * Takes an entry out and gives its value, in one step; null when there is none. Hashes, and with an empty key queues
     * and stacks.
     */
    public abstract byte[] lookupAndDelete(byte[] key);

    /**
     * Some entries of a map.
     *
     * @param next where the next ones begin, for the next call
     * @param end whether these are the last
     */
    public record Batch(List<MapEntry> entries, byte[] next, boolean end) {}

    /**
     * Reads several entries ({@code BPF_MAP_LOOKUP_BATCH}).
     *
     * @param from null for the first ones, then what the last call gave as {@code next}
     * @param count at most so many; a hash reads whole buckets and answers ENOSPC when the first one does not fit
     * @throws MapException ENOTSUPP for types without batches
     */
    public abstract Batch lookupBatch(byte[] from, int count);

    /** As {@link #lookupBatch}, and takes the entries out; hashes only. */
    public abstract Batch lookupAndDeleteBatch(byte[] from, int count);

    /**
     * Puts several entries, one after the other.
     *
     * @param flags {@link #ANY} or {@link #LOCK}
     * @return how many, which is all
     * @throws MapException for the first that is refused; those before it are in the map
     */
    public abstract int updateBatch(List<MapEntry> entries, long flags);

    /**
     * Removes several entries, one after the other.
     *
     * @throws MapException ENOENT for the first that is not there; those before it are gone
     */
    public abstract int deleteBatch(List<byte[]> keys);

    /** The key that follows, in the map's iteration order; the first for null; null at the end. */
    public abstract byte[] nextKey(byte[] key);

    /** From now on user space may not write ({@code BPF_MAP_FREEZE}). */
    public abstract void freeze();

    public abstract boolean isFrozen();

    /** All keys at this moment, in iteration order. */
    public final List<byte[]> keys() {
        List<byte[]> keys = new ArrayList<>();
        for (byte[] key = nextKey(null); key != null; key = nextKey(key)) {
            keys.add(key);
        }
        return keys;
    }

    /** Gives the memory back. No program may run with this map any more. */
    @Override
    public abstract void close();
}
