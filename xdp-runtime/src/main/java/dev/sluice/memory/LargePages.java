package dev.sluice.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Large pieces of zeroed memory on pages of 2 MiB where Linux has some to give: a look-up in a table of many megabytes then
 * finds the page's address in the TLB. Elsewhere, and where the system refuses, memory as any other. Pages are taken when they
 * are first touched.
 */
final class LargePages {
    private static final long PAGE_BYTES = 2L << 20;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final int MADV_HUGEPAGE = 14;

    /** The system's calls. */
    private record Calls(MethodHandle mmap, MethodHandle madvise, MethodHandle munmap) {
        static @Nullable Calls find() {
            // the numbers above are those of x86-64 and aarch64
            if (!System.getProperty("os.name", "").equals("Linux")) {
                return null;
            }
            ValueLayout number = ValueLayout.JAVA_LONG;
            ValueLayout flag = ValueLayout.JAVA_INT;
            return new Calls(
                    call("mmap", FunctionDescriptor.of(number, number, number, flag, flag, flag, number)),
                    call("madvise", FunctionDescriptor.of(flag, number, number, flag)),
                    call("munmap", FunctionDescriptor.of(flag, number, number)));
        }

        private static MethodHandle call(String name, FunctionDescriptor type) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().find(name).orElseThrow(() -> new AssertionError(name)), type);
        }
    }

    /** Made when they are first needed. */
    private static final class Holder {
        static final @Nullable Calls CALLS = Calls.find();
    }

    private LargePages() {}

    /** Whether so many bytes are worth it. */
    static boolean fit(long bytes) {
        return bytes >= PAGE_BYTES;
    }

    /** The address of zeroed memory that lives as long as the arena, or 0. */
    static long allocate(Arena arena, long bytes) {
        Calls calls = Holder.CALLS;
        if (calls == null) {
            return 0;
        }
        long whole = bytes + 2 * PAGE_BYTES - 1 & -PAGE_BYTES;
        try {
            long mapped = (long) calls.mmap.invokeExact(0L, whole, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
            if (mapped == -1) {
                return 0;
            }
            MemorySegment.ofAddress(mapped).reinterpret(whole, arena, memory -> unmap(calls, memory.address(), whole));
            long start = mapped + PAGE_BYTES - 1 & -PAGE_BYTES;
            int ignored = (int) calls.madvise.invokeExact(start, bytes & -PAGE_BYTES, MADV_HUGEPAGE);
            return start;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void unmap(Calls calls, long address, long bytes) {
        try {
            int ignored = (int) calls.munmap.invokeExact(address, bytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
