package dev.sluice.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.object.LinkedProgram;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.Reference;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Our loader against libbpf, on every object of the project: same programs, same maps, same results. */
class KernelLoaderTest {
    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    static List<Path> objects() {
        return Pcaps.objects();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("objects")
    void loadsWhatLibbpfLoadsWithTheSameTagsAndMaps(Path file) {
        String missing = Libbpf.missing();
        assumeTrue(missing == null, missing);
        ObjectSpec spec = ObjectSpec.read(file.getFileName().toString(), Pcaps.read(file));
        Optional<Libbpf> loaded = Libbpf.load(file);
        assumeTrue(loaded.isPresent(), "libbpf does not load " + file.getFileName());
        try (Libbpf libbpf = loaded.get();
                KernelObject ours = KernelLoader.load(kernel, spec.withKconfig(KernelLoader.kconfig(kernel)))) {
            assertThat(libbpf.ids()).isNotEmpty();
            libbpf.ids().forEach((pin, id) -> {
                ProgramSpec program = byPin(spec, pin);
                KernelProgram mine = ours.program(program.name());
                try (KernelProgram theirs = kernel.programById(id)) {
                    ProgramInfo a = mine.info();
                    ProgramInfo b = theirs.info();
                    assertThat(a.tag()).as("tag of %s", pin).isEqualTo(b.tag());
                    assertThat(a.name()).isEqualTo(b.name());
                    assertThat(a.lineInfoCount()).as("lines of %s", pin).isEqualTo(b.lineInfoCount());
                    assertThat(a.funcInfoCount()).as("functions of %s", pin).isEqualTo(b.funcInfoCount());
                    assertThat(a.xlatedBytes()).isEqualTo(b.xlatedBytes());
                    assertThat(describeMaps(mine)).as("maps of %s", pin).isEqualTo(describeMaps(theirs));
                }
            });
        }
    }

    private List<String> describeMaps(KernelProgram program) {
        List<String> maps = new ArrayList<>();
        for (int id : program.mapIds()) {
            try (KernelMap map = kernel.mapById(id)) {
                MapInfo info = map.info();
                maps.add(info.name() + " type=" + info.type() + " key=" + info.keySize() + " value=" + info.valueSize()
                        + " max=" + info.maxEntries() + " flags="
                        // versions of libbpf differ in which data may be mapped into memory
                        + (info.flags() & ~Uapi.BPF_F_MMAPABLE) + " extra=" + info.mapExtra()
                        + " key_type=" + info.btfKeyTypeId() + " value_type=" + info.btfValueTypeId());
            }
        }
        return maps;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("objects")
    void theTagIsThatOfTheLinkedInstructions(Path file) {
        ObjectSpec spec = ObjectSpec.read(file.getFileName().toString(), Pcaps.read(file));
        try (KernelObject object = KernelLoader.load(kernel, spec.withKconfig(KernelLoader.kconfig(kernel)))) {
            for (ProgramSpec program : spec.programs()) {
                if (object.result(program.name()) instanceof LoadResult.Loaded loaded
                        && !usesTheKernelsOwn(spec, program)) {
                    LinkedProgram linked = spec.link(program.asXdp());
                    assertThat(loaded.program().info().tag()).isEqualTo(linked.tag());
                }
            }
        }
    }

    /** Half of an object that is only whole once it has been linked with its other half. */
    private static final String NOT_LINKED = "linked_main.bpf.o";

    /** What refusals of programs say that cannot be loaded by themselves. */
    private static final List<String> NEEDS_MORE = List.of(
            "metadata kfuncs require device-bound program",
            "replaces a function of another program, which is not loaded");

    @ParameterizedTest(name = "{0}")
    @MethodSource("objects")
    void theVerifierAcceptsEveryProgram(Path file) {
        ObjectSpec spec = ObjectSpec.read(file.getFileName().toString(), Pcaps.read(file));
        try (KernelObject object = KernelLoader.load(kernel, spec)) {
            assertThat(object.results())
                    .containsOnlyKeys(
                            spec.programs().stream().map(ProgramSpec::name).toList());
            if (file.endsWith(NOT_LINKED)) {
                assertThat(object.result("linked")).isInstanceOfSatisfying(LoadResult.Rejected.class, rejected -> {
                    assertThat(rejected.errnoName()).isEqualTo("ESRCH");
                    assertThat(rejected.log()).contains("name=classify");
                });
                return;
            }
            object.results().forEach((name, result) -> {
                if (NEEDS_MORE.stream().noneMatch(result.log()::contains)) {
                    assertThat(result).as("%s: %s", name, result.log()).isInstanceOf(LoadResult.Loaded.class);
                }
            });
            assertThat(object.remarks()).allMatch(remark -> remark.contains("made without BTF types"));
        }
    }

    /** Programs whose instructions depend on this kernel: CO-RE, kernel functions and variables. */
    private static boolean usesTheKernelsOwn(ObjectSpec spec, ProgramSpec program) {
        return spec.functions().stream().anyMatch(f -> !f.relocations().isEmpty())
                || spec.link(program.asXdp()).references().stream()
                        .anyMatch(r -> r instanceof Reference.Kfunc || r instanceof Reference.Ksym);
    }

    /** Their results differ from run to run. */
    private static final Set<String> NOT_REPRODUCIBLE = Set.of("clock.bpf.o");

    @ParameterizedTest(name = "{0}")
    @MethodSource("objects")
    void runsAsTheProgramsOfLibbpfDo(Path file) {
        String missing = Libbpf.missing();
        assumeTrue(missing == null, missing);
        assumeTrue(!NOT_REPRODUCIBLE.contains(file.getFileName().toString()), file.getFileName() + " reads the time");
        ObjectSpec spec = ObjectSpec.read(file.getFileName().toString(), Pcaps.read(file));
        Optional<Libbpf> loaded = Libbpf.load(file);
        assumeTrue(loaded.isPresent(), "libbpf does not load " + file.getFileName());
        List<byte[]> packets = new ArrayList<>(Pcaps.packets("generated/odd.pcap", 300));
        packets.addAll(Pcaps.packets("generated/imix.pcap", 200));
        Set<String> pins;
        try (Libbpf libbpf = loaded.get()) {
            pins = libbpf.ids().keySet();
        }
        for (String pin : pins) {
            // Programs of one object share its maps: each is run on an object of its own, so that all maps are new.
            try (Libbpf libbpf = Libbpf.load(file).orElseThrow();
                    KernelProgram theirs = kernel.programById(libbpf.ids().get(pin));
                    KernelObject object = KernelLoader.load(kernel, spec.withKconfig(KernelLoader.kconfig(kernel)));
                    CpuPin cpu = CpuPin.toFirstAllowed()) {
                assertThat(cpu.cpu()).isNotNegative();
                KernelProgram ours = object.program(byPin(spec, pin).name());
                try (TestRun a = ours.testRun();
                        TestRun b = theirs.testRun()) {
                    for (byte[] packet : packets) {
                        compare(packet, a, b);
                    }
                }
                assertThat(contents(ours)).as("maps of %s", pin).isEqualTo(contents(theirs));
            }
        }
    }

    private static ProgramSpec byPin(ObjectSpec spec, String pin) {
        return spec.programs().stream()
                .filter(p -> p.name().replace('.', '_').equals(pin))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no such program here: " + pin));
    }

    private static void compare(byte[] packet, TestRun a, TestRun b) {
        MemorySegment.copy(packet, 0, a.input(), ValueLayout.JAVA_BYTE, 0, packet.length);
        MemorySegment.copy(packet, 0, b.input(), ValueLayout.JAVA_BYTE, 0, packet.length);
        int first = a.tryRun(packet.length);
        int second = b.tryRun(packet.length);
        assertThat(first).isEqualTo(second);
        if (first == 0) {
            assertThat(a.retval()).isEqualTo(b.retval());
            assertThat(a.outputBytes()).isEqualTo(b.outputBytes());
            assertThat(a.outputMetadataBytes()).isEqualTo(b.outputMetadataBytes());
        }
    }

    private List<String> contents(KernelProgram program) {
        List<String> contents = new ArrayList<>();
        for (int id : program.mapIds()) {
            try (KernelMap map = kernel.mapById(id)) {
                if (isReadable(map)) {
                    map.entries().stream()
                            .sorted(Comparator.comparing(e -> HexFormat.of().formatHex(e.key())))
                            .forEach(entry -> contents.add(map.name() + " " + entry));
                }
            }
        }
        return contents;
    }

    /** Ids differ, and some types cannot be read. */
    private static boolean isReadable(KernelMap map) {
        return switch (map.type()) {
            case Uapi.MAP_TYPE_HASH,
                    Uapi.MAP_TYPE_ARRAY,
                    Uapi.MAP_TYPE_PERCPU_HASH,
                    Uapi.MAP_TYPE_PERCPU_ARRAY,
                    Uapi.MAP_TYPE_LRU_HASH,
                    Uapi.MAP_TYPE_LRU_PERCPU_HASH,
                    Uapi.MAP_TYPE_LPM_TRIE -> true;
            default -> false;
        };
    }

    @Test
    void versionsAreNumbersAsProgramsCompareThem() {
        assertThat(KernelLoader.version("6.18.44-fc-v595")).isEqualTo(6 << 16 | 18 << 8 | 44);
        assertThat(KernelLoader.version("5.4")).isEqualTo(5 << 16 | 4 << 8);
        assertThat(KernelLoader.version("4.19.310+")).isEqualTo(4 << 16 | 19 << 8 | 255);
    }
}
