package dev.sluice.verifier;

/** What the kernel keeps in slots of the stack that a program names, but may neither read nor write. Immutable. */
sealed interface StackObject {
    /** The reference that it holds, 0 for none. */
    int ref();

    /** Where a dynptr's bytes are. */
    enum Memory {
        LOCAL("local"),
        RINGBUF("ringbuf"),
        XDP("xdp");

        private final String text;

        Memory(String text) {
            this.text = text;
        }

        /** As the kernel's log says it. */
        String text() {
            return text;
        }
    }

    /**
     * One of a dynptr's two slots.
     *
     * @param first whether it is the one at the lower address
     * @param id of the dynptr, which its slices remember
     */
    record Dynptr(Memory memory, boolean first, int id, int ref) implements StackObject {
        static final int SLOTS = 2;
    }

    /**
     * A slot of an iterator.
     *
     * @param type such as {@code num}
     * @param drained whether it has no more elements
     * @param depth how often it went round
     */
    record Iterator(String type, int ref, boolean drained, int depth) implements StackObject {
        Iterator next() {
            return new Iterator(type, ref, drained, depth + 1);
        }

        Iterator drain() {
            return new Iterator(type, ref, true, depth);
        }
    }
}
