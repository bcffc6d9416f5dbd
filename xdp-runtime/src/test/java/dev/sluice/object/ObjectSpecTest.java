package dev.sluice.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Compiled programs of the repository as specs. */
class ObjectSpecTest {
    static List<Path> objects() {
        return Objects.all();
    }

    @ParameterizedTest
    @MethodSource("objects")
    void theSameBytesGiveTheSameSpec(Path file) {
        ObjectSpec first = Objects.read(file);
        ObjectSpec second = Objects.read(file);
        assertThat(second).isEqualTo(first).hasSameHashCodeAs(first);
        assertThat(second.toString()).isEqualTo(first.toString());
        assertThat(first.warnings()).isEmpty();
        assertThat(first.programs()).isNotEmpty();
    }

    @Test
    void counterInBss() {
        ObjectSpec hello = Objects.read("hello");
        assertThat(hello.name()).isEqualTo("hello");
        assertThat(hello.license()).contains("GPL");
        assertThat(hello.isGplCompatible()).isTrue();
        assertThat(hello.programs()).singleElement().satisfies(p -> {
            assertThat(p.name()).isEqualTo("hello");
            assertThat(p.section()).isEqualTo("xdp");
            assertThat(p.isXdp()).isTrue();
        });
        assertThat(hello.maps()).extracting(MapSpec::name).containsExactly("hello.bss", "hello.rodata");
        MapSpec bss = hello.map("hello.bss").orElseThrow();
        assertThat(hello.map(".bss")).contains(bss);
        assertThat(bss.kind()).isEqualTo(MapSpec.Kind.BSS);
        assertThat(bss.type()).isEqualTo(MapSpec.TYPE_ARRAY);
        assertThat(bss.keySize()).isEqualTo(4);
        assertThat(bss.valueSize()).isEqualTo(4);
        assertThat(bss.maxEntries()).isEqualTo(1);
        assertThat(bss.flags()).isEqualTo(MapSpec.FLAG_MMAPABLE);
        assertThat(bss.contents()).isNull();
        assertThat(bss.variables()).singleElement().satisfies(v -> {
            assertThat(v.name()).isEqualTo("counter");
            assertThat(v.offset()).isZero();
            assertThat(v.size()).isEqualTo(4);
            assertThat(hello.btf()).isNotNull();
            assertThat(hello.btf().describe(v.btfType())).isEqualTo("int");
            assertThat(hello.btf().describe(bss.valueBtfType())).isEqualTo(".bss");
        });
        MapSpec rodata = hello.map("hello.rodata").orElseThrow();
        assertThat(rodata.frozen()).isTrue();
        assertThat(rodata.flags() & MapSpec.FLAG_RDONLY_PROG).isNotZero();
        assertThat(rodata.contents()).isNotNull();
        assertThat(new String(rodata.contents().bytes(), StandardCharsets.US_ASCII))
                .startsWith("Hello World %d");
    }

    @Test
    void linkedProgramKnowsItsLines() {
        ObjectSpec hello = Objects.read("hello");
        LinkedProgram linked = hello.link(hello.programs().getFirst());
        assertThat(linked.functions()).singleElement().satisfies(f -> {
            assertThat(f.name()).isEqualTo("hello");
            assertThat(f.start()).isZero();
            assertThat(f.slots()).isEqualTo(linked.slots());
        });
        assertThat(linked.lines()).isNotEmpty().allSatisfy(line -> {
            assertThat(line.fileName()).endsWith("hello.bpf.c");
            assertThat(line.line()).isPositive();
            assertThat(line.slot()).isBetween(0, linked.slots() - 1);
        });
        assertThat(linked.lines()).extracting(l -> l.text().strip()).anyMatch(t -> t.startsWith("bpf_printk("));
        assertThat(linked.functionInfo()).hasSize(1);
        assertThat(linked.lineInfoBytes()).hasSize(16 * linked.lines().size());
        assertThat(linked.functionInfoBytes()).hasSize(8);
        assertThat(linked.references())
                .isNotEmpty()
                .allSatisfy(r -> assertThat(r).isInstanceOf(Reference.ToValue.class));
        for (Reference reference : linked.references()) {
            int at = 8 * reference.slot();
            assertThat(linked.insns().u8(at)).isEqualTo(0x18);
            assertThat(linked.insns().u8(at + 1) >>> 4).isEqualTo(2);
            assertThat(linked.insns().i32(at + 4)).isZero();
            assertThat(linked.insns().i32(at + 12)).isEqualTo(((Reference.ToValue) reference).offset());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "xdp, XDP, DEVICE, false",
        "xdp.frags, XDP, DEVICE, true",
        "xdp/devmap, XDP, DEVMAP, false",
        "xdp.frags/devmap, XDP, DEVMAP, true",
        "xdp/cpumap, XDP, CPUMAP, false",
        "xdp.frags/cpumap, XDP, CPUMAP, true",
        "?xdp, XDP, DEVICE, false",
        "xdp/filter, XDP, DEVICE, false",
        "xdp_prog, XDP, DEVICE, false",
        "xdp_devmap/egress, XDP, DEVMAP, false",
        "xdp_cpumap/enqueue, XDP, CPUMAP, false",
        "prog, UNSPECIFIED, DEVICE, false",
        "2/7, UNSPECIFIED, DEVICE, false",
        "from-netdev, UNSPECIFIED, DEVICE, false",
        "freplace/handle, EXT, DEVICE, false",
    })
    void sectionNames(String name, ProgramType type, SectionName.Attach attach, boolean frags) {
        SectionName read = SectionName.parse(name);
        assertThat(read.type()).isEqualTo(type);
        assertThat(read.attach()).isEqualTo(attach);
        assertThat(read.frags()).isEqualTo(frags);
        assertThat(read.orXdp().type()).isEqualTo(type == ProgramType.EXT ? type : ProgramType.XDP);
    }

    @ParameterizedTest
    @CsvSource({
        "hello.bpf.o, hello",
        "/a/b.c/xdp_prog.o, xdp_prog",
        "a_rather_long_name.bpf.o, a_rather_long_n",
        "noextension, noextension",
        ".hidden, ''"
    })
    void objectNames(String file, String name) {
        assertThat(ObjectReader.objectName(file)).isEqualTo(name);
    }

    @ParameterizedTest
    @CsvSource({
        "my_object_name, .rodata, my_objec.rodata",
        "my_object_name, .bss, my_objec.bss",
        "my_object_name, .kconfig, my_obje.kconfig",
        "my_object_name, .data.custom, .data.custom",
        "my_object_name, .rodata.abracadabra, .rodata.abracad",
        "a-b, .data, a_b.data",
        "x, .data, x.data"
    })
    void namesOfInternalMaps(String object, String section, String name) {
        assertThat(ObjectReader.internalMapName(object, section)).isEqualTo(name);
    }

    @Test
    void tagIsTheKernels() {
        // r0 = 2; exit, measured on Linux 6.18
        byte[] insns = {(byte) 0xb7, 0, 0, 0, 2, 0, 0, 0, (byte) 0x95, 0, 0, 0, 0, 0, 0, 0};
        assertThat(ProgramTag.compute(insns)).isEqualTo("614b434cd8324ecc");
    }

    @Test
    void tagDoesNotDependOnMapNumbers() {
        byte[] insns = new byte[24];
        insns[0] = 0x18;
        insns[1] = 0x11;
        insns[16] = (byte) 0x95;
        String tag = ProgramTag.compute(insns);
        insns[4] = 77;
        assertThat(ProgramTag.compute(insns)).isEqualTo(tag);
        insns[12] = 5;
        assertThat(ProgramTag.compute(insns)).isEqualTo(tag);
        insns[1] = 0x01;
        assertThat(ProgramTag.compute(insns)).isNotEqualTo(tag);
    }

    @Test
    void variablesCanBeSetBeforeALoad() {
        ObjectSpec hello = Objects.read("hello");
        ObjectSpec changed = hello.withVariable("counter", new byte[] {42, 0, 0, 0});
        assertThat(changed.map("hello.bss").orElseThrow().contents()).isEqualTo(Blob.of(new byte[] {42, 0, 0, 0}));
        assertThat(hello.map("hello.bss").orElseThrow().contents()).isNull();
        assertThat(hello.withVariable("bss.counter", new byte[] {42, 0, 0, 0})).isEqualTo(changed);
        assertThatThrownBy(() -> hello.withVariable("counter", new byte[8]))
                .isInstanceOf(ObjectException.class)
                .hasMessage("variable counter: expected 4 bytes, found size=8");
        assertThatThrownBy(() -> hello.withVariable("nothing", new byte[4]))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("no such variable")
                .hasMessageContaining("bss.counter");
    }

    @Test
    void variablesByTheirTypes() {
        ObjectSpec object = Objects.read("globals");
        Variable variable = object.maps().stream()
                .flatMap(m -> m.variables().stream())
                .filter(v -> v.size() == 4)
                .findFirst()
                .orElseThrow();
        assertThat(object.withVariable(variable.name(), "0x01020304"))
                .isEqualTo(object.withVariable(variable.name(), new byte[] {4, 3, 2, 1}));
        assertThatThrownBy(() -> object.withVariable(variable.name(), "many"))
                .isInstanceOf(ObjectException.class)
                .hasMessageStartingWith("variable " + variable.name() + ": ");
        assertThatThrownBy(() -> object.withVariable(variable.name() + ".x", 1))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("expected a struct or union");
        assertThatThrownBy(() -> object.withVariable("nothing.x", 1))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("no such variable");
    }

    @Test
    void partsOfVariables() {
        ObjectSpec object = Objects.read("features/core");
        Variable facts = object.variable("facts");
        ObjectSpec changed = object.withVariable("facts.xdp_buff_size", 7);
        assertThat(changed).isEqualTo(object.withVariable("bss.facts.xdp_buff_size", 7));
        assertThat(changed.map(".bss").orElseThrow().contents()).isNotNull().satisfies(bytes -> {
            assertThat(bytes.i32(facts.offset())).isZero();
            assertThat(bytes.i32(facts.offset() + 4)).isEqualTo(7);
            assertThat(bytes.size()).isEqualTo(facts.size());
        });
        assertThatThrownBy(() -> object.withVariable("facts.size", 7))
                .isInstanceOf(ObjectException.class)
                .hasMessage("variable facts.size: no such member: struct facts has no member name=size");
    }
}
