package dev.sluice.kernel.diff;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapEntry;
import dev.sluice.kernel.Uapi;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapException;
import dev.sluice.map.MapType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads maps of both sides into the same form, key to value in the order of the keys' bytes, and lists what differs.
 * Queues and stacks are emptied: what comes out first is 0, then 1. Per-CPU maps: the values of all CPUs where both sides ran on CPU 0, else each side's own. Programs: their names.
 */
final class MapComparison {
    private record Key(byte[] bytes) implements Comparable<Key> {
        @Override
        public int compareTo(Key other) {
            return Arrays.compareUnsigned(bytes, other.bytes);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && Arrays.equals(bytes, key.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }

    /**
     * What a pair of maps came to.
     *
     * @param entries of the kernel's map
     * @param equal entries that are the same
     * @param differences all of them
     */
    record Result(long entries, long equal, List<Difference.Entry> differences) {}

    private final KernelObject kernel;
    private final int kernelCpu;
    private final Map<Integer, String> kernelPrograms = new HashMap<>();
    /** Read once: queues and stacks are empty after it. */
    private final Map<String, TreeMap<Key, byte[]>> kernelMaps = new HashMap<>();

    MapComparison(KernelObject kernel, int kernelCpu) {
        this.kernel = kernel;
        this.kernelCpu = kernelCpu;
        kernel.results().forEach((name, result) -> {
            if (result instanceof LoadResult.Loaded loaded) {
                kernelPrograms.put(loaded.program().info().id(), name);
            }
        });
    }

    /** Why a map is not compared, or null. */
    @Nullable
    String whyNot(String name, @Nullable LoadedMap ours) {
        MapType type = MapType.of(kernel.map(name).type());
        if (ours == null) {
            return "sluice does not make it: no program needs it, and its type is not supported";
        }
        return switch (type) {
            case null -> "its type is unknown";
            case USER_RINGBUF -> "user space writes it";
            case XSKMAP, SOCKMAP, SOCKHASH, REUSEPORT_SOCKARRAY -> "it holds sockets";
            case BLOOM_FILTER -> "it does not list what it holds";
            case STACK_TRACE, CGROUP_ARRAY, CGROUP_STORAGE, PERCPU_CGROUP_STORAGE, SK_STORAGE, STRUCT_OPS -> "its type";
            case INODE_STORAGE, TASK_STORAGE, CGRP_STORAGE, ARENA, INSN_ARRAY, UNSPEC -> "its type";
            default -> null;
        };
    }

    /** Whether its values are ids, which are compared by the names behind them. */
    static boolean holdsIds(int type) {
        return type == Uapi.MAP_TYPE_PROG_ARRAY
                || type == Uapi.MAP_TYPE_ARRAY_OF_MAPS
                || type == Uapi.MAP_TYPE_HASH_OF_MAPS;
    }

    static boolean isLru(int type) {
        return type == Uapi.MAP_TYPE_LRU_HASH || type == Uapi.MAP_TYPE_LRU_PERCPU_HASH;
    }

    /** Whether it lists its entries in an order of its own. */
    static boolean isHash(int type) {
        return type == Uapi.MAP_TYPE_HASH
                || type == Uapi.MAP_TYPE_PERCPU_HASH
                || type == Uapi.MAP_TYPE_DEVMAP_HASH
                || type == Uapi.MAP_TYPE_HASH_OF_MAPS
                || isLru(type);
    }

    Result compare(String engine, String name, LoadedMap ours, LoadedObject ourObject) {
        KernelMap theirs = kernel.map(name);
        TreeMap<Key, byte[]> kernelContents = kernelMaps.computeIfAbsent(name, map -> kernelContents(theirs));
        TreeMap<Key, byte[]> ourContents = ourContents(ours.map(), ourObject);
        List<Difference.Entry> differences = new ArrayList<>();
        long equal = 0;
        for (Map.Entry<Key, byte[]> entry : kernelContents.entrySet()) {
            byte[] our = ourContents.get(entry.getKey());
            if (our != null && Arrays.equals(entry.getValue(), our)) {
                equal++;
            } else {
                differences.add(
                        new Difference.Entry(engine, name, entry.getKey().bytes(), entry.getValue(), our));
            }
        }
        for (Map.Entry<Key, byte[]> entry : ourContents.entrySet()) {
            if (!kernelContents.containsKey(entry.getKey())) {
                differences.add(
                        new Difference.Entry(engine, name, entry.getKey().bytes(), null, entry.getValue()));
            }
        }
        return new Result(kernelContents.size(), equal, differences);
    }

    private TreeMap<Key, byte[]> kernelContents(KernelMap map) {
        TreeMap<Key, byte[]> contents = new TreeMap<>();
        try {
            if (isQueue(map.type())) {
                return numbered(() -> map.lookupAndDelete(new byte[0]).orElse(null));
            }
            for (MapEntry entry : map.entries()) {
                contents.put(new Key(entry.key()), kernelValue(map, entry.value()));
            }
        } catch (BpfException e) {
            throw new NotComparableException(
                    "map " + map.name() + ": the kernel does not list its entries: " + e.getMessage());
        }
        return contents;
    }

    private static boolean isQueue(int type) {
        return type == Uapi.MAP_TYPE_QUEUE || type == Uapi.MAP_TYPE_STACK;
    }

    /** What comes out one after the other, by its number. */
    private static TreeMap<Key, byte[]> numbered(Supplier<byte @Nullable []> next) {
        TreeMap<Key, byte[]> contents = new TreeMap<>();
        for (byte[] value = next.get(); value != null; value = next.get()) {
            contents.put(new Key(Uapi.u32(contents.size())), value);
        }
        return contents;
    }

    private byte[] kernelValue(KernelMap map, byte[] value) {
        if (map.isPerCpu()) {
            byte[][] parts = map.splitPerCpu(value);
            return kernelCpu == 0 ? concat(parts) : parts[kernelCpu];
        }
        if (holdsIds(map.type())) {
            int id = Uapi.u32(value);
            return name(map.type() == Uapi.MAP_TYPE_PROG_ARRAY ? kernelPrograms.get(id) : kernelMapName(id), id);
        }
        return isDeviceMap(map.type()) ? Arrays.copyOf(value, Integer.BYTES) : value;
    }

    private @Nullable String kernelMapName(int id) {
        for (Map.Entry<String, KernelMap> map : kernel.maps().entrySet()) {
            if (map.getValue().info().id() == id) {
                return map.getKey();
            }
        }
        return null;
    }

    private TreeMap<Key, byte[]> ourContents(BpfMap map, LoadedObject object) {
        TreeMap<Key, byte[]> contents = new TreeMap<>();
        try {
            if (isQueue(map.def().type().number())) {
                return numbered(() -> map.lookupAndDelete(new byte[0]));
            }
            for (byte[] bytes : map.keys()) {
                byte[] value = map.get(bytes);
                // empty slots of program arrays and device maps are no entries
                if (value != null) {
                    contents.put(new Key(bytes), ourValue(map, value, object));
                }
            }
        } catch (MapException e) {
            throw new NotComparableException(String.valueOf(e.getMessage()));
        }
        return contents;
    }

    private byte[] ourValue(BpfMap map, byte[] value, LoadedObject object) {
        int type = map.def().type().number();
        if (map.def().type().isPerCpu()) {
            int size = map.def().valueSize();
            int stride = size + 7 & -8;
            byte[][] parts = new byte[value.length / stride][];
            for (int cpu = 0; cpu < parts.length; cpu++) {
                parts[cpu] = Arrays.copyOfRange(value, cpu * stride, cpu * stride + size);
            }
            return kernelCpu == 0 ? concat(parts) : parts[0];
        }
        if (holdsIds(type)) {
            int id = Uapi.u32(value);
            String found = null;
            if (map.def().type() == MapType.PROG_ARRAY) {
                for (LoadedProgram program : object.programs()) {
                    found = program.id() == id ? program.name() : found;
                }
            } else {
                for (LoadedMap other : object.maps()) {
                    found = other.map().id() == id ? other.name() : found;
                }
            }
            return name(found, id);
        }
        return isDeviceMap(type) ? Arrays.copyOf(value, Integer.BYTES) : value;
    }

    /** After the interface comes a program's descriptor or id. */
    private static boolean isDeviceMap(int type) {
        return type == Uapi.MAP_TYPE_DEVMAP || type == Uapi.MAP_TYPE_DEVMAP_HASH || type == Uapi.MAP_TYPE_CPUMAP;
    }

    private static byte[] name(@Nullable String name, int id) {
        return (name == null ? "id " + Integer.toUnsignedString(id) : name).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] concat(byte[][] parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        byte[] all = new byte[length];
        int at = 0;
        for (byte[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }
}
