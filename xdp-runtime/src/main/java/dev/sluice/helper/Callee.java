package dev.sluice.helper;

import java.util.List;

/**
 * A function outside of the program that it may call: a {@link Helper} by its number or a {@link Kfunc} by its name. What
 * engines need of either.
 */
public sealed interface Callee permits Helper, Kfunc {
    /** The implementation. */
    @FunctionalInterface
    interface Function {
        long call(RunContext context, long r1, long r2, long r3, long r4, long r5);
    }

    /** The C name, such as {@code bpf_map_lookup_elem}. */
    String cname();

    /** The name of the row in its table. */
    String name();

    /** Whether programs can call it here. */
    boolean isImplemented();

    /** Why it is not implemented; empty if it is. */
    String whyMissing();

    /** The class with the static method that implements it, for engines that emit calls. */
    Class<?> owner();

    /** The name of that static method. */
    String method();

    /** What r0 is afterwards. */
    ReturnKind returns();

    /** Number of arguments. */
    int argCount();

    /** The kind of an argument, 0 for r1. */
    ArgKind arg(int index);

    /** Kinds of its arguments, r1 first. */
    List<ArgKind> args();

    /** Whether it may move the packet, so that pointers into it are stale afterwards. */
    boolean movesPacket();

    /** Whether it calls functions of the program before it returns. */
    boolean callsBack();

    /** Whether it calls functions of the program, or has them called later. */
    default boolean takesFunction() {
        return args().contains(ArgKind.FUNC);
    }

    /** Calls it; arguments have been proved or checked by the caller. */
    long call(RunContext context, long r1, long r2, long r3, long r4, long r5);
}
