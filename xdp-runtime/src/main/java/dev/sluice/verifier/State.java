package dev.sluice.verifier;

import java.util.Arrays;

/**
 * All that is known at one point of one path: the call stack, held references, locks, and the way from the last checkpoint.
 * A state that was put aside as a checkpoint is also a node of the tree of explored paths: {@link #parent}, {@link
 * #branches}.
 */
final class State {
    static final int MAX_FRAMES = 8;

    /** A resource that must be given back: what holds it and where it was taken. */
    record Ref(int id, int insn) {}

    Frame[] frames = new Frame[MAX_FRAMES];
    int current;
    State parent;

    /** Paths through this state that have not ended yet. */
    int branches = 1;

    int insn;
    int firstInsn;
    int lastInsn;
    Ref[] refs = {};

    /** The map of the held lock, null for none, and the id of the value that it is in. */
    KnownMap lockMap;

    int lockId;

    /** Whether between {@code bpf_rcu_read_lock} and {@code bpf_rcu_read_unlock}. */
    boolean rcuLocked;

    /** How often {@code bpf_preempt_disable} was called more than {@code bpf_preempt_enable}. */
    int preemptDisabled;

    /** The branches on the way here; null for none. */
    Trail trail;

    int mayGotoDepth;
    int callbackUnrollDepth;
    int depth;

    /** Whether what can no longer be read was removed from it already. */
    boolean cleaned;

    // the way since the parent: slot, the slot before, flags, linked registers
    int[] historyInsn = new int[8];
    int[] historyPrevious = new int[8];
    int[] historyFlags = new int[8];
    long[] historyLinked = new long[8];
    int historyCount;

    Frame frame() {
        return frames[current];
    }

    Reg[] regs() {
        return frames[current].regs;
    }

    /** A copy of all but the place in the tree. */
    State copy() {
        State copy = new State();
        for (int i = 0; i <= current; i++) {
            copy.frames[i] = frames[i].copy();
        }
        copy.current = current;
        copy.parent = parent;
        copy.branches = branches;
        copy.insn = insn;
        copy.firstInsn = firstInsn;
        copy.lastInsn = lastInsn;
        copy.refs = refs;
        copy.lockId = lockId;
        copy.lockMap = lockMap;
        copy.rcuLocked = rcuLocked;
        copy.preemptDisabled = preemptDisabled;
        copy.trail = trail;
        copy.mayGotoDepth = mayGotoDepth;
        copy.callbackUnrollDepth = callbackUnrollDepth;
        copy.depth = depth;
        copy.historyInsn = Arrays.copyOf(historyInsn, Math.max(historyCount, 4));
        copy.historyPrevious = Arrays.copyOf(historyPrevious, Math.max(historyCount, 4));
        copy.historyFlags = Arrays.copyOf(historyFlags, Math.max(historyCount, 4));
        copy.historyLinked = Arrays.copyOf(historyLinked, Math.max(historyCount, 4));
        copy.historyCount = historyCount;
        return copy;
    }

    void clearHistory() {
        historyCount = 0;
    }

    int addHistory(int slot, int previous, int flags, long linked) {
        if (historyCount == historyInsn.length) {
            int size = historyCount * 2;
            historyInsn = Arrays.copyOf(historyInsn, size);
            historyPrevious = Arrays.copyOf(historyPrevious, size);
            historyFlags = Arrays.copyOf(historyFlags, size);
            historyLinked = Arrays.copyOf(historyLinked, size);
        }
        historyInsn[historyCount] = slot;
        historyPrevious[historyCount] = previous;
        historyFlags[historyCount] = flags;
        historyLinked[historyCount] = linked;
        return historyCount++;
    }

    boolean holdsLock() {
        return lockMap != null;
    }

    void takeLock(KnownMap map, int id) {
        lockMap = map;
        lockId = id;
    }

    void giveLock() {
        lockMap = null;
        lockId = 0;
    }

    void acquire(int id, int slot) {
        refs = Arrays.copyOf(refs, refs.length + 1);
        refs[refs.length - 1] = new Ref(id, slot);
    }

    boolean release(int id) {
        for (int i = 0; i < refs.length; i++) {
            if (refs[i].id == id) {
                Ref[] fewer = new Ref[refs.length - 1];
                System.arraycopy(refs, 0, fewer, 0, i);
                System.arraycopy(refs, i + 1, fewer, i, fewer.length - i);
                refs = fewer;
                return true;
            }
        }
        return false;
    }

    boolean holds(int id) {
        for (Ref ref : refs) {
            if (ref.id == id) {
                return true;
            }
        }
        return false;
    }

    /** Something to do with every register and every spilled register, of all frames. */
    @FunctionalInterface
    interface RegVisitor {
        void visit(Reg reg);
    }

    /** Pointers into the packet may point anywhere from now on. */
    void forgetPacket() {
        forEachReg(reg -> {
            if (reg.type.isAnyPacket() || reg.packetSlice) {
                reg.setUnknown();
            }
        });
    }

    void forEachReg(RegVisitor visitor) {
        for (int f = 0; f <= current; f++) {
            Frame frame = frames[f];
            for (Reg reg : frame.regs) {
                visitor.visit(reg);
            }
            for (int slot = 0; slot < frame.slots(); slot++) {
                if (frame.isSpill(slot)) {
                    visitor.visit(frame.spills[slot]);
                }
            }
        }
    }
}
