package dev.sluice.verifier;

import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.ReturnKind;
import dev.sluice.verifier.StackObject.Dynptr;
import dev.sluice.verifier.StackObject.Iterator;

/** Calls of functions of the kernel by name: what each argument must be, and what is true afterwards. */
final class KfuncCalls {
    static final String NF_CONN = "nf_conn";
    static final String NF_CONN_INIT = "nf_conn___init";

    /** An iterator's name and how many slots of the stack it takes. */
    private record IteratorType(String name, int slots) {
        static final IteratorType NUM = new IteratorType("num", 1);
        static final IteratorType BITS = new IteratorType("bits", 2);

        static IteratorType of(Kfunc kfunc) {
            return kfunc.cname().startsWith("bpf_iter_bits_") ? BITS : NUM;
        }
    }

    private final Run run;

    // what the arguments of the call at hand were
    private int ref;
    private int released;
    private Dynptr dynptr;
    private Iterator iterator;
    private int iteratorFrame;
    private int iteratorSlot;
    private long size;

    KfuncCalls(Run run) {
        this.run = run;
    }

    /** Numbers may be iterated over, lists and trees be changed, and other locks be given back. */
    static boolean isAllowedUnderLock(Kfunc kfunc) {
        if (kfunc == null) {
            return false;
        }
        String name = kfunc.cname();
        return name.startsWith("bpf_iter_num_")
                || name.startsWith("bpf_list_")
                || name.startsWith("bpf_rbtree_")
                || name.startsWith("bpf_res_spin_")
                || kfunc == Kfunc.REFCOUNT_ACQUIRE_IMPL;
    }

    void call(int i) {
        Kfunc kfunc = run.layout.kfuncAt(i);
        if (kfunc == null) {
            throw run.reject("calling kernel function " + Kfunc.nameOf(run.layout.imm[i]) + " is not allowed");
        }
        if (!kfunc.isDescribed()) {
            throw new UnsupportedException("kernel function " + kfunc.cname());
        }
        ref = 0;
        released = 0;
        dynptr = null;
        iterator = null;
        size = 0;
        for (int arg = 0; arg < kfunc.argCount(); arg++) {
            argument(kfunc, arg);
            if (kfunc.arg(arg).hasSize()) {
                arg++; // was looked at with its memory
            }
        }
        if (kfunc.has(Kfunc.Flag.RELEASE) && released == 0) {
            throw run.reject("release kernel function " + kfunc.cname() + " expects refcounted PTR_TO_BTF_ID");
        }
        run.arguments.apply();
        region(kfunc);
        if (released != 0 && !run.state.giveBack(run.reg(released).ref)) {
            throw run.reject(
                    "kfunc " + kfunc.cname() + "#" + run.layout.imm[i] + " reference has not been acquired before");
        }
        run.clearCallerSaved(run.state.frame());
        result(kfunc, i);
        if (kfunc.movesPacket()) {
            run.state.forgetPacket();
        }
        if (kfunc.has(Kfunc.Flag.ITER_NEXT)) {
            fork(i);
        }
    }

    // --- arguments

    private void argument(Kfunc kfunc, int index) {
        int number = index + 1;
        ArgKind kind = kfunc.arg(index);
        if (kind == ArgKind.IGNORED) {
            return;
        }
        run.scratch(number);
        Reg reg = run.reg(number);
        if (kind == ArgKind.SCALAR) {
            if (reg.type != RegType.SCALAR) {
                throw run.reject("R" + number + " is not a scalar");
            }
            return;
        }
        boolean trusted = kfunc.has(Kfunc.Flag.TRUSTED_ARGS) || kfunc.has(Kfunc.Flag.RELEASE);
        if (trusted && (reg.isNull() || reg.orNull)) {
            throw run.reject("Possibly NULL pointer passed to trusted arg" + index);
        }
        if (reg.ref != 0) {
            if (kfunc.has(Kfunc.Flag.RELEASE)) {
                if (ref != 0) {
                    throw run.reject("more than one arg with ref_obj_id R" + number + " " + reg.ref + " " + ref);
                }
                released = number;
            }
            ref = reg.ref;
        }
        if (kind == ArgKind.CONNTRACK || kind == ArgKind.CONNTRACK_INIT) {
            conntrack(kfunc, kind, reg, number);
            return;
        }
        if (reg.type != RegType.NOT_INIT) {
            run.arguments.requireOffset(reg, number, kind);
        }
        switch (kind) {
            case CTX -> {
                if (reg.type != RegType.CTX || reg.orNull) {
                    throw run.reject("arg#" + index + " expected pointer to ctx, but got " + StatePrinter.name(reg));
                }
            }
            case DYNPTR -> {
                dynptr = run.objects.useDynptr(number, false);
                ref = dynptr.ref() == 0 ? ref : dynptr.ref();
            }
            case DYNPTR_NEW_XDP -> newDynptr(number, StackObject.Memory.XDP, 0);
            case DYNPTR_NEW_CLONE -> newDynptr(number, dynptr.memory(), dynptr.ref());
            case ITER_NEW -> {
                IteratorType type = IteratorType.of(kfunc);
                run.objects.requireNewIterator(number, type.name, type.slots);
                run.arguments.then(() -> run.objects.makeIterator(number, type.name, type.slots, run.insn));
            }
            case ITER -> iterator = useIterator(kfunc, number);
            case ITER_DESTROY -> {
                Iterator ended = useIterator(kfunc, number);
                run.arguments.then(() -> run.objects.endIterator(number, ended, IteratorType.of(kfunc).slots));
            }
            case U16_PTR, U32_PTR, U64_PTR, ADDRESS_PTR -> memory(reg, number, kind.fixedBytes());
            case MEM_READ_WRITE, SLICE_BUFFER -> sizedMemory(kfunc, kind, reg, number);
            default -> throw new AssertionError("no kernel function has such an argument: " + kind);
        }
    }

    private void newDynptr(int number, StackObject.Memory memory, int clonedRef) {
        run.objects.requireNewDynptr(number);
        run.arguments.then(() -> run.objects.makeDynptr(number, memory, run.insn, clonedRef));
    }

    private Iterator useIterator(Kfunc kfunc, int number) {
        IteratorType type = IteratorType.of(kfunc);
        Iterator found = run.objects.useIterator(number, type.name, type.slots);
        iteratorFrame = run.reg(number).frame;
        iteratorSlot = StackObjects.slotOf(run.reg(number));
        ref = found.ref();
        return found;
    }

    /** Memory of a known size; NULL is left to the function. */
    private void memory(Reg reg, int number, int bytes) {
        if (reg.isNull()) {
            return;
        }
        boolean orNull = reg.orNull;
        reg.orNull = false;
        run.arguments.requireMemory(number, bytes);
        run.reg(number).orNull = orNull;
    }

    private void sizedMemory(Kfunc kfunc, ArgKind kind, Reg reg, int number) {
        Reg bytes = run.reg(number + 1);
        boolean constant = kfunc.arg(number) == ArgKind.CONST_SLICE_SIZE;
        if (bytes.type != RegType.SCALAR) {
            throw new UnsupportedException("a size that is no number");
        }
        if (!reg.isNull() || kind != ArgKind.SLICE_BUFFER) {
            boolean orNull = reg.orNull;
            reg.orNull = false;
            try {
                run.arguments.size(number + 1, bytes, ArgKind.MEM_READ, true);
                run.arguments.size(number + 1, bytes, ArgKind.MEM_READ_WRITE, true);
            } catch (RejectedException e) {
                throw run.reject(
                        "arg#" + (number - 1) + " arg#" + number + " memory, len pair leads to invalid memory access");
            }
            reg.orNull = orNull;
            if (kfunc.returns() == ReturnKind.SLICE_RDWR_OR_NULL && reg.type == RegType.STACK) {
                run.slice(reg.frame, reg.off + reg.smin, reg.off + reg.smax + bytes.umax);
            }
        }
        if (constant) {
            if (!bytes.isConst()) {
                throw run.reject("R" + (number + 1) + " must be a known constant");
            }
            size = bytes.bits.value();
        }
    }

    private void conntrack(Kfunc kfunc, ArgKind kind, Reg reg, int number) {
        String expected = kind == ArgKind.CONNTRACK ? NF_CONN : NF_CONN_INIT;
        if (reg.type != RegType.OBJECT && !reg.type.isSocket() && reg.type != RegType.CONST_MAP_PTR) {
            throw run.reject("arg#" + (number - 1) + " pointer type STRUCT " + expected
                    + " must point to scalar, or struct with scalar");
        }
        if (reg.type != RegType.OBJECT) {
            throw new UnsupportedException("another structure of the kernel in place of " + expected);
        }
        if (reg.ref == 0) {
            throw run.reject("R" + number + " must be referenced or trusted");
        }
        if (reg.off != 0) {
            throw run.reject(
                    "R" + number + " must have zero offset when passed to release func or trusted arg to kfunc");
        }
        run.arguments.requireOffset(reg, number, kind);
        if (!expected.equals(reg.struct)) {
            throw run.reject(
                    "kernel function " + kfunc.cname() + " args#" + (number - 1) + " expected pointer to STRUCT "
                            + expected + " but R" + number + " has a pointer to STRUCT " + reg.struct);
        }
    }

    // --- regions

    private void region(Kfunc kfunc) {
        State state = run.state;
        switch (kfunc) {
            case RCU_READ_LOCK -> {
                if (state.rcuLocked) {
                    throw run.reject("nested rcu read lock (kernel function " + kfunc.cname() + ")");
                }
                state.rcuLocked = true;
            }
            case RCU_READ_UNLOCK -> {
                if (!state.rcuLocked) {
                    throw run.reject("unmatched rcu read unlock (kernel function " + kfunc.cname() + ")");
                }
                state.rcuLocked = false;
            }
            case PREEMPT_DISABLE -> state.preemptDisabled++;
            case PREEMPT_ENABLE -> {
                if (state.preemptDisabled == 0) {
                    throw run.reject("unmatched attempt to enable preemption (kernel function " + kfunc.cname() + ")");
                }
                state.preemptDisabled--;
            }
            default -> {}
        }
    }

    // --- afterwards

    private void result(Kfunc kfunc, int insn) {
        Reg r0 = run.reg(0);
        switch (kfunc.returns()) {
            case INTEGER -> r0.setUnknown();
            case VOID -> r0.setNotInit();
            case SLICE_OR_NULL, SLICE_RDWR_OR_NULL -> {
                r0.setPointer(RegType.MEM);
                r0.memBytes = (int) size;
                r0.readOnly = kfunc.returns() == ReturnKind.SLICE_OR_NULL;
                r0.packetSlice = dynptr.memory() == StackObject.Memory.XDP;
                r0.orNull = true;
                r0.id = run.newId();
            }
            case ITER_INT_OR_NULL -> {
                r0.setPointer(RegType.MEM);
                r0.memBytes = Integer.BYTES;
                r0.readOnly = true;
                r0.ref = ref;
                r0.orNull = true;
                r0.id = run.newId();
            }
            case CONNTRACK_OR_NULL, CONNTRACK_INIT_OR_NULL -> {
                r0.setPointer(RegType.OBJECT);
                r0.struct = kfunc.returns() == ReturnKind.CONNTRACK_OR_NULL ? NF_CONN : NF_CONN_INIT;
                r0.orNull = true;
                run.newId();
                int id = run.newId();
                run.state.acquire(id, insn);
                r0.id = id;
                r0.ref = id;
            }
            default -> throw new AssertionError("no kernel function has such a result: " + kfunc.returns());
        }
    }

    /** An iterator may have an element, which is walked later, or none. */
    private void fork(int insn) {
        if (!iterator.drained()) {
            State before = run.pruner.previousEntry(run.state.parent, insn);
            State queued = run.push(insn + 1, insn);
            queued.frames[iteratorFrame].setObject(iteratorSlot, iterator.next());
            if (before != null) {
                run.pruner.widen(before, queued);
            }
            queued.frame().own(0).orNull = false;
        }
        run.state.frames[iteratorFrame].setObject(iteratorSlot, iterator.drain());
        run.reg(0).setScalar(0);
    }

    /**
     * Numbers of a connection, by their place in Linux 6.18: first byte and size. Members that hold pointers are left out.
     */
    private static final int[][] CONNECTION_FIELDS = {
        {0, 4}, {8, 4}, {12, 2}, {14, 1}, {15, 1}, {32, 4}, {36, 4}, {40, 4}, {44, 4}, {48, 2}, {50, 2}, {52, 4},
        {56, 4}, {60, 4}, {64, 4}, {68, 2}, {70, 1}, {71, 1}, {88, 4}, {92, 4}, {96, 4}, {100, 4}, {104, 2}, {106, 2},
        {108, 4}, {112, 4}, {116, 4}, {120, 4}, {124, 2}, {126, 1}, {127, 1}, {128, 8}, {168, 4}, {172, 4}
    };

    private static final int MARK = 168;

    /** Rejects an access to a structure of the kernel unless it is one of a number that programs may read, or set. */
    static void requireField(Run run, Reg reg, int off, int bytes, boolean write) {
        if (write && (off != MARK || bytes != Integer.BYTES)) {
            throw run.reject("no write support to nf_conn at off " + off);
        }
        boolean known = false;
        for (int[] field : CONNECTION_FIELDS) {
            known |= reg.isConst() && off >= field[0] && off + bytes <= field[0] + field[1];
        }
        if (!known) {
            throw new UnsupportedException("that field of " + reg.struct + ", off=" + off + " size=" + bytes);
        }
    }
}
