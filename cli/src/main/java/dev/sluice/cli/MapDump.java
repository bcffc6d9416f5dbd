package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedMap;
import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import dev.sluice.btf.BtfWalker;
import dev.sluice.map.BloomFilterMap;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapType;
import dev.sluice.map.QueueMap;
import dev.sluice.map.RingBufferMap;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectSpec;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** The entries of a map, as {@code bpftool map dump} gives them, with names where the map has types. */
final class MapDump {
    /** {@code BPF_F_WRONLY}: user space may not read it. */
    private static final int WRONLY = 1 << 4;

    private static final JsonFactory JSON = new JsonFactory();
    private static final int ENTRIES_SHOWN = 20;

    /** Bytes a line. */
    private static final int ROW = 16;

    private MapDump() {}

    /** bpftool's name of a type's number. */
    static String typeName(int type) {
        MapType known = MapType.of(type);
        return known == null ? "type " + type : known.bpftoolName();
    }

    // --- JSON

    /** All entries, as {@code bpftool --json map dump} writes them. */
    static void write(LoadedMap map, JsonGenerator json) throws IOException {
        json.writeStartArray();
        // key by key: an array may have more entries than the heap has room for keys
        byte[] first = hasEntries(map.map()) ? map.map().nextKey(null) : null;
        for (byte[] key = first; key != null; key = map.map().nextKey(key)) {
            byte[] value = map.map().get(key);
            if (value != null) {
                writeEntry(map, key, value, json);
            }
        }
        json.writeEndArray();
    }

    /** Whether user space can walk over entries and read them; of the others bpftool finds none. */
    private static boolean hasEntries(BpfMap map) {
        return switch (map.def().type()) {
            case QUEUE, STACK, BLOOM_FILTER, RINGBUF, USER_RINGBUF, PERF_EVENT_ARRAY, XSKMAP -> false;
            default -> (map.def().flags() & WRONLY) == 0;
        };
    }

    /** What there is to say of a map without entries. */
    private static String withoutEntries(BpfMap map) {
        return switch (map) {
            case QueueMap queue ->
                Quantity.count(queue.size()) + " of " + Quantity.count(map.def().maxEntries()) + " values";
            case BloomFilterMap bloom -> "for " + Quantity.count(map.def().maxEntries()) + " values";
            case RingBufferMap ring ->
                Quantity.count(ring.query(0)) + " of " + Quantity.count(ring.query(1)) + " bytes not read, "
                        + Quantity.count(ring.dropped()) + " records dropped";
            default -> "cannot be read by user space";
        };
    }

    /** An entry, as bytes and with names. */
    static void writeEntry(LoadedMap map, byte[] key, byte[] value, JsonGenerator json) throws IOException {
        json.writeStartObject();
        writeBytes("key", key, json);
        if (isPerCpu(map)) {
            json.writeArrayFieldStart("values");
            for (int cpu = 0; cpu < cpus(map, value); cpu++) {
                json.writeStartObject();
                json.writeNumberField("cpu", cpu);
                writeBytes("value", ofCpu(map, value, cpu), json);
                json.writeEndObject();
            }
            json.writeEndArray();
        } else {
            writeBytes("value", value, json);
        }
        Btf btf = map.btf();
        if (btf != null && map.spec().valueBtfType() != 0) {
            json.writeFieldName("formatted");
            writeFormatted(map, btf, key, value, json);
        }
        json.writeEndObject();
    }

    /** A field with bytes as text. */
    static void writeBytes(String name, byte[] bytes, JsonGenerator json) throws IOException {
        json.writeArrayFieldStart(name);
        for (byte b : bytes) {
            json.writeString("0x%02x".formatted(b & 0xff));
        }
        json.writeEndArray();
    }

    /** An entry with names: a key where the map has a type for it, and the value, or one for each CPU. */
    private static void writeFormatted(LoadedMap map, Btf btf, byte[] key, byte[] value, JsonGenerator json)
            throws IOException {
        json.writeStartObject();
        if (map.spec().keyBtfType() != 0) {
            json.writeFieldName("key");
            writeTyped(btf, map.spec().keyBtfType(), key, json);
        }
        if (isPerCpu(map)) {
            json.writeArrayFieldStart("values");
            for (int cpu = 0; cpu < cpus(map, value); cpu++) {
                json.writeStartObject();
                json.writeNumberField("cpu", cpu);
                json.writeFieldName("value");
                writeTyped(btf, map.spec().valueBtfType(), ofCpu(map, value, cpu), json);
                json.writeEndObject();
            }
            json.writeEndArray();
        } else {
            json.writeFieldName("value");
            writeTyped(btf, map.spec().valueBtfType(), value, json);
        }
        json.writeEndObject();
    }

    private static void writeTyped(Btf btf, int type, byte[] bytes, JsonGenerator json) throws IOException {
        if (btf.resolve(type) instanceof BtfType.DataSec section) {
            json.writeStartObject();
            json.writeArrayFieldStart(section.name());
            for (BtfType.SectionVar place : section.vars()) {
                json.writeStartObject();
                json.writeFieldName(btf.nameOf(place.var()));
                byte[] part = Arrays.copyOfRange(bytes, place.offset(), place.offset() + place.size());
                BtfWalker.walk(btf, place.var(), part, new JsonVisitor(json));
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        } else {
            BtfWalker.walk(btf, type, bytes, new JsonVisitor(json));
        }
    }

    // --- bpftool's text

    /** All entries as {@code bpftool map dump} prints them: JSON by their types, or hexadecimal digits without. */
    static void printPlain(LoadedMap map, PrintStream out) {
        BpfMap live = map.map();
        byte[] first = hasEntries(live) ? live.nextKey(null) : null;
        if (hasTypes(map)) {
            JsonOptions.print(out, true, json -> {
                json.writeStartArray();
                for (byte[] key = first; key != null; key = live.nextKey(key)) {
                    byte[] value = live.get(key);
                    if (value != null) {
                        writeFormatted(map, Objects.requireNonNull(map.btf()), key, value, json);
                    }
                }
                json.writeEndArray();
            });
            return;
        }
        int count = 0;
        for (byte[] key = first; key != null; key = live.nextKey(key)) {
            byte[] value = live.get(key);
            if (value != null) {
                printBytes(map, key, value, out);
                count++;
            }
        }
        out.println("Found " + count + (count == 1 ? " element" : " elements"));
    }

    /** One entry as {@code bpftool map lookup} prints it. */
    static void printPlain(LoadedMap map, byte[] key, byte[] value, PrintStream out) {
        if (hasTypes(map)) {
            JsonOptions.print(
                    out, true, json -> writeFormatted(map, Objects.requireNonNull(map.btf()), key, value, json));
        } else {
            printBytes(map, key, value, out);
        }
    }

    private static boolean hasTypes(LoadedMap map) {
        return map.btf() != null && map.spec().valueBtfType() != 0;
    }

    private static void printBytes(LoadedMap map, byte[] key, byte[] value, PrintStream out) {
        if (isPerCpu(map)) {
            out.println("key:\n" + rows(key));
            for (int cpu = 0; cpu < cpus(map, value); cpu++) {
                byte[] own = ofCpu(map, value, cpu);
                out.println("value (CPU %02d):%s%s".formatted(cpu, own.length > ROW ? "\n" : " ", rows(own)));
            }
            return;
        }
        boolean broken = key.length > ROW || value.length > ROW;
        String space = broken ? "\n" : " ";
        String between = !broken && key.length + value.length <= 24 ? "  " : "\n";
        boolean inner = map.spec().isMapInMap();
        out.println((key.length == 0 ? "" : "key:" + space + rows(key) + between)
                + (inner ? "inner_map_id:" : "value:")
                + space
                + (inner ? littleEndian(value) : rows(value)));
    }

    private static long littleEndian(byte[] bytes) {
        long number = 0;
        for (int i = bytes.length - 1; i >= 0; i--) {
            number = number << 8 | bytes[i] & 0xff;
        }
        return number;
    }

    /** Sixteen bytes a line, eight by eight. */
    static String rows(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < bytes.length; i++) {
            text.append(i == 0 ? "" : i % ROW == 0 ? "\n" : i % 8 == 0 ? "  " : " ")
                    .append("%02x".formatted(bytes[i] & 0xff));
        }
        return text.toString();
    }

    // --- text

    /** A heading, then the first entries, one a line; of array types, entries that are all zero are counted only. */
    static void print(LoadedMap map, PrintStream out) {
        BpfMap live = map.map();
        if (!hasEntries(live)) {
            out.println("map " + live.id() + ": " + map.name() + ", "
                    + live.def().type().bpftoolName() + ", " + withoutEntries(live));
            return;
        }
        boolean array = live.def().type() == MapType.ARRAY || live.def().type() == MapType.PERCPU_ARRAY;
        out.println("map " + live.id() + ": " + map.name() + ", "
                + live.def().type().bpftoolName() + ", "
                + (array ? "" : Quantity.count(entries(live)) + " of ")
                + Quantity.count(live.def().maxEntries()) + (live.def().maxEntries() == 1 ? " entry" : " entries"));
        int zero = 0;
        int shown = 0;
        for (byte[] key = live.nextKey(null); key != null; key = live.nextKey(key)) {
            byte[] value = live.get(key);
            if (value == null) {
                continue;
            }
            if (array && !map.spec().isInternal() && isZero(value)) {
                zero++;
            } else if (shown++ < ENTRIES_SHOWN) {
                out.println("  " + line(map, key, value));
            }
        }
        if (shown > ENTRIES_SHOWN) {
            out.println("  … " + Quantity.count(shown - ENTRIES_SHOWN) + " more, see --json");
        }
        if (zero > 0) {
            out.println("  " + Quantity.count(zero) + (zero == 1 ? " entry is" : " entries are") + " zero");
        }
    }

    /** Of arrays whose slots can be empty, those that are not. */
    private static long entries(BpfMap map) {
        return switch (map.def().type()) {
            case PROG_ARRAY, ARRAY_OF_MAPS, DEVMAP, CPUMAP ->
                map.keys().stream().filter(key -> map.get(key) != null).count();
            default -> map.keys().size();
        };
    }

    private static boolean isZero(byte[] bytes) {
        for (byte b : bytes) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    private static String line(LoadedMap map, byte[] key, byte[] value) {
        Btf btf = map.btf();
        int keyType = map.spec().keyBtfType();
        int valueType = map.spec().valueBtfType();
        String keyText = btf != null && keyType != 0 ? compact(btf, keyType, key) : hex(key);
        StringBuilder line = new StringBuilder(map.spec().isInternal() ? "" : keyText + ": ");
        int cpus = isPerCpu(map) ? cpus(map, value) : 1;
        for (int cpu = 0; cpu < cpus; cpu++) {
            byte[] own = isPerCpu(map) ? ofCpu(map, value, cpu) : value;
            if (cpus > 1) {
                line.append(cpu == 0 ? "" : ", ").append("cpu ").append(cpu).append(' ');
            }
            line.append(btf != null && valueType != 0 ? compact(btf, valueType, own) : hex(own));
        }
        return line.toString();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.ofDelimiter(" ").formatHex(bytes);
    }

    /**
     * A key or value of a map of an object, with names where the map has a type for it.
     *
     * @param type which of its types
     */
    static String show(ObjectSpec spec, String map, ToIntFunction<MapSpec> type, byte[] bytes) {
        Btf btf = spec.btf();
        int id = spec.map(map).map(found -> type.applyAsInt(found)).orElse(0);
        if (btf == null || id == 0) {
            return hex(bytes);
        }
        int size = btf.sizeOf(id);
        // per-CPU values stand one after the other
        StringBuilder text = new StringBuilder();
        for (int at = 0; size > 0 && at + size <= bytes.length; at += size) {
            text.append(at == 0 ? "" : ", ").append(compact(btf, id, Arrays.copyOfRange(bytes, at, at + size)));
        }
        return text.isEmpty() ? hex(bytes) : text.toString();
    }

    private static String compact(Btf btf, int type, byte @Nullable [] bytes) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            writeTyped(btf, type, bytes == null ? new byte[0] : bytes, json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    // --- per-CPU values

    private static boolean isPerCpu(LoadedMap map) {
        return map.map().def().type().isPerCpu();
    }

    private static int stride(LoadedMap map) {
        return (map.map().def().valueSize() + 7) & ~7;
    }

    private static int cpus(LoadedMap map, byte[] value) {
        return value.length / stride(map);
    }

    private static byte[] ofCpu(LoadedMap map, byte[] value, int cpu) {
        int from = cpu * stride(map);
        return Arrays.copyOfRange(value, from, from + map.map().def().valueSize());
    }
}
