package dev.sluice.packet.measure;

import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * An engine under the kernel's protocol: the packet loop over a batch whose descriptors all name one frame, so that each run
 * gets the packet as the one before left it. A program that moves the packet's bounds for good is run in batches of one,
 * as each descriptor has to begin with the last one's end.
 *
 * <p>Owner thread: the one that measures. A run allocates nothing.
 */
public final class EngineRepeater implements Repeater, AutoCloseable {
    private static final int BATCH = FrameBatch.CAPACITY;

    private final Executable executable;
    private final RunContext context;
    private final Arena arena = Arena.ofConfined();
    private final long frame = Memory.allocate(arena, FramePool.FRAME_SIZE, FramePool.FRAME_SIZE);
    private final long descriptors =
            Memory.allocate(arena, (long) BATCH * FrameDescriptor.BYTES, FrameDescriptor.BYTES);
    private final FaultSink sink = this::fault;
    private @Nullable ProgramFault firstFault;

    /** @param context it stays the caller's */
    public EngineRepeater(Executable executable, RunContext context) {
        this.executable = executable;
        this.context = context;
    }

    @Override
    public long run(long packet, int length, int repeat) {
        EngineFrames.fill(frame, packet, length);
        for (int i = 0; i < BATCH; i++) {
            EngineFrames.describe(descriptors + (long) i * FrameDescriptor.BYTES, frame, length);
        }
        executable.run(context, descriptors, 1, sink);
        boolean moved = EngineFrames.moved(descriptors, frame, length);
        long start = CpuClock.nanos();
        if (moved) {
            for (int i = 0; i < repeat; i++) {
                executable.run(context, descriptors, 1, sink);
            }
        } else {
            for (int left = repeat; left > 0; left -= BATCH) {
                executable.run(context, descriptors, Math.min(left, BATCH), sink);
            }
        }
        return CpuClock.nanos() - start;
    }

    private void fault(int index, ProgramFault fault) {
        if (firstFault == null) {
            firstFault = fault;
        }
    }

    /** Why the first run ended that did what a program may not; null when none did. */
    public @Nullable ProgramFault firstFault() {
        return firstFault;
    }

    @Override
    public void close() {
        arena.close();
    }
}
