package dev.sluice.jit;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;

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

    /**
     * How an access is emitted that goes through a value of {@link Kinds}.
     *
     * @param inside what {@link AddressFlow} says about it
     */
    static Way of(Unit unit, int function, int base, int offset, int size, boolean write, int inside) {
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
            boolean isBounded = inside >= AddressFlow.INSIDE || unit.assumeArea(unit.kinds.constant(base), size, write);
            return isBounded ? Way.BOUNDED : Way.CHECKED;
        }
        boolean isBounded = kind == Kinds.PACKET || kind == Kinds.VALUE || kind == Kinds.FRAME;
        return isBounded || inside >= AddressFlow.INSIDE ? Way.BOUNDED : Way.CHECKED;
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

    /** Whether a value is a place in the function's own frame or in its caller's, and so many bytes from there on, too. */
    static boolean owns(Unit unit, int function, int value, long bytes) {
        return Kinds.kind(value) == Kinds.STACK
                && bytes <= RunContext.STACK_BYTES
                && (inFrame(value, (int) bytes) || unit.kinds.inCaller(function, Kinds.number(value), (int) bytes));
    }

    /** What is to be done about an argument of a call in checked code. */
    enum Argument {
        /** It is known to be right. */
        RIGHT,
        /** It can be looked at by itself ({@link ArgumentCode}). */
        ALONE,
        /** All of the call's arguments are looked at together. */
        TOGETHER
    }

    /**
     * What is to be done about an argument.
     *
     * @param index 0 for r1
     */
    static Argument argument(Unit unit, int function, int[] state, Callee callee, int index) {
        int value = state[1 + index];
        ArgKind kind = callee.arg(index);
        return switch (kind) {
            case ANYTHING,
                    SCALAR,
                    IGNORED,
                    STACK_OR_NULL,
                    CONST_SIZE,
                    CONST_SIZE_OR_ZERO,
                    CONST_SLICE_SIZE,
                    CONST_ALLOC_SIZE_OR_ZERO -> // looked at with the memory before
                Argument.RIGHT;
            case CTX -> Kinds.kind(value) == Kinds.CONTEXT ? Argument.RIGHT : Argument.ALONE;
            case CONST_MAP_PTR -> {
                BpfMap map = unit.mapOf(value);
                yield map != null && 1 + index == HelperTraits.mapArgument(callee) && takes(callee, map)
                        ? Argument.RIGHT
                        : Argument.TOGETHER;
            }
            case MAP_VALUE_OR_NULL ->
                Kinds.isZero(value) ? Argument.RIGHT : memory(unit, function, state, callee, index);
            case MAP_KEY,
                    MAP_VALUE,
                    MAP_VALUE_OUT,
                    MEM_READ,
                    MEM_WRITE,
                    MEM_READ_WRITE,
                    MEM_READ_OR_NULL,
                    MEM_WRITE_OR_NULL,
                    SLICE_BUFFER,
                    LONG_PTR,
                    INT_PTR,
                    IPHDR,
                    IPV6HDR,
                    TCPHDR,
                    U16_PTR,
                    U32_PTR,
                    U64_PTR,
                    ADDRESS_PTR,
                    ITER_NEW,
                    ITER,
                    ITER_DESTROY,
                    DYNPTR_NEW_LOCAL,
                    DYNPTR_NEW_RINGBUF,
                    DYNPTR_NEW_XDP,
                    DYNPTR_NEW_CLONE -> memory(unit, function, state, callee, index);
            case DYNPTR -> owns(unit, function, value, ArgKind.DYNPTR_BYTES) ? Argument.ALONE : Argument.TOGETHER;
            default -> Argument.TOGETHER;
        };
    }

    private static Argument memory(Unit unit, int function, int[] state, Callee callee, int index) {
        int value = state[1 + index];
        ArgKind kind = callee.arg(index);
        long bytes = argumentBytes(unit, state, callee, index);
        boolean mayBeEmpty = kind.hasSize() && callee.arg(index + 1) != ArgKind.CONST_SIZE;
        boolean isNone = kind.orNull() && Kinds.isZero(value);
        if (bytes > 0 && owns(unit, function, value, bytes)
                || mayBeEmpty && bytes == 0
                || isNone && kind == ArgKind.SLICE_BUFFER && bytes > 0) {
            return Argument.RIGHT;
        }
        boolean isAlone = kind.hasSize() || bytes > 0 && !kind.orNull();
        return isAlone ? Argument.ALONE : Argument.TOGETHER;
    }

    /** Bytes of the memory that an argument points to; -1 where that is not known. */
    static long argumentBytes(Unit unit, int[] state, Callee callee, int index) {
        ArgKind kind = callee.arg(index);
        if (kind.fixedBytes() != 0) {
            return kind.fixedBytes();
        }
        if (kind.hasSize()) {
            int size = state[2 + index];
            return Kinds.kind(size) == Kinds.CONST ? Math.max(Kinds.number(size), -1) : -1;
        }
        int argument = HelperTraits.mapArgument(callee);
        BpfMap map = argument < 0 ? null : unit.mapOf(state[argument]);
        if (map == null) {
            return -1;
        }
        return switch (kind) {
            case MAP_KEY -> map.def().keySize();
            case MAP_VALUE, MAP_VALUE_OR_NULL, MAP_VALUE_OUT -> map.def().valueSize();
            default -> -1;
        };
    }

    private static boolean takes(Callee callee, BpfMap map) {
        return callee instanceof Helper helper
                && helper.takes(map.def().type())
                && !(helper.writesMap() && (map.def().flags() & BpfMap.RDONLY_PROG) != 0);
    }

    /** Whether a look-up is in a map that is known. */
    static boolean isKnownLookup(Unit unit, int[] state) {
        BpfMap known = unit.mapOf(state[1]);
        return known != null && Helper.MAP_LOOKUP_ELEM.takes(known.def().type());
    }
}
