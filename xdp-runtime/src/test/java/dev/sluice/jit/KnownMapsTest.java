package dev.sluice.jit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapType;
import dev.sluice.memory.Memory;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.Verified;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Operations on maps that are known while code is made, against the interpreter, which asks the maps. Packets say what to do:
 * byte 0 the operation, byte 1 flags, from byte 4 the key, from byte 60 the value; the result goes to the bytes from 120 on.
 */
class KnownMapsTest {
    static final int KEY_AT = 4;
    private static final int VALUE_AT = 60;
    static final int RESULT_AT = 120;
    static final int PACKET = 128;
    private static final int BATCHES = 40;
    private static final int BATCH = 64;
    private static final int CPU = 2;

    /** Writes key and value onto the stack with stores of different widths, and does what the packet says. */
    static Code code(BpfMap map, int width) {
        int keySize = map.def().keySize();
        int valueSize = map.def().valueSize();
        StringBuilder text = new StringBuilder("""
                r6 = *(u32 *)(r1 + 0)
                r7 = *(u32 *)(r1 + 4)
                r2 = r6
                r2 += %d
                if r2 > r7 goto out
                """.formatted(PACKET));
        copy(text, keySize, width, KEY_AT, 64);
        copy(text, valueSize, width, VALUE_AT, 128);
        text.append("""
                r8 = *(u8 *)(r6 + 0)
                r4 = *(u8 *)(r6 + 1)
                r2 = r10
                r2 += -64
                r3 = r10
                r3 += -128
                r1 = map[fd:1]
                if r8 == 1 goto update
                if r8 == 2 goto delete
                call 1
                if r0 == 0 goto none
                r1 = *(u8 *)(r0 + 0)
                r1 += 1
                *(u8 *)(r0 + 0) = r1
                r0 = *(u8 *)(r0 + %d)
                r0 <<= 8
                r0 += r1
                goto done
                none:
                r0 = -1
                goto done
                update:
                call 2
                goto done
                delete:
                call 3
                done:
                *(u64 *)(r6 + %d) = r0
                out:
                r0 = 2
                exit
                """.formatted(valueSize - 1, RESULT_AT));
        Code code = Assembler.assemble(text.toString());
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW) {
                code = code.with(slot, insn.withImm(map.handle()));
            }
        }
        return code;
    }

    private static void copy(StringBuilder text, int bytes, int width, int from, int to) {
        for (int at = 0; at < bytes; ) {
            int size = Math.min(width, Integer.highestOneBit(bytes - at));
            text.append("r1 = *(u%d *)(r6 + %d)\n".formatted(size * 8, from + at));
            text.append("*(u%d *)(r10 - %d) = r1\n".formatted(size * 8, to - at));
            at += size;
        }
    }

    /** The loads of data and data_end read the context, and it is right: the program is made so. */
    static Verified proved(Program program) {
        Code code = program.code();
        BitSet all = new BitSet();
        all.set(0, code.size());
        RegisterFact[][] registers = new RegisterFact[code.size()][];
        for (int slot = 0; slot < 2; slot++) {
            assertThat(code.at(slot).opcode()).isEqualTo(Opcode.LDX_W);
            registers[slot] = new RegisterFact[Instruction.FP + 1];
            registers[slot][1] = new RegisterFact(RegisterFact.Kind.CTX, true, -1, false, 0, 0, Range.ANY);
        }
        return new Facts(code.toBytes(), true, all, all, all, registers)
                .verified(program)
                .orElseThrow();
    }

    @ParameterizedTest
    @CsvSource({
        "ARRAY, 4, 8, 0",
        "ARRAY, 4, 13, 0",
        "PERCPU_ARRAY, 4, 12, 0",
        "HASH, 4, 8, 0",
        "HASH, 1, 1, 0",
        "HASH, 2, 4, 1",
        "HASH, 3, 16, 0",
        "HASH, 5, 8, 0",
        "HASH, 6, 24, 1",
        "HASH, 7, 8, 0",
        "HASH, 8, 40, 0",
        "HASH, 9, 8, 0",
        "HASH, 13, 9, 0",
        "HASH, 16, 8, 0",
        "HASH, 23, 8, 0",
        "HASH, 40, 8, 1",
        "HASH, 48, 60, 0",
        "HASH, 52, 8, 0",
        "PERCPU_HASH, 4, 8, 0",
        "PERCPU_HASH, 12, 20, 1",
        "LRU_HASH, 4, 8, 0",
        "LRU_HASH, 20, 8, 2",
        "LRU_PERCPU_HASH, 6, 8, 0",
        "LPM_TRIE, 8, 8, 1",
        "LPM_TRIE, 20, 5, 1"
    })
    void doesWhatTheInterpreterDoes(MapType type, int keySize, int valueSize, int flags) {
        long seed = Long.getLong("sluice.seed", System.nanoTime());
        for (int width : new int[] {1, 4, 8}) {
            MapDef def = new MapDef("m", type, keySize, valueSize, 20, flags, 0, null);
            List<String> expected = run(new Interpreter(), false, def, width, seed);
            String name = "-Dsluice.seed=" + seed + " width=" + width;
            assertThat(run(JitEngine.checked(), false, def, width, seed))
                    .as(name)
                    .isEqualTo(expected);
            assertThat(run(JitEngine.trusting(), true, def, width, seed))
                    .as(name + " unchecked")
                    .isEqualTo(expected);
            assertThat(expected.stream().distinct().count()).as(name).isGreaterThan(3);
        }
    }

    private static List<String> run(Engine engine, boolean proved, MapDef def, int width, long seed) {
        Random random = new Random(seed);
        List<String> results = new ArrayList<>();
        try (Bed bed = new Bed(BATCH)) {
            bed.context.cpu = CPU;
            BpfMap map = bed.map(def);
            Program program = Program.ofCode("known", code(map, width));
            Executable executable = proved ? engine.load(proved(program), 1) : engine.load(program, 1);
            for (int batch = 0; batch < BATCHES; batch++) {
                for (int i = 0; i < BATCH; i++) {
                    packet(bed, i, def, random);
                }
                executable.run(bed.context, bed.descriptors, BATCH, (index, fault) -> results.add(fault.toString()));
                for (int i = 0; i < BATCH; i++) {
                    results.add(bed.action(i) + " " + Memory.getLong(bed.data(i) + RESULT_AT));
                }
            }
            for (byte[] key : map.keys()) {
                results.add(
                        HexFormat.of().formatHex(key) + " -> " + HexFormat.of().formatHex(map.get(key)));
            }
        }
        return results;
    }

    /** Few keys, most of which differ in one place only. */
    private static void packet(Bed bed, int index, MapDef def, Random random) {
        long data = bed.data(index);
        Memory.putLong(bed.descriptor(index) + dev.sluice.memory.FrameDescriptor.DATA_END, data + PACKET);
        Memory.fill(data, PACKET, (byte) 0);
        Memory.putByte(data, (byte) Math.max(0, random.nextInt(6) - 3));
        Memory.putByte(data + 1, (byte) (random.nextInt(3) == 0 ? random.nextInt(4) : 0));
        int place = random.nextInt(def.keySize());
        if (def.type() == MapType.LPM_TRIE) {
            Memory.putInt(data + KEY_AT, random.nextInt(def.keySize() * 8 - 31));
            place = 4 + random.nextInt(3);
        }
        if (def.type() == MapType.ARRAY || def.type() == MapType.PERCPU_ARRAY) {
            place = random.nextInt(8) == 0 ? 3 : 0;
        }
        Memory.putByte(data + KEY_AT + place, (byte) (1 + random.nextInt(24)));
        for (int i = 0; i < def.valueSize(); i++) {
            Memory.putByte(data + VALUE_AT + i, (byte) random.nextInt());
        }
    }
}
