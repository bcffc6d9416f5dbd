package dev.sluice.jit;

import static java.lang.constant.ConstantDescs.CD_Long;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import dev.sluice.isa.Width;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.constant.MethodTypeDesc;

/** Emits longs, which is what registers are, and what becomes of the JVM's narrower types and of them. */
final class LongCode {
    private static final MethodTypeDesc COMPARE_LONGS = MethodTypeDesc.of(CD_int, CD_long, CD_long);

    private LongCode() {}

    /** Pushes a constant. */
    static void pushLong(CodeBuilder b, long value) {
        if (value == 0 || value == 1 || value != (short) value) {
            b.loadConstant(value);
        } else {
            b.loadConstant((int) value).i2l();
        }
    }

    /** An int on the stack to long, zero-extended. */
    static void widen(CodeBuilder b) {
        b.i2l();
        pushLong(b, 0xffff_ffffL);
        b.land();
    }

    /** A byte, short or int on the stack to long, zero-extended. */
    static void widen(CodeBuilder b, Width width) {
        switch (width) {
            case B -> b.loadConstant(0xff).iand().i2l();
            case H -> b.i2c().i2l();
            case W -> widen(b);
            case DW -> {}
        }
    }

    /** A long on the stack to one that is its lowest byte, short or int, sign-extended. */
    static void signExtend(CodeBuilder b, Width width) {
        switch (width) {
            case B -> b.l2i().i2b().i2l();
            case H -> b.l2i().i2s().i2l();
            case W -> b.l2i().i2l();
            case DW -> {}
        }
    }

    /** A long on the stack to the JVM's type of a width. */
    static void narrow(CodeBuilder b, Width width) {
        switch (width) {
            case B -> b.l2i().i2b();
            case H -> b.l2i().i2s();
            case W -> b.l2i();
            case DW -> {}
        }
    }

    /** Jumps as two longs on the stack, unsigned, compare. */
    static void compareUnsigned(CodeBuilder b, Opcode opcode, Label target) {
        b.invokestatic(CD_Long, "compareUnsigned", COMPARE_LONGS);
        b.branch(opcode, target);
    }
}
