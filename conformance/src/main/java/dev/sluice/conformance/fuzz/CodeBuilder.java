package dev.sluice.conformance.fuzz;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Instructions one behind the other, with labels for jumps and calls. */
final class CodeBuilder {
    /** A place in the code, known or not yet. */
    static final class Label {}

    private final List<Instruction> instructions = new ArrayList<>();
    private final Map<Integer, Label> jumps = new HashMap<>();
    private final Map<Label, Integer> places = new HashMap<>();
    private int slot;

    void bind(Label label) {
        places.put(label, slot);
    }

    void add(Opcode opcode, int dst, int src, int off, long imm) {
        add(new Instruction(opcode, dst, src, off, imm));
    }

    void add(Instruction instruction) {
        instructions.add(instruction);
        slot += instruction.slots();
    }

    /** A jump or a call whose target is a label. */
    void jump(Opcode opcode, int dst, int src, long imm, Label target) {
        jumps.put(instructions.size(), target);
        add(opcode, dst, src, 0, imm);
    }

    /** {@code dst = imm}. */
    void move(int dst, long imm) {
        if (imm == (int) imm) {
            add(Opcode.MOV64_K, dst, 0, 0, imm);
        } else {
            add(Opcode.LDDW, dst, 0, 0, imm);
        }
    }

    /** {@code dst = src}. */
    void copy(int dst, int src) {
        add(Opcode.MOV64_X, dst, src, 0, 0);
    }

    /** {@code dst = a map}, by its index in the test bed. */
    void map(int dst, int index) {
        add(Opcode.LDDW, dst, Pseudo.MAP_FD.ordinal(), 0, index);
    }

    int size() {
        return slot;
    }

    Code build() {
        List<Instruction> linked = new ArrayList<>(instructions);
        int at = 0;
        for (int i = 0; i < linked.size(); i++) {
            Instruction insn = linked.get(i);
            Label label = jumps.get(i);
            if (label != null) {
                int distance = Objects.requireNonNull(places.get(label), "label is bound") - at - 1;
                boolean inImm = insn.form() == Form.GOTOL || insn.form() == Form.CALL_LOCAL;
                linked.set(
                        i,
                        inImm
                                ? insn.withImm(distance)
                                : new Instruction(insn.opcode(), insn.dst(), insn.src(), distance, insn.imm()));
            }
            at += insn.slots();
        }
        return Code.of(linked);
    }
}
