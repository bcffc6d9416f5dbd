package dev.sluice.verifier;

import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Opcode;

/** Which of r0 to r9 are read before they are written, from each slot on: a data flow over the whole program. */
final class LiveRegisters {
    private static final int CALLER_SAVED = 0x3f;
    private static final int ARGUMENTS = 0x3e;
    private static final int ALL = 0x3ff;

    /** Per slot, bit by bit. */
    final short[] before;

    /** Per slot, which of r0 to r9 the instruction itself reads. */
    final short[] used;

    private LiveRegisters(int size) {
        before = new short[size];
        used = new short[size];
    }

    static LiveRegisters of(Layout layout) {
        LiveRegisters live = new LiveRegisters(layout.size);
        int[] use = new int[layout.size];
        int[] define = new int[layout.size];
        for (int i = 0; i < layout.size; i++) {
            fields(layout, i, use, define);
            live.used[i] = (short) use[i];
            if (layout.isWide(i)) {
                i++;
            }
        }
        // backwards through the slots, until nothing changes: few rounds, as most jumps go forwards
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int i = layout.size - 1; i >= 0; i--) {
                if (layout.row[i] == null && layout.code[i] == 0) {
                    continue; // the second slot of an lddw
                }
                int out = 0;
                int c = layout.code[i];
                if (Layout.isJumpClass(c) && !Layout.isExit(c) && (c & 0xf0) != 0x80) {
                    out = live.before[layout.target(i)];
                    if (c != Opcode.JA.code() && c != Opcode.GOTOL.code()) {
                        out |= live.before[i + 1];
                    }
                } else if (!Layout.isExit(c)) {
                    int next = i + (layout.isWide(i) ? 2 : 1);
                    out = next < layout.size ? live.before[next] : 0;
                }
                short in = (short) (out & ~define[i] | use[i]);
                if (in != live.before[i]) {
                    live.before[i] = in;
                    changed = true;
                }
            }
        }
        return live;
    }

    private static void fields(Layout layout, int i, int[] use, int[] define) {
        int dst = 1 << layout.dst[i];
        int src = 1 << layout.src[i];
        Opcode row = layout.row[i];
        if (row == null) {
            withReservedFields(layout.code[i], dst, src, i, use, define);
            return;
        }
        switch (row.form()) {
            case ALU_K -> {
                define[i] = dst;
                use[i] = row.alu() == dev.sluice.isa.AluOp.MOV ? 0 : dst;
            }
            case ALU_X -> {
                define[i] = dst;
                use[i] = row.alu() == dev.sluice.isa.AluOp.MOV ? src : dst | src;
            }
            case UNARY -> {
                define[i] = dst;
                use[i] = dst;
            }
            case MOVSX, LDX, LDXSX, LOAD_ACQ -> {
                define[i] = dst;
                use[i] = src;
            }
            case JMP_K, ST -> use[i] = dst;
            case JMP_X, STX, STORE_REL -> use[i] = dst | src;
            case JA, GOTOL, MAY_GOTO -> {}
            case CALL_HELPER -> {
                define[i] = CALLER_SAVED;
                Helper helper = layout.helperAt(i);
                use[i] = helper == null ? ARGUMENTS : (1 << helper.argCount() + 1) - 2;
            }
            case CALL_KFUNC -> {
                Kfunc kfunc = layout.kfuncAt(i);
                define[i] = CALLER_SAVED;
                use[i] = kfunc == null || !kfunc.isDescribed() ? ARGUMENTS : (1 << kfunc.argCount() + 1) - 2;
            }
            case CALL_LOCAL, CALLX -> {
                define[i] = CALLER_SAVED;
                use[i] = ARGUMENTS;
            }
            case EXIT -> use[i] = 1;
            case LDDW -> define[i] = dst;
            case LD_ABS, LD_IND -> use[i] = ALL; // no XDP program may have them
            case ATOMIC -> {
                use[i] = dst | src;
                if (row.atomic() == dev.sluice.isa.AtomicOp.CMPXCHG) {
                    use[i] |= 1;
                    define[i] = 1;
                } else if (row.fetches()) {
                    define[i] = src;
                }
            }
        }
        use[i] &= ALL;
        define[i] &= ALL;
    }

    /** Reserved fields are in use, and a path that comes by is refused; before, only class and operation count. */
    private static void withReservedFields(int code, int dst, int src, int i, int[] use, int[] define) {
        boolean register = (code & 8) != 0;
        use[i] = ALL;
        switch (code & 7) {
            case 4, 7 -> {
                boolean move = (code & 0xf0) == 0xb0;
                boolean unary = (code & 0xf0) == 0xd0 || (code & 0xf0) == 0x80;
                define[i] = dst;
                use[i] = (move ? 0 : dst) | (register && !unary ? src : 0);
            }
            case 5, 6 -> {
                int op = code & 0xf0;
                if (op != 0x00 && op < 0x80 || op >= 0xa0 && op < 0xe0) {
                    use[i] = dst | (register ? src : 0);
                }
            }
            case 1 -> {
                define[i] = dst;
                use[i] = src;
            }
            case 2 -> use[i] = dst;
            case 3 -> use[i] = dst | src;
            default -> {}
        }
        use[i] &= ALL;
        define[i] &= ALL;
    }
}
