package dev.sluice.helper;

/** What a helper gives back in r0 (the kernel's enum bpf_return_type, as far as XDP's helpers need it). */
public enum ReturnKind {
    INTEGER,
    VOID,
    MAP_VALUE_OR_NULL,
    /** Reserved bytes of a ring buffer, as many as the call asked for; the program has to give them back. */
    RINGBUF_MEM_OR_NULL,
    /** Bytes of a dynptr, as many as the call asked for. */
    DYNPTR_MEM_OR_NULL,
    /** {@code struct bpf_sock}; the program has to release it. */
    SOCKET_OR_NULL,
    /** {@code struct bpf_sock} that may be no full socket; the program has to release it. */
    SOCK_COMMON_OR_NULL,
    /** A structure of the kernel, readable by BTF. */
    BTF_POINTER,
    BTF_POINTER_OR_NULL,
    /** A per-CPU variable of the kernel. */
    PERCPU_KSYM,
    PERCPU_KSYM_OR_NULL
}
