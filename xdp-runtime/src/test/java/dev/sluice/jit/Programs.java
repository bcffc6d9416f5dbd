package dev.sluice.jit;

import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.program.Program;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Programs for the tests of this package: from text, and random ones. */
final class Programs {
    /** The field values that are part of a row's encoding. */
    private record Fixed(int off, int imm) {}

    private static final int[] FIXED_OFFSETS = {0, 1, 8, 16, 32};
    private static final int[] FIXED_IMMEDIATES = {
        0, 1, 16, 32, 64, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110
    };
    private static final Map<Opcode, Fixed> FIXED = new EnumMap<>(Opcode.class);

    static {
        for (Opcode opcode : Opcode.values()) {
            for (int off : FIXED_OFFSETS) {
                for (int imm : FIXED_IMMEDIATES) {
                    if (Opcode.of(opcode.code(), 0, off, imm) == opcode) {
                        FIXED.putIfAbsent(opcode, new Fixed(off, imm));
                    }
                }
            }
        }
    }

    private Programs() {}

    /** A program from lines of assembly. */
    static Program of(String text) {
        return Program.ofCode("test", Assembler.assemble(text));
    }

    /** An instruction, its fixed fields filled in. */
    static Instruction insn(Opcode opcode, int dst, int src, int off, long imm) {
        return switch (opcode.form()) {
            case ALU_K, ALU_X, MOVSX -> new Instruction(opcode, dst, src, FIXED.get(opcode).off, imm);
            case UNARY, ATOMIC, LOAD_ACQ, STORE_REL -> new Instruction(opcode, dst, src, off, FIXED.get(opcode).imm);
            case CALL_LOCAL -> new Instruction(opcode, 0, 1, 0, imm);
            case LDX, LDXSX, STX, JMP_X -> new Instruction(opcode, dst, src, off, 0);
            case JMP_K, JA, GOTOL, MAY_GOTO, CALL_HELPER, CALL_KFUNC, CALLX, EXIT, LDDW, LD_ABS, LD_IND, ST ->
                new Instruction(opcode, dst, src, off, imm);
        };
    }

    /** All rows of some forms. */
    static List<Opcode> rows(Form... forms) {
        List<Opcode> rows = new ArrayList<>();
        for (Opcode opcode : Opcode.values()) {
            for (Form form : forms) {
                if (opcode.form() == form) {
                    rows.add(opcode);
                }
            }
        }
        return rows;
    }

    /**
     * Makes random programs that get far: r6 is mostly the context, r7 a pointer into the packet, r9 one into other
     * memory, and stack accesses are mostly in bounds. Loops are not bounded; a limit of instructions is needed.
     */
    static final class Generator {
        private static final List<Opcode> ALU = rows(Form.ALU_K, Form.ALU_X, Form.UNARY, Form.MOVSX);
        private static final List<Opcode> BRANCHES = rows(Form.JMP_K, Form.JMP_X);
        private static final List<Opcode> LOADS = rows(Form.LDX, Form.LDXSX);
        private static final List<Opcode> STORES = rows(Form.ST, Form.STX);
        private static final List<Opcode> ATOMICS = rows(Form.ATOMIC, Form.LOAD_ACQ, Form.STORE_REL);
        private static final int[] HELPERS = {5, 7, 8};

        private final Random random;
        private final long memory;
        private final long[] maps;
        private final List<Instruction> insns = new ArrayList<>();

        /**
         * @param memory address of 64 bytes that programs may touch
         * @param maps pointers of maps with keys of 4 bytes
         */
        Generator(Random random, long memory, long... maps) {
            this.random = random;
            this.memory = memory;
            this.maps = maps;
        }

        /**
         * The next program.
         *
         * @param size about how many instructions
         */
        Program next(int size) {
            insns.clear();
            int functions = random.nextInt(3) == 0 ? 1 + random.nextInt(4) : 1;
            List<int[]> calls = new ArrayList<>();
            int[] starts = new int[functions];
            for (int f = 0; f < functions; f++) {
                starts[f] = slots();
                function(Math.max(size / functions, 3), f, functions, calls);
            }
            List<Instruction> linked = new ArrayList<>(insns);
            int slot = 0;
            int call = 0;
            for (int i = 0; i < linked.size(); i++) {
                Instruction insn = linked.get(i);
                if (insn.form() == Form.CALL_LOCAL) {
                    linked.set(i, insn.withImm(starts[calls.get(call++)[0]] - slot - 1));
                }
                slot += insn.slots();
            }
            return Program.ofCode("random", Code.of(linked));
        }

        private int slots() {
            return insns.stream().mapToInt(Instruction::slots).sum();
        }

        private void add(Opcode opcode, int dst, int src, int off, long imm) {
            insns.add(insn(opcode, dst, src, off, imm));
        }

        private void function(int size, int f, int functions, List<int[]> calls) {
            int first = insns.size();
            if (f == 0) {
                add(Opcode.MOV64_X, 6, 1, 0, 0);
            } else if (random.nextBoolean()) {
                add(Opcode.MOV64_X, 6, random.nextInt(2) == 0 ? 1 : 6, 0, 0);
            }
            if (f == 0 || random.nextBoolean()) {
                add(Opcode.LDX_W, 7, f == 0 ? 6 : 1, 0, 0);
                add(Opcode.LDDW, 9, 0, 0, memory);
            }
            add(Opcode.MOV64_X, 8, 10, 0, 0);
            add(Opcode.ADD64_K, 8, 0, 0, -8L * (1 + random.nextInt(20)));
            for (int i = 0; i < size; i++) {
                body(f, functions, calls);
            }
            // what is in the registers and on the stack shows in r0
            for (int r = 1; r < 10; r++) {
                add(random.nextBoolean() ? Opcode.XOR64_X : Opcode.ADD64_X, 0, r, 0, 0);
                add(Opcode.MUL64_K, 0, 0, 0, 0x01000193);
            }
            for (int i = 0; i < 4; i++) {
                add(Opcode.LDX_DW, 1, 10, -8 * (1 + random.nextInt(24)), 0);
                add(Opcode.XOR64_X, 0, 1, 0, 0);
            }
            add(Opcode.EXIT, 0, 0, 0, 0);
            fixJumps(first);
        }

        private int anyRegister() {
            return random.nextInt(10);
        }

        /** A destination: mostly none of those with a purpose. */
        private int target() {
            return random.nextInt(40) == 0 ? random.nextInt(10) : random.nextInt(6);
        }

        private int source() {
            return random.nextInt(12) == 0 ? Instruction.FP : anyRegister();
        }

        private long immediate() {
            return switch (random.nextInt(5)) {
                case 0 -> random.nextInt(8);
                case 1 -> -random.nextInt(8);
                case 2 -> random.nextInt(64);
                case 3 -> 1 << random.nextInt(32);
                default -> random.nextInt();
            };
        }

        private void body(int f, int functions, List<int[]> calls) {
            int pick = random.nextInt(100);
            if (pick < 38) {
                Opcode op = pick(ALU);
                boolean x = op.form() == Form.ALU_X || op.form() == Form.MOVSX;
                add(op, target(), x ? source() : 0, 0, op.form() == Form.ALU_K ? immediate() : 0);
            } else if (pick < 42) {
                add(Opcode.LDDW, target(), 0, 0, random.nextBoolean() ? random.nextLong() : immediate());
            } else if (pick < 50) {
                Opcode op = pick(LOADS);
                add(op, target(), Instruction.FP, stackOffset(op), 0);
            } else if (pick < 58) {
                Opcode op = pick(STORES);
                boolean x = op.form() == Form.STX;
                add(op, Instruction.FP, x ? source() : 0, stackOffset(op), x ? 0 : immediate());
            } else if (pick < 62) {
                Opcode op = pick(LOADS);
                add(op, target(), 8, random.nextInt(16) - 8, 0);
            } else if (pick < 66) {
                Opcode op = pick(STORES);
                boolean x = op.form() == Form.STX;
                add(op, 8, x ? source() : 0, random.nextInt(16) - 8, x ? 0 : immediate());
            } else if (pick < 70) {
                Opcode op = pick(LOADS);
                add(op, random.nextInt(8) == 0 ? 7 : target(), random.nextInt(12) == 0 ? anyRegister() : 7, near(), 0);
            } else if (pick < 74) {
                Opcode op = pick(STORES);
                boolean x = op.form() == Form.STX;
                add(op, random.nextInt(12) == 0 ? anyRegister() : 7, x ? source() : 0, near(), x ? 0 : immediate());
            } else if (pick < 77) {
                int[] offsets = {0, 4, 8, 12, 16, 20};
                int off = random.nextInt(30) == 0 ? random.nextInt(30) : offsets[random.nextInt(6)];
                add(random.nextInt(20) == 0 ? pick(LOADS) : Opcode.LDX_W, target(), 6, off, 0);
            } else if (pick < 82) {
                Opcode op = pick(ATOMICS);
                int base = random.nextBoolean() ? Instruction.FP : random.nextBoolean() ? 9 : 8;
                int at = base == 9 ? 8 * random.nextInt(8) : -8 * (1 + random.nextInt(16));
                at += random.nextInt(40) == 0 ? random.nextInt(8) : 0;
                boolean load = op.form() == Form.LOAD_ACQ;
                add(op, load ? target() : base, load ? base : target(), at, 0);
            } else if (pick < 84 && maps.length > 0 && random.nextBoolean()) {
                lookup(f);
            } else if (pick < 84) {
                add(Opcode.CALL, 0, 0, 0, HELPERS[random.nextInt(HELPERS.length)]);
            } else if (pick < 87 && functions > 1) {
                int callee = random.nextInt(20) == 0 ? f : f + 1 + random.nextInt(functions);
                if (callee < functions) {
                    calls.add(new int[] {callee});
                    add(Opcode.CALL_LOCAL, 0, 1, 0, 0);
                }
            } else if (pick < 88 && random.nextInt(4) == 0) {
                add(Opcode.MAY_GOTO, 0, 0, jump(), 0);
            } else if (pick < 89 && random.nextInt(4) == 0) {
                add(random.nextBoolean() ? Opcode.EXIT : Opcode.JA, 0, 0, 0, 0);
            } else if (pick < 90) {
                // move the packet pointer, as parsers do
                add(Opcode.ADD64_K, 7, 0, 0, random.nextInt(12));
            } else {
                Opcode op = pick(BRANCHES);
                boolean x = op.form() == Form.JMP_X;
                add(op, anyRegister(), x ? source() : 0, jump(), x ? 0 : immediate());
            }
        }

        /** A look-up, mostly with what belongs around it, and accesses to the value. */
        private void lookup(int f) {
            int key = -4 * (1 + random.nextInt(8));
            add(Opcode.ST_W, Instruction.FP, 0, key, random.nextInt(6));
            add(Opcode.LDDW, 1, 0, 0, maps[random.nextInt(maps.length)] + (random.nextInt(60) == 0 ? 1 << 20 : 0));
            add(Opcode.MOV64_X, 2, random.nextInt(20) == 0 ? source() : Instruction.FP, 0, 0);
            // a key that ends outside of its frame only where nothing is: the caller's stack may not have been zeroed
            add(Opcode.ADD64_K, 2, 0, 0, f == 0 && random.nextInt(20) == 0 ? -2 : key);
            add(Opcode.CALL, 0, 0, 0, 1);
            int accesses = random.nextInt(4);
            if (random.nextInt(12) != 0) {
                add(Opcode.JEQ_K, 0, 0, accesses + 1, 0);
            }
            for (int i = 0; i < accesses; i++) {
                int at = random.nextInt(30) == 0 ? random.nextInt(64) : 8 * random.nextInt(2);
                Opcode op = random.nextInt(3) == 0 ? pick(ATOMICS) : random.nextBoolean() ? pick(LOADS) : pick(STORES);
                boolean fromSrc = op.form() == Form.LDX || op.form() == Form.LDXSX || op.form() == Form.LOAD_ACQ;
                int other = 1 + random.nextInt(5);
                add(op, fromSrc ? other : 0, fromSrc ? 0 : op.form() == Form.ST ? 0 : other, at, 3);
            }
            if (random.nextBoolean()) {
                add(Opcode.MOV64_X, 9, 0, 0, 0);
            }
        }

        private Opcode pick(List<Opcode> opcodes) {
            return opcodes.get(random.nextInt(opcodes.size()));
        }

        private int stackOffset(Opcode op) {
            if (random.nextInt(200) == 0) {
                return random.nextInt(1200) - 1100;
            }
            int slot = -8 * (1 + random.nextInt(24));
            return random.nextInt(3) == 0 ? slot + random.nextInt(9 - op.width().bytes()) : slot;
        }

        private int near() {
            return random.nextInt(100) == 0 ? random.nextInt(400) - 200 : random.nextInt(40);
        }

        /** The number of instructions to jump over; made an offset by {@link #fixJumps}. */
        private int jump() {
            return random.nextInt(5) == 0 ? -random.nextInt(30) : random.nextInt(12);
        }

        private void fixJumps(int first) {
            int[] slotOf = new int[insns.size() + 1];
            for (int i = 0; i < insns.size(); i++) {
                slotOf[i + 1] = slotOf[i] + insns.get(i).slots();
            }
            for (int i = first; i < insns.size(); i++) {
                Instruction insn = insns.get(i);
                if (insn.form().isJump()) {
                    int target = Math.clamp(i + 1 + insn.off(), first, insns.size() - 1);
                    int off = slotOf[target] - slotOf[i] - 1;
                    insns.set(i, new Instruction(insn.opcode(), insn.dst(), insn.src(), off, insn.imm()));
                }
            }
        }
    }
}
