package dev.sluice.packet.nic;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The statistics of one queue. Written by the queue's thread only, once a batch; read by any, each number whole but not all of
 * the same moment.
 */
public final class QueueStatistics {
    private static final VarHandle VALUE = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int COUNTERS = NicCounter.values().length;

    /** Longs of a cache line: room at both ends, so that queues do not share one. */
    private static final int PADDING = 8;

    private final long[] values = new long[PADDING + COUNTERS + PADDING];

    /** Adds to a counter. The queue's thread. */
    public void add(NicCounter counter, long n) {
        int at = PADDING + counter.ordinal();
        VALUE.setOpaque(values, at, values[at] + n);
    }

    public long get(NicCounter counter) {
        return (long) VALUE.getOpaque(values, PADDING + counter.ordinal());
    }
}
