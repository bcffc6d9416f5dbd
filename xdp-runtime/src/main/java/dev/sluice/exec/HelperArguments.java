package dev.sluice.exec;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Dynptrs;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.RingBufferMap;

/**
 * Checks the arguments of helper calls in unverified programs by the helper's prototype, so that no implementation ever
 * sees memory that the program does not own.
 */
final class HelperArguments {
    /** {@code struct bpf_timer}. */
    private static final int TIMER_BYTES = 16;

    /** The kernel's {@code BPF_MAX_VAR_SIZ}: no size may be larger. */
    private static final long MAX_SIZE = 1L << 29;

    private HelperArguments() {}

    static void check(RunContext context, Callee callee, long r1, long r2, long r3, long r4, long r5, int pc) {
        BpfMap map = null;
        int count = callee.argCount();
        for (int i = 0; i < count; i++) {
            long value = pick(i, r1, r2, r3, r4, r5);
            ArgKind kind = callee.arg(i);
            switch (kind) {
                case ANYTHING,
                        SCALAR,
                        IGNORED,
                        CONST_SIZE,
                        CONST_SIZE_OR_ZERO,
                        CONST_ALLOC_SIZE_OR_ZERO,
                        CONST_SLICE_SIZE,
                        STACK_OR_NULL -> {}
                case CTX -> {
                    if (value != context.xdpMd) {
                        throw bad(callee, i, pc, "expected the context", value);
                    }
                }
                case CONST_MAP_PTR -> {
                    map = context.map(value);
                    if (map == null) {
                        throw bad(callee, i, pc, "expected a map", value);
                    }
                    if (callee instanceof Helper helper
                            && !helper.takes(map.def().type())) {
                        throw new ProgramFault(
                                ProgramFault.Kind.BAD_ARGUMENT,
                                pc,
                                "cannot pass map_type " + map.def().type().number() + " into func " + callee.cname()
                                        + "#" + helper.number() + ": map="
                                        + map.def().name() + " type="
                                        + map.def().type().bpftoolName());
                    }
                    if (callee instanceof Helper helper
                            && helper.writesMap()
                            && (map.def().flags() & BpfMap.RDONLY_PROG) != 0) {
                        throw new ProgramFault(
                                ProgramFault.Kind.BAD_ARGUMENT,
                                pc,
                                callee.cname() + ": write into map forbidden: map="
                                        + map.def().name() + " is read-only for programs");
                    }
                }
                case MAP_KEY -> memory(context, callee, i, value, map.def().keySize(), false, pc);
                case MAP_VALUE -> memory(context, callee, i, value, map.def().valueSize(), false, pc);
                case MAP_VALUE_OUT ->
                    memory(context, callee, i, value, map.def().valueSize(), true, pc);
                case MAP_VALUE_OR_NULL -> {
                    if (value != 0) {
                        memory(context, callee, i, value, map.def().valueSize(), false, pc);
                    }
                }
                case MEM_READ, MEM_WRITE, MEM_READ_WRITE, MEM_READ_OR_NULL, MEM_WRITE_OR_NULL, SLICE_BUFFER -> {
                    long size = pick(i + 1, r1, r2, r3, r4, r5);
                    boolean mayBeEmpty = callee.arg(i + 1) != ArgKind.CONST_SIZE;
                    if (size < 0 || size > MAX_SIZE || size == 0 && !mayBeEmpty) {
                        throw bad(callee, i + 1, pc, "invalid size of memory", size);
                    }
                    if (kind.orNull() && value == 0) {
                        if (size != 0 && kind != ArgKind.SLICE_BUFFER) {
                            throw bad(callee, i, pc, "null pointer with size=" + size, value);
                        }
                    } else if (size > 0) {
                        memory(context, callee, i, value, size, kind.writes(), pc);
                    }
                }
                case LONG_PTR,
                        INT_PTR,
                        IPHDR,
                        IPV6HDR,
                        TCPHDR,
                        U16_PTR,
                        U32_PTR,
                        U64_PTR,
                        ADDRESS_PTR,
                        ITER_NEW,
                        ITER,
                        ITER_DESTROY,
                        DYNPTR_NEW_LOCAL,
                        DYNPTR_NEW_RINGBUF,
                        DYNPTR_NEW_XDP,
                        DYNPTR_NEW_CLONE -> memory(context, callee, i, value, kind.fixedBytes(), kind.writes(), pc);
                case CONST_STR -> string(context, callee, i, value, pc);
                case FUNC -> {
                    if (FunctionPointer.slotOf(value) < 0) {
                        throw bad(callee, i, pc, "expected a function", value);
                    }
                }
                case SPIN_LOCK -> {
                    if (!context.regions.allows(value, Integer.BYTES, true) || (value & 3) != 0) {
                        throw bad(callee, i, pc, "expected a lock in the value of a map", value);
                    }
                    if (context.heldLock != (callee == Helper.SPIN_LOCK ? 0 : value)) {
                        throw bad(
                                callee,
                                i,
                                pc,
                                "expected " + (callee == Helper.SPIN_LOCK ? "no lock" : "this lock")
                                        + " to be held, held=" + Checks.hex(context.heldLock),
                                value);
                    }
                }
                case CONNTRACK, CONNTRACK_INIT -> {
                    boolean confirmed = kind == ArgKind.CONNTRACK;
                    if (!context.network.connections().isConnection(value, confirmed)) {
                        throw bad(
                                callee,
                                i,
                                pc,
                                "expected a connection that is " + (confirmed ? "" : "not ") + "in the table",
                                value);
                    }
                }
                case TIMER -> {
                    if (!context.regions.allows(value, TIMER_BYTES, true) || (value & 7) != 0) {
                        throw bad(callee, i, pc, "expected a timer in the value of a map", value);
                    }
                }
                case SOCK_COMMON, SOCK_COMMON_RELEASE -> {
                    if (!context.network.sockets().isSocket(value)) {
                        throw bad(callee, i, pc, "expected a socket that a look-up gave", value);
                    }
                }
                case RINGBUF_MEM -> {
                    if (RingBufferMap.ofSample(context.maps, value) == null) {
                        throw bad(callee, i, pc, "expected what bpf_ringbuf_reserve gave", value);
                    }
                }
                case DYNPTR, DYNPTR_RELEASE_RINGBUF -> {
                    // a callback's lies where programs cannot write
                    boolean written = !context.isKey(value, kind.fixedBytes()) || kind != ArgKind.DYNPTR;
                    memory(context, callee, i, value, kind.fixedBytes(), written, pc);
                    boolean valid =
                            Dynptrs.isValid(context, value) && (kind == ArgKind.DYNPTR || Dynptrs.isRingbuf(value));
                    if (!valid) {
                        throw bad(callee, i, pc, "expected an initialised dynptr", value);
                    }
                }
                case KPTR, TASK, CGROUP, KERNEL_OBJECT_OR_NULL, PERCPU_KSYM ->
                    throw new AssertionError("no helper with such an argument is implemented: " + callee.cname());
            }
        }
    }

    private static void memory(
            RunContext context, Callee callee, int index, long address, long size, boolean write, int pc) {
        if (size > 0 && !context.allows(address, size, write)) {
            throw new ProgramFault(
                    ProgramFault.Kind.BAD_ARGUMENT,
                    pc,
                    callee.cname() + ": R" + (index + 1) + " expected " + size + (write ? " writable" : " readable")
                            + " bytes, address=" + Checks.hex(address));
        }
    }

    private static void string(RunContext context, Callee callee, int index, long address, int pc) {
        if (context.stringLength(address, MAX_SIZE) < 0) {
            throw bad(callee, index, pc, "expected a string that ends in NUL", address);
        }
    }

    private static long pick(int index, long r1, long r2, long r3, long r4, long r5) {
        return switch (index) {
            case 0 -> r1;
            case 1 -> r2;
            case 2 -> r3;
            case 3 -> r4;
            default -> r5;
        };
    }

    private static ProgramFault bad(Callee callee, int index, int pc, String what, long value) {
        return new ProgramFault(
                ProgramFault.Kind.BAD_ARGUMENT,
                pc,
                callee.cname() + ": R" + (index + 1) + " " + what + ", value=" + Checks.hex(value));
    }
}
