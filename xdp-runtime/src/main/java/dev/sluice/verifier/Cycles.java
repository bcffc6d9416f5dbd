package dev.sluice.verifier;

/**
 * The cycles of the control flow: strongly connected components, found with Tarjan's algorithm. Calls are not followed. Each
 * slot has its component's number from 1 on, in the order in which they are completed; 0 where no cycle leads through it.
 */
final class Cycles {
    private static final int DONE = Integer.MAX_VALUE;

    private Cycles() {}

    static int[] of(Layout layout) {
        int size = layout.size;
        int[] component = new int[size];
        int[] order = new int[size];
        int[] low = new int[size];
        int[] stack = new int[size];
        int[] path = new int[size];
        int[] next = new int[2];
        int stacked = 0;
        int found = 0;
        int numbered = 1;
        for (int start = 0; start < size; start++) {
            if (order[start] != 0) {
                continue;
            }
            int depth = 0;
            path[depth++] = start;
            while (depth > 0) {
                int slot = path[depth - 1];
                if (order[slot] == 0) {
                    order[slot] = numbered;
                    low[slot] = numbered++;
                    stack[stacked++] = slot;
                }
                int count = layout.successors(slot, next);
                int open = -1;
                for (int i = 0; i < count && open < 0; i++) {
                    if (order[next[i]] == 0) {
                        open = next[i];
                    } else {
                        low[slot] = Math.min(low[slot], low[next[i]]);
                    }
                }
                if (open >= 0) {
                    path[depth++] = open;
                    continue;
                }
                depth--;
                if (low[slot] < order[slot]) {
                    continue;
                }
                boolean cycle = stack[stacked - 1] != slot;
                for (int i = 0; i < count; i++) {
                    cycle |= next[i] == slot;
                }
                found += cycle ? 1 : 0;
                int member;
                do {
                    member = stack[--stacked];
                    low[member] = DONE;
                    component[member] = cycle ? found : 0;
                } while (member != slot);
            }
        }
        return component;
    }
}
