package dev.sluice.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory of the kernel that is mapped into this process. Owner thread: the one that made it. */
final class Mapping implements AutoCloseable {
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    private static final int MAP_SHARED = 1;
    private static final long AT_PAGESZ = 6;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment segment;

    private Mapping(long address, long bytes) {
        segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, Mapping::unmap);
    }

    private static void unmap(MemorySegment segment) {
        try (Call call = Call.begin()) {
            call.system(Machine.MUNMAP, segment.address(), segment.byteSize(), 0, 0, 0);
        }
    }

    static Mapping of(int fd, long offset, long bytes, int protection) {
        try (Call call = Call.begin()) {
            long address = call.system(Machine.MMAP, 0, bytes, protection, MAP_SHARED, fd, offset);
            if (address < 0) {
                throw new BpfException("mmap fd=" + fd + " offset=" + offset + " length=" + bytes, (int) -address);
            }
            return new Mapping(address, bytes);
        }
    }

    MemorySegment segment() {
        return segment;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }

    /** The machine's page size in bytes, from the auxiliary vector that the kernel gave this process. */
    static int pageBytes() {
        try {
            MemorySegment vector = MemorySegment.ofArray(Files.readAllBytes(Path.of("/proc/self/auxv")));
            for (long at = 0; at + 16 <= vector.byteSize(); at += 16) {
                if (vector.get(ValueLayout.JAVA_LONG_UNALIGNED, at) == AT_PAGESZ) {
                    return (int) vector.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 8);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException("the page size cannot be read: " + e.getMessage(), e);
        }
        throw new AssertionError("an auxiliary vector without a page size");
    }
}
