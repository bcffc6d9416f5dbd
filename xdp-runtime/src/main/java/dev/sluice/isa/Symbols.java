package dev.sluice.isa;

import org.jspecify.annotations.Nullable;

/** The names that assembly uses for numbers that the instruction set gives no meaning to. */
public interface Symbols {
    /** Knows no names. */
    Symbols NONE = new Symbols() {};

    /** The name of a helper, such as {@code bpf_map_lookup_elem}, or {@code "unknown"}. */
    default String helperName(int number) {
        return "unknown";
    }

    /** The number of a helper's name, or 0. */
    default int helperNumber(String name) {
        return 0;
    }

    /** What a call of a kernel function of a name has as its immediate, or 0. */
    default int kfuncNumber(String name) {
        return 0;
    }

    /** The name of a kfunc by its BTF id, or null. */
    default @Nullable String kfuncName(int btfId) {
        return null;
    }
}
