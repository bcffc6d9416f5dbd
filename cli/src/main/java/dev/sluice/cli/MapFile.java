package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfException;
import dev.sluice.btf.BtfValues;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapEntry;
import dev.sluice.map.MapException;
import dev.sluice.map.MapType;
import dev.sluice.map.Maps;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.SectionName.Attach;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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
 * formatted} or in place of the bytes. CPUs without a value have zeros; a single {@code value} is for all of them. Where a
 * map has no type for it, a number will do if there is one of the size. What only exists once it is loaded goes by name:
 *
 * <pre>
 *  prog array          {"key": 2, "value": "program"}
 *  devmap, cpumap      {"key": 0, "value": {"ifindex": 3, "prog": "program"}}      qsize for a cpumap
 *  maps in maps        {"key": 7, "value": "map of the object"}                    or the inner map's own entries: [ … ]
 *  global variables    [{"value": {"limit": 5}}]                                   or as dumps have them
 * </pre>
 *
 * <p>Queues, stacks and bloom filters have values without keys.
 */
final class MapFile {
    /** What it was read from, for messages. */
    private final String file;

    private final MapSpec map;
    private final @Nullable Btf btf;
    private final int cpus;
    private final List<Entry> entries = new ArrayList<>();
    private final List<Map<?, ?>> variables = new ArrayList<>();

    /**
     * @param target name of the program or map that is the value, or a part of it; null for none
     * @param inner entries of a map that is the value; null for none
     */
    private record Entry(
            byte[] key,
            byte[] value,
            @Nullable String target,
            @Nullable MapFile inner) {
        static Entry of(byte[] key, byte[] value) {
            return new Entry(key, value, null, null);
        }
    }

    /** What entries call by name. */
    interface Names {
        Optional<LoadedProgram> program(String name);

        Optional<BpfMap> map(String name);

        static Names of(LoadedObject object) {
            return new Names() {
                @Override
                public Optional<LoadedProgram> program(String name) {
                    return object.program(name);
                }

                @Override
                public Optional<BpfMap> map(String name) {
                    return object.map(name).map(LoadedMap::map);
                }
            };
        }
    }

    private MapFile(String file, MapSpec map, @Nullable Btf btf, int cpus) {
        this.file = file;
        this.map = map;
        this.btf = btf;
        this.cpus = cpus;
    }

    /**
     * Reads the entries of the map of a name.
     *
     * @param cpus for which per-CPU maps have values
     */
    static MapFile read(Path object, ObjectSpec spec, String name, Path file, int cpus) {
        MapSpec map = spec.map(name).orElseThrow(() -> new CommandFailure(object + ": no such map, name=" + name));
        return read(map, spec.btf(), file, cpus);
    }

    /** Reads the entries of a map. */
    static MapFile read(MapSpec map, @Nullable Btf btf, Path file, int cpus) {
        MapFile read = new MapFile(file.toString(), map, btf, cpus);
        try {
            read.readAll(JsonReader.read(file));
            return read;
        } catch (NoSuchFileException | FileNotFoundException e) {
            throw new CommandFailure(file + ": no such file");
        } catch (IOException | IllegalArgumentException e) {
            throw new CommandFailure(file + ": map " + map.name() + ": " + e.getMessage());
        }
    }

    /** The same of entries that were read already. */
    static MapFile of(Path file, ObjectSpec spec, String name, Object entries, int cpus) {
        MapSpec map = spec.map(name).orElseThrow(() -> new CommandFailure(file + ": no such map, name=" + name));
        MapFile read = new MapFile(file.toString(), map, spec.btf(), cpus);
        try {
            read.readAll(entries);
            return read;
        } catch (IllegalArgumentException e) {
            throw new CommandFailure(file + ": map " + name + ": " + e.getMessage());
        }
    }

    /**
     * A single entry, or the variables of a section.
     *
     * @throws IllegalArgumentException when it does not fit the map
     */
    static MapFile entry(MapSpec map, @Nullable Btf btf, Map<String, ?> json, int cpus) {
        MapFile read = new MapFile("map " + map.name(), map, btf, cpus);
        try {
            read.read(json);
            return read;
        } catch (BtfException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /**
     * A key alone.
     *
     * @param json bytes as text, or a value of the key's type
     * @throws IllegalArgumentException when it does not fit the map
     */
    static byte[] key(MapSpec map, @Nullable Btf btf, Object json) {
        try {
            return new MapFile("map " + map.name(), map, btf, 1)
                    .part("key", map.keySize(), map.keyBtfType(), json, null);
        } catch (BtfException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private void readAll(@Nullable Object json) {
        if (!(json instanceof List<?> list)) {
            throw new IllegalArgumentException("expected an array of entries");
        }
        int number = 0;
        for (Object entry : list) {
            number++;
            try {
                read(entry);
            } catch (IllegalArgumentException | BtfException e) {
                throw new IllegalArgumentException("entry " + number + ": " + e.getMessage(), e);
            }
        }
    }

    // --- what is to be done with it

    /** The programs that it names. */
    Set<String> programs() {
        Set<String> names = new LinkedHashSet<>();
        if (!map.isMapInMap()) {
            entries.stream().map(Entry::target).forEach(name -> {
                if (name != null) {
                    names.add(name);
                }
            });
        }
        return names;
    }

    /** The object with what has to be there before it is loaded: global variables. */
    ObjectSpec changed(ObjectSpec spec) {
        ObjectSpec changed = spec;
        try {
            for (Map.Entry<String, Object> variable : variables().entrySet()) {
                changed = changed.withVariable(variable.getKey(), variable.getValue());
            }
            return changed;
        } catch (ObjectException | IllegalArgumentException e) {
            throw new CommandFailure(file + ": map " + map.name() + ": " + e.getMessage());
        }
    }

    /** The entries as bytes, for the kernel, which knows nothing by our names. */
    List<MapEntry> bytes() {
        if (!variables.isEmpty() || entries.stream().anyMatch(entry -> entry.target != null || entry.inner != null)) {
            throw new CommandFailure(file + ": map " + map.name()
                    + ": programs, maps and variables by name cannot be given to a kernel");
        }
        return entries.stream()
                .map(entry -> new MapEntry(entry.key, entry.value))
                .toList();
    }

    /** Puts the entries into the live map of the object. */
    void fill(XdpRuntime runtime, LoadedObject object) {
        LoadedMap loaded = object.map(map.name())
                .orElseThrow(() -> new CommandFailure(file + ": map " + map.name() + ": does not exist here"));
        fill(runtime, Names.of(object), loaded.map(), BpfMap.ANY);
    }

    /** Puts the entries into a live map. */
    void fill(XdpRuntime runtime, Names names, BpfMap live, long flags) {
        int number = 0;
        for (Entry entry : entries) {
            number++;
            try {
                put(runtime, names, live, entry, flags);
            } catch (MapException | IllegalArgumentException e) {
                throw new CommandFailure(file + ": entry " + number + ": " + e.getMessage());
            }
        }
    }

    /**
     * Puts an entry that was read alone into a live map.
     *
     * @throws MapException as the map refuses it
     * @throws IllegalArgumentException when there is no such program or map
     */
    void put(XdpRuntime runtime, Names names, BpfMap live, long flags) {
        put(runtime, names, live, entries.getFirst(), flags);
    }

    /** The global variables that it names, with their values. */
    Map<String, Object> variables() {
        Map<String, Object> all = new LinkedHashMap<>();
        for (Map<?, ?> values : variables) {
            for (Map.Entry<?, ?> variable : values.entrySet()) {
                Object value = variable.getValue();
                if (value == null) {
                    throw new IllegalArgumentException(
                            "variable " + variable.getKey() + ": expected a value, found null");
                }
                all.put(map.section().substring(1) + "." + variable.getKey(), value);
            }
        }
        return all;
    }

    /** The keys of its entries. */
    List<byte[]> keys() {
        return entries.stream().map(Entry::key).toList();
    }

    private void put(XdpRuntime runtime, Names names, BpfMap live, Entry entry, long flags) {
        String target = entry.target;
        if (entry.inner != null) {
            MapDef prototype = live.def().inner();
            if (prototype == null) {
                throw new AssertionError("maps of maps have prototypes");
            }
            BpfMap inner = Maps.create(prototype, runtime.maps(), runtime.regions(), runtime.cpus(), runtime.seed());
            entry.inner.fill(runtime, names, inner, BpfMap.ANY);
            live.put(entry.key, littleEndian(inner.id(), Integer.BYTES), flags);
        } else if (target != null && map.isMapInMap()) {
            BpfMap inner = names.map(target)
                    .orElseThrow(() -> new IllegalArgumentException("no such map in the object, name=" + target));
            live.put(entry.key, littleEndian(inner.id(), Integer.BYTES), flags);
        } else if (target != null) {
            LoadedProgram program = names.program(target)
                    .orElseThrow(() -> new IllegalArgumentException("no such program, name=" + target));
            if (live instanceof ProgArrayMap array) {
                array.set(
                        ByteBuffer.wrap(entry.key)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .getInt(),
                        program.executable());
            } else {
                requireAttach(program, live.def().type() == MapType.CPUMAP ? Attach.CPUMAP : Attach.DEVMAP);
                byte[] value = entry.value.clone();
                System.arraycopy(littleEndian(program.id(), Integer.BYTES), 0, value, Integer.BYTES, Integer.BYTES);
                live.put(entry.key, value, flags);
            }
        } else {
            live.put(entry.key, entry.value, flags);
        }
    }

    /** Linux takes only programs that say that they are for such a map. */
    private static void requireAttach(LoadedProgram program, Attach wanted) {
        if (program.linked().spec().type().attach() != wanted) {
            throw new IllegalArgumentException("prog: expected a program of section xdp/"
                    + wanted.name().toLowerCase(Locale.ROOT) + ", found section="
                    + program.linked().spec().section() + ", name=" + program.name());
        }
    }

    // --- reading

    private void read(@Nullable Object json) {
        if (!(json instanceof Map<?, ?> entry)) {
            throw new IllegalArgumentException("expected an object with key and value");
        }
        Map<?, ?> formatted = entry.get("formatted") instanceof Map<?, ?> typed ? typed : entry;
        Object value = entry.get("value");
        if (map.isInternal() && bytes(value, map.valueSize()) == null) {
            readVariables(formatted.get("value"));
            return;
        }
        byte[] key = map.keySize() == 0
                ? new byte[0]
                : part("key", map.keySize(), map.keyBtfType(), entry.get("key"), formatted.get("key"));
        MapType type = MapType.of(map.type());
        if (map.isMapInMap() && value instanceof List<?> inner && bytes(value, Integer.BYTES) == null) {
            MapSpec prototype = map.inner();
            if (prototype == null) {
                throw new IllegalArgumentException("the object does not say what its inner maps are like");
            }
            MapFile reader = new MapFile(file, prototype, btf, cpus);
            reader.readAll(inner);
            entries.add(new Entry(key, new byte[0], null, reader));
        } else if ((map.isMapInMap() || type == MapType.PROG_ARRAY) && value instanceof String name) {
            entries.add(new Entry(key, new byte[0], name, null));
        } else if ((type == MapType.DEVMAP || type == MapType.DEVMAP_HASH || type == MapType.CPUMAP)
                && value instanceof Map<?, ?> target) {
            entries.add(target(key, type == MapType.CPUMAP ? "qsize" : "ifindex", target));
        } else if (type != null && type.isPerCpu()) {
            entries.add(Entry.of(key, perCpu(entry, formatted)));
        } else {
            entries.add(
                    Entry.of(key, part("value", map.valueSize(), map.valueBtfType(), value, formatted.get("value"))));
        }
    }

    /** {@code {".bss": [{"counter": 1}, …]}} as dumps have it, or simply {@code {"counter": 1}}. */
    private void readVariables(@Nullable Object json) {
        if (!(json instanceof Map<?, ?> values)) {
            throw new IllegalArgumentException("expected variables by name, or " + map.valueSize() + " bytes");
        }
        if (values.size() == 1 && values.get(map.section()) instanceof List<?> dumped) {
            for (Object variable : dumped) {
                if (!(variable instanceof Map<?, ?> one)) {
                    throw new IllegalArgumentException("expected objects with one variable each");
                }
                variables.add(one);
            }
        } else {
            variables.add(values);
        }
    }

    /** An entry that packets are redirected to, possibly with a program that runs there. */
    private Entry target(byte[] key, String first, Map<?, ?> json) {
        Object number = json.get(first);
        if (number == null) {
            throw new IllegalArgumentException("value: expected " + first + ", and prog if a program runs there");
        }
        byte[] value = Arrays.copyOf(number(first, Integer.BYTES, number), map.valueSize());
        Object program = json.get("prog");
        if (program != null && !(program instanceof String)) {
            throw new IllegalArgumentException("prog: expected a program's name, found " + program);
        }
        if (program != null && map.valueSize() != 2 * Integer.BYTES) {
            throw new IllegalArgumentException("prog: the map has no room for programs, expected a value of 8 bytes,"
                    + " value_size=" + map.valueSize());
        }
        return new Entry(key, value, (String) program, null);
    }

    private byte[] perCpu(Map<?, ?> entry, Map<?, ?> formatted) {
        int stride = map.valueSize() + 7 & -8;
        byte[] all = new byte[stride * cpus];
        if (entry.get("value") != null || formatted.get("value") != null) {
            byte[] value =
                    part("value", map.valueSize(), map.valueBtfType(), entry.get("value"), formatted.get("value"));
            for (int cpu = 0; cpu < cpus; cpu++) {
                System.arraycopy(value, 0, all, stride * cpu, value.length);
            }
            return all;
        }
        Object typed = formatted.get("values");
        Object elements = entry.get("values") == null ? typed : entry.get("values");
        if (!(elements instanceof List<?> list)) {
            throw new IllegalArgumentException("a per-CPU map: expected values, one for each CPU, or one value");
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
            return number(what, size, value);
        }
        byte[] encoded;
        try {
            encoded = BtfValues.encode(btf, btfType, value);
        } catch (BtfException e) {
            // which speaks of values, whatever they are
            throw new IllegalArgumentException(String.valueOf(e.getMessage()).replaceFirst("^value:", what + ":"), e);
        }
        if (encoded.length != size) {
            throw new IllegalArgumentException(
                    what + ": its type has another size than the map, expected=" + size + " found=" + encoded.length);
        }
        return encoded;
    }

    /** A number of a part without a type. */
    private static byte[] number(String what, int size, Object value) {
        long most = size < Long.BYTES ? (1L << 8 * size) - 1 : Long.MAX_VALUE;
        boolean sized = size == 1 || size == 2 || size == 4 || size == 8;
        if (!sized || !(value instanceof Long number) || number > most || number < -(most >>> 1) - 1) {
            throw new IllegalArgumentException(what + ": the map has no type for it, expected " + size
                    + " bytes such as \"0x01\"" + (sized ? ", or a number of that size" : ""));
        }
        return littleEndian(number, size);
    }

    private static byte[] littleEndian(long number, int size) {
        return Arrays.copyOf(
                ByteBuffer.allocate(Long.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(number)
                        .array(),
                size);
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
