package dev.sluice.conformance.fuzz;

import dev.sluice.conformance.fuzz.CodeBuilder.Label;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Makes programs of little else than pointers: into packet, metadata, stack and a map's value, moved by numbers and by each
 * other, compared with the packet's ends and with null, copied through registers and stack, and used for accesses that are
 * sometimes behind a comparison that covers them and sometimes not. Valid instructions, but hardly ever a valid program.
 *
 * <pre>
 *   r6   the context, mostly
 *   r7   data at first, r8 data_end at first; all others anything
 * </pre>
 */
final class PointerPrograms {
    private static final int CTX = 6;
    private static final int DATA = 7;
    private static final int END = 8;
    private static final int FP = Instruction.FP;
    private static final int KEY = -8;
    private static final int MOST_PENDING = 6;

    private static final List<Opcode> LOADS = List.of(Opcode.LDX_B, Opcode.LDX_H, Opcode.LDX_W, Opcode.LDX_DW);
    private static final List<Opcode> STORES = List.of(Opcode.STX_B, Opcode.STX_H, Opcode.STX_W, Opcode.STX_DW);
    private static final List<Opcode> COMPARISONS = rows(Form.JMP_X);
    private static final List<Opcode> COMPARISONS_K = rows(Form.JMP_K);
    private static final List<Opcode> ORDERS = List.of(Opcode.JGT_X, Opcode.JGE_X, Opcode.JLT_X, Opcode.JLE_X);
    private static final List<Opcode> NUMBERS_K = rows(Form.ALU_K);
    private static final int[] ADJUSTS = {44, 54, 65};

    private final Random random;
    private final CodeBuilder code = new CodeBuilder();
    private final Label out = new Label();

    /** Labels that jumps go to and that are bound some operations later. */
    private final List<Label> pending = new ArrayList<>();

    private final List<Label> behind = new ArrayList<>();
    private final Label function = new Label();
    private boolean calls;

    private PointerPrograms(long seed) {
        random = new Random(seed);
    }

    private static List<Opcode> rows(Form form) {
        return Arrays.stream(Opcode.values()).filter(row -> row.form() == form).toList();
    }

    /** The program of a seed; its maps are indices of {@link TestBed}. */
    static Code generate(long seed) {
        return new PointerPrograms(seed).program();
    }

    private Code program() {
        code.copy(CTX, 1);
        code.add(Opcode.LDX_W, DATA, CTX, 0, 0);
        code.add(Opcode.LDX_W, END, CTX, 4, 0);
        code.add(Opcode.ST_DW, FP, 0, KEY, 0);
        code.move(9, random.nextInt(8));
        if (random.nextInt(4) != 0) {
            code.copy(1, DATA);
            code.add(Opcode.ADD64_K, 1, 0, 0, 1 + random.nextInt(64));
            code.jump(pick(ORDERS.subList(0, 2)), 1, END, 0, out);
        }
        int size = 10 + random.nextInt(40);
        for (int i = 0; i < size; i++) {
            operation();
        }
        pending.forEach(code::bind);
        code.move(0, 2);
        code.bind(out);
        code.add(Opcode.EXIT, 0, 0, 0, 0);
        if (calls) {
            pending.clear();
            behind.clear();
            code.bind(function);
            for (int i = random.nextInt(8); i >= 0; i--) {
                operation();
            }
            pending.forEach(code::bind);
            code.add(Opcode.EXIT, 0, 0, 0, 0);
        }
        return code.build();
    }

    private void operation() {
        if (!pending.isEmpty() && random.nextInt(4) == 0) {
            code.bind(pending.removeFirst());
        }
        if (random.nextInt(10) == 0) {
            Label label = new Label();
            code.bind(label);
            behind.add(label);
        }
        switch (random.nextInt(22)) {
            case 0, 1 -> code.add(Opcode.LDX_W, any(), random.nextInt(10) == 0 ? any() : CTX, 4 * random.nextInt(3), 0);
            case 2, 3 -> code.copy(any(), anyOrFrame());
            case 4, 5 -> code.add(random.nextInt(4) == 0 ? Opcode.SUB64_K : Opcode.ADD64_K, any(), 0, 0, distance());
            case 6, 7 -> code.add(random.nextInt(4) == 0 ? Opcode.SUB64_X : Opcode.ADD64_X, any(), any(), 0, 0);
            case 8, 9 -> number();
            case 10 -> code.jump(pick(COMPARISONS), any(), any(), 0, forward());
            case 11 -> code.jump(pick(COMPARISONS_K), any(), 0, random.nextInt(3) == 0 ? 0 : distance(), forward());
            case 12, 13, 14, 15 -> guarded();
            case 16 -> access(any(), random.nextInt(90) - 20);
            case 17 -> lookup();
            case 18 -> adjust();
            case 19 -> spill();
            case 20 -> {
                if (!behind.isEmpty()) {
                    code.jump(pick(COMPARISONS), any(), any(), 0, behind.get(random.nextInt(behind.size())));
                }
            }
            default -> {
                if (random.nextInt(3) == 0) {
                    calls = true;
                    code.jump(Opcode.CALL_LOCAL, 0, 1, 0, function);
                }
            }
        }
    }

    private int any() {
        int register = random.nextInt(10);
        return register == CTX && random.nextInt(8) != 0 ? DATA : register;
    }

    private int anyOrFrame() {
        return random.nextInt(6) == 0 ? FP : any();
    }

    private long distance() {
        return switch (random.nextInt(8)) {
            case 0 -> random.nextInt() >> random.nextInt(32);
            case 1 -> -random.nextInt(300);
            default -> random.nextInt(80);
        };
    }

    private <T> T pick(List<T> all) {
        return all.get(random.nextInt(all.size()));
    }

    private Label forward() {
        if (pending.size() >= MOST_PENDING || random.nextInt(4) == 0) {
            return out;
        }
        Label label = new Label();
        pending.add(label);
        return label;
    }

    /** A number from somewhere, made small or not. */
    private void number() {
        int register = any();
        switch (random.nextInt(4)) {
            case 0 -> code.add(pick(LOADS), register, random.nextBoolean() ? DATA : any(), random.nextInt(16), 0);
            case 1 -> code.move(register, distance());
            default -> {
                Opcode opcode = pick(NUMBERS_K);
                if (opcode.fixedOffset() == 0) {
                    int bits = opcode.is64() ? 64 : 32;
                    boolean shifts = opcode.alu().name().endsWith("SH");
                    code.add(opcode, register, 0, 0, shifts ? random.nextInt(bits) : distance());
                }
            }
        }
        if (random.nextBoolean()) {
            code.add(
                    random.nextBoolean() ? Opcode.AND64_K : Opcode.AND32_K,
                    register,
                    0,
                    0,
                    (1 << random.nextInt(9)) - 1);
        }
    }

    /** An access behind a comparison with the packet's end, which covers it or just does not. */
    private void guarded() {
        int pointer = random.nextInt(3) == 0 ? any() : DATA;
        int limit = random.nextInt(6) == 0 ? any() : END;
        int moved = any();
        int length = 1 + random.nextInt(40);
        if (random.nextInt(3) == 0) { // at a place that is known at run time only
            int index = any();
            code.add(pick(LOADS), index, DATA, random.nextInt(12), 0);
            code.add(Opcode.AND64_K, index, 0, 0, (1 << random.nextInt(8)) - 1);
            int sum = any();
            code.copy(sum, pointer);
            code.add(Opcode.ADD64_X, sum, index, 0, 0);
            pointer = sum;
        }
        code.copy(moved, pointer);
        code.add(Opcode.ADD64_K, moved, 0, 0, length);
        Label to = forward();
        switch (random.nextInt(6)) {
            case 0 -> code.jump(pick(COMPARISONS), moved, limit, 0, to);
            case 1 -> code.jump(random.nextBoolean() ? Opcode.JLT_X : Opcode.JLE_X, limit, moved, 0, to);
            default -> code.jump(random.nextBoolean() ? Opcode.JGT_X : Opcode.JGE_X, moved, limit, 0, to);
        }
        if (random.nextInt(5) == 0) {
            operation();
        }
        for (int i = random.nextInt(3); i >= 0; i--) {
            boolean fromMoved = random.nextInt(4) == 0;
            int offset = random.nextInt(length + 2) - (random.nextInt(6) == 0 ? 2 : 0);
            access(fromMoved ? moved : pointer, fromMoved ? offset - length : offset);
        }
    }

    private void access(int pointer, int offset) {
        if (random.nextBoolean()) {
            code.add(pick(LOADS), random.nextInt(4) == 0 ? any() : random.nextInt(6), pointer, offset, 0);
        } else {
            code.add(pick(STORES), pointer, random.nextInt(6), offset, 0);
        }
    }

    private void lookup() {
        code.add(Opcode.ST_W, FP, 0, KEY, random.nextInt(8) == 0 ? 1 : 0);
        code.map(1, TestBed.ARRAY);
        code.copy(2, FP);
        code.add(Opcode.ADD64_K, 2, 0, 0, KEY);
        code.add(Opcode.CALL, 0, 0, 0, 1);
        int value = any();
        if (random.nextInt(4) != 0) {
            code.jump(random.nextInt(6) == 0 ? Opcode.JNE_K : Opcode.JEQ_K, 0, 0, 0, forward());
        }
        if (random.nextBoolean()) {
            code.copy(value, 0);
        } else {
            value = 0;
        }
        if (random.nextBoolean()) {
            code.add(Opcode.LDX_B, 3, DATA, random.nextInt(14), 0);
            code.add(Opcode.ADD64_X, value, 3, 0, 0);
        }
        access(value, random.nextInt(TestBed.VALUE_BYTES + 16) - 8);
    }

    private void adjust() {
        code.copy(1, CTX);
        code.move(2, random.nextInt(40) - 20);
        code.add(Opcode.CALL, 0, 0, 0, ADJUSTS[random.nextInt(ADJUSTS.length)]);
        if (random.nextInt(4) != 0) { // else both are what they were
            code.add(Opcode.LDX_W, DATA, CTX, 0, 0);
            code.add(Opcode.LDX_W, END, CTX, 4, 0);
        }
    }

    private void spill() {
        int at = -8 * (2 + random.nextInt(4));
        code.add(Opcode.STX_DW, FP, any(), at, 0);
        if (random.nextBoolean()) {
            operation();
        }
        code.add(Opcode.LDX_DW, any(), FP, at, 0);
    }
}
