package dev.sluice.object;

import static dev.sluice.object.ElfBuilder.insn;
import static dev.sluice.object.ElfBuilder.insns;
import static dev.sluice.object.ElfBuilder.lddw;
import static dev.sluice.object.ElfBuilder.mov;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.btf.Btf;
import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType.Enumerator;
import dev.sluice.btf.BtfType.Member;
import dev.sluice.btf.CoreRelocation;
import dev.sluice.btf.CoreRelocation.Kind;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Relocations against made-up targets; {@link KernelAgreementTest} holds them to libbpf's against the real one. */
class CoreRelocatorTest {
    /** {@code r1 = *(u32 *)(r2 + off)}. */
    private static final int LDX_W = 0x61;

    private static final int LDX_DW = 0x79;
    private static final int LDX_H = 0x69;
    private static final long POISON = insn(0x85, 0, 0, 0, CoreRelocator.BAD_RELOCATION);

    private final BtfBuilder local = new BtfBuilder();
    private final BtfBuilder target = new BtfBuilder();
    private final int localInt = local.integer("int", 4, true);
    private final int localU32 = local.integer("unsigned int", 4, false);
    private final int targetPadding = target.integer("char", 1, true);
    private final int targetInt = target.integer("int", 4, true);
    private final int targetU16 = target.integer("unsigned short", 2, false);
    private final int targetU64 = target.integer("unsigned long", 8, false);

    private byte[] apply(byte[] insns, int type, String access, Kind kind) {
        return apply(local.build(), target.build(), insns, type, access, kind);
    }

    private static byte[] apply(Btf local, Btf target, byte[] insns, int type, String access, Kind kind) {
        byte[] code = insns.clone();
        FunctionSpec function = new FunctionSpec(
                "f",
                "xdp",
                1,
                0,
                Blob.of(insns),
                true,
                false,
                false,
                0,
                List.of(),
                List.of(),
                List.of(new CoreRelocation(0, type, access, kind)));
        boolean used = new CoreRelocator(local, target).apply(function, code);
        assertThat(used).isEqualTo(kind != Kind.TYPE_ID_LOCAL);
        return code;
    }

    private static Member member(String name, int type, int bits) {
        return new Member(name, type, bits, 0);
    }

    @Test
    void fieldsMove() {
        int struct = local.struct("s", 8, List.of(member("a", localInt, 0), member("b", localInt, 32)));
        target.struct("s", 24, List.of(member("b", targetInt, 128), member("a", targetInt, 64)));
        assertThat(apply(insns(insn(LDX_W, 1, 2, 4, 0)), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(insn(LDX_W, 1, 2, 16, 0)));
        assertThat(apply(insns(mov(1, 0)), struct, "0:0", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(mov(1, 8)));
        assertThat(apply(insns(lddw(1, 4), 0), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(lddw(1, 16), 0));
        assertThat(apply(insns(insn(LDX_W, 1, 2, 12, 0)), struct, "1:1", Kind.FIELD_BYTE_OFFSET))
                .as("an element of an array of structs")
                .isEqualTo(insns(insn(LDX_W, 1, 2, 40, 0)));
    }

    @Test
    void fieldsInAnonymousMembersAreFound() {
        int inner = local.struct("", 4, List.of(member("deep", localInt, 0)));
        int struct = local.struct("s", 8, List.of(member("", inner, 32)));
        int union = target.union("", 4, List.of(member("other", targetInt, 0), member("deep", targetInt, 0)));
        int nested = target.struct("", 12, List.of(member("", union, 64)));
        target.struct("s", 40, List.of(member("x", targetInt, 0), member("", nested, 128)));
        assertThat(apply(insns(insn(LDX_W, 1, 2, 4, 0)), struct, "0:0:0", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(insn(LDX_W, 1, 2, 24, 0)));
    }

    @Test
    void loadsChangeTheirWidth() {
        int struct = local.struct("s", 8, List.of(member("u", localU32, 0), member("i", localInt, 32)));
        target.struct("s", 16, List.of(member("u", targetU16, 48), member("i", targetU64, 64)));
        assertThat(apply(insns(insn(LDX_W, 1, 2, 0, 0)), struct, "0:0", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(insn(LDX_H, 1, 2, 6, 0)));
        assertThat(apply(insns(insn(LDX_W, 1, 2, 4, 0)), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .as("a signed number cannot be widened by a load")
                .isEqualTo(insns(POISON));
        assertThat(apply(insns(mov(1, 4)), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .as("only loads care")
                .isEqualTo(insns(mov(1, 8)));
    }

    @Test
    void pointersMayDifferInWhatTheyPointTo() {
        int struct = local.struct("s", 8, List.of(member("p", local.pointer(localInt), 0)));
        target.struct("s", 16, List.of(member("p", target.pointer(0), 64)));
        assertThat(apply(insns(insn(LDX_DW, 1, 2, 0, 0)), struct, "0:0", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(insn(LDX_DW, 1, 2, 8, 0)));
    }

    @Test
    void whatIsMissingIsPoisonedOrZero() {
        int struct = local.struct("s", 8, List.of(member("a", localInt, 0), member("gone", localInt, 32)));
        int absent = local.struct("absent", 4, List.of(member("a", localInt, 0)));
        int color = local.enumeration("color", 4, false, List.of(new Enumerator("RED", 1), new Enumerator("BLUE", 2)));
        target.struct("s", 4, List.of(member("a", targetInt, 0)));
        target.enumeration("color", 4, false, List.of(new Enumerator("RED", 7)));
        assertThat(apply(insns(mov(1, 1)), struct, "0:0", Kind.FIELD_EXISTS)).isEqualTo(insns(mov(1, 1)));
        assertThat(apply(insns(mov(1, 1)), struct, "0:1", Kind.FIELD_EXISTS)).isEqualTo(insns(mov(1, 0)));
        assertThat(apply(insns(mov(1, 4)), struct, "0:1", Kind.FIELD_BYTE_SIZE)).isEqualTo(insns(POISON));
        assertThat(apply(insns(lddw(1, 4), 0), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(POISON, POISON));
        assertThat(apply(insns(mov(1, 1)), absent, "0", Kind.TYPE_EXISTS)).isEqualTo(insns(mov(1, 0)));
        assertThat(apply(insns(mov(1, 4)), absent, "0", Kind.TYPE_SIZE)).isEqualTo(insns(mov(1, 0)));
        assertThat(apply(insns(mov(1, absent)), absent, "0", Kind.TYPE_ID_TARGET))
                .isEqualTo(insns(mov(1, 0)));
        assertThat(apply(insns(mov(1, 1)), color, "0", Kind.ENUMVAL_EXISTS)).isEqualTo(insns(mov(1, 1)));
        assertThat(apply(insns(mov(1, 1)), color, "1", Kind.ENUMVAL_EXISTS)).isEqualTo(insns(mov(1, 0)));
        assertThat(apply(insns(mov(1, 1)), color, "0", Kind.ENUMVAL_VALUE)).isEqualTo(insns(mov(1, 7)));
        assertThat(apply(insns(mov(1, 2)), color, "1", Kind.ENUMVAL_VALUE)).isEqualTo(insns(POISON));
    }

    @Test
    void flavoursMeanTheSameType() {
        int old = local.struct("s___old", 4, List.of(member("a", localInt, 0)));
        int kind = local.enumeration("kind___2", 8, false, List.of(new Enumerator("K___2", 5)));
        int struct = target.struct("s", 8, List.of(member("a", targetInt, 32)));
        target.enumeration("kind", 8, false, List.of(new Enumerator("J", 1), new Enumerator("K", 1L << 40)));
        assertThat(apply(insns(mov(1, 0)), old, "0:0", Kind.FIELD_BYTE_OFFSET)).isEqualTo(insns(mov(1, 4)));
        assertThat(apply(insns(mov(1, old)), old, "0", Kind.TYPE_ID_TARGET)).isEqualTo(insns(mov(1, struct)));
        assertThat(apply(insns(mov(1, old)), old, "0", Kind.TYPE_ID_LOCAL)).isEqualTo(insns(mov(1, old)));
        assertThat(apply(insns(lddw(1, 5), 0), kind, "0", Kind.ENUMVAL_VALUE)).isEqualTo(insns(lddw(1, 0), 256L << 32));
    }

    @ParameterizedTest
    @CsvSource({
        "task_struct, task_struct",
        "task_struct___v5, task_struct",
        "a___b___c, a___b",
        "a____b, a____b",
        "___b, ___b",
        "a___, a___",
        "a__b, a__b",
        "x___y, x",
        "'', ''"
    })
    void essentialNames(String name, String essential) {
        assertThat(CoreRelocator.essentialName(name)).isEqualTo(essential);
    }

    @Test
    void bitFields() {
        int struct =
                local.struct("s", 4, List.of(new Member("low", localU32, 0, 4), new Member("high", localInt, 4, 4)));
        target.struct(
                "s",
                16,
                List.of(
                        member("padding", targetPadding, 0),
                        new Member("low", targetU16, 40, 3),
                        new Member("high", targetInt, 60, 12)));
        // low: bits 40 to 42, read as a u16 at byte 4: bits 8 to 10 of it
        assertThat(apply(insns(mov(1, 99)), struct, "0:0", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(mov(1, 4)));
        assertThat(apply(insns(mov(1, 99)), struct, "0:0", Kind.FIELD_BYTE_SIZE))
                .isEqualTo(insns(mov(1, 2)));
        assertThat(apply(insns(mov(1, 99)), struct, "0:0", Kind.FIELD_LSHIFT_U64))
                .isEqualTo(insns(mov(1, 64 - 11)));
        assertThat(apply(insns(mov(1, 60)), struct, "0:0", Kind.FIELD_RSHIFT_U64))
                .isEqualTo(insns(mov(1, 61)));
        assertThat(apply(insns(mov(1, 0)), struct, "0:0", Kind.FIELD_SIGNED)).isEqualTo(insns(mov(1, 0)));
        // high: bits 60 to 71 cross both a 4-byte and an 8-byte boundary
        assertThatThrownBy(() -> apply(insns(mov(1, 99)), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("one load of 8 bytes");
    }

    @Test
    void arrays() {
        int array = local.array(localInt, localInt, 4);
        int struct = local.struct("s", 16, List.of(member("v", array, 0)));
        target.struct("s", 40, List.of(member("v", target.array(targetInt, targetInt, 8), 64)));
        assertThat(apply(insns(insn(LDX_W, 1, 2, 8, 0)), struct, "0:0:2", Kind.FIELD_BYTE_OFFSET))
                .isEqualTo(insns(insn(LDX_W, 1, 2, 16, 0)));
        assertThat(apply(insns(mov(1, 16)), struct, "0:0", Kind.FIELD_BYTE_SIZE))
                .isEqualTo(insns(mov(1, 32)));
        assertThatThrownBy(() -> apply(insns(mov(1, 16)), struct, "0:0:4", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("no such element: expected less than 4, found index=4");
    }

    @Test
    void shapesMatch() {
        int one = local.struct("s", 4, List.of(member("a", localInt, 0)));
        int two = local.struct("t", 4, List.of(member("a", localInt, 0)));
        int three = local.struct("u", 8, List.of(member("p", local.pointer(one), 0)));
        target.struct("s", 8, List.of(member("z", targetInt, 0), member("a", targetInt, 32)));
        target.struct("t", 8, List.of(member("a", targetU64, 0)));
        target.struct("u", 8, List.of(member("p", target.pointer(target.forward("s", false)), 0)));
        assertThat(apply(insns(mov(1, 1)), one, "0", Kind.TYPE_MATCHES)).isEqualTo(insns(mov(1, 1)));
        assertThat(apply(insns(mov(1, 1)), two, "0", Kind.TYPE_MATCHES)).isEqualTo(insns(mov(1, 0)));
        assertThat(apply(insns(mov(1, 1)), three, "0", Kind.TYPE_MATCHES)).isEqualTo(insns(mov(1, 1)));
    }

    @Test
    void candidatesMustAgree() {
        int struct = local.struct("s", 4, List.of(member("a", localInt, 0)));
        target.struct("s", 8, List.of(member("a", targetInt, 32)));
        target.struct("s___b", 8, List.of(member("a", targetInt, 0)));
        assertThatThrownBy(() -> apply(insns(mov(1, 0)), struct, "0:0", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageStartingWith("function f instruction 0: relocation byte_off of struct s at 0:0: ")
                .hasMessageContaining("disagree");
    }

    @Test
    void wrongInstructions() {
        int struct = local.struct("s", 8, List.of(member("a", localInt, 0), member("b", localInt, 32)));
        target.struct("s", 8, List.of(member("a", targetInt, 0), member("b", targetInt, 32)));
        assertThatThrownBy(() -> apply(insns(mov(1, 5)), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("expected 4, found 5");
        assertThatThrownBy(() -> apply(insns(ElfBuilder.EXIT), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("found opcode=0x95");
        assertThatThrownBy(() -> apply(insns(lddw(1, 4)), struct, "0:1", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("cut off");
        assertThatThrownBy(() -> apply(insns(mov(1, 4)), struct, "0:7", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("no such member: expected 0 to 1, found index=7");
        assertThatThrownBy(() -> apply(insns(mov(1, 4)), struct, "0:x", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("access=0:x");
        assertThatThrownBy(() -> apply(insns(mov(1, 4)), struct, "0" + ":0".repeat(100), Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("at most 64 indices");
    }

    @Test
    void withoutATargetNothingChanges() {
        int struct = local.struct("s___x", 8, List.of(member("a", localInt, 0), member("b", localInt, 32)));
        local.struct("s", 8, List.of(member("b", localInt, 0)));
        Btf own = local.build();
        byte[] load = insns(insn(LDX_W, 1, 2, 4, 0));
        assertThat(apply(own, own, load, struct, "0:1", Kind.FIELD_BYTE_OFFSET)).isEqualTo(load);
        assertThat(apply(own, own, insns(mov(1, struct)), struct, "0", Kind.TYPE_ID_TARGET))
                .isEqualTo(insns(mov(1, struct)));
    }

    @Test
    void typesInCirclesEnd() {
        int struct = local.struct("s", 4, List.of(member("a", localInt, 0)));
        int self = target.nextId();
        target.struct("s", 4, Collections.nCopies(50, member("", self, 0)));
        assertThatThrownBy(() -> apply(insns(mov(1, 0)), struct, "0:0", Kind.FIELD_BYTE_OFFSET))
                .isInstanceOf(ObjectException.class);
    }
}
