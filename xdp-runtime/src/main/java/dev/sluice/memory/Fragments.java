package dev.sluice.memory;

/**
 * Packets of several buffers: what does not fit into the first page of a frame lies in pages behind it. Programs reach it
 * through helpers only.
 *
 * <pre>
 *  hard_start                                    +3776             +4096                    +8192
 *  |  headroom 256  |  linear part, up to 3,520  |  shared info    |  fragment, 4,096       |  fragment …
 *                   data                 data_end
 *
 *  shared info   0  frame_size   u32  of the frame with all its pages
 *                4  frags_size   u32  bytes in fragments
 *                8  frags_start  u32  where they begin behind the first page: above 0 when some were pulled
 * </pre>
 *
 * <p>All fragments but the last are full pages, as {@code BPF_PROG_TEST_RUN} makes them, so the bytes follow each other
 * without a gap (source: net/bpf/test_run.c, include/net/xdp.h). Between programs a packet is in one piece: {@link #split}
 * and {@link #join} move the fragments by the 320 bytes of the shared info. The descriptor says by {@link #FLAG} in its
 * frame_size whether its packet is split.
 */
public final class Fragments {
    /** The part of a frame that holds the linear part: a page. */
    public static final int PAGE_BYTES = 4096;

    /** Bytes at the start of a frame in front of a packet ({@code XDP_PACKET_HEADROOM}). */
    public static final int HEADROOM = 256;

    /** Bytes at the end of the first page that belong to {@code struct skb_shared_info}. */
    public static final int TAILROOM = 320;

    /** The longest linear part. */
    public static final int LINEAR_BYTES = PAGE_BYTES - HEADROOM - TAILROOM;

    /** In a descriptor's frame_size: the packet is split. */
    public static final int FLAG = 1 << 31;

    private static final int SHARED_INFO = PAGE_BYTES - TAILROOM;
    private static final int SHARED_FRAME_SIZE = SHARED_INFO;
    private static final int SHARED_FRAGS_SIZE = SHARED_INFO + 4;
    private static final int SHARED_FRAGS_START = SHARED_INFO + 8;

    private Fragments() {}

    /**
     * Splits the packet of a frame of more than a page as a driver receives it: as much as fits into the first page stays,
     * the rest goes to fragments. The packet must be in one piece.
     */
    public static void split(long descriptor) {
        long room = Memory.getLong(descriptor + FrameDescriptor.HARD_START)
                + SHARED_INFO
                - Memory.getLong(descriptor + FrameDescriptor.DATA);
        split(descriptor, (int) room);
    }

    /**
     * Splits a packet that is in one piece.
     *
     * @param linearBytes most bytes of the linear part, which ends in front of the shared info
     */
    public static void split(long descriptor, int linearBytes) {
        long hardStart = Memory.getLong(descriptor + FrameDescriptor.HARD_START);
        long data = Memory.getLong(descriptor + FrameDescriptor.DATA);
        long linearEnd = Math.min(data + linearBytes, Memory.getLong(descriptor + FrameDescriptor.DATA_END));
        int rest = (int) (Memory.getLong(descriptor + FrameDescriptor.DATA_END) - linearEnd);
        int frameSize = Memory.getInt(descriptor + FrameDescriptor.FRAME_SIZE);
        if (linearEnd > hardStart + SHARED_INFO || frameSize < PAGE_BYTES + rest) {
            throw new IllegalArgumentException("split packet: expected room for it, linear_bytes=" + (linearEnd - data)
                    + " rest=" + rest + " frame_size=" + frameSize);
        }
        Memory.copy(linearEnd, hardStart + PAGE_BYTES, rest);
        Memory.putInt(hardStart + SHARED_FRAME_SIZE, frameSize);
        Memory.putInt(hardStart + SHARED_FRAGS_SIZE, rest);
        Memory.putInt(hardStart + SHARED_FRAGS_START, 0);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, linearEnd);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, PAGE_BYTES | FLAG);
    }

    /** Puts a packet that was split into one piece again; others stay as they are. */
    public static void join(long descriptor) {
        if (Memory.getInt(descriptor + FrameDescriptor.FRAME_SIZE) >= 0) {
            return;
        }
        long hardStart = Memory.getLong(descriptor + FrameDescriptor.HARD_START);
        long dataEnd = Memory.getLong(descriptor + FrameDescriptor.DATA_END);
        int bytes = Memory.getInt(hardStart + SHARED_FRAGS_SIZE);
        int frameSize = Memory.getInt(hardStart + SHARED_FRAME_SIZE);
        // the linear part may have grown as far as the shared info, which is not needed any more
        Memory.copy(start(hardStart), dataEnd, bytes);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, dataEnd + bytes);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, frameSize);
    }

    /** Bytes in fragments; 0 for no descriptor. */
    public static int bytes(long descriptor) {
        return descriptor != 0 && Memory.getInt(descriptor + FrameDescriptor.FRAME_SIZE) < 0
                ? Memory.getInt(Memory.getLong(descriptor + FrameDescriptor.HARD_START) + SHARED_FRAGS_SIZE)
                : 0;
    }

    /** Address of the first byte in fragments. */
    public static long address(long descriptor) {
        return start(Memory.getLong(descriptor + FrameDescriptor.HARD_START));
    }

    private static long start(long hardStart) {
        return hardStart + PAGE_BYTES + Memory.getInt(hardStart + SHARED_FRAGS_START);
    }

    /** Bytes that the last fragment can grow by: to the end of its page. */
    public static int room(long descriptor) {
        long hardStart = Memory.getLong(descriptor + FrameDescriptor.HARD_START);
        int end = Memory.getInt(hardStart + SHARED_FRAGS_START) + Memory.getInt(hardStart + SHARED_FRAGS_SIZE);
        int toPageEnd = -end & PAGE_BYTES - 1;
        return Math.min(toPageEnd, Memory.getInt(hardStart + SHARED_FRAME_SIZE) - PAGE_BYTES - end);
    }

    /**
     * Lets the last fragment grow, with zeroes, or the last fragments shrink.
     *
     * @param by at most {@link #room}, at least minus {@link #bytes}
     */
    public static void resize(long descriptor, int by) {
        long hardStart = Memory.getLong(descriptor + FrameDescriptor.HARD_START);
        int bytes = Memory.getInt(hardStart + SHARED_FRAGS_SIZE);
        if (by > 0) {
            Memory.fill(start(hardStart) + bytes, by, (byte) 0);
        }
        Memory.putInt(hardStart + SHARED_FRAGS_SIZE, bytes + by);
    }

    /** Takes bytes off the front, which the caller has copied behind the linear part. */
    public static void drop(long descriptor, int bytes) {
        long hardStart = Memory.getLong(descriptor + FrameDescriptor.HARD_START);
        Memory.putInt(hardStart + SHARED_FRAGS_SIZE, Memory.getInt(hardStart + SHARED_FRAGS_SIZE) - bytes);
        Memory.putInt(hardStart + SHARED_FRAGS_START, Memory.getInt(hardStart + SHARED_FRAGS_START) + bytes);
    }
}
