package dev.sluice.isa;

import org.jspecify.annotations.Nullable;

/** What the constant of {@code lddw} stands for: the values of its src field (RFC 9669 section 5.4, linux/bpf.h). */
public enum Pseudo {
    /** A plain 64-bit number. */
    IMM,
    /** {@code BPF_PSEUDO_MAP_FD}: the map whose file descriptor is imm. */
    MAP_FD,
    /** {@code BPF_PSEUDO_MAP_VALUE}: the address of a map's first value plus the second slot's imm. */
    MAP_VALUE,
    /** {@code BPF_PSEUDO_BTF_ID}: the address of a kernel variable. */
    BTF_ID,
    /** {@code BPF_PSEUDO_FUNC}: a function of the same program, imm relative to the next slot. */
    FUNC,
    /** {@code BPF_PSEUDO_MAP_IDX}: the map at index imm of the fd array. */
    MAP_IDX,
    /** {@code BPF_PSEUDO_MAP_IDX_VALUE}: the value of the map at index imm of the fd array. */
    MAP_IDX_VALUE;

    private static final Pseudo[] VALUES = values();

    /** The meaning of src field {@code src}, or null where there is none. */
    public static @Nullable Pseudo of(int src) {
        return src >= 0 && src < VALUES.length ? VALUES[src] : null;
    }
}
