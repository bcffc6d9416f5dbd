package dev.sluice.packet;

import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;

/** Makes what programs run with on a queue: with the maps, the regions, the seed and the trace that the caller wants. */
@FunctionalInterface
public interface ContextFactory {
    /**
     * @param cpu the queue's number
     * @param clock for {@code bpf_ktime_get_*}
     * @return a context of its own for this queue; the run closes it
     */
    RunContext create(int cpu, Clock clock);
}
