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
 * sees memory that the program does not own. All of a call's at once, and single ones for compiled code that knows the
 * others to be right. Notes what of the stacks the helper will write. On the queue's thread; allocates only for a fault.
 */
public final class HelperArguments {
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
                case CTX -> context(context, value, callee, i, pc);
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
                case MAP_KEY -> memory(context, value, map.def().keySize(), false, callee, i, pc);
                case MAP_VALUE -> memory(context, value, map.def().valueSize(), false, callee, i, pc);
                case MAP_VALUE_OUT -> memory(context, value, map.def().valueSize(), true, callee, i, pc);
                case MAP_VALUE_OR_NULL -> {
                    if (value != 0) {
                        memory(context, value, map.def().valueSize(), false, callee, i, pc);
                    }
                }
                case MEM_READ, MEM_WRITE, MEM_READ_WRITE, MEM_READ_OR_NULL, MEM_WRITE_OR_NULL, SLICE_BUFFER -> {
                    long size = pick(i + 1, r1, r2, r3, r4, r5);
                    boolean mayBeEmpty = callee.arg(i + 1) != ArgKind.CONST_SIZE;
                    if (kind.orNull()) {
                        sizedOrNull(context, value, size, mayBeEmpty, kind.writes(), callee, i, pc);
                    } else {
                        sized(context, value, size, mayBeEmpty, kind.writes(), callee, i, pc);
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
                        DYNPTR_NEW_CLONE -> memory(context, value, kind.fixedBytes(), kind.writes(), callee, i, pc);
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
                case DYNPTR -> {
                    // a callback's lies where programs cannot write
                    boolean written = !context.isKey(value, kind.fixedBytes());
                    memory(context, value, kind.fixedBytes(), written, callee, i, pc);
                    dynptr(context, value, callee, i, pc);
                }
                case DYNPTR_RELEASE_RINGBUF -> {
                    memory(context, value, kind.fixedBytes(), true, callee, i, pc);
                    if (!Dynptrs.isValid(context, value) || !Dynptrs.isRingbuf(value)) {
                        throw badDynptr(value, callee, i, pc);
                    }
                }
                case KPTR, TASK, CGROUP, KERNEL_OBJECT_OR_NULL, PERCPU_KSYM ->
                    throw new AssertionError("no helper with such an argument is implemented: " + callee.cname());
            }
        }
    }

    /** Checks that an argument is the program's context. */
    public static void context(RunContext context, long value, Callee callee, int index, int pc) {
        if (value != context.xdpMd) {
            throw bad(callee, index, pc, "expected the context", value);
        }
    }

    /**
     * Checks that an argument is memory of some bytes.
     *
     * @param size 0 or more
     * @param index of the argument, 0 for r1
     */
    public static void memory(
            RunContext context, long address, long size, boolean write, Callee callee, int index, int pc) {
        if (size <= 0) {
            return;
        }
        if (!context.allows(address, size, write)) {
            throw badMemory(address, size, write, callee, index, pc);
        }
        if (write) {
            context.soilMemory(address, size);
        }
    }

    /** Checks that an argument is memory of as many bytes as the next one says, which may be none or not. */
    public static void sized(
            RunContext context,
            long address,
            long size,
            boolean mayBeEmpty,
            boolean write,
            Callee callee,
            int index,
            int pc) {
        size(size, mayBeEmpty, callee, index, pc);
        memory(context, address, size, write, callee, index, pc);
    }

    /** The same of memory that need not be there. */
    public static void sizedOrNull(
            RunContext context,
            long address,
            long size,
            boolean mayBeEmpty,
            boolean write,
            Callee callee,
            int index,
            int pc) {
        size(size, mayBeEmpty, callee, index, pc);
        if (address != 0) {
            memory(context, address, size, write, callee, index, pc);
        } else if (size != 0 && callee.arg(index) != ArgKind.SLICE_BUFFER) {
            throw bad(callee, index, pc, "null pointer with size=" + size, 0);
        }
    }

    private static void size(long size, boolean mayBeEmpty, Callee callee, int index, int pc) {
        if (size < 0 || size > MAX_SIZE || size == 0 && !mayBeEmpty) {
            throw bad(callee, index + 1, pc, "invalid size of memory", size);
        }
    }

    /** Checks that 16 bytes that the program may touch are an initialised dynptr. */
    public static void dynptr(RunContext context, long dynptr, Callee callee, int index, int pc) {
        if (!Dynptrs.isOfPacket(context, dynptr)) {
            otherDynptr(context, dynptr, callee, index, pc);
        }
    }

    private static void otherDynptr(RunContext context, long dynptr, Callee callee, int index, int pc) {
        if (!Dynptrs.isValid(context, dynptr)) {
            throw badDynptr(dynptr, callee, index, pc);
        }
        Dynptrs.soil(context, dynptr);
    }

    private static ProgramFault badDynptr(long dynptr, Callee callee, int index, int pc) {
        return bad(callee, index, pc, "expected an initialised dynptr", dynptr);
    }

    private static ProgramFault badMemory(long address, long size, boolean write, Callee callee, int index, int pc) {
        return new ProgramFault(
                ProgramFault.Kind.BAD_ARGUMENT,
                pc,
                callee.cname() + ": R" + (index + 1) + " expected " + size + (write ? " writable" : " readable")
                        + " bytes, address=" + Checks.hex(address));
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
