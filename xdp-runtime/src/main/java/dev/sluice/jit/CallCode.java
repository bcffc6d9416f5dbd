package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.RUNTIME;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.compareUnsigned;
import static dev.sluice.jit.LongCode.pushLong;
import static java.lang.classfile.Opcode.IFGT;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.helper.CallbackHelpers;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Instruction;
import dev.sluice.map.Errno;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.MethodTypeDesc;

/** Emits calls of the program's functions: by name, by pointer, in place, and again and again. */
final class CallCode {
    private static final int FP = Instruction.FP;

    private final CodeBuilder b;
    private final Unit unit;
    private final Part part;
    private final Locals locals;
    private final RunCode run;
    private final ColdCode cold;
    private final int context;
    private final int[] register;

    CallCode(CodeBuilder b, Unit unit, Part part, Locals locals, RunCode run, ColdCode cold) {
        this.b = b;
        this.unit = unit;
        this.part = part;
        this.locals = locals;
        this.run = run;
        this.cold = cold;
        context = locals.context;
        register = locals.register;
    }

    /** Calls a function that is a method of its own. */
    void callLocal(int function, int pc) {
        call(pc, function, () -> {
            MethodRef callee = unit.function(function);
            b.invokestatic(callee.owner(), callee.name(), MethodRef.FUNCTION_TYPE);
        });
    }

    /** Emits what goes around a function in place of its call; {@code body} leaves r0 where the caller's is. */
    void inPlace(int function, int pc, Runnable body) {
        beforeCall(pc);
        boolean keeps = keepsFrame(function);
        run.markDirty(unit.kinds.calleesWrite(part.function));
        body.run();
        returnFrame(keeps);
    }

    /**
     * Calls a function of the program: {@code invoke} finds the context, r1 to r5 and the new r10 on the stack.
     *
     * @param function -1 for one that is not known
     */
    private void call(int pc, int function, Runnable invoke) {
        beforeCall(pc);
        boolean hasFrame = function >= 0 && unit.kinds.hasFrame(function);
        if (!hasFrame) {
            run.sayFrame(); // a function that has one says so itself
        }
        boolean keeps = keepsFrame(function);
        run.markDirty(unit.kinds.calleesWrite(part.function));
        boolean wants = function >= 0 && unit.wantsPacket(function); // else each run begins in full
        run.takeForMethods(wants);
        run.giveBack();
        b.aload(context);
        for (int r = 1; r <= 5; r++) {
            b.lload(register[r]);
        }
        b.lload(register[FP]);
        pushLong(b, RunContext.STACK_BYTES);
        b.lsub();
        invoke.run();
        b.lstore(register[0]);
        returnFrame(keeps);
        run.takePortion();
        run.loadMovedPacket(wants);
    }

    /** Calls a function by its pointer. */
    void callx(Instruction insn, int pc) {
        Label bad = b.newLabel();
        b.lload(register[insn.dst()]);
        b.invokestatic(unit.mainClass, "isFunction", MethodTypeDesc.of(CD_boolean, CD_long));
        b.ifeq(bad);
        cold.add(() -> {
            b.labelBinding(bad);
            b.lload(register[insn.dst()]).loadConstant(pc);
            b.invokestatic(RUNTIME, "badCallTarget", MethodTypeDesc.of(Descriptors.PROGRAM_FAULT, CD_long, CD_int));
            b.athrow();
        });
        call(pc, -1, () -> {
            b.lload(register[insn.dst()]);
            b.invokestatic(unit.mainClass, "callFunction", MethodRef.CALLX_TYPE);
        });
    }

    /** {@code bpf_loop} of a proved program in place, which counts nothing: see {@link CallbackHelpers#loop}. */
    void loop(int function) {
        boolean wants = unit.wantsPacket(function);
        run.takeForMethods(wants);
        loopInPlace(() -> {
            MethodRef callee = unit.function(function);
            b.aload(context);
            pushRound();
            b.lload(register[3]).lconst_0().lconst_0().lconst_0().lload(register[FP]);
            pushLong(b, RunContext.STACK_BYTES);
            b.lsub().invokestatic(callee.owner(), callee.name(), MethodRef.FUNCTION_TYPE);
        });
        run.loadMovedPacket(wants);
    }

    /** Pushes how many rounds of a loop have been made. */
    void pushRound() {
        b.lload(locals.address);
    }

    /**
     * The same with the function in place.
     *
     * @param round emits the function, and leaves what it returns on the stack
     */
    void loopInPlace(Runnable round) {
        Label more = b.newLabel();
        Label tooMany = b.newLabel();
        Label stopped = b.newLabel();
        Label done = b.newLabel();
        b.lload(register[1]);
        pushLong(b, CallbackHelpers.MAX_LOOPS);
        compareUnsigned(b, IFGT, tooMany);
        b.lconst_0().lstore(locals.address);
        b.labelBinding(more);
        b.lload(locals.address).lload(register[1]).lcmp().ifge(stopped);
        round.run();
        b.lload(locals.address).lconst_1().ladd().lstore(locals.address);
        b.lconst_0().lcmp().ifeq(more);
        b.labelBinding(stopped);
        b.lload(locals.address).lstore(register[0]);
        b.labelBinding(done);
        cold.add(() -> {
            b.labelBinding(tooMany);
            pushLong(b, Errno.E2BIG.negative());
            b.lstore(register[0]).goto_(done);
        });
    }

    // --- around a call

    /** Checks the depth of a call. */
    private void beforeCall(int pc) {
        if (!unit.checked) {
            return;
        }
        Label tooDeep = b.newLabel();
        b.lload(register[FP]);
        pushLong(b, 2 * RunContext.STACK_BYTES);
        b.lsub().aload(context).getfield(RUN_CONTEXT, "stacks", CD_long).lcmp().iflt(tooDeep);
        cold.add(() -> {
            b.labelBinding(tooDeep);
            b.loadConstant(pc);
            b.invokestatic(RUNTIME, "tooDeep", MethodTypeDesc.of(Descriptors.PROGRAM_FAULT, CD_int));
            b.athrow();
        });
    }

    /**
     * Before a call: keeps which frames are alive, where only the context knows. Others say so whenever they ask for
     * something ({@link RunCode#ask}).
     *
     * @return whether it has done so, in {@link Locals#address}
     */
    private boolean keepsFrame(int function) {
        boolean keeps =
                unit.checked && locals.lowestFrame == Locals.NONE && (function < 0 || unit.kinds.hasFrame(function));
        if (keeps) {
            b.aload(context).getfield(RUN_CONTEXT, "stackLow", CD_long).lstore(locals.address);
        }
        return keeps;
    }

    /** After a call. */
    private void returnFrame(boolean isKept) {
        if (isKept) {
            b.aload(context).lload(locals.address).putfield(RUN_CONTEXT, "stackLow", CD_long);
        }
    }
}
