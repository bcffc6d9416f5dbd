package dev.sluice.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A map in the kernel. Thread-safe, as the kernel's own maps are. Keys and values are bytes in the machine's order;
 * arrays given are copied, arrays returned are new. Sizes are checked here (the kernel would read or write past a
 * shorter array): a wrong one is an IllegalArgumentException; everything else is the kernel's to say, as
 * {@link BpfException}.
 *
 * <p>In per-CPU maps a value is {@link #valueBytes} long: each possible CPU's, rounded up to a multiple of 8 bytes. In
 * program arrays and maps of maps one writes a descriptor's number ({@link Uapi#u32(int)}) and reads an id.
 */
public final class KernelMap implements AutoCloseable {
    private static final int ELEM_BYTES = 32;
    private static final int BATCH_BYTES = 56;
    private static final int INFO_BYTES = 88;

    private final Fd fd;
    private final int type;
    private final String name;
    private final int keyBytes;
    private final int valueBytes;
    private final int perCpuValueBytes;
    private final int maxEntries;

    private KernelMap(Kernel kernel, Fd fd, int type, String name, int keySize, int valueSize, int maxEntries) {
        this.fd = fd;
        this.type = type;
        this.name = name;
        this.keyBytes = keySize;
        this.perCpuValueBytes = isPerCpu(type) ? valueSize : 0;
        this.valueBytes = isPerCpu(type) ? (valueSize + 7 & -8) * kernel.possibleCpus() : valueBytes(type, valueSize);
        this.maxEntries = maxEntries;
    }

    /** Types whose value in user space is a descriptor on the way in and an id on the way out: 4 bytes always. */
    private static int valueBytes(int type, int valueSize) {
        return switch (type) {
            case Uapi.MAP_TYPE_PROG_ARRAY,
                    Uapi.MAP_TYPE_PERF_EVENT_ARRAY,
                    Uapi.MAP_TYPE_CGROUP_ARRAY,
                    Uapi.MAP_TYPE_ARRAY_OF_MAPS,
                    Uapi.MAP_TYPE_HASH_OF_MAPS -> 4;
            default -> valueSize;
        };
    }

    static boolean isPerCpu(int type) {
        return switch (type) {
            case Uapi.MAP_TYPE_PERCPU_HASH,
                    Uapi.MAP_TYPE_PERCPU_ARRAY,
                    Uapi.MAP_TYPE_LRU_PERCPU_HASH,
                    Uapi.MAP_TYPE_PERCPU_CGROUP_STORAGE -> true;
            default -> false;
        };
    }

    static KernelMap create(Kernel kernel, MapAttributes a) {
        try (Call call = Call.begin()) {
            call.set(0, a.type);
            call.set(4, a.keySize);
            call.set(8, a.valueSize);
            call.set(12, a.maxEntries);
            call.set(16, a.flags);
            call.set(20, a.inner == null ? 0 : a.inner.fd());
            call.set(24, a.numaNode);
            MemorySegment.copy(Uapi.objectName(a.name), 0, call.attr(), ValueLayout.JAVA_BYTE, 28, Uapi.OBJ_NAME_BYTES);
            call.set(44, a.ifindex);
            call.set(48, a.btf == null ? 0 : a.btf.fd());
            call.set(52, a.btfKeyTypeId);
            call.set(56, a.btfValueTypeId);
            call.set(64, a.mapExtra);
            int result = call.bpf(Uapi.MAP_CREATE, 72);
            if (result < 0) {
                throw new BpfException(
                        "bpf(MAP_CREATE) name=" + a.name + " type=" + a.type + " key_size=" + a.keySize
                                + " value_size=" + a.valueSize + " max_entries="
                                + Integer.toUnsignedString(a.maxEntries) + " map_flags=0x"
                                + Integer.toHexString(a.flags),
                        -result);
            }
            return new KernelMap(kernel, new Fd(result), a.type, a.name, a.keySize, a.valueSize, a.maxEntries);
        }
    }

    /** Takes the descriptor over. */
    static KernelMap of(Kernel kernel, Fd fd) {
        try {
            MapInfo info = info(fd, "?");
            return new KernelMap(
                    kernel, fd, info.type(), info.name(), info.keySize(), info.valueSize(), info.maxEntries());
        } catch (BpfException e) {
            fd.close();
            throw e;
        }
    }

    /** The descriptor's number, for an instruction that names the map; valid until {@link #close}. */
    public int fd() {
        return fd.number();
    }

    /** {@code enum bpf_map_type}. */
    public int type() {
        return type;
    }

    /** The name it was created with; cut to 15 characters where it was found by its id. */
    public String name() {
        return name;
    }

    /** Bytes of a key; 0 for queues, stacks, bloom filters and ring buffers. */
    public int keyBytes() {
        return keyBytes;
    }

    /** Bytes of a value as user space reads and writes it: all CPUs' of a per-CPU map. */
    public int valueBytes() {
        return valueBytes;
    }

    /** Whether every CPU has a value of its own. */
    public boolean isPerCpu() {
        return isPerCpu(type);
    }

    /** What the kernel says of the map now. */
    public MapInfo info() {
        return info(fd, name);
    }

    private static MapInfo info(Fd fd, String name) {
        try (Call call = Call.begin()) {
            MemorySegment info = call.allocate(INFO_BYTES);
            call.set(0, fd.number());
            call.set(4, INFO_BYTES);
            call.set(8, info);
            int result = call.bpf(Uapi.OBJ_GET_INFO_BY_FD, 16);
            if (result < 0) {
                throw new BpfException("bpf(OBJ_GET_INFO_BY_FD) map=" + name, -result);
            }
            // struct bpf_map_info: 0 type 4 id 8 key_size 12 value_size 16 max_entries 20 map_flags 24 name[16]
            // 40 ifindex 44 btf_vmlinux_value_type_id 48 netns_dev 56 netns_ino 64 btf_id 68 btf_key_type_id
            // 72 btf_value_type_id 76 btf_vmlinux_id 80 map_extra
            return new MapInfo(
                    info.get(ValueLayout.JAVA_INT, 0),
                    info.get(ValueLayout.JAVA_INT, 4),
                    info.get(ValueLayout.JAVA_INT, 8),
                    info.get(ValueLayout.JAVA_INT, 12),
                    info.get(ValueLayout.JAVA_INT, 16),
                    info.get(ValueLayout.JAVA_INT, 20),
                    info.asSlice(24, Uapi.OBJ_NAME_BYTES).getString(0),
                    info.get(ValueLayout.JAVA_INT, 40),
                    info.get(ValueLayout.JAVA_INT, 64),
                    info.get(ValueLayout.JAVA_INT, 68),
                    info.get(ValueLayout.JAVA_INT, 72),
                    info.get(ValueLayout.JAVA_INT, 44),
                    info.get(ValueLayout.JAVA_LONG, 80));
        }
    }

    /** The value of a key; empty where there is none. An empty key for queues and stacks: the element that is next. */
    public Optional<byte[]> lookup(byte[] key) {
        return lookup(key, 0);
    }

    /** @param flags 0 or BPF_F_LOCK */
    public Optional<byte[]> lookup(byte[] key, long flags) {
        return read(Uapi.MAP_LOOKUP_ELEM, "MAP_LOOKUP_ELEM", key, flags);
    }

    /** Takes an element out and gives its value; empty where there is none. Hashes, queues and stacks have it. */
    public Optional<byte[]> lookupAndDelete(byte[] key) {
        return read(Uapi.MAP_LOOKUP_AND_DELETE_ELEM, "MAP_LOOKUP_AND_DELETE_ELEM", key, 0);
    }

    private Optional<byte[]> read(int command, String what, byte[] key, long flags) {
        checkKey(key);
        try (Call call = Call.begin()) {
            MemorySegment value = call.allocate(valueBytes);
            int result = elem(call, command, call.copy(key), value, flags);
            if (result == -Errno.ENOENT) {
                return Optional.empty();
            }
            if (result < 0) {
                throw failed(what, key, -result);
            }
            return Optional.of(value.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    /** Whether a bloom filter may hold the value. */
    public boolean contains(byte[] value) {
        checkValue(value);
        try (Call call = Call.begin()) {
            int result = elem(call, Uapi.MAP_LOOKUP_ELEM, MemorySegment.NULL, call.copy(value), 0);
            if (result < 0 && result != -Errno.ENOENT) {
                throw failed("MAP_LOOKUP_ELEM", value, -result);
            }
            return result == 0;
        }
    }

    /**
     * Sets the value of a key.
     *
     * @param key empty for queues, stacks and bloom filters, where this adds an element
     * @param value {@link #valueBytes} bytes
     * @param flags BPF_ANY, BPF_NOEXIST (EEXIST where there is one), BPF_EXIST (ENOENT where there is none)
     * @throws BpfException E2BIG where it is full, EPERM where it is frozen
     */
    public void update(byte[] key, byte[] value, long flags) {
        checkKey(key);
        checkValue(value);
        try (Call call = Call.begin()) {
            int result = elem(call, Uapi.MAP_UPDATE_ELEM, call.copy(key), call.copy(value), flags);
            if (result < 0) {
                throw failed("MAP_UPDATE_ELEM", key, -result);
            }
        }
    }

    /** As the other one, with BPF_ANY. */
    public void update(byte[] key, byte[] value) {
        update(key, value, Uapi.BPF_ANY);
    }

    /** Removes a key. Returns false where it was not there. Arrays refuse with EINVAL. */
    public boolean delete(byte[] key) {
        checkKey(key);
        try (Call call = Call.begin()) {
            int result = elem(call, Uapi.MAP_DELETE_ELEM, call.copy(key), MemorySegment.NULL, 0);
            if (result < 0 && result != -Errno.ENOENT) {
                throw failed("MAP_DELETE_ELEM", key, -result);
            }
            return result == 0;
        }
    }

    /** The key after that one, the first after one that is not there, or with an empty key; empty after the last. */
    public Optional<byte[]> nextKey(byte[] key) {
        if (key.length != 0) {
            checkKey(key);
        }
        try (Call call = Call.begin()) {
            MemorySegment next = call.allocate(keyBytes);
            int result = elem(call, Uapi.MAP_GET_NEXT_KEY, call.copy(key), next, 0);
            if (result == -Errno.ENOENT) {
                return Optional.empty();
            }
            if (result < 0) {
                throw failed("MAP_GET_NEXT_KEY", key, -result);
            }
            return Optional.of(next.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private int elem(Call call, int command, MemorySegment key, MemorySegment value, long flags) {
        call.set(0, fd.number());
        call.set(8, key);
        call.set(16, value);
        call.set(24, flags);
        return call.bpf(command, ELEM_BYTES);
    }

    /** The parts of a per-CPU value, by CPU, without the padding. */
    public byte[][] splitPerCpu(byte[] value) {
        checkPerCpu();
        checkValue(value);
        int stride = perCpuValueBytes + 7 & -8;
        byte[][] parts = new byte[valueBytes / stride][];
        for (int cpu = 0; cpu < parts.length; cpu++) {
            parts[cpu] = Arrays.copyOfRange(value, cpu * stride, cpu * stride + perCpuValueBytes);
        }
        return parts;
    }

    /** The per-CPU value with these parts; the reverse of {@link #splitPerCpu}. CPUs without a part get zeros. */
    public byte[] joinPerCpu(byte[]... parts) {
        checkPerCpu();
        int stride = perCpuValueBytes + 7 & -8;
        byte[] value = new byte[valueBytes];
        for (int cpu = 0; cpu < parts.length; cpu++) {
            if (parts[cpu].length != perCpuValueBytes) {
                throw new IllegalArgumentException("map " + name + ": a CPU's value has " + perCpuValueBytes
                        + " bytes, found bytes=" + parts[cpu].length);
            }
            System.arraycopy(parts[cpu], 0, value, cpu * stride, perCpuValueBytes);
        }
        return value;
    }

    /**
     * All entries, in the kernel's order, which is not sorted. A map that others change meanwhile may show an entry
     * twice, or not at all. Empty slots (program arrays, devmaps) are left out.
     *
     * @throws BpfException ENOTSUPP or EOPNOTSUPP for types that user space cannot read (ring buffers, XSK maps)
     */
    public List<MapEntry> entries() {
        Batch all = batch(Uapi.MAP_LOOKUP_BATCH, "MAP_LOOKUP_BATCH", new byte[0], Integer.MAX_VALUE, 0);
        return all != null ? all.entries() : entriesOneByOne();
    }

    private List<MapEntry> entriesOneByOne() {
        List<MapEntry> entries = new ArrayList<>();
        Optional<byte[]> key = nextKey(new byte[0]);
        // A key that another user deletes meanwhile sends us back to the start: do not run for ever.
        long steps = Integer.toUnsignedLong(maxEntries) * 2 + 16;
        while (key.isPresent() && steps-- > 0) {
            byte[] found = key.get();
            lookup(found).ifPresent(value -> entries.add(new MapEntry(found, value)));
            key = nextKey(found);
        }
        return entries;
    }

    /**
     * Some entries, and where the next ones begin.
     *
     * @param next give it to the next call; opaque
     * @param end whether these were the last
     */
    public record Batch(List<MapEntry> entries, byte[] next, boolean end) {}

    /**
     * Reads entries with few calls.
     *
     * @param from empty at the beginning, then what the last call returned as {@code next}
     * @param count at most so many; hashes read whole buckets and say ENOSPC where one does not fit
     * @throws BpfException ENOTSUPP where the type has no batches
     */
    public Batch lookupBatch(byte[] from, int count) {
        return notNull(batch(Uapi.MAP_LOOKUP_BATCH, "MAP_LOOKUP_BATCH", from, count, 0), "MAP_LOOKUP_BATCH");
    }

    /** As {@link #lookupBatch}, and takes the entries out. Hashes have it. */
    public Batch lookupAndDeleteBatch(byte[] from, int count) {
        return notNull(
                batch(Uapi.MAP_LOOKUP_AND_DELETE_BATCH, "MAP_LOOKUP_AND_DELETE_BATCH", from, count, 0),
                "MAP_LOOKUP_AND_DELETE_BATCH");
    }

    private Batch notNull(@Nullable Batch batch, String what) {
        if (batch == null) {
            throw failed(what, new byte[0], Errno.ENOTSUPP);
        }
        return batch;
    }

    /** Reads up to {@code limit} entries; null where the type has no batch operation. */
    private @Nullable Batch batch(int command, String what, byte[] from, int limit, long elemFlags) {
        if (keyBytes == 0) {
            return null;
        }
        if (from.length != 0 && from.length != Math.max(keyBytes, 4)) {
            throw new IllegalArgumentException(
                    "map " + name + ": not a place where a batch ended: bytes=" + from.length);
        }
        boolean all = limit == Integer.MAX_VALUE;
        List<MapEntry> entries = new ArrayList<>();
        byte[] position = from;
        // Hashes keep a bucket's number there, 4 bytes; the others a key.
        int tokenBytes = Math.max(keyBytes, 4);
        long room = (4 << 20) / ((long) keyBytes + valueBytes);
        int count = (int) Math.min(limit, Math.max(16, Math.min(room, Integer.toUnsignedLong(maxEntries))));
        while (true) {
            try (Call call = Call.begin()) {
                MemorySegment next = call.allocate(tokenBytes);
                MemorySegment keys = call.allocate((long) count * keyBytes);
                MemorySegment values = call.allocate((long) count * valueBytes);
                call.set(0, call.copy(position));
                call.set(8, next);
                call.set(16, keys);
                call.set(24, values);
                call.set(32, count);
                call.set(36, fd.number());
                call.set(40, elemFlags);
                int result = call.bpf(command, BATCH_BYTES);
                if (result == -Errno.ENOSPC && all) {
                    // A bucket of a hash has more entries than there is room: nothing was read.
                    count = Math.multiplyExact(count, 2);
                    continue;
                }
                boolean end = result == -Errno.ENOENT;
                if (result < 0 && !end) {
                    if (entries.isEmpty() && (all || result == -Errno.ENOTSUPP)) {
                        return null;
                    }
                    throw failed(what, position, -result);
                }
                int found = call.get(32);
                for (int i = 0; i < found; i++) {
                    entries.add(new MapEntry(
                            keys.asSlice((long) i * keyBytes, keyBytes).toArray(ValueLayout.JAVA_BYTE),
                            values.asSlice((long) i * valueBytes, valueBytes).toArray(ValueLayout.JAVA_BYTE)));
                }
                position = next.toArray(ValueLayout.JAVA_BYTE);
                if (end || !all) {
                    return new Batch(entries, position, end);
                }
            }
        }
    }

    /** Sets many values with one call. Returns how many, which are all; hashes and arrays have it. */
    public int updateBatch(List<MapEntry> entries, long elemFlags) {
        try (Call call = Call.begin()) {
            MemorySegment keys = call.allocate((long) entries.size() * keyBytes);
            MemorySegment values = call.allocate((long) entries.size() * valueBytes);
            for (int i = 0; i < entries.size(); i++) {
                MapEntry entry = entries.get(i);
                checkKey(entry.key());
                checkValue(entry.value());
                MemorySegment.copy(entry.key(), 0, keys, ValueLayout.JAVA_BYTE, (long) i * keyBytes, keyBytes);
                MemorySegment.copy(entry.value(), 0, values, ValueLayout.JAVA_BYTE, (long) i * valueBytes, valueBytes);
            }
            return writeBatch(call, Uapi.MAP_UPDATE_BATCH, "MAP_UPDATE_BATCH", keys, values, entries.size(), elemFlags);
        }
    }

    /** Removes many keys with one call, all of which must be there (else ENOENT). Returns how many. */
    public int deleteBatch(List<byte[]> keysToDelete) {
        try (Call call = Call.begin()) {
            MemorySegment keys = call.allocate((long) keysToDelete.size() * keyBytes);
            for (int i = 0; i < keysToDelete.size(); i++) {
                checkKey(keysToDelete.get(i));
                MemorySegment.copy(keysToDelete.get(i), 0, keys, ValueLayout.JAVA_BYTE, (long) i * keyBytes, keyBytes);
            }
            return writeBatch(
                    call, Uapi.MAP_DELETE_BATCH, "MAP_DELETE_BATCH", keys, MemorySegment.NULL, keysToDelete.size(), 0);
        }
    }

    private int writeBatch(
            Call call, int command, String what, MemorySegment keys, MemorySegment values, int count, long elemFlags) {
        call.set(16, keys);
        call.set(24, values);
        call.set(32, count);
        call.set(36, fd.number());
        call.set(40, elemFlags);
        int result = call.bpf(command, BATCH_BYTES);
        if (result < 0) {
            throw new BpfException(
                    "bpf(" + what + ") map=" + name + " count=" + count + " done=" + call.get(32), -result);
        }
        return call.get(32);
    }

    /** From now on user space cannot change the map (EPERM); programs can, unless it has BPF_F_RDONLY_PROG. */
    public void freeze() {
        try (Call call = Call.begin()) {
            call.set(0, fd.number());
            int result = call.bpf(Uapi.MAP_FREEZE, 4);
            if (result < 0) {
                throw new BpfException("bpf(MAP_FREEZE) map=" + name, -result);
            }
        }
    }

    private void checkKey(byte[] key) {
        if (key.length != keyBytes) {
            throw new IllegalArgumentException(
                    "map " + name + ": a key has " + keyBytes + " bytes, found bytes=" + key.length);
        }
    }

    private void checkValue(byte[] value) {
        if (value.length != valueBytes) {
            throw new IllegalArgumentException(
                    "map " + name + ": a value has " + valueBytes + " bytes, found bytes=" + value.length);
        }
    }

    private void checkPerCpu() {
        if (!isPerCpu()) {
            throw new IllegalArgumentException("map " + name + " has no values per CPU: type=" + type);
        }
    }

    private BpfException failed(String what, byte[] key, int errno) {
        return new BpfException(
                "bpf(" + what + ") map=" + name + " key=" + HexFormat.of().formatHex(key), errno);
    }

    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return "map " + name + " type=" + type;
    }
}
