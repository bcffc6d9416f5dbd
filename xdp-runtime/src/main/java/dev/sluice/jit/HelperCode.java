package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.CHECKS;
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
import dev.sluice.helper.PacketHelpers;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Width;
import dev.sluice.map.Errno;
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
    private final ArgumentCode arguments;
    private final MapHelperCode maps;
    private final ColdCode cold;
    private final FailureCode failures;
    private final Runnable leaveByTailCall;
    private final int function;
    private final int context;
    private final int[] register;

    /** @param leaveByTailCall emits what leaves the function after a tail call that has succeeded */
    HelperCode(
            CodeBuilder b,
            Unit unit,
            Part part,
            Locals locals,
            RunCode run,
            AccessCode access,
            ColdCode cold,
            FailureCode failures,
            Runnable leaveByTailCall) {
        this.b = b;
        this.unit = unit;
        this.locals = locals;
        this.run = run;
        this.access = access;
        this.cold = cold;
        this.failures = failures;
        this.leaveByTailCall = leaveByTailCall;
        function = part.function;
        arguments = new ArgumentCode(b, unit, part, locals, run, access, cold);
        maps = new MapHelperCode(b, unit, locals, run, access, arguments, cold, failures);
        context = locals.context;
        register = locals.register;
    }

    /** Emits a call of a helper or of a function of the kernel. */
    void helper(Instruction insn, int[] now, int pc) {
        int[] state = now.clone(); // for code that is emitted later
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
        if (changes && maps.knownChange(state, (Helper) helper, pc)) {
            return;
        }
        if (helper == Kfunc.ITER_NUM_NEXT
                && (!unit.checked || Ways.argument(unit, function, state, helper, 0) == Ways.Argument.RIGHT)) {
            nextNumber(state);
            return;
        }
        // code that checks has the packet's bounds in locals everywhere
        boolean knowsPacket = unit.checked || locals.hasDescriptor();
        int copied = knowsPacket ? unit.bytesCopied(helper, pc, function, state) : 0;
        if (copied != 0) {
            copyPacket(helper, copied, state, pc, () -> callHelper(helper, state, pc));
            return;
        }
        int slice = knowsPacket ? unit.bytesOfSlice(helper, function, state) : 0;
        if (slice != 0) {
            slice(slice, state, () -> callHelper(helper, state, pc));
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
        if (unit.checked && !arguments.areAlone(helper, state)) {
            checkedHelper(helper, pc);
        } else {
            if (unit.checked) {
                arguments.check(helper, state, pc);
            }
            if (runsCode) {
                run.sayFrame();
            }
            b.aload(context);
            arguments.push(helper, state);
            failures.ofHelper(
                    () -> b.invokestatic(ClassDesc.of(helper.owner().getName()), helper.method(), PLAIN_HELPER));
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

    /** A call by {@link dev.sluice.exec.Checks}, which looks at its arguments. */
    private void checkedHelper(Callee helper, int pc) {
        run.ask();
        b.aload(context);
        arguments.pushCallee(helper);
        for (int r = 1; r <= 5; r++) {
            b.lload(register[r]);
        }
        b.loadConstant(pc);
        failures.ofHelper(() -> b.invokestatic(CHECKS, "helper", CHECKED_HELPER));
    }

    // --- in place

    /** An iterator's next number: see {@link dev.sluice.helper.Iterators#iterNumNext}. */
    private void nextNumber(int[] state) {
        Label ended = b.newLabel();
        Label done = b.newLabel();
        Runnable iterator = () -> access.pushPlace(state[1], Long.BYTES, 1, 0);
        if (unit.checked) {
            arguments.noteWrites(Kfunc.ITER_NUM_NEXT, state);
        }
        MemoryCode.load(b, Width.W, iterator);
        b.iconst_1().iadd().istore(locals.number);
        b.iload(locals.number);
        MemoryCode.load(b, Width.W, () -> access.pushPlace(state[1], Long.BYTES, 1, Integer.BYTES));
        b.if_icmpge(ended);
        MemoryCode.store(b, Width.W, iterator, () -> b.iload(locals.number));
        iterator.run();
        b.lstore(register[0]).goto_(done);
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
    private void copyPacket(Callee helper, int bytes, int[] state, int pc, Runnable call) {
        Label slow = b.newLabel();
        Label done = b.newLabel();
        boolean loads = helper != Helper.XDP_STORE_BYTES;
        int bufferRegister = helper == Helper.DYNPTR_READ ? 1 : 3;
        if (helper == Helper.DYNPTR_READ) {
            b.lload(register[5]).lconst_0().lcmp().ifne(slow);
            placeInDynptr(bytes, state, 3, slow);
        } else {
            b.lload(locals.data).lload(register[2]);
            pushLong(b, LOW);
            b.land().ladd().lstore(locals.address);
        }
        testEnd(bytes, slow);
        if (unit.checked) {
            arguments.noteWrites(helper, state);
        }
        for (int at = 0; at < bytes; ) {
            int width = Integer.highestOneBit(Math.min(bytes - at, Long.BYTES));
            int offset = at;
            Runnable packet = () -> {
                b.lload(locals.address);
                pushLong(b, offset);
                b.ladd();
            };
            Runnable buffer = () -> access.pushPlace(state[bufferRegister], bytes, bufferRegister, offset);
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
            if (helper != Helper.DYNPTR_READ && locals.hasDescriptor()) {
                failBehindEnd(pc, done);
            }
            call.run();
            b.goto_(done);
        });
    }

    /** Goes on with the helper's error if the packet is in one piece, behind whose end some of the bytes are. */
    private void failBehindEnd(int pc, Label done) {
        Label call = b.newLabel();
        b.lload(register[2]);
        pushLong(b, LOW);
        b.land();
        pushLong(b, PacketHelpers.MAX_OFFSET);
        b.lcmp().ifgt(call);
        run.pushFrameSize();
        b.iflt(call);
        pushLong(b, Errno.EINVAL.negative());
        b.lstore(register[0]);
        fillUnfilled(pc);
        b.goto_(done);
        b.labelBinding(call);
    }

    /**
     * Gives bytes of a dynptr of the packet where they are, if they lie in its linear part.
     *
     * @param call the call, for all else
     */
    private void slice(int bytes, int[] state, Runnable call) {
        Label slow = b.newLabel();
        Label done = b.newLabel();
        placeInDynptr(bytes, state, 1, slow);
        testEnd(bytes, slow);
        b.lload(locals.address).lstore(register[0]);
        b.labelBinding(done);
        cold.add(() -> {
            b.labelBinding(slow);
            call.run();
            b.goto_(done);
        });
    }

    /** Goes to {@code slow} where bytes from {@link Locals#address} on are not before the packet's end. */
    private void testEnd(int bytes, Label slow) {
        b.lload(locals.address);
        pushLong(b, bytes);
        b.ladd().lload(locals.dataEnd).lcmp().ifgt(slow);
    }

    /**
     * Puts into {@link Locals#address} where the bytes begin that are wanted of a dynptr, if it is the packet's: see {@link
     * Dynptrs}.
     *
     * @param dynptr the register that points to it; the next one has the offset in it
     */
    private void placeInDynptr(int bytes, int[] state, int dynptr, Label slow) {
        int value = state[dynptr];
        MemoryCode.load(b, Width.DW, () -> access.pushPlace(value, Dynptrs.BYTES, dynptr, 0));
        b.aload(context).getfield(RUN_CONTEXT, "xdpMd", CD_long).lcmp().ifne(slow);
        MemoryCode.load(b, Width.W, () -> access.pushPlace(value, Dynptrs.BYTES, dynptr, Dynptrs.SIZE));
        b.istore(locals.number);
        if (unit.checked) { // nobody has made sure that it was not written by the program
            b.iload(locals.number).loadConstant(Dynptrs.TYPE_SHIFT).iushr().loadConstant(Dynptrs.XDP);
            b.if_icmpne(slow);
        }
        b.lload(register[dynptr + 1]);
        pushLong(b, LOW);
        b.land();
        pushLong(b, bytes);
        b.ladd();
        b.iload(locals.number)
                .loadConstant(Dynptrs.MAX_SIZE)
                .iand()
                .i2l()
                .lcmp()
                .ifgt(slow);
        b.lload(locals.data).lload(register[dynptr + 1]);
        pushLong(b, LOW);
        b.land().ladd();
        MemoryCode.loadLong(b, Width.W, false, () -> access.pushPlace(value, Dynptrs.BYTES, dynptr, Dynptrs.OFFSET));
        b.ladd().lstore(locals.address);
    }
}
