package dev.sluice.memory;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.ValueLayout;

/**
 * How {@link Memory} reads and writes: by {@code Unsafe} where the JVM was started with {@code --add-exports
 * java.base/jdk.internal.misc=ALL-UNNAMED}, as {@code ./sluice} does, else by {@link Memory#ALL}. C2 makes the same of both,
 * but an access to a segment is a dozen methods that it inlines, and it stops where they have come to some thousand bytes: what
 * a packet's loop calls behind that stays a call. Public because the class that uses {@code Unsafe} is in a module of its own,
 * to which alone that is exported; nobody else extends or calls it. Any thread; no allocation.
 */
public abstract class MemoryAccess {
    private static final ClassDesc UNSAFE = ClassDesc.of("jdk.internal.misc.Unsafe");
    private static final String BY_UNSAFE = "dev.sluice.memory.unsafe.UnsafeAccess";

    protected MemoryAccess() {}

    public abstract byte getByte(long address);

    public abstract short getShort(long address);

    public abstract int getInt(long address);

    public abstract long getLong(long address);

    public abstract void putByte(long address, byte value);

    public abstract void putShort(long address, short value);

    public abstract void putInt(long address, int value);

    public abstract void putLong(long address, long value);

    /** The best that this JVM allows. */
    static MemoryAccess best() {
        Module unnamed = ClassLoader.getSystemClassLoader().getUnnamedModule();
        return Object.class.getModule().isExported("jdk.internal.misc", unnamed) ? byUnsafe() : new BySegment();
    }

    private static MemoryAccess byUnsafe() {
        ClassLoader loader = new ClassLoader(MemoryAccess.class.getClassLoader()) {
            @Override
            protected Class<?> findClass(String name) throws ClassNotFoundException {
                if (!name.equals(BY_UNSAFE)) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = unsafeClass();
                return defineClass(name, bytes, 0, bytes.length);
            }
        };
        try {
            return (MemoryAccess) loader.loadClass(BY_UNSAFE).getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("class cannot be made: " + BY_UNSAFE, e);
        }
    }

    /** A class of which each method is one of {@code Unsafe}, which is a constant: to C2, a load or a store. */
    private static byte[] unsafeClass() {
        ClassDesc self = ClassDesc.of(BY_UNSAFE);
        ClassDesc parent = ClassDesc.of(MemoryAccess.class.getName());
        int constant = ClassFile.ACC_PRIVATE | ClassFile.ACC_STATIC | ClassFile.ACC_FINAL;
        return ClassFile.of().build(self, type -> {
            type.withFlags(ClassFile.ACC_PUBLIC | ClassFile.ACC_FINAL)
                    .withSuperclass(parent)
                    .withField("UNSAFE", UNSAFE, constant)
                    .withMethodBody(
                            ConstantDescs.CLASS_INIT_NAME,
                            ConstantDescs.MTD_void,
                            ClassFile.ACC_STATIC,
                            b -> b.invokestatic(UNSAFE, "getUnsafe", MethodTypeDesc.of(UNSAFE))
                                    .putstatic(self, "UNSAFE", UNSAFE)
                                    .return_())
                    .withMethodBody(
                            ConstantDescs.INIT_NAME,
                            ConstantDescs.MTD_void,
                            ClassFile.ACC_PUBLIC,
                            b -> b.aload(0)
                                    .invokespecial(parent, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                                    .return_());
            for (TypeKind kind : new TypeKind[] {TypeKind.BYTE, TypeKind.SHORT, TypeKind.INT, TypeKind.LONG}) {
                String name = switch (kind) {
                    case BYTE -> "Byte";
                    case SHORT -> "Short";
                    case INT -> "Int";
                    default -> "Long";
                };
                ClassDesc value = kind.upperBound();
                MethodTypeDesc get = MethodTypeDesc.of(value, ConstantDescs.CD_long);
                MethodTypeDesc put = MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_long, value);
                int flags = ClassFile.ACC_PUBLIC | ClassFile.ACC_FINAL;
                type.withMethodBody(
                        "get" + name,
                        get,
                        flags,
                        b -> unsafe(b, self)
                                .invokevirtual(
                                        UNSAFE, "get" + name, get.insertParameterTypes(0, ConstantDescs.CD_Object))
                                .return_(kind));
                type.withMethodBody(
                        "put" + name,
                        put,
                        flags,
                        b -> unsafe(b, self)
                                .loadLocal(kind, b.parameterSlot(1))
                                .invokevirtual(
                                        UNSAFE, "put" + name, put.insertParameterTypes(0, ConstantDescs.CD_Object))
                                .return_());
            }
        });
    }

    private static CodeBuilder unsafe(CodeBuilder b, ClassDesc self) {
        return b.getstatic(self, "UNSAFE", UNSAFE).aconst_null().lload(b.parameterSlot(0));
    }

    /** By the segment that spans everything. */
    private static final class BySegment extends MemoryAccess {
        @Override
        public byte getByte(long address) {
            return Memory.ALL.get(ValueLayout.JAVA_BYTE, address);
        }

        @Override
        public short getShort(long address) {
            return Memory.ALL.get(Memory.SHORT, address);
        }

        @Override
        public int getInt(long address) {
            return Memory.ALL.get(Memory.INT, address);
        }

        @Override
        public long getLong(long address) {
            return Memory.ALL.get(Memory.LONG, address);
        }

        @Override
        public void putByte(long address, byte value) {
            Memory.ALL.set(ValueLayout.JAVA_BYTE, address, value);
        }

        @Override
        public void putShort(long address, short value) {
            Memory.ALL.set(Memory.SHORT, address, value);
        }

        @Override
        public void putInt(long address, int value) {
            Memory.ALL.set(Memory.INT, address, value);
        }

        @Override
        public void putLong(long address, long value) {
            Memory.ALL.set(Memory.LONG, address, value);
        }
    }
}
