package dev.sluice.verifier;

import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Opcode;
import java.util.ArrayList;
import java.util.List;

/**
 * What an instruction asks of the state by itself: well-formed fields, operands that were written, a destination that may be
 * set. Made once for each slot, when a path first comes by; checked each time, before the instruction's effect. The order is
 * Linux's, since the first that does not hold gives the message.
 *
 * <pre>
 *   r2 += r3             READABLE r3, READABLE r2, WRITABLE r2
 *   r2 = *(u8 *)(r3)     READABLE r3, WRITABLE r2
 *   r2 /= 0              READABLE r2, NEVER "div by zero"
 * </pre>
 *
 * <p>What depends on what the operands hold is asked by {@link AccessRules} and {@link Arguments}. Owned by one verification.
 */
final class Requirements {
    private static final int OP_MASK = 0xf0;
    private static final int CLASS_MASK = 7;
    private static final int REGISTER_BIT = 8;
    private static final int MODE_MASK = 0xe0;
    private static final int MODE_MEM = 0x60;
    private static final int MODE_ATOMIC = 0xc0;
    private static final int DIV = 0x30;
    private static final int LSH = 0x60;
    private static final int RSH = 0x70;
    private static final int NEG = 0x80;
    private static final int MOD = 0x90;
    private static final int MOV = 0xb0;
    private static final int ARSH = 0xc0;
    private static final int END = 0xd0;
    private static final int JA = 0x00;
    private static final int CALL = 0x80;
    private static final int EXIT = 0x90;
    private static final int MAY_GOTO = 0xe0;

    /** No arguments of an instruction: nothing to ask. */
    private static final Requirement[] NOTHING = {};

    private final Run run;
    private final Layout layout;
    private final Requirement[][] bySlot;

    Requirements(Run run) {
        this.run = run;
        this.layout = run.layout;
        bySlot = new Requirement[layout.size][];
    }

    /** Rejects the program unless all that the instruction at a slot asks for holds in the state at hand. */
    void check(int slot) {
        Requirement[] asked = bySlot[slot];
        if (asked == null) {
            asked = of(layout, slot).toArray(NOTHING);
            bySlot[slot] = asked;
        }
        for (Requirement each : asked) {
            check(each);
        }
    }

    private void check(Requirement asked) {
        switch (asked.kind()) {
            case READABLE -> run.requireReadable(asked.register());
            case WRITABLE -> run.requireWritable(asked.register());
            case ATOMIC_MEMORY -> requireAtomicMemory(asked.register(), asked.text());
            case NEVER -> throw run.reject(asked.text());
        }
    }

    /** Atomic operations work on what belongs to the program. */
    void requireAtomicMemory(int number, String what) {
        Reg reg = run.peek(number);
        boolean allowed = switch (reg.type) {
            case CTX, PACKET, PACKET_META, SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK, OBJECT -> false;
            case NOT_INIT, SCALAR, CONST_MAP_PTR, MAP_VALUE, MAP_KEY, STACK, PACKET_END, MEM, FUNC, DYNPTR -> true;
        };
        if (!allowed) {
            throw run.reject("BPF_ATOMIC " + what + " R" + number + " " + StatePrinter.name(reg) + " is not allowed");
        }
    }

    /** What the instruction at a slot asks for, in order. */
    static List<Requirement> of(Layout layout, int i) {
        List<Requirement> list = new ArrayList<>(3);
        switch (layout.code[i] & CLASS_MASK) {
            case 0 -> wide(layout, i, list);
            case 1 -> {
                list.add(Requirement.readable(layout.src[i]));
                list.add(Requirement.writable(layout.dst[i]));
            }
            case 2 -> {
                if ((layout.code[i] & MODE_MASK) != MODE_MEM || layout.src[i] != 0) {
                    list.add(Requirement.never("BPF_ST uses reserved fields"));
                }
                list.add(Requirement.readable(layout.dst[i]));
            }
            case 3 -> store(layout, i, list);
            case 4, 7 -> arithmetic(layout, i, list);
            default -> jump(layout, i, list);
        }
        return list;
    }

    private static boolean isRegister(Layout layout, int i) {
        return (layout.code[i] & REGISTER_BIT) != 0;
    }

    private static void wide(Layout layout, int i, List<Requirement> list) {
        int mode = layout.code[i] & MODE_MASK;
        if (mode == 0x20 || mode == 0x40) {
            list.add(Requirement.never("BPF_LD_[ABS|IND] instructions not allowed for this program type"));
        } else if (layout.code[i] != Opcode.LDDW.code()) {
            list.add(Requirement.never("invalid BPF_LD mode"));
        } else if (layout.off[i] != 0) {
            list.add(Requirement.never("BPF_LD_IMM64 uses reserved fields"));
        }
        list.add(Requirement.writable(layout.dst[i]));
    }

    // --- stores and atomic operations

    private static void store(Layout layout, int i, List<Requirement> list) {
        if ((layout.code[i] & MODE_MASK) == MODE_ATOMIC) {
            atomic(layout, i, list);
            return;
        }
        if ((layout.code[i] & MODE_MASK) != MODE_MEM || layout.imm[i] != 0) {
            list.add(Requirement.never("BPF_STX uses reserved fields"));
        }
        list.add(Requirement.readable(layout.src[i]));
        list.add(Requirement.readable(layout.dst[i]));
    }

    private static void atomic(Layout layout, int i, List<Requirement> list) {
        Opcode row = layout.row[i];
        int dst = layout.dst[i];
        int src = layout.src[i];
        if (row == null) {
            boolean known = Opcode.of(0xdb, 0, 0, layout.imm[i]) != null;
            list.add(Requirement.never(
                    known
                            ? "invalid atomic operand size"
                            : String.format("BPF_ATOMIC uses invalid atomic opcode %02x", layout.imm[i])));
            return;
        }
        list.add(Requirement.readable(src));
        switch (row.form()) {
            case LOAD_ACQ -> list.add(Requirement.writable(dst));
            case STORE_REL -> list.add(Requirement.readable(dst));
            default -> {
                list.add(Requirement.readable(dst));
                if (row.atomic() == AtomicOp.CMPXCHG) {
                    list.add(Requirement.readable(0));
                }
                list.add(Requirement.atomicMemory(dst, "stores into"));
                if (row.fetches()) {
                    list.add(Requirement.writable(row.atomic() == AtomicOp.CMPXCHG ? 0 : src));
                }
            }
        }
    }

    // --- arithmetic

    private static void arithmetic(Layout layout, int i, List<Requirement> list) {
        switch (layout.code[i] & OP_MASK) {
            case NEG -> {
                if (isRegister(layout, i) || layout.src[i] != 0 || layout.off[i] != 0 || layout.imm[i] != 0) {
                    list.add(Requirement.never("BPF_NEG uses reserved fields"));
                }
                readAndSet(layout.dst[i], list);
            }
            case END -> {
                if (layout.row[i] == null || layout.src[i] != 0 || layout.off[i] != 0) {
                    list.add(Requirement.never("BPF_END uses reserved fields"));
                }
                readAndSet(layout.dst[i], list);
            }
            case MOV -> move(layout, i, list);
            default -> binary(layout, i, list);
        }
    }

    private static void readAndSet(int register, List<Requirement> list) {
        list.add(Requirement.readable(register));
        list.add(Requirement.writable(register));
    }

    private static void move(Layout layout, int i, List<Requirement> list) {
        int off = layout.off[i];
        boolean is64 = (layout.code[i] & CLASS_MASK) == 7;
        if (!isRegister(layout, i)) {
            if (layout.src[i] != 0 || off != 0) {
                list.add(Requirement.never("BPF_MOV uses reserved fields"));
            }
        } else {
            boolean known = off == 0 || off == 8 || off == 16 || is64 && off == 32;
            if (is64 && off == 1) {
                list.add(Requirement.never(
                        layout.imm[i] == 1 || layout.imm[i] == 1 << 16
                                ? "addr_space_cast insn can only be used in a program that has an associated arena"
                                : "addr_space_cast insn can only convert between address space 1 and 0"));
            } else if (!known || layout.imm[i] != 0) {
                list.add(Requirement.never("BPF_MOV uses reserved fields"));
            }
            list.add(Requirement.readable(layout.src[i]));
        }
        list.add(Requirement.writable(layout.dst[i]));
    }

    private static void binary(Layout layout, int i, List<Requirement> list) {
        int op = layout.code[i] & OP_MASK;
        boolean register = isRegister(layout, i);
        boolean divides = op == DIV || op == MOD;
        boolean badOff = layout.off[i] != 0 && (layout.off[i] != 1 || !divides);
        if (badOff || (register ? layout.imm[i] != 0 : layout.src[i] != 0)) {
            list.add(Requirement.never("BPF_ALU uses reserved fields"));
        }
        if (register) {
            list.add(Requirement.readable(layout.src[i]));
        }
        list.add(Requirement.readable(layout.dst[i]));
        if (!register) {
            int bits = (layout.code[i] & CLASS_MASK) == 7 ? 64 : 32;
            if (divides && layout.imm[i] == 0) {
                list.add(Requirement.never("div by zero"));
            } else if ((op == LSH || op == RSH || op == ARSH) && (layout.imm[i] < 0 || layout.imm[i] >= bits)) {
                list.add(Requirement.never("invalid shift " + layout.imm[i]));
            }
        }
        list.add(Requirement.writable(layout.dst[i]));
    }

    // --- jumps, calls, exits

    private static void jump(Layout layout, int i, List<Requirement> list) {
        boolean is32 = (layout.code[i] & CLASS_MASK) == 6;
        boolean register = isRegister(layout, i);
        switch (layout.code[i] & OP_MASK) {
            case JA -> {
                boolean isLong = layout.code[i] == Opcode.GOTOL.code();
                if (layout.src[i] != 0 || layout.dst[i] != 0 || (isLong ? layout.off[i] : layout.imm[i]) != 0) {
                    list.add(Requirement.never("BPF_JA uses reserved fields"));
                }
            }
            case MAY_GOTO -> {
                if (layout.src[i] != 0 || layout.dst[i] != 0 || layout.imm[i] != 0) {
                    list.add(Requirement.never("invalid may_goto imm " + layout.imm[i]));
                }
            }
            case CALL -> {
                boolean kfunc = layout.src[i] == 2;
                if (register) {
                    list.add(Requirement.never(String.format("unknown opcode %02x", layout.code[i])));
                } else if (layout.off[i] != 0 && !kfunc || layout.src[i] > 2 || layout.dst[i] != 0 || is32) {
                    list.add(Requirement.never("BPF_CALL uses reserved fields"));
                } else if (kfunc && layout.imm[i] == 0) {
                    list.add(Requirement.never("invalid kernel function call not eliminated in verifier pass"));
                }
            }
            case EXIT -> {
                if (register || is32 || layout.imm[i] != 0 || layout.src[i] != 0 || layout.dst[i] != 0) {
                    list.add(Requirement.never("BPF_EXIT uses reserved fields"));
                }
            }
            default -> {
                list.add(Requirement.readable(layout.dst[i]));
                if (register ? layout.imm[i] != 0 : layout.src[i] != 0) {
                    list.add(Requirement.never("BPF_JMP/JMP32 uses reserved fields"));
                }
                if (register) {
                    list.add(Requirement.readable(layout.src[i]));
                }
            }
        }
    }
}
