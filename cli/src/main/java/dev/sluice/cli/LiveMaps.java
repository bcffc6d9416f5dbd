package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.btf.BtfException;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapException;
import dev.sluice.map.ProgArrayMap;
import dev.sluice.map.QueueMap;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * {@code sluice map}: the maps of a running process, in bpftool's words. Programs run meanwhile; all goes through the maps' side
 * for user space.
 *
 * <pre>
 *   show | list [MAP]                                  dump MAP
 *   lookup MAP key DATA                                getnext MAP [key DATA]
 *   update MAP [key DATA] value VALUE [FLAGS]          delete MAP key DATA
 *   peek MAP    pop | dequeue MAP                      push | enqueue MAP value VALUE
 *   freeze MAP                                         load MAP FILE [replace] [FLAGS]
 *
 *   MAP   := id N | name NAME | pinned PATH | NAME
 *   DATA  := [hex] BYTES | a value of the type: 80, 10.0.0.1, '{"port": 80}'
 *   VALUE := DATA | PROG (in a prog array) | MAP (in a map of maps)
 *   FLAGS := any | exist | noexist
 * </pre>
 */
final class LiveMaps {
    private static final Set<String> HANDLES = Set.of("id", "name", "pinned", "tag");
    private static final Set<String> KEYWORDS = Set.of("key", "value", "any", "exist", "noexist");

    private final DatapathSession session;
    private final LivePrograms programs;

    LiveMaps(DatapathSession session, LivePrograms programs) {
        this.session = session;
        this.programs = programs;
    }

    int run(Words words, ControlServer.Request request, PrintStream out) {
        String command = words.next("show, dump, lookup, update, delete, getnext, load or the like");
        try {
            return switch (command) {
                case "show", "list" -> show(words, request, out);
                case "dump" -> dump(words, request, out);
                case "lookup" -> lookup(words, request, out);
                case "getnext" -> getNext(words, request, out);
                case "update" -> update(words, request, out);
                case "delete" -> delete(words, request, out);
                case "peek", "pop", "dequeue" -> take(command, words, request, out);
                case "push", "enqueue" -> push(words, request, out);
                case "freeze" -> freeze(words, request, out);
                case "load" -> load(words, request, out);
                default ->
                    throw Words.usage("unknown command, expected one of show, list, dump, lookup, update, delete, "
                            + "getnext, peek, push, pop, enqueue, dequeue, freeze, load, found " + command);
            };
        } catch (MapException e) {
            throw new CommandFailure(command + " failed: " + e.getMessage());
        } catch (IllegalArgumentException | BtfException | ObjectException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    // --- which map

    /** All maps by id: the objects', the NICs' counters, and maps in maps. */
    private Map<Integer, LoadedMap> all() {
        Map<Integer, LoadedMap> all = new TreeMap<>();
        for (DatapathSession.Loaded loaded : session.objects()) {
            loaded.object().maps().forEach(map -> all.putIfAbsent(map.map().id(), map));
        }
        session.attached().forEach(one -> all.putIfAbsent(one.counters().map().id(), one.counters()));
        List<LoadedMap> outer =
                all.values().stream().filter(map -> map.spec().isMapInMap()).toList();
        for (BpfMap map : session.runtime().maps().all()) {
            if (!all.containsKey(map.id())) {
                all.put(map.id(), inner(map, outer));
            }
        }
        return all;
    }

    /** A map that no object has: its types are those of the maps that the map around it expects. */
    private static LoadedMap inner(BpfMap map, List<LoadedMap> outer) {
        for (LoadedMap around : outer) {
            MapSpec prototype = around.spec().inner();
            if (prototype != null
                    && around.map().keys().stream()
                            .anyMatch(key -> Arrays.equals(around.map().get(key), littleEndian(map.id())))) {
                return new LoadedMap(prototype, map, around.btf());
            }
        }
        MapDef def = map.def();
        MapSpec spec = MapSpec.of(
                def.name(),
                def.type().number(),
                def.keySize(),
                def.valueSize(),
                def.maxEntries(),
                def.flags(),
                def.extra(),
                0,
                0);
        return new LoadedMap(spec, map, null);
    }

    private static byte[] littleEndian(int number) {
        return ByteBuffer.allocate(Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array();
    }

    /** Where a map is pinned. */
    private List<String> pins(LoadedMap map) {
        List<String> paths = new ArrayList<>();
        session.runtime().pins().all().forEach((path, pinned) -> {
            if (pinned.equals(map.map())) {
                paths.add(path);
            }
        });
        return paths;
    }

    /** The maps that a handle means: one at least. */
    private List<LoadedMap> select(Words words) {
        Map<Integer, LoadedMap> all = all();
        String kind = HANDLES.contains(words.peek()) ? words.next("id, name or pinned") : "name";
        return switch (kind) {
            case "id" -> {
                int id = words.number("id");
                LoadedMap found = all.get(id);
                if (found == null) {
                    throw new CommandFailure("no such map: expected one of " + ids(all.values()) + ", id=" + id);
                }
                yield List.of(found);
            }
            case "pinned" -> {
                String path = words.next("a path");
                yield all.values().stream()
                        .filter(map -> pins(map).contains(path))
                        .findFirst()
                        .map(List::of)
                        .orElseThrow(() -> new CommandFailure("no map is pinned there: expected one of "
                                + String.join(
                                        ", ", session.runtime().pins().all().keySet())
                                + ", path=" + path));
            }
            case "tag" -> throw Words.usage("expected 'id', 'name' or 'pinned', found tag");
            default -> {
                String name = words.next("id, name or pinned, or a map's name");
                List<LoadedMap> found = all.values().stream()
                        .filter(map -> map.name().equals(name))
                        .toList();
                if (found.isEmpty()) {
                    throw new CommandFailure("no such map: expected one of "
                            + all.values().stream()
                                    .map(LoadedMap::name)
                                    .distinct()
                                    .collect(Collectors.joining(", "))
                            + ", name=" + name);
                }
                yield found;
            }
        };
    }

    /** The one map that a handle means. */
    LoadedMap one(Words words) {
        List<LoadedMap> found = select(words);
        if (found.size() > 1) {
            throw new CommandFailure("several maps have this name, choose one by its id: " + ids(found) + ", name="
                    + found.getFirst().name());
        }
        return found.getFirst();
    }

    private static String ids(Iterable<LoadedMap> maps) {
        StringBuilder text = new StringBuilder();
        maps.forEach(
                map -> text.append(text.isEmpty() ? "" : ", ").append(map.map().id()));
        return text.toString();
    }

    // --- show, dump

    private int show(Words words, ControlServer.Request request, PrintStream out) {
        boolean single = !words.isEmpty();
        List<LoadedMap> shown = single ? select(words) : List.copyOf(all().values());
        words.end();
        if (request.json().wanted()) {
            request.json().print(out, json -> {
                if (!single || shown.size() > 1) {
                    json.writeStartArray();
                }
                for (LoadedMap map : shown) {
                    json.writeStartObject();
                    writeHead(map, json);
                    json.writeEndObject();
                }
                if (!single || shown.size() > 1) {
                    json.writeEndArray();
                }
            });
        } else {
            shown.forEach(map -> printHead(map, out));
        }
        return ExitCode.OK;
    }

    private void printHead(LoadedMap map, PrintStream out) {
        MapDef def = map.map().def();
        out.println(map.map().id() + ": " + def.type().bpftoolName() + "  name " + map.name() + "  flags 0x"
                + Integer.toHexString(def.flags()));
        out.println("\tkey " + def.keySize() + "B  value " + def.valueSize() + "B  max_entries "
                + Integer.toUnsignedString(def.maxEntries()) + "  memlock "
                + map.map().memoryBytes() + "B");
        if (map.map().isFrozen()) {
            out.println("\tfrozen");
        }
        pins(map).forEach(path -> out.println("\tpinned " + path));
    }

    private void writeHead(LoadedMap map, com.fasterxml.jackson.core.JsonGenerator json) throws IOException {
        MapDef def = map.map().def();
        json.writeNumberField("id", map.map().id());
        json.writeStringField("type", def.type().bpftoolName());
        json.writeStringField("name", map.name());
        json.writeNumberField("flags", def.flags());
        json.writeNumberField("bytes_key", def.keySize());
        json.writeNumberField("bytes_value", def.valueSize());
        json.writeNumberField("max_entries", Integer.toUnsignedLong(def.maxEntries()));
        json.writeNumberField("bytes_memlock", map.map().memoryBytes());
        json.writeNumberField("frozen", map.map().isFrozen() ? 1 : 0);
        List<String> paths = pins(map);
        if (!paths.isEmpty()) {
            json.writeArrayFieldStart("pinned");
            for (String path : paths) {
                json.writeString(path);
            }
            json.writeEndArray();
        }
    }

    private int dump(Words words, ControlServer.Request request, PrintStream out) {
        List<LoadedMap> shown = select(words);
        words.end();
        if (request.json().wanted()) {
            request.json().print(out, json -> {
                if (shown.size() == 1) {
                    MapDump.write(shown.getFirst(), json);
                    return;
                }
                json.writeStartArray();
                for (LoadedMap map : shown) {
                    json.writeStartObject();
                    writeHead(map, json);
                    json.writeFieldName("elements");
                    MapDump.write(map, json);
                    json.writeEndObject();
                }
                json.writeEndArray();
            });
            return ExitCode.OK;
        }
        for (LoadedMap map : shown) {
            if (shown.size() > 1) {
                printHead(map, out);
            }
            MapDump.printPlain(map, out);
        }
        return ExitCode.OK;
    }

    // --- entries

    private int lookup(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        byte[] key = key(map, words);
        words.end();
        return answer(map, key, map.map().get(key), request, out);
    }

    private static int answer(
            LoadedMap map, byte[] key, byte @Nullable [] value, ControlServer.Request request, PrintStream out) {
        if (value == null) {
            if (request.json().wanted()) {
                out.println("null");
            } else {
                out.println("key:\n" + MapDump.rows(key) + "\n\nNot found");
            }
            return ExitCode.FAILED;
        }
        if (request.json().wanted()) {
            request.json().print(out, json -> MapDump.writeEntry(map, key, value, json));
        } else {
            MapDump.printPlain(map, key, value, out);
        }
        return ExitCode.OK;
    }

    private int getNext(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        byte[] key = words.isEmpty() ? null : key(map, words);
        words.end();
        byte[] next = map.map().nextKey(key);
        if (next == null) {
            throw new CommandFailure("can't get next key: there is none, map=" + map.name());
        }
        if (request.json().wanted()) {
            request.json().print(out, json -> {
                json.writeStartObject();
                if (key == null) {
                    json.writeNullField("key");
                } else {
                    MapDump.writeBytes("key", key, json);
                }
                MapDump.writeBytes("next_key", next, json);
                json.writeEndObject();
            });
        } else {
            out.println(key == null ? "key: None" : "key:\n" + MapDump.rows(key));
            out.println("next key:\n" + MapDump.rows(next));
        }
        return ExitCode.OK;
    }

    private int update(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        Object key = words.peek().equals("key") ? data("key", map.map().def().keySize(), words) : null;
        put(map, key, words);
        return done(request, out);
    }

    private int push(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        put(map, null, words);
        return done(request, out);
    }

    private void put(LoadedMap map, @Nullable Object key, Words words) {
        if (!words.take("value")) {
            throw Words.usage("expected value, found " + (words.isEmpty() ? "the end of the command" : words.peek()));
        }
        BpfMap live = map.map();
        boolean handle = HANDLES.contains(words.peek());
        if (live instanceof ProgArrayMap array && handle) {
            LoadedProgram program = programs.one(words).program();
            requireAny(flags(words));
            words.end();
            array.set(
                    ByteBuffer.wrap(MapFile.key(map.spec(), map.btf(), present(key)))
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getInt(),
                    program.executable());
            return;
        }
        if (map.spec().isMapInMap() && handle) {
            byte[] id = littleEndian(one(words).map().id());
            long flags = flags(words);
            words.end();
            live.put(MapFile.key(map.spec(), map.btf(), present(key)), id, flags);
            return;
        }
        Map<String, @Nullable Object> entry = new LinkedHashMap<>();
        if (map.map().def().keySize() != 0) {
            entry.put("key", key == null && map.spec().isInternal() ? 0L : present(key)); // a section is one entry
        }
        entry.put("value", data(live.def().valueSize(), "value", words));
        long flags = flags(words);
        words.end();
        put(map, entry, flags);
    }

    private static Object present(@Nullable Object key) {
        if (key == null) {
            throw Words.usage("expected key, found value");
        }
        return key;
    }

    private static void requireAny(long flags) {
        if (flags != BpfMap.ANY) {
            throw Words.usage("a prog array takes no flags");
        }
    }

    /** Puts an entry, or the variables of a section. */
    private void put(LoadedMap map, Map<String, ?> json, long flags) {
        MapFile entry =
                MapFile.entry(map.spec(), map.btf(), json, session.runtime().cpus());
        Map<String, Object> variables = entry.variables();
        if (variables.isEmpty()) {
            entry.put(session.runtime(), names(), map.map(), flags);
        } else {
            LoadedObject object = session.objects().stream()
                    .map(DatapathSession.Loaded::object)
                    .filter(loaded -> loaded.maps().contains(map))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("a section without an object"));
            variables.forEach(object::set);
        }
    }

    /** Programs and maps by name: of what was loaded last, if there are several. */
    private MapFile.Names names() {
        return new MapFile.Names() {
            @Override
            public Optional<LoadedProgram> program(String name) {
                return session.objects().reversed().stream()
                        .flatMap(loaded -> loaded.object().program(name).stream())
                        .findFirst();
            }

            @Override
            public Optional<BpfMap> map(String name) {
                return session.objects().reversed().stream()
                        .flatMap(loaded -> loaded.object().map(name).stream())
                        .map(LoadedMap::map)
                        .findFirst();
            }
        };
    }

    private int delete(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        byte[] key = key(map, words);
        words.end();
        if (!map.map().remove(key)) {
            throw new CommandFailure("delete failed: no such entry, map=" + map.name() + ", errno=ENOENT");
        }
        return done(request, out);
    }

    private int take(String command, Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        words.end();
        if (!(map.map() instanceof QueueMap queue)) {
            throw new CommandFailure(command + " failed: map " + map.name() + " is neither a queue nor a stack, type="
                    + map.map().def().type().bpftoolName());
        }
        byte[] key = {};
        byte[] value = command.equals("peek") ? queue.get(key) : queue.lookupAndDelete(key);
        if (value == null) {
            if (request.json().wanted()) {
                out.println("null");
                return ExitCode.FAILED;
            }
            throw new CommandFailure("empty map");
        }
        return answer(map, key, value, request, out);
    }

    private int freeze(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        words.end();
        map.map().freeze();
        return done(request, out);
    }

    /** All entries of a file, as {@code --map} takes them; others are taken out if asked. */
    private int load(Words words, ControlServer.Request request, PrintStream out) {
        LoadedMap map = one(words);
        Path file = request.folder().resolve(words.next("a file"));
        boolean replace = words.take("replace");
        long flags = flags(words);
        words.end();
        MapFile entries =
                MapFile.read(map.spec(), map.btf(), file, session.runtime().cpus());
        if (!entries.variables().isEmpty()) {
            throw new CommandFailure(file + ": has global variables, expected entries of a map; see sluice set");
        }
        entries.fill(session.runtime(), names(), map.map(), flags);
        if (replace) {
            Set<ByteBuffer> kept = new HashSet<>();
            entries.keys().forEach(key -> kept.add(ByteBuffer.wrap(key)));
            for (byte[] key : map.map().keys()) {
                if (!kept.contains(ByteBuffer.wrap(key))) {
                    map.map().remove(key);
                }
            }
        }
        return done(request, out);
    }

    /** What bpftool says when there is nothing to say. */
    private static int done(ControlServer.Request request, PrintStream out) {
        if (request.json().wanted()) {
            out.println("null");
        }
        return ExitCode.OK;
    }

    // --- words

    private static long flags(Words words) {
        if (words.take("noexist")) {
            return BpfMap.NOEXIST;
        }
        if (words.take("exist")) {
            return BpfMap.EXIST;
        }
        words.take("any");
        return BpfMap.ANY;
    }

    private static byte[] key(LoadedMap map, Words words) {
        return MapFile.key(map.spec(), map.btf(), data("key", map.map().def().keySize(), words));
    }

    private static Object data(String keyword, int size, Words words) {
        if (!words.take(keyword)) {
            throw Words.usage(
                    "expected " + keyword + ", found " + (words.isEmpty() ? "the end of the command" : words.peek()));
        }
        return data(size, keyword, words);
    }

    /** Bytes as text, or a value as JSON has it. */
    private static Object data(int size, String what, Words words) {
        boolean hex = words.take("hex");
        List<String> data = new ArrayList<>();
        while (!words.isEmpty() && !KEYWORDS.contains(words.peek())) {
            data.add(words.next(what));
        }
        if (!hex && data.size() == 1 && (size != 1 || !isByte(data.getFirst(), false))) {
            return scalar(what, data.getFirst());
        }
        if (data.size() != size) {
            throw Words.usage(what + " expected " + size + " bytes got " + data.size()
                    + (hex ? "" : ", or one value of its type such as 80, 10.0.0.1 or '{\"port\": 80}'"));
        }
        List<String> bytes = new ArrayList<>();
        for (String word : data) {
            if (!isByte(word, hex)) {
                throw Words.usage(what + ": expected bytes, found " + word);
            }
            bytes.add("0x%02x".formatted(hex ? Integer.parseInt(word, 16) : Integer.decode(word)));
        }
        return bytes;
    }

    private static Object scalar(String what, String text) {
        try {
            return Long.decode(text);
        } catch (NumberFormatException e) {
            return SpecOptions.value(what, text);
        }
    }

    private static boolean isByte(String word, boolean hex) {
        try {
            int number = hex ? Integer.parseInt(word, 16) : Integer.decode(word);
            return number >= 0 && number <= 255;
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
