package dev.sluice.isa;

/**
 * Instructions to text. What it writes, {@link Assembler} reads back to the same bytes. No code of a single opcode: a
 * line's shape follows from its {@link Form}, its words from the tables.
 */
public final class Disassembler {
    private final Syntax syntax;
    private final Symbols symbols;

    public Disassembler(Syntax syntax, Symbols symbols) {
        this.syntax = syntax;
        this.symbols = symbols;
    }

    /** A whole code, one instruction a line with its slot in front, as {@code bpftool prog dump xlated} prints it. */
    public String text(Code code) {
        StringBuilder text = new StringBuilder();
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null) {
                text.append(String.format("%4d: %s%n", slot, text(insn)));
            }
        }
        return text.toString();
    }

    /** One instruction; in the kernel's syntax with the opcode byte in front. */
    public String text(Instruction insn) {
        String body = body(insn);
        return syntax == Syntax.KERNEL
                ? String.format("(%02x) %s", insn.opcode().code(), body)
                : body;
    }

    private String body(Instruction insn) {
        Opcode op = insn.opcode();
        Form form = op.form();
        return switch (form) {
            case ALU_K -> alu(insn, Long.toString(insn.imm()));
            case ALU_X -> alu(insn, register(op, insn.src()));
            case MOVSX -> register(op, insn.dst()) + " = " + op.alu().symbol() + register(op, insn.src());
            case UNARY -> unary(insn);
            case JMP_K -> branch(insn, jumpImmediate(insn));
            case JMP_X -> branch(insn, register(op, insn.src()));
            case JA -> "goto " + offset(insn.off());
            case GOTOL -> "gotol " + offset(insn.imm32());
            case MAY_GOTO -> "may_goto " + offset(insn.off());
            case CALL_HELPER ->
                syntax == Syntax.KERNEL
                        ? "call " + symbols.helperName(insn.imm32()) + "#" + insn.imm32()
                        : "call " + insn.imm32();
            case CALL_LOCAL -> "call pc" + signed(insn.imm32());
            case CALL_KFUNC -> kfunc(insn);
            case CALLX -> "callx r" + insn.dst();
            case EXIT -> "exit";
            case LDDW -> "r" + insn.dst() + " = " + wide(insn);
            case LD_ABS -> "r0 = *(u" + op.width().bits() + " *)skb[" + insn.imm32() + "]";
            case LD_IND -> "r0 = *(u" + op.width().bits() + " *)skb[r" + insn.src() + index(insn.imm32()) + "]";
            case LDX -> "r" + insn.dst() + " = *" + pointer("u", op, insn.src(), insn.off());
            case LDXSX -> "r" + insn.dst() + " = *" + pointer("s", op, insn.src(), insn.off());
            case ST -> "*" + pointer("u", op, insn.dst(), insn.off()) + " = " + insn.imm32();
            case STX -> "*" + pointer("u", op, insn.dst(), insn.off()) + " = r" + insn.src();
            case ATOMIC -> atomic(insn);
            case LOAD_ACQ -> "r" + insn.dst() + " = load_acquire(" + pointer("u", op, insn.src(), insn.off()) + ")";
            case STORE_REL -> "store_release(" + pointer("u", op, insn.dst(), insn.off()) + ", r" + insn.src() + ")";
        };
    }

    private String index(int imm) {
        return syntax == Syntax.CLANG && imm == 0 ? "" : " + " + imm;
    }

    private static String register(Opcode op, int number) {
        return (op.is64() ? "r" : "w") + number;
    }

    private static String alu(Instruction insn, String operand) {
        return register(insn.opcode(), insn.dst()) + " " + insn.opcode().alu().symbol() + " " + operand;
    }

    private static String unary(Instruction insn) {
        Opcode op = insn.opcode();
        String dst = register(op, insn.dst());
        String symbol = op.alu().symbol();
        return dst + " = " + symbol + (op.alu() == AluOp.NEG ? "" : " ") + dst;
    }

    private String branch(Instruction insn, String operand) {
        Opcode op = insn.opcode();
        return "if " + register(op, insn.dst()) + " " + op.jmp().symbol() + " " + operand + " goto "
                + offset(insn.off());
    }

    private String jumpImmediate(Instruction insn) {
        return syntax == Syntax.KERNEL ? "0x" + Integer.toHexString(insn.imm32()) : Integer.toString(insn.imm32());
    }

    private String offset(int slots) {
        return (syntax == Syntax.KERNEL ? "pc" : "") + signed(slots);
    }

    private static String signed(int number) {
        return number < 0 ? Integer.toString(number) : "+" + number;
    }

    private String kfunc(Instruction insn) {
        String name = symbols.kfuncName(insn.imm32());
        String fd = insn.off() == 0 ? "" : "@" + insn.off();
        return "call " + (name == null ? "kernel-function" : name) + "#kfunc:" + insn.imm32() + fd;
    }

    private String wide(Instruction insn) {
        int low = insn.imm32();
        int high = (int) (insn.imm() >>> 32);
        return switch (insn.pseudo()) {
            case IMM -> "0x" + Long.toHexString(insn.imm()) + (syntax == Syntax.CLANG ? " ll" : "");
            case MAP_FD -> "map[fd:" + low + "]" + second(high);
            case MAP_VALUE -> "map[fd:" + low + "][0]" + signed(high);
            case MAP_IDX -> "map[idx:" + low + "]" + second(high);
            case MAP_IDX_VALUE -> "map[idx:" + low + "][0]" + signed(high);
            case BTF_ID -> "btf_id[" + low + "]" + second(high);
            case FUNC -> "subprog[" + signed(low) + "]" + second(high);
        };
    }

    private static String second(int high) {
        return high == 0 ? "" : " hi " + high;
    }

    private String pointer(String sign, Opcode op, int base, int off) {
        return "(" + sign + op.width().bits() + " *)" + address(base, off);
    }

    private String address(int base, int off) {
        if (syntax == Syntax.KERNEL) {
            return "(r" + base + " " + signed(off) + ")";
        }
        return "(r" + base + (off < 0 ? " - " : " + ") + Math.abs(off) + ")";
    }

    private String atomic(Instruction insn) {
        Opcode op = insn.opcode();
        String pointer = pointer("u", op, insn.dst(), insn.off());
        if (!op.fetches()) {
            return "lock *" + pointer + " " + op.atomic().symbol() + " " + atomicRegister(op, insn.src());
        }
        String result = atomicRegister(op, op.atomic() == AtomicOp.CMPXCHG ? 0 : insn.src());
        String operands = op.atomic() == AtomicOp.CMPXCHG
                ? result + ", " + atomicRegister(op, insn.src())
                : atomicRegister(op, insn.src());
        if (syntax == Syntax.CLANG && (op.atomic() == AtomicOp.CMPXCHG || op.atomic() == AtomicOp.XCHG)) {
            String address = address(insn.dst(), insn.off());
            return result + " = " + op.atomic().cname() + (op.is64() ? "_64" : "32_32") + "("
                    + address.substring(1, address.length() - 1) + ", " + operands + ")";
        }
        String fetch = op.atomic() == AtomicOp.CMPXCHG || op.atomic() == AtomicOp.XCHG ? "" : "fetch_";
        String prefix = syntax == Syntax.KERNEL && op.is64() ? "atomic64_" : "atomic_";
        return result + " = " + prefix + fetch + op.atomic().cname() + "(" + pointer + ", " + operands + ")";
    }

    private String atomicRegister(Opcode op, int number) {
        return (syntax == Syntax.CLANG && !op.is64() ? "w" : "r") + number;
    }
}
