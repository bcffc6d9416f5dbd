package dev.sluice.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaConstructor;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.sluice.isa.Opcode;
import dev.sluice.program.Facts;
import dev.sluice.program.Verified;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Reads our own class files and holds the tables of {@code docs/ARCHITECTURE.md} true: which package of the runtime
 * uses which, and which module uses which. A package that does not exist yet breaks nothing, one that the table does
 * not know does.
 */
class PackageTableTest {
    private static final String ROOT = "dev.sluice";

    /** What a package of {@code xdp-runtime} may use of the others. The root package, the façade, may use them all. */
    private static final Map<String, Set<String>> RUNTIME = Map.ofEntries(
            Map.entry("isa", Set.of()),
            Map.entry("btf", Set.of()),
            Map.entry("object", Set.of("isa", "btf")),
            Map.entry("program", Set.of("isa", "btf")),
            Map.entry("memory", Set.of()),
            Map.entry("map", Set.of("memory", "btf")),
            Map.entry("helper", Set.of("map", "memory")),
            Map.entry("verifier", Set.of("isa", "btf", "object", "program", "map", "helper")),
            Map.entry("exec", Set.of("isa", "program", "memory", "map", "helper")),
            Map.entry("jit", Set.of("isa", "program", "memory", "map", "helper", "exec")));

    /** What the packages outside of {@code xdp-runtime} may use of each other; all may use the runtime. */
    private static final Map<String, Set<String>> OTHERS = Map.of(
            "kernel", Set.of(),
            "packet", Set.of(),
            "cli", Set.of("packet", "kernel"),
            "bench", Set.of("packet", "kernel", "cli"),
            "conformance", Set.of("packet", "kernel", "cli"));

    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages(ROOT);
    }

    @Test
    void packagesUseOnlyWhatTheTableAllows() {
        assertThat(violations(RUNTIME)).isEmpty();
    }

    @Test
    void theTableIsChecked() {
        Map<String, Set<String>> stricter = new TreeMap<>(RUNTIME);
        stricter.put("exec", Set.of());
        assertThat(violations(stricter)).isNotEmpty().allMatch(v -> v.startsWith("exec may not use "));
        Map<String, Set<String>> shorter = new TreeMap<>(RUNTIME);
        shorter.remove("isa");
        assertThat(violations(shorter)).anyMatch(v -> v.startsWith("package isa is not in the table"));
    }

    @Test
    void allOfUsIsRead() {
        assertThat(classes.stream().map(PackageTableTest::part)).contains("isa", "exec", "cli");
    }

    /** The runtime needs {@code java.base} only; jspecify's annotations are needed by the compiler alone. */
    @Test
    void runtimeRequiresJavaBaseOnly() throws URISyntaxException {
        URI place =
                Opcode.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        ModuleDescriptor module = ModuleFinder.of(Path.of(place))
                .find("dev.sluice.runtime")
                .orElseThrow()
                .descriptor();
        assertThat(module.requires())
                .filteredOn(r -> !r.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
                .extracting(ModuleDescriptor.Requires::name)
                .containsExactly("java.base");
    }

    /** Code without checks can be made from a proof alone, a proof by the verifier alone. */
    @Test
    void onlyTheVerifierMakesProofs() {
        assertThat(makersOf(Facts.class)).containsOnly("program", "verifier"); // program: without dead code
        assertThat(makersOf(Verified.class)).containsOnly("program");
    }

    /** The packages whose classes call a constructor of a type. */
    private static Set<String> makersOf(Class<?> type) {
        Set<String> makers = new TreeSet<>();
        for (JavaConstructor constructor : classes.get(type).getConstructors()) {
            constructor.getAccessesToSelf().forEach(access -> makers.add(part(access.getOriginOwner())));
        }
        return makers;
    }

    /** One line for each forbidden pair of classes, sorted. */
    private static Set<String> violations(Map<String, Set<String>> runtime) {
        Set<String> violations = new TreeSet<>();
        for (JavaClass user : classes) {
            String from = part(user);
            if (!from.isEmpty() && !runtime.containsKey(from) && !OTHERS.containsKey(from)) {
                violations.add("package " + from + " is not in the table");
                continue;
            }
            for (String used : uses(user).toList()) {
                String to = part(used);
                if (!allowed(runtime, from, to)) {
                    violations.add(from + " may not use " + (to.isEmpty() ? "the root package" : to) + ": "
                            + user.getName() + " uses " + used);
                }
            }
        }
        return violations;
    }

    private static boolean allowed(Map<String, Set<String>> runtime, String from, String to) {
        if (from.equals(to)) return true;
        boolean toRuntime = to.isEmpty() || !OTHERS.containsKey(to);
        if (from.isEmpty()) return toRuntime;
        if (runtime.containsKey(from)) return runtime.get(from).contains(to);
        return toRuntime || OTHERS.get(from).contains(to);
    }

    private static Stream<String> uses(JavaClass user) {
        return user.getDirectDependenciesFromSelf().stream()
                .map(d -> d.getTargetClass().getBaseComponentType().getName())
                .filter(name -> name.startsWith(ROOT + "."))
                .distinct();
    }

    private static String part(JavaClass c) {
        return part(c.getName());
    }

    /** {@code dev.sluice.packet.nic.Device} is of {@code packet}, {@code dev.sluice.Sluice} of the empty name. */
    private static String part(String className) {
        List<String> names = List.of(className.split("\\.", -1));
        return names.size() < 4 ? "" : names.get(2);
    }
}
