package dev.sluice.jit;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * How code is made.
 *
 * @param contextLoads null when every access that is not known to be right is checked; else nothing is, and these are
 *     the slots of the loads that read the context
 * @param methodBytes bytes of JVM code that a method should not exceed
 */
record Settings(@Nullable BitSet contextLoads, int methodBytes) {
    /** HotSpot compiles no method of more bytes ({@code -XX:-DontCompileHugeMethods} apart). */
    static final int HUGE_METHOD_BYTES = 8000;

    static final Settings CHECKED = new Settings(null, HUGE_METHOD_BYTES);

    /** Whether every access that is not known to be right is checked. */
    boolean checked() {
        return contextLoads == null;
    }
}
