package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Width;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;

/** Decides how accesses and calls are emitted: which need a check, and which of these can be made in place. */
final class Ways {
    /** How an access is emitted. */
    enum Way {
        /** At a known place in the function's own frame. */
        OWN_FRAME,
        /** In place, without a test. */
        PLAIN,
        /** In place after a test against two locals, else checked. */
        BOUNDED,
        /** By a method of {@link dev.sluice.exec.Checks}. */
        CHECKED
    }

    private Ways() {}

    /** How an access is emitted that goes through a value of {@link Kinds}. */
    static Way of(Unit unit, int base, int offset, int size, boolean write) {
        int kind = Kinds.kind(base);
        if (kind == Kinds.STACK) {
            int at = Kinds.number(base) + offset;
            boolean inFrame = at >= -RunContext.STACK_BYTES && at + size <= 0;
            return inFrame ? Way.OWN_FRAME : Way.CHECKED;
        }
        if (kind == Kinds.CONTEXT) {
            return Way.CHECKED;
        }
        if (!unit.checked) {
            return Way.PLAIN;
        }
        if (kind == Kinds.CONST) {
            return Way.CHECKED; // a null pointer, most likely
        }
        if (kind == Kinds.LONG) {
            return unit.assume(unit.kinds.constant(base) + offset, size, write) ? Way.PLAIN : Way.CHECKED;
        }
        if (kind == Kinds.FRAME) {
            return write ? Way.CHECKED : Way.BOUNDED; // what is written is noted
        }
        return kind == Kinds.PACKET || kind == Kinds.VALUE ? Way.BOUNDED : Way.CHECKED;
    }

    /** Whether a value is the address of a place in the function's own frame. */
    static boolean inFrame(int value) {
        return Kinds.kind(value) == Kinds.STACK
                && Kinds.number(value) < 0
                && Kinds.number(value) >= -RunContext.STACK_BYTES;
    }

    /** Whether so many bytes from a value on are in the function's own frame. */
    static boolean inFrame(int value, int bytes) {
        return inFrame(value) && Kinds.number(value) + bytes <= 0;
    }

    /** Whether some argument of a helper is not known to be right. */
    static boolean needsCheck(int[] state, Callee helper) {
        for (int i = 0; i < helper.argCount(); i++) {
            ArgKind kind = helper.arg(i);
            boolean isContext = kind == ArgKind.CTX && Kinds.kind(state[1 + i]) == Kinds.CONTEXT;
            boolean anything = kind == ArgKind.ANYTHING || kind == ArgKind.SCALAR || kind == ArgKind.IGNORED;
            if (!anything && !isContext) {
                return true;
            }
        }
        return false;
    }

    /** Whether a look-up is in a map that is known, by a key that is known to be readable. */
    static boolean isKnownLookup(Unit unit, int[] state) {
        BpfMap known = unit.mapOf(state[1]);
        return known != null
                && Helper.MAP_LOOKUP_ELEM.takes(known.def().type())
                && (!unit.checked || inFrame(state[2], known.def().keySize()));
    }

    /** Whether an update or a deletion is of a map that is known, with arguments that are known to be right. */
    static boolean isKnownChange(Unit unit, int[] state, Helper helper) {
        BpfMap known = unit.mapOf(state[1]);
        if (known == null) {
            return false;
        }
        MapDef def = known.def();
        return !unit.checked
                || helper.takes(def.type())
                        && (def.flags() & BpfMap.RDONLY_PROG) == 0
                        && inFrame(state[2], def.keySize())
                        && (helper != Helper.MAP_UPDATE_ELEM || inFrame(state[3], def.valueSize()));
    }

    /** Whether an instruction of checked code always needs what {@link RunContext} says of the packet and the stack. */
    static boolean asksContext(Unit unit, int[] state, Instruction insn) {
        return switch (insn.form()) {
            case LDX, LDXSX, LOAD_ACQ -> isChecked(unit, unit.kinds.register(state, insn.src()), insn);
            case ST, STX, STORE_REL, ATOMIC -> isChecked(unit, unit.kinds.register(state, insn.dst()), insn);
            case CALL_HELPER, CALL_KFUNC -> {
                Callee callee = HelperTraits.called(insn);
                if (callee == Helper.MAP_LOOKUP_ELEM) {
                    yield !isKnownLookup(unit, state);
                }
                boolean changes = callee == Helper.MAP_UPDATE_ELEM || callee == Helper.MAP_DELETE_ELEM;
                yield callee != null
                        && !(changes && isKnownChange(unit, state, (Helper) callee))
                        && needsCheck(state, callee);
            }
            case CALL_LOCAL, CALLX -> true;
            case ALU_K, ALU_X, UNARY, MOVSX, JMP_K, JMP_X, JA, GOTOL, MAY_GOTO, EXIT, LDDW -> false;
            case LD_ABS, LD_IND -> throw new AssertionError("refused at load: " + insn);
        };
    }

    private static boolean isChecked(Unit unit, int base, Instruction insn) {
        Width width = insn.opcode().width();
        boolean isField =
                Kinds.kind(base) == Kinds.CONTEXT && insn.form() == Form.LDX && width == Width.W && isField(insn.off());
        boolean write = insn.form() != Form.LDX && insn.form() != Form.LDXSX && insn.form() != Form.LOAD_ACQ;
        boolean isStack = Kinds.kind(base) == Kinds.FRAME; // the context knows which of it is alive
        return !isField && (isStack || of(unit, base, insn.off(), width.bytes(), write) == Way.CHECKED);
    }

    /** Whether a field of {@code struct xdp_md} begins at an offset. */
    static boolean isField(int offset) {
        return offset >= 0 && offset < RunContext.XDP_MD_BYTES && offset % Integer.BYTES == 0;
    }
}
