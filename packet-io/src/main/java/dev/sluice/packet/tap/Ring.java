package dev.sluice.packet.tap;

import dev.sluice.memory.Memory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * An io_uring on one descriptor, used as a system call for many reads or writes: entries are written, {@link #submit} has the
 * kernel do them in their order, and when it returns all of them are done. They are never left to a thread of the kernel, as
 * each says {@code RWF_NOWAIT}; so nothing is in flight between two calls, frames may be given back at once, and what one read
 * gave came before what the next one gave.
 *
 * <p>One thread at a time. Allocates nothing but when it is opened.
 */
final class Ring implements AutoCloseable {
    /** Entries that one {@link #submit} can take. */
    static final int ENTRIES = 64;

    private static final long IO_URING_SETUP = 425;
    private static final long IO_URING_REGISTER = 427;
    private static final int REGISTER_FILES = 2;
    private static final int UNREGISTER_FILES = 3;
    private static final long OFFSET_SQES = 0x1000_0000L;

    // struct io_uring_params: what the kernel fills in
    private static final int PARAMS_BYTES = 120;
    private static final int PARAMS_SQ_ENTRIES = 0;
    private static final int PARAMS_CQ_ENTRIES = 4;
    private static final int PARAMS_FEATURES = 20;
    private static final int PARAMS_SQ = 40;
    private static final int PARAMS_CQ = 80;
    private static final int SQ_TAIL = 4;
    private static final int SQ_ARRAY = 24;
    private static final int CQ_TAIL = 4;
    private static final int CQ_CQES = 20;

    /** {@code IORING_FEAT_SINGLE_MMAP}, since Linux 5.4. */
    private static final int FEATURE_SINGLE_MMAP = 1;

    /** {@code IORING_FEAT_CQE_SKIP}, since Linux 5.17. */
    private static final int FEATURE_CQE_SKIP = 1 << 11;

    // struct io_uring_sqe, and what its first eight bytes are: operation, flags, priority, number of the registered
    // file
    private static final int SQE_BYTES = 64;
    private static final int SQE_ADDRESS = 16;
    private static final int SQE_LENGTH_AND_FLAGS = 24;
    private static final int SQE_USER_DATA = 32;
    private static final long FIXED_FILE = 1 << 8;
    private static final long SKIP_WHEN_DONE = 1 << 14;
    private static final long READ = 22 | FIXED_FILE;
    private static final long WRITE = 23 | FIXED_FILE | SKIP_WHEN_DONE;
    private static final long NOWAIT = 8L << 32;

    // struct io_uring_cqe
    private static final int CQE_BYTES = 16;
    private static final int CQE_RESULT = 8;

    private final int fd;
    private final int[] results = new int[ENTRIES];
    private final int[] lengths = new int[ENTRIES];
    private long rings;
    private long ringsBytes;
    private long entries;
    private long entriesBytes;
    private int entryMask;
    private int completionMask;
    private long submitTail;
    private long completeHead;
    private long completeTail;
    private long completions;
    private int tail;
    private int prepared;
    private boolean closed;

    /**
     * @param file a descriptor whose file can be read and written without waiting; it is held open until the ring is closed
     * @throws TapException when the kernel does not let us; the message says why
     */
    Ring(int file) throws TapException {
        boolean complete = false;
        int opened = -1;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = arena.allocate(PARAMS_BYTES, 8);
            opened = (int) LibC.syscall(IO_URING_SETUP, ENTRIES, params.address(), 0, 0);
            if (opened < 0) {
                throw new TapException(reason(-opened), -opened);
            }
            fd = opened;
            int features = params.get(ValueLayout.JAVA_INT, PARAMS_FEATURES);
            if ((features & FEATURE_SINGLE_MMAP) == 0 || (features & FEATURE_CQE_SKIP) == 0) {
                throw new TapException("the kernel's io_uring is too old, expected that of Linux 5.17", LibC.ENOSYS);
            }
            map(params);
            MemorySegment files = arena.allocateFrom(ValueLayout.JAVA_INT, file);
            int result = (int) LibC.syscall(IO_URING_REGISTER, fd, REGISTER_FILES, files.address(), 1);
            if (result >= 0) {
                read(params.address(), 0); // no byte and no frame, but the answer that is given to all
                submit();
                result = results[0];
            }
            if (result < 0) {
                throw new TapException(
                        "it cannot read and write the interface without waiting: " + LibC.strerror(-result), -result);
            }
            complete = true;
        } finally {
            if (!complete) {
                release(opened);
            }
        }
    }

    private void map(MemorySegment params) throws TapException {
        int submissions = params.get(ValueLayout.JAVA_INT, PARAMS_SQ_ENTRIES);
        int completionCount = params.get(ValueLayout.JAVA_INT, PARAMS_CQ_ENTRIES);
        int array = params.get(ValueLayout.JAVA_INT, PARAMS_SQ + SQ_ARRAY);
        int cqes = params.get(ValueLayout.JAVA_INT, PARAMS_CQ + CQ_CQES);
        ringsBytes = Math.max(array + (long) submissions * Integer.BYTES, cqes + (long) completionCount * CQE_BYTES);
        rings = mapped(LibC.mmap(fd, ringsBytes, 0));
        entriesBytes = (long) submissions * SQE_BYTES;
        entries = mapped(LibC.mmap(fd, entriesBytes, OFFSET_SQES));
        entryMask = submissions - 1;
        completionMask = completionCount - 1;
        submitTail = rings + params.get(ValueLayout.JAVA_INT, PARAMS_SQ + SQ_TAIL);
        completeHead = rings + params.get(ValueLayout.JAVA_INT, PARAMS_CQ);
        completeTail = rings + params.get(ValueLayout.JAVA_INT, PARAMS_CQ + CQ_TAIL);
        completions = rings + cqes;
        for (int i = 0; i < submissions; i++) {
            Memory.putInt(rings + array + (long) i * Integer.BYTES, i); // entries are used in their order
        }
    }

    private static long mapped(long address) throws TapException {
        // addresses of user space are positive
        if (address < 0) {
            throw new TapException("its memory cannot be mapped: " + LibC.strerror((int) -address), (int) -address);
        }
        return address;
    }

    /** Why the kernel gave no ring. */
    static String reason(int errno) {
        return switch (errno) {
            case LibC.EPERM -> {
                String setting = setting();
                yield setting.equals("1") || setting.equals("2")
                        ? "the system forbids it (sysctl kernel.io_uring_disabled is " + setting + ")"
                        : "a seccomp filter forbids it, as containers' do";
            }
            case LibC.ENOSYS -> "the kernel has none, or a seccomp filter hides it";
            case LibC.ENOMEM -> "no memory may be locked for it (ulimit -l)";
            default -> LibC.strerror(errno);
        };
    }

    private static String setting() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/io_uring_disabled"))
                    .trim();
        } catch (IOException e) {
            return "";
        }
    }

    /** Prepares the next read, of at most so many bytes. At most {@link #ENTRIES} of these between two submissions. */
    void read(long address, int length) {
        prepare(READ, address, length);
    }

    /** Prepares the next write. */
    void write(long address, int length) {
        prepare(WRITE, address, length);
    }

    private void prepare(long operation, long address, int length) {
        int i = prepared++;
        long entry = entries + (long) (tail + i & entryMask) * SQE_BYTES;
        Memory.putLong(entry, operation);
        Memory.putLong(entry + SQE_ADDRESS, address);
        Memory.putLong(entry + SQE_LENGTH_AND_FLAGS, length & 0xffff_ffffL | NOWAIT);
        Memory.putLong(entry + SQE_USER_DATA, i);
        lengths[i] = length;
    }

    /** Has what was prepared done, and returns when it is; {@link #result} then says what became of each. */
    void submit() {
        int count = prepared;
        prepared = 0;
        // a write that took all says nothing
        System.arraycopy(lengths, 0, results, 0, count);
        tail += count;
        VarHandle.releaseFence();
        Memory.putInt(submitTail, tail);
        int left = count;
        while (left > 0) {
            int taken = LibC.ioUringEnter(fd, left);
            if (taken <= 0) { // the kernel has no memory for more now
                break;
            }
            left -= taken;
        }
        if (left > 0) {
            tail -= left;
            Memory.putInt(submitTail, tail);
            Arrays.fill(results, count - left, count, -LibC.EAGAIN);
        }
        int head = Memory.getInt(completeHead);
        int end = Memory.getInt(completeTail);
        VarHandle.acquireFence();
        for (; head != end; head++) {
            long completion = completions + (long) (head & completionMask) * CQE_BYTES;
            results[(int) Memory.getLong(completion)] = Memory.getInt(completion + CQE_RESULT);
        }
        VarHandle.releaseFence();
        Memory.putInt(completeHead, head);
    }

    /** What became of the i-th of those that the last {@link #submit} has done: bytes, or a negative error number. */
    int result(int i) {
        return results[i];
    }

    /** Gives the descriptor's file and the memory back. */
    @Override
    public void close() {
        if (!closed) {
            // at once: a ring itself goes away later than its descriptor, and the interface would stay that long
            long unused = LibC.syscall(IO_URING_REGISTER, fd, UNREGISTER_FILES, 0, 0);
            release(fd);
        }
    }

    private void release(int descriptor) {
        closed = true;
        if (rings > 0) {
            LibC.munmap(rings, ringsBytes);
        }
        if (entries > 0) {
            LibC.munmap(entries, entriesBytes);
        }
        if (descriptor >= 0) {
            LibC.close(descriptor);
        }
    }
}
