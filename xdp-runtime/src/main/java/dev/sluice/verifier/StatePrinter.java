package dev.sluice.verifier;

/** States as text, in the form of the kernel's log. */
final class StatePrinter {
    private static final char[] KINDS = {'?', 'r', 'm', '0', 'd', 'i'};

    private StatePrinter() {}

    /**
     * A frame of a state, beginning with a blank.
     *
     * @param regMask registers to show, bit by bit; those never written are left out in any case
     * @param slotMask stack slots to show
     */
    static String text(State state, Frame frame, int regMask, long slotMask) {
        StringBuilder out = new StringBuilder();
        if (frame.number > 0) {
            out.append(" frame").append(frame.number).append(':');
        }
        for (int i = 0; i < frame.regs.length; i++) {
            Reg reg = frame.regs[i];
            if (reg.type != RegType.NOT_INIT && (regMask >> i & 1) != 0) {
                out.append(" R").append(i).append('=');
                print(out, reg, frame.number);
            }
        }
        for (int slot = 0; slot < frame.slots(); slot++) {
            if (slot < 64 && (slotMask >> slot & 1) == 0) {
                continue;
            }
            if (frame.object(slot) != null) {
                printObject(out, frame, slot);
            } else {
                printSlot(out, frame, slot);
            }
        }
        printRefs(out, state);
        if (frame.inCallback) {
            out.append(" cb");
        }
        if (frame.inAsyncCallback) {
            out.append(" async_cb");
        }
        return out.toString();
    }

    /** Locks in global variables have no id, and are not shown. */
    private static void printRefs(StringBuilder out, State state) {
        String before = " refs=";
        for (State.Ref ref : state.refs) {
            if (ref.id() != 0) {
                out.append(before).append(ref.id());
                before = ",";
            }
        }
    }

    /** An object is shown once, by the slot at its lowest address. */
    private static void printObject(StringBuilder out, Frame frame, int slot) {
        switch (frame.object(slot)) {
            case StackObject.Dynptr dynptr
            when dynptr.first() -> {
                out.append(" fp").append(-8 * (slot + 1)).append("=dynptr_");
                out.append(dynptr.memory().text()).append('(');
                int start = out.length();
                attribute(out, start, "id=" + dynptr.id());
                if (dynptr.ref() != 0) {
                    attribute(out, start, "ref_id=" + dynptr.ref());
                }
                attribute(out, start, "dynptr_id=1"); // what Linux reads there says that this is the first slot
                out.append(')');
            }
            case StackObject.Iterator iterator
            when iterator.ref() != 0 ->
                out.append(" fp")
                        .append(-8 * (slot + 1))
                        .append("=iter_")
                        .append(iterator.type())
                        .append("(ref_id=")
                        .append(iterator.ref())
                        .append(",state=")
                        .append(iterator.drained() ? "drained" : "active")
                        .append(",depth=")
                        .append(iterator.depth())
                        .append(')');
            case StackObject.Dynptr second -> {}
            case StackObject.Iterator second -> {}
        }
    }

    private static void printSlot(StringBuilder out, Frame frame, int slot) {
        boolean valid = false;
        for (int i = 0; i < 8; i++) {
            valid |= frame.kind(slot, i) != Frame.INVALID;
        }
        if (!valid) {
            return;
        }
        out.append(" fp").append(-8 * (slot + 1)).append('=');
        if (frame.isSpill(slot)) {
            // the bytes of the slot that are not the register's own
            StringBuilder shown = new StringBuilder();
            for (int i = 0; i < 8 && frame.kind(slot, i) != Frame.SPILL; i++) {
                shown.append(KINDS[frame.kind(slot, i)]);
            }
            out.append(shown);
            print(out, frame.spills[slot], frame.number);
        } else {
            for (int i = 0; i < 8; i++) {
                out.append(KINDS[frame.kind(slot, i)]);
            }
        }
    }

    /** Bits; a number where all are known. */
    static String text(Tnum bits) {
        return bits.isConst() ? Long.toString(bits.value()) : bits.toString();
    }

    static String text(Reg reg) {
        StringBuilder out = new StringBuilder();
        print(out, reg, reg.frame);
        return out.toString();
    }

    static void print(StringBuilder out, Reg reg, int frame) {
        if (reg.precise && reg.type == RegType.SCALAR) {
            out.append('P');
        }
        if (reg.type == RegType.SCALAR && reg.isConst()) {
            number(out, reg.bits.value() + 0, true);
            return;
        }
        out.append(name(reg));
        if (reg.type == RegType.OBJECT) {
            out.append(reg.struct);
        }
        if (reg.type == RegType.STACK) {
            if (reg.frame != frame) {
                out.append('[').append(reg.frame).append(']');
            }
            if (reg.isConst()) {
                number(out, reg.off + reg.bits.value(), true);
                return;
            }
        }
        out.append('(');
        int start = out.length();
        if (reg.id != 0) {
            attribute(out, start, "id=" + (reg.id & ~Reg.PLUS_CONST));
        }
        if ((reg.id & Reg.PLUS_CONST) != 0) {
            out.append(reg.off < 0 ? "" : "+").append(reg.off);
        }
        if (reg.ref != 0) {
            attribute(out, start, "ref_obj_id=" + reg.ref);
        }
        if (reg.map != null) {
            if (!reg.map.def().name().isEmpty()) {
                attribute(out, start, "map=" + cut(reg.map.def().name()));
            }
            attribute(out, start, "ks=" + reg.map.def().keySize());
            attribute(out, start, "vs=" + Integer.toUnsignedString(reg.map.def().valueSize()));
        }
        if (reg.type != RegType.SCALAR && reg.off != 0) {
            StringBuilder off = new StringBuilder("off=");
            number(off, reg.off, true);
            attribute(out, start, off.toString());
        }
        if (reg.dynptr != null) {
            attribute(out, start, "type=" + reg.dynptr.memory().text());
        }
        if (reg.type.isPacket()) {
            attribute(out, start, "r=" + (reg.range < 0 ? "0x" + Long.toHexString(reg.range) : reg.range));
        }
        if (reg.type == RegType.MEM) {
            attribute(out, start, "sz=" + reg.memBytes);
        }
        if (reg.type != RegType.SCALAR && reg.isConst()) {
            if (reg.bits.value() != 0) {
                StringBuilder imm = new StringBuilder("imm=");
                number(imm, reg.bits.value(), true);
                attribute(out, start, imm.toString());
            }
        } else if (reg.type == RegType.SCALAR || !reg.isConst()) {
            ranges(out, start, reg);
            if (!reg.bits.equals(Tnum.UNKNOWN)) {
                attribute(out, start, "var_off=" + reg.bits);
            }
        }
        out.append(')');
    }

    private static String cut(String name) {
        return name.length() > 15 ? name.substring(0, 15) : name;
    }

    static String name(Reg reg) {
        String name = reg.type.text();
        if (reg.type == RegType.MEM) {
            name = (reg.readOnly ? "rdonly_" : "") + (reg.ringbuf ? "ringbuf_" : "") + name;
        }
        if (reg.type == RegType.OBJECT) {
            return name + (reg.orNull ? "or_null_" : "");
        }
        return reg.orNull ? name + "_or_null" : name;
    }

    private static void attribute(StringBuilder out, int start, String text) {
        if (out.length() > start) {
            out.append(',');
        }
        out.append(text);
    }

    /** Ranges that say something; equal ones are written as a chain, {@code smin=umin=5}. */
    private static void ranges(StringBuilder out, int start, Reg reg) {
        String[] names = {"smin", "smax", "umin", "umax", "smin32", "smax32", "umin32", "umax32"};
        long[] values = {
            reg.smin,
            reg.smax,
            reg.umin,
            reg.umax,
            signed32(reg.s32min),
            signed32(reg.s32max),
            reg.u32min & 0xffff_ffffL,
            reg.u32max & 0xffff_ffffL
        };
        boolean[] signed = {true, true, false, false, true, true, false, false};
        boolean[] omit = {
            reg.smin == Long.MIN_VALUE,
            reg.smax == Long.MAX_VALUE,
            reg.umin == 0,
            reg.umax == -1,
            reg.s32min == Integer.MIN_VALUE,
            reg.s32max == Integer.MAX_VALUE,
            reg.u32min == 0,
            reg.u32max == -1
        };
        for (int i = 0; i < names.length; i++) {
            if (omit[i]) {
                continue;
            }
            StringBuilder chain = new StringBuilder(names[i]).append('=');
            boolean negative = signed[i] && values[i] < 0;
            for (int j = i + 2; j < names.length; j += 2) {
                if (!omit[j] && values[j] == values[i] && negative == (signed[j] && values[j] < 0)) {
                    chain.append(names[j]).append('=');
                    omit[j] = true;
                }
            }
            number(chain, values[i], signed[i]);
            attribute(out, start, chain.toString());
        }
    }

    /** Not sign-extended where it will be written in hexadecimal. */
    private static long signed32(int value) {
        return value == (short) value ? value : value & 0xffff_ffffL;
    }

    /** Small numbers are decimal, large ones hexadecimal. */
    private static void number(StringBuilder out, long value, boolean signed) {
        boolean small = signed ? value >= Short.MIN_VALUE && value <= Short.MAX_VALUE : value >= 0 && value <= 0xffff;
        if (small) {
            out.append(value);
        } else {
            out.append("0x").append(Long.toHexString(value));
        }
    }
}
