package dev.sluice.conformance.fuzz;

import dev.sluice.conformance.fuzz.CodeBuilder.Label;
import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Makes one random program from a seed. Registers have fixed roles, so that every path is valid for the verifier: r6
 * to r8 hold pointers and are never written again, all others hold scalars at all times.
 *
 * <pre>
 *   r0 to r5, r9   scalars             r10 -8  to r10 -64   scalars
 *   r6             context             r10 -72 to r10 -96   counters of loops, by depth
 *   r7             packet, 64 bytes    r10 -104             keys for maps
 *   r8             value of the array
 * </pre>
 */
public final class ProgramGenerator {
    private static final int CTX = 6;
    private static final int PACKET = 7;
    private static final int VALUE = 8;
    private static final int KEPT = 9;
    private static final int FP = Instruction.FP;
    private static final int[] SCALARS = {0, 1, 2, 3, 4, 5, KEPT};
    private static final int STACK_BYTES = 64;
    private static final int COUNTERS = -72;
    private static final int KEY = -104;
    private static final int MAX_DEPTH = 3;

    private static final long[] INTERESTING = {
        0,
        1,
        -1,
        2,
        7,
        8,
        31,
        32,
        63,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -128,
        -32768,
        Integer.MIN_VALUE
    };

    private static final List<Opcode> ARITHMETIC = rows(Form.ALU_K, Form.ALU_X, Form.MOVSX, Form.UNARY);
    private static final List<Opcode> BRANCHES = rows(Form.JMP_K, Form.JMP_X);
    private static final List<Opcode> LOADS = rows(Form.LDX, Form.LDXSX);
    private static final List<Opcode> STORES = rows(Form.ST, Form.STX);
    private static final List<Opcode> ATOMICS = rows(Form.ATOMIC, Form.LOAD_ACQ, Form.STORE_REL);

    private static List<Opcode> rows(Form... forms) {
        List<Opcode> rows = new ArrayList<>();
        for (Opcode opcode : Opcode.values()) {
            if (List.of(forms).contains(opcode.form())) {
                rows.add(opcode);
            }
        }
        return List.copyOf(rows);
    }

    private final Random random;
    private final CodeBuilder code = new CodeBuilder();
    private final List<Label> functions = new ArrayList<>();
    private final Set<Label> called = new HashSet<>();
    private final boolean adjusts;
    private final int size;
    private int loopDepth;

    /** Whether this is the entry function, which has the context and may move the packet. */
    private boolean inMain = true;

    private Label out = new Label();

    private ProgramGenerator(long seed) {
        random = new Random(seed);
        size = 10 + random.nextInt(40);
        adjusts = random.nextInt(4) == 0;
    }

    /** The program of a seed; its maps are indices of {@link TestBed}. */
    public static Code generate(long seed) {
        return new ProgramGenerator(seed).program();
    }

    private Code program() {
        for (int i = random.nextInt(3); i > 0; i--) {
            functions.add(new Label());
        }
        Label missing = new Label();
        code.copy(CTX, 1);
        code.add(Opcode.ST_W, FP, 0, KEY, 0);
        code.map(1, TestBed.ARRAY);
        code.copy(2, FP);
        code.add(Opcode.ADD64_K, 2, 0, 0, KEY);
        code.add(Opcode.CALL, 0, 0, 0, 1);
        code.jump(Opcode.JEQ_K, 0, 0, 0, missing);
        code.copy(VALUE, 0);
        code.move(KEPT, number());
        code.move(0, number());
        loadPacket();
        fillStack(true);
        fillScalars();
        block(size, 0);
        epilogue();
        code.bind(out);
        code.copy(0, KEPT);
        code.bind(missing);
        code.add(Opcode.EXIT, 0, 0, 0, 0);
        inMain = false;
        for (Label function : functions) {
            if (called.contains(function)) { // the verifier refuses code that nothing reaches
                function(function);
            }
        }
        return code.build();
    }

    /** A static function: r1 is the packet, r2 the array's value, r3 to r5 are scalars. */
    private void function(Label label) {
        out = new Label();
        code.bind(label);
        code.copy(PACKET, 1);
        code.copy(VALUE, 2);
        code.copy(KEPT, 3);
        code.copy(0, 4);
        code.copy(1, 5);
        code.copy(2, 4);
        fillStack(false);
        block(4 + random.nextInt(10), 1);
        code.add(Opcode.XOR64_X, 0, KEPT, 0, 0);
        code.bind(out);
        code.add(Opcode.EXIT, 0, 0, 0, 0);
    }

    /** Loads r7 and proves its bytes; clobbers r1 and r2. Packets that are too short leave the program. */
    private void loadPacket() {
        code.add(Opcode.LDX_W, PACKET, CTX, 0, 0);
        code.add(Opcode.LDX_W, 1, CTX, 4, 0);
        code.copy(2, PACKET);
        code.add(Opcode.ADD64_K, 2, 0, 0, TestBed.PACKET_BYTES);
        code.jump(Opcode.JGT_X, 2, 1, 0, out);
    }

    private void fillStack(boolean fromPacket) {
        for (int offset = -8; offset >= -STACK_BYTES; offset -= 8) {
            switch (random.nextInt(3)) {
                case 0 -> code.add(Opcode.STX_DW, FP, fromPacket ? KEPT : 0, offset, 0);
                case 1 -> code.add(Opcode.ST_DW, FP, 0, offset, (int) number());
                default -> {
                    code.add(Opcode.LDX_DW, 3, PACKET, random.nextInt(TestBed.PACKET_BYTES - 7), 0);
                    code.add(Opcode.STX_DW, FP, 3, offset, 0);
                }
            }
        }
        code.add(Opcode.ST_DW, FP, 0, KEY, 0);
        fillScalars();
    }

    /** Gives r1 to r5 values again, as after a call. */
    private void fillScalars() {
        for (int register = 1; register <= 5; register++) {
            switch (random.nextInt(5)) {
                case 0 -> code.move(register, number());
                case 1 -> code.copy(register, KEPT);
                case 2 -> code.add(Opcode.LDX_DW, register, FP, -8 * (1 + random.nextInt(STACK_BYTES / 8)), 0);
                case 3 -> code.add(Opcode.LDX_DW, register, VALUE, 8 * random.nextInt(TestBed.RESULT_OFFSET / 8), 0);
                default -> code.add(Opcode.LDX_W, register, PACKET, random.nextInt(TestBed.PACKET_BYTES - 3), 0);
            }
        }
    }

    private void block(int operations, int depth) {
        for (int i = 0; i < operations; i++) {
            operation(depth);
        }
    }

    private void operation(int depth) {
        int kind = random.nextInt(100);
        if (kind < 40) {
            arithmetic();
        } else if (kind < 60) {
            memory();
        } else if (kind < 70) {
            atomic();
        } else if (kind < 76) {
            indexed();
        } else if (kind < 78) {
            code.add(Opcode.LDDW, scalar(), 0, 0, number());
        } else if (kind < 90 && depth < MAX_DEPTH && (loopDepth == 0 || random.nextInt(4) == 0)) {
            branch(depth);
        } else if (kind < 93 && depth < MAX_DEPTH && loopDepth < 2) {
            loop(depth);
        } else if (kind < 96 && inMain && loopDepth == 0 && !functions.isEmpty()) {
            callFunction();
        } else if (kind < 99) {
            helper();
        } else if (inMain && adjusts && loopDepth == 0) {
            adjust();
        } else if (depth > 0 && random.nextInt(4) == 0) {
            Label over = new Label();
            conditional(over);
            code.jump(Opcode.JA, 0, 0, 0, out);
            code.bind(over);
        } else {
            arithmetic();
        }
    }

    private void arithmetic() {
        Opcode opcode = ARITHMETIC.get(random.nextInt(ARITHMETIC.size()));
        int dst = scalar();
        int selector = opcode.fixedOffset();
        switch (opcode.form()) {
            case ALU_K -> code.add(opcode, dst, 0, selector, immediate(opcode));
            case ALU_X, MOVSX -> code.add(opcode, dst, scalar(), selector, 0);
            default -> code.add(opcode, dst, 0, 0, opcode.fixedImm());
        }
    }

    /** An immediate that the verifier takes: no division by zero, no shift by the width or more. */
    private int immediate(Opcode opcode) {
        int imm = (int) number();
        return switch (opcode.alu()) {
            case LSH, RSH, ARSH -> random.nextInt(opcode.width().bytes() * 8);
            case DIV, SDIV, MOD, SMOD -> imm == 0 ? 3 : imm;
            default -> imm;
        };
    }

    /** A load or store at a constant offset. */
    private void memory() {
        boolean load = random.nextBoolean();
        Opcode opcode = load ? LOADS.get(random.nextInt(LOADS.size())) : STORES.get(random.nextInt(STORES.size()));
        int bytes = opcode.width().bytes();
        int base;
        int offset;
        switch (random.nextInt(3)) {
            case 0 -> {
                base = FP;
                offset = -STACK_BYTES + bytes * random.nextInt(STACK_BYTES / bytes);
            }
            case 1 -> {
                base = PACKET;
                offset = random.nextInt(TestBed.PACKET_BYTES - bytes + 1);
            }
            default -> {
                base = VALUE;
                offset = random.nextInt(TestBed.RESULT_OFFSET - bytes + 1);
            }
        }
        access(opcode, base, offset);
    }

    private void access(Opcode opcode, int base, int offset) {
        switch (opcode.form()) {
            case LDX, LDXSX -> code.add(opcode, scalar(), base, offset, 0);
            case ST -> code.add(opcode, base, 0, offset, (int) number());
            default -> code.add(opcode, base, scalar(), offset, 0);
        }
    }

    private void atomic() {
        Opcode opcode = ATOMICS.get(random.nextInt(ATOMICS.size()));
        int bytes = opcode.width().bytes();
        // Linux 6.18 forgets that a value fetched from the stack came from there, and may then leave out a path that
        // differs in that slot
        boolean onStack = !opcode.fetches() && random.nextBoolean();
        int area = onStack ? STACK_BYTES : TestBed.RESULT_OFFSET;
        int offset = bytes * random.nextInt(area / bytes) - (onStack ? STACK_BYTES : 0);
        int base = onStack ? FP : VALUE;
        if (opcode.form() == Form.ATOMIC && opcode.atomic() == AtomicOp.CMPXCHG && random.nextBoolean()) {
            // half of them find what they expect
            code.add(opcode.is64() ? Opcode.LDX_DW : Opcode.LDX_W, 0, base, offset, 0);
        }
        if (opcode.form() == Form.LOAD_ACQ) {
            code.add(opcode, scalar(), base, offset, opcode.fixedImm());
        } else {
            code.add(opcode, base, scalar(), offset, opcode.fixedImm());
        }
        if (opcode == Opcode.ATOMIC_CMPXCHG32) {
            // RFC 9669 has r0 zero-extended; on x86 Linux 6.18 may forget that where it has seen what follows before
            code.add(Opcode.MOV32_X, 0, 0, 0, 0);
        }
    }

    /** An access at an offset that only the range of a scalar bounds. */
    private void indexed() {
        int pointer = scalarExcept(KEPT);
        boolean load = random.nextBoolean();
        Opcode opcode = load ? LOADS.get(random.nextInt(LOADS.size())) : STORES.get(random.nextInt(STORES.size()));
        int bytes = opcode.width().bytes();
        int source = scalar();
        code.copy(pointer, source);
        if (random.nextBoolean()) {
            code.add(Opcode.AND64_K, pointer, 0, 0, 0x3f);
            code.add(Opcode.ADD64_X, pointer, VALUE, 0, 0);
            through(opcode, pointer, random.nextInt(TestBed.RESULT_OFFSET - 0x3f - bytes + 1));
        } else {
            stackPointer(pointer);
            through(opcode, pointer, -STACK_BYTES);
        }
    }

    /**
     * Makes a pointer into the stack out of r10 and the scalar that the register holds. In called functions not as
     * "scalar += r10": Linux 6.18's verifier takes that for the entry function's stack, and then leaves out branches
     * that are taken.
     */
    private void stackPointer(int pointer) {
        code.add(Opcode.AND64_K, pointer, 0, 0, 0x38);
        if (inMain && random.nextBoolean()) {
            code.add(Opcode.ADD64_X, pointer, FP, 0, 0);
        } else {
            int index = scalarExcept(pointer);
            code.copy(index, pointer);
            code.copy(pointer, FP);
            code.add(Opcode.ADD64_X, pointer, index, 0, 0);
        }
    }

    /** The access, after which the pointer's register holds a scalar again. */
    private void through(Opcode opcode, int pointer, int offset) {
        switch (opcode.form()) {
            case LDX, LDXSX -> code.add(opcode, pointer, pointer, offset, 0);
            case ST -> {
                code.add(opcode, pointer, 0, offset, (int) number());
                code.move(pointer, number());
            }
            default -> {
                code.add(opcode, pointer, scalarExcept(pointer), offset, 0);
                code.move(pointer, number());
            }
        }
    }

    private void conditional(Label target) {
        Opcode opcode = BRANCHES.get(random.nextInt(BRANCHES.size()));
        if (opcode.form() == Form.JMP_K) {
            code.jump(opcode, scalar(), 0, (int) number(), target);
        } else {
            code.jump(opcode, scalar(), scalar(), 0, target);
        }
    }

    private void branch(int depth) {
        Label otherwise = new Label();
        conditional(otherwise);
        block(1 + random.nextInt(4), depth + 1);
        if (random.nextBoolean()) {
            Label end = new Label();
            code.jump(random.nextBoolean() ? Opcode.JA : Opcode.GOTOL, 0, 0, 0, end);
            code.bind(otherwise);
            block(1 + random.nextInt(4), depth + 1);
            code.bind(end);
        } else {
            code.bind(otherwise);
        }
    }

    private void loop(int depth) {
        int counter = COUNTERS - 8 * loopDepth++;
        int rounds = 1 + random.nextInt(4);
        Label again = new Label();
        Label end = new Label();
        code.add(Opcode.ST_DW, FP, 0, counter, rounds);
        code.bind(again);
        boolean mayGoto = loopDepth == 1 && random.nextBoolean();
        if (mayGoto) {
            // the verifier widens what changes around it: no loop and no branch inside, or it walks them for ever
            code.jump(Opcode.MAY_GOTO, 0, 0, 0, end);
        }
        block(1 + random.nextInt(4), mayGoto ? MAX_DEPTH : depth + 1);
        int register = scalar();
        code.add(Opcode.LDX_DW, register, FP, counter, 0);
        code.add(Opcode.ADD64_K, register, 0, 0, -1);
        code.add(Opcode.STX_DW, FP, register, counter, 0);
        code.jump(Opcode.JSGT_K, register, 0, 0, again);
        code.bind(end);
        loopDepth--;
    }

    private void callFunction() {
        code.copy(3, scalar());
        code.copy(4, scalar());
        code.copy(5, scalar());
        code.copy(1, PACKET);
        code.copy(2, VALUE);
        Label function = functions.get(random.nextInt(functions.size()));
        called.add(function);
        code.jump(Opcode.CALL_LOCAL, 0, 1, 0, function);
        fillScalars();
    }

    private void helper() {
        switch (random.nextInt(inMain ? 8 : 5)) {
            case 0 -> call(8); // get_smp_processor_id
            case 1 -> {
                key();
                code.map(1, TestBed.HASH);
                call(3); // map_delete_elem
            }
            case 2 -> {
                key();
                code.copy(3, FP);
                code.add(Opcode.ADD64_K, 3, 0, 0, -8L * (1 + random.nextInt(STACK_BYTES / 8)));
                code.map(1, TestBed.HASH);
                code.move(4, random.nextInt(4));
                call(2); // map_update_elem
            }
            case 3 -> {
                Label absent = new Label();
                key();
                code.map(1, TestBed.HASH);
                code.add(Opcode.CALL, 0, 0, 0, 1); // map_lookup_elem
                code.jump(Opcode.JEQ_K, 0, 0, 0, absent);
                code.copy(1, 0);
                code.move(0, number());
                code.add(Opcode.ATOMIC_FETCH_ADD64, 1, 0, 0, Opcode.ATOMIC_FETCH_ADD64.fixedImm());
                code.bind(absent);
                fillScalars();
            }
            case 4 -> {
                checksumArea(1);
                code.move(2, 4L * random.nextInt(9));
                checksumArea(3);
                code.move(4, 4L * random.nextInt(9));
                if (random.nextBoolean()) {
                    code.move(5, (int) number());
                } else {
                    code.copy(5, KEPT);
                }
                call(28); // csum_diff
            }
            case 5 -> {
                code.copy(1, CTX);
                call(188); // xdp_get_buff_len
            }
            case 6 -> {
                code.copy(1, CTX);
                code.move(2, random.nextInt(100) - 10);
                code.copy(3, FP);
                code.add(Opcode.ADD64_K, 3, 0, 0, -STACK_BYTES);
                code.move(4, 1 + random.nextInt(STACK_BYTES));
                call(189); // xdp_load_bytes
            }
            default -> {
                code.move(1, random.nextInt(3));
                code.move(2, random.nextInt(2));
                call(23); // redirect
            }
        }
    }

    private void call(int helper) {
        code.add(Opcode.CALL, 0, 0, 0, helper);
        fillScalars();
    }

    /** Leaves a key of the hash map behind r2. */
    private void key() {
        int register = scalarExcept(KEPT);
        code.copy(register, scalar());
        code.add(Opcode.AND64_K, register, 0, 0, 0x1f);
        code.add(Opcode.STX_W, FP, register, KEY, 0);
        code.copy(2, FP);
        code.add(Opcode.ADD64_K, 2, 0, 0, KEY);
    }

    private void checksumArea(int register) {
        // both areas are longer than the longest size
        boolean stack = random.nextBoolean();
        code.copy(register, stack ? FP : PACKET);
        code.add(Opcode.ADD64_K, register, 0, 0, stack ? -STACK_BYTES : 0);
    }

    /**
     * Moves an end of the packet, then proves its bytes again. What comes into sight in front of it is whatever the
     * kernel's page held before, so it is overwritten.
     */
    private void adjust() {
        int helper = List.of(44, 65, 54).get(random.nextInt(3));
        int distance = helper == 54 ? 4 * (random.nextInt(20) - 10) : random.nextInt(80) - 40;
        code.copy(1, CTX);
        code.move(2, distance);
        code.add(Opcode.CALL, 0, 0, 0, helper);
        loadPacket();
        if (helper == 44 && distance < 0) {
            for (int offset = 0; offset < -distance; offset += 8) {
                code.add(Opcode.ST_DW, PACKET, 0, offset, (int) number());
            }
        } else if (helper == 54 && distance < 0) {
            Label none = new Label();
            code.add(Opcode.LDX_W, 1, CTX, 8, 0);
            code.copy(2, 1);
            code.add(Opcode.ADD64_K, 2, 0, 0, -distance);
            code.jump(Opcode.JGT_X, 2, PACKET, 0, none);
            for (int offset = 0; offset < -distance; offset += 4) {
                code.add(Opcode.ST_W, 1, 0, offset, (int) number());
            }
            code.bind(none);
        }
        fillScalars();
    }

    /** Stores every scalar, then folds them into r0. */
    private void epilogue() {
        int offset = TestBed.RESULT_OFFSET;
        for (int register : SCALARS) {
            code.add(Opcode.STX_DW, VALUE, register, offset, 0);
            offset += 8;
        }
        for (int register : SCALARS) {
            if (register != 0) {
                code.add(Opcode.MUL64_K, 0, 0, 0, 31);
                code.add(Opcode.ADD64_X, 0, register, 0, 0);
            }
        }
        code.copy(1, 0);
        code.add(Opcode.RSH64_K, 1, 0, 0, 32);
        code.add(Opcode.XOR64_X, 0, 1, 0, 0);
        code.copy(KEPT, 0);
    }

    private int scalar() {
        return SCALARS[random.nextInt(SCALARS.length)];
    }

    private int scalarExcept(int other) {
        int register = scalar();
        while (register == other) {
            register = scalar();
        }
        return register;
    }

    private long number() {
        return switch (random.nextInt(4)) {
            case 0 -> INTERESTING[random.nextInt(INTERESTING.length)];
            case 1 -> INTERESTING[random.nextInt(INTERESTING.length)] + random.nextInt(5) - 2;
            case 2 -> random.nextInt(64);
            default -> random.nextLong();
        };
    }
}
