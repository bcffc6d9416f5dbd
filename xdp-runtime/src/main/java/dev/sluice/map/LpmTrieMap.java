package dev.sluice.map;

import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * {@code BPF_MAP_TYPE_LPM_TRIE}: the entry with the longest prefix that matches. A key is the prefix's length in bits
 * (u32, native order) and the data, most significant bit first; a look-up matches at most as many bits as its key says.
 *
 * <p>A binary trie without one-way branches. A node stands for a prefix; one without a value only joins two branches.
 *
 * <pre>
 * node:  0 child 0  u64   where the bit behind the prefix is 0; 0 for none
 *        8 child 1  u64
 *       16 prefix   u32   length in bits
 *       20 kind     u32   0 joins branches, 1 has a value
 *       24 data           as many bytes as the key has, up to 8 rounded up
 *       .. value          the only part that checked programs may touch
 * </pre>
 *
 * <p>Large tries have a table by the first bits behind those that nearly all prefixes begin with, so that a walk begins
 * deep in the trie. It follows from the trie, and is brought up to date with it, under the writers' lock:
 *
 * <pre>
 * entry:  0 best    u64   address of the value of the longest prefix that ends within these bits, or 0
 *         8 next    u64   the topmost node that begins with these bits, or 0
 * </pre>
 *
 * <p>Readers take no lock. Writers hold one, and change the trie with single stores: a node that replaces another is
 * complete before it is linked. A node that has left the trie is used again when every queue has been in a quiescent
 * state, so no reader ever stands on a node that changes.
 *
 * <p>What took one store in the trie may take thousands in the table. A reader that begins in the table therefore looks
 * whether anything has changed from before it read there until it was through; then it begins again at the root, where it
 * sees what a reader of the kernel's sees. Without that it could see a short prefix through one entry and not yet through
 * another, or an entry's old best together with its new next.
 *
 * <p>Iteration shows longer prefixes before the shorter ones that they are part of, and otherwise smaller data first.
 */
public final class LpmTrieMap extends LiveMap {
    private static final int CHILDREN = 0;
    private static final int PREFIX = 16;
    private static final int KIND = 20;
    private static final int DATA = 24;

    private static final int JOINS = 0;
    private static final int HAS_VALUE = 1;

    private static final int FIRST_CHUNK = 64;
    private static final int MAX_CHUNK = 1 << 17;

    /** Nodes that may wait for quiescent states beside those of a full trie, which has two for an entry. */
    private static final long MOST_WAITING = 1 << 18;

    private static final int ENTRY_BYTES = 16;
    private static final int NEXT = 8;

    /** A trie of fewer entries has no table. */
    private static final int FEWEST = 64;

    private static final int MOST_BITS = 20;

    /** A branch with this part of the nodes is followed when a table's place is looked for. */
    private static final double NEARLY_ALL = 0.9;

    private static final int LINE = 64;

    private static final VarHandle CHANGES;

    static {
        try {
            CHANGES = MethodHandles.lookup().findVarHandle(LpmTrieMap.class, "changes", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * The table.
     *
     * @param base bits that its keys begin with: those of {@code data}
     * @param bits that its entries go by, which follow
     */
    private record Table(long entries, int base, int bits, long data) {
        /** Bits that are known where an entry's walk begins. */
        int end() {
            return base + bits;
        }

        long entry(long index) {
            return entries + index * ENTRY_BYTES;
        }
    }

    private final int dataBytes;
    private final int maxPrefix;
    private final int valueSize;
    private final long maxEntries;
    private final int valueOffset;
    private final long nodeBytes;
    private final long valueBytes;
    private volatile @Nullable Table table;

    /** Odd while a writer changes something, another number whenever one has. */
    private volatile int changes;

    /** Where the root's address is. */
    private final long rootSlot;

    private final SpinLocks lock = new SpinLocks(1);

    // --- under the lock
    private int count;
    private long nodes;
    private long[] free = new long[FIRST_CHUNK];
    private int freeCount;
    private final Limbo limbo;

    LpmTrieMap(MapDef def, MapTable table, Regions regions) {
        super(def, table, regions);
        dataBytes = def.keySize() - Integer.BYTES;
        maxPrefix = dataBytes * Byte.SIZE;
        valueSize = def.valueSize();
        maxEntries = Integer.toUnsignedLong(def.maxEntries());
        valueOffset = DATA + (int) roundUp8(dataBytes);
        valueBytes = roundUp8(valueSize);
        long needed = valueOffset + valueBytes;
        nodeBytes = needed <= LINE ? LINE : needed;
        rootSlot = allocate(64);
        limbo = new Limbo(table.quiescentStates());
    }

    // --- finding

    @Override
    public long lookup(long key, int cpu) {
        int prefix = Memory.getInt(key);
        if (Integer.compareUnsigned(prefix, maxPrefix) > 0) {
            return 0;
        }
        return longest(prefix, key + Integer.BYTES);
    }

    /** The value of the longest prefix, or 0. */
    private long longest(int prefix, long data) {
        int before = changes;
        Table known = table;
        if (known != null
                && (before & 1) == 0
                && prefix >= known.end()
                && matching(known.data, data, 0, known.base) == known.base) {
            long entry = known.entry(bits(data, known.base, known.bits));
            long found = walk(acquire(entry + NEXT), prefix, data, known.end(), Memory.getLong(entry));
            VarHandle.acquireFence();
            if (changes == before) {
                return found;
            }
        }
        return walk(acquire(rootSlot), prefix, data, 0, 0);
    }

    /**
     * The value of the longest prefix from a node on.
     *
     * @param known bits of which it is known that they match
     * @param best what it is when none matches here
     */
    private long walk(long from, int prefix, long data, int known, long best) {
        long node = from;
        long found = best;
        int matched = known;
        while (node != 0) {
            int length = Memory.getInt(node + PREFIX);
            if (matching(node + DATA, data, matched, Math.min(length, prefix)) < length) {
                break;
            }
            if (Memory.getInt(node + KIND) == HAS_VALUE) {
                found = node + valueOffset;
            }
            if (length == prefix) {
                break;
            }
            matched = length;
            node = acquire(child(node, bit(data, length)));
        }
        return found;
    }

    /** Up to 25 bits of data as a number; there are at least four bytes of it. */
    private int bits(long data, int from, int count) {
        int offset = Math.min(from >>> 3, dataBytes - Integer.BYTES);
        int word = Integer.reverseBytes(Memory.getInt(data + offset));
        return word << from - offset * Byte.SIZE >>> Integer.SIZE - count;
    }

    /**
     * How many leading bits are equal, at most {@code limit}.
     *
     * @param known bits of which this is known already
     */
    private int matching(long one, long other, int known, int limit) {
        int at = known >>> 3 & -4;
        for (; at + Integer.BYTES <= dataBytes && at << 3 < limit; at += Integer.BYTES) {
            int difference = Memory.getInt(one + at) ^ Memory.getInt(other + at);
            if (difference != 0) {
                return Math.min((at << 3) + Integer.numberOfLeadingZeros(Integer.reverseBytes(difference)), limit);
            }
        }
        for (; at << 3 < limit; at++) {
            int difference = (Memory.getByte(one + at) ^ Memory.getByte(other + at)) & 0xff;
            if (difference != 0) {
                return Math.min((at << 3) + Integer.numberOfLeadingZeros(difference << 24), limit);
            }
        }
        return limit;
    }

    private static int bit(long data, int index) {
        return Memory.getByte(data + (index >>> 3)) >>> 7 - (index & 7) & 1;
    }

    private static long child(long node, int bit) {
        return node + CHILDREN + (long) bit * Long.BYTES;
    }

    private static long acquire(long address) {
        return (long) Memory.ATOMIC_LONG.getAcquire(Memory.ALL, address);
    }

    private static void link(long slot, long node) {
        Memory.ATOMIC_LONG.setRelease(Memory.ALL, slot, node);
    }

    // --- changing

    @Override
    public int update(long key, long value, long flags, int cpu) {
        if (flags < 0 || flags > EXIST) {
            return Errno.EINVAL.negative();
        }
        int prefix = Memory.getInt(key);
        if (Integer.compareUnsigned(prefix, maxPrefix) > 0) {
            return Errno.EINVAL.negative();
        }
        begin();
        try {
            return insert(prefix, key + Integer.BYTES, value, flags);
        } finally {
            end();
        }
    }

    /** From here on readers do not trust the table. */
    private void begin() {
        lock.lock(0);
        CHANGES.set(this, changes + 1);
        VarHandle.releaseFence();
    }

    private void end() {
        CHANGES.setRelease(this, changes + 1);
        lock.unlock(0);
    }

    private int insert(int prefix, long data, long value, long flags) {
        long slot = rootSlot;
        long node = Memory.getLong(slot);
        Table known = table;
        long top = 0; // where the topmost node is linked that an entry of the table may lead to
        int length = 0;
        int matching = 0;
        while (node != 0) {
            length = Memory.getInt(node + PREFIX);
            if (top == 0 && known != null && length >= known.end()) {
                top = slot;
            }
            matching = matching(node + DATA, data, matching, Math.min(length, prefix));
            if (matching != length || length == prefix) {
                break;
            }
            slot = child(node, bit(data, length));
            node = Memory.getLong(slot);
        }
        boolean same = node != 0 && matching == length;
        boolean exists = same && Memory.getInt(node + KIND) == HAS_VALUE;
        if (exists && flags == NOEXIST) {
            return Errno.EEXIST.negative();
        }
        if (!exists && flags == EXIST) {
            return Errno.ENOENT.negative();
        }
        if (!exists && count == maxEntries) {
            return Errno.ENOSPC.negative();
        }
        boolean fork = node != 0 && !same && matching < prefix;
        if (!reserve(fork ? 2 : 1)) {
            return Errno.ENOMEM.negative();
        }
        long fresh = fresh(prefix, HAS_VALUE, data);
        Memory.copyShort(value, fresh + valueOffset, valueSize);
        if (same) {
            Memory.putLong(child(fresh, 0), Memory.getLong(child(node, 0)));
            Memory.putLong(child(fresh, 1), Memory.getLong(child(node, 1)));
            link(slot, fresh);
            give(node);
        } else if (fork) {
            long join = fresh(matching, JOINS, node + DATA);
            int bit = bit(data, matching);
            Memory.putLong(child(join, bit), fresh);
            Memory.putLong(child(join, 1 - bit), node);
            link(slot, join);
        } else {
            if (node != 0) {
                Memory.putLong(child(fresh, bit(node + DATA, prefix)), node);
            }
            link(slot, fresh);
        }
        if (!exists) {
            count++;
        }
        if (exists && known != null && prefix >= known.end()) {
            if (matching(known.data, data, 0, known.base) == known.base) {
                // one entry leads there, and it led to the same path before
                link(known.entry(bits(data, known.base, known.bits)) + NEXT, Memory.getLong(top));
            }
        } else {
            changed(prefix, data);
        }
        return 0;
    }

    @Override
    public int delete(long key) {
        int prefix = Memory.getInt(key);
        if (Integer.compareUnsigned(prefix, maxPrefix) > 0) {
            return Errno.EINVAL.negative();
        }
        begin();
        try {
            return takeOut(prefix, key + Integer.BYTES);
        } finally {
            end();
        }
    }

    private int takeOut(int prefix, long data) {
        long parentSlot = 0;
        long parent = 0;
        long slot = rootSlot;
        long node = Memory.getLong(slot);
        while (node != 0) {
            int length = Memory.getInt(node + PREFIX);
            if (length > prefix || matching(node + DATA, data, 0, length) < length) {
                return Errno.ENOENT.negative();
            }
            if (length == prefix) {
                break;
            }
            parentSlot = slot;
            parent = node;
            slot = child(node, bit(data, length));
            node = Memory.getLong(slot);
        }
        if (node == 0 || Memory.getInt(node + KIND) != HAS_VALUE) {
            return Errno.ENOENT.negative();
        }
        count--;
        long zero = Memory.getLong(child(node, 0));
        long one = Memory.getLong(child(node, 1));
        if (zero != 0 && one != 0) {
            Memory.ATOMIC_INT.setRelease(Memory.ALL, node + KIND, JOINS);
            changed(prefix, data);
            return 0;
        }
        if (zero == 0 && one == 0 && parent != 0 && Memory.getInt(parent + KIND) == JOINS) {
            // The parent has nothing to join any more: its other branch takes its place.
            long other = slot == child(parent, 0) ? child(parent, 1) : child(parent, 0);
            link(parentSlot, Memory.getLong(other));
            give(parent);
        } else {
            link(slot, zero != 0 ? zero : one);
        }
        give(node);
        changed(prefix, data);
        return 0;
    }

    // --- the table; under the lock

    /** Brings the table up to date after an entry has come or gone; the trie has it right already. */
    private void changed(int prefix, long data) {
        Table known = table;
        if (dataBytes >= Integer.BYTES && count >= (known == null ? FEWEST : 4L << known.bits)) {
            build();
            return;
        }
        if (known == null) {
            return;
        }
        int common = Math.min(prefix, known.base);
        if (matching(known.data, data, 0, common) < common) {
            return;
        }
        refresh(known, prefix < known.base ? known.data : data, Math.clamp(prefix - known.base, 0, known.bits));
    }

    /** Makes a table for as many entries as there are; without memory for it, all stays as it is. */
    private void build() {
        long node = Memory.getLong(rootSlot);
        int all = count(node);
        while (true) {
            long zero = Memory.getLong(child(node, 0));
            long one = Memory.getLong(child(node, 1));
            long most = zero == 0 || one != 0 && count(one) > count(zero) ? one : zero;
            if (most == 0 || count(most) < all * NEARLY_ALL) {
                break;
            }
            node = most;
        }
        int bits = Math.min(Integer.SIZE - Integer.numberOfLeadingZeros(count), MOST_BITS);
        int base = Math.min(Memory.getInt(node + PREFIX), maxPrefix - bits);
        if (base < 0) {
            return;
        }
        Table made;
        try {
            long entries = allocate((long) ENTRY_BYTES << bits);
            long data = allocate(roundUp8(dataBytes));
            Memory.copy(node + DATA, data, dataBytes);
            made = new Table(entries, base, bits, data);
        } catch (OutOfMemoryError e) {
            return;
        }
        refresh(made, made.data, 0);
        table = made;
    }

    /** The nodes of a branch. */
    private int count(long node) {
        return node == 0 ? 0 : 1 + count(Memory.getLong(child(node, 0))) + count(Memory.getLong(child(node, 1)));
    }

    /** Writes the entries whose first bits are those of data. */
    private void refresh(Table known, long data, int bits) {
        int depth = known.base + bits;
        long best = 0;
        long node = Memory.getLong(rootSlot);
        while (node != 0) {
            int length = Memory.getInt(node + PREFIX);
            int limit = Math.min(length, depth);
            if (matching(node + DATA, data, 0, limit) < limit) {
                node = 0;
                break;
            }
            if (length >= depth) {
                break;
            }
            if (Memory.getInt(node + KIND) == HAS_VALUE) {
                best = node + valueOffset;
            }
            node = Memory.getLong(child(node, bit(data, length)));
        }
        fill(known, node, best, bits == 0 ? 0 : bits(data, known.base, bits), bits);
    }

    /**
     * Writes the entries that begin with some bits, each once.
     *
     * @param node the topmost that begins with these bits, or 0
     * @param best the value of the longest prefix that ends before
     * @param index the bits
     * @param bits how many
     */
    private void fill(Table known, long node, long best, int index, int bits) {
        int rest = known.bits - bits;
        long from = (long) index << rest;
        long to = from + (1L << rest);
        if (node == 0 || rest == 0) {
            fill(known, from, to, best, node);
            return;
        }
        int own = Math.min(Memory.getInt(node + PREFIX), known.end()) - known.base;
        int ownIndex = own == 0 ? 0 : bits(node + DATA, known.base, own);
        long ownFrom = (long) ownIndex << known.bits - own;
        long ownTo = ownFrom + (1L << known.bits - own);
        fill(known, from, ownFrom, best, 0);
        if (own == known.bits) {
            fill(known, ownFrom, ownTo, best, node);
        } else {
            long value = Memory.getInt(node + KIND) == HAS_VALUE ? node + valueOffset : best;
            fill(known, Memory.getLong(child(node, 0)), value, ownIndex << 1, own + 1);
            fill(known, Memory.getLong(child(node, 1)), value, ownIndex << 1 | 1, own + 1);
        }
        fill(known, ownTo, to, best, 0);
    }

    private static void fill(Table known, long from, long to, long best, long next) {
        for (long index = from; index < to; index++) {
            long entry = known.entry(index);
            link(entry, best);
            link(entry + NEXT, next);
        }
    }

    // --- nodes; under the lock

    /** Makes sure that so many nodes can be taken. */
    private boolean reserve(int wanted) {
        while (freeCount < wanted) {
            long node = limbo.take();
            if (node == 0) {
                break;
            }
            free[freeCount++] = node;
        }
        if (freeCount >= wanted) {
            return true;
        }
        if (nodes >= 2 * maxEntries + MOST_WAITING) {
            return false;
        }
        try {
            addNodes(Math.clamp(nodes, FIRST_CHUNK, MAX_CHUNK));
        } catch (OutOfMemoryError e) {
            return false;
        }
        return true;
    }

    private long fresh(int prefix, int kind, long data) {
        long node = free[--freeCount];
        Memory.putLong(child(node, 0), 0);
        Memory.putLong(child(node, 1), 0);
        Memory.putInt(node + PREFIX, prefix);
        Memory.putInt(node + KIND, kind);
        Memory.copy(data, node + DATA, dataBytes);
        return node;
    }

    private void give(long node) {
        limbo.add(node);
    }

    private void addNodes(int more) {
        long chunk = allocateValues(more * nodeBytes, nodeBytes, valueOffset, valueBytes, programsMayWrite());
        if (free.length < freeCount + more) {
            free = Arrays.copyOf(free, freeCount + more);
        }
        for (int i = more - 1; i >= 0; i--) {
            free[freeCount++] = chunk + i * nodeBytes;
        }
        nodes += more;
    }

    // --- the user's side

    /** Number of entries. */
    public int size() {
        lock.lock(0);
        try {
            return count;
        } finally {
            lock.unlock(0);
        }
    }

    @Override
    public int userValueSize() {
        return valueSize;
    }

    @Override
    byte[] read(byte[] key) {
        try (Arena arena = Arena.ofConfined()) {
            long address = HashTableMap.nativeCopy(arena, key);
            lock.lock(0);
            try {
                long value = lookup(address, 0);
                return value == 0 ? null : Memory.bytes(value, valueSize);
            } finally {
                lock.unlock(0);
            }
        }
    }

    @Override
    int write(byte[] key, byte[] value, long flags) {
        try (Arena arena = Arena.ofConfined()) {
            return update(HashTableMap.nativeCopy(arena, key), HashTableMap.nativeCopy(arena, value), flags, 0);
        }
    }

    @Override
    int erase(byte[] key) {
        try (Arena arena = Arena.ofConfined()) {
            return delete(HashTableMap.nativeCopy(arena, key));
        }
    }

    @Override
    byte[] next(byte[] key) {
        try (Arena arena = Arena.ofConfined()) {
            long address = key == null ? 0 : HashTableMap.nativeCopy(arena, key);
            lock.lock(0);
            try {
                long next = follower(address);
                if (next == 0) {
                    return null;
                }
                byte[] bytes = new byte[def().keySize()];
                IndexedMap.INT_LE.set(bytes, 0, Memory.getInt(next + PREFIX));
                Memory.copy(next + DATA, bytes, Integer.BYTES, dataBytes);
                return bytes;
            } finally {
                lock.unlock(0);
            }
        }
    }

    /** The node that comes after a key; the first one for a key that is not there. */
    private long follower(long key) {
        long root = Memory.getLong(rootSlot);
        int prefix = key == 0 ? -1 : Memory.getInt(key);
        if (prefix < 0 || prefix > maxPrefix) {
            return first(root);
        }
        long data = key + Integer.BYTES;
        long after = 0;
        long node = root;
        while (node != 0) {
            int length = Memory.getInt(node + PREFIX);
            if (length > prefix || matching(node + DATA, data, 0, length) < length) {
                return first(root);
            }
            if (length == prefix) {
                return Memory.getInt(node + KIND) == HAS_VALUE ? after : first(root);
            }
            int bit = bit(data, length);
            long other = bit == 0 ? Memory.getLong(child(node, 1)) : 0;
            if (other != 0) {
                after = first(other);
            } else if (Memory.getInt(node + KIND) == HAS_VALUE) {
                after = node;
            }
            node = Memory.getLong(child(node, bit));
        }
        return first(root);
    }

    /** Of the nodes below one and itself the one that comes first: the deepest on the left. */
    private static long first(long top) {
        long first = 0;
        long node = top;
        while (node != 0) {
            if (Memory.getInt(node + KIND) == HAS_VALUE) {
                first = node;
            }
            long zero = Memory.getLong(child(node, 0));
            node = zero != 0 ? zero : Memory.getLong(child(node, 1));
        }
        return first;
    }
}
