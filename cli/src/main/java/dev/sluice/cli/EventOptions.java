package dev.sluice.cli;

import dev.sluice.EventReader;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Which ring buffers and perf event arrays are read, and where their events go. */
final class EventOptions {
    private static final Pattern FORM = Pattern.compile("([^:=]+)(?::(?:struct +|union +)?([^:=]+))?(?:=(.+))?");

    @Option(
            names = "--events",
            paramLabel = "MAP[:TYPE][=FILE]",
            description = "Read a ring buffer or a perf event array, and write its events as JSON, one a line, to FILE "
                    + "or standard output (the report then goes to standard error): bytes, and members of the type TYPE of "
                    + "the object. Events of maps that nobody reads are lost. May be repeated.")
    private List<String> maps = List.of();

    /** Whether any map is read. */
    boolean wanted() {
        return !maps.isEmpty();
    }

    /** Whether events go to standard output, which then is no place for a report. */
    boolean writesToStandardOutput() {
        return maps.stream().anyMatch(map -> {
            Matcher matcher = matched(map);
            return matcher.group(3) == null || matcher.group(3).equals("-");
        });
    }

    /** Refuses what has another form. */
    void check() {
        Set<String> names = new HashSet<>();
        for (String map : maps) {
            String name = matched(map).group(1);
            if (!names.add(name)) {
                throw RunOptions.usage("--events: " + name + " is there twice");
            }
        }
    }

    private static Matcher matched(String map) {
        Matcher matcher = FORM.matcher(map);
        if (!matcher.matches()) {
            throw RunOptions.usage("--events: expected MAP[:TYPE][=FILE], found " + map);
        }
        return matcher;
    }

    /**
     * Starts reading.
     *
     * @param atOnce whether each event is read before its program goes on; else by a thread beside the programs
     */
    List<EventLog> open(XdpRuntime runtime, Collection<LoadedObject> objects, boolean atOnce) {
        List<EventLog> logs = new ArrayList<>();
        boolean opened = false;
        try {
            for (String map : maps) {
                Matcher matcher = matched(map);
                logs.add(open(runtime, objects, matcher, atOnce));
            }
            opened = true;
            return logs;
        } finally {
            if (!opened) {
                logs.forEach(EventLog::close);
            }
        }
    }

    private static String noSuchMap(Collection<LoadedObject> objects) {
        List<String> known = objects.stream()
                .flatMap(object -> object.maps().stream())
                .filter(map -> EventReader.reads(map.map()))
                .map(LoadedMap::name)
                .toList();
        return known.isEmpty()
                ? "no such map: the object has no ring buffer and no perf event array"
                : "no such map, expected one of " + String.join(", ", known);
    }

    private static EventLog open(XdpRuntime runtime, Collection<LoadedObject> objects, Matcher option, boolean atOnce) {
        String name = option.group(1);
        LoadedMap map = objects.stream()
                .flatMap(object -> object.map(name).stream())
                .findFirst()
                .orElseThrow(() -> new CommandFailure("--events: " + noSuchMap(objects) + ", name=" + name));
        if (!EventReader.reads(map.map())) {
            throw new CommandFailure("--events: map " + name + ": expected a ring buffer or perf event array, found "
                    + map.map().def().type().bpftoolName());
        }
        int type = option.group(2) == null ? map.spec().valueBtfType() : typeNamed(map, option.group(2));
        return EventLog.open(runtime, map, type, option.group(3) == null ? "-" : option.group(3), atOnce);
    }

    private static int typeNamed(LoadedMap map, String name) {
        Btf btf = map.btf();
        int id = btf == null ? 0 : btf.findNamed(name.strip());
        if (id != 0) {
            return id;
        }
        throw new CommandFailure("--events: map " + map.name() + ": the object has no such type, name=" + name.strip());
    }
}
