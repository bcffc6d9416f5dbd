package dev.sluice.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType;
import dev.sluice.btf.BtfType.Enumerator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The kernel's configuration as variables. */
class KconfigTest {
    private final BtfBuilder builder = new BtfBuilder();
    private final int integer = builder.integer("int", 4, true);
    private final int character = builder.integer("char", 1, true);
    private final int bool = builder.bool("_Bool");
    private final int text = builder.array(character, integer, 6);
    private final int tristate = builder.enumeration(
            "libbpf_tristate",
            4,
            false,
            List.of(new Enumerator("TRI_NO", 0), new Enumerator("TRI_YES", 1), new Enumerator("TRI_MODULE", 2)));
    private final List<ExternSpec> externs = new ArrayList<>();
    private int offset;

    private void extern(String name, int type, int size, boolean weak) {
        int var = builder.variable(name, type, BtfType.Var.EXTERN);
        externs.add(new ExternSpec(name, ExternSpec.Kind.KCONFIG, weak, var, offset, size));
        offset += size;
    }

    private byte[] contents(String config) {
        Btf btf = builder.build();
        return Kconfig.parse(config).contents(btf, externs, offset).bytes();
    }

    @Test
    void everyType() {
        extern("CONFIG_I", integer, 4, false);
        extern("CONFIG_B", bool, 1, false);
        extern("CONFIG_C", character, 1, false);
        extern("CONFIG_T", text, 6, false);
        extern("CONFIG_M", tristate, 4, false);
        extern("CONFIG_WEAK", integer, 4, true);
        assertThat(contents("# comment\n\nCONFIG_I=-2\nCONFIG_B=y\nCONFIG_C=m\nCONFIG_T=\"longer text\"\nCONFIG_M=m\n"))
                .isEqualTo(new byte[] {-2, -1, -1, -1, 1, 'm', 'l', 'o', 'n', 'g', 'e', 0, 2, 0, 0, 0, 0, 0, 0, 0});
    }

    @Test
    void wrongValues() {
        extern("CONFIG_I", integer, 4, false);
        assertThatThrownBy(() -> contents("CONFIG_J=1"))
                .isInstanceOf(ObjectException.class)
                .hasMessage("kconfig: variable is neither given nor weak: name=CONFIG_I");
        assertThatThrownBy(() -> contents("CONFIG_I=99999999999"))
                .isInstanceOf(ObjectException.class)
                .hasMessage("kconfig: CONFIG_I: expected a number of 32 bits, found value=99999999999");
        assertThatThrownBy(() -> contents("CONFIG_I=\"x\"")).isInstanceOf(ObjectException.class);
        assertThatThrownBy(() -> contents("CONFIG_I"))
                .isInstanceOf(ObjectException.class)
                .hasMessage("kconfig: line 1: expected NAME=VALUE, found CONFIG_I");
        assertThat(contents("CONFIG_I=0x10")).isEqualTo(new byte[] {16, 0, 0, 0});
    }

    @Test
    void versionOfACompiledProgram() {
        ObjectSpec object = Objects.read("features/externs");
        Optional<MapSpec> map = object.map(".kconfig");
        assertThat(map).isPresent();
        Variable version = map.get().variables().stream()
                .filter(v -> v.name().equals("LINUX_KERNEL_VERSION"))
                .findFirst()
                .orElseThrow();
        assertThat(map.get().frozen()).isTrue();
        assertThat(map.get().contents()).isNotNull();
        assertThat(map.get().contents().i32(version.offset())).isEqualTo(6 << 16 | 18 << 8);
        MapSpec changed = object.withKconfig(new Kconfig(Map.of("LINUX_KERNEL_VERSION", "328960"), true))
                .map(".kconfig")
                .orElseThrow();
        assertThat(changed.contents()).isNotNull();
        assertThat(changed.contents().i32(version.offset())).isEqualTo(328960);
    }
}
