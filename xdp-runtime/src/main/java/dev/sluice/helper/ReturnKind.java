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
    PERCPU_KSYM_OR_NULL,
    /** Bytes of a dynptr, as many as the call asked for, to be read; maybe those of the buffer that it was given. */
    SLICE_OR_NULL,
    /** The same, to be read and written. */
    SLICE_RDWR_OR_NULL,
    /** The number at which an iterator is: four bytes in the iterator itself. */
    ITER_INT_OR_NULL,
    /** {@code struct nf_conn}; the program has to release it. */
    CONNTRACK_OR_NULL,
    /** {@code struct nf_conn___init}; the program has to insert it. */
    CONNTRACK_INIT_OR_NULL;

    /** Whether the result may be an address that an argument had. */
    public boolean mayBeArgument() {
        return this == SLICE_OR_NULL || this == SLICE_RDWR_OR_NULL || this == ITER_INT_OR_NULL;
    }
}
