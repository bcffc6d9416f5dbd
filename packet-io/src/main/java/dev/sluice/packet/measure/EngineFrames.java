package dev.sluice.packet.measure;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FramePool;

/** Writes frames and descriptors as an engine expects them, one page a frame as in the kernel's test run. */
final class EngineFrames {
    /** What a test run says where nothing else is said: the loopback. */
    private static final int INGRESS_IFINDEX = 1;

    private EngineFrames() {}

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
