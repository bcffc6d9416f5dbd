package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * {@code BPF_MAP_TYPE_HASH} and {@code PERCPU_HASH}: chained buckets that readers walk without a lock while others write.
 *
 * <pre>
 * bucket:   first   u48   address of the first element, 0 for none
 *           version u16   another one whenever an element has left the chain
 *
 * element:   0 next   u64   address of the next element, 0 for none
 *            8 hash   u32
 *           12        u32   marks of {@link LruLists}
 *           16 key          key_size bytes and zeroes up to a multiple of 8
 *           .. links        of {@link LruLists}
 *           .. value        rounded up to 8 bytes; of per-CPU maps address and stride:
 *              values u64   address of CPU 0's value
 *              stride u64   bytes from a CPU's value to the next CPU's
 * </pre>
 *
 * <p>There are at least twice as many buckets as entries, so that most chains have one element, and elements do not cross
 * cache lines when they need not: a look-up touches two. Programs may write values, but {@link Regions} lets checked ones
 * touch nothing else of an element, so that whatever they write can never lead a reader astray. Per-CPU values are in areas
 * of their own, a CPU's next to each other.
 *
 * <p>Writers hold a spin lock for the bucket. A new value of an existing key is written into a fresh element, which then
 * takes the place of the old one in the chain with a single store: a reader finds one or the other, never none, and never
 * half of a value.
 *
 * <p>Without {@code BPF_F_NO_PREALLOC} all elements exist from the start, and one more for each lock, which waits there for
 * the next value to replace another. They are reused at once, while readers may still stand on them. Preallocated hash maps
 * in the kernel do the same, and there a reader can be carried past the key it looks for, or see half of one key and half of
 * another. Here it reads the bucket again when it is through, and begins again when that has changed: an element is given a
 * new version of its bucket when it has left the chain and before anything else in it changes, so whoever sees such a change
 * sees the version, too. With the flag, elements are allocated in chunks when they are needed, and one that was freed is
 * reused when every queue has been in a quiescent state, unless a batch frees {@link #MOST_WAITING} of them.
 *
 * <p>How keys are hashed and compared, {@link HashKeys} says; where elements are without an entry, {@link HashElements}.
 */
public class HashTableMap extends LiveMap {
    private static final int NO_PREALLOC = 1;
    private static final int ZERO_SEED = 1 << 6;

    /** The bits of a bucket that are an address: user space has 47. */
    public static final long ADDRESS = (1L << 48) - 1;

    private static final long VERSION = ADDRESS + 1;

    public static final int NEXT = 0;
    public static final int HASH = 8;
    public static final int KEY = 16;

    /** Of a per-CPU element, behind the address of CPU 0's value. */
    private static final int STRIDE = 8;

    private static final int CPU_ALIGNMENT = 128;
    private static final int LINE = 64;

    /** Elements that may wait for quiescent states beside those of a full map. */
    private static final int MOST_WAITING = 1 << 20;

    private static final int MOST_LOCKS = 256;

    final HashKeys keys;
    final int valueSize;
    final boolean perCpu;
    final int cpus;
    final long stride;
    final long elementBytes;
    final int valueOffset;
    private final boolean valuesWritable;
    final long mask;
    final long buckets;

    /** One a group of buckets. */
    private final SpinLocks locks;

    private final int lockMask;

    /** By lock: an element for the next value that replaces another there, or 0; null without preallocation. */
    private final long[] spare;

    private final HashElements elements;

    HashTableMap(MapDef def, MapTable table, Regions regions, int cpus, long seed) {
        this(
                def,
                table,
                regions,
                cpus,
                seed,
                (long) def.maxEntries() + (isPreallocated(def) ? locks(def) : MOST_WAITING));
    }

    /**
     * @param mostElements elements that may ever exist; at once without {@code BPF_F_NO_PREALLOC}
     */
    HashTableMap(MapDef def, MapTable table, Regions regions, int cpus, long seed, long mostElements) {
        super(def, table, regions);
        keys = HashKeys.of(def.keySize(), (def.flags() & ZERO_SEED) != 0 ? 0 : seed + id());
        valueSize = def.valueSize();
        perCpu = def.type().isPerCpu();
        this.cpus = cpus;
        stride = roundUp8(valueSize);
        valueOffset = valueOffset(def.type(), def.keySize());
        elementBytes = elementBytes(valueOffset + (perCpu ? 2 * Long.BYTES : stride));
        valuesWritable = programsMayWrite() && def.type() != MapType.DEVMAP_HASH;
        long bucketCount = bucketCount(def);
        mask = bucketCount - 1;
        locks = new SpinLocks(locks(def));
        lockMask = locks(def) - 1;
        buckets = allocate(bucketCount * Long.BYTES);
        spare = isPreallocated(def) ? new long[locks(def)] : null;
        try {
            elements = new HashElements(
                    this::makeElements,
                    elementBytes,
                    def.maxEntries(),
                    mostElements,
                    isPreallocated(def) ? null : table.quiescentStates());
        } catch (OutOfMemoryError | ArithmeticException e) {
            abandon();
            throw e;
        }
    }

    /** Twice the entries, or more. */
    private static long bucketCount(MapDef def) {
        return Math.max(Long.highestOneBit(def.maxEntries() - 1L) << 2, 2);
    }

    private static int locks(MapDef def) {
        return (int) Math.min(bucketCount(def), MOST_LOCKS);
    }

    /** A size with which elements cross cache lines only if they must. */
    private static long elementBytes(long needed) {
        return needed > LINE ? needed + 15 & -16 : needed > LINE / 2 ? LINE : LINE / 2;
    }

    private static boolean isPreallocated(MapDef def) {
        return (def.flags() & NO_PREALLOC) == 0;
    }

    // --- finding

    @Override
    public long lookup(long key, int cpu) {
        long element = find(key, keys.hash(key));
        return element == 0 ? 0 : valueOf(element, cpu);
    }

    @Override
    public final long lookupPerCpu(long key, long cpu) {
        return perCpu && cpu >= 0 && cpu < cpus ? lookup(key, (int) cpu) : 0;
    }

    final long find(long key, int hash) {
        long slot = slot(hash & mask);
        while (true) {
            long word = acquire(slot);
            long element = walk(word, key, hash);
            if (isUnchanged(slot, word)) {
                return element;
            }
        }
    }

    /** The element with a key in a chain, or 0; true if the bucket {@link #isUnchanged} afterwards. */
    final long walk(long word, long key, int hash) {
        long element = word & ADDRESS;
        while (element != 0 && !isOf(element, key, hash)) {
            element = acquire(element + NEXT);
        }
        return element;
    }

    final boolean isOf(long element, long key, int hash) {
        return Memory.getInt(element + HASH) == hash && keys.areEqual(element + KEY, key);
    }

    /** Whether a bucket is what it was, so that nothing that was read in its chain since has been reused meanwhile. */
    static boolean isUnchanged(long slot, long word) {
        VarHandle.acquireFence();
        return Memory.getLong(slot) == word;
    }

    /** The address of a bucket. */
    final long slot(long bucket) {
        return buckets + bucket * Long.BYTES;
    }

    static long acquire(long address) {
        return (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address);
    }

    static void release(long address, long value) {
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, address, value);
    }

    // --- chains; under the lock of their bucket

    /** The element that a bucket or an element leads to, or 0. */
    static long follow(long link) {
        return Memory.getLong(link) & ADDRESS;
    }

    /** Puts an element at the head of a chain. */
    static void link(long slot, long fresh) {
        release(fresh + NEXT, follow(slot));
        release(slot, Memory.getLong(slot) & -VERSION | fresh);
    }

    /**
     * Takes an element out of a chain. It keeps its own link: a reader that stands on it goes on from there.
     *
     * @param link what leads to it, the bucket or another element
     * @param next what comes instead of it
     */
    static void unlink(long slot, long link, long next) {
        if (link == slot) {
            release(slot, (Memory.getLong(slot) & -VERSION) + VERSION | next);
        } else {
            // in this order, as a reader that knows the new version must not come to the element any more
            release(link, next);
            release(slot, Memory.getLong(slot) + VERSION);
        }
        VarHandle.storeStoreFence(); // whoever sees what the element becomes sees the version
    }

    /** What a hash begins with. */
    public final long seed() {
        return keys.seed();
    }

    /** What every second word of a key is mixed with. */
    public final long secret() {
        return keys.secret();
    }

    // --- walking: what bpf_for_each_map_elem sees; an element that is removed meanwhile may still be met

    /** The number of chains. */
    public final long bucketCount() {
        return mask + 1;
    }

    /** The first element of a chain, or 0. */
    public final long firstOf(long bucket) {
        return acquire(slot(bucket)) & ADDRESS;
    }

    /** The element behind an element, or 0. */
    public final long nextOf(long element) {
        return acquire(element + NEXT);
    }

    /** The address of an element's key. */
    public final long keyOf(long element) {
        return element + KEY;
    }

    /** The address of an element's value. */
    public final long valueOf(long element, int cpu) {
        long value = element + valueOffset;
        return perCpu ? Memory.getLong(value) + Objects.checkIndex(cpu, cpus) * Memory.getLong(value + STRIDE) : value;
    }

    /** The address of the first bucket; the number of a key's is its hash under the mask of {@link #bucketCount} - 1. */
    public final long bucketsAddress() {
        return buckets;
    }

    /** The {@link #valueOffset()} of hashes like this one. */
    public static int valueOffset(MapType type, int keySize) {
        boolean links = type == MapType.LRU_HASH || type == MapType.LRU_PERCPU_HASH;
        return KEY + (int) roundUp8(keySize) + (links ? LruLists.NODE_BYTES : 0);
    }

    /** Bytes from an element to its value; of per-CPU maps to address and stride of its values. */
    public final int valueOffset() {
        return valueOffset;
    }

    /** The CPUs that there are values for. */
    public final int cpus() {
        return cpus;
    }

    /** The address of the key whose value is at an address; not of per-CPU maps. */
    public final long keyOfValue(long value) {
        return value - valueOffset + KEY;
    }

    // --- changing

    @Override
    public int update(long key, long value, long flags, int cpu) {
        return store(key, value, flags, cpu);
    }

    /**
     * @param cpu whose value is given, or -1 when {@code value} holds the values of all CPUs
     */
    int store(long key, long value, long flagsAndLock, int cpu) {
        boolean locked = hasLock() && (flagsAndLock & LOCK) != 0;
        long flags = locked ? flagsAndLock & ~LOCK : flagsAndLock;
        if (flags < 0 || flags > EXIST) {
            return Errno.EINVAL.negative();
        }
        int hash = keys.hash(key);
        long bucket = hash & mask;
        int lock = bucketLock(bucket);
        lock(lock);
        try {
            long slot = slot(bucket);
            long link = slot;
            long old = follow(link);
            while (old != 0 && !isOf(old, key, hash)) {
                link = old + NEXT;
                old = follow(link);
            }
            boolean exists = old != 0;
            if (exists && flags == NOEXIST) {
                return Errno.EEXIST.negative();
            }
            if (!exists && flags == EXIST) {
                return Errno.ENOENT.negative();
            }
            if (exists && perCpu) {
                copyPerCpu(value, old, cpu, false);
                return 0;
            }
            if (exists && locked) {
                return copyLocked(value, old + valueOffset);
            }
            long fresh = exists && spare != null ? spare[lock] : 0;
            if (fresh == 0) {
                fresh = elements.take(!exists);
                if (fresh <= 0) {
                    return (int) fresh;
                }
            }
            Memory.putInt(fresh + HASH, hash);
            keys.copy(key, fresh + KEY);
            if (perCpu) {
                copyPerCpu(value, fresh, cpu, true);
            } else {
                copyValue(value, fresh + valueOffset);
                clearFields(fresh + valueOffset);
            }
            if (exists) {
                release(fresh + NEXT, follow(old + NEXT));
                unlink(slot, link, fresh);
                if (spare == null) {
                    give(old, false);
                } else {
                    spare[lock] = old;
                    releaseFields(old + valueOffset);
                    replaced(old);
                }
            } else {
                link(slot, fresh);
            }
            return 0;
        } finally {
            unlock(lock);
        }
    }

    /**
     * Writes values of a per-CPU element.
     *
     * @param cpu whose value is given, or -1 when {@code from} holds the values of all CPUs
     * @param zero whether the other CPUs' values become 0
     */
    final void copyPerCpu(long from, long element, int cpu, boolean zero) {
        if (hasFields()) {
            copyPerCpuFields(from, element, cpu, zero);
            return;
        }
        if (cpu >= 0 && !zero) {
            Memory.copyShort(from, valueOf(element, cpu), valueSize);
            return;
        }
        for (int i = 0; i < cpus; i++) {
            if (cpu < 0) {
                Memory.copyShort(from + i * stride, valueOf(element, i), stride);
            } else if (i == cpu) {
                Memory.copyShort(from, valueOf(element, i), valueSize);
            } else {
                Memory.zeroShort(valueOf(element, i), stride);
            }
        }
    }

    /** The same of values with fields of the kernel's own, which stay as they are: 0. */
    private void copyPerCpuFields(long from, long element, int cpu, boolean zero) {
        for (int i = 0; i < cpus; i++) {
            long to = valueOf(element, i);
            if (zero) {
                Memory.zeroShort(to, stride);
            }
            if (cpu < 0) {
                copyValue(from + i * stride, to);
            } else if (i == cpu) {
                copyValue(from, to);
            }
        }
    }

    /** An element's value was replaced; it holds the old one, and its bucket's lock is held. */
    void replaced(long element) {}

    /** Copies an element's value, or those of all CPUs one behind the other. */
    private void copyOut(long element, long to) {
        if (!perCpu) {
            Memory.copyShort(element + valueOffset, to, valueSize);
            return;
        }
        for (int i = 0; i < cpus; i++) {
            Memory.copyShort(valueOf(element, i), to + i * stride, stride);
        }
    }

    @Override
    public int delete(long key) {
        return removeElement(key);
    }

    private int removeElement(long key) {
        return takeOut(key, 0);
    }

    /**
     * Removes an entry.
     *
     * @param copy where to put its value (of all CPUs), or 0
     */
    final int takeOut(long key, long copy) {
        int hash = keys.hash(key);
        long bucket = hash & mask;
        int lock = bucketLock(bucket);
        long element;
        lock(lock);
        try {
            long slot = slot(bucket);
            long link = slot;
            element = follow(link);
            while (element != 0 && !isOf(element, key, hash)) {
                link = element + NEXT;
                element = follow(link);
            }
            if (element == 0) {
                return Errno.ENOENT.negative();
            }
            if (copy != 0) {
                copyOut(element, copy);
            }
            unlink(slot, link, follow(element + NEXT));
            removed(element);
        } finally {
            unlock(lock);
        }
        removedAndUnlocked(element);
        return 0;
    }

    /** An element has left its bucket, whose lock is held. */
    void removed(long element) {
        give(element, true);
    }

    /** An element has left its bucket, whose lock is free again. */
    void removedAndUnlocked(long element) {}

    // --- elements

    private long makeElements(long more) {
        if (!perCpu) {
            return allocateValues(more * elementBytes, elementBytes, valueOffset, stride, valuesWritable);
        }
        long first = allocate(more * elementBytes);
        long cpuStride = more * stride + CPU_ALIGNMENT - 1 & -CPU_ALIGNMENT;
        long values = allocateRegion(cpuStride * cpus, valuesWritable);
        for (long i = 0; i < more; i++) {
            long value = first + i * elementBytes + valueOffset;
            Memory.putLong(value, values + i * stride);
            Memory.putLong(value + STRIDE, cpuStride);
        }
        return first;
    }

    /** Takes back an element that left its bucket, whose lock is held. */
    void give(long element, boolean entryGone) {
        releaseFields(element + valueOffset);
        elements.give(element, entryGone);
    }

    /** Hands all elements to a subclass that keeps the free ones itself; while it is constructed. */
    final long[] takeAllElements() {
        return elements.takeAll();
    }

    // --- spin locks: held for a few loads and stores

    final int bucketLock(long bucket) {
        return (int) bucket & lockMask;
    }

    final void lock(int number) {
        locks.lock(number);
    }

    final void unlock(int number) {
        locks.unlock(number);
    }

    // --- the user's side

    /** Number of entries. */
    public int size() {
        return elements.count();
    }

    /** Elements in the fullest bucket; only while nobody writes. */
    final int longestChain() {
        int longest = 0;
        for (long bucket = 0; bucket <= mask; bucket++) {
            int chain = 0;
            for (long element = firstOf(bucket); element != 0; element = nextOf(element)) {
                chain++;
            }
            longest = Math.max(longest, chain);
        }
        return longest;
    }

    @Override
    public final int userValueSize() {
        return perCpu ? Math.toIntExact(stride * cpus) : valueSize;
    }

    @Override
    final byte[] read(byte[] key) {
        return read(key, false);
    }

    @Override
    final byte[] readWithFields(byte[] key, boolean locked) {
        return read(key, locked);
    }

    private byte[] read(byte[] key, boolean locked) {
        try (Arena arena = Arena.ofConfined()) {
            long address = nativeCopy(arena, key);
            int hash = keys.hash(address);
            int lock = bucketLock(hash & mask);
            // Under the lock the element cannot be replaced while it is copied.
            lock(lock);
            try {
                long element = find(address, hash);
                return element == 0 ? null : userValue(element, locked);
            } finally {
                unlock(lock);
            }
        }
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        try (Arena arena = Arena.ofConfined()) {
            return store(nativeCopy(arena, key), nativeCopy(arena, value), flags, -1);
        }
    }

    @Override
    final int erase(byte[] key) {
        try (Arena arena = Arena.ofConfined()) {
            return removeElement(nativeCopy(arena, key));
        }
    }

    @Override
    byte[] take(byte[] key) {
        try (Arena arena = Arena.ofConfined()) {
            long copy = Memory.allocate(arena, Math.max(userValueSize(), stride), Long.BYTES);
            if (takeOut(nativeCopy(arena, key), copy) != 0) {
                return null;
            }
            return hasFields() && !perCpu ? userCopy(copy, false) : Memory.bytes(copy, userValueSize());
        }
    }

    /** Whole buckets, each as it is at one moment; the place where a batch ended is a bucket's number. */
    @Override
    final Batch readBatch(byte[] from, int count, boolean takeOut) {
        long bucket = from == null ? 0 : IndexedMap.index(from) & 0xffff_ffffL;
        List<MapEntry> entries = new ArrayList<>();
        for (; bucket <= mask; bucket++) {
            List<MapEntry> own = readBucket(bucket, count - entries.size(), takeOut);
            if (own == null) {
                if (entries.isEmpty()) {
                    throw refuse(Errno.ENOSPC, "a bucket has more entries than that, count=" + count);
                }
                break;
            }
            entries.addAll(own);
        }
        byte[] next = new byte[Integer.BYTES];
        IndexedMap.INT_LE.set(next, 0, (int) bucket);
        return new Batch(entries, next, bucket > mask);
    }

    /** The entries of a bucket; null, and nothing taken out, when there are more than that. */
    private List<MapEntry> readBucket(long bucket, int most, boolean takeOut) {
        if (firstOf(bucket) == 0) {
            return List.of();
        }
        List<MapEntry> entries = new ArrayList<>();
        List<Long> gone = new ArrayList<>();
        int lock = bucketLock(bucket);
        lock(lock);
        try {
            long slot = slot(bucket);
            for (long at = follow(slot); at != 0; at = follow(at + NEXT)) {
                if (entries.size() >= most) {
                    return null;
                }
                entries.add(new MapEntry(Memory.bytes(at + KEY, keys.size()), userValue(at, false)));
                gone.add(at);
            }
            if (!takeOut) {
                return entries;
            }
            unlink(slot, slot, 0);
            for (long element : gone) {
                removed(element);
            }
        } finally {
            unlock(lock);
        }
        for (long element : gone) {
            removedAndUnlocked(element);
        }
        return entries;
    }

    /** A value as user space sees it; its bucket is locked. */
    private byte[] userValue(long element, boolean locked) {
        if (!perCpu) {
            long value = element + valueOffset;
            return hasFields() ? userCopy(value, locked) : Memory.bytes(value, valueSize);
        }
        byte[] all = new byte[userValueSize()];
        for (int i = 0; i < cpus; i++) {
            Memory.copy(valueOf(element, i), all, (int) (i * stride), (int) stride);
        }
        return all;
    }

    @Override
    final byte[] next(byte[] key) {
        long bucket = 0;
        if (key != null) {
            try (Arena arena = Arena.ofConfined()) {
                long address = nativeCopy(arena, key);
                int hash = keys.hash(address);
                long own = hash & mask;
                int lock = bucketLock(own);
                lock(lock);
                try {
                    long element = find(address, hash);
                    if (element != 0) {
                        long next = follow(element + NEXT);
                        if (next != 0) {
                            return Memory.bytes(next + KEY, keys.size());
                        }
                        bucket = own + 1;
                    }
                } finally {
                    unlock(lock);
                }
            }
        }
        for (; bucket <= mask; bucket++) {
            if (firstOf(bucket) == 0) {
                continue;
            }
            int lock = bucketLock(bucket);
            lock(lock);
            try {
                long first = firstOf(bucket);
                if (first != 0) {
                    return Memory.bytes(first + KEY, keys.size());
                }
            } finally {
                unlock(lock);
            }
        }
        return null;
    }

    static long nativeCopy(Arena arena, byte[] bytes) {
        long address = Memory.allocate(arena, bytes.length, Long.BYTES);
        Memory.copy(bytes, 0, address, bytes.length);
        return address;
    }
}
