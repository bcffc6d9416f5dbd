package dev.sluice.verifier;

import dev.sluice.helper.Helper;
import dev.sluice.helper.ReturnKind;
import dev.sluice.map.MapType;
import java.util.HashMap;
import java.util.Map;

/** Calls of the kernel's helpers: whether they may be made, and what is true afterwards. Arguments: {@link HelperArguments}. */
final class HelperCalls {
    private static final int NO_INLINE = -1;

    /** Of error numbers. */
    private static final int MAX_ERROR = 4095;

    private final Run run;
    private final HelperArguments found;

    /** By the slot of a loop's call, the function that it calls, or {@link #NO_INLINE}. */
    private final Map<Integer, Integer> loops = new HashMap<>();

    HelperCalls(Run run) {
        this.run = run;
        found = new HelperArguments(run);
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
        found.require(helper);
        run.arguments.apply();
        if (found.released != 0) {
            run.objects.releaseDynptr(found.released, found.dynptr);
        } else if (found.releases) {
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
        KnownMap used = found.map;
        run.clearCallerSaved(run.state.frame());
        result(helper, i);
        if (used != null) {
            requireCompatible(used, helper);
        }
        if (helper.movesPacket() && helper != Helper.TAIL_CALL) {
            run.state.forgetPacket();
        }
    }

    static UnsupportedException unsupported(Helper helper) {
        return new UnsupportedException("helper " + helper.cname());
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
        if (found.ref == 0 || !run.state.giveBack(found.ref)) {
            throw run.reject("func " + HelperNames.of(run.layout.imm[run.insn]) + "#" + run.layout.imm[run.insn]
                    + " reference has not been acquired before");
        }
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
                r0.map = found.map;
                r0.mapUid = found.mapUid;
                if (helper == Helper.MAP_LOOKUP_ELEM && HelperArguments.holdsSockets(found.map)) {
                    acquire(r0, insn);
                    return;
                }
                boolean exists = helper == Helper.MAP_LOOKUP_ELEM
                        && found.constantKey >= 0
                        && found.constantKey
                                < Integer.toUnsignedLong(found.map.def().maxEntries());
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
                r0.memBytes = (int) found.allocated;
                acquire(r0, insn);
            }
            case DYNPTR_MEM_OR_NULL -> {
                r0.setPointer(RegType.MEM);
                r0.memBytes = (int) found.allocated;
                r0.orNull = true;
                r0.id = run.newId();
                r0.slice = found.dynptr.id();
                r0.ref = found.dynptr.ref();
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
            r0.smax = run.arguments.greatestSize;
            r0.s32max = (int) run.arguments.greatestSize;
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
            State body = run.calls.pushCallback(insn, found.callback);
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
        loops.put(insn, fits && (before == null || before == found.callback) ? found.callback : NO_INLINE);
        return fits;
    }

    /** The found.callback is walked on its own, as if nobody had called it: it runs some time later. */
    private void timerCallback(int insn) {
        State body = run.pushAsync(found.callback, insn);
        Frame frame = body.frame();
        frame.own(1).setPointer(RegType.CONST_MAP_PTR);
        frame.own(1).map = found.map;
        frame.own(2).setPointer(RegType.MAP_KEY);
        frame.own(2).map = found.map;
        frame.own(3).setPointer(RegType.MAP_VALUE);
        frame.own(3).map = found.map;
    }

    private void forEach(int insn) {
        switch (found.map.def().type()) {
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
                    INSN_ARRAY -> throw run.reject("found.callback function not allowed for map");
        }
        State body = run.calls.pushCallback(insn, found.callback);
        Frame callee = body.frame();
        Reg context = body.frames[body.current - 1].regs[3];
        callee.own(1).setPointer(RegType.CONST_MAP_PTR);
        callee.own(1).map = found.map;
        callee.own(2).setPointer(RegType.MAP_KEY);
        callee.own(2).map = found.map;
        callee.own(3).setPointer(RegType.MAP_VALUE);
        callee.own(3).map = found.map;
        callee.own(4).copy(context);
        callee.callbackReturnMax = 1;
    }

    /** The function gets a found.dynptr over the sample. */
    private void drain(int insn) {
        State body = run.calls.pushCallback(insn, found.callback);
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
