package dev.sluice.jit;

import dev.sluice.program.Facts;
import org.jspecify.annotations.Nullable;

/**
 * How code is made.
 *
 * @param facts null when every access that is not known to be right is checked; else nothing is
 * @param methodBytes bytes of JVM code that a method should not exceed
 */
record Settings(@Nullable Facts facts, int methodBytes) {
    /** HotSpot compiles no method of more bytes ({@code -XX:-DontCompileHugeMethods} apart). */
    static final int HUGE_METHOD_BYTES = 8000;

    static final Settings CHECKED = new Settings(null, HUGE_METHOD_BYTES);

    /** Whether every access that is not known to be right is checked. */
    boolean checked() {
        return facts == null;
    }
}
