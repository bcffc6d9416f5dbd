package dev.sluice.map;

import dev.sluice.memory.Memory;

/**
 * Which element of an LRU hash goes when a new one comes: the kernel's approximation of "least recently used", list for
 * list and step for step (Documentation/bpf/map_lru_hash_update.dot), so that the same operations on the same CPUs evict
 * the same keys.
 *
 * <p>Look-ups only set a bit in the element. Elements are in an <em>active</em> or an <em>inactive</em> list; before
 * elements are taken, the ends of both lists are scanned: those with the bit go to the head of the active list, from the
 * active list those without it to the inactive one, and then the last ones of the inactive list that have no bit are
 * evicted; when the scan finds none, the very last one regardless. With the common lists every CPU has, in front of them,
 * free elements that it took in a batch and the <em>pending</em> ones that it made of them, which join the active or the
 * inactive list when the next batch is taken. With lists per CPU ({@code BPF_F_NO_COMMON_LRU}) each CPU has its share of
 * the elements and its own lists.
 *
 * <pre>
 * element:  12 type u8 | 13 ref u8 | 14 cpu u16 ... key ... link: next u64, previous u64
 * head of a list:                                            link: next u64, previous u64
 * </pre>
 *
 * <p>One lock for each pair of active and inactive list and one for each CPU's own lists; the bucket's lock may be taken
 * while they are held, never the other way round. Any thread; no allocation.
 */
final class LruLists {
    /** Takes an element out of its bucket. */
    interface Evictor {
        /** False when the element is in no bucket at the moment. */
        boolean evict(long element);
    }

    /** Bytes of an element's link. */
    static final int NODE_BYTES = 16;

    private static final int TYPE = 12;
    static final int REF = 13;
    private static final int CPU = 14;

    private static final int NEXT = 0;
    private static final int PREVIOUS = 8;

    private static final byte ACTIVE = 0;
    private static final byte INACTIVE = 1;
    private static final byte FREE = 2;
    private static final byte LOCAL_FREE = 3;
    private static final byte LOCAL_PENDING = 4;

    private static final int COMMON_TARGET = 128;
    private static final int PER_CPU_TARGET = 4;

    /** Lists of one lock: active, inactive, free, and room to keep the alignment. */
    private static final int LISTS = 4;

    private final boolean common;
    private final int cpus;
    private final int linkOffset;
    private final Evictor evictor;
    private final int scans;
    private int targetFree;

    /** Heads: for the common lists active, inactive, free; for lists per CPU those of each CPU. */
    private final long lists;

    /** Heads of local free and pending of each CPU. */
    private final long locals;

    private final int[] activeCount;
    private final int[] inactiveCount;

    /** The link where the next scan of the inactive list begins. */
    private final long[] rotation;

    private final int[] nextSteal;
    private final SpinLocks listLocks;
    private final SpinLocks localLocks;

    /**
     * @param heads zeroed memory of {@link #headBytes}
     * @param linkOffset of the link in an element
     */
    LruLists(boolean common, int cpus, long heads, int linkOffset, Evictor evictor) {
        this.common = common;
        this.cpus = cpus;
        this.linkOffset = linkOffset;
        this.evictor = evictor;
        scans = common ? COMMON_TARGET : PER_CPU_TARGET;
        int groups = common ? 1 : cpus;
        lists = heads;
        locals = heads + (long) groups * LISTS * NODE_BYTES;
        for (int i = 0; i < groups * LISTS + cpus * 2; i++) {
            long head = heads + (long) i * NODE_BYTES;
            Memory.putLong(head + NEXT, head);
            Memory.putLong(head + PREVIOUS, head);
        }
        activeCount = new int[groups];
        inactiveCount = new int[groups];
        rotation = new long[groups];
        for (int group = 0; group < groups; group++) {
            rotation[group] = head(group, INACTIVE);
        }
        nextSteal = new int[cpus];
        for (int cpu = 0; cpu < cpus; cpu++) {
            nextSteal[cpu] = cpu;
        }
        listLocks = new SpinLocks(groups);
        localLocks = new SpinLocks(cpus);
    }

    static long headBytes(boolean common, int cpus) {
        return ((long) (common ? 1 : cpus) * LISTS + cpus * 2L) * NODE_BYTES;
    }

    /** Gives all elements out to the free lists; before anything else. */
    void populate(long[] elements, int count) {
        targetFree = Math.clamp(count / cpus / 2, 1, COMMON_TARGET);
        for (int i = 0; i < count; i++) {
            int group = common ? 0 : Math.min(i / Math.max(count / cpus, 1), cpus - 1);
            setType(elements[i], FREE);
            Memory.putShort(elements[i] + CPU, (short) group);
            insertAfter(head(group, FREE), elements[i] + linkOffset);
        }
    }

    /** Remembers that an element was used. */
    static void touch(long element) {
        if (Memory.getByte(element + REF) == 0) {
            Memory.putByte(element + REF, (byte) 1);
        }
    }

    // --- taking and giving

    /** An element that is in no bucket, marked as the CPU's newest one; 0 when there is none. */
    long take(int cpu, int hash) {
        return common ? takeCommon(cpu, hash) : takePerCpu(cpu, hash);
    }

    private long takeCommon(int cpu, int hash) {
        localLocks.lock(cpu);
        long node;
        try {
            node = popLocalFree(cpu);
            if (node == 0) {
                refill(cpu);
                node = popLocalFree(cpu);
            }
            if (node != 0) {
                addPending(cpu, node, hash);
            }
        } finally {
            localLocks.unlock(cpu);
        }
        return node != 0 ? node : steal(cpu, hash);
    }

    /** Takes one that some CPU, this one included, has in its own lists. */
    private long steal(int cpu, int hash) {
        int first = nextSteal[cpu];
        int from = first;
        long node;
        do {
            localLocks.lock(from);
            try {
                node = popLocalFree(from);
                if (node == 0) {
                    node = popPending(from);
                }
            } finally {
                localLocks.unlock(from);
            }
            from = from + 1 == cpus ? 0 : from + 1;
        } while (node == 0 && from != first);
        nextSteal[cpu] = from;
        if (node != 0) {
            localLocks.lock(cpu);
            try {
                addPending(cpu, node, hash);
            } finally {
                localLocks.unlock(cpu);
            }
        }
        return node;
    }

    private long takePerCpu(int cpu, int hash) {
        listLocks.lock(cpu);
        try {
            rotate(cpu);
            long free = head(cpu, FREE);
            if (isEmpty(free)) {
                shrink(cpu, PER_CPU_TARGET, free, FREE);
            }
            if (isEmpty(free)) {
                return 0;
            }
            long node = Memory.getLong(free + NEXT) - linkOffset;
            Memory.putInt(node + HashTableMap.HASH, hash);
            move(cpu, node, INACTIVE);
            return node;
        } finally {
            listLocks.unlock(cpu);
        }
    }

    /** Takes back an element that is in no bucket any more. */
    void give(long element) {
        if (!common) {
            giveTo(Memory.getShort(element + CPU), element);
            return;
        }
        if (type(element) == LOCAL_PENDING) {
            int cpu = Memory.getShort(element + CPU);
            localLocks.lock(cpu);
            try {
                if (type(element) == LOCAL_PENDING) {
                    setType(element, LOCAL_FREE);
                    clearRef(element);
                    unlink(element + linkOffset);
                    insertAfter(localHead(cpu, 0), element + linkOffset);
                    return;
                }
            } finally {
                localLocks.unlock(cpu);
            }
        }
        giveTo(0, element);
    }

    private void giveTo(int group, long element) {
        listLocks.lock(group);
        try {
            move(group, element, FREE);
        } finally {
            listLocks.unlock(group);
        }
    }

    // --- the CPU's own lists; under its lock

    private long popLocalFree(int cpu) {
        long head = localHead(cpu, 0);
        long link = Memory.getLong(head + NEXT);
        if (link == head) {
            return 0;
        }
        unlink(link);
        return link - linkOffset;
    }

    private void addPending(int cpu, long node, int hash) {
        Memory.putInt(node + HashTableMap.HASH, hash);
        Memory.putShort(node + CPU, (short) cpu);
        setType(node, LOCAL_PENDING);
        clearRef(node);
        insertAfter(localHead(cpu, 1), node + linkOffset);
    }

    private long popPending(int cpu) {
        long head = localHead(cpu, 1);
        for (int round = 0; round < 2; round++) {
            for (long link = Memory.getLong(head + PREVIOUS); link != head; link = Memory.getLong(link + PREVIOUS)) {
                long node = link - linkOffset;
                if ((round == 1 || !isRef(node)) && evictor.evict(node)) {
                    unlink(link);
                    return node;
                }
            }
        }
        return 0;
    }

    private void refill(int cpu) {
        listLocks.lock(0);
        try {
            flush(cpu);
            rotate(0);
            long free = head(0, FREE);
            long target = localHead(cpu, 0);
            int found = 0;
            while (found < targetFree && !isEmpty(free)) {
                moveToFree(0, Memory.getLong(free + NEXT) - linkOffset, target, LOCAL_FREE);
                found++;
            }
            if (found < targetFree) {
                shrink(0, targetFree - found, target, LOCAL_FREE);
            }
        } finally {
            listLocks.unlock(0);
        }
    }

    /** The CPU's pending elements join the common lists, the oldest first. */
    private void flush(int cpu) {
        long head = localHead(cpu, 1);
        long link = Memory.getLong(head + PREVIOUS);
        while (link != head) {
            long before = Memory.getLong(link + PREVIOUS);
            long node = link - linkOffset;
            byte type = isRef(node) ? ACTIVE : INACTIVE;
            count(0, type, 1);
            setType(node, type);
            clearRef(node);
            unlink(link);
            insertAfter(head(0, type), link);
            link = before;
        }
    }

    // --- active and inactive; under their lock

    private void rotate(int group) {
        if (inactiveCount[group] < activeCount[group]) {
            rotateActive(group);
        }
        rotateInactive(group);
    }

    private void rotateActive(int group) {
        long head = head(group, ACTIVE);
        long first = Memory.getLong(head + NEXT);
        long link = Memory.getLong(head + PREVIOUS);
        for (int i = 0; i < scans && link != head; i++) {
            long before = Memory.getLong(link + PREVIOUS);
            long node = link - linkOffset;
            move(group, node, isRef(node) ? ACTIVE : INACTIVE);
            if (link == first) {
                break;
            }
            link = before;
        }
    }

    private void rotateInactive(int group) {
        long head = head(group, INACTIVE);
        if (isEmpty(head)) {
            return;
        }
        long last = Memory.getLong(rotation[group] + NEXT);
        if (last == head) {
            last = Memory.getLong(last + NEXT);
        }
        long at = rotation[group];
        long next = at;
        int i = 0;
        while (i < scans) {
            if (at == head) {
                at = Memory.getLong(at + PREVIOUS);
                continue;
            }
            long node = at - linkOffset;
            next = Memory.getLong(at + PREVIOUS);
            if (isRef(node)) {
                move(group, node, ACTIVE);
            }
            if (at == last) {
                break;
            }
            at = next;
            i++;
        }
        rotation[group] = next;
    }

    private void shrink(int group, int target, long freeHead, byte freeType) {
        long inactive = head(group, INACTIVE);
        long link = Memory.getLong(inactive + PREVIOUS);
        int freed = 0;
        for (int i = 0; i < scans && link != inactive && freed < target; i++) {
            long before = Memory.getLong(link + PREVIOUS);
            long node = link - linkOffset;
            if (isRef(node)) {
                move(group, node, ACTIVE);
            } else if (evictor.evict(node)) {
                moveToFree(group, node, freeHead, freeType);
                freed++;
            }
            link = before;
        }
        if (freed > 0) {
            return;
        }
        long head = isEmpty(inactive) ? head(group, ACTIVE) : inactive;
        for (link = Memory.getLong(head + PREVIOUS); link != head; link = Memory.getLong(link + PREVIOUS)) {
            if (evictor.evict(link - linkOffset)) {
                moveToFree(group, link - linkOffset, freeHead, freeType);
                return;
            }
        }
    }

    private void move(int group, long node, byte type) {
        byte old = type(node);
        if (old != type) {
            count(group, old, -1);
            count(group, type, 1);
            setType(node, type);
        }
        clearRef(node);
        long link = node + linkOffset;
        stepRotation(group, link);
        unlink(link);
        insertAfter(head(group, type), link);
    }

    private void moveToFree(int group, long node, long freeHead, byte freeType) {
        long link = node + linkOffset;
        stepRotation(group, link);
        count(group, type(node), -1);
        setType(node, freeType);
        unlink(link);
        insertAfter(freeHead, link);
    }

    /** The scan's place must not leave the inactive list with an element. */
    private void stepRotation(int group, long link) {
        if (rotation[group] == link) {
            rotation[group] = Memory.getLong(link + PREVIOUS);
        }
    }

    private void count(int group, byte type, int by) {
        if (type == ACTIVE) {
            activeCount[group] += by;
        } else if (type == INACTIVE) {
            inactiveCount[group] += by;
        }
    }

    // --- links and marks

    private long head(int group, byte type) {
        return lists + ((long) group * LISTS + type) * NODE_BYTES;
    }

    private long localHead(int cpu, int which) {
        return locals + (cpu * 2L + which) * NODE_BYTES;
    }

    private static boolean isEmpty(long head) {
        return Memory.getLong(head + NEXT) == head;
    }

    private static void insertAfter(long at, long link) {
        long next = Memory.getLong(at + NEXT);
        Memory.putLong(link + NEXT, next);
        Memory.putLong(link + PREVIOUS, at);
        Memory.putLong(next + PREVIOUS, link);
        Memory.putLong(at + NEXT, link);
    }

    private static void unlink(long link) {
        long next = Memory.getLong(link + NEXT);
        long previous = Memory.getLong(link + PREVIOUS);
        Memory.putLong(next + PREVIOUS, previous);
        Memory.putLong(previous + NEXT, next);
    }

    private static byte type(long node) {
        return (byte) Memory.ATOMIC_BYTE.getOpaque(Memory.ALL, node + TYPE);
    }

    private static void setType(long node, byte type) {
        Memory.ATOMIC_BYTE.setOpaque(Memory.ALL, node + TYPE, type);
    }

    private static boolean isRef(long node) {
        return Memory.getByte(node + REF) != 0;
    }

    private static void clearRef(long node) {
        Memory.putByte(node + REF, (byte) 0);
    }
}
