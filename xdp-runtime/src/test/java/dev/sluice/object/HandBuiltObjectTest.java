package dev.sluice.object;

import static dev.sluice.object.ElfBuilder.EXIT;
import static dev.sluice.object.ElfBuilder.FUNC;
import static dev.sluice.object.ElfBuilder.GLOBAL;
import static dev.sluice.object.ElfBuilder.LOCAL;
import static dev.sluice.object.ElfBuilder.NOTYPE;
import static dev.sluice.object.ElfBuilder.OBJECT;
import static dev.sluice.object.ElfBuilder.SECTION;
import static dev.sluice.object.ElfBuilder.WEAK;
import static dev.sluice.object.ElfBuilder.call;
import static dev.sluice.object.ElfBuilder.insns;
import static dev.sluice.object.ElfBuilder.lddw;
import static dev.sluice.object.ElfBuilder.mov;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Objects that no compiler at hand makes: old ones, odd ones and wrong ones, built byte by byte. */
class HandBuiltObjectTest {
    private static final int ABS64 = 2;
    private static final int LD64 = 1;
    private static final int CALL32 = 10;

    private static ObjectSpec read(ElfBuilder elf) {
        return ObjectSpec.read("test.bpf.o", elf.build());
    }

    private static void assertRefused(byte[] bytes, String... parts) {
        assertThatThrownBy(() -> ObjectSpec.read("test.bpf.o", bytes))
                .isInstanceOf(ObjectException.class)
                .hasMessageStartingWith("test.bpf.o: ")
                .satisfies(e -> assertThat(e.getMessage()).contains(parts));
    }

    private static byte[] numbers(int... numbers) {
        ByteBuffer b = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int number : numbers) {
            b.putInt(number);
        }
        return b.array();
    }

    private static ElfBuilder oneProgram() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(mov(0, 2), EXIT));
        elf.symbol("pass", GLOBAL, FUNC, xdp, 0, 16);
        return elf;
    }

    // ---- other kinds of files

    @Test
    void notAnObject() {
        assertRefused(new byte[0], "empty file");
        assertRefused("#!/bin/sh\n".getBytes(StandardCharsets.US_ASCII), "not an ELF object", "23 21 2f 62");
        assertRefused(new byte[] {'B', 'C', (byte) 0xc0, (byte) 0xde, 1}, "LLVM bitcode");
        assertRefused(Arrays.copyOf(oneProgram().build(), 40), "cut off within the ELF header");
    }

    @Test
    void otherMachines() {
        ElfBuilder elf = oneProgram();
        elf.machine = 62;
        assertRefused(elf.build(), "another machine", "x86-64 (62)", "-target bpf");
        elf = oneProgram();
        elf.elfClass = 1;
        assertRefused(elf.build(), "not a 64-bit ELF object");
        elf = oneProgram();
        elf.data = 2;
        assertRefused(elf.build(), "big-endian BPF object");
        elf = oneProgram();
        elf.type = 2;
        assertRefused(elf.build(), "not a relocatable object", "type=2");
        elf = oneProgram();
        elf.machine = 0;
        assertThat(read(elf).programs()).as("as LLVM before 3.9 wrote it").hasSize(1);
    }

    @Test
    void withoutPrograms() {
        ElfBuilder elf = new ElfBuilder();
        elf.data("license", new byte[] {'G', 'P', 'L', 0});
        elf.data(".debug_info", new byte[8]);
        assertRefused(elf.build(), "no programs", "[.strtab, .symtab, license]");
    }

    @Test
    void btfMapsNeedBtf() {
        ElfBuilder elf = oneProgram();
        elf.data(".maps", new byte[32]);
        assertRefused(elf.build(), "section .maps needs a section .BTF", "-g");
    }

    // ---- functions

    @Test
    void licenses() {
        ElfBuilder elf = oneProgram();
        assertThat(read(elf).license()).isEmpty();
        assertThat(read(elf).isGplCompatible()).isFalse();
        elf.data("license", "Dual BSD/GPL\0".getBytes(StandardCharsets.US_ASCII));
        elf.data("version", numbers(0x61200));
        assertThat(read(elf).isGplCompatible()).isTrue();
        assertThat(read(elf).kernelVersion()).isEqualTo(0x61200);
    }

    @Test
    void severalProgramsInASection() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(mov(0, 1), EXIT, mov(0, 2), EXIT));
        elf.symbol("second", GLOBAL, FUNC, xdp, 16, 16);
        elf.symbol("first", GLOBAL, FUNC, xdp, 0, 16);
        ObjectSpec object = read(elf);
        assertThat(object.programs()).extracting(ProgramSpec::name).containsExactly("first", "second");
        assertThat(object.link(object.programs().get(1)).insns()).isEqualTo(Blob.of(insns(mov(0, 2), EXIT)));
    }

    @Test
    void untypedSymbolsOfOldCompilers() {
        ElfBuilder elf = new ElfBuilder();
        int section = elf.code("prog", insns(call(1), EXIT, mov(0, 2), EXIT));
        elf.symbol("LBB0_1", LOCAL, NOTYPE, section, 8, 0);
        elf.symbol("old", GLOBAL, NOTYPE, section, 0, 0);
        ObjectSpec object = read(elf);
        assertThat(object.programs()).singleElement().satisfies(p -> {
            assertThat(p.name()).isEqualTo("old");
            assertThat(p.isXdp()).isFalse();
            assertThat(p.asXdp().isXdp()).isTrue();
        });
        assertThat(object.link(object.programs().getFirst()).insns())
                .as("a call within the section stays as it is")
                .isEqualTo(Blob.of(insns(call(1), EXIT, mov(0, 2), EXIT)));
    }

    @Test
    void aSectionWithoutSymbolsIsAProgramOfItsName() {
        ElfBuilder elf = new ElfBuilder();
        elf.code("xdp_drop", insns(mov(0, 1), EXIT));
        assertThat(read(elf).programs()).singleElement().satisfies(p -> {
            assertThat(p.name()).isEqualTo("xdp_drop");
            assertThat(p.isXdp()).isTrue();
        });
    }

    @Test
    void staticFunctionsAreProgramsWhereNobodyCallsThem() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(call(1), EXIT, mov(0, 2), EXIT));
        int tail = elf.code("2/7", insns(mov(0, 1), EXIT));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 16);
        elf.symbol("called", LOCAL, FUNC, xdp, 16, 16);
        elf.symbol("tail", LOCAL, FUNC, tail, 0, 16);
        ObjectSpec object = read(elf);
        assertThat(object.programs()).extracting(ProgramSpec::name).containsExactly("main", "tail");
        LinkedProgram main = object.link(object.programs().getFirst());
        assertThat(main.functions()).extracting(LinkedProgram.Function::name).containsExactly("main", "called");
    }

    /** main calls b, then a; b calls c: appended in the order b, c, a, whatever their order in the file is. */
    @Test
    void subprogramsAreAppendedWhenFirstCalledDepthFirst() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(call(-1), call(-1), call(-1), EXIT));
        int text = elf.code(".text", insns(mov(0, 10), EXIT, call(-1), EXIT, mov(0, 12), EXIT));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 32);
        int a = elf.symbol("a", GLOBAL, FUNC, text, 0, 16);
        int b = elf.symbol("b", GLOBAL, FUNC, text, 16, 16);
        int c = elf.symbol("c", GLOBAL, FUNC, text, 32, 16);
        elf.rel(xdp, 0, CALL32, b, 8, CALL32, a, 16, CALL32, b);
        elf.rel(text, 16, CALL32, c);
        ObjectSpec object = read(elf);
        LinkedProgram main = object.link(object.programs().getFirst());
        assertThat(main.functions())
                .containsExactly(
                        new LinkedProgram.Function("main", 0, 4, true, 0),
                        new LinkedProgram.Function("b", 4, 2, true, 0),
                        new LinkedProgram.Function("c", 6, 2, true, 0),
                        new LinkedProgram.Function("a", 8, 2, true, 0));
        assertThat(main.insns())
                .isEqualTo(Blob.of(
                        insns(call(3), call(6), call(1), EXIT, call(1), EXIT, mov(0, 12), EXIT, mov(0, 10), EXIT)));
        assertThat(main.references()).isEmpty();
    }

    @Test
    void callsThroughTheSectionSymbol() {
        ElfBuilder elf = new ElfBuilder();
        // imm of a call to the section's symbol: slot of the function less one
        int xdp = elf.code("xdp", insns(call(1), EXIT));
        int text = elf.code(".text", insns(mov(0, 10), EXIT, mov(0, 11), EXIT));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 16);
        elf.symbol("first", LOCAL, FUNC, text, 0, 16);
        elf.symbol("second", LOCAL, FUNC, text, 16, 16);
        int section = elf.symbol("", LOCAL, SECTION, text, 0, 0);
        elf.rel(xdp, 0, CALL32, section);
        ObjectSpec object = read(elf);
        assertThat(object.link(object.programs().getFirst()).insns())
                .isEqualTo(Blob.of(insns(call(1), EXIT, mov(0, 11), EXIT)));
    }

    @Test
    void addressesOfFunctions() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(lddw(2, 16), 0, EXIT));
        int text = elf.code(".text", insns(mov(0, 10), EXIT, mov(0, 11), EXIT));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 24);
        elf.symbol("first", LOCAL, FUNC, text, 0, 16);
        elf.symbol("callback", LOCAL, FUNC, text, 16, 16);
        int section = elf.symbol("", LOCAL, SECTION, text, 0, 0);
        elf.rel(xdp, 0, LD64, section);
        ObjectSpec object = read(elf);
        LinkedProgram main = object.link(object.programs().getFirst());
        assertThat(main.insns())
                .isEqualTo(Blob.of(insns(ElfBuilder.insn(0x18, 2, 4, 0, 2), 0, EXIT, mov(0, 11), EXIT)));
        assertThat(main.functions()).extracting(LinkedProgram.Function::name).containsExactly("main", "callback");
    }

    @Test
    void explicitAddends() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(lddw(1, 99), 0, call(77), EXIT));
        int text = elf.code(".text", insns(mov(0, 10), EXIT, mov(0, 11), EXIT));
        int dataSection = elf.data(".data", new byte[32]);
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 32);
        elf.symbol("first", LOCAL, FUNC, text, 0, 16);
        elf.symbol("second", LOCAL, FUNC, text, 16, 16);
        int functions = elf.symbol("", LOCAL, SECTION, text, 0, 0);
        int values = elf.symbol("", LOCAL, SECTION, dataSection, 0, 0);
        elf.rela(xdp, 0, LD64, values, 24, 16, CALL32, functions, 16);
        ObjectSpec object = read(elf);
        LinkedProgram main = object.link(object.programs().getFirst());
        assertThat(main.references()).containsExactly(new Reference.ToValue(0, 0, "test.data", 24));
        assertThat(main.insns().i32(12)).isEqualTo(24);
        assertThat(main.insns().i32(20)).isEqualTo(1);
        assertThat(main.functions()).extracting(LinkedProgram.Function::name).containsExactly("main", "second");
    }

    @Test
    void functionsInTextAreProgramsWhereThereAreNoOthers() {
        ElfBuilder elf = new ElfBuilder();
        int text = elf.code(".text", insns(mov(0, 1), EXIT));
        elf.symbol("entry", GLOBAL, FUNC, text, 0, 16);
        assertThat(read(elf).programs()).extracting(ProgramSpec::name).containsExactly("entry");
    }

    @Test
    void brokenReferencesConcernTheirProgramOnly() {
        ElfBuilder elf = new ElfBuilder();
        int good = elf.code("xdp", insns(mov(0, 2), EXIT));
        int bad = elf.code("xdp/bad", insns(call(-1), EXIT));
        elf.symbol("good", GLOBAL, FUNC, good, 0, 16);
        elf.symbol("bad", GLOBAL, FUNC, bad, 0, 16);
        int missing = elf.symbol("memcpy", GLOBAL, NOTYPE, 0, 0, 0);
        elf.rel(bad, 0, CALL32, missing);
        ObjectSpec object = read(elf);
        assertThat(object.externs()).containsExactly(new ExternSpec("memcpy", ExternSpec.Kind.UNKNOWN, false, 0, 0, 0));
        assertThat(object.link(object.program("good").orElseThrow()).slots()).isEqualTo(2);
        assertThatThrownBy(() -> object.link(object.program("bad").orElseThrow()))
                .isInstanceOf(ObjectException.class)
                .hasMessageStartingWith("program bad: function bad instruction 0: undefined symbol")
                .hasMessageEndingWith("name=memcpy");
    }

    @Test
    void weakSymbolsThatNothingDefinesAreZero() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(lddw(0, 5), 0, EXIT));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 24);
        elf.rel(xdp, 0, LD64, elf.symbol("maybe", WEAK, NOTYPE, 0, 0, 0));
        ObjectSpec object = read(elf);
        assertThat(object.link(object.programs().getFirst()).insns()).isEqualTo(Blob.of(insns(lddw(0, 0), 0, EXIT)));
    }

    // ---- global variables

    @Test
    void sectionsOfVariables() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("xdp", insns(lddw(1, 4), 0, lddw(2, 0), 0, EXIT));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 40);
        int data = elf.data(".data.mine", numbers(1, 2));
        int bss = elf.bss(".bss", 1L << 30);
        elf.data(".rodata.str1.1", new byte[] {'x', 0});
        int section = elf.symbol("", LOCAL, SECTION, data, 0, 0);
        int variable = elf.symbol("large", GLOBAL, OBJECT, bss, 64, 8);
        elf.rel(xdp, 0, LD64, section, 16, LD64, variable);
        ObjectSpec object = read(elf);
        assertThat(object.maps()).extracting(MapSpec::name).containsExactly(".data.mine", "test.bss", ".rodata.str1.1");
        assertThat(object.maps().get(1).valueSize()).isEqualTo(1 << 30);
        assertThat(object.maps().get(1).variables()).containsExactly(new Variable("large", 64, 8, 0));
        assertThat(object.link(object.programs().getFirst()).references())
                .containsExactly(
                        new Reference.ToValue(0, 0, ".data.mine", 4), new Reference.ToValue(2, 1, "test.bss", 64));
        elf.bss(".bss.huge", 1L << 33);
        assertRefused(elf.build(), ".bss.huge is too large");
    }

    @Test
    void addressesInDataAreRefusedWhereTheyAreUsed() {
        ElfBuilder elf = new ElfBuilder();
        int good = elf.code("xdp", insns(lddw(1, 0), 0, EXIT));
        int bad = elf.code("xdp/bad", insns(lddw(1, 0), 0, EXIT));
        elf.symbol("good", GLOBAL, FUNC, good, 0, 24);
        elf.symbol("bad", GLOBAL, FUNC, bad, 0, 24);
        int data = elf.data(".data", new byte[16]);
        int number = elf.symbol("number", GLOBAL, OBJECT, data, 0, 8);
        int pointer = elf.symbol("pointer", GLOBAL, OBJECT, data, 8, 8);
        elf.rel(data, 8, ABS64, number);
        elf.rel(good, 0, LD64, number);
        elf.rel(bad, 0, LD64, pointer);
        ObjectSpec object = read(elf);
        assertThat(object.link(object.program("good").orElseThrow()).references())
                .hasSize(1);
        assertThatThrownBy(() -> object.link(object.program("bad").orElseThrow()))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("holds the address of something")
                .hasMessageContaining("offset=8 symbol=number");
    }

    // ---- old maps

    private static ObjectSpec withMaps(byte[] contents, String... names) {
        ElfBuilder elf = oneProgram();
        int maps = elf.data("maps", contents);
        for (int i = 0; i < names.length; i++) {
            elf.symbol(names[i], GLOBAL, OBJECT, maps, (long) contents.length / names.length * i, 0);
        }
        return read(elf);
    }

    @Test
    void mapsOf16And20Bytes() {
        assertThat(withMaps(numbers(2, 4, 8, 100), "m").maps()).singleElement().satisfies(m -> {
            assertThat(List.of(m.type(), m.keySize(), m.valueSize(), m.maxEntries(), m.flags()))
                    .containsExactly(2, 4, 8, 100, 0);
            assertThat(m.kind()).isEqualTo(MapSpec.Kind.USER);
        });
        ObjectSpec two = withMaps(numbers(1, 4, 8, 100, 1, 2, 4, 16, 3, 0), "h", "a");
        assertThat(two.maps()).extracting(MapSpec::name).containsExactly("h", "a");
        assertThat(two.maps()).extracting(MapSpec::flags).containsExactly(1, 0);
    }

    @Test
    void mapsOf28Bytes() {
        ObjectSpec pinned = withMaps(numbers(1, 4, 8, 100, 0, 7, 1), "aya");
        assertThat(pinned.maps().getFirst().pinning()).isEqualTo(MapSpec.Pinning.BY_NAME);
        ObjectSpec numa = withMaps(numbers(1, 4, 8, 100, MapSpec.FLAG_NUMA_NODE, 0, 1), "sample");
        assertThat(numa.maps().getFirst().pinning()).isEqualTo(MapSpec.Pinning.NONE);
        assertThat(numa.maps().getFirst().numaNode()).isEqualTo(1);
        ObjectSpec inner = withMaps(numbers(2, 4, 8, 5, 0, 0, 0, 12, 4, 4, 3, 0, 0, 0), "inner", "outer");
        assertThat(inner.map("outer").orElseThrow().inner())
                .isEqualTo(inner.map("inner").orElseThrow());
    }

    @Test
    void mapsOfIproute2() {
        ElfBuilder elf = new ElfBuilder();
        int xdp = elf.code("prog", insns(lddw(1, 0), 0, EXIT));
        int tail = elf.code("9/1", insns(mov(0, 1), EXIT));
        // type, key, value, entries, flags, id, pinning, inner id, inner index
        int maps = elf.data(
                "maps",
                numbers(
                        2, 4, 8, 5, 0, 42, 2, 0, 1, //
                        12, 4, 4, 3, 0, 0, 0, 42, 0, //
                        3, 4, 4, 2, 0, 9, 0, 0, 0));
        elf.symbol("main", GLOBAL, FUNC, xdp, 0, 24);
        elf.symbol("tail", LOCAL, FUNC, tail, 0, 16);
        elf.symbol("inner", GLOBAL, OBJECT, maps, 0, 36);
        elf.symbol("outer", GLOBAL, OBJECT, maps, 36, 36);
        int jumps = elf.symbol("jumps", GLOBAL, OBJECT, maps, 72, 36);
        elf.rel(xdp, 0, LD64, jumps);
        ObjectSpec object = read(elf);
        assertThat(object.map("inner").orElseThrow().pinning()).isEqualTo(MapSpec.Pinning.BY_NAME);
        MapSpec outer = object.map("outer").orElseThrow();
        assertThat(outer.inner()).isEqualTo(object.map("inner").orElseThrow());
        assertThat(outer.entries()).containsExactly(new MapSpec.Entry(1, "inner", false));
        assertThat(object.map("jumps").orElseThrow().entries()).containsExactly(new MapSpec.Entry(1, "tail", true));
        assertThat(object.programs()).extracting(ProgramSpec::name).containsExactly("main", "tail");
        assertThat(object.link(object.programs().getFirst()).references())
                .containsExactly(new Reference.ToMap(0, 2, "jumps"));
    }

    @Test
    void mapsWithPointers() {
        ElfBuilder elf = oneProgram();
        int strings = elf.data(".rodata.str1.1", "no\0/sys/fs/bpf/shared\0".getBytes(StandardCharsets.US_ASCII));
        // type, key, value, entries, flags, padding, inner map pointer, path pointer; twice
        int maps = elf.data("maps", numbers(2, 4, 8, 5, 0, 0, 0, 0, 3, 0, 12, 4, 4, 5, 0, 0, 0, 0, 0, 0));
        int inner = elf.symbol("inner", GLOBAL, OBJECT, maps, 0, 40);
        elf.symbol("outer", GLOBAL, OBJECT, maps, 40, 40);
        elf.rel(maps, 32, ABS64, elf.symbol("", LOCAL, SECTION, strings, 0, 0), 64, ABS64, inner);
        ObjectSpec object = read(elf);
        assertThat(object.map("inner").orElseThrow().pinPath()).isEqualTo("/sys/fs/bpf/shared");
        assertThat(object.map("inner").orElseThrow().pinning()).isEqualTo(MapSpec.Pinning.BY_NAME);
        assertThat(object.map("outer").orElseThrow().inner())
                .isEqualTo(object.map("inner").orElseThrow());
    }

    @Test
    void mapsOfUnknownForms() {
        assertThat(withMaps(numbers(2, 4, 8, 5, 0, 0), "m").maps()).hasSize(1);
        ElfBuilder elf = oneProgram();
        int maps = elf.data("maps", numbers(2, 4, 8, 5, 0, 1));
        elf.symbol("m", GLOBAL, OBJECT, maps, 0, 24);
        assertRefused(elf.build(), "map m: entry of an unknown form", "byte 20 of 24");
        ElfBuilder uneven = oneProgram();
        int three = uneven.data("maps", new byte[41]);
        uneven.symbol("m", GLOBAL, OBJECT, three, 0, 20);
        uneven.symbol("n", GLOBAL, OBJECT, three, 20, 20);
        assertRefused(uneven.build(), "expected entries of one size");
    }

    // ---- maps by BTF

    private interface Members {
        List<BtfType.Member> of(BtfBuilder b, Numbers numbers);
    }

    /** {@code __uint}, {@code __type} and {@code __array} as types. */
    private record Numbers(BtfBuilder b, int integer) {
        int uint(int value) {
            return b.pointer(b.array(integer, integer, value));
        }

        int type(int id) {
            return b.pointer(id);
        }

        int values(int id) {
            return b.array(b.pointer(id), integer, 0);
        }

        int ulong(long value) {
            return b.enumeration("", 8, false, List.of(new BtfType.Enumerator("__unique_value", value)));
        }
    }

    private static byte[] withBtfMap(Members members) {
        BtfBuilder b = new BtfBuilder();
        Numbers numbers = new Numbers(b, b.integer("int", 4, true));
        List<BtfType.Member> list = members.of(b, numbers);
        int struct = b.struct("", 8 * list.size(), list);
        int var = b.variable("m", struct, BtfType.Var.GLOBAL);
        b.dataSection(".maps", 0, List.of(new BtfType.SectionVar(var, 0, 8 * list.size())));
        ElfBuilder elf = oneProgram();
        int maps = elf.data(".maps", new byte[8 * list.size()]);
        elf.symbol("m", GLOBAL, OBJECT, maps, 0, 8L * list.size());
        elf.data(".BTF", b.build().bytes());
        return elf.build();
    }

    private static BtfType.Member member(String name, int type) {
        return new BtfType.Member(name, type, 0, 0);
    }

    private static MapSpec map(Members members) {
        return ObjectSpec.read("test.bpf.o", withBtfMap(members)).maps().getFirst();
    }

    @Test
    void mapByTypes() {
        MapSpec map = map((b, n) -> List.of(
                member("type", n.uint(1)),
                member("max_entries", n.uint(1000)),
                member("map_flags", n.uint(1)),
                member("map_extra", n.ulong(1L << 40)),
                member("numa_node", n.uint(3)),
                member("pinning", n.uint(1)),
                member("key", n.type(n.integer())),
                member("value", n.type(b.integer("unsigned long long", 8, false)))));
        assertThat(List.of(map.type(), map.keySize(), map.valueSize(), map.maxEntries(), map.flags(), map.numaNode()))
                .containsExactly(1, 4, 8, 1000, 1, 3);
        assertThat(map.extra()).isEqualTo(1L << 40);
        assertThat(map.pinning()).isEqualTo(MapSpec.Pinning.BY_NAME);
        assertThat(map.keyBtfType()).isEqualTo(1);
        assertThat(map.valueBtfType()).isNotZero();
    }

    @Test
    void innerMaps() {
        MapSpec map = map((b, n) -> List.of(
                member("type", n.uint(MapSpec.TYPE_ARRAY_OF_MAPS)),
                member("max_entries", n.uint(2)),
                member("key_size", n.uint(4)),
                member(
                        "values",
                        n.values(b.struct(
                                "",
                                32,
                                List.of(
                                        member("type", n.uint(MapSpec.TYPE_ARRAY)),
                                        member("max_entries", n.uint(7)),
                                        member("key_size", n.uint(4)),
                                        member("value_size", n.uint(16))))))));
        assertThat(map.valueSize()).isEqualTo(4);
        assertThat(map.inner()).isNotNull();
        assertThat(map.inner().maxEntries()).isEqualTo(7);
        assertThat(map.inner().valueSize()).isEqualTo(16);
    }

    @Test
    void ringBuffersAreRoundedUp() {
        Members odd = (b, n) -> List.of(member("type", n.uint(27)), member("max_entries", n.uint(5000)));
        assertThat(map(odd).maxEntries()).isEqualTo(8192);
        Members exact = (b, n) -> List.of(member("type", n.uint(27)), member("max_entries", n.uint(4096)));
        assertThat(map(exact).maxEntries()).isEqualTo(4096);
    }

    @Test
    void wrongMaps() {
        assertRefused(
                withBtfMap((b, n) -> List.of(member("type", n.uint(1)), member("colour", n.uint(1)))),
                "map m: unknown field",
                "name=colour");
        assertRefused(withBtfMap((b, n) -> List.of(member("max_entries", n.uint(1)))), "map m: has no type");
        assertRefused(
                withBtfMap((b, n) -> List.of(
                        member("type", n.uint(1)), member("key_size", n.uint(8)), member("key", n.type(n.integer())))),
                "map m: two sizes of its key: expected 8 bytes, found size=4");
        assertRefused(
                withBtfMap((b, n) -> List.of(member("type", n.integer()))),
                "map m: field type: expected a number (__uint or __ulong), found int");
        assertRefused(
                withBtfMap((b, n) -> List.of(member("type", n.uint(1)), member("values", n.values(n.integer())))),
                "field values: expected an array or hash of maps, or a program array, found type=hash");
    }

    // ---- damage

    @Test
    void cutOffContents() {
        byte[] whole = withBtfMap((b, n) -> List.of(member("type", n.uint(1)), member("max_entries", n.uint(5))));
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            try {
                ObjectSpec object = ObjectSpec.read("test.bpf.o", cut);
                assertThat(length).as("only padding is missing").isGreaterThan(whole.length - 8);
                assertThat(object.maps()).hasSize(1);
            } catch (ObjectException e) {
                assertThat(e.getMessage()).startsWith("test.bpf.o: ");
            }
        }
    }

    @Test
    void damagedTypesAreIgnoredWhereNothingNeedsThem() {
        ElfBuilder elf = oneProgram();
        elf.data(".BTF", new byte[] {1, 2, 3});
        ObjectSpec object = read(elf);
        assertThat(object.btf()).isNull();
        assertThat(object.warnings()).singleElement().asString().startsWith("section .BTF ignored: btf: too short");
        assertThat(object.programs()).hasSize(1);
    }

    /** Many names that share one long string must not cost many times the file. */
    @Test
    void namesShareTheirBytes() {
        ElfBuilder elf = oneProgram();
        String longName = "x".repeat(100_000);
        for (int i = 0; i < 2_000; i++) {
            elf.bss(i == 0 ? longName : ".bss", 1);
        }
        byte[] bytes = elf.build();
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int first = b.getInt(64 + 64 * 4);
        for (int i = 5; i < 2_004; i++) {
            b.putInt(64 + 64 * i, first + i);
        }
        assertRefused(bytes, "names take more than 16 times the size of the file");
    }
}
