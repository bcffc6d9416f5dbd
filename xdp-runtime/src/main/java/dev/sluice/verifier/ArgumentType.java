package dev.sluice.verifier;

import dev.sluice.helper.ArgKind;
import java.util.EnumSet;
import java.util.Set;

/** Which kinds of pointer, or a number, a helper takes for an argument, and how Linux names them when it gets another. */
enum ArgumentType {
    ANYTHING("", EnumSet.allOf(RegType.class)),
    CONTEXT("ctx", Set.of(RegType.CTX)),
    MAP("map_ptr", Set.of(RegType.CONST_MAP_PTR)),
    NUMBER("scalar", Set.of(RegType.SCALAR)),
    FUNCTION("func", Set.of(RegType.FUNC)),
    DYNPTR("fp, dynptr_ptr", Set.of(RegType.STACK, RegType.DYNPTR)),
    STACK("fp", Set.of(RegType.STACK)),
    MAP_VALUE("map_value", Set.of(RegType.MAP_VALUE)),
    LOCK("map_value, ptr_", Set.of(RegType.MAP_VALUE)),
    SOCKET(
            "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_",
            Set.of(RegType.SOCKET, RegType.SOCK_COMMON, RegType.TCP_SOCK, RegType.XDP_SOCK)),
    RING_BUFFER_MEMORY("ringbuf_mem", Set.of(RegType.MEM)),
    MEMORY(
            "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_",
            Set.of(
                    RegType.STACK,
                    RegType.PACKET,
                    RegType.PACKET_META,
                    RegType.MAP_KEY,
                    RegType.MAP_VALUE,
                    RegType.MEM));

    /** As the kernel's message lists them. */
    final String text;

    private final Set<RegType> kinds;

    ArgumentType(String text, Set<RegType> kinds) {
        this.text = text;
        this.kinds = EnumSet.copyOf(kinds);
    }

    /** Whether a register is of that type, NULL aside. */
    boolean fits(Reg reg, ArgKind arg) {
        if (!kinds.contains(reg.type)) {
            return false;
        }
        return switch (this) {
            case RING_BUFFER_MEMORY -> reg.ringbuf;
            case MEMORY -> reg.type != RegType.MEM || !reg.readOnly || !arg.writes();
            default -> true;
        };
    }

    static ArgumentType of(ArgKind arg) {
        return switch (arg) {
            case CTX -> CONTEXT;
            case CONST_MAP_PTR -> MAP;
            case CONST_SIZE, CONST_SIZE_OR_ZERO, CONST_ALLOC_SIZE_OR_ZERO -> NUMBER;
            case FUNC -> FUNCTION;
            case DYNPTR, DYNPTR_NEW_LOCAL, DYNPTR_NEW_RINGBUF, DYNPTR_RELEASE_RINGBUF -> ArgumentType.DYNPTR;
            case STACK_OR_NULL -> ArgumentType.STACK;
            case CONST_STR, TIMER -> ArgumentType.MAP_VALUE;
            case SPIN_LOCK -> LOCK;
            case SOCK_COMMON, SOCK_COMMON_RELEASE -> SOCKET;
            case RINGBUF_MEM -> RING_BUFFER_MEMORY;
            case MAP_KEY,
                    MAP_VALUE,
                    MAP_VALUE_OUT,
                    MEM_READ,
                    MEM_READ_OR_NULL,
                    MEM_WRITE,
                    MEM_WRITE_OR_NULL,
                    MEM_READ_WRITE,
                    INT_PTR,
                    LONG_PTR,
                    IPHDR,
                    TCPHDR,
                    IPV6HDR -> MEMORY;
            case ANYTHING,
                    MAP_VALUE_OR_NULL,
                    KPTR,
                    TASK,
                    CGROUP,
                    KERNEL_OBJECT_OR_NULL,
                    PERCPU_KSYM,
                    SCALAR,
                    IGNORED,
                    DYNPTR_NEW_XDP,
                    DYNPTR_NEW_CLONE,
                    SLICE_BUFFER,
                    CONST_SLICE_SIZE,
                    ITER_NEW,
                    ITER,
                    ITER_DESTROY,
                    U16_PTR,
                    U32_PTR,
                    U64_PTR,
                    ADDRESS_PTR,
                    CONNTRACK,
                    CONNTRACK_INIT -> ArgumentType.ANYTHING;
        };
    }
}
