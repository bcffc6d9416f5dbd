package dev.sluice.verifier;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Helper;
import dev.sluice.helper.ReturnKind;
import dev.sluice.map.MapType;
import java.util.HashMap;
import java.util.Map;

/** Calls of the kernel's helpers: what each argument must be, and what is true afterwards. */
final class HelperCalls {
    private static final String MEMORY = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";
    private static final String SOCKETS = "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_";
    private static final long MAX_SIZE = 1 << 29;

    private static final int NO_INLINE = -1;

    /** Of error numbers. */
    private static final int MAX_ERROR = 4095;

    private final Run run;

    // what the arguments of the call at hand were
    private Helper helper;
    private KnownMap map;
    private int mapUid;
    private long constantKey;
    private int callback;
    private long allocated;

    /** The most that the size of memory may be. */
    private long greatestSize;

    private int ref;
    private boolean releases;
    private StackObject.Dynptr dynptr;

    /** The dynptr argument that is taken away, 0 for none. */
    private int released;

    /** The argument whose stack memory the helper fills, and how much of it; 0 for none. */
    private int filled;

    private int filledBytes;

    /** By the slot of a loop's call, the function that it calls, or {@link #NO_INLINE}. */
    private final Map<Integer, Integer> loops = new HashMap<>();

    HelperCalls(Run run) {
        this.run = run;
    }

    void call(int i) {
        int number = run.layout.imm[i];
        Helper helper = Helper.of(number);
        if (helper == null) {
            if (number < 0 || number > 211) {
                throw run.reject("invalid func " + HelperNames.of(number) + "#" + number);
            }
            throw run.reject("program of this type cannot use helper " + HelperNames.of(number) + "#" + number);
        }
        if (helper == Helper.COPY_FROM_USER || helper == Helper.COPY_FROM_USER_TASK) {
            throw run.reject("helper call might sleep in a non-sleepable prog");
        }
        if (helper.gplOnly() && !run.subject.gplCompatible()) {
            throw run.reject("cannot call GPL-restricted function from non-GPL compatible program");
        }
        this.helper = helper;
        map = null;
        mapUid = 0;
        constantKey = -1;
        ref = 0;
        releases = false;
        dynptr = null;
        released = 0;
        filled = 0;
        for (int arg = 0; arg < helper.argCount(); arg++) {
            argument(helper, arg);
        }
        recordMap(helper);
        if (filled != 0) {
            for (int b = 0; b < filledBytes; b++) {
                run.memory.access(Access.storeOfUnknown(filled, b, 1));
            }
        }
        if (released != 0) {
            run.objects.releaseDynptr(released, dynptr);
        } else if (releases) {
            release();
        }
        if (helper == Helper.DYNPTR_FROM_MEM && run.reg(1).type != RegType.MAP_VALUE) {
            throw run.reject("Unsupported reg type " + StatePrinter.name(run.reg(1)) + " for bpf_dynptr_from_mem data");
        }
        if (helper == Helper.TAIL_CALL) {
            run.calls.requireNothingHeld("tail_call", false);
        } else if (helper == Helper.LOOP) {
            loop(i);
        } else if (helper == Helper.FOR_EACH_MAP_ELEM) {
            forEach(i);
        } else if (helper == Helper.USER_RINGBUF_DRAIN) {
            drain(i);
        } else if (helper == Helper.TIMER_SET_CALLBACK) {
            timerCallback(i);
        } else if (helper.callsBack()) {
            throw unsupported(helper);
        }
        KnownMap used = map;
        run.clearCallerSaved(run.state.frame());
        result(helper, i);
        if (used != null) {
            requireCompatible(used, helper);
        }
        if (helper.movesPacket() && helper != Helper.TAIL_CALL) {
            run.state.forgetPacket();
        }
    }

    private static UnsupportedException unsupported(Helper helper) {
        return new UnsupportedException("helper " + helper.cname());
    }

    // --- arguments

    private void argument(Helper helper, int index) {
        int number = index + 1;
        ArgKind arg = helper.arg(index);
        if (arg == ArgKind.MAP_VALUE && holdsSockets(map)) {
            arg = ArgKind.SOCK_COMMON;
        } else if (arg == ArgKind.MAP_VALUE_OUT && map.def().type() == MapType.BLOOM_FILTER) {
            arg = ArgKind.MAP_VALUE; // asked for, not given
        }
        run.requireReadable(number);
        if (arg == ArgKind.ANYTHING) {
            return;
        }
        Reg reg = run.reg(number);
        if (reg.type.isPacket() && !reg.orNull && !helper.takesPacket()) {
            throw run.reject("helper access to the packet is not allowed");
        }
        if (!(reg.isNull() && arg.orNull())) {
            requireType(reg, number, arg);
            requireOffset(reg, number, arg);
        }
        if (arg == ArgKind.DYNPTR_RELEASE_RINGBUF) {
            run.objects.requireReferenced(number);
        }
        if (arg == ArgKind.SOCK_COMMON_RELEASE || arg == ArgKind.RINGBUF_MEM) {
            if (reg.ref == 0 && !reg.isNull()) {
                throw run.reject("R" + number + " must be referenced when passed to release function");
            }
            releases = true;
        }
        if (reg.ref != 0) {
            if (ref != 0) {
                throw run.reject("more than one arg with ref_obj_id R" + number + " " + reg.ref + " " + ref);
            }
            ref = reg.ref;
        }
        check(helper, arg, index, reg);
    }

    private static boolean holdsSockets(KnownMap map) {
        return map.def().type() == MapType.SOCKMAP || map.def().type() == MapType.SOCKHASH;
    }

    private void check(Helper helper, ArgKind arg, int index, Reg reg) {
        int number = index + 1;
        switch (arg) {
            case CONST_MAP_PTR -> {
                if (map != null && (!map.equals(reg.map) || mapUid != reg.mapUid)) {
                    throw run.reject("timer pointer in R1 map_uid=" + mapUid
                            + " doesn't match map pointer in R2 map_uid=" + reg.mapUid);
                }
                map = reg.map;
                mapUid = reg.mapUid;
            }
            case MAP_KEY -> {
                memory(number, Integer.toUnsignedLong(map.def().keySize()), false, false, false);
                if (map.def().type() == MapType.ARRAY || map.def().type() == MapType.PERCPU_ARRAY) {
                    constantKey = constantKey(reg, map.def().keySize());
                }
            }
            case MAP_VALUE -> memory(number, Integer.toUnsignedLong(map.def().valueSize()), false, false, false);
            case MAP_VALUE_OUT ->
                memory(number, Integer.toUnsignedLong(map.def().valueSize()), true, false, true);
            case FUNC -> callback = reg.subprog;
            case CONST_SIZE -> size(number, reg, helper.arg(index - 1), false);
            case CONST_SIZE_OR_ZERO -> size(number, reg, helper.arg(index - 1), true);
            case CONST_ALLOC_SIZE_OR_ZERO -> {
                if (!reg.isConst()) {
                    throw run.reject("R" + number + " is not a known constant'");
                }
                allocated = reg.bits.value();
                run.precision.mark(number);
            }
            case CONST_STR -> constantString(reg, number);
            case INT_PTR, LONG_PTR -> {
                memory(number, arg.fixedBytes(), true, false, arg == ArgKind.LONG_PTR);
                aligned(reg, arg.fixedBytes());
            }
            case IPHDR, IPV6HDR, TCPHDR -> memory(number, arg.fixedBytes(), false, false, false);
            case DYNPTR -> {
                dynptr = run.objects.useDynptr(number, false);
                ref = dynptr.ref();
            }
            case DYNPTR_RELEASE_RINGBUF -> {
                dynptr = run.objects.useDynptr(number, true);
                if (dynptr.memory() != StackObject.Memory.RINGBUF) {
                    throw run.reject("Expected a dynptr of type ringbuf as arg #" + index);
                }
                ref = 0;
                releases = true;
                released = number;
            }
            case DYNPTR_NEW_LOCAL -> run.objects.makeDynptr(number, StackObject.Memory.LOCAL, run.insn, 0);
            case DYNPTR_NEW_RINGBUF -> run.objects.makeDynptr(number, StackObject.Memory.RINGBUF, run.insn, 0);
            case SPIN_LOCK -> run.locks.spinLock(reg, number, helper == Helper.SPIN_LOCK);
            case TIMER -> {
                run.locks.requireTimer(reg, number);
                map = reg.map;
                mapUid = reg.mapUid;
            }
            case MAP_VALUE_OR_NULL,
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
                    CONNTRACK_INIT -> throw unsupported(helper);
            case ANYTHING,
                    CTX,
                    MEM_READ,
                    MEM_READ_OR_NULL,
                    MEM_WRITE,
                    MEM_WRITE_OR_NULL,
                    MEM_READ_WRITE,
                    STACK_OR_NULL,
                    SOCK_COMMON,
                    SOCK_COMMON_RELEASE,
                    RINGBUF_MEM -> {}
        }
    }

    private void aligned(Reg reg, int bytes) {
        Tnum address = reg.bits.add(Tnum.of(reg.off));
        if (!address.isAligned(bytes)) {
            String kind = switch (reg.type) {
                case STACK -> "stack ";
                case MAP_VALUE -> "value ";
                case MAP_KEY -> "key ";
                case NOT_INIT,
                        SCALAR,
                        CTX,
                        CONST_MAP_PTR,
                        PACKET_META,
                        PACKET,
                        PACKET_END,
                        SOCKET,
                        SOCK_COMMON,
                        TCP_SOCK,
                        MEM,
                        FUNC,
                        XDP_SOCK,
                        DYNPTR,
                        OBJECT -> "";
            };
            throw run.reject("misaligned " + kind + "access off " + StatePrinter.text(reg.bits) + "+" + reg.off
                    + "+0 size " + bytes);
        }
    }

    private void requireType(Reg reg, int number, ArgKind arg) {
        boolean strict = !arg.orNull() && reg.orNull;
        boolean fits = !strict
                && switch (arg) {
                    case CTX -> reg.type == RegType.CTX;
                    case CONST_MAP_PTR -> reg.type == RegType.CONST_MAP_PTR;
                    case CONST_SIZE, CONST_SIZE_OR_ZERO, CONST_ALLOC_SIZE_OR_ZERO -> reg.type == RegType.SCALAR;
                    case FUNC -> reg.type == RegType.FUNC;
                    case DYNPTR, DYNPTR_NEW_LOCAL, DYNPTR_NEW_RINGBUF, DYNPTR_RELEASE_RINGBUF ->
                        reg.type == RegType.STACK || reg.type == RegType.DYNPTR;
                    case STACK_OR_NULL -> reg.type == RegType.STACK;
                    case CONST_STR, SPIN_LOCK, TIMER -> reg.type == RegType.MAP_VALUE;
                    case SOCK_COMMON -> reg.type.isSocket();
                    case SOCK_COMMON_RELEASE -> reg.type.isSocket();
                    case RINGBUF_MEM -> reg.type == RegType.MEM && reg.ringbuf;
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
                            IPV6HDR ->
                        switch (reg.type) {
                            case STACK, PACKET, PACKET_META, MAP_KEY, MAP_VALUE -> true;
                            case MEM -> !reg.readOnly || !arg.writes();
                            case NOT_INIT,
                                    SCALAR,
                                    CTX,
                                    CONST_MAP_PTR,
                                    PACKET_END,
                                    SOCKET,
                                    SOCK_COMMON,
                                    TCP_SOCK,
                                    FUNC,
                                    XDP_SOCK,
                                    DYNPTR,
                                    OBJECT -> false;
                        };
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
                            CONNTRACK_INIT -> true;
                };
        if (fits) {
            return;
        }
        String expected = switch (arg) {
            case CTX -> "ctx";
            case CONST_MAP_PTR -> "map_ptr";
            case CONST_SIZE, CONST_SIZE_OR_ZERO, CONST_ALLOC_SIZE_OR_ZERO -> "scalar";
            case FUNC -> "func";
            case DYNPTR, DYNPTR_NEW_LOCAL, DYNPTR_NEW_RINGBUF, DYNPTR_RELEASE_RINGBUF -> "fp, dynptr_ptr";
            case STACK_OR_NULL -> "fp";
            case CONST_STR, TIMER -> "map_value";
            case SPIN_LOCK -> "map_value, ptr_";
            case SOCK_COMMON, SOCK_COMMON_RELEASE -> SOCKETS;
            case RINGBUF_MEM -> "ringbuf_mem";
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
                    CONNTRACK_INIT,
                    MAP_KEY,
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
        };
        throw run.reject("R" + number + " type=" + StatePrinter.name(reg) + " expected=" + expected);
    }

    void requireOffset(Reg reg, int number, ArgKind arg) {
        boolean released = arg == ArgKind.SOCK_COMMON_RELEASE || arg == ArgKind.RINGBUF_MEM;
        boolean anyOffset = switch (reg.type) {
            case STACK, PACKET, PACKET_META, MAP_KEY, MAP_VALUE, MEM, SCALAR -> true;
            case NOT_INIT,
                    CTX,
                    CONST_MAP_PTR,
                    PACKET_END,
                    SOCKET,
                    SOCK_COMMON,
                    TCP_SOCK,
                    FUNC,
                    XDP_SOCK,
                    DYNPTR,
                    OBJECT -> false;
        };
        if (released && reg.off != 0) {
            throw run.reject(
                    "R" + number + " must have zero offset when passed to release func or trusted arg to kfunc");
        }
        if (released || !anyOffset) {
            run.rules.requireUnmodified(reg, number);
        }
    }

    void size(int number, Reg reg, ArgKind memory, boolean zeroAllowed) {
        if (reg.smin < 0) {
            throw run.reject("R" + number + " min value is negative, either use unsigned or 'var &= const'");
        }
        if (reg.umin == 0 && !zeroAllowed) {
            throw run.reject("R" + number + " invalid zero-sized read: u64=[" + reg.umin + "," + reg.umax + "]");
        }
        if (Long.compareUnsigned(reg.umax, MAX_SIZE) >= 0) {
            throw run.reject("R" + number + " unbounded memory access, use 'var &= const' or 'if (var < const)'");
        }
        greatestSize = reg.umax;
        boolean fills = reg.isConst() && (memory == ArgKind.MEM_WRITE || memory == ArgKind.MEM_WRITE_OR_NULL);
        memory(number - 1, reg.umax, memory.writes(), zeroAllowed, fills);
        run.precision.mark(number);
    }

    /**
     * Memory of a known greatest size.
     *
     * @param fills whether all of it is written and need not have been before
     */
    void memory(int number, long bytes, boolean write, boolean zeroAllowed, boolean fills) {
        Reg reg = run.reg(number);
        switch (reg.orNull ? RegType.NOT_INIT : reg.type) {
            case PACKET, PACKET_META -> run.rules.requirePacket(number, reg.off, bytes, zeroAllowed);
            case MAP_KEY -> {
                if (write) {
                    throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
                }
                run.rules.requireRegion(number, reg.off, bytes, reg.map.def().keySize(), false);
            }
            case MAP_VALUE -> run.rules.requireMapAccess(number, reg.off, bytes, write, zeroAllowed, false);
            case MEM -> {
                if (write && reg.readOnly) {
                    throw run.reject("R" + number + " cannot write into " + StatePrinter.name(reg));
                }
                run.rules.requireRegion(number, reg.off, bytes, reg.memBytes, zeroAllowed);
            }
            case STACK -> {
                if (fills && reg.isConst() && (bytes > 0 || zeroAllowed)) {
                    run.stack.requireWithin(number, reg.off, bytes, true);
                    run.stack.requireNoDynptr(reg, bytes);
                    filled = number;
                    filledBytes = (int) bytes;
                } else {
                    run.stack.requireInitialized(number, reg.off, bytes, zeroAllowed, write);
                    run.stack.touch(number, reg.off, bytes, write);
                }
            }
            case NOT_INIT,
                    SCALAR,
                    CTX,
                    CONST_MAP_PTR,
                    PACKET_END,
                    SOCKET,
                    SOCK_COMMON,
                    TCP_SOCK,
                    FUNC,
                    XDP_SOCK,
                    DYNPTR,
                    OBJECT -> {
                if (zeroAllowed && bytes == 0 && reg.isNull()) {
                    return;
                }
                throw run.reject("R" + number + " type=" + StatePrinter.name(reg) + " expected=fp");
            }
        }
    }

    /** Memory that a global function may read and write. */
    void requireMemory(int number, int bytes) {
        memory(number, bytes, false, true, false);
        memory(number, bytes, true, true, false);
    }

    private void constantString(Reg reg, int number) {
        if (!reg.map.isConstant()) {
            throw run.reject("R" + number + " does not point to a readonly map'");
        }
        if (!reg.isConst()) {
            throw run.reject("R" + number + " is not a constant address'");
        }
        int size = reg.map.def().valueSize();
        run.rules.requireMapAccess(number, reg.off, size - reg.off, false, false, false);
        for (int at = (int) (reg.off + reg.bits.value()); at < size; at++) {
            if (reg.map.contents()[at] == 0) {
                return;
            }
        }
        throw run.reject("string is not zero-terminated");
    }

    /** The key on the stack, if it is a known number: an array's element surely exists then. Else -1. */
    private long constantKey(Reg key, int bytes) {
        if (key.type != RegType.STACK || !key.isConst()) {
            return -1;
        }
        Frame frame = run.state.frames[key.frame];
        int at = (int) -(key.off + key.bits.value()) - 1;
        int slot = at / 8;
        int index = at % 8;
        int zeros = 0;
        for (int i = index; i >= 0 && frame.kind(slot, i) == Frame.ZERO; i--) {
            zeros++;
        }
        if (zeros >= bytes) {
            run.trustSlot(frame, slot);
            return 0;
        }
        if (!frame.isScalarSpill(slot)) {
            return -1;
        }
        int spilled = 0;
        for (int i = index; i >= 0 && frame.kind(slot, i) == Frame.SPILL; i--) {
            spilled++;
        }
        Reg value = frame.spills[slot];
        if (spilled != bytes || !value.isConst()) {
            return -1;
        }
        run.precision.markSlot(key.frame, slot);
        run.trustSlot(frame, slot);
        return value.bits.value();
    }

    // --- maps

    private void recordMap(Helper helper) {
        if (map != null && helper.writesMap() && !map.canWrite()) {
            throw run.reject("write into map forbidden");
        }
        if (helper == Helper.TAIL_CALL && map != null) {
            if (map.def().type() != MapType.PROG_ARRAY) {
                // the kernel forgets the line end
                run.log.add("expected prog array map for tail call");
                throw new RejectedException("expected prog array map for tail call");
            }
            Reg index = run.reg(3);
            if (index.type == RegType.SCALAR
                    && index.isConst()
                    && Long.compareUnsigned(
                                    index.bits.value(),
                                    Integer.toUnsignedLong(map.def().maxEntries()))
                            < 0) {
                run.precision.mark(3);
            }
        }
    }

    private void requireCompatible(KnownMap used, Helper helper) {
        MapType type = used.def().type();
        if (!helper.takes(type)) {
            throw run.reject(
                    "cannot pass map_type " + type.number() + " into func " + helper.cname() + "#" + helper.number());
        }
    }

    // --- afterwards

    private void release() {
        if (ref == 0 || !release(ref)) {
            throw run.reject("func " + HelperNames.of(run.layout.imm[run.insn]) + "#" + run.layout.imm[run.insn]
                    + " reference has not been acquired before");
        }
    }

    /** A reference is given back: what holds it is nothing any more. False if there is none such. */
    boolean release(int released) {
        if (!run.state.release(released)) {
            return false;
        }
        run.state.change(reg -> reg.ref == released, Reg::setUnknown);
        return true;
    }

    private void result(Helper helper, int insn) {
        Reg r0 = run.reg(0);
        switch (helper.returns()) {
            case INTEGER -> {
                r0.setUnknown();
                refine(helper, r0);
            }
            case VOID -> r0.setNotInit();
            case MAP_VALUE_OR_NULL -> {
                r0.setPointer(RegType.MAP_VALUE);
                r0.map = map;
                r0.mapUid = mapUid;
                if (helper == Helper.MAP_LOOKUP_ELEM && holdsSockets(map)) {
                    acquire(r0, insn);
                    return;
                }
                boolean exists = helper == Helper.MAP_LOOKUP_ELEM
                        && constantKey >= 0
                        && constantKey < Integer.toUnsignedLong(map.def().maxEntries());
                if (!exists) {
                    r0.orNull = true;
                    r0.id = run.newId();
                } else if (Locks.mayHoldLock(r0)) {
                    r0.id = run.newId();
                }
            }
            case SOCKET_OR_NULL, SOCK_COMMON_OR_NULL -> {
                r0.setPointer(helper.returns() == ReturnKind.SOCKET_OR_NULL ? RegType.SOCKET : RegType.SOCK_COMMON);
                acquire(r0, insn);
            }
            case RINGBUF_MEM_OR_NULL -> {
                r0.setPointer(RegType.MEM);
                r0.ringbuf = true;
                r0.memBytes = (int) allocated;
                acquire(r0, insn);
            }
            case DYNPTR_MEM_OR_NULL -> {
                r0.setPointer(RegType.MEM);
                r0.memBytes = (int) allocated;
                r0.orNull = true;
                r0.id = run.newId();
                r0.slice = dynptr.id();
                r0.ref = dynptr.ref();
            }
            case SLICE_OR_NULL,
                    SLICE_RDWR_OR_NULL,
                    ITER_INT_OR_NULL,
                    CONNTRACK_OR_NULL,
                    CONNTRACK_INIT_OR_NULL,
                    BTF_POINTER,
                    BTF_POINTER_OR_NULL,
                    PERCPU_KSYM,
                    PERCPU_KSYM_OR_NULL -> throw unsupported(helper);
        }
    }

    /** What is known of the numbers that some helpers give. */
    private void refine(Helper helper, Reg r0) {
        if (helper == Helper.GET_SMP_PROCESSOR_ID) {
            int last = run.cpus - 1;
            r0.umax = last;
            r0.u32max = last;
            r0.smax = last;
            r0.s32max = last;
            r0.umin = 0;
            r0.u32min = 0;
            r0.smin = 0;
            r0.s32min = 0;
            r0.sync();
        } else if (helper == Helper.PROBE_READ_KERNEL_STR || helper == Helper.PROBE_READ_USER_STR) {
            r0.smax = greatestSize;
            r0.s32max = (int) greatestSize;
            r0.smin = -MAX_ERROR;
            r0.s32min = -MAX_ERROR;
            r0.sync();
        }
    }

    private void acquire(Reg r0, int insn) {
        r0.orNull = true;
        run.newId();
        int id = run.newId();
        run.state.acquire(id, insn);
        r0.id = id;
        r0.ref = id;
    }

    // --- callbacks

    private void loop(int insn) {
        if (loopsInline(insn)) {
            run.precision.mark(4);
        }
        run.precision.mark(1);
        Frame caller = run.state.frame();
        if (Long.compareUnsigned(caller.callbackDepth, run.reg(1).umax) < 0) {
            State body = run.calls.pushCallback(insn, callback);
            Frame callee = body.frame();
            Reg context = body.frames[body.current - 1].regs[3];
            callee.own(1).setUnknown();
            callee.own(2).copy(context);
            callee.callbackReturnMax = 1;
        } else {
            caller.callbackDepth = 0;
            if (run.log.isDetailed()) {
                run.log.line("frame" + caller.number + " bpf_loop iteration limit reached");
            }
        }
    }

    /** Whether the kernel may write the loop out: one function for all paths, and flags that are surely 0. */
    private boolean loopsInline(int insn) {
        Integer before = loops.get(insn);
        if (before != null && before == NO_INLINE) {
            return false;
        }
        boolean fits = run.reg(4).isNull();
        loops.put(insn, fits && (before == null || before == callback) ? callback : NO_INLINE);
        return fits;
    }

    /** The callback is walked on its own, as if nobody had called it: it runs some time later. */
    private void timerCallback(int insn) {
        State body = run.pushAsync(callback, insn);
        Frame frame = body.frame();
        frame.own(1).setPointer(RegType.CONST_MAP_PTR);
        frame.own(1).map = map;
        frame.own(2).setPointer(RegType.MAP_KEY);
        frame.own(2).map = map;
        frame.own(3).setPointer(RegType.MAP_VALUE);
        frame.own(3).map = map;
    }

    private void forEach(int insn) {
        switch (map.def().type()) {
            case HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY, LRU_HASH, LRU_PERCPU_HASH -> {}
            case UNSPEC,
                    PROG_ARRAY,
                    PERF_EVENT_ARRAY,
                    STACK_TRACE,
                    CGROUP_ARRAY,
                    LPM_TRIE,
                    ARRAY_OF_MAPS,
                    HASH_OF_MAPS,
                    DEVMAP,
                    SOCKMAP,
                    CPUMAP,
                    XSKMAP,
                    SOCKHASH,
                    CGROUP_STORAGE,
                    REUSEPORT_SOCKARRAY,
                    PERCPU_CGROUP_STORAGE,
                    QUEUE,
                    STACK,
                    SK_STORAGE,
                    DEVMAP_HASH,
                    STRUCT_OPS,
                    RINGBUF,
                    INODE_STORAGE,
                    TASK_STORAGE,
                    BLOOM_FILTER,
                    USER_RINGBUF,
                    CGRP_STORAGE,
                    ARENA,
                    INSN_ARRAY -> throw run.reject("callback function not allowed for map");
        }
        State body = run.calls.pushCallback(insn, callback);
        Frame callee = body.frame();
        Reg context = body.frames[body.current - 1].regs[3];
        callee.own(1).setPointer(RegType.CONST_MAP_PTR);
        callee.own(1).map = map;
        callee.own(2).setPointer(RegType.MAP_KEY);
        callee.own(2).map = map;
        callee.own(3).setPointer(RegType.MAP_VALUE);
        callee.own(3).map = map;
        callee.own(4).copy(context);
        callee.callbackReturnMax = 1;
    }

    /** The function gets a dynptr over the sample. */
    private void drain(int insn) {
        State body = run.calls.pushCallback(insn, callback);
        Frame callee = body.frame();
        Reg context = body.frames[body.current - 1].regs[3];
        callee.own(1).setPointer(RegType.DYNPTR);
        int id = run.newId();
        callee.own(1).id = id;
        callee.own(1).dynptr = new StackObject.Dynptr(StackObject.Memory.LOCAL, true, id, 0);
        callee.own(2).copy(context);
        callee.callbackReturnMax = 1;
    }
}
