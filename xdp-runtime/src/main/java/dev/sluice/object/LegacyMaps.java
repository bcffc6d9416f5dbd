package dev.sluice.object;

import dev.sluice.object.ElfFile.Relocation;
import dev.sluice.object.ElfFile.Section;
import dev.sluice.object.ElfFile.Symbol;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Maps of a {@code maps} section, as loaders wanted them before BTF: an array of numbers, one entry a symbol. What
 * follows the first five numbers depends on the loader:
 *
 * <pre>
 *  bytes  0     4         8           12           16     20               24         28       32
 *   20    type  key_size  value_size  max_entries  flags                                                 libbpf
 *   28    type  key_size  value_size  max_entries  flags  id, inner index  pinning, NUMA node            Aya, kernel samples
 *   36    type  key_size  value_size  max_entries  flags  id               pinning    inner id inner idx iproute2
 *   40    type  key_size  value_size  max_entries  flags  -                inner map pointer   path ptr  goebpf
 *  280    type  key_size  value_size  max_entries  flags  pinning          namespace: char[256]          gobpf
 * </pre>
 *
 * <p>Other sizes are taken if what is not known of them is zero, as libbpf did.
 */
final class LegacyMaps {
    private static final int LEAST_BYTES = 16;
    private static final int BASIC_BYTES = 20;
    private static final int ID_BYTES = 28;
    private static final int IPROUTE2_BYTES = 36;
    private static final int GOEBPF_BYTES = 40;
    private static final int GOBPF_BYTES = 280;

    private final List<Link> links = new ArrayList<>();

    static boolean isSection(String name) {
        return name.equals("maps") || name.startsWith("maps/");
    }

    /** The maps by their offsets in the section. */
    Map<Integer, MapSpec> read(ElfFile elf, Section section, List<Relocation> relocations) {
        NavigableMap<Integer, Symbol> symbols = new TreeMap<>();
        for (Symbol symbol : elf.symbols()) {
            if (symbol.section() == section.index()
                    && !symbol.isSection()
                    && !symbol.name().isEmpty()) {
                if (symbol.value() < 0 || symbol.value() >= section.size()) {
                    throw new ObjectException("section " + section.name() + ": map lies outside of it: name="
                            + symbol.name() + " offset=" + Long.toUnsignedString(symbol.value()));
                }
                symbols.putIfAbsent((int) symbol.value(), symbol);
            }
        }
        Map<Integer, MapSpec> maps = new LinkedHashMap<>();
        if (symbols.isEmpty()) {
            return maps;
        }
        int entryBytes = section.size() / symbols.size();
        if (entryBytes * symbols.size() != section.size() || entryBytes < LEAST_BYTES) {
            throw new ObjectException("section " + section.name() + ": expected entries of one size, found size="
                    + section.size() + " maps=" + symbols.size());
        }
        byte[] contents = elf.contents(section);
        Map<Integer, Relocation> pointers = new HashMap<>();
        for (Relocation relocation : relocations) {
            if (relocation.offset() >= 0 && relocation.offset() < section.size()) {
                pointers.put((int) relocation.offset(), relocation);
            }
        }
        symbols.forEach((offset, symbol) -> {
            if (offset % entryBytes != 0) {
                throw new ObjectException("section " + section.name() + ": map is not at the start of an entry: name="
                        + symbol.name() + " offset=" + offset + " entry=" + entryBytes);
            }
            maps.put(offset, map(elf, symbol.name(), section, contents, offset, entryBytes, pointers));
        });
        return maps;
    }

    private MapSpec map(
            ElfFile elf,
            String name,
            Section section,
            byte[] contents,
            int at,
            int entryBytes,
            Map<Integer, Relocation> pointers) {
        int type = Blob.i32(contents, at);
        int flags = entryBytes >= BASIC_BYTES ? Blob.i32(contents, at + 16) : 0;
        int numaNode = 0;
        MapSpec.Pinning pinning = MapSpec.Pinning.NONE;
        String path = "";
        int known = BASIC_BYTES;
        if (entryBytes == ID_BYTES) {
            known = ID_BYTES;
            if ((flags & MapSpec.FLAG_NUMA_NODE) != 0) {
                numaNode = Blob.i32(contents, at + 24);
            } else if (Blob.i32(contents, at + 24) == 1) {
                pinning = MapSpec.Pinning.BY_NAME;
            }
        } else if (entryBytes == GOEBPF_BYTES && (pointers.containsKey(at + 24) || pointers.containsKey(at + 32))) {
            known = GOEBPF_BYTES;
            path = pointedText(elf, contents, pointers.get(at + 32), at + 32);
            pinning = path.isEmpty() ? MapSpec.Pinning.NONE : MapSpec.Pinning.BY_NAME;
        } else if (entryBytes == GOBPF_BYTES) {
            known = GOBPF_BYTES;
            pinning = Blob.i32(contents, at + 20) == 0 ? MapSpec.Pinning.NONE : MapSpec.Pinning.BY_NAME;
        } else if (entryBytes >= IPROUTE2_BYTES) {
            known = IPROUTE2_BYTES;
            pinning = switch (Blob.i32(contents, at + 24)) {
                case 0 -> MapSpec.Pinning.NONE;
                case 1 -> MapSpec.Pinning.OBJECT;
                default -> MapSpec.Pinning.BY_NAME;
            };
        }
        for (int i = Math.min(known, entryBytes); i < entryBytes; i++) {
            if (contents[at + i] != 0) {
                throw new ObjectException("map " + name + ": entry of an unknown form: expected zeros from byte "
                        + known + " on, found a value at byte " + i + " of " + entryBytes);
            }
        }
        noteLink(name, contents, at, entryBytes, pointers);
        return new MapSpec(
                name,
                section.name(),
                MapSpec.Kind.USER,
                type,
                size("key", name, Blob.i32(contents, at + 4)),
                size("value", name, Blob.i32(contents, at + 8)),
                Blob.i32(contents, at + 12),
                flags,
                numaNode,
                0,
                pinning,
                path,
                0,
                0,
                null,
                List.of(),
                null,
                false,
                List.of());
    }

    private static int size(String what, String name, int bytes) {
        if (bytes < 0) {
            throw new ObjectException(
                    "map " + name + ": " + what + " of 2 GB or more: found size=" + Integer.toUnsignedString(bytes));
        }
        return bytes;
    }

    private static String pointedText(ElfFile elf, byte[] contents, @Nullable Relocation pointer, int at) {
        if (pointer == null
                || pointer.symbol().section() <= 0
                || pointer.symbol().section() >= elf.sections().size()) {
            return "";
        }
        Section section = elf.sections().get(pointer.symbol().section());
        long offset = pointer.symbol().value() + (pointer.addend() == null ? Blob.i64(contents, at) : pointer.addend());
        if (section.type() != ElfFile.SHT_PROGBITS || offset < 0 || offset >= section.size()) {
            return "";
        }
        byte[] text = elf.contents(section);
        int end = (int) offset;
        while (end < text.length && text[end] != 0) {
            end++;
        }
        return new String(text, (int) offset, end - (int) offset, StandardCharsets.UTF_8);
    }

    /**
     * What an entry says about other maps.
     *
     * @param id by which others, and sections of programs, mean this map; 0 for none
     * @param innerId of the maps that are values of this one
     * @param innerIndex slot that this map takes in the map whose {@code innerId} is its id
     * @param innerPosition in the section, of the map that values of this one look like; -1 for none
     * @param innerName of that map; empty for none
     */
    private record Link(String map, int id, int innerId, int innerIndex, int innerPosition, String innerName) {}

    private void noteLink(String name, byte[] contents, int at, int entryBytes, Map<Integer, Relocation> pointers) {
        Relocation inner = pointers.get(at + 24);
        if (entryBytes == ID_BYTES) {
            links.add(new Link(name, 0, 0, -1, Blob.i32(contents, at + 20), ""));
        } else if (entryBytes == GOEBPF_BYTES && inner != null) {
            links.add(new Link(name, 0, 0, -1, -1, inner.symbol().name()));
        } else if (entryBytes >= IPROUTE2_BYTES && entryBytes != GOBPF_BYTES) {
            links.add(new Link(
                    name,
                    Blob.i32(contents, at + 20),
                    Blob.i32(contents, at + 28),
                    Blob.i32(contents, at + 32),
                    -1,
                    ""));
        }
    }

    /** Fills in inner maps and first entries, when all maps and programs are known. */
    void connect(List<MapSpec> maps, List<ProgramSpec> programs) {
        for (Link link : links) {
            int index = indexOf(maps, link.map);
            MapSpec map = maps.get(index);
            if (map.isMapInMap()) {
                maps.set(index, withInner(map, link, maps));
            } else if (map.type() == MapSpec.TYPE_PROG_ARRAY && link.id != 0) {
                maps.set(index, map.withEntries(programEntries(link.id, programs), null));
            }
        }
    }

    private static int indexOf(List<MapSpec> maps, String name) {
        for (int i = 0; i < maps.size(); i++) {
            if (maps.get(i).name().equals(name)) {
                return i;
            }
        }
        return -1;
    }

    private MapSpec withInner(MapSpec map, Link link, List<MapSpec> maps) {
        MapSpec inner = null;
        List<MapSpec.Entry> entries = new ArrayList<>();
        if (!link.innerName.isEmpty() && indexOf(maps, link.innerName) >= 0) {
            inner = maps.get(indexOf(maps, link.innerName));
        } else if (link.innerPosition >= 0 && link.innerPosition < maps.size()) {
            inner = maps.get(link.innerPosition);
        } else if (link.innerId != 0) {
            for (Link other : links) {
                if (other.id == link.innerId && !other.map.equals(link.map)) {
                    MapSpec candidate = maps.get(indexOf(maps, other.map));
                    inner = inner == null ? candidate : inner;
                    if (other.innerIndex >= 0) {
                        entries.add(new MapSpec.Entry(other.innerIndex, other.map, false));
                    }
                }
            }
        }
        if (inner == null || inner.isMapInMap()) {
            return map;
        }
        entries.sort(Comparator.comparingInt(MapSpec.Entry::key));
        return map.withEntries(List.copyOf(entries), inner);
    }

    /** iproute2's tail calls: a section named {@code 2/7} holds the program for slot 7 of the map whose id is 2. */
    private static List<MapSpec.Entry> programEntries(int id, List<ProgramSpec> programs) {
        List<MapSpec.Entry> entries = new ArrayList<>();
        for (ProgramSpec program : programs) {
            int slash = program.section().indexOf('/');
            if (slash <= 0) {
                continue;
            }
            try {
                if (Integer.decode(program.section().substring(0, slash)) == id) {
                    entries.add(new MapSpec.Entry(
                            Integer.decode(program.section().substring(slash + 1)), program.name(), true));
                }
            } catch (NumberFormatException e) {
                // a section with a slash in its name that means something else
                continue;
            }
        }
        entries.sort(Comparator.comparingInt(MapSpec.Entry::key));
        return List.copyOf(entries);
    }
}
