package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.CALLEE;
import static dev.sluice.jit.Descriptors.RUN_CONTEXT;
import static dev.sluice.jit.LongCode.pushLong;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.exec.HelperArguments;
import dev.sluice.helper.ArgKind;
import dev.sluice.helper.Callee;
import dev.sluice.helper.Helper;
import dev.sluice.jit.Ways.Argument;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Emits what checked code does about the arguments of a call before it: nothing for those that are known to be right, a
 * comparison or a call of {@link HelperArguments} for others, in their order. What is called {@code state} are the values of
 * {@link Kinds} before the call.
 */
final class ArgumentCode {
    private static final ClassDesc ARGUMENTS =
            HelperArguments.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc ONE = MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CALLEE, CD_int, CD_int);
    private static final MethodTypeDesc MEMORY =
            MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long, CD_boolean, CALLEE, CD_int, CD_int);
    private static final MethodTypeDesc SIZED =
            MethodTypeDesc.of(CD_void, RUN_CONTEXT, CD_long, CD_long, CD_boolean, CD_boolean, CALLEE, CD_int, CD_int);

    /** Upper bound of the bytes of JVM code for an argument that is looked at by itself. */
    private static final int BYTES = 112;

    /** The same for one that is right. */
    private static final int FEW_BYTES = 16;

    private final CodeBuilder b;
    private final Unit unit;
    private final int function;
    private final RunCode run;
    private final AccessCode access;
    private final ColdCode cold;
    private final int context;
    private final int[] register;

    ArgumentCode(CodeBuilder b, Unit unit, Part part, Locals locals, RunCode run, AccessCode access, ColdCode cold) {
        this.b = b;
        this.unit = unit;
        function = part.function;
        this.run = run;
        this.access = access;
        this.cold = cold;
        context = locals.context;
        register = locals.register;
    }

    /** Upper bound of the bytes of JVM code for the arguments of a call. */
    static int estimate(Unit unit, int function, int[] state, Callee callee) {
        int bytes = 0;
        for (int i = 0; i < callee.argCount(); i++) {
            bytes += Ways.argument(unit, function, state, callee, i) == Argument.RIGHT ? FEW_BYTES : BYTES;
        }
        return bytes;
    }

    /** Whether each argument of a call is right or can be looked at by itself, so that its code can be called directly. */
    boolean areAlone(Callee callee, int[] state) {
        for (int i = 0; i < callee.argCount(); i++) {
            if (Ways.argument(unit, function, state, callee, i) == Argument.TOGETHER) {
                return false;
            }
        }
        return true;
    }

    /** Emits the checks of arguments that {@linkplain #areAlone can be looked at by themselves}, and notes what is written. */
    void check(Callee callee, int[] state, int pc) {
        for (int i = 0; i < callee.argCount(); i++) {
            switch (Ways.argument(unit, function, state, callee, i)) {
                case RIGHT -> noteWrite(callee, state, i);
                case ALONE -> check(callee, state, i, pc);
                case TOGETHER -> throw new AssertionError(callee.cname() + " argument=" + i);
            }
        }
    }

    private void check(Callee callee, int[] state, int index, int pc) {
        ArgKind kind = callee.arg(index);
        int value = state[1 + index];
        long bytes = Ways.argumentBytes(unit, state, callee, index);
        if (kind == ArgKind.CTX) {
            one("context", callee, index, pc);
        } else if (kind == ArgKind.DYNPTR) {
            noteWrite(callee, state, index);
            run.ask();
            one("dynptr", callee, index, pc);
        } else if (bytes <= 0) {
            run.ask();
            sized(callee, index, pc);
        } else if (Kinds.kind(value) == Kinds.PACKET || Kinds.kind(value) == Kinds.VALUE) {
            Label slow = b.newLabel();
            Label done = b.newLabel();
            access.test(value, 1 + index, (int) bytes, slow);
            b.labelBinding(done);
            cold.add(() -> {
                b.labelBinding(slow);
                memory(callee, index, bytes, pc);
                b.goto_(done);
            });
        } else {
            memory(callee, index, bytes, pc);
        }
    }

    private void one(String method, Callee callee, int index, int pc) {
        b.aload(context).lload(register[1 + index]);
        pushCallee(callee);
        b.loadConstant(index).loadConstant(pc).invokestatic(ARGUMENTS, method, ONE);
    }

    private void memory(Callee callee, int index, long bytes, int pc) {
        run.ask();
        if (callee.arg(index).orNull()) {
            sized(callee, index, pc);
            return;
        }
        b.aload(context).lload(register[1 + index]);
        pushLong(b, bytes);
        pushBoolean(callee.arg(index).writes());
        pushCallee(callee);
        b.loadConstant(index).loadConstant(pc).invokestatic(ARGUMENTS, "memory", MEMORY);
    }

    private void sized(Callee callee, int index, int pc) {
        ArgKind kind = callee.arg(index);
        b.aload(context).lload(register[1 + index]).lload(register[2 + index]);
        pushBoolean(callee.arg(index + 1) != ArgKind.CONST_SIZE);
        pushBoolean(kind.writes());
        pushCallee(callee);
        b.loadConstant(index).loadConstant(pc).invokestatic(ARGUMENTS, kind.orNull() ? "sizedOrNull" : "sized", SIZED);
    }

    private void pushBoolean(boolean value) {
        b.loadConstant(value ? 1 : 0);
    }

    /** Pushes the row of a helper or a function of the kernel. */
    void pushCallee(Callee callee) {
        ClassDesc table = callee instanceof Helper ? Descriptors.HELPER : Descriptors.KFUNC;
        b.getstatic(table, callee.name(), table);
    }

    /** Pushes r1 to r5, those that were taken for right as what they were taken for, and 0 for those that nobody reads. */
    void push(Callee callee, int[] state) {
        for (int r = 1; r <= 5; r++) {
            int value = state[r];
            if (r > HelperTraits.arguments(callee)) {
                b.lconst_0();
            } else if (unit.checked && Ways.owns(unit, function, value, 1)) {
                access.pushPlace(value, 1, r, 0);
            } else if (unit.checked && Kinds.isConstant(value)) {
                pushLong(b, unit.kinds.constant(value));
            } else {
                b.lload(register[r]);
            }
        }
    }

    /** Notes what a call writes through arguments that are known to be right. */
    void noteWrites(Callee callee, int[] state) {
        for (int i = 0; i < callee.argCount(); i++) {
            noteWrite(callee, state, i);
        }
    }

    private void noteWrite(Callee callee, int[] state, int index) {
        ArgKind kind = callee.arg(index);
        int value = state[1 + index];
        int bytes = (int) Ways.argumentBytes(unit, state, callee, index);
        if (!unit.cleansLoop() || !kind.writes() || bytes <= 0 || !Ways.owns(unit, function, value, bytes)) {
            return;
        }
        if (kind == ArgKind.MAP_VALUE_OUT) { // Kinds does not know how long
            b.aload(context);
            access.pushPlace(value, bytes, 1 + index, 0);
            pushLong(b, bytes);
            b.invokevirtual(RUN_CONTEXT, "soilMemory", MethodTypeDesc.of(CD_void, CD_long, CD_long));
        } else if (Kinds.number(value) < 0) {
            run.markDirty(Kinds.slots(Kinds.number(value), bytes));
        }
    }
}
