package dev.sluice.isa;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text to instructions, in the kernel's and in clang's syntax, one instruction a line. A line may begin with its slot
 * and opcode byte as bpftool prints them ({@code 3: (71) …}), a label ({@code out:}) stands alone or before an
 * instruction, comments begin with {@code ;}, {@code //} or {@code #} behind white space. No code of a single opcode:
 * a line's shape gives its {@link Form}, the tables give the row.
 */
public final class Assembler {
    private static final String REG = "([rw])(\\d+)";
    private static final String NUM = "([-+]?\\s*(?:0x[0-9a-fA-F]+|\\d+))";
    private static final String ADDRESS = "\\(?r(\\d+)\\s*([-+]\\s*(?:0x[0-9a-fA-F]+|\\d+))\\s*\\)?";
    private static final String POINTER = "\\(([us])(8|16|32|64) \\*\\)\\s*" + ADDRESS;

    private static final Pattern PREFIX = Pattern.compile("^(?:\\d+:\\s*)?(?:\\(([0-9a-f]{2})\\)\\s*)?");
    private static final Pattern LABEL = Pattern.compile("^([A-Za-z_.$][\\w.$]*):\\s*");
    private static final Pattern COMMENT = Pattern.compile("(?:^|\\s)(?:;|//|#(?:\\s|$)).*$");

    private static final Pattern JUMP = Pattern.compile("(goto|gotol|may_goto) (.+)");
    private static final Pattern BRANCH =
            Pattern.compile("if " + REG + " (\\S+) (?:" + REG + "|" + NUM + ") goto (.+)");
    private static final Pattern CALL = Pattern.compile("call (.+)");
    private static final Pattern KFUNC = Pattern.compile("(?:.*#)?kfunc:" + NUM + "(?:@(\\d+))?");
    private static final Pattern CALLX = Pattern.compile("callx r(\\d+)");
    private static final Pattern LOCK = Pattern.compile("lock \\*" + POINTER + " (\\S+=) [rw](\\d+)");
    private static final Pattern STORE = Pattern.compile("\\*" + POINTER + " = (?:[rw](\\d+)|" + NUM + ")");
    private static final Pattern STORE_RELEASE = Pattern.compile("store_release\\(" + POINTER + ", [rw](\\d+)\\)");
    private static final Pattern LOAD_ACQUIRE = Pattern.compile("[rw](\\d+) = load_acquire\\(" + POINTER + "\\)");
    private static final Pattern LOAD = Pattern.compile("[rw](\\d+) = \\*" + POINTER);
    private static final Pattern PACKET =
            Pattern.compile("[rw]0 = \\*\\(u(8|16|32) \\*\\)skb\\[(?:r(\\d+)\\s*\\+?\\s*)?" + NUM + "?\\]");
    private static final Pattern ATOMIC = Pattern.compile(
            "[rw](\\d+) = atomic(?:64)?_(?:fetch_)?(\\w+)\\(" + POINTER + ", (?:[rw]0, )?[rw](\\d+)\\)");
    private static final Pattern EXCHANGE =
            Pattern.compile("[rw](\\d+) = (xchg|cmpxchg)(_64|32_32)\\(" + ADDRESS + ", (?:[rw]0, )?[rw](\\d+)\\)");
    private static final Pattern UNARY = Pattern.compile(REG + " = (-|[a-z]+\\d+ )" + REG);
    private static final Pattern MOVSX = Pattern.compile(REG + " = (\\(s\\d+\\))\\s*" + REG);
    private static final Pattern WIDE = Pattern.compile("r(\\d+) = " + NUM + " ll");
    private static final Pattern REFERENCE = Pattern.compile("r(\\d+) = (map\\[fd|map\\[idx|btf_id|subprog)[:\\[]" + NUM
            + "\\](?:\\[0\\]" + NUM + ")?(?: hi " + NUM + ")?");
    private static final Pattern ALU = Pattern.compile(REG + " (\\S*=) (?:" + REG + "|" + NUM + ")");

    /** Rows by form, operation and width. */
    private record Shape(Form form, Enum<?> operation, Width width, boolean fetches) {}

    private static final Map<Shape, Opcode> ROWS = new HashMap<>();
    private static final Map<String, AluOp> ALU_SYMBOLS = new HashMap<>();
    private static final Map<String, JmpOp> JMP_SYMBOLS = new HashMap<>();

    static {
        for (Opcode opcode : Opcode.values()) {
            ROWS.put(new Shape(opcode.form(), opcode.operation(), opcode.width(), opcode.fetches()), opcode);
        }
        for (AluOp op : AluOp.values()) {
            ALU_SYMBOLS.put(op.symbol(), op);
        }
        for (JmpOp op : JmpOp.values()) {
            JMP_SYMBOLS.put(op.symbol(), op);
        }
    }

    /** A jump to a label, to be filled in when all labels are known. */
    private record Fixup(int index, int slot, int line, String label) {}

    private final Symbols symbols;
    private final List<Instruction> instructions = new ArrayList<>();
    private final Map<String, Integer> labels = new HashMap<>();
    private final List<Fixup> fixups = new ArrayList<>();
    private int slot;
    private int line;

    private Assembler(Symbols symbols) {
        this.symbols = symbols;
    }

    /** Assembles with no helper names known. */
    public static Code assemble(String text) {
        return assemble(text, Symbols.NONE);
    }

    /**
     * Assembles a text.
     *
     * @throws MalformedCodeException naming the slot and quoting the line that is no instruction
     */
    public static Code assemble(String text, Symbols symbols) {
        return new Assembler(symbols).run(text);
    }

    private Code run(String text) {
        for (String raw : text.split("\n", -1)) {
            line++;
            String rest = COMMENT.matcher(raw).replaceFirst("").strip().replaceAll("\\s+", " ");
            Matcher label = LABEL.matcher(rest);
            if (label.find()) {
                if (labels.put(label.group(1), slot) != null) {
                    throw error("label is there twice: " + label.group(1));
                }
                rest = rest.substring(label.end());
            }
            Matcher prefix = PREFIX.matcher(rest);
            String code = prefix.find() ? prefix.group(1) : null;
            rest = rest.substring(prefix.end());
            if (!rest.isEmpty()) {
                Instruction insn = instruction(rest, code);
                instructions.add(insn);
                slot += insn.slots();
            }
        }
        for (Fixup fixup : fixups) {
            Integer target = labels.get(fixup.label);
            if (target == null) {
                slot = fixup.slot;
                line = fixup.line;
                throw error("unknown jump target: " + fixup.label);
            }
            Instruction insn = instructions.get(fixup.index);
            int distance = target - fixup.slot - 1;
            instructions.set(fixup.index, retarget(insn, distance, fixup));
        }
        return Code.of(instructions);
    }

    private Instruction retarget(Instruction insn, int distance, Fixup fixup) {
        if (insn.form() == Form.GOTOL || insn.form() == Form.CALL_LOCAL) {
            return insn.withImm(distance);
        }
        slot = fixup.slot;
        line = fixup.line;
        return new Instruction(insn.opcode(), insn.dst(), insn.src(), offset16(distance), insn.imm());
    }

    private Instruction instruction(String text, String code) {
        Matcher m;
        if (text.equals("exit")) {
            return new Instruction(Opcode.EXIT, 0, 0, 0, 0);
        } else if ((m = BRANCH.matcher(text)).matches()) {
            return branch(m);
        } else if ((m = JUMP.matcher(text)).matches()) {
            return jump(m.group(1), m.group(2));
        } else if ((m = CALLX.matcher(text)).matches()) {
            return new Instruction(Opcode.CALLX, register(m.group(1)), 0, 0, 0);
        } else if ((m = CALL.matcher(text)).matches()) {
            return call(m.group(1));
        } else if ((m = LOCK.matcher(text)).matches()) {
            AtomicOp op = atomic(m.group(5), false);
            return memory(row(Form.ATOMIC, op, width(m.group(2)), false), m, 3, register(m.group(6)), op.imm());
        } else if ((m = STORE_RELEASE.matcher(text)).matches()) {
            Opcode op = row(Form.STORE_REL, null, width(m.group(2)), false);
            return memory(op, m, 3, register(m.group(5)), op.fixedImm());
        } else if ((m = STORE.matcher(text)).matches()) {
            boolean immediate = m.group(5) == null;
            Opcode op = row(immediate ? Form.ST : Form.STX, null, width(m.group(2)), false);
            return memory(op, m, 3, immediate ? 0 : register(m.group(5)), immediate ? imm32(m.group(6)) : 0);
        }
        return assignment(text, code);
    }

    private Instruction assignment(String text, String code) {
        Matcher m;
        if ((m = LOAD.matcher(text)).matches()) {
            Opcode op = row(m.group(2).equals("u") ? Form.LDX : Form.LDXSX, null, width(m.group(3)), false);
            return load(op, m, 0);
        } else if ((m = LOAD_ACQUIRE.matcher(text)).matches()) {
            Opcode op = row(Form.LOAD_ACQ, null, width(m.group(3)), false);
            return load(op, m, op.fixedImm());
        } else if ((m = PACKET.matcher(text)).matches()) {
            boolean indirect = m.group(2) != null;
            Opcode op = row(indirect ? Form.LD_IND : Form.LD_ABS, null, width(m.group(1)), false);
            return new Instruction(
                    op, 0, indirect ? register(m.group(2)) : 0, 0, m.group(3) == null ? 0 : imm32(m.group(3)));
        } else if ((m = ATOMIC.matcher(text)).matches()) {
            AtomicOp op = atomic(m.group(2), true);
            Opcode row = row(Form.ATOMIC, op, width(m.group(4)), true);
            return memory(row, m, 5, register(m.group(7)), row.fixedImm());
        } else if ((m = EXCHANGE.matcher(text)).matches()) {
            Width width = m.group(3).equals("_64") ? Width.DW : Width.W;
            Opcode row = row(Form.ATOMIC, atomic(m.group(2), true), width, true);
            return memory(row, m, 4, register(m.group(6)), row.fixedImm());
        } else if ((m = MOVSX.matcher(text)).matches()) {
            Opcode op = row(Form.MOVSX, ALU_SYMBOLS.get(m.group(3)), registerWidth(m.group(1)), false);
            return new Instruction(op, register(m.group(2)), register(m.group(5)), op.fixedOffset(), 0);
        } else if ((m = REFERENCE.matcher(text)).matches()) {
            return reference(m);
        } else if ((m = WIDE.matcher(text)).matches()) {
            return new Instruction(Opcode.LDDW, register(m.group(1)), 0, 0, number(m.group(2)));
        } else if ((m = UNARY.matcher(text)).matches()
                && ALU_SYMBOLS.containsKey(m.group(3).strip())) {
            AluOp alu = ALU_SYMBOLS.get(m.group(3).strip());
            Width width = alu == AluOp.NEG ? registerWidth(m.group(1)) : Width.DW;
            Opcode op = row(Form.UNARY, alu, width, false);
            if (!m.group(2).equals(m.group(5))) {
                throw error("expected the same register on both sides: " + text);
            }
            return new Instruction(op, register(m.group(2)), 0, 0, op.fixedImm());
        } else if ((m = ALU.matcher(text)).matches() && ALU_SYMBOLS.containsKey(m.group(3))) {
            return alu(m, code);
        }
        throw error("not an instruction: " + text);
    }

    private Instruction alu(Matcher m, String code) {
        AluOp operation = ALU_SYMBOLS.get(m.group(3));
        int dst = register(m.group(2));
        if (m.group(6) == null) {
            if (!m.group(4).equals(m.group(1))) {
                throw error("expected two registers of one width: " + m.group());
            }
            Opcode op = row(Form.ALU_X, operation, registerWidth(m.group(1)), false);
            return new Instruction(op, dst, register(m.group(5)), op.fixedOffset(), 0);
        }
        if (code != null && Integer.parseInt(code, 16) == Opcode.LDDW.code()) {
            return new Instruction(Opcode.LDDW, dst, 0, 0, number(m.group(6)));
        }
        Opcode op = row(Form.ALU_K, operation, registerWidth(m.group(1)), false);
        return new Instruction(op, dst, 0, op.fixedOffset(), imm32(m.group(6)));
    }

    private Instruction branch(Matcher m) {
        JmpOp operation = JMP_SYMBOLS.get(m.group(3));
        if (operation == null) {
            throw error("not a condition: " + m.group(3));
        }
        boolean immediate = m.group(6) != null;
        Opcode op = row(immediate ? Form.JMP_K : Form.JMP_X, operation, registerWidth(m.group(1)), false);
        int src = immediate ? 0 : register(m.group(5));
        long imm = immediate ? imm32(m.group(6)) : 0;
        return new Instruction(op, register(m.group(2)), src, offset16(target(m.group(7))), imm);
    }

    private Instruction jump(String word, String target) {
        int distance = target(target);
        return switch (word) {
            case "goto" -> new Instruction(Opcode.JA, 0, 0, offset16(distance), 0);
            case "gotol" -> new Instruction(Opcode.GOTOL, 0, 0, 0, distance);
            default -> new Instruction(Opcode.MAY_GOTO, 0, 0, offset16(distance), 0);
        };
    }

    private Instruction call(String operand) {
        Matcher kfunc = KFUNC.matcher(operand);
        if (kfunc.matches()) {
            int fd = kfunc.group(2) == null ? 0 : Integer.parseInt(kfunc.group(2));
            return new Instruction(Opcode.CALL_KFUNC, 0, 2, offset16(fd), imm32(kfunc.group(1)));
        }
        if (operand.endsWith("#kfunc") && symbols.kfuncNumber(operand.substring(0, operand.length() - 6)) != 0) {
            return new Instruction(
                    Opcode.CALL_KFUNC, 0, 2, 0, symbols.kfuncNumber(operand.substring(0, operand.length() - 6)));
        }
        if (operand.startsWith("pc+") || operand.startsWith("pc-")) {
            return new Instruction(Opcode.CALL_LOCAL, 0, 1, 0, imm32(operand.substring(2)));
        }
        String number = operand.substring(operand.lastIndexOf('#') + 1);
        if (number.matches(NUM)) {
            return new Instruction(Opcode.CALL, 0, 0, 0, imm32(number));
        }
        int helper = symbols.helperNumber(operand);
        if (helper != 0) {
            return new Instruction(Opcode.CALL, 0, 0, 0, helper);
        }
        fixups.add(new Fixup(instructions.size(), slot, line, operand));
        return new Instruction(Opcode.CALL_LOCAL, 0, 1, 0, 0);
    }

    private Instruction reference(Matcher m) {
        boolean value = m.group(4) != null;
        Pseudo pseudo = switch (m.group(2)) {
            case "map[fd" -> value ? Pseudo.MAP_VALUE : Pseudo.MAP_FD;
            case "map[idx" -> value ? Pseudo.MAP_IDX_VALUE : Pseudo.MAP_IDX;
            case "btf_id" -> Pseudo.BTF_ID;
            default -> Pseudo.FUNC;
        };
        String second = value ? m.group(4) : m.group(5);
        long high = second == null ? 0 : imm32(second);
        long imm = imm32(m.group(3)) & 0xffff_ffffL | high << 32;
        return new Instruction(Opcode.LDDW, register(m.group(1)), pseudo.ordinal(), 0, imm);
    }

    /** An instruction that accesses memory through dst; the base register is at a group, the offset behind it. */
    private Instruction memory(Opcode op, Matcher m, int base, int src, long imm) {
        return new Instruction(op, register(m.group(base)), src, offset16(number(m.group(base + 1))), imm);
    }

    private Instruction load(Opcode op, Matcher m, long imm) {
        return new Instruction(op, register(m.group(1)), register(m.group(4)), offset16(number(m.group(5))), imm);
    }

    private int target(String text) {
        String target = text.replaceFirst(" <.*>$", "").replaceFirst("^pc(?=[-+])", "");
        if (target.matches(NUM)) {
            return imm32(target);
        }
        fixups.add(new Fixup(instructions.size(), slot, line, target));
        return 0;
    }

    private Opcode row(Form form, Enum<?> operation, Width width, boolean fetches) {
        Opcode row = ROWS.get(new Shape(form, operation, width, fetches));
        if (row == null) {
            throw error("no such instruction: form=" + form + " operation=" + operation + " width=" + width);
        }
        return row;
    }

    private AtomicOp atomic(String word, boolean byName) {
        for (AtomicOp op : AtomicOp.values()) {
            if (word.equals(byName ? op.cname() : op.symbol())) {
                return op;
            }
        }
        throw error("not an atomic operation: " + word);
    }

    private int register(String number) {
        int register = number.length() > 2 ? Integer.MAX_VALUE : Integer.parseInt(number);
        if (register > Instruction.FP) {
            throw error("expected r0 to r10, found r" + number);
        }
        return register;
    }

    private static Width registerWidth(String letter) {
        return letter.equals("r") ? Width.DW : Width.W;
    }

    private static Width width(String bits) {
        for (Width width : Width.values()) {
            if (width.bits().equals(bits)) {
                return width;
            }
        }
        throw new AssertionError(bits);
    }

    private long number(String text) {
        String digits = text.replace(" ", "");
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        try {
            long magnitude = digits.startsWith("0x")
                    ? Long.parseUnsignedLong(digits.substring(2), 16)
                    : Long.parseUnsignedLong(digits);
            return negative ? -magnitude : magnitude;
        } catch (NumberFormatException e) {
            throw error("number does not fit into 64 bits: " + text);
        }
    }

    private int imm32(String text) {
        long number = number(text);
        if (number != (int) number && number >>> 32 != 0) {
            throw error("number does not fit into 32 bits: " + text);
        }
        return (int) number;
    }

    private int offset16(long number) {
        if (number != (short) number) {
            throw error("offset does not fit into 16 bits: " + number);
        }
        return (int) number;
    }

    private MalformedCodeException error(String message) {
        return new MalformedCodeException(slot, message + ", line=" + line);
    }
}
