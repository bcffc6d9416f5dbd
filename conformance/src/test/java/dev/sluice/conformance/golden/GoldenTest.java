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
    private static final Map<String, String> NOT_YET = Map.of();

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
                .filter(name -> !name.startsWith("apps/")) // AppsTest
                .filter(name -> Golden.subjects().stream()
                        .noneMatch(subject -> subject.object().equals(name)))
                .toList();
        assertThat(without)
                .containsExactly(
                        "features/chain",
                        "features/conntrack",
                        "features/core_kinds",
                        "features/entries",
                        "features/inline_fw",
                        "features/linked_main",
                        "features/metadata",
                        "features/network",
                        "features/newer_libbpf",
                        "features/options",
                        "features/pinned",
                        "features/pinned_other",
                        "features/replacement",
                        "features/sections",
                        "features/sizes",
                        "features/static_in_section",
                        "legacy/aya_like",
                        "legacy/iproute2");
    }

    static void compare(Engine engine, Golden.Subject subject) {
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
                assertThat(Packets.of(capture).size()
                                - Packets.runnable(capture).size())
                        .as("packets of %s that the kernel did not run", capture)
                        .isEqualTo((int) results.get(capture).get("skipped").number());
                Outcome outcome = EngineRun.run(engine, spec, program, target, Packets.runnable(capture));
                for (String difference : outcome.differences(results.get(capture), subject.comparesMaps())) {
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
}
