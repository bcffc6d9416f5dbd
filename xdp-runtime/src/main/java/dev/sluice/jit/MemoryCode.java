package dev.sluice.jit;

import static dev.sluice.jit.Descriptors.ALL;
import static dev.sluice.jit.Descriptors.MEMORY;
import static dev.sluice.jit.Descriptors.MEMORY_SEGMENT;
import static dev.sluice.jit.Descriptors.VALUE_LAYOUT;
import static dev.sluice.jit.Descriptors.VAR_HANDLE;
import static java.lang.classfile.ClassFile.ACC_FINAL;
import static java.lang.classfile.ClassFile.ACC_PUBLIC;
import static java.lang.classfile.ClassFile.ACC_STATIC;
import static java.lang.constant.ConstantDescs.CD_Object;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import dev.sluice.isa.AtomicOp;
import dev.sluice.isa.Width;
import dev.sluice.memory.Memory;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/**
 * Emits accesses to memory by address. What C2 makes of them is the same in both ways, but an access to a {@link
 * java.lang.foreign.MemorySegment} is a dozen methods to inline, an {@code Unsafe} one is an intrinsic: with it, HotSpot
 * compiles large methods in a fraction of the time, and its first compiler can compile them at all. {@code Unsafe} is used
 * where the JVM was started with {@code --add-exports java.base/jdk.internal.misc=ALL-UNNAMED}, as {@code ./sluice} does.
 */
final class MemoryCode {
    private static final ClassDesc UNSAFE = ClassDesc.of("jdk.internal.misc.Unsafe");

    /** Binary name of the class that {@link #holder} is of; no program's is in its package. */
    static final String HOLDER_NAME = Compiler.PACKAGE + ".memory.Access";

    private static final ClassDesc HOLDER = ClassDesc.of(HOLDER_NAME);
    private static final MethodTypeDesc GET_UNSAFE = MethodTypeDesc.of(UNSAFE);

    /** Whether generated code may use {@code Unsafe}. */
    static final boolean BY_UNSAFE = Object.class
            .getModule()
            .isExported("jdk.internal.misc", ClassLoader.getSystemClassLoader().getUnnamedModule());

    private MemoryCode() {}

    /** Pushes what is at an address, as the JVM's type of that width. */
    static void load(CodeBuilder b, Width width, Runnable pushAddress) {
        ClassDesc type = Descriptors.primitive(width);
        if (BY_UNSAFE) {
            unsafe(b);
            pushAddress.run();
            b.invokevirtual(UNSAFE, "get" + name(width), MethodTypeDesc.of(type, CD_Object, CD_long));
        } else {
            segment(b, width);
            pushAddress.run();
            b.invokeinterface(MEMORY_SEGMENT, "get", MethodTypeDesc.of(type, Descriptors.layout(width), CD_long));
        }
    }

    /**
     * Stores a value.
     *
     * @param pushValue pushes the JVM's type of that width
     */
    static void store(CodeBuilder b, Width width, Runnable pushAddress, Runnable pushValue) {
        ClassDesc type = Descriptors.primitive(width);
        if (BY_UNSAFE) {
            unsafe(b);
            pushAddress.run();
            pushValue.run();
            b.invokevirtual(UNSAFE, "put" + name(width), MethodTypeDesc.of(CD_void, CD_Object, CD_long, type));
        } else {
            segment(b, width);
            pushAddress.run();
            pushValue.run();
            b.invokeinterface(
                    MEMORY_SEGMENT, "set", MethodTypeDesc.of(CD_void, Descriptors.layout(width), CD_long, type));
        }
    }

    /** Pushes what is at an address, extended to a long. */
    static void loadLong(CodeBuilder b, Width width, boolean signed, Runnable pushAddress) {
        load(b, width, pushAddress);
        if (!signed) {
            LongCode.widen(b, width);
        } else if (width != Width.DW) {
            b.i2l();
        }
    }

    /** Stores the lowest bytes of a long. */
    static void storeLong(CodeBuilder b, Width width, Runnable pushAddress, Runnable pushValue) {
        store(b, width, pushAddress, () -> {
            pushValue.run();
            LongCode.narrow(b, width);
        });
    }

    /**
     * Pushes what was at an address before an atomic operation.
     *
     * @param fetches whether the program gets it: then the operation is fully ordered, as the kernel's are; others need no order
     * @param pushOperands pushes the operand; of a compare-and-exchange what is expected, then what is new
     */
    static void atomic(
            CodeBuilder b, AtomicOp op, boolean fetches, Width width, Runnable pushAddress, Runnable pushOperands) {
        ClassDesc type = Descriptors.primitive(width);
        String method = switch (op) {
            case ADD -> "getAndAdd";
            case OR -> "getAndBitwiseOr";
            case AND -> "getAndBitwiseAnd";
            case XOR -> "getAndBitwiseXor";
            case XCHG -> "getAndSet";
            case CMPXCHG -> "compareAndExchange";
        };
        boolean two = op == AtomicOp.CMPXCHG;
        if (BY_UNSAFE) {
            unsafe(b);
        } else {
            handle(b, width);
        }
        pushAddress.run();
        pushOperands.run();
        ClassDesc base = BY_UNSAFE ? CD_Object : MEMORY_SEGMENT;
        b.invokevirtual(
                BY_UNSAFE ? UNSAFE : VAR_HANDLE,
                BY_UNSAFE ? method + name(width) : method,
                two
                        ? MethodTypeDesc.of(type, base, CD_long, type, type)
                        : MethodTypeDesc.of(type, base, CD_long, type));
        if (fetches && !Memory.ATOMICS_ORDER_ALL) {
            b.invokestatic(VAR_HANDLE, "fullFence", ConstantDescs.MTD_void);
        }
    }

    /** Pushes what is at an address; what comes later in the program happens later. */
    static void loadAcquire(CodeBuilder b, Width width, Runnable pushAddress) {
        ClassDesc type = Descriptors.primitive(width);
        if (BY_UNSAFE) {
            unsafe(b);
            pushAddress.run();
            b.invokevirtual(UNSAFE, "get" + name(width) + "Acquire", MethodTypeDesc.of(type, CD_Object, CD_long));
        } else {
            handle(b, width);
            pushAddress.run();
            b.invokevirtual(VAR_HANDLE, "getAcquire", MethodTypeDesc.of(type, MEMORY_SEGMENT, CD_long));
        }
    }

    /** Stores a value; what comes earlier in the program happens earlier. */
    static void storeRelease(CodeBuilder b, Width width, Runnable pushAddress, Runnable pushValue) {
        ClassDesc type = Descriptors.primitive(width);
        if (BY_UNSAFE) {
            unsafe(b);
            pushAddress.run();
            pushValue.run();
            b.invokevirtual(
                    UNSAFE, "put" + name(width) + "Release", MethodTypeDesc.of(CD_void, CD_Object, CD_long, type));
        } else {
            handle(b, width);
            pushAddress.run();
            pushValue.run();
            b.invokevirtual(VAR_HANDLE, "setRelease", MethodTypeDesc.of(CD_void, MEMORY_SEGMENT, CD_long, type));
        }
    }

    private static void unsafe(CodeBuilder b) {
        b.getstatic(HOLDER, "UNSAFE", UNSAFE).aconst_null();
    }

    /**
     * The class file of what holds {@code Unsafe} for generated code: a constant to C2, where a call of {@code getUnsafe} is
     * one of those that it stops inlining in methods of some thousand bytes.
     */
    static byte[] holder() {
        return ClassFile.of()
                .build(
                        HOLDER,
                        builder -> builder.withFlags(ACC_PUBLIC | ACC_FINAL)
                                .withField("UNSAFE", UNSAFE, ACC_PUBLIC | ACC_STATIC | ACC_FINAL)
                                .withMethodBody(
                                        ConstantDescs.CLASS_INIT_NAME,
                                        ConstantDescs.MTD_void,
                                        ACC_STATIC,
                                        b -> b.invokestatic(UNSAFE, "getUnsafe", GET_UNSAFE)
                                                .putstatic(HOLDER, "UNSAFE", UNSAFE)
                                                .return_()));
    }

    private static void segment(CodeBuilder b, Width width) {
        b.getstatic(MEMORY, ALL, MEMORY_SEGMENT);
        switch (width) {
            case B -> b.getstatic(VALUE_LAYOUT, "JAVA_BYTE", Descriptors.layout(width));
            case H -> b.getstatic(MEMORY, "SHORT", Descriptors.layout(width));
            case W -> b.getstatic(MEMORY, "INT", Descriptors.layout(width));
            case DW -> b.getstatic(MEMORY, "LONG", Descriptors.layout(width));
        }
    }

    private static void handle(CodeBuilder b, Width width) {
        String name = switch (width) {
            case B -> "ATOMIC_BYTE";
            case H -> "ATOMIC_SHORT";
            case W -> "ATOMIC_INT";
            case DW -> "ATOMIC_LONG";
        };
        b.getstatic(MEMORY, name, VAR_HANDLE).getstatic(MEMORY, ALL, MEMORY_SEGMENT);
    }

    /** How Unsafe names a width. */
    private static String name(Width width) {
        return switch (width) {
            case B -> "Byte";
            case H -> "Short";
            case W -> "Int";
            case DW -> "Long";
        };
    }
}
