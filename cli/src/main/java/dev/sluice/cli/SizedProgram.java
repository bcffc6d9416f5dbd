package dev.sluice.cli;

import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.object.ObjectSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes programs that do the same again and again, as many times as make a size: the work of a rule, which loads fields of the
 * packet, mixes them with its own constants, keeps the result on the stack and tests it, with two branches of which packets take
 * either side. Almost all of the instructions are executed, so that their cost can be compared between sizes.
 */
final class SizedProgram {
    /** The smallest size. */
    static final int SMALLEST = 50;

    /** Bytes that a packet must have; shorter ones are dropped at once. */
    private static final int PACKET_BYTES = 60;

    private static final int DATA = 7;
    private static final int SUM = 6;
    private static final int RULE_SLOTS = 16;
    private static final int TAIL_SLOTS = 4;

    private final List<Instruction> insns = new ArrayList<>();

    private SizedProgram() {}

    /**
     * An object with one program and no map.
     *
     * @param slots about how many instructions, {@link #SMALLEST} or more: what rules of 16 add up to
     */
    static ObjectSpec of(int slots) {
        SizedProgram program = new SizedProgram();
        program.fill(slots);
        String name = "rules_" + program.insns.size();
        return ObjectSpec.of(name, program.insns, List.of(), List.of());
    }

    private void add(Opcode opcode, int dst, int src, int off, long imm) {
        insns.add(new Instruction(opcode, dst, src, off, imm));
    }

    private void fill(int slots) {
        add(Opcode.LDX_W, DATA, 1, 0, 0);
        add(Opcode.LDX_W, 2, 1, 4, 0);
        add(Opcode.MOV64_X, 3, DATA, 0, 0);
        add(Opcode.ADD64_K, 3, 0, 0, PACKET_BYTES);
        add(Opcode.JLE_X, 3, 2, 2, 0);
        add(Opcode.MOV64_K, 0, 0, 0, 1);
        add(Opcode.EXIT, 0, 0, 0, 0);
        add(Opcode.MOV64_K, SUM, 0, 0, 0);
        for (int i = 0; insns.size() + RULE_SLOTS + TAIL_SLOTS <= Math.max(slots, SMALLEST); i++) {
            rule(i);
        }
        // XDP_DROP or XDP_PASS
        add(Opcode.MOV64_X, 0, SUM, 0, 0);
        add(Opcode.AND64_K, 0, 0, 0, 1);
        add(Opcode.ADD64_K, 0, 0, 0, 1);
        add(Opcode.EXIT, 0, 0, 0, 0);
    }

    private void rule(int i) {
        int number = (i + 1) * 0x9e37_79b1; // of each rule another one
        add(Opcode.LDX_W, 1, DATA, i % 2 == 0 ? 26 : 30, 0); // an address
        add(Opcode.LDX_H, 2, DATA, 34 + i % 2 * 2, 0); // a port
        add(Opcode.XOR32_K, 1, 0, 0, number);
        add(Opcode.MOV32_X, 3, 1, 0, 0);
        add(Opcode.RSH32_K, 3, 0, 0, 7 + i % 8);
        add(Opcode.XOR32_X, 3, 1, 0, 0);
        add(Opcode.ADD32_X, 3, 2, 0, 0);
        add(Opcode.STX_W, 10, 3, -8, 0);
        add(Opcode.JSET32_K, 3, 0, 2, 1); // either side, as the packet wants
        add(Opcode.ADD64_X, SUM, 2, 0, 0);
        add(Opcode.XOR64_K, SUM, 0, 0, number >>> 16);
        add(Opcode.LDX_W, 4, 10, -8, 0);
        add(Opcode.AND32_K, 4, 0, 0, 0x7fff_ff00);
        add(Opcode.JEQ32_K, 4, 0, 1, number & 0x7fff_ff00); // hardly ever
        add(Opcode.ADD64_X, SUM, 4, 0, 0);
        add(Opcode.XOR64_X, SUM, 3, 0, 0);
    }
}
