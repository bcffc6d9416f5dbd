package dev.sluice.verifier;

import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Form;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;

/** Loads and stores: what registers and stack hold afterwards. What must hold before is {@link AccessRules}. */
final class Memory {
    private static final int NO_REG = -1;

    private final Run run;
    private final Layout layout;

    Memory(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    // --- instructions

    void load(int i) {
        int src = layout.src[i];
        int dst = layout.dst[i];
        RegType kind = run.peek(src).type;
        Opcode row = layout.row[i];
        access(new Access(src, layout.off[i], row.width().bytes(), false, dst, false, row.form() == Form.LDXSX));
        run.requireSameKind(kind);
    }

    void store(int i) {
        int c = layout.code[i];
        if ((c & 7) == 3 && (c & 0xe0) == 0xc0) {
            atomic(i);
            return;
        }
        int dst = layout.dst[i];
        int value = (c & 7) == 3 ? layout.src[i] : NO_REG;
        RegType kind = run.peek(dst).type;
        access(new Access(dst, layout.off[i], layout.row[i].width().bytes(), true, value, false, false));
        run.requireSameKind(kind);
    }

    private void atomic(int i) {
        Opcode row = layout.row[i];
        int bytes = row.width().bytes();
        int dst = layout.dst[i];
        int src = layout.src[i];
        int off = layout.off[i];
        if (row.form() == Form.LOAD_ACQ) {
            RegType kind = run.peek(src).type;
            access(new Access(src, off, bytes, false, dst, true, false));
            run.requireSameKind(kind);
            // asked after the load, as by the kernel: a pointer that was overwritten is none
            run.requirements.requireAtomicMemory(src, "loads from");
            return;
        }
        if (row.form() == Form.STORE_REL) {
            RegType kind = run.peek(dst).type;
            access(new Access(dst, off, bytes, true, src, true, false));
            run.requireSameKind(kind);
            run.requirements.requireAtomicMemory(dst, "stores into");
            return;
        }
        int loaded = NO_REG;
        if (row.fetches()) {
            loaded = row.atomic() == AtomicOp.CMPXCHG ? 0 : src;
            run.markUnknown(loaded);
        }
        access(new Access(dst, off, bytes, false, NO_REG, true, false));
        if (loaded != NO_REG) {
            access(new Access(dst, off, bytes, false, loaded, true, false));
        }
        access(new Access(dst, off, bytes, true, NO_REG, true, false));
    }

    void loadWide(int i) {
        Reg dst = run.reg(layout.dst[i]);
        Pseudo pseudo = Pseudo.of(layout.src[i]);
        switch (pseudo) {
            case IMM -> dst.setScalar(layout.wide(i));
            case MAP_FD, MAP_IDX -> {
                dst.setPointer(RegType.CONST_MAP_PTR);
                dst.map = run.subject.maps().get(layout.imm[i]);
            }
            case MAP_VALUE, MAP_IDX_VALUE -> {
                dst.setPointer(RegType.MAP_VALUE);
                dst.map = run.subject.maps().get(layout.imm[i]);
                dst.off = layout.imm[i + 1];
            }
            case FUNC -> {
                int function = layout.functionAt(i + 1 + layout.imm[i]);
                if (run.subject.functions().isEmpty()) {
                    throw run.reject("missing btf func_info");
                }
                if (run.calls.isGlobal(function)) {
                    throw run.reject("callback function not static");
                }
                dst.setPointer(RegType.FUNC);
                dst.subprog = function;
            }
            case BTF_ID -> {
                // a kernel function's address: not NULL, and nothing to read there
                dst.setPointer(RegType.MEM);
                dst.readOnly = true;
            }
        }
    }

    // --- accesses

    /** What an access does, once it was found to be allowed. */
    void access(Access access) {
        run.rules.require(access);
        Reg reg = run.peek(access.register());
        int off = access.off() + reg.off;
        int value = access.value();
        if (access.write()) {
            if (reg.type == RegType.STACK) {
                run.stack.write(reg, off, access.bytes(), value);
            }
            return;
        }
        if (reg.type == RegType.STACK) {
            run.stack.read(access.register(), off, access.bytes(), value);
        } else if (value < 0) {
            return;
        } else if (reg.type == RegType.MAP_VALUE && reg.isConst() && reg.map.isConstant()) {
            run.reg(value).setScalar(constant(reg, off, access));
        } else if (reg.type == RegType.CTX && contextField(off) != RegType.SCALAR) {
            run.reg(value).setPointer(contextField(off));
        } else {
            run.reg(value).setUnknown();
        }
        if (value >= 0 && access.bytes() < Long.BYTES && run.peek(value).type == RegType.SCALAR) {
            if (access.extend()) {
                SignExtension.extend64(run.reg(value), access.bytes());
            } else {
                run.reg(value).truncate(access.bytes());
            }
        }
    }

    /** What the context holds at an offset. */
    static RegType contextField(int off) {
        return switch (off) {
            case 0 -> RegType.PACKET;
            case 4 -> RegType.PACKET_END;
            case 8 -> RegType.PACKET_META;
            default -> RegType.SCALAR;
        };
    }

    private static long constant(Reg reg, int off, Access access) {
        long loaded = reg.map.load((int) (off + reg.bits.value()), access.bytes());
        int unused = Long.SIZE - Byte.SIZE * access.bytes();
        return access.extend() ? loaded << unused >> unused : loaded;
    }
}
