package dev.sluice.bench;

import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.object.FunctionSpec.CodeReference;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Makes programs of any size, as a compiler leaves them that has unrolled everything: loads from the packet, arithmetic on
 * what they give, and a look-up with a counter now and then. The result depends on each instruction. Deterministic.
 */
final class StraightProgram {
    static final int LEAST_SLOTS = 40;
    static final int MOST_SLOTS = 1_000_000;

    /** Bytes that a packet needs to be looked at. */
    static final int PACKET_BYTES = 64;

    /** Entries of the array that is looked up in. */
    static final int COUNTERS = 16;

    /** The verifier takes at most 8,192 branches in a row. */
    private static final int BETWEEN_LOOKUPS = 200;

    private static final int TAIL = 3;

    private static final Opcode[] ALU = {
        Opcode.ADD64_X, Opcode.XOR64_X, Opcode.SUB64_X, Opcode.ADD32_X, Opcode.MUL64_X, Opcode.OR32_X
    };

    private final List<Instruction> insns = new ArrayList<>();
    private final List<CodeReference> references = new ArrayList<>();
    private int slots;

    private StraightProgram() {}

    /**
     * An object with one program and one map.
     *
     * @param slots instructions of the program, {@value #LEAST_SLOTS} to {@value #MOST_SLOTS}
     */
    static ObjectSpec of(int slots) {
        StraightProgram program = new StraightProgram();
        program.fill(slots);
        return ObjectSpec.of("straight", program.insns, program.references, List.of(counters()));
    }

    private static MapSpec counters() {
        return MapSpec.of("counters", MapSpec.TYPE_ARRAY, Integer.BYTES, Long.BYTES, COUNTERS, 0, 0, 0, 0);
    }

    private void add(Opcode opcode, int dst, int src, int off, long imm) {
        Instruction insn = new Instruction(opcode, dst, src, off, imm);
        insns.add(insn);
        slots += insn.slots();
    }

    private void fill(int size) {
        Random random = new Random(size);
        add(Opcode.LDX_W, 7, 1, 0, 0);
        add(Opcode.LDX_W, 8, 1, 4, 0);
        add(Opcode.MOV64_X, 2, 7, 0, 0);
        add(Opcode.ADD64_K, 2, 0, 0, PACKET_BYTES);
        add(Opcode.JLE_X, 2, 8, 2, 0);
        add(Opcode.MOV64_K, 0, 0, 0, 1);
        add(Opcode.EXIT, 0, 0, 0, 0);
        add(Opcode.MOV64_K, 6, 0, 0, 0);
        add(Opcode.MOV64_K, 9, 0, 0, 1);
        int nextLookup = slots;
        while (slots < size - TAIL) {
            if (slots >= nextLookup && slots + 20 < size - TAIL) {
                lookUp();
                nextLookup += BETWEEN_LOOKUPS;
            } else if (random.nextInt(3) == 0) {
                add(Opcode.LDX_B, 9, 7, random.nextInt(PACKET_BYTES), 0);
            } else if (random.nextInt(4) == 0) {
                add(Opcode.ADD64_K, 6, 0, 0, random.nextInt());
            } else {
                add(ALU[random.nextInt(ALU.length)], 6, 9, 0, 0);
            }
        }
        // XDP_DROP, PASS, TX or ABORTED
        add(Opcode.MOV64_X, 0, 6, 0, 0);
        add(Opcode.AND64_K, 0, 0, 0, 3);
        add(Opcode.EXIT, 0, 0, 0, 0);
    }

    /** Adds a counter's value, and counts. */
    private void lookUp() {
        add(Opcode.MOV64_X, 3, 6, 0, 0);
        add(Opcode.AND64_K, 3, 0, 0, COUNTERS - 1);
        add(Opcode.STX_W, 10, 3, -4, 0);
        add(Opcode.MOV64_X, 2, 10, 0, 0);
        add(Opcode.ADD64_K, 2, 0, 0, -4);
        references.add(new CodeReference.ToMap(slots, 0));
        add(Opcode.LDDW, 1, 1, 0, 0);
        add(Opcode.CALL, 0, 0, 0, 1);
        add(Opcode.JNE_K, 0, 0, 2, 0);
        add(Opcode.MOV64_K, 0, 0, 0, 1);
        add(Opcode.EXIT, 0, 0, 0, 0);
        add(Opcode.LDX_DW, 3, 0, 0, 0);
        add(Opcode.ADD64_X, 6, 3, 0, 0);
        add(Opcode.ADD64_K, 3, 0, 0, 1);
        add(Opcode.STX_DW, 0, 3, 0, 0);
    }
}
