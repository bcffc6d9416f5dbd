package dev.sluice.exec;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Helper;
import dev.sluice.helper.RunContext;
import dev.sluice.map.BpfMap;
import dev.sluice.map.RingBufferMap;

/**
 * Checks the arguments of helper calls in unverified programs by the helper's prototype, so that no implementation ever
 * sees memory that the program does not own.
 */
final class HelperArguments {
    /** The kernel's {@code BPF_MAX_VAR_SIZ}: no size may be larger. */
    private static final long MAX_SIZE = 1L << 29;

    private HelperArguments() {}

    static void check(RunContext context, Helper helper, long r1, long r2, long r3, long r4, long r5, int pc) {
        BpfMap map = null;
        int count = helper.argCount();
        for (int i = 0; i < count; i++) {
            long value = pick(i, r1, r2, r3, r4, r5);
            ArgKind kind = helper.arg(i);
            switch (kind) {
                case ANYTHING, CONST_SIZE, CONST_SIZE_OR_ZERO, CONST_ALLOC_SIZE_OR_ZERO, STACK_OR_NULL -> {}
                case CTX -> {
                    if (value != context.xdpMd) {
                        throw bad(helper, i, pc, "expected the context", value);
                    }
                }
                case CONST_MAP_PTR -> {
                    map = context.map(value);
                    if (map == null) {
                        throw bad(helper, i, pc, "expected a map", value);
                    }
                    if (!helper.takes(map.def().type())) {
                        throw new ProgramFault(
                                ProgramFault.Kind.BAD_ARGUMENT,
                                pc,
                                "cannot pass map_type " + map.def().type().number() + " into func " + helper.cname()
                                        + "#" + helper.number() + ": map="
                                        + map.def().name() + " type="
                                        + map.def().type().bpftoolName());
                    }
                    if (helper.writesMap() && (map.def().flags() & BpfMap.RDONLY_PROG) != 0) {
                        throw new ProgramFault(
                                ProgramFault.Kind.BAD_ARGUMENT,
                                pc,
                                helper.cname() + ": write into map forbidden: map="
                                        + map.def().name() + " is read-only for programs");
                    }
                }
                case MAP_KEY -> memory(context, helper, i, value, map.def().keySize(), false, pc);
                case MAP_VALUE -> memory(context, helper, i, value, map.def().valueSize(), false, pc);
                case MAP_VALUE_OUT ->
                    memory(context, helper, i, value, map.def().valueSize(), true, pc);
                case MAP_VALUE_OR_NULL -> {
                    if (value != 0) {
                        memory(context, helper, i, value, map.def().valueSize(), false, pc);
                    }
                }
                case MEM_READ, MEM_WRITE, MEM_READ_WRITE, MEM_READ_OR_NULL, MEM_WRITE_OR_NULL -> {
                    long size = pick(i + 1, r1, r2, r3, r4, r5);
                    boolean mayBeEmpty = helper.arg(i + 1) == ArgKind.CONST_SIZE_OR_ZERO;
                    if (size < 0 || size > MAX_SIZE || size == 0 && !mayBeEmpty) {
                        throw bad(helper, i + 1, pc, "invalid size of memory", size);
                    }
                    if (kind.orNull() && value == 0) {
                        if (size != 0) {
                            throw bad(helper, i, pc, "null pointer with size=" + size, value);
                        }
                    } else if (size > 0) {
                        memory(context, helper, i, value, size, kind.writes(), pc);
                    }
                }
                case LONG_PTR, INT_PTR, IPHDR, IPV6HDR, TCPHDR ->
                    memory(context, helper, i, value, kind.fixedBytes(), kind.writes(), pc);
                case CONST_STR -> string(context, helper, i, value, pc);
                case FUNC -> {
                    if (FunctionPointer.slotOf(value) < 0) {
                        throw bad(helper, i, pc, "expected a function", value);
                    }
                }
                case SPIN_LOCK -> {
                    if (!context.regions.allows(value, Integer.BYTES, true) || (value & 3) != 0) {
                        throw bad(helper, i, pc, "expected a lock in the value of a map", value);
                    }
                    if (context.heldLock != (helper == Helper.SPIN_LOCK ? 0 : value)) {
                        throw bad(
                                helper,
                                i,
                                pc,
                                "expected " + (helper == Helper.SPIN_LOCK ? "no lock" : "this lock")
                                        + " to be held, held=" + Checks.hex(context.heldLock),
                                value);
                    }
                }
                case SOCK_COMMON, SOCK_COMMON_RELEASE -> {
                    if (!context.network.sockets().isSocket(value)) {
                        throw bad(helper, i, pc, "expected a socket that a look-up gave", value);
                    }
                }
                case RINGBUF_MEM -> {
                    if (RingBufferMap.ofSample(context.maps, value) == null) {
                        throw bad(helper, i, pc, "expected what bpf_ringbuf_reserve gave", value);
                    }
                }
                case TIMER,
                        KPTR,
                        DYNPTR,
                        DYNPTR_NEW_LOCAL,
                        DYNPTR_NEW_RINGBUF,
                        DYNPTR_RELEASE_RINGBUF,
                        TASK,
                        CGROUP,
                        KERNEL_OBJECT_OR_NULL,
                        PERCPU_KSYM ->
                    throw new AssertionError("no helper with such an argument is implemented: " + helper.cname());
            }
        }
    }

    private static void memory(
            RunContext context, Helper helper, int index, long address, long size, boolean write, int pc) {
        if (size > 0 && !context.allows(address, size, write)) {
            throw new ProgramFault(
                    ProgramFault.Kind.BAD_ARGUMENT,
                    pc,
                    helper.cname() + ": R" + (index + 1) + " expected " + size + (write ? " writable" : " readable")
                            + " bytes, address=" + Checks.hex(address));
        }
    }

    private static void string(RunContext context, Helper helper, int index, long address, int pc) {
        if (context.stringLength(address, MAX_SIZE) < 0) {
            throw bad(helper, index, pc, "expected a string that ends in NUL", address);
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

    private static ProgramFault bad(Helper helper, int index, int pc, String what, long value) {
        return new ProgramFault(
                ProgramFault.Kind.BAD_ARGUMENT,
                pc,
                helper.cname() + ": R" + (index + 1) + " " + what + ", value=" + Checks.hex(value));
    }
}
