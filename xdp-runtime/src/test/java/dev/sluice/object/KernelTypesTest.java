package dev.sluice.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfType;
import dev.sluice.helper.Helper;
import dev.sluice.map.MapType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The built-in types: as this machine's kernel has them, and enough for programs. */
class KernelTypesTest {
    private static final Path KERNEL_TYPES = Path.of("/sys/kernel/btf/vmlinux");

    static Stream<String> named() {
        Btf btf = KernelTypes.btf();
        List<String> names = new ArrayList<>();
        for (int id = 1; id < btf.endId(); id++) {
            if (btf.type(id) instanceof BtfType.Composite type && !type.name().isEmpty()) {
                names.add(type.name());
            }
        }
        return names.stream();
    }

    @ParameterizedTest
    @MethodSource("named")
    void structsAreTheKernels(String name) throws IOException {
        Btf kernel = Kernel.types();
        Btf own = KernelTypes.btf();
        List<String> expected = new ArrayList<>();
        List<String> found = new ArrayList<>();
        layout(kernel, kernel.find(own.kindOf(find(own, name)), name), "", 0, expected);
        layout(own, find(own, name), "", 0, found);
        assertThat(found).isNotEmpty().isEqualTo(expected);
    }

    private static int find(Btf btf, String name) {
        return btf.findFlavours(name).getFirst();
    }

    /** A line for each place that a relocation can lead to. */
    private static void layout(Btf btf, int id, String path, int bit, List<String> lines) {
        assertThat(id).as("type of %s", path).isPositive();
        switch (btf.resolve(id)) {
            case BtfType.Composite type -> {
                lines.add(path + " " + type.kind() + " of " + type.size());
                for (BtfType.Member member : type.members()) {
                    if (member.name().isEmpty() && !(btf.resolve(member.type()) instanceof BtfType.Composite)) {
                        continue;
                    }
                    String inner = path + "." + member.name();
                    if (member.bitfieldSize() != 0) {
                        lines.add(inner + " at " + (bit + member.bitOffset()) + " bits " + member.bitfieldSize()
                                + " of " + btf.sizeOf(member.type()));
                    } else {
                        layout(btf, member.type(), inner, bit + member.bitOffset(), lines);
                    }
                }
            }
            case BtfType.Array array -> {
                lines.add(path + " at " + bit + " elements " + array.count());
                layout(btf, array.element(), path + "[]", bit, lines);
            }
            case BtfType.Int type ->
                lines.add(path + " at " + bit + " integer " + type.size() + (type.signed() ? " signed" : ""));
            case BtfType.Ptr type -> lines.add(path + " at " + bit + " pointer");
            case BtfType.Enum type -> lines.add(path + " at " + bit + " enum of " + type.size());
            default -> throw new AssertionError(path + ": " + btf.describe(id));
        }
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.ValueSource(
            strings = {"xdp_action", "bpf_map_type", "bpf_func_id", "xdp_mem_type"})
    void enumeratorsAreTheKernels(String name) throws IOException {
        Map<String, Long> kernel = values(Kernel.types(), name);
        Map<String, Long> own = values(KernelTypes.btf(), name);
        assertThat(own).isNotEmpty();
        assertThat(kernel).containsAllEntriesOf(own);
    }

    private static Map<String, Long> values(Btf btf, String name) {
        return ((BtfType.Enum) btf.resolve(find(btf, name)))
                .enumerators().stream().collect(Collectors.toMap(BtfType.Enumerator::name, BtfType.Enumerator::value));
    }

    @Test
    void everyHelperAndMapTypeIsThere() {
        Map<String, Long> helpers = values(KernelTypes.btf(), "bpf_func_id");
        for (Helper helper : Helper.values()) {
            assertThat(helpers).containsEntry(helper.cname().replaceFirst("bpf_", "BPF_FUNC_"), (long) helper.number());
        }
        Map<String, Long> maps = values(KernelTypes.btf(), "bpf_map_type");
        for (long number = 0; number < maps.size(); number++) {
            MapType type = MapType.of((int) number);
            assertThat(type).isNotNull();
            assertThat(maps).containsEntry("BPF_MAP_TYPE_" + type.name().toUpperCase(Locale.ROOT), number);
        }
    }

    /** What the table does not have exists nowhere, but its fields are where the compiler saw them. */
    @Test
    void unknownTypesKeepTheirLayout() {
        ObjectSpec core = Objects.read("features/core");
        LinkedProgram linked = core.link(core.programs().getFirst());
        assertThat(linked.targetBtfUsed()).isTrue();
        assertThat(linked.insns().bytes())
                .isNotEqualTo(core.functions().getFirst().insns().bytes());
        byte[] insns = linked.insns().bytes();
        for (int at = 0; at < insns.length; at += 8) {
            boolean poison = Blob.i32(insns, at) == 0x85 && Blob.i32(insns, at + 4) == CoreRelocator.BAD_RELOCATION;
            assertThat(poison)
                    .as("no answer for the relocation of instruction %d", at / 8)
                    .isFalse();
        }
    }

    private static final class Kernel {
        private static Btf types() throws IOException {
            assumeTrue(Files.isReadable(KERNEL_TYPES), "needs " + KERNEL_TYPES);
            assumeTrue(System.getProperty("os.version").startsWith("6.18"), "the table is that of Linux 6.18");
            return Btf.parse(Files.readAllBytes(KERNEL_TYPES));
        }
    }
}
