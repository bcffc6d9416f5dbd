package dev.sluice.packet.netty;

import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.frame.FrameBatch;
import org.jspecify.annotations.Nullable;

/** Runs programs over the selected packets of batches, on one queue's thread. Allocates nothing. */
final class ProgramRunner implements FaultSink {
    private final RunContext context;
    private final FaultListener listener;
    private @Nullable FrameBatch running;
    private int first;
    private long faultCount;

    ProgramRunner(RunContext context, FaultListener listener) {
        this.context = context;
        this.listener = listener;
    }

    RunContext context() {
        return context;
    }

    /** From now on faults of timers' callbacks are counted here as well. */
    void hearTimers() {
        context.timerFaults = thrown -> {
            if (!(thrown instanceof ProgramFault fault)) {
                throw new AssertionError("bug of sluice in the callback of a timer: " + thrown, thrown);
            }
            faultCount++;
            listener.timerFault(fault);
        };
    }

    /** Packets whose program was stopped because it did what it may not, and timers' callbacks. */
    long faults() {
        return faultCount;
    }

    /** Leaves what the program did in the descriptors. */
    void run(Executable program, FrameBatch batch) {
        running = batch;
        batch.split();
        // one run for each stretch of selected packets: one in all for a batch as it comes from a wire
        long rest = batch.selected();
        while (rest != 0) {
            int from = Long.numberOfTrailingZeros(rest);
            int count = Math.min(Long.numberOfTrailingZeros(~(rest >>> from)), FrameBatch.CAPACITY - from);
            first = from;
            program.run(context, batch.descriptor(from), count, this);
            context.descriptor = 0;
            rest = from + count == FrameBatch.CAPACITY ? 0 : rest & -1L << from + count;
        }
        batch.join();
        running = null;
    }

    @Override
    public void fault(int index, ProgramFault fault) {
        faultCount++;
        FrameBatch batch = running;
        if (batch == null) {
            throw new AssertionError("fault outside of a run");
        }
        listener.fault(batch, first + index, fault);
    }
}
