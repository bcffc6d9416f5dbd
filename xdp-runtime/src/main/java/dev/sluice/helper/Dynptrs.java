package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.map.RingBufferMap;
import dev.sluice.memory.Memory;

/**
 * Dynptrs: memory whose size is only known while the program runs. A {@code struct bpf_dynptr} is 16 bytes of the
 * program's stack, which verified programs cannot read or write themselves:
 *
 * <pre>
 *  0  u64  the memory; 0 for none; for the packet, the program's context
 *  8  u32  bits 0-23 size, 28-30 type (1 memory, 2 record of a ring buffer, 4 packet), 31 whether it is only read
 * 12  u32  where it begins in the memory
 * </pre>
 *
 * <p>The helpers among these give errors on 64 bits, the kernel functions an {@code int}, not extended.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class Dynptrs {
    /** Where a dynptr has its size, and where it begins in the memory. */
    public static final int SIZE = 8;

    public static final int OFFSET = 12;

    /** The bits of a size. */
    public static final int MAX_SIZE = 0xff_ffff;

    /** Bytes of all of it. */
    public static final int BYTES = ArgKind.DYNPTR_BYTES;

    /** Where the word with the size has the type; the bit above says whether it is only read. */
    public static final int TYPE_SHIFT = 28;

    private static final int TYPE_MASK = 7;
    private static final int READ_ONLY = 1 << 31;

    private static final int LOCAL = 1;
    private static final int RINGBUF = 2;
    /** The type of a dynptr over the packet. */
    public static final int XDP = 4;

    /** Packets are addressed with 16 bits. */
    private static final int MAX_PACKET = 0xffff;

    private static final long LOW = 0xffff_ffffL;

    private Dynptrs() {}

    // --- the fields

    private static long memory(long dynptr) {
        return Memory.getLong(dynptr);
    }

    private static int sizeOf(long dynptr) {
        return Memory.getInt(dynptr + SIZE) & MAX_SIZE;
    }

    private static int typeOf(long dynptr) {
        return Memory.getInt(dynptr + SIZE) >>> TYPE_SHIFT & TYPE_MASK;
    }

    private static boolean isReadOnly(long dynptr) {
        return (Memory.getInt(dynptr + SIZE) & READ_ONLY) != 0;
    }

    private static int offsetOf(long dynptr) {
        return Memory.getInt(dynptr + OFFSET);
    }

    private static void make(long dynptr, long memory, int type, long size) {
        Memory.putLong(dynptr, memory);
        Memory.putInt(dynptr + SIZE, (int) size | type << TYPE_SHIFT);
        Memory.putInt(dynptr + OFFSET, 0);
    }

    private static void clear(long dynptr) {
        Memory.putLong(dynptr, 0);
        Memory.putLong(dynptr + SIZE, 0);
    }

    /** Makes one over memory. */
    static void makeLocal(long dynptr, long memory, long size) {
        make(dynptr, memory, LOCAL, size);
    }

    /** Whether 16 readable bytes are a dynptr that this run may use: engines ask before they call for unverified programs. */
    public static boolean isValid(RunContext context, long dynptr) {
        long memory = memory(dynptr);
        if (memory == 0) {
            return true;
        }
        int size = sizeOf(dynptr);
        int offset = offsetOf(dynptr);
        if (offset < 0 || offset > MAX_SIZE) {
            return false;
        }
        return switch (typeOf(dynptr)) {
            case XDP -> memory == context.xdpMd;
            case LOCAL -> size == 0 || context.allows(memory + offset, size, !isReadOnly(dynptr));
            case RINGBUF ->
                RingBufferMap.ofSample(context.maps, memory) != null
                        && (size == 0 || context.allows(memory + offset, size, true));
            default -> false;
        };
    }

    /** Whether 16 readable bytes are a dynptr of the packet at hand, or none: most are, and it is soon said. */
    public static boolean isOfPacket(RunContext context, long dynptr) {
        long memory = memory(dynptr);
        return memory == 0
                || memory == context.xdpMd
                        && typeOf(dynptr) == XDP
                        && Integer.compareUnsigned(offsetOf(dynptr), MAX_SIZE) <= 0;
    }

    /** Notes that what a valid dynptr is over may be written through it, if that is in the stacks. */
    public static void soil(RunContext context, long dynptr) {
        int size = sizeOf(dynptr);
        if (memory(dynptr) != 0 && typeOf(dynptr) == LOCAL && size != 0) {
            context.soilMemory(memory(dynptr) + offsetOf(dynptr), size);
        }
    }

    /** Whether such a dynptr is a ring buffer's, or none at all. */
    public static boolean isRingbuf(long dynptr) {
        return memory(dynptr) == 0 || typeOf(dynptr) == RINGBUF;
    }

    private static boolean isOutside(long dynptr, long offset, long length) {
        long size = sizeOf(dynptr);
        return length > size || offset > size - length;
    }

    /** The address of bytes that lie in one piece, or 0. */
    private static long piece(RunContext context, long dynptr, long offset, long length) {
        if (memory(dynptr) == 0 || isOutside(dynptr, offset, length)) {
            return 0;
        }
        long from = offsetOf(dynptr) + offset;
        if (typeOf(dynptr) != XDP) {
            return memory(dynptr) + from;
        }
        // the packet may have shrunk since
        boolean inside = from <= MAX_PACKET && length <= MAX_PACKET && from + length <= PacketHelpers.length(context);
        return inside ? PacketHelpers.pointer(context, from, length) : 0;
    }

    // --- helpers

    /** Makes a dynptr over memory: 0, or an empty one and E2BIG for more than 16,777,215 bytes, EINVAL for flags. */
    public static long dynptrFromMem(RunContext context, long memory, long size, long flags, long dynptr, long r5) {
        if ((size & LOW) > MAX_SIZE) {
            clear(dynptr);
            return Errno.E2BIG.negative();
        }
        if (flags != 0) {
            clear(dynptr);
            return Errno.EINVAL.negative();
        }
        make(dynptr, memory, LOCAL, size & LOW);
        return 0;
    }

    /** Reserves a record: 0, or an empty dynptr and EINVAL for flags or without room, E2BIG for too many bytes. */
    public static long ringbufReserveDynptr(RunContext context, long map, long size, long flags, long dynptr, long r5) {
        if (flags != 0) {
            clear(dynptr);
            return Errno.EINVAL.negative();
        }
        if ((size & LOW) > MAX_SIZE) {
            clear(dynptr);
            return Errno.E2BIG.negative();
        }
        long sample = ((RingBufferMap) context.map(map)).reserve(size & LOW, 0);
        if (sample == 0) {
            clear(dynptr);
            return Errno.EINVAL.negative();
        }
        make(dynptr, sample, RINGBUF, size & LOW);
        return 0;
    }

    /** Hands the record to the reader. */
    public static long ringbufSubmitDynptr(RunContext context, long dynptr, long flags, long r3, long r4, long r5) {
        long sample = memory(dynptr);
        if (sample != 0) {
            MapHelpers.ringbufSubmit(context, sample, flags, 0, 0, 0);
            clear(dynptr);
        }
        return 0;
    }

    /** Gives the record up. */
    public static long ringbufDiscardDynptr(RunContext context, long dynptr, long flags, long r3, long r4, long r5) {
        long sample = memory(dynptr);
        if (sample != 0) {
            MapHelpers.ringbufDiscard(context, sample, flags, 0, 0, 0);
            clear(dynptr);
        }
        return 0;
    }

    /** Copies out of a dynptr: 0, EINVAL for flags or an empty one, E2BIG behind its end, the errors of the packet. */
    public static long dynptrRead(RunContext context, long to, long length, long dynptr, long offset, long flags) {
        long bytes = length & LOW;
        long from = offset & LOW;
        if (memory(dynptr) == 0 || flags != 0) {
            return Errno.EINVAL.negative();
        }
        if (isOutside(dynptr, from, bytes)) {
            return Errno.E2BIG.negative();
        }
        if (typeOf(dynptr) == XDP) {
            return PacketHelpers.xdpLoadBytes(context, context.xdpMd, offsetOf(dynptr) + from, to, bytes, 0);
        }
        Memory.moveShort(memory(dynptr) + offsetOf(dynptr) + from, to, bytes);
        return 0;
    }

    /** Copies into a dynptr; errors as {@link #dynptrRead}, EINVAL for one that is only read. */
    public static long dynptrWrite(RunContext context, long dynptr, long offset, long from, long length, long flags) {
        long bytes = length & LOW;
        long to = offset & LOW;
        if (memory(dynptr) == 0 || isReadOnly(dynptr)) {
            return Errno.EINVAL.negative();
        }
        if (isOutside(dynptr, to, bytes)) {
            return Errno.E2BIG.negative();
        }
        if (flags != 0) {
            return Errno.EINVAL.negative();
        }
        if (typeOf(dynptr) == XDP) {
            return PacketHelpers.xdpStoreBytes(context, context.xdpMd, offsetOf(dynptr) + to, from, bytes, 0);
        }
        Memory.moveShort(from, memory(dynptr) + offsetOf(dynptr) + to, bytes);
        return 0;
    }

    /** The address of bytes of a dynptr; 0 outside of it, for the packet's, and for one that is only read. */
    public static long dynptrData(RunContext context, long dynptr, long offset, long length, long r4, long r5) {
        if (memory(dynptr) == 0 || isReadOnly(dynptr) || typeOf(dynptr) == XDP) {
            return 0;
        }
        return piece(context, dynptr, offset & LOW, length & LOW);
    }

    // --- kernel functions

    /** Makes a dynptr over the packet: 0, or an empty one and EINVAL for flags. */
    public static long dynptrFromXdp(RunContext context, long ctx, long flags, long dynptr, long r4, long r5) {
        if (flags != 0) {
            clear(dynptr);
            return Errno.EINVAL.negative() & LOW;
        }
        make(dynptr, context.xdpMd, XDP, PacketHelpers.length(context));
        return 0;
    }

    /**
     * The address of bytes of a dynptr: where they are if they lie in one piece, else the buffer, which they are copied to;
     * 0 outside of the dynptr, and without a buffer when they do not.
     */
    public static long dynptrSlice(RunContext context, long dynptr, long offset, long buffer, long length, long r5) {
        long bytes = length & LOW;
        long from = offset & LOW;
        if (memory(dynptr) == 0 || isOutside(dynptr, from, bytes)) {
            return 0;
        }
        long piece = piece(context, dynptr, from, bytes);
        if (piece != 0 || buffer == 0) {
            return piece;
        }
        dynptrRead(context, buffer, bytes, dynptr, from, 0);
        return buffer;
    }

    /** The same to be written; 0 for a dynptr that is only read. */
    public static long dynptrSliceRdwr(
            RunContext context, long dynptr, long offset, long buffer, long length, long r5) {
        return memory(dynptr) == 0 || isReadOnly(dynptr) ? 0 : dynptrSlice(context, dynptr, offset, buffer, length, 0);
    }

    /** Cuts a dynptr to the bytes from one to before another: 0, EINVAL for an empty one, ERANGE outside of it. */
    public static long dynptrAdjust(RunContext context, long dynptr, long start, long end, long r4, long r5) {
        long from = start & LOW;
        long to = end & LOW;
        if (memory(dynptr) == 0 || from > to) {
            return Errno.EINVAL.negative() & LOW;
        }
        int size = sizeOf(dynptr);
        if (from > size || to > size) {
            return Errno.ERANGE.negative() & LOW;
        }
        Memory.putInt(dynptr + OFFSET, offsetOf(dynptr) + (int) from);
        Memory.putInt(dynptr + SIZE, Memory.getInt(dynptr + SIZE) & ~MAX_SIZE | (int) (to - from));
        return 0;
    }

    /** 1 for an empty dynptr. */
    public static long dynptrIsNull(RunContext context, long dynptr, long r2, long r3, long r4, long r5) {
        return memory(dynptr) == 0 ? 1 : 0;
    }

    /** 1 for a dynptr that is only read. */
    public static long dynptrIsRdonly(RunContext context, long dynptr, long r2, long r3, long r4, long r5) {
        return memory(dynptr) != 0 && isReadOnly(dynptr) ? 1 : 0;
    }

    /** Bytes of a dynptr; EINVAL for an empty one. */
    public static long dynptrSize(RunContext context, long dynptr, long r2, long r3, long r4, long r5) {
        return memory(dynptr) == 0 ? Errno.EINVAL.negative() & LOW : sizeOf(dynptr);
    }

    /** Makes another dynptr over the same bytes: 0, EINVAL and an empty one for an empty one. */
    public static long dynptrClone(RunContext context, long dynptr, long clone, long r3, long r4, long r5) {
        if (memory(dynptr) == 0) {
            clear(clone);
            return Errno.EINVAL.negative() & LOW;
        }
        Memory.moveShort(dynptr, clone, ArgKind.DYNPTR_BYTES);
        return 0;
    }

    /** Copies from one dynptr into another, which may overlap: 0, or the errors of reading and writing. */
    public static long dynptrCopy(RunContext context, long to, long toOffset, long from, long fromOffset, long length) {
        long bytes = length & LOW;
        long source = piece(context, from, fromOffset & LOW, bytes);
        long target = isReadOnly(to) ? 0 : piece(context, to, toOffset & LOW, bytes);
        if (source != 0 && target != 0) {
            Memory.moveShort(source, target, bytes);
            return 0;
        }
        if (source != 0) {
            return dynptrWrite(context, to, toOffset, source, bytes, 0) & LOW;
        }
        if (target != 0) {
            return dynptrRead(context, target, bytes, from, fromOffset, 0) & LOW;
        }
        if (isOutside(to, toOffset & LOW, bytes) || isOutside(from, fromOffset & LOW, bytes)) {
            return Errno.E2BIG.negative() & LOW;
        }
        return copyByPieces(context, to, toOffset & LOW, from, fromOffset & LOW, bytes) & LOW;
    }

    /** Through scratch memory, for dynptrs of which neither lies in one piece. */
    private static long copyByPieces(
            RunContext context, long to, long toOffset, long from, long fromOffset, long bytes) {
        for (long done = 0; done < bytes; ) {
            long chunk = Math.min(bytes - done, RunContext.STACK_BYTES);
            long error = dynptrRead(context, context.scratch, chunk, from, fromOffset + done, 0);
            if (error == 0) {
                error = dynptrWrite(context, to, toOffset + done, context.scratch, chunk, 0);
            }
            if (error != 0) {
                return error;
            }
            done += chunk;
        }
        return 0;
    }

    /** Fills bytes of a dynptr: 0, or the errors of writing. */
    public static long dynptrMemset(RunContext context, long dynptr, long offset, long length, long value, long r5) {
        long bytes = length & LOW;
        long to = offset & LOW;
        if (memory(dynptr) != 0 && isReadOnly(dynptr)) {
            return Errno.EINVAL.negative() & LOW;
        }
        long piece = piece(context, dynptr, to, bytes);
        if (piece != 0) {
            Memory.fill(piece, bytes, (byte) value);
            return 0;
        }
        if (isOutside(dynptr, to, bytes)) {
            return Errno.E2BIG.negative() & LOW;
        }
        for (long done = 0; done < bytes; ) {
            long chunk = Math.min(bytes - done, RunContext.STACK_BYTES);
            Memory.fill(context.scratch, chunk, (byte) value);
            long error = dynptrWrite(context, dynptr, to + done, context.scratch, chunk, 0);
            if (error != 0) {
                return error & LOW;
            }
            done += chunk;
        }
        return 0;
    }
}
