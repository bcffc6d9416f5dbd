package dev.sluice.verifier;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Which stack slots can still be read: a backward data flow over the instructions of each function, one for each chain of
 * calls that leads there, from what the walk has seen instructions read and write so far.
 *
 * <pre>
 *   live before an instruction = (live before one of its successors, but not written by it) or read by it
 *   written from it on         = written by it, or from each of its successors on
 * </pre>
 *
 * <p>A function has such a flow for its own frame and for each frame further out that it touches. What it does to those
 * counts for the call in its caller. At the end of each path the flow is worked out from the instructions on at which
 * something is new; rounds over the function and what they log are as if all were looked at in each. Only asked about states
 * from which all paths have ended.
 */
final class LiveStack {
    /** One frame as one function at the end of one chain of calls sees it; by slot from the function's start. */
    private static final class Masks {
        final long[] mayRead;
        final long[] mustWrite;
        final long[] written;
        final long[] live;

        /** Instructions to look at again, by their place in postorder. */
        final BitSet dirty = new BitSet();

        Masks(int size) {
            mayRead = new long[size];
            mustWrite = new long[size];
            written = new long[size];
            live = new long[size];
        }
    }

    /** A function at the end of one chain of calls. */
    private static final class Instance {
        final Graph graph;
        final Instance outer;
        final int callsite;
        final int start;
        final int size;
        final int depth;
        final Masks[] frames;
        final boolean[] visited;
        final Map<Long, Instance> callees = new HashMap<>();
        boolean changed;
        boolean wroteLess;

        Instance(Graph graph, Instance outer, int callsite, int start, int size) {
            this.graph = graph;
            this.outer = outer;
            this.callsite = callsite;
            this.start = start;
            this.size = size;
            depth = outer == null ? 0 : outer.depth + 1;
            frames = new Masks[depth + 1];
            visited = new boolean[size];
        }

        Masks frame(int frame) {
            if (frames[frame] == null) {
                frames[frame] = new Masks(size);
            }
            return frames[frame];
        }

        boolean isLive(int insn, int frame, int slot) {
            return frames[frame] != null && (frames[frame].live[insn - start] >> slot & 1) != 0;
        }

        void read(int insn, int frame, long slots) {
            Masks masks = frame(frame);
            int index = insn - start;
            long now = masks.mayRead[index] | slots;
            if (now != masks.mayRead[index] && (now & ~masks.live[index]) != 0) {
                changed = true;
                masks.dirty.set(graph.place[index]);
            }
            masks.mayRead[index] = now;
        }

        /** What an instruction always writes is what it wrote each time. */
        void write(int insn, long[] slots) {
            int index = insn - start;
            for (int f = 0; f <= depth; f++) {
                if (slots[f] == 0 && !visited[index]) {
                    continue;
                }
                Masks masks = frame(f);
                long before = masks.mustWrite[index];
                long now = visited[index] ? before & slots[f] : slots[f];
                if (now != before) {
                    masks.mustWrite[index] = now;
                    masks.dirty.set(graph.place[index]);
                    changed = true;
                    wroteLess |= (before & ~now) != 0;
                }
            }
            visited[index] = true;
        }

        @Override
        public String toString() {
            StringBuilder chain = new StringBuilder();
            for (Instance each = this; each.outer != null; each = each.outer) {
                chain.insert(0, each.callsite + ",");
            }
            return "(" + chain + start + ")";
        }
    }

    /** A function's control flow backwards. */
    private static final class Graph {
        final int[] order;

        /** By slot from the function's start: its place in the order. */
        final int[] place;

        /** By such a slot: where its predecessors begin in {@link #predecessors}, which are places. */
        private final int[] first;

        private final int[] predecessors;

        Graph(Layout layout, int function) {
            int start = layout.starts[function];
            int size = layout.endOf(function) - start;
            order = layout.postorder(function);
            place = new int[size];
            first = new int[size + 1];
            int[] next = new int[2];
            for (int i = 0; i < order.length; i++) {
                place[order[i] - start] = i;
                int count = layout.successors(order[i], next);
                for (int s = 0; s < count; s++) {
                    first[next[s] - start + 1]++;
                }
            }
            for (int i = 0; i < size; i++) {
                first[i + 1] += first[i];
            }
            predecessors = new int[first[size]];
            int[] filled = Arrays.copyOf(first, size);
            for (int i = 0; i < order.length; i++) {
                int count = layout.successors(order[i], next);
                for (int s = 0; s < count; s++) {
                    predecessors[filled[next[s] - start]++] = i;
                }
            }
        }

        /** Marks those that come before an instruction. */
        void markPredecessors(int index, BitSet dirty) {
            for (int i = first[index]; i < first[index + 1]; i++) {
                dirty.set(predecessors[i]);
            }
        }
    }

    private final Run run;
    private final Layout layout;
    private final Map<Integer, Graph> graphs = new HashMap<>();
    private final Map<Integer, Instance> roots = new HashMap<>();
    private final Instance[] chain = new Instance[State.MAX_FRAMES];
    private int chainLength;
    private final long[] written = new long[State.MAX_FRAMES];
    private Instance at;
    private final int[] successors = new int[2];

    LiveStack(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    private Instance instance(State state, int frame) {
        int known = 0;
        while (known < chainLength && known <= frame && isSame(chain[known], state.frames[known])) {
            known++;
        }
        for (int f = known; f <= frame; f++) {
            Frame each = state.frames[f];
            Instance found;
            if (f == 0) {
                found = roots.computeIfAbsent(each.subprog, ignored -> make(null, each));
            } else {
                Instance outer = chain[f - 1];
                long key = (long) each.callsite << 32 | each.subprog;
                found = outer.callees.computeIfAbsent(key, ignored -> make(outer, each));
            }
            chain[f] = found;
            chainLength = f + 1;
        }
        return chain[frame];
    }

    private boolean isSame(Instance instance, Frame frame) {
        return instance.callsite == frame.callsite && instance.start == layout.starts[frame.subprog];
    }

    private Instance make(Instance outer, Frame frame) {
        int start = layout.starts[frame.subprog];
        Graph graph = graphs.computeIfAbsent(frame.subprog, function -> new Graph(layout, function));
        return new Instance(graph, outer, frame.callsite, start, layout.endOf(frame.subprog) - start);
    }

    void begin() {
        at = instance(run.state, run.state.current);
        Arrays.fill(written, 0, at.depth + 1, 0);
    }

    void read(int frame, int slot) {
        at.read(run.insn, frame, 1L << slot);
    }

    void write(int frame, int slot) {
        written[frame] |= 1L << slot;
    }

    /** After an instruction. */
    void commit(int insn) {
        at.write(insn, written);
    }

    /** At the end of a path, and of a function. */
    void update() {
        State state = run.state;
        for (int frame = state.current; frame >= 0; frame--) {
            update(instance(state, frame));
        }
    }

    private void update(Instance instance) {
        if (!instance.changed) {
            return;
        }
        if (instance.wroteLess) {
            for (Masks masks : instance.frames) {
                if (masks != null) {
                    Arrays.fill(masks.written, 0);
                    masks.dirty.set(0, instance.graph.order.length);
                }
            }
        }
        int rounds = 0;
        boolean again = true;
        while (again) {
            again = false;
            rounds++;
            for (int frame = 0; frame <= instance.depth; frame++) {
                if (instance.frames[frame] != null) {
                    again |= round(instance, frame);
                }
            }
        }
        if (run.detailed) {
            run.log.line(instance + " live stack update done in " + rounds + " iterations");
        }
        for (int frame = 0; frame < instance.depth; frame++) {
            if (instance.frames[frame] != null) {
                tellCaller(instance);
            }
        }
        instance.changed = false;
        instance.wroteLess = false;
    }

    /** Looks at the instructions that are marked, in order; gives whether anything has changed. */
    private boolean round(Instance instance, int frame) {
        Graph graph = instance.graph;
        BitSet dirty = instance.frames[frame].dirty;
        boolean changed = false;
        for (int at = dirty.nextSetBit(0); at >= 0; at = dirty.nextSetBit(at + 1)) {
            dirty.clear(at);
            int insn = graph.order[at];
            if (flow(instance, frame, insn)) {
                changed = true;
                graph.markPredecessors(insn - instance.start, dirty); // those before this one wait for the next round
            }
        }
        return changed;
    }

    private boolean flow(Instance instance, int frame, int insn) {
        int count = layout.successors(insn, successors);
        if (count == 0) {
            return false;
        }
        Masks masks = instance.frames[frame];
        int index = insn - instance.start;
        long liveAfter = 0;
        long writtenOn = -1;
        for (int i = 0; i < count; i++) {
            int next = successors[i] - instance.start;
            liveAfter |= masks.live[next];
            writtenOn &= masks.written[next];
        }
        writtenOn |= masks.mustWrite[index];
        long live = liveAfter & ~masks.mustWrite[index] | masks.mayRead[index];
        boolean changed = live != masks.live[index] || writtenOn != masks.written[index];
        if (changed
                && run.detailed
                && (masks.mayRead[index] != 0
                        || masks.mustWrite[index] != 0
                        || insn == instance.start
                        || layout.prunePoints.get(insn))) {
            logChange(instance, "live", frame, insn, masks.live[index], live);
            logChange(instance, "written", frame, insn, masks.written[index], writtenOn);
        }
        masks.live[index] = live;
        masks.written[index] = writtenOn;
        return changed;
    }

    private void logChange(Instance instance, String what, int frame, int insn, long before, long now) {
        if (before == now) {
            return;
        }
        StringBuilder line = new StringBuilder()
                .append(instance)
                .append(" frame ")
                .append(frame)
                .append(" insn ")
                .append(insn)
                .append(' ');
        if ((now & ~before) != 0) {
            line.append('+')
                    .append(what)
                    .append(' ')
                    .append(slots(now & ~before))
                    .append(' ');
        }
        if ((before & ~now) != 0) {
            line.append('-').append(what).append(' ').append(slots(before & ~now));
        }
        run.log.line(line.toString());
    }

    private static String slots(long mask) {
        StringBuilder text = new StringBuilder();
        for (int slot = 0; slot < Long.SIZE; slot++) {
            if ((mask >> slot & 1) != 0) {
                text.append(text.isEmpty() ? "" : ",").append(-Frame.SLOT_BYTES * (slot + 1));
            }
        }
        return text.toString();
    }

    /** What a function does to the frames further out, its call does. */
    private void tellCaller(Instance instance) {
        long[] writes = new long[State.MAX_FRAMES];
        for (int frame = 0; frame < instance.depth; frame++) {
            Masks masks = instance.frames[frame];
            if (masks != null) {
                writes[frame] = masks.written[0];
                instance.outer.read(instance.callsite, frame, masks.live[0]);
            }
        }
        instance.outer.write(instance.callsite, writes);
    }

    /** Whether a slot may still be read from a state on. */
    boolean isAlive(State state, int frame, int slot) {
        Instance inner = instance(state, state.current);
        if (inner.isLive(state.insn, frame, slot)) {
            return true;
        }
        for (int f = frame; f < state.current; f++) {
            int callsite = state.frames[f + 1].callsite;
            int after = layout.callbackCalls.get(callsite) ? callsite : callsite + 1;
            if (chain[f].isLive(after, frame, slot)) {
                return true;
            }
        }
        return false;
    }
}
