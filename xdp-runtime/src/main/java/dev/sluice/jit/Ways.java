package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;

/** Decides how accesses and calls are emitted: which need a check, and which of these can be made in place. */
final class Ways {
    /** How an access is emitted. */
    enum Way {
        /** At a known place in the function's own frame, or in its caller's. */
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
    static Way of(Unit unit, int function, int base, int offset, int size, boolean write) {
        int kind = Kinds.kind(base);
        if (kind == Kinds.STACK) {
            int at = Kinds.number(base) + offset;
            boolean inFrame = at >= -RunContext.STACK_BYTES && at + size <= 0;
            return inFrame || unit.kinds.inCaller(function, at, size) ? Way.OWN_FRAME : Way.CHECKED;
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
        if (kind == Kinds.AREA) {
            return unit.assumeArea(unit.kinds.constant(base), size, write) ? Way.BOUNDED : Way.CHECKED;
        }
        return kind == Kinds.PACKET || kind == Kinds.VALUE || kind == Kinds.FRAME ? Way.BOUNDED : Way.CHECKED;
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
    static boolean needsCheck(Unit unit, int[] state, Callee helper) {
        int argument = HelperTraits.mapArgument(helper);
        BpfMap map = argument < 0 ? null : unit.mapOf(state[argument]);
        for (int i = 0; i < helper.argCount(); i++) {
            int value = state[1 + i];
            ArgKind kind = helper.arg(i);
            boolean isRight = switch (kind) {
                case ANYTHING, SCALAR, IGNORED, STACK_OR_NULL -> true;
                case CONST_SIZE, CONST_SIZE_OR_ZERO -> true; // looked at with the memory before
                case CTX -> Kinds.kind(value) == Kinds.CONTEXT;
                case CONST_MAP_PTR -> map != null && 1 + i == argument && takes(helper, map);
                case MAP_KEY -> map != null && inFrame(value, map.def().keySize());
                case MAP_VALUE, MAP_VALUE_OUT ->
                    map != null && inFrame(value, map.def().valueSize());
                case MAP_VALUE_OR_NULL ->
                    Kinds.isZero(value)
                            || map != null && inFrame(value, map.def().valueSize());
                case MEM_READ, MEM_WRITE, MEM_READ_WRITE, MEM_READ_OR_NULL, MEM_WRITE_OR_NULL -> {
                    int size = state[2 + i];
                    yield Kinds.kind(size) == Kinds.CONST
                            && Kinds.number(size) > 0
                            && inFrame(value, Kinds.number(size));
                }
                case LONG_PTR, INT_PTR, IPHDR, IPV6HDR, TCPHDR -> inFrame(value, kind.fixedBytes());
                default -> false;
            };
            if (!isRight) {
                return true;
            }
        }
        return false;
    }

    private static boolean takes(Callee callee, BpfMap map) {
        return callee instanceof Helper helper
                && helper.takes(map.def().type())
                && !(helper.writesMap() && (map.def().flags() & BpfMap.RDONLY_PROG) != 0);
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
                || takes(helper, known)
                        && inFrame(state[2], def.keySize())
                        && (helper != Helper.MAP_UPDATE_ELEM || inFrame(state[3], def.valueSize()));
    }
}
