package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.BPF_MAP;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.Descriptors.VAR_HANDLE;
import static java.lang.constant.ConstantDescs.CD_Integer;
import static java.lang.constant.ConstantDescs.CD_Long;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.isa.Width;
import dev.sluice.map.ArrayMap;
import dev.sluice.map.ArrayOfMapsMap;
import dev.sluice.map.BpfMap;
import dev.sluice.map.HashTableMap;
import dev.sluice.map.LruHashMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.MapTable.InnerShape;
import dev.sluice.map.MapType;
import dev.sluice.map.PerCpuArrayMap;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.List;
import java.util.Objects;

/**
 * Emits operations on maps that are known while a program is compiled: addresses, sizes and masks are constants. What is
 * not worth emitting becomes a call of the map, which is a constant too.
 */
final class MapCode {
    /** Where a key is. */
    interface Key {
        /** Pushes its address plus an offset. */
        void push(int offset);

        /**
         * Bytes of the store that probably wrote what begins at an offset, 0 when that is not known. A load that takes what
         * several stores have written waits until they are done.
         */
        int storedAt(int offset);
    }

    private static final ClassDesc MATH = Math.class.describeConstable().orElseThrow();

    /** Longer keys of hashes are left to the map. */
    private static final int MOST_WORDS = 6;

    private static final ClassDesc OBJECTS = Objects.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc LOOKUP_TYPE = MethodTypeDesc.of(CD_long, CD_long, CD_int);
    private static final MethodTypeDesc UPDATE_TYPE = MethodTypeDesc.of(CD_int, CD_long, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc DELETE_TYPE = MethodTypeDesc.of(CD_int, CD_long);
    private static final MethodTypeDesc TWO_LONGS = MethodTypeDesc.of(CD_long, CD_long, CD_long);
    private static final MethodTypeDesc TWO_INTS = MethodTypeDesc.of(CD_int, CD_int, CD_int);

    private final CodeBuilder b;
    private final Unit unit;
    private final FailureCode failures;
    private final int context;

    // --- locals, used within an operation
    private final int link;
    private final int slot;
    private final int bucket;
    private final int place;
    private final int start;
    private final int words;

    /**
     * @param firstLocal the first of the local variables that nobody else uses
     */
    MapCode(CodeBuilder b, Unit unit, FailureCode failures, int context, int firstLocal) {
        this.b = b;
        this.unit = unit;
        this.failures = failures;
        this.context = context;
        link = firstLocal;
        slot = link + 2;
        bucket = slot + 2;
        place = bucket + 2;
        start = place + 2;
        words = start + 2;
    }

    /** Upper bound of the bytes of JVM code of {@link #inner}. */
    static int innerBytes(List<InnerShape> shapes) {
        int bytes = 0;
        for (InnerShape shape : shapes) {
            bytes += shape.type() == MapType.ARRAY ? 150 : 60 + hashBytes(shape.keySize());
        }
        return bytes;
    }

    /** Upper bound of the bytes of JVM code of a look-up. */
    static int lookupBytes(BpfMap map) {
        return map instanceof HashTableMap hash && isPlainHash(hash)
                ? hashBytes(map.def().keySize())
                : 120;
    }

    private static int hashBytes(int keySize) {
        return 260 + words(keySize) * 100;
    }

    /**
     * Emits a look-up: the value's address, or 0, is then on the stack.
     *
     */
    void lookup(BpfMap map, Key key) {
        switch (map) {
            case ArrayMap array -> array(array, key);
            case PerCpuArrayMap array -> perCpuArray(array, key);
            case ArrayOfMapsMap outer -> arrayOfMaps(outer, key);
            case HashTableMap hash when isPlainHash(hash) && unit.emitsHashes() -> hash(hash, key);
            default -> callLookup(map, key);
        }
    }

    private void callLookup(BpfMap map, Key key) {
        pushMap(map);
        key.push(0);
        pushCpu();
        failures.ofMap(() -> b.invokevirtual(BPF_MAP, "lookup", LOOKUP_TYPE));
    }

    /** Emits an update: 0 or a negative error number is then on the stack. */
    void update(BpfMap map, Runnable key, Runnable value, Runnable flags) {
        pushMap(map);
        key.run();
        value.run();
        flags.run();
        pushCpu();
        failures.ofMap(() -> b.invokevirtual(BPF_MAP, "update", UPDATE_TYPE));
        b.i2l();
    }

    /** Emits a deletion: 0 or a negative error number is then on the stack. */
    void delete(BpfMap map, Runnable key) {
        pushMap(map);
        key.run();
        failures.ofMap(() -> b.invokevirtual(BPF_MAP, "delete", DELETE_TYPE));
        b.i2l();
    }

    private void pushMap(BpfMap map) {
        b.getstatic(unit.mainClass, unit.fieldOf(map), BPF_MAP);
    }

    // --- arrays

    private void array(ArrayMap array, Key key) {
        element(entries(array), array.stride(), key, () -> LongCode.pushLong(b, array.valuesAddress()));
    }

    private void perCpuArray(PerCpuArrayMap array, Key key) {
        element(entries(array), array.stride(), key, () -> {
            pushCpu();
            b.loadConstant(array.cpus());
            failures.ofMap(() -> b.invokestatic(OBJECTS, "checkIndex", TWO_INTS));
            b.i2l();
            LongCode.pushLong(b, array.cpuStride());
            b.lmul();
            LongCode.pushLong(b, array.valuesAddress());
            b.ladd();
        });
    }

    private Runnable entries(BpfMap map) {
        return () -> b.loadConstant(map.def().maxEntries());
    }

    private void element(Runnable pushEntries, long stride, Key key, Runnable pushBase) {
        Label outside = b.newLabel();
        Label done = b.newLabel();
        load(Width.W, () -> key.push(0));
        b.dup();
        pushEntries.run();
        b.invokestatic(CD_Integer, "compareUnsigned", TWO_INTS).ifge(outside);
        b.i2l();
        LongCode.pushLong(b, 0xffff_ffffL);
        b.land();
        LongCode.pushLong(b, stride);
        b.lmul();
        pushBase.run();
        b.ladd().goto_(done);
        b.labelBinding(outside).pop().lconst_0();
        b.labelBinding(done);
    }

    /** The pointer of the map in another one. */
    private void arrayOfMaps(ArrayOfMapsMap outer, Key key) {
        Label none = b.newLabel();
        Label done = b.newLabel();
        load(Width.W, () -> key.push(0));
        b.dup().loadConstant(outer.def().maxEntries());
        b.invokestatic(CD_Integer, "compareUnsigned", TWO_INTS).ifge(none);
        LongCode.widen(b, Width.W);
        LongCode.pushLong(b, Integer.BYTES);
        b.lmul();
        LongCode.pushLong(b, outer.idsAddress());
        b.ladd().lstore(link);
        load(Width.W, () -> b.lload(link));
        b.dup().ifeq(none);
        b.i2l();
        LongCode.pushLong(b, MapTable.HANDLE_STEP);
        b.lmul();
        LongCode.pushLong(b, MapTable.FIRST_HANDLE);
        b.ladd().goto_(done);
        b.labelBinding(none).pop().lconst_0();
        b.labelBinding(done);
    }

    // --- maps in maps

    /** Whether look-ups in such maps are emitted. */
    static boolean emitsInner(InnerShape shape) {
        return shape.keySize() <= MOST_WORDS * Long.BYTES;
    }

    /**
     * Emits a look-up in a map that is in another one, where it is of one of these shapes: the value's address, or 0, is then
     * on the stack. Else nothing is.
     *
     * @param places see {@link MapTable#innerPlaces}
     * @param pushMap pushes the map's pointer
     * @param other where code goes on for other maps
     */
    void inner(List<InnerShape> shapes, long places, Runnable pushMap, Key key, Label other) {
        Label done = b.newLabel();
        pushMap.run();
        LongCode.pushLong(b, MapTable.FIRST_HANDLE);
        b.lsub().dup2().lstore(link);
        LongCode.pushLong(b, (long) MapTable.INNER_PLACES * MapTable.HANDLE_STEP);
        b.invokestatic(CD_Long, "compareUnsigned", MethodTypeDesc.of(CD_int, CD_long, CD_long));
        b.ifge(other);
        b.lload(link);
        LongCode.pushLong(b, places);
        b.ladd().lstore(place);
        for (InnerShape shape : shapes) {
            Label next = shape.equals(shapes.getLast()) ? other : b.newLabel();
            loadAt(place, 0);
            LongCode.pushLong(b, shape.number());
            b.lsub().dup2().lstore(start);
            LongCode.pushLong(b, MapTable.INNER_SHAPE);
            b.land().lconst_0().lcmp().ifne(next);
            if (shape.type() == MapType.ARRAY) {
                innerArray(shape, key);
            } else {
                boolean used = shape.type() == MapType.LRU_HASH;
                int valueOffset = HashTableMap.valueOffset(shape.type(), shape.keySize());
                hash(
                        shape.keySize(),
                        new HashPlace() {
                            @Override
                            public void pushSeed() {
                                loadAt(place, MapTable.INNER_SEED);
                            }

                            @Override
                            public void pushSecret() {
                                loadAt(place, MapTable.INNER_SECRET);
                            }

                            @Override
                            public void pushMask() {
                                loadAt(place, MapTable.INNER_ENTRIES);
                            }

                            @Override
                            public void pushBuckets() {
                                b.lload(start);
                            }

                            @Override
                            public void pushValue() {
                                use(used);
                                pushAt(link, valueOffset);
                            }
                        },
                        key,
                        () -> b.goto_(other));
            }
            b.goto_(done);
            if (next != other) {
                b.labelBinding(next);
            }
        }
        b.labelBinding(done);
    }

    private void innerArray(InnerShape shape, Key key) {
        element(
                () -> {
                    if (shape.entries() != 0) {
                        b.loadConstant(shape.entries());
                    } else {
                        load(Width.W, () -> pushAt(place, MapTable.INNER_ENTRIES));
                    }
                },
                shape.stride(),
                key,
                () -> b.lload(start));
    }

    // --- hashes

    private static boolean isPlainHash(HashTableMap map) {
        return switch (map.def().type()) {
            case HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH ->
                map.def().keySize() <= MOST_WORDS * Long.BYTES && map.bucketCount() <= 1L << Integer.SIZE - 1;
            default -> false;
        };
    }

    private static int words(int keySize) {
        return (keySize + Long.BYTES - 1) / Long.BYTES;
    }

    /** Where a hash is and what its hashes begin with: pushes that. */
    private interface HashPlace {
        void pushSeed();

        void pushSecret();

        void pushMask();

        void pushBuckets();

        /** Pushes the address of the value of the element in {@link #link}. */
        void pushValue();
    }

    private void hash(HashTableMap map, Key key) {
        hash(
                map.def().keySize(),
                new HashPlace() {
                    @Override
                    public void pushSeed() {
                        LongCode.pushLong(b, map.seed());
                    }

                    @Override
                    public void pushSecret() {
                        LongCode.pushLong(b, map.secret());
                    }

                    @Override
                    public void pushMask() {
                        LongCode.pushLong(b, map.bucketCount() - 1);
                    }

                    @Override
                    public void pushBuckets() {
                        LongCode.pushLong(b, map.bucketsAddress());
                    }

                    @Override
                    public void pushValue() {
                        found(map);
                    }
                },
                key,
                () -> callLookup(map, key));
    }

    /**
     * As {@link HashTableMap#lookup}.
     *
     * @param lookAgain takes over when the bucket has changed during the walk
     */
    private void hash(int keySize, HashPlace map, Key key, Runnable lookAgain) {
        int count = words(keySize);
        for (int i = 0; i < count; i++) {
            word(keySize - i * Long.BYTES, i * Long.BYTES, key);
            b.lstore(word(i));
        }
        hashOf(map, count);
        map.pushMask();
        b.land().iconst_3().lshl();
        map.pushBuckets();
        b.ladd().lstore(slot);
        load(Width.DW, () -> b.lload(slot));
        b.dup2().lstore(bucket);
        LongCode.pushLong(b, HashTableMap.ADDRESS);
        b.land().lstore(link);
        Label walk = b.newLabel();
        Label next = b.newLabel();
        Label none = b.newLabel();
        Label changed = b.newLabel();
        Label done = b.newLabel();
        b.labelBinding(walk);
        b.lload(link).lconst_0().lcmp().ifeq(none);
        for (int i = 0; i < count; i++) {
            loadAt(link, HashTableMap.KEY + i * Long.BYTES);
            b.lload(word(i)).lcmp().ifne(next);
        }
        unlessUnchanged(changed);
        map.pushValue();
        b.goto_(done);
        b.labelBinding(next);
        loadAt(link, HashTableMap.NEXT);
        b.lstore(link).goto_(walk);
        b.labelBinding(none);
        unlessUnchanged(changed);
        b.lconst_0().goto_(done);
        b.labelBinding(changed);
        lookAgain.run();
        b.labelBinding(done);
    }

    /** Goes elsewhere unless the bucket is what it was before the walk. */
    private void unlessUnchanged(Label changed) {
        b.invokestatic(VAR_HANDLE, "acquireFence", MethodTypeDesc.of(CD_void));
        load(Width.DW, () -> b.lload(slot));
        b.lload(bucket).lcmp().ifne(changed);
    }

    /** Pushes the hash of the words of a key, see {@link HashTableMap}. */
    private void hashOf(HashPlace map, int count) {
        map.pushSeed();
        for (int i = 0; i < count; i += 2) {
            b.lload(word(i)).lxor().lstore(link);
            map.pushSecret();
            if (i + 1 < count) {
                b.lload(word(i + 1)).lxor();
            }
            b.lstore(bucket);
            b.lload(link).lload(bucket).lmul();
            b.lload(link).lload(bucket).invokestatic(MATH, "multiplyHigh", TWO_LONGS);
            b.lxor();
        }
        b.dup2().bipush(Integer.SIZE).lushr().lxor();
    }

    /** Pushes the value of the element in {@link #link}. */
    private void found(HashTableMap map) {
        use(map instanceof LruHashMap);
        if (!map.def().type().isPerCpu()) {
            pushAt(link, map.valueOffset());
            return;
        }
        loadAt(link, map.valueOffset() + Long.BYTES);
        pushCpu();
        b.loadConstant(map.cpus());
        failures.ofMap(() -> b.invokestatic(OBJECTS, "checkIndex", TWO_INTS));
        b.i2l().lmul();
        loadAt(link, map.valueOffset());
        b.ladd();
    }

    /** Remembers that the element in {@link #link} was used. */
    private void use(boolean remembers) {
        if (!remembers) {
            return;
        }
        Label used = b.newLabel();
        load(Width.B, () -> pushAt(link, LruHashMap.REF));
        b.ifne(used);
        MemoryCode.store(b, Width.B, () -> pushAt(link, LruHashMap.REF), b::iconst_1);
        b.labelBinding(used);
    }

    private int word(int index) {
        return words + index * 2;
    }

    /** Pushes up to eight bytes of a key as a number, in pieces as the program has stored them. */
    private void word(int bytes, int offset, Key key) {
        int limit = Math.min(bytes, Long.BYTES);
        int at = 0;
        while (at < limit) {
            int stored = key.storedAt(offset + at);
            int size = stored > 0 && stored <= limit - at ? stored : Integer.highestOneBit(limit - at);
            int place = offset + at;
            Width width = Width.of(size);
            load(width, () -> key.push(place));
            LongCode.widen(b, width);
            if (at > 0) {
                b.bipush(at * Byte.SIZE).lshl().lor();
            }
            at += size;
        }
    }

    // --- memory

    private void load(Width width, Runnable address) {
        MemoryCode.load(b, width, address);
    }

    private void loadAt(int local, int offset) {
        load(Width.DW, () -> pushAt(local, offset));
    }

    private void pushAt(int local, int offset) {
        b.lload(local);
        if (offset != 0) {
            LongCode.pushLong(b, offset);
            b.ladd();
        }
    }

    private void pushCpu() {
        b.aload(context).getfield(RUN_CONTEXT, "cpu", CD_int);
    }
}
