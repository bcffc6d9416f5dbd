package dev.sluice.packet.measure;

import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.frame.FrameBatch;

/**
 * An engine over a whole set of packets, once each, in their order and in batches of 64, as a queue would hand them over.
 * Every round starts from the packets as they were captured: putting them back happens outside of the measured time, a stretch
 * of 1,024 at a time.
 */
public final class WholeSetContender implements Contender, AutoCloseable {
    private static final int BATCH = FrameBatch.CAPACITY;
    private static final int STRETCH = 16 * BATCH;

    private static final FaultSink IGNORE = (index, fault) -> {};

    private final PacketSet set;
    private final Executable executable;
    private final RunContext context;
    private final EngineFrames frames = new EngineFrames(STRETCH);
    private int next;

    /** @param context it stays the caller's */
    public WholeSetContender(PacketSet set, Executable executable, RunContext context) {
        this.set = set;
        this.executable = executable;
        this.context = context;
    }

    @Override
    public double round() {
        long nanos = 0;
        for (int first = 0; first < set.size(); first += STRETCH) {
            nanos += run(first, Math.min(STRETCH, set.size() - first));
        }
        return (double) nanos / Math.max(set.size(), 1);
    }

    /** The next 1,024 packets only, or what is left of the set, from its beginning again after its end: nanoseconds a packet. */
    double stretch() {
        int first = next < set.size() ? next : 0;
        int count = Math.min(STRETCH, set.size() - first);
        next = first + count;
        return (double) run(first, count) / Math.max(count, 1);
    }

    private long run(int first, int count) {
        for (int i = 0; i < count; i++) {
            frames.put(i, set.address(first + i), set.length(first + i));
        }
        long start = CpuClock.nanos();
        for (int i = 0; i < count; i += BATCH) {
            executable.run(context, frames.descriptor(i), Math.min(BATCH, count - i), IGNORE);
        }
        return CpuClock.nanos() - start;
    }

    @Override
    public void close() {
        frames.close();
    }
}
