package dev.sluice.map;

import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * Everything that the maps of a table hold at one moment, to be put back later: the entries, and the order that they are in, the
 * free ones, who was used last. So what programs do between the two leaves no trace, not even in what comes out of a map next.
 *
 * <p>The native memory of a map is copied as it is, but for pages that are zero: a large map that is almost empty takes as little
 * memory afterwards as before. What a map keeps in fields is found by going through them, as most types
 * have a few; a field of a kind that this class does not know is an error, so that none is forgotten. Only programs may have
 * changed the maps in between: maps that user space made or closed are not put back.
 *
 * <p>Neither may be done while programs run. Memory allocated since stays with its map, unused.
 */
public final class MapSnapshot implements AutoCloseable {
    /** What is the same before and after, whatever programs do. */
    private static final Set<String> CONSTANT_PACKAGES =
            Set.of("java.lang", "java.lang.foreign", "java.lang.invoke", "java.util.function", "dev.sluice.memory");

    /** Bytes that are copied together, or not at all when all of them are zero: a page. */
    private static final long PIECE = 4096;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment zeroes = arena.allocate(PIECE);
    private long copied;
    private final List<Runnable> restores = new ArrayList<>();

    /** Takes one of all maps of a table. */
    public MapSnapshot(MapTable table) {
        boolean taken = false;
        try {
            // timers that run when one is taken do not run any more when it is put back: there are none before programs
            // run
            restores.add(table.timers()::releaseAll);
            Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
            for (BpfMap map : table.all()) {
                if (map instanceof LiveMap live) {
                    for (LiveMap.Block block : live.blocks()) {
                        save(block);
                    }
                }
                for (Class<?> type = map.getClass();
                        type != LiveMap.class && type != BpfMap.class && type != null;
                        type = type.getSuperclass()) {
                    saveFields(map, type, seen);
                }
            }
            taken = true;
        } finally {
            if (!taken) {
                close();
            }
        }
    }

    /** Makes all maps what they were. May be done again. */
    public void restore() {
        restores.forEach(Runnable::run);
    }

    /** Bytes of the copy, which has none of memory that is zero. */
    long bytes() {
        return copied;
    }

    private void save(LiveMap.Block block) {
        long end = block.address() + block.bytes();
        for (long at = block.address(); at < end; ) {
            long from = at;
            boolean zero = isZero(at, end);
            while (at < end && isZero(at, end) == zero) {
                at = Math.min(end, at + PIECE);
            }
            long bytes = at - from;
            if (zero) {
                restores.add(() -> clear(from, from + bytes));
            } else {
                long copy = Memory.allocate(arena, bytes, 64);
                copied += bytes;
                Memory.copy(from, copy, bytes);
                restores.add(() -> Memory.copy(copy, from, bytes));
            }
        }
    }

    /** Makes memory zero again, where it is not: what nobody has written to takes no memory of the machine, and stays so. */
    private void clear(long from, long end) {
        for (long at = from; at < end; at += PIECE) {
            if (!isZero(at, end)) {
                Memory.fill(at, Math.min(PIECE, end - at), (byte) 0);
            }
        }
    }

    /** Whether the piece of memory at an address, or what there is of it before an end, is zero. */
    private boolean isZero(long at, long end) {
        long bytes = Math.min(PIECE, end - at);
        return MemorySegment.mismatch(Memory.ALL, at, at + bytes, zeroes, 0, bytes) < 0;
    }

    private void saveFields(Object owner, Class<?> type, Set<Object> seen) {
        for (Field field : type.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers())) {
                continue;
            }
            try {
                field.setAccessible(true);
                Object value = field.get(owner);
                if (!Modifier.isFinal(field.getModifiers())) {
                    restores.add(() -> put(field, owner, value));
                }
                if (!field.getType().isPrimitive()) {
                    saveObject(value, field, seen);
                }
            } catch (IllegalAccessException e) {
                throw new AssertionError("a field of our own, field=" + field, e);
            }
        }
    }

    private static void put(Field field, Object owner, Object value) {
        try {
            field.set(owner, value);
        } catch (IllegalAccessException e) {
            throw new AssertionError("a field of our own, field=" + field, e);
        }
    }

    private void saveObject(Object value, Field field, Set<Object> seen) {
        if (value == null || value instanceof Enum || value instanceof Record || !seen.add(value)) {
            return;
        }
        switch (value) {
            case BpfMap other -> {} // it has its own turn
            case MapTable table -> {}
            case AtomicInteger number -> {
                int was = number.get();
                restores.add(() -> number.set(was));
            }
            case AtomicLong number -> {
                long was = number.get();
                restores.add(() -> number.set(was));
            }
            case AtomicBoolean flag -> {
                boolean was = flag.get();
                restores.add(() -> flag.set(was));
            }
            case LongAdder sum -> {
                long was = sum.sum();
                restores.add(() -> {
                    sum.reset();
                    sum.add(was);
                });
            }
            case AtomicReferenceArray<?> array -> saveReferences(array, field, seen);
            default -> {
                Class<?> type = value.getClass();
                if (type.isArray()) {
                    saveArray(value, field, seen);
                } else if (type.getPackage() == MapSnapshot.class.getPackage() && !type.isHidden()) {
                    for (Class<?> part = type; part != Object.class; part = part.getSuperclass()) {
                        saveFields(value, part, seen);
                    }
                } else if (!type.isHidden()
                        && !CONSTANT_PACKAGES.contains(field.getType().getPackageName())) {
                    throw new AssertionError("no way to save what a map holds, field=" + field + " type=" + type);
                }
            }
        }
    }

    private <T> void saveReferences(AtomicReferenceArray<T> array, Field field, Set<Object> seen) {
        for (int i = 0; i < array.length(); i++) {
            int at = i;
            T was = array.get(i);
            restores.add(() -> array.set(at, was));
            if (was != null && was.getClass().getPackage() == MapSnapshot.class.getPackage()) {
                saveObject(was, field, seen);
            }
        }
    }

    private void saveArray(Object array, Field field, Set<Object> seen) {
        int length = Array.getLength(array);
        Object copy = Array.newInstance(array.getClass().getComponentType(), length);
        System.arraycopy(array, 0, copy, 0, length);
        restores.add(() -> System.arraycopy(copy, 0, array, 0, length));
        if (array instanceof Object[] objects) {
            for (Object element : objects) {
                saveObject(element, field, seen);
            }
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
