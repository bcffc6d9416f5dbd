package dev.sluice.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.List;

/**
 * Unchecked access to native memory by address: one segment that spans everything, which C2 folds into plain loads and
 * stores. A wrong address is a SIGSEGV of the JVM; callers prove or check first. Any thread; no allocation.
 *
 * <p>For the few loops whose time is a packet's: C2 stops inlining these methods when some 8,000 bytes of code are inlined, which
 * are about thirty accesses, and a call in a loop costs more than itself, as nothing stays in a register. {@code ALL.get} and
 * {@code ALL.set} in place are inlined always. And {@link #ofUserSpace} spares the check of each address.
 */
public final class Memory {
    /** All of the address space. Generated code uses it directly. */
    public static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** Layouts for {@link MemorySegment#get}: natural byte order, any alignment. */
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    /** Ordered access to bytes; coordinates (MemorySegment, long address). */
    public static final VarHandle ATOMIC_BYTE = withOffset(ValueLayout.JAVA_BYTE);

    /** Ordered access to aligned shorts; coordinates (MemorySegment, long address). */
    public static final VarHandle ATOMIC_SHORT = withOffset(ValueLayout.JAVA_SHORT);

    /** Atomic access to aligned ints; coordinates (MemorySegment, long address). */
    public static final VarHandle ATOMIC_INT = withOffset(ValueLayout.JAVA_INT);

    /** Atomic access to aligned longs; coordinates (MemorySegment, long address). */
    public static final VarHandle ATOMIC_LONG = withOffset(ValueLayout.JAVA_LONG);

    /**
     * Whether an atomic operation orders all that is before it and all that is behind it, as one instruction of x86 does. Java
     * promises that of volatile accesses only: elsewhere a plain store in front of the operation and a plain load behind it
     * can change places, so who needs more has to add a {@link VarHandle#fullFence}.
     */
    public static final boolean ATOMICS_ORDER_ALL = List.of("amd64", "x86_64").contains(System.getProperty("os.arch"));

    private static final MemoryAccess ACCESS = MemoryAccess.best();

    /** Addresses that a process of 64-bit Linux has, and more on all but those with five levels of page tables. */
    private static final long USER_SPACE = (1L << 56) - 1;

    /** Up to so many bytes a loop is faster than a call of the runtime. */
    private static final long SHORT_COPY = 128;

    private static final MemorySegment ZEROES = Arena.global().allocate(4096, 64);

    private Memory() {}

    private static VarHandle withOffset(MemoryLayout layout) {
        return layout.varHandle();
    }

    /**
     * The same address of user space, of which C2 knows from here on that it is one: accesses at small distances from it need
     * no check that they are within {@link #ALL}.
     */
    public static long ofUserSpace(long address) {
        return address & USER_SPACE;
    }

    public static byte getByte(long address) {
        return ACCESS.getByte(address);
    }

    public static short getShort(long address) {
        return ACCESS.getShort(address);
    }

    public static int getInt(long address) {
        return ACCESS.getInt(address);
    }

    public static long getLong(long address) {
        return ACCESS.getLong(address);
    }

    public static void putByte(long address, byte value) {
        ACCESS.putByte(address, value);
    }

    public static void putShort(long address, short value) {
        ACCESS.putShort(address, value);
    }

    public static void putInt(long address, int value) {
        ACCESS.putInt(address, value);
    }

    public static void putLong(long address, long value) {
        ACCESS.putLong(address, value);
    }

    /** Copies bytes between two areas, which may overlap. */
    public static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    /** Copies bytes, mostly few of them, between two areas that do not overlap. */
    public static void copyShort(long from, long to, long bytes) {
        if (bytes > SHORT_COPY) {
            copy(from, to, bytes);
            return;
        }
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            putLong(to + at, getLong(from + at));
        }
        if ((bytes & Integer.BYTES) != 0) {
            putInt(to + at, getInt(from + at));
            at += Integer.BYTES;
        }
        if ((bytes & Short.BYTES) != 0) {
            putShort(to + at, getShort(from + at));
            at += Short.BYTES;
        }
        if ((bytes & 1) != 0) {
            putByte(to + at, getByte(from + at));
        }
    }

    /** Copies bytes, mostly few of them, between two areas that may overlap. */
    public static void moveShort(long from, long to, long bytes) {
        if (Math.abs(to - from) < bytes) {
            copy(from, to, bytes);
        } else {
            copyShort(from, to, bytes);
        }
    }

    /** Copies out of native memory. */
    public static void copy(long from, byte[] to, int index, int bytes) {
        MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, from, to, index, bytes);
    }

    /** Copies into native memory. */
    public static void copy(byte[] from, int index, long to, int bytes) {
        MemorySegment.copy(from, index, ALL, ValueLayout.JAVA_BYTE, to, bytes);
    }

    /** Sets every byte of an area. What runs for packets gives zero and at most a page, for which nothing is allocated. */
    public static void fill(long address, long bytes, byte value) {
        if (value == 0 && bytes <= ZEROES.byteSize()) {
            MemorySegment.copy(ZEROES, 0, ALL, address, bytes);
        } else {
            ALL.asSlice(address, bytes).fill(value);
        }
    }

    /** A new array with the bytes of an area. */
    public static byte[] bytes(long address, int length) {
        byte[] bytes = new byte[length];
        copy(address, bytes, 0, length);
        return bytes;
    }

    /** Zeroes mostly few bytes. */
    public static void zeroShort(long address, long bytes) {
        if (bytes > SHORT_COPY) {
            fill(address, bytes, (byte) 0);
            return;
        }
        long at = 0;
        for (; at <= bytes - Long.BYTES; at += Long.BYTES) {
            putLong(address + at, 0);
        }
        for (; at < bytes; at++) {
            putByte(address + at, (byte) 0);
        }
    }

    /** Zeroed memory that lives as long as the arena; its address. */
    public static long allocate(Arena arena, long bytes, long alignment) {
        if (LargePages.fit(bytes)) {
            long address = LargePages.allocate(arena, bytes);
            if (address != 0) {
                return address;
            }
        }
        return arena.allocate(Math.max(bytes, 1), alignment).address();
    }
}
