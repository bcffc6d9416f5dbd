package dev.sluice.verifier;

import dev.sluice.isa.JmpOp;
import dev.sluice.map.MapType;

/** Branches: which edges are possible, and what each teaches. Calls and exits are handed on. */
final class Jumps {
    private static final int MAX_PACKET_OFFSET = 0xffff;

    private final Run run;
    private final Layout layout;
    private final Reg constant = new Reg();

    /** The same on the edge that is walked later. */
    private final Reg otherConstant = new Reg();

    Jumps(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    Run.Step step(int i) {
        int c = layout.code[i];
        switch (c & 0xf0) {
            case 0x80 -> {
                return run.calls.call(i);
            }
            case 0x90 -> {
                return run.calls.exit(i);
            }
            case 0x00 -> {
                run.insn = layout.target(i);
                return Run.Step.MOVED;
            }
            case 0xe0 -> {
                mayGoto(i);
                return Run.Step.MOVED;
            }
            default -> {
                branch(i);
                return Run.Step.MOVED;
            }
        }
    }

    private void mayGoto(int i) {
        run.facts.recordEdges(i, true, true);
        State before = run.pruner.previousEntry(run.state.parent, i);
        State queued = run.push(i + 1, i);
        queued.mayGotoDepth++;
        if (before != null) {
            run.pruner.widen(before, queued);
        }
        run.insn = layout.target(i);
    }

    private void branch(int i) {
        int c = layout.code[i];
        boolean wide = (c & 7) == 5;
        boolean isRegister = (c & 8) != 0;
        int dstNumber = layout.dst[i];
        int srcNumber = layout.src[i];
        Reg dst = run.peek(dstNumber);
        Reg src;
        int flags = 0;
        if (isRegister) {
            src = run.peek(srcNumber);
            if (src.type == RegType.STACK) {
                flags |= Precision.SRC_IS_STACK;
            }
        } else {
            src = constant;
            src.setScalar(layout.imm[i]);
        }
        if (dst.type == RegType.STACK) {
            flags |= Precision.DST_IS_STACK;
        }
        if (flags != 0) {
            run.addHistory(flags, 0);
        }
        JmpOp op = layout.row[i].jmp();
        int decided = decide(op, dst, src, wide);
        if (decided != ScalarBranch.OPEN) {
            if (dst.type == RegType.SCALAR) {
                run.precision.mark(dstNumber);
            }
            if (isRegister && src.type == RegType.SCALAR) {
                run.precision.mark(srcNumber);
            }
            run.facts.recordEdges(i, decided == 1, decided == 0);
            run.printState();
            run.insn = decided == 1 ? layout.target(i) : i + 1;
            return;
        }
        run.facts.recordEdges(i, true, true);
        long linked = 0;
        if (isRegister && src.type == RegType.SCALAR && src.id != 0) {
            linked = LinkedRegs.collect(run.state, src.id, linked, run.liveBefore);
        }
        if (dst.type == RegType.SCALAR && dst.id != 0) {
            linked = LinkedRegs.collect(run.state, dst.id, linked, run.liveBefore);
        }
        if (LinkedRegs.count(linked) > 1) {
            run.addHistory(0, linked);
        }
        State other = run.push(layout.target(i), i);
        dst = run.reg(dstNumber);
        Reg otherDst = other.frame().own(dstNumber);
        Reg otherSrc;
        if (isRegister) {
            src = run.reg(srcNumber);
            otherSrc = other.frame().own(srcNumber);
        } else {
            otherConstant.copy(src);
            otherSrc = otherConstant;
        }
        learn(op, dst, src, otherDst, otherSrc, wide);
        if (isRegister && src.type == RegType.SCALAR && src.id != 0) {
            LinkedRegs.spread(run.state, src, linked);
            LinkedRegs.spread(other, otherSrc, linked);
        }
        if (dst.type == RegType.SCALAR && dst.id != 0) {
            LinkedRegs.spread(run.state, dst, linked);
            LinkedRegs.spread(other, otherDst, linked);
        }
        if (wide && isRegister && src.isPointer() && dst.isPointer() && src.orNull != dst.orNull) {
            State equal = op == JmpOp.EQ ? other : op == JmpOp.NE ? run.state : null;
            if (equal != null) {
                notNull(equal.frame().own(src.orNull ? srcNumber : dstNumber));
            }
        }
        boolean againstZero = wide && !isRegister && layout.imm[i] == 0 && (op == JmpOp.EQ || op == JmpOp.NE);
        if (againstZero && dst.orNull) {
            splitNull(run.state, dstNumber, op == JmpOp.NE);
            splitNull(other, dstNumber, op == JmpOp.EQ);
        } else if (wide && isRegister) {
            comparePackets(op, dst, src, other);
        }
        run.state.trail = Trail.after(run.state, i, false, op, dstNumber, srcNumber, isRegister);
        other.trail = Trail.after(other, i, true, op, dstNumber, srcNumber, isRegister);
        run.printState();
        run.insn = i + 1;
    }

    // --- scalars

    private static void learn(JmpOp op, Reg dst, Reg src, Reg otherDst, Reg otherSrc, boolean wide) {
        if (dst.type != RegType.SCALAR || src.type != RegType.SCALAR) {
            return;
        }
        ScalarBranch.assumeFalse(op, dst, src, wide);
        ScalarBranch.assumeTrue(op, otherDst, otherSrc, wide);
        restore(otherDst);
        restore(otherSrc);
        restore(dst);
        restore(src);
    }

    /** Where nothing fits any more, the branch cannot be taken; it is walked with unknown ranges all the same. */
    private static void restore(Reg reg) {
        if (reg.isContradictory()) {
            reg.setUnbounded();
        }
    }

    private int decide(JmpOp op, Reg dst, Reg src, boolean wide) {
        if (wide && dst.type.isAnyPacket() && src.type.isAnyPacket()) {
            return decidePackets(op, dst, src);
        }
        if (dst.isPointer() || src.isPointer()) {
            Reg known = isConst(src, wide) ? src : dst;
            Reg pointer = known == src ? dst : src;
            if (!isConst(known, wide) || !known.isScalar() && !known.isConst()) {
                return ScalarBranch.OPEN;
            }
            if (!isNeverNull(pointer) || known.type != RegType.SCALAR) {
                return ScalarBranch.OPEN;
            }
            long value = wide ? known.bits.value() : known.bits.value() & 0xffff_ffffL;
            if (value != 0) {
                return ScalarBranch.OPEN;
            }
            return op == JmpOp.EQ ? 0 : op == JmpOp.NE ? 1 : ScalarBranch.OPEN;
        }
        return ScalarBranch.decide(op, dst, src, wide);
    }

    private static boolean isConst(Reg reg, boolean wide) {
        return reg.type == RegType.SCALAR && (wide ? reg.isConst() : reg.bits.isLowConst());
    }

    private static boolean isNeverNull(Reg reg) {
        return !reg.orNull
                && switch (reg.type) {
                    case SOCKET, TCP_SOCK, MAP_VALUE, MAP_KEY, SOCK_COMMON, MEM, CONST_MAP_PTR -> true;
                    case OBJECT -> reg.ref != 0;
                    case NOT_INIT, SCALAR, CTX, STACK, PACKET_META, PACKET, PACKET_END, FUNC, XDP_SOCK, DYNPTR -> false;
                };
    }

    // --- NULL

    /** All copies of a pointer that may be NULL are NULL, or none is. */
    private void splitNull(State state, int number, boolean isNull) {
        Reg reg = state.regs()[number];
        int id = reg.id;
        int ref = reg.ref;
        if (ref != 0 && ref == id && isNull) {
            // nothing was taken on this edge
            state.release(id);
        }
        state.change(each -> each.orNull && each.id == id, each -> becomes(each, isNull));
    }

    private static void becomes(Reg reg, boolean isNull) {
        if (reg.off != 0 || !reg.isConst() || reg.bits.value() != 0) {
            return;
        }
        if (isNull) {
            reg.setScalar(0);
            return;
        }
        notNull(reg);
        if (!Locks.mayHoldLock(reg)) {
            reg.id = 0;
        }
    }

    private static void notNull(Reg reg) {
        reg.orNull = false;
        if (reg.type == RegType.MAP_VALUE && reg.map.inner() != null) {
            reg.type = RegType.CONST_MAP_PTR;
            reg.map = reg.map.inner();
            if (Locks.needsUid(reg.map)) {
                reg.mapUid = reg.id;
            }
        } else if (reg.type == RegType.MAP_VALUE && reg.map.def().type() == MapType.XSKMAP) {
            reg.type = RegType.XDP_SOCK;
            reg.map = null;
        } else if (reg.type == RegType.MAP_VALUE
                && (reg.map.def().type() == MapType.SOCKMAP || reg.map.def().type() == MapType.SOCKHASH)) {
            reg.type = RegType.SOCKET;
            reg.map = null;
        }
    }

    // --- packets

    private static JmpOp flip(JmpOp op) {
        return switch (op) {
            case GT -> JmpOp.LT;
            case GE -> JmpOp.LE;
            case LT -> JmpOp.GT;
            case LE -> JmpOp.GE;
            case EQ, NE, SET, SGT, SGE, SLT, SLE -> op;
        };
    }

    private static int decidePackets(JmpOp op, Reg dst, Reg src) {
        Reg packet;
        JmpOp asked = op;
        if (src.type == RegType.PACKET_END) {
            packet = dst;
        } else if (dst.type == RegType.PACKET_END) {
            packet = src;
            asked = flip(op);
        } else {
            return ScalarBranch.OPEN;
        }
        if (packet.range >= 0) {
            return ScalarBranch.OPEN;
        }
        return switch (asked) {
            case LE, GT -> packet.range == Reg.BEYOND_END ? (asked == JmpOp.GT ? 1 : 0) : ScalarBranch.OPEN;
            case LT, GE -> asked == JmpOp.GE ? 1 : 0;
            case EQ, NE, SET, SGT, SGE, SLT, SLE -> ScalarBranch.OPEN;
        };
    }

    /** A comparison of a packet pointer with the end of the packet (or of metadata with the packet's begin). */
    private void comparePackets(JmpOp op, Reg dst, Reg src, State taken) {
        State other = taken;
        boolean dstFirst = dst.type == RegType.PACKET && src.type == RegType.PACKET_END
                || dst.type == RegType.PACKET_META && isStart(src);
        boolean srcFirst = dst.type == RegType.PACKET_END && src.type == RegType.PACKET
                || isStart(dst) && src.type == RegType.PACKET_META;
        if (!dstFirst && !srcFirst) {
            return;
        }
        Reg packet = dstFirst ? dst : src;
        boolean withEnd = dst.type == RegType.PACKET_END || src.type == RegType.PACKET_END;
        int number = dstFirst ? layout.dst[run.insn] : layout.src[run.insn];
        JmpOp asked = dstFirst ? op : flip(op);
        RegType type = packet.type;
        switch (asked) {
            case GT -> {
                findRange(run.state, packet, type, false);
                markEnd(other, number, true, withEnd);
            }
            case LT -> {
                findRange(other, packet, type, true);
                markEnd(run.state, number, false, withEnd);
            }
            case GE -> {
                findRange(run.state, packet, type, true);
                markEnd(other, number, false, withEnd);
            }
            case LE -> {
                findRange(other, packet, type, false);
                markEnd(run.state, number, true, withEnd);
            }
            case EQ, NE, SET, SGT, SGE, SLT, SLE -> {}
        }
    }

    private static boolean isStart(Reg reg) {
        return reg.type == RegType.PACKET && reg.id == 0 && reg.off == 0 && reg.isConst() && reg.bits.value() == 0;
    }

    private static void markEnd(State state, int number, boolean beyond, boolean withEnd) {
        if (withEnd && state.regs()[number].type == RegType.PACKET) {
            state.frame().own(number).range = beyond ? Reg.BEYOND_END : Reg.AT_END;
        }
    }

    /** On this edge the pointer lies before the end: all pointers of its id know so many bytes. */
    private static void findRange(State state, Reg pointer, RegType type, boolean strictlyBefore) {
        if (pointer.off < 0 || pointer.off == 0 && strictlyBefore) {
            return;
        }
        if (Long.compareUnsigned(pointer.umax, MAX_PACKET_OFFSET) > 0
                || pointer.umax + pointer.off > MAX_PACKET_OFFSET) {
            return;
        }
        int range = pointer.off + (strictlyBefore ? 1 : 0);
        int id = pointer.id;
        state.change(
                reg -> reg.type == type && reg.id == id && !reg.orNull && reg.range < range, reg -> reg.range = range);
    }
}
