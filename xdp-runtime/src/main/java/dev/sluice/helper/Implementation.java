package dev.sluice.helper;

import org.jspecify.annotations.Nullable;

/**
 * How a {@link Callee} is run.
 *
 * @param owner the class with the static method that engines may call directly; null where there is none
 * @param missing why there is none, else empty
 */
record Implementation(@Nullable Class<?> owner, Callee.Function function, String missing) {
    static Implementation in(Class<?> owner, Callee.Function function) {
        return new Implementation(owner, function, "");
    }

    static Implementation missing(String why) {
        return new Implementation(null, Implementation::notImplemented, why);
    }

    private static long notImplemented(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        throw new AssertionError("an engine called a function that is not implemented");
    }

    /** The name of the static method, by the convention that all rows follow. */
    static String camelCase(String name) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            boolean upper = i > 0 && name.charAt(i - 1) == '_';
            if (c != '_') {
                text.append(upper ? c : Character.toLowerCase(c));
            }
        }
        return text.toString();
    }
}
