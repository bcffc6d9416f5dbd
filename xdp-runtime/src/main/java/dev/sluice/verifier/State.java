package dev.sluice.verifier;

import java.util.Arrays;

/**
 * All that is known at one point of one path: the call stack, held references, locks, and the way from the last checkpoint.
 * A state that was put aside as a checkpoint is also a node of the tree of explored paths: {@link #parent}, {@link
 * #branches}.
 */
final class State {
    static final int MAX_FRAMES = 8;

    private static final int[] NO_INTS = {};
    private static final long[] NO_LONGS = {};
    private static final Ref[] NO_REFS = {};

    /**
     * What must be given back, in the order in which it was taken.
     *
     * @param id what holds it; of a lock, the value that it is in
     * @param insn where it was taken
     * @param lockIn the map whose value the lock is in, null for what is no lock
     */
    record Ref(int id, int insn, KnownMap lockIn) {
        boolean isLock() {
            return lockIn != null;
        }
    }

    Frame[] frames = new Frame[MAX_FRAMES];
    int current;
    State parent;

    /** Paths through this state that have not ended yet. */
    int branches = 1;

    int insn;
    int firstInsn;
    int lastInsn;
    Ref[] refs = NO_REFS;

    /** Whether between {@code bpf_rcu_read_lock} and {@code bpf_rcu_read_unlock}. */
    boolean rcuLocked;

    /** How often {@code bpf_preempt_disable} was called more than {@code bpf_preempt_enable}. */
    int preemptDisabled;

    /** The branches on the way here; null for none. */
    Trail trail;

    int mayGotoDepth;
    int callbackUnrollDepth;
    int depth;

    /** As a checkpoint: whether it is compared with others no more, and only waits for its paths to end. */
    boolean retired;

    /** Whether what can no longer be read was removed from it already. */
    boolean cleaned;

    // the way since the parent: slot, the slot before, flags, linked registers
    int[] historyInsn = NO_INTS;
    int[] historyPrevious = NO_INTS;
    int[] historyFlags = NO_INTS;
    long[] historyLinked = NO_LONGS;
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
        copy.rcuLocked = rcuLocked;
        copy.preemptDisabled = preemptDisabled;
        copy.trail = trail;
        copy.mayGotoDepth = mayGotoDepth;
        copy.callbackUnrollDepth = callbackUnrollDepth;
        copy.depth = depth;
        if (historyCount > 0) {
            // most histories grow by a few entries until the next branch
            int room = historyCount + 4;
            copy.historyInsn = Arrays.copyOf(historyInsn, room);
            copy.historyPrevious = Arrays.copyOf(historyPrevious, room);
            copy.historyFlags = Arrays.copyOf(historyFlags, room);
            copy.historyLinked = Arrays.copyOf(historyLinked, room);
            copy.historyCount = historyCount;
        }
        return copy;
    }

    void clearHistory() {
        historyCount = 0;
    }

    int addHistory(int slot, int previous, int flags, long linked) {
        if (historyCount == historyInsn.length) {
            int size = Math.max(8, historyCount * 2);
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

    /** The lock that is held, null for none: there is at most one. */
    Ref lock() {
        for (Ref ref : refs) {
            if (ref.isLock()) {
                return ref;
            }
        }
        return null;
    }

    void acquire(int id, int slot) {
        add(new Ref(id, slot, null));
    }

    void takeLock(KnownMap map, int id, int slot) {
        add(new Ref(id, slot, map));
    }

    private void add(Ref ref) {
        refs = Arrays.copyOf(refs, refs.length + 1);
        refs[refs.length - 1] = ref;
    }

    boolean release(int id) {
        for (Ref ref : refs) {
            if (ref.id == id && !ref.isLock()) {
                remove(ref);
                return true;
            }
        }
        return false;
    }

    /** A reference is given back: what holds it is nothing any more. False if there is none such. */
    boolean giveBack(int id) {
        if (!release(id)) {
            return false;
        }
        change(reg -> reg.ref == id, Reg::setUnknown);
        return true;
    }

    void remove(Ref gone) {
        refs = Arrays.stream(refs).filter(ref -> !ref.equals(gone)).toArray(Ref[]::new);
    }

    /** Which registers are meant. */
    @FunctionalInterface
    interface RegTest {
        boolean test(Reg reg);
    }

    /** What is done with them. */
    @FunctionalInterface
    interface RegVisitor {
        void visit(Reg reg);
    }

    /** Pointers into the packet may point anywhere from now on. */
    void forgetPacket() {
        change(reg -> reg.type.isAnyPacket() || reg.packetSlice, Reg::setUnknown);
    }

    /** Changes registers and spilled registers of all frames. */
    void change(RegTest which, RegVisitor visitor) {
        for (int f = 0; f <= current; f++) {
            Frame frame = frames[f];
            for (int i = 0; i < frame.regs.length; i++) {
                if (which.test(frame.regs[i])) {
                    visitor.visit(frame.own(i));
                }
            }
            for (int slot = 0; slot < frame.slots(); slot++) {
                if (frame.isSpill(slot) && which.test(frame.spills[slot])) {
                    visitor.visit(frame.ownSpill(slot));
                }
            }
        }
    }
}
