package dev.sluice.helper;

/** What a helper expects in an argument (the kernel's enum bpf_arg_type, as far as XDP's helpers need it). */
public enum ArgKind {
    /** Any scalar. */
    ANYTHING,
    /** The program's context. */
    CTX,
    /** A map's pointer. */
    CONST_MAP_PTR,
    /** Memory of the map's key size, read. */
    MAP_KEY,
    /** Memory of the map's value size, read. */
    MAP_VALUE,
    /** Memory of the map's value size, written. */
    MAP_VALUE_OUT,
    /** Memory that is read; the next argument is its size. */
    MEM_READ,
    /** The same, or NULL with size 0. */
    MEM_READ_OR_NULL,
    /** Memory that is written; the next argument is its size. */
    MEM_WRITE,
    /** A size above 0 in bytes of the memory in the argument before. */
    CONST_SIZE,
    /** A size of 0 or more. */
    CONST_SIZE_OR_ZERO,
    /** A NUL-terminated string in read-only memory. */
    CONST_STR,
    /** A function of the program. */
    FUNC,
    /** What the program gives to the function, or NULL. */
    STACK_OR_NULL,
    /** Eight writable bytes. */
    LONG_PTR
}
