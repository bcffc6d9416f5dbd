package dev.sluice.conformance.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.sluice.LoadException;
import dev.sluice.btf.Btf;
import dev.sluice.conformance.Json;
import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every program on every capture gives what the kernel gave: verdicts, packets, maps, trace; on every engine. */
class GoldenTest {
    private static final Path KERNEL_TYPES = Path.of("/sys/kernel/btf/vmlinux");

    /** What sluice does not have yet, and what it says then; such an object must not give wrong results silently. */
    private static final Map<String, String> NOT_YET = Map.of(
            "features/callback", "unknown func: number=181",
            "features/map_types", "maps of this type are not supported by sluice yet, type=array_of_maps");

    @TestFactory
    Stream<DynamicNode> asTheKernel() {
        return TestEngines.all().stream()
                .map(engine -> dynamicContainer(
                        engine.name(),
                        Golden.subjects().stream()
                                .map(subject -> dynamicTest(subject.object(), () -> compare(engine, subject)))));
    }

    @Test
    void everyResultIsUsed() {
        TreeSet<String> used = new TreeSet<>();
        Golden.subjects().forEach(subject -> used.add(subject.golden()));
        assertThat(used).containsExactlyElementsOf(Golden.names());
        // what has no results of its own: other tests load these
        List<String> without = Pcaps.objects().stream()
                .map(Pcaps::nameOf)
                .filter(name -> Golden.subjects().stream()
                        .noneMatch(subject -> subject.object().equals(name)))
                .toList();
        assertThat(without)
                .containsExactly(
                        "features/linked_main",
                        "features/newer_libbpf",
                        "features/sections",
                        "features/static_in_section",
                        "legacy/iproute2");
    }

    private static void compare(Engine engine, Golden.Subject subject) {
        Btf target = null;
        if (subject.object().equals("features/core")) {
            assumeTrue(Files.isReadable(KERNEL_TYPES), "needs the types of a running kernel, " + KERNEL_TYPES);
            target = Btf.parse(Pcaps.bytes(KERNEL_TYPES));
        }
        String missing = NOT_YET.get(subject.object());
        if (missing == null) {
            assertThat(differences(engine, subject, target))
                    .as("%s on %s", subject, engine.name())
                    .isEmpty();
        } else {
            assertThat(differencesOrRefusal(engine, subject))
                    .as("%s works now: take it off the list", missing)
                    .anyMatch(difference -> difference.contains(missing));
        }
    }

    private static List<String> differencesOrRefusal(Engine engine, Golden.Subject subject) {
        try {
            return differences(engine, subject, null);
        } catch (LoadException e) {
            return List.of(String.valueOf(e.getMessage()));
        }
    }

    private static List<String> differences(Engine engine, Golden.Subject subject, @Nullable Btf target) {
        ObjectSpec spec = Pcaps.read(Pcaps.object(subject.object()));
        List<String> differences = new ArrayList<>();
        int compared = 0;
        for (String name : subject.programs().names()) {
            ProgramSpec program = program(spec, subject, name);
            Json results = subject.programs().get(name);
            for (String capture : results.names()) {
                if (results.get(capture).isNull()) {
                    continue;
                }
                EngineRun.Outcome outcome = EngineRun.run(engine, spec, program, target, Packets.runnable(capture));
                for (String difference : differences(subject, results.get(capture), outcome, capture)) {
                    differences.add(name + " on " + capture + ": " + difference);
                }
                compared++;
            }
        }
        assertThat(compared).as("captures with results").isGreaterThanOrEqualTo(20);
        return differences;
    }

    private static ProgramSpec program(ObjectSpec spec, Golden.Subject subject, String name) {
        return spec.program(name).orElseGet(() -> {
            assertThat(subject.object()).startsWith("legacy/old_maps");
            assertThat(spec.programs()).hasSize(1);
            return spec.programs().getFirst();
        });
    }

    private static List<String> differences(
            Golden.Subject subject, Json expected, EngineRun.Outcome found, String capture) {
        List<String> differences = new ArrayList<>();
        differ(differences, "packets", expected.get("packets").number(), (long) found.packets());
        differ(
                differences,
                "skipped",
                expected.get("skipped").number(),
                (long) Packets.of(capture).size() - found.packets());
        Map<String, List<Long>> verdicts = new TreeMap<>();
        for (String action : expected.get("verdicts").names()) {
            Json count = expected.get("verdicts").get(action);
            verdicts.put(action, List.of(count.at(0).number(), count.at(1).number()));
        }
        differ(differences, "verdicts", verdicts, found.verdicts());
        differ(differences, "output", expected.get("output_sha256").text(), found.outputSha256());
        if (expected.has("maps")) {
            if (subject.comparesMaps()) {
                compareMaps(differences, expected.get("maps"), found.maps());
            }
            compareTrace(differences, expected, found);
        }
        if (!found.faults().isEmpty()) {
            differences.add("faults: " + found.faults().size() + ", first "
                    + found.faults().getFirst());
        }
        return differences;
    }

    private static void compareMaps(List<String> differences, Json expected, Map<String, EngineRun.MapState> found) {
        // the objects with an old "maps" section have one more, which nobody uses
        TreeSet<String> names = new TreeSet<>(found.keySet());
        if (!expected.has("unused")) {
            names.remove("unused");
        }
        differ(differences, "names of maps", new TreeSet<>(expected.names()), names);
        for (String name : expected.names()) {
            Json map = expected.get(name);
            EngineRun.MapState state = found.get(name);
            if (state == null) {
                continue;
            }
            differ(differences, "map " + name + " entries", map.get("entries").number(), state.entries());
            if (map.has("values")) {
                Map<String, String> values = new TreeMap<>();
                Json shown = map.get("values");
                shown.names().forEach(key -> values.put(key, shown.get(key).text()));
                differ(differences, "map " + name, values, new TreeMap<>(state.values()));
            }
            if (!map.get("sha256").text().equals(state.sha256())) {
                differences.add("map " + name + " differs, found " + state.values());
            }
        }
    }

    private static void compareTrace(List<String> differences, Json expected, EngineRun.Outcome found) {
        if (!expected.has("trace")) {
            differ(differences, "trace", List.of(), found.trace());
            return;
        }
        Json trace = expected.get("trace");
        differ(differences, "trace lines", trace.get("lines").number(), (long)
                found.trace().size());
        differ(
                differences,
                "first trace lines",
                trace.get("first").items().stream().map(Json::text).toList(),
                found.trace().stream().limit(4).toList());
        differ(differences, "trace", trace.get("sha256").text(), found.traceSha256());
    }

    private static void differ(List<String> differences, String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            differences.add(what + ": expected " + expected + ", found " + found);
        }
    }
}
