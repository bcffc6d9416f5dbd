package dev.sluice.conformance.golden;

import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The kernel's results, and which objects must give them; {@code pcaps/README.md} describes the files. */
final class Golden {
    private static final Map<String, Json> READ = read();

    private Golden() {}

    /**
     * One compilation of a program whose results are known.
     *
     * @param object path below {@code programs} without {@code .bpf.o}
     * @param golden name of the file of results without {@code .json}
     */
    record Subject(String object, String golden) {
        Json programs() {
            return of(golden).get("programs");
        }

        /** Whether the object has the maps of the results too: gcc puts constants into other sections than clang. */
        boolean comparesMaps() {
            return !object.contains(".gcc-");
        }

        @Override
        public String toString() {
            return object;
        }
    }

    private static Map<String, Json> read() {
        Map<String, Json> results = new TreeMap<>();
        for (Path file : Pcaps.files(Pcaps.FOLDER.resolve("golden"), ".json")) {
            String name = file.getFileName().toString();
            results.put(name.substring(0, name.length() - ".json".length()), Json.read(file));
        }
        return results;
    }

    /** The results of a name. */
    static Json of(String name) {
        Json json = READ.get(name);
        if (json == null) {
            throw new AssertionError("no golden results, name=" + name);
        }
        return json;
    }

    /** Names of all files of results. */
    static List<String> names() {
        return List.copyOf(READ.keySet());
    }

    /** Every object that there are results for: the base object, other instruction sets, other compilers. */
    static List<Subject> subjects() {
        List<Subject> subjects = new ArrayList<>();
        for (Path file : Pcaps.objects()) {
            String object = Pcaps.nameOf(file);
            String golden = object.substring(object.lastIndexOf('/') + 1)
                    .replaceFirst("-v[0-9]$", "")
                    .replaceFirst("\\.(clang|gcc)-[0-9]+$", "")
                    .replaceFirst("^old_maps-.*", "proto_counter");
            if (READ.containsKey(golden)) {
                subjects.add(new Subject(object, golden));
            }
        }
        return subjects;
    }
}
