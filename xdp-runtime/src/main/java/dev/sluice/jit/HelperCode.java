package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.CHECKS;
import static dev.sluice.jit.Descriptors.HELPER;
import static dev.sluice.jit.Descriptors.JIT_CODE;
import static dev.sluice.jit.Descriptors.PROGRAM_REF;
import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.pushLong;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.helper.Callbacks;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Dynptrs;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Width;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Emits calls of helpers and of functions of the kernel, some of them in place. What is called {@code state} are the values
 * of {@link Kinds} before the call.
 */
final class HelperCode {
    private static final int FP = Instruction.FP;
    private static final long LOW = 0xffff_ffffL;

    private static final MethodTypeDesc CHECKED_HELPER = MethodTypeDesc.of(
            CD_long, RUN_CONTEXT, Descriptors.CALLEE, CD_long, CD_long, CD_long, CD_long, CD_long, CD_int);
    private static final MethodTypeDesc CALLBACKS_TYPE = MethodTypeDesc.of(
            CD_void, RUN_CONTEXT, Callbacks.class.describeConstable().orElseThrow(), CD_long, CD_int);
    private static final MethodTypeDesc PLAIN_HELPER =
            MethodTypeDesc.of(CD_long, RUN_CONTEXT, CD_long, CD_long, CD_long, CD_long, CD_long);

    private final CodeBuilder b;
    private final Unit unit;
    private final Locals locals;
    private final RunCode run;
    private final AccessCode access;
    private final MapHelperCode maps;
    private final CallCode calls;
    private final ColdCode cold;
    private final Runnable leaveByTailCall;
    private final int context;
    private final int[] register;

    /** @param leaveByTailCall emits what leaves the function after a tail call that has succeeded */
    HelperCode(
            CodeBuilder b,
            Unit unit,
            Locals locals,
            RunCode run,
            AccessCode access,
            CallCode calls,
            ColdCode cold,
            Runnable leaveByTailCall) {
        this.b = b;
        this.unit = unit;
        this.locals = locals;
        this.run = run;
        this.access = access;
        this.calls = calls;
        this.cold = cold;
        this.leaveByTailCall = leaveByTailCall;
        maps = new MapHelperCode(b, unit, locals, run, access, cold);
        context = locals.context;
        register = locals.register;
    }

    /** Emits a call of a helper or of a function of the kernel. */
    void helper(Instruction insn, int[] state, int pc) {
        Callee helper = HelperTraits.called(insn);
        if (helper == null) {
            b.loadConstant(insn.imm32()).loadConstant(pc);
            String method = insn.form() == Form.CALL_HELPER ? "unknownHelper" : "unknownKernelFunction";
            b.invokestatic(RUNTIME, method, MethodTypeDesc.of(Descriptors.PROGRAM_FAULT, CD_int, CD_int));
            b.athrow();
            return;
        }
        if (helper == Helper.MAP_LOOKUP_ELEM) {
            maps.lookup(state, pc, () -> checkedHelper(helper, pc));
            return;
        }
        boolean changes = helper == Helper.MAP_UPDATE_ELEM || helper == Helper.MAP_DELETE_ELEM;
        if (changes && maps.knownChange(state, (Helper) helper)) {
            return;
        }
        int looped = helper == Helper.LOOP ? unit.loopedFunction(pc) : -1;
        if (looped >= 0) {
            calls.loop(looped);
            return;
        }
        if (helper == Kfunc.ITER_NUM_NEXT && !unit.checked) {
            nextNumber();
            return;
        }
        int copied = locals.hasDescriptor() ? unit.bytesCopied(helper, pc) : 0;
        if (copied != 0) {
            copyPacket(helper, copied, () -> callHelper(helper, state, pc));
            return;
        }
        callHelper(helper, state, pc);
    }

    private void callHelper(Callee helper, int[] state, int pc) {
        boolean runsCode = HelperTraits.runsCode(helper);
        if (runsCode) {
            run.giveBack();
        }
        if (HelperTraits.takesFunction(helper)) {
            b.aload(context).getstatic(unit.mainClass, "self", JIT_CODE);
            b.lload(register[FP]).loadConstant(pc);
            b.invokestatic(RUNTIME, "callbacks", CALLBACKS_TYPE);
        }
        if (HelperTraits.takesPacket(helper)) {
            run.take();
        }
        if (unit.checked && Ways.needsCheck(unit, state, helper)) {
            checkedHelper(helper, pc);
        } else {
            soilArguments(helper);
            if (runsCode) {
                run.sayFrame();
            }
            b.aload(context);
            for (int r = 1; r <= 5; r++) {
                b.lload(register[r]);
            }
            b.invokestatic(ClassDesc.of(helper.owner().getName()), helper.method(), PLAIN_HELPER);
        }
        b.lstore(register[0]);
        fillUnfilled(pc);
        if (runsCode) {
            run.takePortion();
        }
        if (HelperTraits.tailCalls(helper)) {
            Label left = b.newLabel();
            b.aload(context).getfield(RUN_CONTEXT, "tailTarget", PROGRAM_REF).ifnonnull(left);
            cold.add(() -> {
                b.labelBinding(left);
                leaveByTailCall.run();
            });
        } else if (HelperTraits.movesPacket(helper)) {
            run.loadPacketAtHand();
        }
    }

    /** Behind a call that was to fill a part of the frame, which has been left as it was before the function began. */
    private void fillUnfilled(int pc) {
        int[] part = unit.hasVariables() ? unit.stack().unfilled(pc) : new int[2];
        if (part[1] == 0) {
            return;
        }
        Label done = b.newLabel();
        b.lload(register[0]).lconst_0().lcmp().ifeq(done);
        b.lload(register[FP]);
        pushLong(b, part[0]);
        b.ladd().loadConstant((long) part[1]);
        b.invokestatic(Descriptors.MEMORY, "zeroShort", MethodTypeDesc.of(CD_void, CD_long, CD_long));
        b.labelBinding(done);
    }

    /** Notes what a helper writes of the function's own frame, which then needs no check. */
    private void soilArguments(Callee helper) {
        for (int i = 0; unit.cleansLoop() && i < helper.argCount(); i++) {
            if (helper.arg(i).writes()) {
                b.aload(context).lload(register[1 + i]);
                b.invokevirtual(RUN_CONTEXT, "soilFrom", MethodTypeDesc.of(CD_void, CD_long));
            }
        }
    }

    /** A call by {@link dev.sluice.exec.Checks}, which looks at its arguments. */
    private void checkedHelper(Callee helper, int pc) {
        run.ask();
        ClassDesc table = helper instanceof Helper ? HELPER : Descriptors.KFUNC;
        b.aload(context).getstatic(table, helper.name(), table);
        for (int r = 1; r <= 5; r++) {
            b.lload(register[r]);
        }
        b.loadConstant(pc).invokestatic(CHECKS, "helper", CHECKED_HELPER);
    }

    // --- in place

    /** An iterator's next number: see {@link dev.sluice.helper.Iterators#iterNumNext}. */
    private void nextNumber() {
        Label ended = b.newLabel();
        Label done = b.newLabel();
        Runnable iterator = () -> b.lload(register[1]);
        MemoryCode.load(b, Width.W, iterator);
        b.iconst_1().iadd().istore(locals.number);
        b.iload(locals.number);
        MemoryCode.load(b, Width.W, () -> {
            b.lload(register[1]);
            pushLong(b, Integer.BYTES);
            b.ladd();
        });
        b.if_icmpge(ended);
        MemoryCode.store(b, Width.W, iterator, () -> b.iload(locals.number));
        b.lload(register[1]).lstore(register[0]).goto_(done);
        b.labelBinding(ended);
        MemoryCode.store(b, Width.DW, iterator, b::lconst_0);
        b.lconst_0().lstore(register[0]);
        b.labelBinding(done);
    }

    /**
     * Copies a known number of bytes out of the packet or into it, in place if they lie in its linear part.
     *
     * @param helper one of {@link Unit#bytesCopied}
     * @param call the helper's call, for all else
     */
    private void copyPacket(Callee helper, int bytes, Runnable call) {
        Label slow = b.newLabel();
        Label done = b.newLabel();
        boolean loads = helper != Helper.XDP_STORE_BYTES;
        int bufferRegister = helper == Helper.DYNPTR_READ ? 1 : 3;
        if (helper == Helper.DYNPTR_READ) {
            placeInDynptr(bytes, slow);
        } else {
            b.lload(locals.data).lload(register[2]);
            pushLong(b, LOW);
            b.land().ladd().lstore(locals.address);
        }
        b.lload(locals.address);
        pushLong(b, bytes);
        b.ladd().lload(locals.dataEnd).lcmp().ifgt(slow);
        for (int at = 0; at < bytes; ) {
            int width = Integer.highestOneBit(Math.min(bytes - at, Long.BYTES));
            int offset = at;
            Runnable packet = () -> {
                b.lload(locals.address);
                pushLong(b, offset);
                b.ladd();
            };
            Runnable buffer = () -> access.pushAddress(bufferRegister, offset);
            MemoryCode.store(
                    b,
                    Width.of(width),
                    loads ? buffer : packet,
                    () -> MemoryCode.load(b, Width.of(width), loads ? packet : buffer));
            at += width;
        }
        b.lconst_0().lstore(register[0]);
        b.labelBinding(done);
        cold.add(() -> {
            b.labelBinding(slow);
            call.run();
            b.goto_(done);
        });
    }

    /**
     * Puts into {@link Locals#address} where the bytes of r3, a dynptr of the packet, begin that are read: see {@link
     * Dynptrs}.
     */
    private void placeInDynptr(int bytes, Label slow) {
        MemoryCode.load(b, Width.DW, () -> b.lload(register[3]));
        b.aload(context).getfield(RUN_CONTEXT, "xdpMd", CD_long).lcmp().ifne(slow);
        b.lload(register[5]).lconst_0().lcmp().ifne(slow);
        b.lload(register[4]);
        pushLong(b, LOW);
        b.land();
        pushLong(b, bytes);
        b.ladd();
        MemoryCode.loadLong(b, Width.W, false, () -> access.pushAddress(3, Dynptrs.SIZE));
        pushLong(b, Dynptrs.MAX_SIZE);
        b.land().lcmp().ifgt(slow);
        b.lload(locals.data).lload(register[4]);
        pushLong(b, LOW);
        b.land().ladd();
        MemoryCode.loadLong(b, Width.W, false, () -> access.pushAddress(3, Dynptrs.OFFSET));
        b.ladd().lstore(locals.address);
    }
}
