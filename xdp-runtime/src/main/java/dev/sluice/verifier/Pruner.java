package dev.sluice.verifier;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Ends paths early: at places where paths meet, the current state is compared with those that were put aside there before.
 * One from which all went well covers the current one if what mattered is within what it was; then nothing new can be found.
 */
final class Pruner {
    private static final int MAX_HISTORY = 40;
    private static final int MAX_ROUNDS = 64;

    private static final class Entry {
        final State state;
        int hits;
        int misses;

        Entry(State state) {
            this.state = state;
        }
    }

    /** A state that is covered by one on its own way round a loop: the loop converged. */
    private record BackEdge(State old, State state) {}

    /** A cycle of the control flow as it is entered through one chain of calls. */
    private static final class Visit {
        /** The first checkpoint in it, while paths from there are open. */
        State entry;

        final List<BackEdge> backEdges = new ArrayList<>();
    }

    private final Run run;
    private final StateComparison comparison;

    /** By list, the states put aside, the last one at the end. */
    private final List<ArrayList<Entry>> explored = new ArrayList<>();

    private final Map<List<Integer>, Visit> visits = new HashMap<>();
    private int[] cycles = {};
    private int previousJumps;
    private int previousProcessed;
    private int live;
    private int backEdges;
    int maxPerInsn;
    int total;
    int peak;

    Pruner(Run run) {
        this.run = run;
        this.comparison = new StateComparison(run);
        for (int i = 0; i < run.layout.size; i++) {
            explored.add(null);
        }
    }

    /** Forgets all states: another function begins. */
    void reset() {
        explored.replaceAll(ignored -> null);
        visits.clear();
    }

    /** Whether the current state is covered; if not, it may be put aside. */
    boolean isVisited() {
        int insn = run.insn;
        State current = run.state;
        Layout layout = run.layout;
        boolean force = layout.checkpoints.get(insn) || current.historyCount > MAX_HISTORY;
        boolean add = force || run.jumpsProcessed - previousJumps >= 2 && run.processed - previousProcessed >= 8;
        // the same lists as Linux, which mixes slots of called functions with others
        int list = Integer.remainderUnsigned(insn ^ current.frame().callsite, layout.size);
        ArrayList<Entry> entries = explored.get(list);
        if (entries == null) {
            entries = new ArrayList<>(2);
            explored.set(list, entries);
        }
        clean(entries, current);
        int count = 0;
        for (int at = entries.size() - 1; at >= 0; at--) {
            Entry entry = entries.get(at);
            count++;
            boolean hit = false;
            boolean loop = false;
            State old = entry.state;
            if (old.insn != insn) {
                continue;
            }
            if (old.branches > 0) {
                boolean skipLoopCheck = false;
                if (layout.callbackCalls.get(insn)) {
                    hit = comparison.covers(old, current, StateComparison.Mode.WITHIN);
                    loop = hit;
                    skipLoopCheck = true;
                } else if (layout.isIteratorNext(insn)) {
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
                    List<Integer> chain = chain(old);
                    if (chain != null) {
                        logCycle("backedge", chain);
                        visits.get(chain).backEdges.add(new BackEdge(old, current.copy()));
                        backEdges++;
                        countPeak();
                    }
                }
                return true;
            }
            if (add) {
                entry.misses++;
            }
            int patience = layout.checkpoints.get(insn) && old.branches > 0 ? 64 : 3;
            if (entry.misses > entry.hits * patience + patience) {
                entries.remove(at);
                old.retired = true;
                forgetIfDone(old);
            }
        }
        maxPerInsn = Math.max(maxPerInsn, count);
        if (add) {
            putAside(entries, current);
        }
        return false;
    }

    private void putAside(ArrayList<Entry> entries, State current) {
        total++;
        live++;
        countPeak();
        previousJumps = run.jumpsProcessed;
        previousProcessed = run.processed;
        current.change(reg -> reg.precise, reg -> reg.precise = false);
        State checkpoint = current.copy();
        checkpoint.insn = run.insn;
        entries.add(new Entry(checkpoint));
        enter(checkpoint);
        current.parent = checkpoint;
        current.firstInsn = run.insn;
        current.depth = checkpoint.depth + 1;
        current.clearHistory();
    }

    /** A state is kept as long as it is compared with others, or paths from it are open. */
    private void forgetIfDone(State state) {
        if (state.retired && state.branches == 0 && !isIncomplete(state)) {
            live--;
        }
    }

    private void countPeak() {
        peak = Math.max(peak, live + backEdges);
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
    private void clean(ArrayList<Entry> entries, State current) {
        for (int at = 0; at < entries.size(); at++) {
            State state = entries.get(at).state;
            if (state.branches > 0
                    || state.insn != run.insn
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
                        frame.regs[i] = Reg.NONE;
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

    /** The visit of the cycle that a state is in, of the outermost function that is in one; null outside of cycles. */
    private Visit visit(State state) {
        List<Integer> at = chain(state);
        return at == null ? null : visits.get(at);
    }

    private List<Integer> chain(State state) {
        if (cycles.length == 0) {
            cycles = run.layout.cycles();
        }
        int outermost = 0;
        while (outermost <= state.current && cycles[slotIn(state, outermost)] == 0) {
            outermost++;
        }
        if (outermost > state.current) {
            return null;
        }
        List<Integer> chain = new ArrayList<>(outermost + 1);
        for (int f = 0; f < outermost; f++) {
            chain.add(slotIn(state, f));
        }
        chain.add(-cycles[slotIn(state, outermost)]);
        return chain;
    }

    private static int slotIn(State state, int frame) {
        return frame == state.current ? state.insn : state.frames[frame + 1].callsite;
    }

    private void enter(State checkpoint) {
        List<Integer> chain = chain(checkpoint);
        if (chain != null) {
            Visit visit = visits.computeIfAbsent(chain, ignored -> new Visit());
            if (visit.entry == null) {
                visit.entry = checkpoint;
                logCycle("enter", chain);
            }
        }
    }

    private void logCycle(String what, List<Integer> chain) {
        if (run.detailed) {
            StringBuilder text = new StringBuilder("SCC ").append(what).append(" (");
            chain.forEach(link -> text.append(link < 0 ? -link + ")" : link + ","));
            run.log.line(text.toString());
        }
    }

    /** All paths from a state have ended. */
    void exit(State state) {
        exitCycle(state);
        forgetIfDone(state);
    }

    /** If a checkpoint was the first of a cycle, marks go round until there are no new ones. */
    private void exitCycle(State state) {
        List<Integer> chain = visits.isEmpty() ? null : chain(state);
        Visit visit = chain == null ? null : visits.get(chain);
        if (visit == null || !state.equals(visit.entry)) {
            return;
        }
        logCycle("exit", chain);
        visit.entry = null;
        run.precision.changed = !visit.backEdges.isEmpty();
        for (int round = 0; run.precision.changed; round++) {
            run.precision.changed = false;
            for (BackEdge edge : visit.backEdges) {
                if (round == MAX_ROUNDS) {
                    run.precision.markAll(edge.state);
                } else {
                    run.precision.propagate(edge.old, edge.state);
                }
            }
            if (round == MAX_ROUNDS) {
                break;
            }
        }
        backEdges -= visit.backEdges.size();
        visit.backEdges.clear();
    }

    /** Whether a cycle that the state is in is still being walked, so that not all that matters is marked yet. */
    private boolean isIncomplete(State state) {
        if (visits.isEmpty()) {
            return false;
        }
        Visit visit = visit(state);
        return visit != null && !visit.backEdges.isEmpty();
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
                if (isWidened(a.regs[i], b.regs[i])) {
                    b.own(i).setUnknown();
                }
            }
            for (int slot = 0; slot < Math.min(a.slots(), b.slots()); slot++) {
                if (a.isScalarSpill(slot) && b.isScalarSpill(slot) && isWidened(a.spills[slot], b.spills[slot])) {
                    b.ownSpill(slot).setUnknown();
                }
            }
        }
    }

    private static boolean isWidened(Reg old, Reg current) {
        if (old.type != RegType.SCALAR || current.type != RegType.SCALAR || old.precise || current.precise) {
            return false;
        }
        return !old.sameRange(current) || (old.id == 0) != (current.id == 0);
    }
}
