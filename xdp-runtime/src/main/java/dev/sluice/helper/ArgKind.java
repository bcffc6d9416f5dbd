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
    /** The same, or NULL. */
    MAP_VALUE_OR_NULL,
    /** Memory of the map's value size, written. */
    MAP_VALUE_OUT,
    /** Memory that is read; the next argument is its size. */
    MEM_READ,
    /** The same, or NULL with size 0. */
    MEM_READ_OR_NULL,
    /** Memory that is written, and may be uninitialised; the next argument is its size. */
    MEM_WRITE,
    /** The same, or NULL with size 0. */
    MEM_WRITE_OR_NULL,
    /** Memory that is read and written; the next argument is its size. */
    MEM_READ_WRITE,
    /** A size above 0 in bytes of the memory in the argument before. */
    CONST_SIZE,
    /** A size of 0 or more. */
    CONST_SIZE_OR_ZERO,
    /** A constant: bytes of the memory that the helper gives back. */
    CONST_ALLOC_SIZE_OR_ZERO,
    /** A NUL-terminated string in read-only memory. */
    CONST_STR,
    /** A function of the program. */
    FUNC,
    /** What the program gives to the function: an address in its stack, or NULL. */
    STACK_OR_NULL,
    /** Eight aligned bytes, written, and may be uninitialised. */
    LONG_PTR,
    /** Four aligned bytes, read and written. */
    INT_PTR,
    /** {@code struct iphdr}, read. */
    IPHDR,
    /** {@code struct ipv6hdr}, read. */
    IPV6HDR,
    /** {@code struct tcphdr}, read. */
    TCPHDR,
    /** The {@code struct bpf_spin_lock} of a map's value. */
    SPIN_LOCK,
    /** The {@code struct bpf_timer} of a map's value. */
    TIMER,
    /** A kernel pointer of a map's value. */
    KPTR,
    /** What {@code bpf_ringbuf_reserve} gave; the call takes it away. */
    RINGBUF_MEM,
    /** A socket that a look-up gave. */
    SOCK_COMMON,
    /** The same; the call takes it away. */
    SOCK_COMMON_RELEASE,
    /** {@code struct bpf_dynptr} on the stack, initialised. */
    DYNPTR,
    /** The same, uninitialised; the call makes it one over memory. */
    DYNPTR_NEW_LOCAL,
    /** The same, uninitialised; the call makes it one in a ring buffer, even when it fails. */
    DYNPTR_NEW_RINGBUF,
    /** A ring buffer's; the call takes it away. */
    DYNPTR_RELEASE_RINGBUF,
    /** A pointer to a {@code struct task_struct} of the kernel. */
    TASK,
    /** A pointer to a {@code struct cgroup} of the kernel. */
    CGROUP,
    /** A pointer to a structure of the kernel, or NULL; the call takes it away. */
    KERNEL_OBJECT_OR_NULL,
    /** A pointer to a per-CPU variable of the kernel. */
    PERCPU_KSYM,
    /** A number, of which a kernel function uses as many bits as its type has. */
    SCALAR,
    /** Anything at all: the function finds out what it is. */
    IGNORED,
    /** An uninitialised {@code struct bpf_dynptr}; the call makes it one over the packet. */
    DYNPTR_NEW_XDP,
    /** The same; the call makes it a copy of the one before. */
    DYNPTR_NEW_CLONE,
    /** Memory of the size in the next argument, or NULL, for the bytes of a slice that are not in one piece. */
    SLICE_BUFFER,
    /** A constant: the size of the slice. */
    CONST_SLICE_SIZE,
    /** An iterator on the stack, uninitialised; the call begins it. */
    ITER_NEW,
    /** An iterator that was begun. */
    ITER,
    /** The same; the call ends it. */
    ITER_DESTROY,
    /** Two bytes, read and written. */
    U16_PTR,
    /** Four bytes, read and written. */
    U32_PTR,
    /** Eight bytes, read and written. */
    U64_PTR,
    /** {@code union nf_inet_addr}, read and written. */
    ADDRESS_PTR,
    /** A connection that is tracked. */
    CONNTRACK,
    /** A connection that is not in the table yet. */
    CONNTRACK_INIT;

    /** Bytes of {@code struct bpf_dynptr}. */
    public static final int DYNPTR_BYTES = 16;

    /** Bytes of memory of a fixed size, 0 for the other kinds. */
    public int fixedBytes() {
        return switch (this) {
            case LONG_PTR, U64_PTR, ITER_NEW, ITER, ITER_DESTROY -> Long.BYTES;
            case INT_PTR, U32_PTR -> Integer.BYTES;
            case U16_PTR -> Short.BYTES;
            case ADDRESS_PTR,
                    DYNPTR,
                    DYNPTR_NEW_LOCAL,
                    DYNPTR_NEW_RINGBUF,
                    DYNPTR_NEW_XDP,
                    DYNPTR_NEW_CLONE,
                    DYNPTR_RELEASE_RINGBUF -> DYNPTR_BYTES;
            case IPHDR, TCPHDR -> 20;
            case IPV6HDR -> 40;
            default -> 0;
        };
    }

    /** Whether the next argument is the memory's size. */
    public boolean hasSize() {
        return switch (this) {
            case MEM_READ, MEM_READ_OR_NULL, MEM_WRITE, MEM_WRITE_OR_NULL, MEM_READ_WRITE, SLICE_BUFFER -> true;
            default -> false;
        };
    }

    /** Whether the helper writes to the memory. */
    public boolean writes() {
        return switch (this) {
            case MEM_WRITE,
                    MEM_WRITE_OR_NULL,
                    MEM_READ_WRITE,
                    MAP_VALUE_OUT,
                    LONG_PTR,
                    INT_PTR,
                    DYNPTR,
                    DYNPTR_NEW_LOCAL,
                    DYNPTR_NEW_RINGBUF,
                    DYNPTR_RELEASE_RINGBUF,
                    DYNPTR_NEW_XDP,
                    DYNPTR_NEW_CLONE,
                    SLICE_BUFFER,
                    ITER_NEW,
                    ITER,
                    ITER_DESTROY,
                    U16_PTR,
                    U32_PTR,
                    U64_PTR,
                    ADDRESS_PTR -> true;
            default -> false;
        };
    }

    /** Whether NULL will do. */
    public boolean orNull() {
        return switch (this) {
            case MEM_READ_OR_NULL,
                    MEM_WRITE_OR_NULL,
                    MAP_VALUE_OR_NULL,
                    STACK_OR_NULL,
                    KERNEL_OBJECT_OR_NULL,
                    SLICE_BUFFER -> true;
            default -> false;
        };
    }
}
