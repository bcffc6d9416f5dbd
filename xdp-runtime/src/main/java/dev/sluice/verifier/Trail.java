package dev.sluice.verifier;

import dev.sluice.isa.JmpOp;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The branches of a path that could have gone either way, the last one first. Immutable; paths that part share what lies
 * before.
 *
 * @param slot of the conditional jump
 * @param holds whether its condition holds on this path
 * @param learnt what follows from that
 * @param low PACKET: bytes that are there; NUMBER: the least value, unsigned
 * @param high NUMBER: the greatest value, unsigned
 */
record Trail(Trail before, int slot, boolean holds, Learnt learnt, long low, long high) {
    /** What a branch can teach. */
    enum Learnt {
        PACKET,
        NULL,
        NOT_NULL,
        NUMBER,
        OTHER
    }

    private static final int MAX_STEPS = 16;

    /** The trail of a state behind a branch. */
    static Trail after(State state, int slot, boolean holds, JmpOp op, int dst, int src, boolean isRegister) {
        Reg a = state.regs()[dst];
        Reg b = isRegister ? state.regs()[src] : a;
        Trail before = state.trail;
        if (a.type.isAnyPacket() && isRegister && b.type.isAnyPacket()) {
            Reg packet = a.type == RegType.PACKET_END || b.type == RegType.PACKET_META ? b : a;
            return new Trail(before, slot, holds, Learnt.PACKET, Math.max(0, packet.range), 0);
        }
        if (!isRegister && a.isNull()) {
            return new Trail(before, slot, holds, Learnt.NULL, 0, 0);
        }
        if (!isRegister && a.isPointer() && (op == JmpOp.EQ || op == JmpOp.NE)) {
            return new Trail(before, slot, holds, Learnt.NOT_NULL, 0, 0);
        }
        if (a.isScalar()) {
            return new Trail(before, slot, holds, Learnt.NUMBER, a.umin, a.umax);
        }
        return new Trail(before, slot, holds, Learnt.OTHER, 0, 0);
    }

    /** The last steps of a path for people, the first one first. */
    static List<Verdict.Step> steps(Trail last, Run run) {
        List<Verdict.Step> steps = new ArrayList<>();
        for (Trail each = last; each != null && steps.size() < MAX_STEPS; each = each.before) {
            steps.add(new Verdict.Step(
                    each.slot, run.lineAt(each.slot), run.text(each.slot), each.holds, each.words(run)));
        }
        Collections.reverse(steps);
        return steps;
    }

    private String words(Run run) {
        String register = "r" + run.layout.dst[slot];
        return switch (learnt) {
            case PACKET -> low == 0 ? "nothing more is known of the packet" : low + " bytes of the packet are there";
            case NULL -> register + " is 0";
            case NOT_NULL -> register + " is not NULL";
            case NUMBER ->
                low == high
                        ? register + " is " + Long.toUnsignedString(low)
                        : low == 0 && high == -1
                                ? register + " may be any number"
                                : register + " is " + Long.toUnsignedString(low) + " to " + Long.toUnsignedString(high);
            case OTHER -> "";
        };
    }
}
