package dev.sluice.jit;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/** A generated static method. */
record MethodRef(ClassDesc owner, String name) {
    /** {@code long f(RunContext, r1, r2, r3, r4, r5, r10)}. */
    static final MethodTypeDesc FUNCTION_TYPE =
            MethodTypeDesc.of(CD_long, Descriptors.RUN_CONTEXT, CD_long, CD_long, CD_long, CD_long, CD_long, CD_long);

    /** {@code long callFunction(RunContext, r1, r2, r3, r4, r5, r10, function pointer)}. */
    static final MethodTypeDesc CALLX_TYPE = MethodTypeDesc.of(
            CD_long, Descriptors.RUN_CONTEXT, CD_long, CD_long, CD_long, CD_long, CD_long, CD_long, CD_long);

    /** {@code long resume(RunContext, r10, entry)}: goes on in a part, with what {@code RunContext.carried} holds. */
    static final MethodTypeDesc RESUME_TYPE = MethodTypeDesc.of(CD_long, Descriptors.RUN_CONTEXT, CD_long, CD_int);
}
