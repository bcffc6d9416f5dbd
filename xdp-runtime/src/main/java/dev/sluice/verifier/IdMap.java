package dev.sluice.verifier;

import java.util.Arrays;

/** Which id of an old state stands for which of the current one: a relation that must be one to one. */
final class IdMap {
    private int[] old = new int[64];
    private int[] current = new int[64];
    private int size;
    private int made;

    void reset(int lastId) {
        size = 0;
        made = lastId;
    }

    boolean matches(int oldId, int currentId) {
        if (oldId == 0 || currentId == 0) {
            return oldId == currentId;
        }
        for (int i = 0; i < size; i++) {
            if (old[i] == oldId) {
                return current[i] == currentId;
            }
            if (current[i] == currentId) {
                return false;
            }
        }
        if (size == old.length) {
            old = Arrays.copyOf(old, 2 * size);
            current = Arrays.copyOf(current, 2 * size);
        }
        old[size] = oldId;
        current[size++] = currentId;
        return true;
    }

    /** A scalar without an id is its only copy. */
    boolean matchesScalar(int oldId, int currentId) {
        return matches(oldId == 0 ? ++made : oldId, currentId == 0 ? ++made : currentId);
    }
}
