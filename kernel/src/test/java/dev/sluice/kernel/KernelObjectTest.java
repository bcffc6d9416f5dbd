package dev.sluice.kernel;

import static dev.sluice.kernel.KernelTests.R0;
import static dev.sluice.kernel.KernelTests.R1;
import static dev.sluice.kernel.KernelTests.R2;
import static dev.sluice.kernel.KernelTests.R3;
import static dev.sluice.kernel.KernelTests.call;
import static dev.sluice.kernel.KernelTests.exit;
import static dev.sluice.kernel.KernelTests.insn;
import static dev.sluice.kernel.KernelTests.join;
import static dev.sluice.kernel.KernelTests.movImm;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KernelObjectTest {
    private Kernel kernel;

    @BeforeEach
    void open() {
        kernel = KernelTests.kernel();
    }

    private static MapAttributes map(String name, int type, int keySize, int valueSize, int maxEntries) {
        return MapAttributes.of(type, keySize, valueSize, maxEntries).withName(name);
    }

    private static ObjectPlan plan(List<ObjectPlan.MapPlan> maps, List<ObjectPlan.ProgramPlan> programs) {
        return new ObjectPlan("test", null, "GPL", maps, programs, List.of());
    }

    @Test
    void frozenValuesAreConstantsAndProgramsFindTheirMaps() {
        ObjectPlan.MapPlan rodata = new ObjectPlan.MapPlan(
                map(".rodata", Uapi.MAP_TYPE_ARRAY, 4, 8, 1).withFlags(Uapi.BPF_F_RDONLY_PROG),
                0,
                0,
                null,
                List.of(new MapEntry(Uapi.u32(0), Uapi.u64(2))),
                List.of(),
                List.of(),
                true,
                true);
        // r1 = &rodata + 0; r0 = *(u64 *)r1; if r0 == 2 exit; then what is refused if it is reached: r0 = r3
        byte[] code = join(
                insn(0x18, R1, 2, 0, 0),
                insn(0, 0, 0, 0, 0),
                insn(0x79, R0, R1, 0, 0),
                insn(0x55, R0, 0, 1, 2),
                exit(),
                KernelTests.movReg(R0, R3),
                exit());
        try (KernelObject object = KernelObject.load(
                        kernel,
                        plan(
                                List.of(rodata),
                                List.of(ObjectPlan.ProgramPlan.xdp(
                                        "constant", code, List.of(new ObjectPlan.MapReference(0, ".rodata"))))));
                TestRun run = object.program("constant").testRun()) {
            assertThat(run.run(new byte[14])).isEqualTo(2);
            assertThat(object.map(".rodata").entries()).containsExactly(new MapEntry(Uapi.u32(0), Uapi.u64(2)));
            assertThatThrownBy(() -> object.map(".rodata").update(Uapi.u32(0), Uapi.u64(3)))
                    .hasMessageContaining("EPERM");
            assertThat(object.remarks()).isEmpty();
        }
    }

    @Test
    void programArraysAreFilledAndRefusedProgramsStandBesideTheOthers() {
        ObjectPlan.MapPlan jumps = new ObjectPlan.MapPlan(
                map("jumps", Uapi.MAP_TYPE_PROG_ARRAY, 4, 4, 4),
                0,
                0,
                null,
                List.of(),
                List.of(),
                List.of(new ObjectPlan.Slot(Uapi.u32(1), "target"), new ObjectPlan.Slot(Uapi.u32(2), "broken")),
                false,
                false);
        byte[] entry =
                join(insn(0x18, R2, 1, 0, 0), insn(0, 0, 0, 0, 0), movImm(R3, 1), call(12), movImm(R0, 0), exit());
        ObjectPlan plan = plan(
                List.of(jumps),
                List.of(
                        ObjectPlan.ProgramPlan.xdp("entry", entry, List.of(new ObjectPlan.MapReference(0, "jumps"))),
                        ObjectPlan.ProgramPlan.xdp("target", join(movImm(R0, 3), exit()), List.of()),
                        ObjectPlan.ProgramPlan.xdp("broken", exit(), List.of())));
        try (KernelObject object = KernelObject.load(kernel, plan);
                TestRun run = object.program("entry").testRun()) {
            assertThat(run.run(new byte[14])).isEqualTo(3);
            assertThat(object.map("jumps").entries()).hasSize(1);
            assertThat(object.results()).containsOnlyKeys("entry", "target", "broken");
            assertThat(object.result("broken")).isInstanceOf(LoadResult.Rejected.class);
            assertThatThrownBy(() -> object.program("broken")).hasMessageContaining("R0 !read_ok");
            assertThatThrownBy(() -> object.program("none"))
                    .hasMessage("test: no such program, expected one of [entry, target, broken], program=none");
        }
    }

    @Test
    void mapsOfMapsAreFilledAndBtfIsLeftOutWhereItIsNotTaken() {
        ObjectPlan.MapPlan inner = ObjectPlan.MapPlan.of(map("inner", Uapi.MAP_TYPE_HASH, 4, 4, 8));
        ObjectPlan.MapPlan outer = new ObjectPlan.MapPlan(
                map("outer", Uapi.MAP_TYPE_HASH_OF_MAPS, 4, 4, 8),
                0,
                0,
                inner,
                List.of(),
                List.of(new ObjectPlan.Slot(Uapi.u32(5), "inner")),
                List.of(),
                false,
                false);
        ObjectPlan.MapPlan devices = new ObjectPlan.MapPlan(
                map("devices", Uapi.MAP_TYPE_XSKMAP, 4, 4, 8),
                1,
                1,
                null,
                List.of(),
                List.of(),
                List.of(),
                false,
                false);
        // types of 4 bytes for a value of 8
        ObjectPlan.MapPlan odd = new ObjectPlan.MapPlan(
                map("odd", Uapi.MAP_TYPE_ARRAY, 4, 8, 8), 1, 1, null, List.of(), List.of(), List.of(), false, false);
        ObjectPlan plan = new ObjectPlan(
                "test", MinimalBtf.INT_U32, "GPL", List.of(outer, inner, devices, odd), List.of(), List.of());
        try (KernelObject object = KernelObject.load(kernel, plan)) {
            assertThat(object.map("outer").entries())
                    .containsExactly(new MapEntry(
                            Uapi.u32(5), Uapi.u32(object.map("inner").info().id())));
            assertThat(object.remarks()).hasSize(1).first().asString().startsWith("map odd: made without BTF types");
            assertThat(object.btf()).isNotNull();
        }
    }

    @Test
    void aMapThatCannotBeMadeLeavesNothingBehind() {
        ObjectPlan.MapPlan good = ObjectPlan.MapPlan.of(map("good", Uapi.MAP_TYPE_HASH, 4, 4, 8));
        ObjectPlan.MapPlan bad = ObjectPlan.MapPlan.of(map("bad", Uapi.MAP_TYPE_HASH, 4, 4, 0));
        ObjectPlan plan = new ObjectPlan("test", MinimalBtf.INT_U32, "GPL", List.of(good, bad), List.of(), List.of());
        ObjectPlan twice = plan(List.of(good, good), List.of());
        KernelObject.load(kernel, plan(List.of(good), List.of())).close();
        long before = KernelTests.openDescriptors();
        assertThatThrownBy(() -> KernelObject.load(kernel, plan)).hasMessageContaining("name=bad");
        assertThatThrownBy(() -> KernelObject.load(kernel, twice))
                .hasMessageContaining("two maps of one name, map=good");
        assertThat(KernelTests.openDescriptors()).isEqualTo(before);
    }
}
