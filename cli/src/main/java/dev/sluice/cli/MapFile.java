package dev.sluice.cli;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfValues;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.MapEntry;
import dev.sluice.map.MapType;
import dev.sluice.object.MapSpec;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Entries of a map in a file, as {@code map dump -j} prints them:
 *
 * <pre>
 * [{"key": ["0x01", …], "value": ["0x00", …], "formatted": {"key": 1, "value": {…}}},
 *  {"key": …, "values": [{"cpu": 0, "value": …}, …]}]
 * </pre>
 *
 * <p>Bytes count where they are there; without them the values are read by the map's BTF types, either in {@code
 * formatted} or in place of the bytes. CPUs without a value have zeros.
 */
final class MapFile {
    private final MapSpec map;
    private final @Nullable Btf btf;
    private final int cpus;

    private MapFile(MapSpec map, @Nullable Btf btf, int cpus) {
        this.map = map;
        this.btf = btf;
        this.cpus = cpus;
    }

    /** Reads the entries of the map of a name, as user space writes them: per-CPU values for all CPUs of the kernel. */
    static List<MapEntry> read(ObjectOptions.Choice choice, String name, Path file, Kernel kernel) {
        MapSpec map = choice.spec()
                .map(name)
                .orElseThrow(() -> new CommandFailure(choice.file() + ": no such map, name=" + name));
        List<MapEntry> entries = new ArrayList<>();
        try {
            if (!(JsonReader.read(file) instanceof List<?> list)) {
                throw new IllegalArgumentException("expected an array of entries");
            }
            MapFile reader = new MapFile(map, choice.spec().btf(), kernel.possibleCpus());
            for (Object entry : list) {
                try {
                    entries.add(reader.entry(entry));
                } catch (IllegalArgumentException | BtfException e) {
                    throw new IllegalArgumentException("entry " + (entries.size() + 1) + ": " + e.getMessage(), e);
                }
            }
        } catch (NoSuchFileException | java.io.FileNotFoundException e) {
            throw new CommandFailure(file + ": no such file");
        } catch (IOException | IllegalArgumentException e) {
            throw new CommandFailure(file + ": map " + name + ": " + e.getMessage());
        }
        return entries;
    }

    private MapEntry entry(@Nullable Object json) {
        if (!(json instanceof Map<?, ?> entry)) {
            throw new IllegalArgumentException("expected an object with key and value");
        }
        Map<?, ?> formatted = entry.get("formatted") instanceof Map<?, ?> typed ? typed : entry;
        byte[] key = part("key", map.keySize(), map.keyBtfType(), entry.get("key"), formatted.get("key"));
        MapType type = MapType.of(map.type());
        if (type != null && type.isPerCpu()) {
            return new MapEntry(key, perCpu(entry.get("values"), formatted.get("values")));
        }
        return new MapEntry(
                key, part("value", map.valueSize(), map.valueBtfType(), entry.get("value"), formatted.get("value")));
    }

    private byte[] perCpu(@Nullable Object bytes, @Nullable Object typed) {
        int stride = map.valueSize() + 7 & -8;
        byte[] all = new byte[stride * cpus];
        Object elements = bytes == null ? typed : bytes;
        if (!(elements instanceof List<?> list)) {
            throw new IllegalArgumentException("a per-CPU map: expected values, one for each CPU");
        }
        for (Object element : list) {
            if (!(element instanceof Map<?, ?> one) || !(one.get("cpu") instanceof Long cpu)) {
                throw new IllegalArgumentException("values: expected objects with cpu and value");
            }
            if (cpu < 0 || cpu >= cpus) {
                throw new IllegalArgumentException("values: expected a CPU of 0 to " + (cpus - 1) + ", cpu=" + cpu);
            }
            byte[] value =
                    part("value", map.valueSize(), map.valueBtfType(), one.get("value"), formattedOf(typed, cpu));
            System.arraycopy(value, 0, all, stride * cpu.intValue(), value.length);
        }
        return all;
    }

    private static @Nullable Object formattedOf(@Nullable Object list, long cpu) {
        if (list instanceof List<?> values) {
            for (Object value : values) {
                if (value instanceof Map<?, ?> one && Long.valueOf(cpu).equals(one.get("cpu"))) {
                    return one.get("value");
                }
            }
        }
        return null;
    }

    private byte[] part(String what, int size, int btfType, @Nullable Object bytes, @Nullable Object typed) {
        byte[] raw = bytes(bytes, size);
        if (raw != null) {
            return raw;
        }
        Object value = typed == null ? bytes : typed;
        if (value == null) {
            throw new IllegalArgumentException("no " + what);
        }
        if (btf == null || btfType == 0) {
            throw new IllegalArgumentException(
                    what + ": the map has no type for it, expected " + size + " bytes such as \"0x01\"");
        }
        byte[] encoded = BtfValues.encode(btf, btfType, value);
        if (encoded.length != size) {
            throw new IllegalArgumentException(
                    what + ": its type has another size than the map, expected=" + size + " found=" + encoded.length);
        }
        return encoded;
    }

    /** As many bytes as are wanted, written as text; null for anything else. */
    private static byte @Nullable [] bytes(@Nullable Object json, int size) {
        if (!(json instanceof List<?> list) || list.size() != size) {
            return null;
        }
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++) {
            if (!(list.get(i) instanceof String text) || !text.matches("0x[0-9a-fA-F]{1,2}")) {
                return null;
            }
            bytes[i] = (byte) Integer.parseInt(text.substring(2), 16);
        }
        return bytes;
    }
}
