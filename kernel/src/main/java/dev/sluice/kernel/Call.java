package dev.sluice.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One system call and the off-heap memory that its arguments need.
 *
 * <p>{@link #begin} borrows the calling thread's area: 64 KiB from which small arguments are cut, so that an ordinary
 * call allocates nothing; what does not fit comes from an arena that {@link #close} frees. Calls do not nest on a
 * thread, except that a nested one gets an area of its own. Memory is zeroed.
 *
 * <p>Owner thread: the one that called {@link #begin}.
 */
final class Call implements AutoCloseable {
    private static final int AREA_BYTES = 64 << 10;
    /** The longest {@code union bpf_attr} part that we pass, rounded up: PROG_LOAD. */
    private static final int ATTR_BYTES = 168;

    private static final ThreadLocal<Call> AREAS = ThreadLocal.withInitial(Call::new);

    private final MemorySegment attr;
    private final MemorySegment state;
    private final MemorySegment area;
    private long used;
    private boolean busy;
    private @Nullable Arena extra;

    private Call() {
        // Automatic: the area lives as long as its thread.
        Arena arena = Arena.ofAuto();
        attr = arena.allocate(ATTR_BYTES, 8);
        state = arena.allocate(Native.STATE);
        area = arena.allocate(AREA_BYTES, 64);
    }

    static Call begin() {
        Call call = AREAS.get();
        if (call.busy) {
            call = new Call();
        }
        call.busy = true;
        call.used = 0;
        return call;
    }

    /** The {@code bpf_attr} of this call, zeroed before every {@link #begin} and left as the kernel wrote it. */
    MemorySegment attr() {
        return attr;
    }

    /** Zeroed memory, 8-byte aligned, valid until {@link #close}. */
    MemorySegment allocate(long bytes) {
        long start = used;
        if (bytes <= AREA_BYTES - start) {
            used = start + (bytes + 7 & -8L);
            return area.asSlice(start, bytes).fill((byte) 0);
        }
        if (extra == null) {
            extra = Arena.ofConfined();
        }
        return extra.allocate(bytes, 8);
    }

    /** A copy of the bytes; the null pointer for none, which is what bpf(2) wants for an absent key. */
    MemorySegment copy(byte[] bytes) {
        if (bytes.length == 0) {
            return MemorySegment.NULL;
        }
        MemorySegment segment = allocate(bytes.length);
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    /** A C string. */
    MemorySegment string(String text) {
        SegmentAllocator allocator = (bytes, alignment) -> allocate(bytes);
        return allocator.allocateFrom(text);
    }

    void set(int offset, int value) {
        attr.set(ValueLayout.JAVA_INT, offset, value);
    }

    void set(int offset, long value) {
        attr.set(ValueLayout.JAVA_LONG, offset, value);
    }

    void set(int offset, MemorySegment pointer) {
        attr.set(ValueLayout.JAVA_LONG, offset, pointer.address());
    }

    int get(int offset) {
        return attr.get(ValueLayout.JAVA_INT, offset);
    }

    /** Runs {@code bpf(2)} with the first bytes of {@link #attr}. Returns the result, or the negative errno. */
    int bpf(int command, int attrBytes) {
        return Native.bpf(state, command, attr, attrBytes);
    }

    /** Any other system call, by number. Returns the result, or the negative errno. */
    long system(long number, long a, long b, long c, long d, long e) {
        return Native.system(state, number, a, b, c, d, e, 0);
    }

    long system(long number, long a, long b, long c, long d, long e, long f) {
        return Native.system(state, number, a, b, c, d, e, f);
    }

    @Override
    public void close() {
        attr.fill((byte) 0);
        if (extra != null) {
            extra.close();
            extra = null;
        }
        busy = false;
    }

    /** The downcall handles. Initialised on first use, after {@link Kernel#open} has looked at system and machine. */
    static final class Native {
        static final StructLayout STATE = Linker.Option.captureStateLayout();
        private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
        private static final MethodHandle BPF;
        private static final MethodHandle SYSTEM;

        static {
            Linker linker = Linker.nativeLinker();
            Optional<MemorySegment> symbol = linker.defaultLookup().find("syscall");
            MemorySegment syscall = symbol.orElseThrow(() -> new UnsatisfiedLinkError("no syscall() in the C library"));
            Linker.Option errno = Linker.Option.captureCallState("errno");
            // syscall is variadic after the number: on some machines such arguments travel differently.
            Linker.Option variadic = Linker.Option.firstVariadicArg(1);
            BPF = linker.downcallHandle(
                    syscall,
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS,
                            ValueLayout.JAVA_INT),
                    errno,
                    variadic);
            SYSTEM = linker.downcallHandle(
                    syscall,
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.JAVA_LONG),
                    errno,
                    variadic);
        }

        private Native() {}

        static int bpf(MemorySegment state, int command, MemorySegment attr, int attrBytes) {
            long result;
            try {
                result = (long) BPF.invokeExact(state, (long) Machine.BPF, command, attr, attrBytes);
            } catch (Throwable e) {
                throw new AssertionError("syscall() cannot be called", e);
            }
            return (int) (result < 0 ? -(int) ERRNO.get(state, 0L) : result);
        }

        static long system(MemorySegment state, long number, long a, long b, long c, long d, long e, long f) {
            long result;
            try {
                result = (long) SYSTEM.invokeExact(state, number, a, b, c, d, e, f);
            } catch (Throwable t) {
                throw new AssertionError("syscall() cannot be called", t);
            }
            return result == -1 ? -(int) ERRNO.get(state, 0L) : result;
        }
    }
}
