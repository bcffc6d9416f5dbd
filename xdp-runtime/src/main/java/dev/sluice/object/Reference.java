package dev.sluice.object;

/**
 * What an instruction of a linked program stands for that only a loader can fill in. Slots count from the start of the
 * linked program; {@code map} is an index into the maps of the object.
 *
 * <p>The instruction already has the pseudo source register that the kernel wants, and zeros where the loader's number
 * goes. Calls of functions of the same program are finished and need no reference.
 */
public sealed interface Reference {
    /** The instruction's slot, the first of an {@code lddw}'s two. */
    int slot();

    /** {@code lddw} of a map: goes to imm, src is 1 ({@code BPF_PSEUDO_MAP_FD}). */
    record ToMap(int slot, int map, String name) implements Reference {}

    /**
     * {@code lddw} of an address in the value of a map with one entry: the map goes to imm, src is 2 ({@code
     * BPF_PSEUDO_MAP_VALUE}), the second slot's imm already is {@code offset}.
     */
    record ToValue(int slot, int map, String name, int offset) implements Reference {}

    /**
     * A call of a kernel function: its BTF id goes to imm, the index of its BTF to off, src is 2 ({@code
     * BPF_PSEUDO_KFUNC_CALL}).
     *
     * @param extern index into the externs of the object
     */
    record Kfunc(int slot, int extern, String name, boolean weak) implements Reference {}

    /**
     * {@code lddw} of the address of a kernel symbol. For a typed one, src is 3 ({@code BPF_PSEUDO_BTF_ID}) and its BTF id
     * goes to imm, or it becomes a plain 0 where it is weak and does not exist; for a typeless one the address goes to
     * both imm.
     *
     * @param extern index into the externs of the object
     */
    record Ksym(int slot, int extern, String name, boolean weak, boolean typed) implements Reference {}
}
