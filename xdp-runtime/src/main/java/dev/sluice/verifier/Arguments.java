package dev.sluice.verifier;

import dev.sluice.helper.ArgKind;
import java.util.ArrayList;
import java.util.List;

/**
 * What calls ask of their arguments, be it of helpers, of kernel functions or of global ones: memory of a size, sizes, strings.
 * Changes nothing: what the call does to its arguments is put on a list, which {@link #apply} does when all of them were found
 * to be right.
 */
final class Arguments {
    private static final long MAX_SIZE = 1 << 29;

    private final Run run;
    private final List<Runnable> effects = new ArrayList<>();

    /** The most that the size of memory may be, as found last. */
    long greatestSize;

    Arguments(Run run) {
        this.run = run;
    }

    /** Something that the call does to an argument. */
    void then(Runnable effect) {
        effects.add(effect);
    }

    /** Does what the call does to its arguments. */
    void apply() {
        if (!effects.isEmpty()) {
            effects.forEach(Runnable::run);
            effects.clear();
        }
    }

    /** Memory on the stack of which all is written. */
    private void fill(int number, int bytes) {
        for (int at = 0; at < bytes; at++) {
            run.memory.access(Access.storeOfUnknown(number, at, 1));
        }
    }

    void requireOffset(Reg reg, int number, ArgKind arg) {
        boolean released = arg == ArgKind.SOCK_COMMON_RELEASE || arg == ArgKind.RINGBUF_MEM;
        boolean anyOffset = switch (reg.type) {
            case STACK, PACKET, PACKET_META, MAP_KEY, MAP_VALUE, MEM, SCALAR -> true;
            case NOT_INIT,
                    CTX,
                    CONST_MAP_PTR,
                    PACKET_END,
                    SOCKET,
                    SOCK_COMMON,
                    TCP_SOCK,
                    FUNC,
                    XDP_SOCK,
                    DYNPTR,
                    OBJECT -> false;
        };
        if (released && reg.off != 0) {
            throw run.reject(
                    "R" + number + " must have zero offset when passed to release func or trusted arg to kfunc");
        }
        if (released || !anyOffset) {
            run.rules.requireUnmodified(reg, number);
        }
    }

    void size(int number, Reg reg, ArgKind memory, boolean zeroAllowed) {
        if (reg.smin < 0) {
            throw run.reject("R" + number + " min value is negative, either use unsigned or 'var &= const'");
        }
        if (reg.umin == 0 && !zeroAllowed) {
            throw run.reject("R" + number + " invalid zero-sized read: u64=[" + reg.umin + "," + reg.umax + "]");
        }
        if (Long.compareUnsigned(reg.umax, MAX_SIZE) >= 0) {
            throw run.reject("R" + number + " unbounded memory access, use 'var &= const' or 'if (var < const)'");
        }
        greatestSize = reg.umax;
        boolean fills = reg.isConst() && (memory == ArgKind.MEM_WRITE || memory == ArgKind.MEM_WRITE_OR_NULL);
        memory(number - 1, reg.umax, memory.writes(), zeroAllowed, fills);
        run.precision.mark(number);
    }

    /**
     * Memory of a known greatest size.
     *
     * @param fills whether all of it is written and need not have been before
     */
    void memory(int number, long bytes, boolean write, boolean zeroAllowed, boolean fills) {
        Reg reg = run.reg(number);
        switch (reg.orNull ? RegType.NOT_INIT : reg.type) {
            case PACKET, PACKET_META -> run.rules.requirePacket(number, reg.off, bytes, zeroAllowed);
            case MAP_KEY -> {
                if (write) {
                    throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
                }
                run.rules.requireRegion(number, reg.off, bytes, reg.map.def().keySize(), false);
            }
            case MAP_VALUE -> run.rules.requireMapAccess(number, reg.off, bytes, write, zeroAllowed, false);
            case MEM -> {
                run.rules.requireNotReadOnly(reg, number, write);
                run.rules.requireRegion(number, reg.off, bytes, reg.memBytes, zeroAllowed);
            }
            case STACK -> {
                if (fills && reg.isConst() && (bytes > 0 || zeroAllowed)) {
                    run.stack.requireWithin(number, reg.off, bytes, true);
                    run.stack.requireNoDynptr(reg, bytes);
                    effects.add(() -> fill(number, (int) bytes));
                } else {
                    run.stack.requireInitialized(number, reg.off, bytes, zeroAllowed, write);
                    int off = reg.off;
                    effects.add(() -> run.stack.touch(number, off, bytes, write));
                }
            }
            case NOT_INIT,
                    SCALAR,
                    CTX,
                    CONST_MAP_PTR,
                    PACKET_END,
                    SOCKET,
                    SOCK_COMMON,
                    TCP_SOCK,
                    FUNC,
                    XDP_SOCK,
                    DYNPTR,
                    OBJECT -> {
                if (zeroAllowed && bytes == 0 && reg.isNull()) {
                    return;
                }
                throw run.reject("R" + number + " type=" + StatePrinter.name(reg) + " expected=fp");
            }
        }
    }

    /** Memory that a global function may read and write. */
    void requireMemory(int number, int bytes) {
        memory(number, bytes, false, true, false);
        memory(number, bytes, true, true, false);
    }

    void requireAligned(Reg reg, int bytes) {
        Tnum address = reg.bits.add(Tnum.of(reg.off));
        if (!address.isAligned(bytes)) {
            String kind = switch (reg.type) {
                case STACK -> "stack ";
                case MAP_VALUE -> "value ";
                case MAP_KEY -> "key ";
                case NOT_INIT,
                        SCALAR,
                        CTX,
                        CONST_MAP_PTR,
                        PACKET_META,
                        PACKET,
                        PACKET_END,
                        SOCKET,
                        SOCK_COMMON,
                        TCP_SOCK,
                        MEM,
                        FUNC,
                        XDP_SOCK,
                        DYNPTR,
                        OBJECT -> "";
            };
            throw run.reject("misaligned " + kind + "access off " + StatePrinter.text(reg.bits) + "+" + reg.off
                    + "+0 size " + bytes);
        }
    }

    void requireString(Reg reg, int number) {
        if (!reg.map.isConstant()) {
            throw run.reject("R" + number + " does not point to a readonly map'");
        }
        if (!reg.isConst()) {
            throw run.reject("R" + number + " is not a constant address'");
        }
        int size = reg.map.def().valueSize();
        run.rules.requireMapAccess(number, reg.off, size - reg.off, false, false, false);
        for (int at = (int) (reg.off + reg.bits.value()); at < size; at++) {
            if (reg.map.contents()[at] == 0) {
                return;
            }
        }
        throw run.reject("string is not zero-terminated");
    }
}
