package dev.sluice.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.btf.BtfType.Enumerator;
import dev.sluice.btf.BtfType.Member;
import dev.sluice.btf.BtfType.Param;
import dev.sluice.btf.BtfType.SectionVar;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Tables of types: what is written is what is read, and what is wrong is refused. */
class BtfTest {
    /** A table with every kind of type. */
    static Btf everyKind() {
        BtfBuilder b = new BtfBuilder();
        int integer = b.integer("int", 4, true);
        int byteType = b.integer("unsigned char", 1, false);
        int bool = b.bool("_Bool");
        int pointer = b.pointer(integer);
        int array = b.array(integer, integer, 3);
        int matrix = b.array(array, integer, 2);
        int struct = b.struct(
                "point",
                16,
                List.of(
                        new Member("x", integer, 0, 0),
                        new Member("y", integer, 32, 0),
                        new Member("p", pointer, 64, 0)));
        b.struct("flags", 4, List.of(new Member("low", integer, 0, 3), new Member("high", integer, 3, 29)));
        b.union("either", 4, List.of(new Member("i", integer, 0, 0), new Member("b", byteType, 0, 0)));
        b.enumeration("sign", 4, true, List.of(new Enumerator("MINUS", -1), new Enumerator("PLUS", 1)));
        b.enumeration("big", 4, false, List.of(new Enumerator("TOP", 0xffff_ffffL)));
        b.enumeration("huge", 8, false, List.of(new Enumerator("HUGE", 0x12_3456_7890L)));
        b.forward("later", false);
        int typedef = b.typedef("point_t", struct);
        int constant = b.qualifier(BtfKind.CONST, typedef);
        b.qualifier(BtfKind.VOLATILE, constant);
        b.qualifier(BtfKind.RESTRICT, pointer);
        b.typeTag("user", integer);
        int proto = b.functionPrototype(integer, List.of(new Param("ctx", pointer), new Param("", 0)));
        int function = b.function("main", proto, BtfType.Func.GLOBAL);
        int variable = b.variable("counter", integer, BtfType.Var.GLOBAL);
        b.dataSection(".bss", 4, List.of(new SectionVar(variable, 0, 4)));
        b.floatingPoint("double", 8);
        b.declTag("exception", function, -1);
        assertThat(matrix).isEqualTo(6);
        assertThat(bool).isEqualTo(3);
        return b.build();
    }

    @Test
    void everyKindIsReadBack() {
        Btf btf = everyKind();
        assertThat(btf.endId()).isEqualTo(25);
        assertThat(btf.type(0)).isEqualTo(new BtfType.Void());
        assertThat(btf.type(1)).isEqualTo(new BtfType.Int(1, "int", 4, 32, 0, true, false, false));
        assertThat(btf.type(2)).isEqualTo(new BtfType.Int(2, "unsigned char", 1, 8, 0, false, false, false));
        assertThat(btf.type(3)).isEqualTo(new BtfType.Int(3, "_Bool", 1, 8, 0, false, false, true));
        assertThat(btf.type(4)).isEqualTo(new BtfType.Ptr(4, 1));
        assertThat(btf.type(5)).isEqualTo(new BtfType.Array(5, 1, 1, 3));
        assertThat(btf.type(7))
                .isEqualTo(new BtfType.Composite(
                        7,
                        BtfKind.STRUCT,
                        "point",
                        16,
                        List.of(new Member("x", 1, 0, 0), new Member("y", 1, 32, 0), new Member("p", 4, 64, 0))));
        assertThat(((BtfType.Composite) btf.type(8)).members())
                .containsExactly(new Member("low", 1, 0, 3), new Member("high", 1, 3, 29));
        assertThat(((BtfType.Composite) btf.type(9)).isUnion()).isTrue();
        assertThat(((BtfType.Enum) btf.type(10)).enumerators())
                .containsExactly(new Enumerator("MINUS", -1), new Enumerator("PLUS", 1));
        assertThat(((BtfType.Enum) btf.type(11)).enumerators()).containsExactly(new Enumerator("TOP", 0xffff_ffffL));
        assertThat(btf.type(12))
                .isEqualTo(new BtfType.Enum(
                        12, BtfKind.ENUM64, "huge", 8, false, List.of(new Enumerator("HUGE", 0x12_3456_7890L))));
        assertThat(btf.type(13)).isEqualTo(new BtfType.Fwd(13, "later", false));
        assertThat(btf.type(14)).isEqualTo(new BtfType.Modifier(14, BtfKind.TYPEDEF, "point_t", 7));
        assertThat(btf.type(15)).isEqualTo(new BtfType.Modifier(15, BtfKind.CONST, "", 14));
        assertThat(btf.type(18)).isEqualTo(new BtfType.Modifier(18, BtfKind.TYPE_TAG, "user", 1));
        assertThat(btf.type(19))
                .isEqualTo(new BtfType.FuncProto(19, 1, List.of(new Param("ctx", 4), new Param("", 0))));
        assertThat(btf.type(20)).isEqualTo(new BtfType.Func(20, "main", 19, BtfType.Func.GLOBAL));
        assertThat(btf.type(21)).isEqualTo(new BtfType.Var(21, "counter", 1, BtfType.Var.GLOBAL));
        assertThat(btf.type(22)).isEqualTo(new BtfType.DataSec(22, ".bss", 4, List.of(new SectionVar(21, 0, 4))));
        assertThat(btf.type(23)).isEqualTo(new BtfType.Float(23, "double", 8));
        assertThat(btf.type(24)).isEqualTo(new BtfType.DeclTag(24, "exception", 20, -1));
        assertThat(Btf.parse(btf.bytes())).isEqualTo(btf).hasSameHashCodeAs(btf);
        assertThat(BtfBuilder.from(btf).build()).isEqualTo(btf);
    }

    @Test
    void sizes() {
        Btf btf = everyKind();
        assertThat(btf.sizeOf(1)).isEqualTo(4);
        assertThat(btf.sizeOf(4)).isEqualTo(8);
        assertThat(btf.sizeOf(5)).isEqualTo(12);
        assertThat(btf.sizeOf(6)).isEqualTo(24);
        assertThat(btf.sizeOf(16)).as("volatile const point_t").isEqualTo(16);
        assertThat(btf.sizeOf(21)).as("a variable has its type's size").isEqualTo(4);
        assertThatThrownBy(() -> btf.sizeOf(0)).isInstanceOf(BtfException.class).hasMessageContaining("no size");
        assertThatThrownBy(() -> btf.sizeOf(13))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("name=later");
        assertThatThrownBy(() -> btf.sizeOf(25))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("no such type");
        assertThatThrownBy(() -> btf.type(-1)).isInstanceOf(BtfException.class).hasMessageContaining("no such type");
    }

    @Test
    void typesAsCWritesThem() {
        Btf btf = everyKind();
        assertThat(btf.describe(4)).isEqualTo("int *");
        assertThat(btf.describe(6)).isEqualTo("int[2][3]");
        assertThat(btf.describe(7)).isEqualTo("struct point");
        assertThat(btf.describe(16)).isEqualTo("volatile const point_t");
        assertThat(btf.resolve(16)).isEqualTo(btf.type(7));
    }

    @Test
    void findByName() {
        Btf btf = everyKind();
        assertThat(btf.find(BtfKind.STRUCT, "point")).isEqualTo(7);
        assertThat(btf.find(BtfKind.STRUCT, "poin")).isZero();
        assertThat(btf.find(BtfKind.STRUCT, "point_t")).isZero();
        assertThat(btf.find(BtfKind.TYPEDEF, "point_t")).isEqualTo(14);
        BtfBuilder b = new BtfBuilder();
        b.struct("a", 0, List.of());
        b.struct("a___old", 0, List.of());
        b.struct("a__b", 0, List.of());
        b.struct("ab", 0, List.of());
        assertThat(b.build().findFlavours("a")).containsExactly(1, 2);
    }

    @Test
    void continuesAnotherTable() {
        Btf base = everyKind();
        BtfBuilder b = new BtfBuilder();
        b.pointer(0);
        byte[] bytes = b.build().bytes();
        // a pointer to the base's struct: ids below the base's end mean the base's types
        bytes[24 + 8] = 7;
        Btf split = Btf.parseSplit(bytes, base);
        assertThat(split.firstId()).isEqualTo(25);
        assertThat(split.describe(25)).isEqualTo("struct point *");
        assertThat(split.type(7)).isEqualTo(base.type(7));
        assertThat(split.find(BtfKind.STRUCT, "point")).isEqualTo(7);
    }

    @Test
    void loopsAreRefused() {
        BtfBuilder b = new BtfBuilder();
        b.typedef("a", 2);
        b.typedef("b", 1);
        b.array(4, 1, 2);
        b.array(3, 1, 2);
        Btf btf = b.build();
        assertThatThrownBy(() -> btf.resolve(1))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("loop");
        assertThatThrownBy(() -> btf.sizeOf(1)).isInstanceOf(BtfException.class);
        assertThatThrownBy(() -> btf.sizeOf(3)).isInstanceOf(BtfException.class);
        assertThat(btf.describe(3)).isNotEmpty();
    }

    @Test
    void hugeArraysAreRefused() {
        BtfBuilder b = new BtfBuilder();
        int element = b.integer("int", 4, true);
        int once = b.array(element, element, Integer.MAX_VALUE);
        int twice = b.array(once, element, -1);
        Btf btf = b.build();
        assertThatThrownBy(() -> btf.sizeOf(once))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("2 GB");
        assertThatThrownBy(() -> btf.sizeOf(twice))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("2 GB");
    }

    @Test
    void wrongHeaders() {
        assertThatThrownBy(() -> Btf.parse(new byte[5]))
                .isInstanceOf(BtfException.class)
                .hasMessage("btf: too short for a header: expected at least 24 bytes, found size=5");
        byte[] big = everyKind().bytes();
        big[0] = (byte) 0xeb;
        big[1] = (byte) 0x9f;
        assertThatThrownBy(() -> Btf.parse(big))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("big-endian");
        byte[] version = everyKind().bytes();
        version[2] = 2;
        assertThatThrownBy(() -> Btf.parse(version))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("version=2");
    }

    @Test
    void longerHeadersAreTolerated() {
        byte[] bytes = everyKind().bytes();
        byte[] longer = new byte[bytes.length + 8];
        System.arraycopy(bytes, 0, longer, 0, 24);
        System.arraycopy(bytes, 24, longer, 32, bytes.length - 24);
        longer[4] = 32;
        Btf btf = Btf.parse(longer);
        assertThat(btf.type(7)).isEqualTo(everyKind().type(7));
        assertThat(btf.describe(6)).isEqualTo("int[2][3]");
    }

    @Test
    void unknownKindsAndIdsAreRefused() {
        byte[] kind = everyKind().bytes();
        kind[24 + 7] = 20;
        assertThatThrownBy(() -> Btf.parse(kind))
                .isInstanceOf(BtfException.class)
                .hasMessageContaining("kind=20 id=1");
        BtfBuilder b = new BtfBuilder();
        b.pointer(77);
        assertThatThrownBy(b::build).isInstanceOf(BtfException.class).hasMessageContaining("type=77");
    }

    @Test
    void sectionsAreLaidOut() {
        BtfBuilder b = BtfBuilder.from(everyKind());
        b.replaceDataSection(22, 64, List.of(new SectionVar(21, 60, 4)));
        b.replaceVariable(21, 2, BtfType.Var.STATIC);
        b.replaceFunctionLinkage(20, BtfType.Func.STATIC);
        b.nameParameters(19);
        Btf btf = b.build();
        assertThat(btf.type(22)).isEqualTo(new BtfType.DataSec(22, ".bss", 64, List.of(new SectionVar(21, 60, 4))));
        assertThat(btf.type(21)).isEqualTo(new BtfType.Var(21, "counter", 2, BtfType.Var.STATIC));
        assertThat(btf.type(20)).isEqualTo(new BtfType.Func(20, "main", 19, BtfType.Func.STATIC));
        assertThat(((BtfType.FuncProto) btf.type(19)).params()).containsExactly(new Param("ctx", 4), new Param("", 0));
    }

    @Test
    void theKernelsOwnTable() throws Exception {
        Path file = Path.of("/sys/kernel/btf/vmlinux");
        Assumptions.assumeTrue(Files.isReadable(file), "needs " + file);
        Btf btf = Btf.parse(Files.readAllBytes(file));
        int id = btf.find(BtfKind.STRUCT, "xdp_md");
        assertThat(btf.sizeOf(id)).isEqualTo(24);
        assertThat(((BtfType.Composite) btf.type(id)).members())
                .extracting(Member::name)
                .startsWith("data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex");
        // every record can be built
        for (int i = 1; i < btf.endId(); i++) {
            assertThat(btf.type(i).id()).isEqualTo(i);
        }
    }
}
