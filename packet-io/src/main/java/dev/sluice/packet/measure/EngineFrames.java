package dev.sluice.packet.measure;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FramePool;
import java.lang.foreign.Arena;

/**
 * Frames with their descriptors as an engine expects them, in native memory: a page a frame as in the kernel's test run, headroom
 * in front of the packet. Descriptors lie one behind the other. Owner thread: one at a time; nothing is allocated but at first.
 */
public final class EngineFrames implements AutoCloseable {
    /** What a test run says where nothing else is said: the loopback. */
    private static final int INGRESS_IFINDEX = 1;

    /** From one frame to the next: frames on one power of two would fight for the same lines of the cache. */
    private static final int STRIDE = FramePool.FRAME_SIZE + 3 * 64;

    private final Arena arena = Arena.ofShared();
    private final int size;
    private final long frames;
    private final long descriptors;

    /** @param size how many, all empty */
    public EngineFrames(int size) {
        this.size = size;
        frames = Memory.allocate(arena, (long) size * STRIDE, 64);
        descriptors = Memory.allocate(arena, (long) size * FrameDescriptor.BYTES, FrameDescriptor.BYTES);
    }

    public int size() {
        return size;
    }

    /** Puts a copy of a packet into a frame, and makes its descriptor anew. */
    public void put(int i, long packet, int length) {
        fill(frame(i), packet, length);
        describe(i, length);
    }

    /** Makes a frame's descriptor anew, for a packet of so many bytes at {@link #packet}. */
    public void describe(int i, int length) {
        describe(descriptor(i), frame(i), length);
    }

    /** Address of a packet's first byte. */
    public long packet(int i) {
        return frame(i) + FramePool.HEADROOM;
    }

    /** Address of a frame's descriptor; those of the next frames follow. */
    public long descriptor(int i) {
        return descriptors + (long) i * FrameDescriptor.BYTES;
    }

    private long frame(int i) {
        return frames + (long) i * STRIDE;
    }

    @Override
    public void close() {
        arena.close();
    }

    /** Fills a frame with a packet, and zeros around it where a program may have written. */
    static void fill(long frame, long packet, int length) {
        Memory.fill(frame, FramePool.HEADROOM, (byte) 0);
        Memory.copy(packet, frame + FramePool.HEADROOM, length);
    }

    static void describe(long descriptor, long frame, int length) {
        long data = frame + FramePool.HEADROOM;
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 0);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, INGRESS_IFINDEX);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FramePool.FRAME_SIZE);
    }

    /** Whether a run has moved the packet's bounds. */
    static boolean moved(long descriptor, long frame, int length) {
        long data = frame + FramePool.HEADROOM;
        return Memory.getLong(descriptor + FrameDescriptor.DATA) != data
                || Memory.getLong(descriptor + FrameDescriptor.DATA_END) != data + length
                || Memory.getLong(descriptor + FrameDescriptor.DATA_META) != data;
    }
}
