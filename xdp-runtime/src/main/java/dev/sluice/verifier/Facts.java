package dev.sluice.verifier;

import java.util.BitSet;

/** What was proved, slot by slot. Immutable to its readers. */
public final class Facts {
    private final BitSet reached;

    private final boolean proof;

    Facts(boolean[] seen, boolean proof) {
        this.proof = proof;
        reached = new BitSet(seen.length);
        for (int i = 0; i < seen.length; i++) {
            reached.set(i, seen[i]);
        }
    }

    /**
     * Whether the program may run without checks. False where Linux 6.18 accepts what it takes for something else: {@code
     * scalar += r10} in a called function counts as a pointer into the entry function's stack there.
     */
    public boolean isProof() {
        return proof;
    }

    /** Whether any path comes by a slot; what is not reached is dead code. */
    public boolean isReached(int slot) {
        return reached.get(slot);
    }
}
