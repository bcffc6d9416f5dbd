package dev.sluice.verifier;

import java.util.Arrays;
import java.util.Objects;

/** Whether an old state, from which all went well, covers the current one. */
final class StateComparison {
    /** How much alike. */
    enum Mode {
        /** Scalars whose value did not matter may differ. */
        LOOSE,
        /** Every scalar must lie in the old one's range: for loops, where it is not known yet what matters. */
        WITHIN,
        /** All alike. */
        EXACT
    }

    private static final Reg UNBOUNDED = new Reg();

    static {
        UNBOUNDED.setUnknown();
    }

    private final Run run;
    private final IdMap ids = new IdMap();

    StateComparison(Run run) {
        this.run = run;
    }

    boolean covers(State old, State current, Mode mode) {
        if (old.current != current.current) {
            return false;
        }
        ids.reset(run.ids);
        if (!sameResources(old, current)) {
            return false;
        }
        for (int f = 0; f <= old.current; f++) {
            Frame a = old.frames[f];
            Frame b = current.frames[f];
            if (a.callsite != b.callsite) {
                return false;
            }
            int insn = f == old.current ? old.insn : old.frames[f + 1].callsite;
            if (!coversFrame(a, b, insn, mode)) {
                return false;
            }
        }
        return true;
    }

    private boolean sameResources(State old, State current) {
        if (old.rcuLocked != current.rcuLocked
                || old.preemptDisabled != current.preemptDisabled
                || old.refs.length != current.refs.length) {
            return false;
        }
        for (int i = 0; i < old.refs.length; i++) {
            if (!Objects.equals(old.refs[i].lockIn(), current.refs[i].lockIn())
                    || !ids.matches(old.refs[i].id(), current.refs[i].id())) {
                return false;
            }
        }
        return true;
    }

    private boolean coversFrame(Frame old, Frame current, int insn, Mode mode) {
        if (old.callbackDepth > current.callbackDepth) {
            return false;
        }
        int live = run.liveBefore[insn];
        for (int i = 0; i < 10; i++) {
            if ((live >> i & 1) != 0 && !covers(old.regs[i], current.regs[i], mode)) {
                return false;
            }
        }
        return coversStack(old, current, mode);
    }

    private boolean coversStack(Frame old, Frame current, Mode mode) {
        for (int slot = 0; slot < old.slots(); slot++) {
            if (mode != Mode.LOOSE
                    && (slot >= current.slots()
                            || !Arrays.equals(
                                    old.kinds, 8 * slot, 8 * slot + 8, current.kinds, 8 * slot, 8 * slot + 8))) {
                return false;
            }
            if (!coversSlot(old, current, slot, mode)) {
                return false;
            }
        }
        return true;
    }

    private boolean coversSlot(Frame old, Frame current, int slot, Mode mode) {
        for (int i = 0; i < 8; i++) {
            byte kind = old.kind(slot, i);
            if (kind == Frame.INVALID || kind == Frame.MISC) {
                continue;
            }
            if (slot >= current.slots()) {
                return false;
            }
            Reg a = scalarOf(old, slot);
            Reg b = scalarOf(current, slot);
            if (a != null && b != null) {
                return covers(a, b, mode);
            }
            if (kind != current.kind(slot, i)) {
                return false;
            }
            if (i == 7 && kind >= Frame.DYNPTR && !covers(old.object(slot), current.object(slot))) {
                return false;
            }
            if (i == 7 && kind == Frame.SPILL && !covers(old.spills[slot], current.spills[slot], mode)) {
                return false;
            }
        }
        return true;
    }

    /** How often an iterator went round does not matter, and would keep loops from converging. */
    private boolean covers(StackObject old, StackObject current) {
        if (old instanceof StackObject.Dynptr a && current instanceof StackObject.Dynptr b) {
            return a.memory() == b.memory() && a.first() == b.first() && ids.matches(a.ref(), b.ref());
        }
        return old instanceof StackObject.Iterator a
                && current instanceof StackObject.Iterator b
                && a.type().equals(b.type())
                && a.drained() == b.drained()
                && ids.matches(a.ref(), b.ref());
    }

    /** The scalar that a load of all eight bytes would give, or null. */
    private static Reg scalarOf(Frame frame, int slot) {
        if (frame.isScalarSpill64(slot)) {
            return frame.spills[slot];
        }
        for (int i = 0; i < 8; i++) {
            byte kind = frame.kind(slot, i);
            if (kind != Frame.MISC && kind != Frame.INVALID) {
                return null;
            }
        }
        return UNBOUNDED;
    }

    private boolean exact(Reg old, Reg current) {
        return sameButIds(old, current) && ids.matches(old.id, current.id) && ids.matches(old.ref, current.ref);
    }

    private static boolean sameButIds(Reg old, Reg current) {
        return sameKind(old, current) && old.range == current.range && old.sameRange(current);
    }

    /** Everything before the variable offset. */
    private static boolean sameKind(Reg old, Reg current) {
        return old.type == current.type
                && old.orNull == current.orNull
                && old.readOnly == current.readOnly
                && old.ringbuf == current.ringbuf
                && old.packetSlice == current.packetSlice
                && Objects.equals(old.struct, current.struct)
                && Objects.equals(old.dynptr, current.dynptr)
                && old.off == current.off
                && Objects.equals(old.map, current.map)
                && old.mapUid == current.mapUid
                && old.memBytes == current.memBytes
                && old.subprog == current.subprog;
    }

    private boolean covers(Reg old, Reg current, Mode mode) {
        if (mode == Mode.EXACT) {
            return exact(old, current);
        }
        if (old.type == RegType.NOT_INIT) {
            return true;
        }
        if (old.type != current.type || old.orNull != current.orNull || old.readOnly != current.readOnly) {
            return false;
        }
        return switch (old.type) {
            case SCALAR -> {
                if (!old.precise && mode == Mode.LOOSE) {
                    yield true;
                }
                if (!old.rangesInclude(current) || !old.bits.includes(current.bits)) {
                    yield false;
                }
                if (old.id == 0) {
                    yield true; // nothing was learnt from others there; being linked here only says more
                }
                yield (old.id & Reg.PLUS_CONST) == (current.id & Reg.PLUS_CONST)
                        && ((old.id & Reg.PLUS_CONST) == 0 || old.off == current.off)
                        && ids.matchesScalar(old.id, current.id);
            }
            case MAP_KEY, MAP_VALUE, MEM ->
                sameKind(old, current)
                        && old.rangesInclude(current)
                        && old.bits.includes(current.bits)
                        && ids.matches(old.id, current.id)
                        && ids.matches(old.ref, current.ref);
            case PACKET, PACKET_META -> {
                boolean covered = old.range <= current.range
                        && old.off == current.off
                        && ids.matches(old.id, current.id)
                        && old.rangesInclude(current)
                        && old.bits.includes(current.bits);
                if (covered && old.range < 0 && old.range != current.range) {
                    // behind the end of the packet there, perhaps not here: a branch may have been left out
                    run.doubtful = true;
                }
                yield covered;
            }
            case STACK -> exact(old, current) && old.frame == current.frame;
            case NOT_INIT,
                    CTX,
                    CONST_MAP_PTR,
                    PACKET_END,
                    SOCKET,
                    SOCK_COMMON,
                    TCP_SOCK,
                    XDP_SOCK,
                    FUNC,
                    DYNPTR,
                    OBJECT -> exact(old, current);
        };
    }

    /** A quick look at the registers of the current frame, ids and all. */
    static boolean mayLoop(State old, State current) {
        if (old.current != current.current) {
            return false;
        }
        for (int i = 0; i < 11; i++) {
            Reg a = old.regs()[i];
            Reg b = current.regs()[i];
            if (a.id != b.id || a.ref != b.ref || !sameButIds(a, b)) {
                return false;
            }
        }
        return true;
    }

    static boolean sameCallsites(State a, State b) {
        if (a.current != b.current) {
            return false;
        }
        for (int f = a.current; f >= 0; f--) {
            if (a.frames[f].callsite != b.frames[f].callsite) {
                return false;
            }
        }
        return true;
    }
}
