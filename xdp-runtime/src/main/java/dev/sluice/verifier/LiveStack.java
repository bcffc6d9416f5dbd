package dev.sluice.verifier;

import java.util.HashMap;
import java.util.Map;

/**
 * Which stack slots can still be read: a data flow over the instructions of each function, one for each chain of calls that
 * leads there, from what the walk has seen instructions read and write so far. What a called function does to its
 * caller's stack counts for the call. Only asked about states from which all paths have ended.
 */
final class LiveStack {
    /** A function at the end of one chain of calls. */
    private static final class Instance {
        final int start;
        final long[] mayRead;
        final long[] mustWrite;
        final boolean[] visited;
        final long[] live;
        final Map<Long, Instance> callees = new HashMap<>();
        boolean dirty = true;

        Instance(int start, int size) {
            this.start = start;
            mayRead = new long[size];
            mustWrite = new long[size];
            visited = new boolean[size];
            live = new long[size];
        }
    }

    private final Run run;
    private final Layout layout;
    private final Map<Integer, Instance> roots = new HashMap<>();
    private final Instance[] chain = new Instance[State.MAX_FRAMES];
    private final int[] chainCallsite = new int[State.MAX_FRAMES];
    private final int[] chainSubprog = new int[State.MAX_FRAMES];
    private int chainLength;
    private long written;
    private Instance at;

    LiveStack(Run run) {
        this.run = run;
        this.layout = run.layout;
    }

    private Instance instance(State state, int frame) {
        int known = 0;
        while (known < chainLength
                && known <= frame
                && chainCallsite[known] == state.frames[known].callsite
                && chainSubprog[known] == state.frames[known].subprog) {
            known++;
        }
        for (int f = known; f <= frame; f++) {
            Frame each = state.frames[f];
            Instance found;
            if (f == 0) {
                found = roots.computeIfAbsent(each.subprog, this::make);
            } else {
                long key = (long) each.callsite << 32 | each.subprog;
                found = chain[f - 1].callees.computeIfAbsent(key, ignored -> make(each.subprog));
            }
            chain[f] = found;
            chainCallsite[f] = each.callsite;
            chainSubprog[f] = each.subprog;
            chainLength = f + 1;
        }
        return chain[frame];
    }

    private Instance make(int subprog) {
        int start = layout.starts[subprog];
        return new Instance(start, layout.endOf(subprog) - start);
    }

    void begin(int insn) {
        written = 0;
        at = instance(run.state, run.state.current);
    }

    void read(int frame, int slot) {
        State state = run.state;
        boolean current = frame == state.current;
        Instance instance = instance(state, frame);
        int index = (current ? run.insn : state.frames[frame + 1].callsite) - instance.start;
        long bit = 1L << slot;
        if ((instance.mayRead[index] & bit) == 0) {
            instance.mayRead[index] |= bit;
            instance.dirty = true;
        }
    }

    void write(int frame, int slot) {
        if (frame == run.state.current) {
            written |= 1L << slot;
        }
    }

    /** After an instruction: what it always writes is what it wrote each time. */
    void commit(int insn) {
        int index = insn - at.start;
        long before = at.mustWrite[index];
        long now = at.visited[index] ? before & written : written;
        if (now != before || !at.visited[index]) {
            at.mustWrite[index] = now;
            at.visited[index] = true;
            at.dirty = true;
        }
    }

    /** At the end of a path; the flow is worked out when someone asks. */
    void update() {}

    boolean isAlive(State state, int frame, int slot) {
        Instance instance = instance(state, frame);
        if (instance.dirty) {
            solve(instance);
        }
        int insn = frame == state.current ? state.insn : state.frames[frame + 1].callsite;
        return (instance.live[insn - instance.start] >> slot & 1) != 0;
    }

    private void solve(Instance instance) {
        int size = instance.live.length;
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int i = size - 1; i >= 0; i--) {
                int insn = instance.start + i;
                int c = layout.code[insn];
                long out = 0;
                if (Layout.isJumpClass(c) && !Layout.isExit(c) && (c & 0xf0) != 0x80) {
                    out = instance.live[layout.target(insn) - instance.start];
                    if ((c & 0xf0) != 0) {
                        out |= instance.live[i + 1];
                    }
                } else if (!Layout.isExit(c)) {
                    int next = i + (layout.isWide(insn) ? 2 : 1);
                    out = next < size ? instance.live[next] : 0;
                }
                long in = out & ~instance.mustWrite[i] | instance.mayRead[i];
                if (in != instance.live[i]) {
                    // the flow only grows within one solution; a write seen less often makes it grow, too
                    instance.live[i] = in;
                    changed = true;
                }
            }
        }
        instance.dirty = false;
    }
}
