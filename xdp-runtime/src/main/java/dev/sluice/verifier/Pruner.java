package dev.sluice.verifier;

import dev.sluice.helper.Kfunc;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;

/**
 * Ends paths early: at places where paths meet, the current state is compared with those that were put aside there before.
 * One from which all went well covers the current one if what mattered is within what it was; then nothing new can be found.
 */
final class Pruner {
    private static final int MAX_HISTORY = 40;

    private static final class Entry {
        final State state;
        int hits;
        int misses;

        Entry(State state) {
            this.state = state;
        }
    }

    /** A state that was found to be covered by one from which paths are still open: a loop that converged. */
    private record BackEdge(State old, State state) {}

    private final Run run;
    private final StateComparison comparison;
    private final Map<Long, LinkedList<Entry>> explored = new HashMap<>();
    private final List<BackEdge> backEdges = new ArrayList<>();
    private int previousJumps;
    private int previousProcessed;
    private int live;
    int maxPerInsn;
    int total;
    int peak;

    Pruner(Run run) {
        this.run = run;
        this.comparison = new StateComparison(run);
    }

    /** Forgets all states: another function begins. */
    void reset() {
        explored.clear();
        backEdges.clear();
        previousJumps = run.jumpsProcessed;
        previousProcessed = run.processed;
    }

    /** Whether the current state is covered; if not, it may be put aside. */
    boolean isVisited() {
        int insn = run.insn;
        State current = run.state;
        Layout layout = run.layout;
        boolean force = layout.checkpoints.get(insn) || current.historyCount > MAX_HISTORY;
        boolean add = force || run.jumpsProcessed - previousJumps >= 2 && run.processed - previousProcessed >= 8;
        LinkedList<Entry> entries = explored.computeIfAbsent(
                (long) insn << 32 | current.frame().callsite & 0xffff_ffffL, ignored -> new LinkedList<>());
        clean(entries, current);
        int count = 0;
        for (Iterator<Entry> it = entries.iterator(); it.hasNext(); ) {
            Entry entry = it.next();
            count++;
            boolean hit = false;
            boolean loop = false;
            State old = entry.state;
            if (old.branches > 0) {
                boolean skipLoopCheck = false;
                if (layout.callbackCalls.get(insn)) {
                    hit = comparison.covers(old, current, StateComparison.Mode.WITHIN);
                    loop = hit;
                    skipLoopCheck = true;
                } else if (layout.kfuncAt(insn) == Kfunc.ITER_NUM_NEXT) {
                    if (comparison.covers(old, current, StateComparison.Mode.WITHIN)) {
                        StackObject.Iterator iterator = StackObjects.iteratorAt(current, current.regs()[1]);
                        hit = iterator != null && !iterator.drained();
                        loop = hit;
                    }
                    skipLoopCheck = true;
                } else if (layout.checkpoints.get(insn)
                        && old.mayGotoDepth != current.mayGotoDepth
                        && comparison.covers(old, current, StateComparison.Mode.WITHIN)) {
                    hit = true;
                    loop = true;
                }
                if (!hit && !skipLoopCheck) {
                    rejectInfinite(old, current);
                }
                if (!hit
                        && !force
                        && run.jumpsProcessed - previousJumps < 20
                        && run.processed - previousProcessed < 100) {
                    add = false;
                }
            } else {
                loop = isIncomplete(old);
                hit = comparison.covers(old, current, loop ? StateComparison.Mode.WITHIN : StateComparison.Mode.LOOSE);
            }
            if (hit) {
                entry.hits++;
                run.history = -1;
                if (layout.jumpPoints.get(insn)) {
                    run.addHistory(0, 0);
                }
                run.precision.propagate(old, current);
                if (loop) {
                    backEdges.add(new BackEdge(old, current));
                }
                return true;
            }
            if (add) {
                entry.misses++;
            }
            int patience = layout.checkpoints.get(insn) && old.branches > 0 ? 64 : 3;
            if (entry.misses > entry.hits * patience + patience) {
                it.remove();
                live -= old.branches == 0 ? 1 : 0;
            }
        }
        maxPerInsn = Math.max(maxPerInsn, count);
        if (add) {
            putAside(entries, current);
        }
        return false;
    }

    private void putAside(LinkedList<Entry> entries, State current) {
        total++;
        live++;
        peak = Math.max(peak, live);
        previousJumps = run.jumpsProcessed;
        previousProcessed = run.processed;
        current.forEachReg(reg -> reg.precise = false);
        State checkpoint = current.copy();
        checkpoint.insn = run.insn;
        entries.addFirst(new Entry(checkpoint));
        current.parent = checkpoint;
        current.firstInsn = run.insn;
        current.depth = checkpoint.depth + 1;
        current.clearHistory();
    }

    /** A timer's callback that sets the timer again is walked again, and that is no loop. */
    private static boolean isOtherEntry(State old, State current) {
        return old.frame().inAsyncCallback && old.frame().asyncEntries != current.frame().asyncEntries;
    }

    private void rejectInfinite(State old, State current) {
        if (!isOtherEntry(old, current)
                && StateComparison.mayLoop(old, current)
                && old.mayGotoDepth == current.mayGotoDepth
                && old.callbackUnrollDepth == current.callbackUnrollDepth
                && !StackObjects.depthsDiffer(old, current)
                && comparison.covers(old, current, StateComparison.Mode.EXACT)) {
            run.log.line("infinite loop detected at insn " + run.insn);
            run.log.line("cur state:" + StatePrinter.text(current, current.frame(), -1, -1));
            throw run.reject("old state:" + StatePrinter.text(old, old.frames[current.current], -1, -1));
        }
    }

    /** Takes out of finished states what nobody can read any more. */
    private void clean(LinkedList<Entry> entries, State current) {
        for (Entry entry : entries) {
            State state = entry.state;
            if (state.branches > 0
                    || state.cleaned
                    || !StateComparison.sameCallsites(state, current)
                    || isIncomplete(state)) {
                continue;
            }
            state.cleaned = true;
            for (int f = 0; f <= state.current; f++) {
                Frame frame = state.frames[f];
                int insn = f == state.current ? state.insn : state.frames[f + 1].callsite;
                int alive = run.liveBefore[insn];
                for (int i = 0; i < 10; i++) {
                    if ((alive >> i & 1) == 0) {
                        frame.regs[i].setNotInit();
                    }
                }
                for (int slot = 0; slot < frame.slots(); slot++) {
                    if (!run.liveStack.isAlive(state, f, slot)) {
                        frame.fill(slot, Frame.INVALID);
                        frame.spills[slot] = null;
                    }
                }
            }
        }
    }

    // --- loops that converge

    /** Whether a loop around the state is still being walked, so that not all that matters is marked yet. */
    private boolean isIncomplete(State state) {
        if (backEdges.isEmpty()) {
            return false;
        }
        settle();
        for (BackEdge edge : backEdges) {
            for (State s = state; s != null; s = s.parent) {
                if (s == edge.old) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Loops whose entry has no open paths: marks go round until there are no new ones. */
    private void settle() {
        List<BackEdge> done = new ArrayList<>();
        for (BackEdge edge : backEdges) {
            if (edge.old.branches == 0) {
                done.add(edge);
            }
        }
        if (done.isEmpty()) {
            return;
        }
        for (int round = 0; round < 64; round++) {
            run.precision.changed = false;
            for (BackEdge edge : done) {
                run.precision.propagate(edge.old, edge.state);
            }
            if (!run.precision.changed) {
                break;
            }
        }
        backEdges.removeAll(done);
    }

    /** The last checkpoint at a slot on the way to a state, or null. */
    State previousEntry(State from, int insn) {
        for (State state = from == null ? null : from.parent; state != null; state = state.parent) {
            if (state.insn == insn && StateComparison.sameCallsites(state, run.state)) {
                return state;
            }
        }
        return null;
    }

    /** Scalars that changed since and whose value did not matter are unknown from now on, so that the loop converges. */
    void widen(State old, State current) {
        for (int f = Math.min(old.current, current.current); f >= 0; f--) {
            Frame a = old.frames[f];
            Frame b = current.frames[f];
            for (int i = 0; i < 10; i++) {
                widen(a.regs[i], b.regs[i]);
            }
            for (int slot = 0; slot < Math.min(a.slots(), b.slots()); slot++) {
                if (a.isScalarSpill(slot) && b.isScalarSpill(slot)) {
                    widen(a.spills[slot], b.spills[slot]);
                }
            }
        }
    }

    private static void widen(Reg old, Reg current) {
        if (old.type != RegType.SCALAR || current.type != RegType.SCALAR || old.precise || current.precise) {
            return;
        }
        if (!old.sameRange(current) || (old.id == 0) != (current.id == 0)) {
            current.setUnknown();
        }
    }
}
