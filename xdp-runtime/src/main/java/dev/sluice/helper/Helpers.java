package dev.sluice.helper;

import dev.sluice.map.BpfMap;

/** The implementations of the helpers; arguments have been proved or checked by the caller. */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class Helpers {
    private Helpers() {}

    public static long mapLookupElem(RunContext context, long map, long key, long r3, long r4, long r5) {
        return context.map(map).lookup(key, context.cpu);
    }

    public static long mapUpdateElem(RunContext context, long map, long key, long value, long flags, long r5) {
        return context.map(map).update(key, value, flags, context.cpu);
    }

    public static long mapDeleteElem(RunContext context, long map, long key, long r3, long r4, long r5) {
        BpfMap live = context.map(map);
        return live.delete(key);
    }

    public static long ktimeGetNs(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.clock.nanos();
    }

    public static long getPrandomU32(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.nextRandom() >>> 32;
    }

    public static long getSmpProcessorId(RunContext context, long r1, long r2, long r3, long r4, long r5) {
        return context.cpu;
    }
}
