package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * What all types have in common: memory, its regions, and the checks that {@code bpf(2)} makes before it asks the type.
 */
abstract class LiveMap extends BpfMap {
    private static final int RDONLY = 1 << 3;
    private static final int WRONLY = 1 << 4;

    private final Arena arena = Arena.ofShared();
    private final MapTable table;
    private final Regions regions;
    private final List<Block> blocks = new ArrayList<>();
    private final List<Long> regionStarts = new ArrayList<>();
    private final AtomicBoolean closed = new AtomicBoolean();

    /** Its owner, and the maps that it is in. */
    private final AtomicInteger references = new AtomicInteger(1);

    private volatile ValueFields fields = ValueFields.NONE;

    /** Of the lock in a value, or -1. */
    private volatile int lockOffset = -1;

    /** Of the timer in a value, or -1. */
    private volatile int timerOffset = -1;

    private volatile boolean frozen;

    LiveMap(MapDef def, MapTable table, Regions regions) {
        super(def, table.nextId());
        this.table = table;
        this.regions = regions;
    }

    final MapTable table() {
        return table;
    }

    /** Rounds up to the eight bytes that values are aligned to. */
    static long roundUp8(long bytes) {
        return bytes + 7 & -8L;
    }

    /** Zeroed memory that lives as long as the map and that programs do not see. */
    final long allocate(long bytes) {
        if (bytes < 0) {
            throw new OutOfMemoryError("map " + def().name());
        }
        long address = Memory.allocate(arena, bytes, 64);
        synchronized (blocks) {
            blocks.add(new Block(address, bytes));
        }
        return address;
    }

    /** Memory of the map: all that it holds, but for what its fields say of it. */
    record Block(long address, long bytes) {}

    final List<Block> blocks() {
        synchronized (blocks) {
            return List.copyOf(blocks);
        }
    }

    @Override
    public final long memoryBytes() {
        synchronized (blocks) {
            return blocks.stream().mapToLong(Block::bytes).sum();
        }
    }

    /** Zeroed memory that lives as long as the map and that programs may touch. */
    final long allocateRegion(long bytes, boolean programsMayWrite) {
        long address = allocate(bytes);
        regions.add(address, bytes, programsMayWrite);
        synchronized (regionStarts) {
            regionStarts.add(address);
        }
        return address;
    }

    /**
     * The same for values that are parts of elements: programs see the values only.
     *
     * @param elementBytes bytes from a value to the next
     * @param valueOffset bytes from the beginning of the memory to the first value
     */
    final long allocateValues(
            long bytes, long elementBytes, long valueOffset, long valueBytes, boolean programsMayWrite) {
        long address = allocate(bytes);
        regions.add(address, bytes, elementBytes, valueOffset, valueBytes, programsMayWrite);
        synchronized (regionStarts) {
            regionStarts.add(address);
        }
        return address;
    }

    final boolean programsMayWrite() {
        return (def().flags() & RDONLY_PROG) == 0;
    }

    @Override
    public final <T> T inside(Supplier<T> what) {
        int entered = table.quiescentStates().enter();
        try {
            if (isGone()) {
                throw refuse(Errno.EBADF, "it is closed");
            }
            return what.get();
        } finally {
            table.quiescentStates().leave(entered);
        }
    }

    @Override
    public final byte[] get(byte[] key, long flags) {
        checkKey(key);
        if ((flags & ~LOCK) != 0) {
            throw refuse(Errno.EINVAL, "a look-up has no other flags than BPF_F_LOCK, flags=" + flags);
        }
        checkReadable();
        checkLock(flags);
        return inside(() -> hasFields() ? readWithFields(key, flags != 0) : read(key));
    }

    private void checkLock(long flags) {
        if ((flags & LOCK) != 0 && lockOffset < 0) {
            throw refuse(Errno.EINVAL, "flags ask for a lock that the value does not have, flags=" + flags);
        }
    }

    @Override
    public final void declareFields(ValueFields declared) {
        if (!declared.fit(def())) {
            throw refuse(
                    Errno.EOPNOTSUPP,
                    "values of this type cannot have such fields, type="
                            + def().type().bpftoolName() + " fields=" + declared.all());
        }
        fields = declared;
        lockOffset = declared.offsetOf(ValueFields.Kind.SPIN_LOCK);
        timerOffset = declared.offsetOf(ValueFields.Kind.TIMER);
    }

    @Override
    public final ValueFields fields() {
        return fields;
    }

    /** Whether values have a lock. */
    final boolean hasLock() {
        return lockOffset >= 0;
    }

    /** Whether values have fields of the kernel's own. */
    final boolean hasFields() {
        return !fields.isEmpty();
    }

    /** A value's lock. */
    final long lockOf(long value) {
        return value + lockOffset;
    }

    /** Copies a value without the kernel's own fields; of values without such everything. */
    final void copyValue(long from, long to) {
        ValueFields left = fields;
        if (left.isEmpty()) {
            Memory.copyShort(from, to, def().valueSize());
            return;
        }
        int at = 0;
        for (int i = 0; i < left.count(); i++) {
            ValueFields.Field field = left.get(i);
            Memory.copy(from + at, to + at, field.offset() - (long) at);
            at = field.end();
        }
        Memory.copy(from + at, to + at, def().valueSize() - (long) at);
    }

    /**
     * A value that comes into the map has fields that nobody has used. Locks are left alone: a program may hold that of a value
     * whose memory is this one's now, and gives it back; before that nobody else must have it, as in the kernel.
     */
    final void clearFields(long value) {
        if (!hasFields()) {
            return;
        }
        releaseFields(value);
        for (int i = 0; i < fields.count(); i++) {
            ValueFields.Field field = fields.get(i);
            if (field.kind() != ValueFields.Kind.SPIN_LOCK && field.kind() != ValueFields.Kind.RES_SPIN_LOCK) {
                Memory.fill(value + field.offset(), field.bytes(), (byte) 0);
            }
        }
    }

    /** A value leaves the map, or is written over: its timer goes. */
    final void releaseFields(long value) {
        if (timerOffset >= 0) {
            table.timers().release(value + timerOffset);
        }
    }

    /** Copies a value over another one while nobody holds that one's lock: 0, or EBUSY after a long time. */
    final int copyLocked(long from, long to) {
        if (!ValueLock.lock(lockOf(to))) {
            return Errno.EBUSY.negative();
        }
        try {
            copyValue(from, to);
        } finally {
            ValueLock.unlock(lockOf(to));
        }
        return 0;
    }

    /** A copy of a value in which the kernel's own fields are 0. */
    final byte[] userCopy(long value, boolean locked) {
        if (locked && !ValueLock.lock(lockOf(value))) {
            throw refuse(Errno.EBUSY, "a program does not give the value's lock back");
        }
        byte[] copy;
        try {
            copy = Memory.bytes(value, def().valueSize());
        } finally {
            if (locked) {
                ValueLock.unlock(lockOf(value));
            }
        }
        for (ValueFields.Field field : fields.all()) {
            java.util.Arrays.fill(copy, field.offset(), field.end(), (byte) 0);
        }
        return copy;
    }

    /** As {@link #read}, of a value that has fields of the kernel's own; those of per-CPU values are 0 at any time. */
    byte[] readWithFields(byte[] key, boolean locked) {
        return read(key);
    }

    @Override
    public final void put(byte[] key, byte[] value, long flags) {
        checkKey(key);
        if (value.length != userValueSize()) {
            throw refuse(Errno.EINVAL, "value expected " + userValueSize() + " bytes, found " + value.length);
        }
        checkWritable();
        checkLock(flags);
        int error = inside(() -> write(key, value, flags));
        if (error != 0) {
            throw refuse(errno(error), describe(error, key, flags));
        }
    }

    @Override
    public final boolean remove(byte[] key) {
        checkKey(key);
        checkWritable();
        int error = inside(() -> erase(key));
        if (error == Errno.ENOENT.negative()) {
            return false;
        }
        if (error != 0) {
            throw refuse(
                    errno(error),
                    error == Errno.EINVAL.negative()
                            ? "entries of this type cannot be deleted"
                            : describe(error, key, 0));
        }
        return true;
    }

    @Override
    public final byte[] nextKey(byte[] key) {
        if (key != null) {
            checkKey(key);
        }
        checkReadable();
        return inside(() -> next(key));
    }

    @Override
    public final byte[] lookupAndDelete(byte[] key) {
        checkKey(key);
        checkReadable();
        checkWritable();
        return inside(() -> take(key));
    }

    @Override
    public final Batch lookupBatch(byte[] from, int count) {
        checkReadable();
        checkBatches();
        return inside(() -> readBatch(from, count, false));
    }

    @Override
    public final Batch lookupAndDeleteBatch(byte[] from, int count) {
        checkReadable();
        checkWritable();
        if (!(this instanceof HashTableMap) || !hasBatches()) {
            throw noBatches();
        }
        return inside(() -> readBatch(from, count, true));
    }

    @Override
    public final int updateBatch(List<MapEntry> entries, long flags) {
        checkWritable();
        checkBatches();
        if ((flags & ~LOCK) != 0) {
            throw refuse(Errno.EINVAL, "a batch has no other flags than BPF_F_LOCK, flags=" + flags);
        }
        checkLock(flags);
        for (MapEntry entry : entries) {
            put(entry.key(), entry.value(), flags);
        }
        return entries.size();
    }

    @Override
    public final int deleteBatch(List<byte[]> keys) {
        checkWritable();
        checkBatches();
        if (this instanceof IndexedMap) {
            throw noBatches();
        }
        for (byte[] key : keys) {
            if (!remove(key)) {
                throw refuse(Errno.ENOENT, describe(Errno.ENOENT.negative(), key, 0));
            }
        }
        return keys.size();
    }

    private void checkBatches() {
        if (!hasBatches()) {
            throw noBatches();
        }
    }

    private MapException noBatches() {
        return refuse(
                Errno.ENOTSUPP,
                "this type has no such batch operation, type=" + def().type().bpftoolName());
    }

    /** Whether the type has batch operations. */
    boolean hasBatches() {
        return switch (def().type()) {
            case ARRAY,
                    PERCPU_ARRAY,
                    HASH,
                    PERCPU_HASH,
                    LRU_HASH,
                    LRU_PERCPU_HASH,
                    LPM_TRIE,
                    ARRAY_OF_MAPS,
                    HASH_OF_MAPS -> true;
            default -> false;
        };
    }

    /** A batch that goes from key to key; the place where it ended is the last key. */
    Batch readBatch(byte[] from, int count, boolean takeOut) {
        List<MapEntry> entries = new ArrayList<>();
        byte[] last = from;
        byte[] key = next(from);
        while (key != null && entries.size() < count) {
            byte[] value = read(key);
            if (value != null) {
                entries.add(new MapEntry(key, value));
            }
            last = key;
            key = next(key);
        }
        return new Batch(entries, last, key == null);
    }

    /** Takes an entry out; null when there is none. */
    byte[] take(byte[] key) {
        throw cannotTakeOut();
    }

    /** What types answer whose entries can be deleted, or not even that. */
    final MapException cannotTakeOut() {
        return refuse(
                Errno.ENOTSUPP,
                "entries of this type cannot be taken out, type=" + def().type().bpftoolName());
    }

    /** A copy of an entry's value, or null. The key has the right size. */
    abstract byte[] read(byte[] key);

    /** Creates or replaces; 0 or a negative error number. Key and value have the right size. */
    abstract int write(byte[] key, byte[] value, long flags);

    /** Removes; 0 or a negative error number. */
    abstract int erase(byte[] key);

    /** The key that follows; see {@link #nextKey}. */
    abstract byte[] next(byte[] key);

    @Override
    public final void freeze() {
        if ((def().flags() & RDONLY) != 0) {
            throw refuse(Errno.EPERM, "user space may not write it (BPF_F_RDONLY)");
        }
        synchronized (regionStarts) {
            if (frozen) {
                throw refuse(Errno.EPERM, "it is frozen already");
            }
            frozen = true;
        }
    }

    @Override
    public final boolean isFrozen() {
        return frozen;
    }

    /**
     * Gives the map up: nobody finds it any more, unless it is in another map; then when it has left that one too. Its
     * memory goes when every queue has been in a quiescent state since.
     */
    @Override
    public final void close() {
        if (!closed.getAndSet(true)) {
            if (timerOffset >= 0) {
                table.timers().releaseAll(this);
            }
            drop();
        }
    }

    /** Whether its owner has closed it; it may be in another map still. */
    final boolean isGivenUp() {
        return closed.get();
    }

    /** One more map or person that keeps this one alive; false when it is being freed already. */
    final boolean hold() {
        int now;
        do {
            now = references.get();
            if (now == 0) {
                return false;
            }
        } while (!references.compareAndSet(now, now + 1));
        return true;
    }

    final void drop() {
        if (references.decrementAndGet() > 0) {
            return;
        }
        table.quiescentStates().retire(() -> {
            dropInner();
            table.remove(this);
            abandon();
        });
    }

    /** Whether nobody holds it any more; a program may still be using it. */
    final boolean isGone() {
        return references.get() == 0;
    }

    /** Drops the maps that are in this one. */
    void dropInner() {}

    /** Gives the memory back, of a map that nobody knows (any more). */
    final void abandon() {
        synchronized (regionStarts) {
            for (long start : regionStarts) {
                regions.remove(start);
            }
            regionStarts.clear();
        }
        arena.close();
    }

    final MapException refuse(Errno errno, String what) {
        return new MapException(errno, "map " + def().name() + ": " + what);
    }

    private void checkKey(byte[] key) {
        if (key.length != def().keySize()) {
            throw refuse(Errno.EINVAL, "key expected " + def().keySize() + " bytes, found " + key.length);
        }
    }

    private void checkReadable() {
        if ((def().flags() & WRONLY) != 0) {
            throw refuse(Errno.EPERM, "user space may not read it (BPF_F_WRONLY)");
        }
    }

    private void checkWritable() {
        if (frozen) {
            throw refuse(Errno.EPERM, "user space may not write it, it is frozen");
        }
        if ((def().flags() & RDONLY) != 0) {
            throw refuse(Errno.EPERM, "user space may not write it (BPF_F_RDONLY)");
        }
    }

    private static Errno errno(int error) {
        for (Errno errno : Errno.values()) {
            if (errno.negative() == error) {
                return errno;
            }
        }
        throw new AssertionError("error=" + error);
    }

    private String describe(int error, byte[] key, long flags) {
        String hex = java.util.HexFormat.ofDelimiter(" ").formatHex(key);
        return switch (errno(error)) {
            case E2BIG -> "no room: max_entries=" + Integer.toUnsignedString(def().maxEntries()) + " key=" + hex;
            case EEXIST -> "the entry exists already, key=" + hex;
            case ENOENT -> "no such entry, key=" + hex;
            case EINVAL -> "flags or value are not allowed, flags=" + flags + " key=" + hex;
            default -> "refused, key=" + hex;
        };
    }
}
