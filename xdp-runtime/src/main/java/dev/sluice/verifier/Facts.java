package dev.sluice.verifier;

import java.util.BitSet;

/** What was proved, slot by slot. Immutable to its readers. */
public final class Facts {
    private final BitSet reached;

    Facts(boolean[] seen) {
        reached = new BitSet(seen.length);
        for (int i = 0; i < seen.length; i++) {
            reached.set(i, seen[i]);
        }
    }

    /** Whether any path comes by a slot; what is not reached is dead code. */
    public boolean isReached(int slot) {
        return reached.get(slot);
    }
}
