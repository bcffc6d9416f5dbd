package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pinned maps between runs: a folder with a file for each, {@code NAME.json}, that says what the map is like and what it
 * holds:
 *
 * <pre>
 * {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16, "map_flags": 0, "map_extra": 0, "entries": [ … ]}
 * </pre>
 *
 * <p>Entries are as {@code map dump -j} prints them. A file of a map that is not like the object's is refused, as libbpf
 * refuses to use such a map. A run has its folder for itself, from the beginning to the end: of two that write the same maps,
 * what one has counted would be lost.
 */
final class PinFolder implements AutoCloseable {
    private final Path folder;
    private final Map<Path, LoadedMap> maps = new LinkedHashMap<>();
    private @Nullable FileChannel lock;

    private PinFolder(Path folder) {
        this.folder = folder;
    }

    /** Fills the maps that objects pin from their files, where there are any. */
    static PinFolder open(Path folder, XdpRuntime runtime, Collection<LoadedObject> objects) {
        PinFolder pins = new PinFolder(folder);
        boolean complete = false;
        try {
            pins.fill(runtime, objects);
            complete = true;
            return pins;
        } finally {
            if (!complete) {
                pins.close();
            }
        }
    }

    private void fill(XdpRuntime runtime, Collection<LoadedObject> objects) {
        if (!runtime.pins().all().isEmpty()) {
            lock();
        }
        for (Map.Entry<String, BpfMap> pinned : runtime.pins().all().entrySet()) {
            Path file = folder.resolve(pinned.getKey().replaceFirst("^/+", "") + ".json");
            if (!file.normalize().startsWith(folder.normalize())) {
                throw new CommandFailure("map " + pinned.getValue().def().name()
                        + ": its pin lies outside of --pin-dir, path=" + pinned.getKey());
            }
            for (LoadedObject object : objects) {
                for (LoadedMap map : object.maps()) {
                    // the first object that has it knows its types as well as the others
                    if (map.map().equals(pinned.getValue()) && maps.putIfAbsent(file, map) == null) {
                        read(file, runtime, object, map);
                    }
                }
            }
        }
    }

    private void lock() {
        FileChannel channel;
        FileLock held;
        try {
            Files.createDirectories(folder);
            channel = FileChannel.open(folder.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            lock = channel;
            held = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            held = null; // another run in this JVM
        } catch (IOException e) {
            throw new CommandFailure(folder + ": cannot be written: " + ObjectOptions.reason(e));
        }
        if (held == null) {
            throw new CommandFailure(
                    ExitCode.ENVIRONMENT, folder + ": another sluice uses it, expected a --pin-dir for each run", null);
        }
    }

    /** Others may have the folder. */
    @Override
    public void close() {
        FileChannel channel = lock;
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new AssertionError("closing a file that nothing was written to", e);
            }
        }
    }

    private void read(Path file, XdpRuntime runtime, LoadedObject object, LoadedMap map) {
        if (!Files.exists(file)) {
            return;
        }
        try {
            if (!(JsonReader.read(file) instanceof Map<?, ?> json)) {
                throw new IOException("expected an object with the map's type, sizes and entries");
            }
            description(map.map().def()).forEach((name, value) -> {
                Object found = json.get(name);
                if (found == null || !found.toString().equals(value.toString())) {
                    throw new CommandFailure(file + ": map " + map.name() + " cannot use the pinned map: expected "
                            + name + "=" + value + ", found " + name + "=" + found);
                }
            });
            Object entries = json.get("entries");
            if (!(entries instanceof List<?>)) {
                throw new IOException("expected entries");
            }
            MapFile.of(file, object.spec(), map.name(), entries, runtime.cpus()).fill(runtime, object);
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be read: " + ObjectOptions.reason(e));
        }
    }

    private static Map<String, Object> description(MapDef def) {
        Map<String, Object> description = new LinkedHashMap<>();
        description.put("type", def.type().bpftoolName());
        description.put("key_size", def.keySize());
        description.put("value_size", def.valueSize());
        description.put("max_entries", Integer.toUnsignedLong(def.maxEntries()));
        description.put("map_flags", def.flags());
        description.put("map_extra", def.extra());
        return description;
    }

    /**
     * Writes all of them; a file is there whole or as it was.
     *
     * @return what could not be written
     */
    List<String> save() {
        List<String> failures = new ArrayList<>();
        maps.forEach((file, map) -> {
            try {
                Path parent = file.toAbsolutePath().getParent();
                Files.createDirectories(parent == null ? folder : parent);
                Path fresh = file.resolveSibling(file.getFileName() + ".new");
                try (JsonGenerator json = new JsonFactory().createGenerator(Files.newOutputStream(fresh))) {
                    json.writeStartObject();
                    for (Map.Entry<String, Object> one :
                            description(map.map().def()).entrySet()) {
                        json.writeFieldName(one.getKey());
                        if (one.getValue() instanceof String text) {
                            json.writeString(text);
                        } else {
                            json.writeNumber(((Number) one.getValue()).longValue());
                        }
                    }
                    json.writeFieldName("entries");
                    MapDump.write(map, json);
                    json.writeEndObject();
                }
                Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                failures.add(file + ": cannot be written: " + ObjectOptions.reason(e));
            }
        });
        return failures;
    }
}
