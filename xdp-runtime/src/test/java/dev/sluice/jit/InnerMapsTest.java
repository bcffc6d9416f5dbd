package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Look-ups in maps that are in another one, against the interpreter. Packets say what to look for: byte 4 the key of the outer
 * map, byte 8 that of the inner one; the result goes to the bytes from 120 on.
 */
class InnerMapsTest {
    private static final int BATCH = 64;
    private static final int BATCHES = 30;
    private static final int OUTER = 6;
    private static final int VARIES = 1 << 12;

    private static Code code(BpfMap outer) {
        Code code = Assembler.assemble("""
                r6 = *(u32 *)(r1 + 0)
                r7 = *(u32 *)(r1 + 4)
                r2 = r6
                r2 += %d
                if r2 > r7 goto out
                r1 = *(u32 *)(r6 + 4)
                *(u32 *)(r10 - 8) = r1
                r1 = *(u32 *)(r6 + 8)
                *(u32 *)(r10 - 16) = r1
                r2 = r10
                r2 += -8
                r1 = map[fd:1]
                call 1
                r8 = -1
                if r0 == 0 goto done
                r1 = r0
                r2 = r10
                r2 += -16
                call 1
                r8 = -2
                if r0 == 0 goto done
                r8 = *(u64 *)(r0 + 0)
                r1 = r8
                r1 += 1
                *(u64 *)(r0 + 0) = r1
                done:
                *(u64 *)(r6 + 120) = r8
                out:
                r0 = 2
                exit
                """.formatted(KnownMapsTest.PACKET));
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW) {
                code = code.with(slot, insn.withImm(outer.handle()));
            }
        }
        return code;
    }

    private static byte[] u32(int number) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array();
    }

    /** An inner map, the number-th, with some of 8 keys. */
    private static BpfMap inner(Bed bed, MapDef def, int number) {
        boolean varies = (def.flags() & VARIES) != 0;
        BpfMap map = bed.map(new MapDef(
                def.name(), def.type(), 4, 16, varies ? 1 + number % 8 : def.maxEntries(), def.flags(), 0, null));
        for (int k = 0; k < map.def().maxEntries(); k++) {
            byte[] value = new byte[map.userValueSize()];
            for (int at = 0; at < value.length; at += Long.BYTES) {
                ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).putLong(at, number * 1000L + k * 10 + at);
            }
            map.put(u32(k), value, BpfMap.ANY);
        }
        return map;
    }

    @ParameterizedTest
    @CsvSource({
        "ARRAY_OF_MAPS, ARRAY, 0",
        "ARRAY_OF_MAPS, ARRAY, " + VARIES,
        "ARRAY_OF_MAPS, PERCPU_ARRAY, 0",
        "ARRAY_OF_MAPS, HASH, 0",
        "ARRAY_OF_MAPS, LRU_HASH, 0",
        "ARRAY_OF_MAPS, PERCPU_HASH, 0",
        "HASH_OF_MAPS, ARRAY, 0",
        "HASH_OF_MAPS, LRU_HASH, 0"
    })
    void doesWhatTheInterpreterDoes(MapType outer, MapType inner, int flags) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        MapDef innerDef = new MapDef("inner", inner, 4, 16, 6, flags, 0, null);
        MapDef def = new MapDef("outer", outer, 4, 4, OUTER, 0, 0, innerDef);
        List<String> expected = run(new Interpreter(), false, def, seed);
        assertThat(run(JitEngine.checked(), false, def, seed))
                .as("-Dsluice.seed=" + seed)
                .isEqualTo(expected);
        assertThat(run(JitEngine.trusting(), true, def, seed))
                .as("-Dsluice.seed=" + seed + " unchecked")
                .isEqualTo(expected);
        assertThat(expected).contains("-1", "-2");
        assertThat(expected.stream().distinct().count()).isGreaterThan(20);
    }

    private static List<String> run(Engine engine, boolean proved, MapDef def, long seed) {
        Random random = new Random(seed);
        List<String> results = new ArrayList<>();
        try (Bed bed = new Bed(BATCH)) {
            BpfMap outer = bed.map(def);
            Program program = Program.ofCode("inner", code(outer));
            Executable executable = proved ? engine.load(KnownMapsTest.proved(program), 1) : engine.load(program, 1);
            for (int batch = 0; batch < BATCHES; batch++) {
                BpfMap fresh = inner(bed, def.inner(), batch + 1);
                outer.put(u32(random.nextInt(OUTER - 1)), u32(fresh.id()), BpfMap.ANY);
                fresh.close();
                for (int i = 0; i < BATCH; i++) {
                    long data = bed.data(i);
                    Memory.putLong(bed.descriptor(i) + FrameDescriptor.DATA_END, data + KnownMapsTest.PACKET);
                    Memory.putInt(data + 4, random.nextInt(OUTER + 1));
                    Memory.putInt(data + 8, random.nextInt(10) == 0 ? -1 : random.nextInt(8));
                }
                executable.run(bed.context, bed.descriptors, BATCH, (index, fault) -> results.add(fault.toString()));
                for (int i = 0; i < BATCH; i++) {
                    results.add("" + Memory.getLong(bed.data(i) + 120));
                }
            }
        }
        return results;
    }

    /**
     * Maps of several kinds at one look-up: two outer maps, of arrays and of hashes, whose inner maps come to the same call. The
     * keys of the second are longer than those of the first, which are at the end of the frame.
     */
    @Test
    void tellsInnerMapsApart() {
        List<String> expected = runOfTwo(new Interpreter(), false);
        assertThat(expected).contains("-1", "-2", "-3", "70000", "42");
        assertThat(runOfTwo(JitEngine.checked(), false)).isEqualTo(expected);
        assertThat(runOfTwo(JitEngine.trusting(), true)).isEqualTo(expected);
    }

    private static List<String> runOfTwo(Engine engine, boolean proved) {
        List<String> results = new ArrayList<>();
        try (Bed bed = new Bed(BATCH)) {
            MapDef arrayDef = new MapDef("a", MapType.ARRAY, 4, 8, 4, 0, 0, null);
            MapDef hashDef = new MapDef("h", MapType.HASH, 20, 8, 4, 0, 0, null);
            BpfMap arrays = bed.map(new MapDef("arrays", MapType.ARRAY_OF_MAPS, 4, 4, OUTER, 0, 0, arrayDef));
            BpfMap hashes = bed.map(new MapDef("hashes", MapType.HASH_OF_MAPS, 4, 4, OUTER, 0, 0, hashDef));
            Code code = Assembler.assemble("""
                    r6 = *(u32 *)(r1 + 0)
                    r7 = *(u32 *)(r1 + 4)
                    r2 = r6
                    r2 += %d
                    if r2 > r7 goto out
                    r9 = *(u32 *)(r6 + 12)
                    r1 = *(u32 *)(r6 + 4)
                    *(u32 *)(r10 - 32) = r1
                    r2 = r10
                    r2 += -32
                    r8 = -1
                    if r9 == 0 goto arrays
                    r1 = map[fd:2]
                    call 1
                    if r0 == 0 goto done
                    r1 = r0
                    r3 = *(u32 *)(r6 + 8)
                    *(u32 *)(r10 - 24) = r3
                    *(u64 *)(r10 - 20) = r9
                    *(u64 *)(r10 - 12) = r9
                    r2 = r10
                    r2 += -24
                    r8 = -2
                    goto inner
                    arrays:
                    r1 = map[fd:1]
                    call 1
                    if r0 == 0 goto done
                    r1 = r0
                    r3 = *(u32 *)(r6 + 8)
                    *(u32 *)(r10 - 4) = r3
                    r2 = r10
                    r2 += -4
                    r8 = -3
                    inner:
                    call 1
                    if r0 == 0 goto done
                    r8 = *(u64 *)(r0 + 0)
                    done:
                    *(u64 *)(r6 + 120) = r8
                    out:
                    r0 = 2
                    exit
                    """.formatted(KnownMapsTest.PACKET));
            for (int slot = 0; slot < code.size(); slot++) {
                Instruction insn = code.at(slot);
                if (insn != null && insn.form() == Form.LDDW) {
                    code = code.with(slot, insn.withImm(insn.imm() == 1 ? arrays.handle() : hashes.handle()));
                }
            }
            BpfMap array = bed.map(arrayDef);
            array.put(
                    u32(3),
                    ByteBuffer.allocate(8)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(70_000)
                            .array(),
                    BpfMap.ANY);
            BpfMap hash = bed.map(hashDef);
            byte[] key = ByteBuffer.allocate(20)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(5)
                    .putLong(1)
                    .putLong(1)
                    .array();
            hash.put(
                    key,
                    ByteBuffer.allocate(8)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(42)
                            .array(),
                    BpfMap.ANY);
            arrays.put(u32(1), u32(array.id()), BpfMap.ANY);
            hashes.put(u32(1), u32(hash.id()), BpfMap.ANY);
            Program program = Program.ofCode("inner", code);
            Executable executable = proved ? engine.load(KnownMapsTest.proved(program), 1) : engine.load(program, 1);
            for (int i = 0; i < BATCH; i++) {
                long data = bed.data(i);
                Memory.putLong(bed.descriptor(i) + FrameDescriptor.DATA_END, data + KnownMapsTest.PACKET);
                Memory.putInt(data + 4, i >> 1 & 1);
                Memory.putInt(data + 8, i >> 2 & 7);
                Memory.putInt(data + 12, i & 1);
            }
            for (int batch = 0; batch < BATCHES; batch++) {
                executable.run(bed.context, bed.descriptors, BATCH, (index, fault) -> results.add(fault.toString()));
                for (int i = 0; i < BATCH; i++) {
                    results.add("" + Memory.getLong(bed.data(i) + 120));
                }
            }
        }
        return results;
    }
}
