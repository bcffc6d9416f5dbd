package dev.sluice.verifier;

import dev.sluice.program.Facts;
import dev.sluice.program.Range;
import dev.sluice.program.RegisterFact;
import dev.sluice.program.RegisterFact.Kind;
import java.util.BitSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Collects what the walk sees of each instruction's operands, joined over all visits: the {@link Facts} of the program. Owned
 * by one verification.
 */
final class FactsRecorder {
    /** What a register was seen to hold. Mutable. */
    private static final class Seen {
        Kind kind = Kind.ANY;
        boolean orNull;
        boolean ownFrame;
        boolean several;
        KnownMap map;
        long min;
        long max;
    }

    /** No place in the own frame. */
    static final int NOWHERE = Integer.MIN_VALUE;

    private final Run run;
    private final Layout layout;
    private final BitSet taken = new BitSet();
    private final BitSet fallen = new BitSet();
    private final Seen[][] seen;

    FactsRecorder(Run run) {
        this.run = run;
        this.layout = run.layout;
        seen = new Seen[layout.size][];
    }

    /** The instruction at a slot is about to be simulated. */
    void record(int slot) {
        int used = run.used[slot];
        if (used == 0) {
            return;
        }
        Seen[] at = seen[slot];
        if (at == null) {
            at = new Seen[10];
            seen[slot] = at;
        }
        Reg[] regs = run.state.regs();
        for (int rest = used; rest != 0; rest &= rest - 1) {
            int number = Integer.numberOfTrailingZeros(rest);
            Reg reg = regs[number];
            Seen before = at[number];
            if (before == null) {
                at[number] = first(reg);
            } else {
                join(before, reg);
            }
        }
    }

    /** The ways on from a conditional jump. */
    void recordEdges(int slot, boolean mayHold, boolean mayNotHold) {
        if (mayHold) {
            taken.set(slot);
        }
        if (mayNotHold) {
            fallen.set(slot);
        }
    }

    private Seen first(Reg reg) {
        Seen made = new Seen();
        made.kind = kind(reg.type);
        made.orNull = reg.orNull;
        made.ownFrame = reg.frame == run.state.current;
        made.map = reg.map;
        if (isPointer(made.kind)) {
            made.min = reg.off + reg.smin;
            made.max = reg.off + reg.smax;
        }
        return made;
    }

    private void join(Seen at, Reg reg) {
        Kind kind = kind(reg.type);
        if (at.kind != kind) {
            at.kind = Kind.ANY;
            return;
        }
        if (!isPointer(kind)) {
            return;
        }
        at.orNull |= reg.orNull;
        at.ownFrame &= reg.frame == run.state.current;
        at.several |= !Objects.equals(at.map, reg.map);
        at.min = Math.min(at.min, reg.off + reg.smin);
        at.max = Math.max(at.max, reg.off + reg.smax);
    }

    private static boolean isPointer(Kind kind) {
        return kind != Kind.ANY && kind != Kind.SCALAR;
    }

    private static Kind kind(RegType type) {
        return switch (type) {
            case NOT_INIT -> Kind.ANY;
            case SCALAR -> Kind.SCALAR;
            case CTX -> Kind.CTX;
            case CONST_MAP_PTR -> Kind.MAP;
            case MAP_VALUE -> Kind.MAP_VALUE;
            case MAP_KEY -> Kind.MAP_KEY;
            case STACK -> Kind.STACK;
            case PACKET_META -> Kind.PACKET_META;
            case PACKET -> Kind.PACKET;
            case PACKET_END -> Kind.PACKET_END;
            case SOCKET, SOCK_COMMON, TCP_SOCK, XDP_SOCK, DYNPTR, OBJECT -> Kind.OBJECT;
            case MEM -> Kind.MEMORY;
            case FUNC -> Kind.FUNCTION;
        };
    }

    // --- the result

    Facts result() {
        BitSet reached = new BitSet();
        for (int i = 0; i < layout.size; i++) {
            if (run.seen[i]) {
                reached.set(i);
                if (layout.isWide(i)) {
                    reached.set(i + 1);
                }
            }
        }
        RegisterFact[][] registers = new RegisterFact[layout.size][];
        for (int i = 0; i < layout.size; i++) {
            if (seen[i] != null) {
                registers[i] = new RegisterFact[10];
                for (int r = 0; r < 10; r++) {
                    registers[i][r] = seen[i][r] == null ? null : fact(seen[i][r]);
                }
            }
        }
        new ScalarFlow(this, run, taken, fallen).improve(registers);
        return new Facts(run.subject.insns(), run.isProof(), reached, taken, fallen, registers);
    }

    private RegisterFact fact(Seen at) {
        return switch (at.kind) {
            case ANY -> null;
            case SCALAR -> RegisterFact.scalar(Range.ANY);
            case CTX, MAP, MAP_VALUE, MAP_KEY, STACK, PACKET_META, PACKET, PACKET_END, OBJECT, MEMORY, FUNCTION ->
                new RegisterFact(
                        at.kind,
                        !at.orNull,
                        at.several || at.map == null ? -1 : run.subject.maps().indexOf(at.map),
                        at.kind == Kind.STACK && at.ownFrame,
                        at.min,
                        at.max,
                        Range.ANY);
        };
    }

    /** What a register that an instruction reads points to; ANY if it differs or is not known. */
    Kind kindAt(int slot, int register) {
        if (register == Run.REG_FP) {
            return Kind.STACK;
        }
        return seen[slot] == null || seen[slot][register] == null ? Kind.ANY : seen[slot][register].kind;
    }

    /** Where in its own frame an access goes, counted from r10; {@link #NOWHERE} if that is not always the same. */
    int stackOffsetAt(int slot, int register, int insnOff) {
        if (register == Run.REG_FP) {
            return insnOff;
        }
        Seen at = seen[slot] == null ? null : seen[slot][register];
        if (at == null || at.kind != Kind.STACK || !at.ownFrame || at.min != at.max) {
            return NOWHERE;
        }
        return (int) at.min + insnOff;
    }

    /** The number that a load always gives since it reads a constant map at one place; null if it does not. */
    @Nullable
    Long constantAt(int slot, int register, int insnOff, int bytes) {
        Seen at = register == Run.REG_FP || seen[slot] == null ? null : seen[slot][register];
        if (at == null || at.kind != Kind.MAP_VALUE || at.several || at.min != at.max || !at.map.isConstant()) {
            return null;
        }
        return at.map.load((int) at.min + insnOff, bytes);
    }
}
