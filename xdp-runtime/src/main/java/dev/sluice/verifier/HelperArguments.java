package dev.sluice.verifier;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Helper;
import dev.sluice.map.MapType;

/**
 * What a helper asks of its arguments, one after the other, as the kernel's prototypes say it; and what was found in them,
 * which {@link HelperCalls} needs for the result. Changes nothing but through {@link Arguments#apply}.
 */
final class HelperArguments {
    private final Run run;

    // what the arguments of the call at hand were
    KnownMap map;
    int mapUid;
    long constantKey;
    int callback;
    long allocated;
    int ref;
    boolean releases;
    StackObject.Dynptr dynptr;

    /** The dynptr argument that is taken away, 0 for none. */
    int released;

    HelperArguments(Run run) {
        this.run = run;
    }

    /** Rejects the program unless all arguments are what a helper wants. */
    void require(Helper helper) {
        map = null;
        mapUid = 0;
        constantKey = -1;
        ref = 0;
        releases = false;
        dynptr = null;
        released = 0;
        for (int arg = 0; arg < helper.argCount(); arg++) {
            require(helper, arg);
        }
        requireMap(helper);
    }

    private void require(Helper helper, int index) {
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
            run.arguments.requireOffset(reg, number, arg);
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

    static boolean holdsSockets(KnownMap map) {
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
                run.arguments.memory(number, Integer.toUnsignedLong(map.def().keySize()), false, false, false);
                if (map.def().type() == MapType.ARRAY || map.def().type() == MapType.PERCPU_ARRAY) {
                    constantKey = constantKey(reg, map.def().keySize());
                }
            }
            case MAP_VALUE ->
                run.arguments.memory(number, Integer.toUnsignedLong(map.def().valueSize()), false, false, false);
            case MAP_VALUE_OUT ->
                run.arguments.memory(number, Integer.toUnsignedLong(map.def().valueSize()), true, false, true);
            case FUNC -> callback = reg.subprog;
            case CONST_SIZE -> run.arguments.size(number, reg, helper.arg(index - 1), false);
            case CONST_SIZE_OR_ZERO -> run.arguments.size(number, reg, helper.arg(index - 1), true);
            case CONST_ALLOC_SIZE_OR_ZERO -> {
                if (!reg.isConst()) {
                    throw run.reject("R" + number + " is not a known constant'");
                }
                allocated = reg.bits.value();
                run.precision.mark(number);
            }
            case CONST_STR -> run.arguments.requireString(reg, number);
            case INT_PTR, LONG_PTR -> {
                run.arguments.memory(number, arg.fixedBytes(), true, false, arg == ArgKind.LONG_PTR);
                run.arguments.requireAligned(reg, arg.fixedBytes());
            }
            case IPHDR, IPV6HDR, TCPHDR -> run.arguments.memory(number, arg.fixedBytes(), false, false, false);
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
            case DYNPTR_NEW_LOCAL -> newDynptr(number, StackObject.Memory.LOCAL);
            case DYNPTR_NEW_RINGBUF -> newDynptr(number, StackObject.Memory.RINGBUF);
            case SPIN_LOCK -> {
                boolean take = helper == Helper.SPIN_LOCK;
                run.locks.requireSpinLock(reg, number, take);
                run.arguments.then(() -> run.locks.change(run.reg(number), take));
            }
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
                    CONNTRACK_INIT -> throw HelperCalls.unsupported(helper);
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

    private void newDynptr(int number, StackObject.Memory memory) {
        run.objects.requireNewDynptr(number);
        run.arguments.then(() -> run.objects.makeDynptr(number, memory, run.insn, 0));
    }

    private void requireType(Reg reg, int number, ArgKind arg) {
        ArgumentType type = ArgumentType.of(arg);
        boolean maybeNull = reg.orNull && !arg.orNull();
        if (maybeNull || !type.fits(reg, arg)) {
            throw run.reject("R" + number + " type=" + StatePrinter.name(reg) + " expected=" + type.text);
        }
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

    private void requireMap(Helper helper) {
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
}
