package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.map.PerfEventArrayMap;
import dev.sluice.map.RingBufferMap;
import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;

/** Helpers on queues, ring buffers, events and locks in values. See {@link Helpers}. */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class MapHelpers {
    /** Where the flags of {@code bpf_perf_event_output} have the number of bytes of the packet. */
    private static final int PACKET_SHIFT = 32;

    private static final long PACKET_MASK = 0xfffffL << PACKET_SHIFT;

    private static final int SPINS = 100;

    private MapHelpers() {}

    // --- queues, stacks, bloom filters

    public static long mapPushElem(RunContext context, long map, long value, long flags, long r4, long r5) {
        return context.map(map).push(value, flags);
    }

    public static long mapPopElem(RunContext context, long map, long value, long r3, long r4, long r5) {
        return context.map(map).pop(value);
    }

    public static long mapPeekElem(RunContext context, long map, long value, long r3, long r4, long r5) {
        return context.map(map).peek(value);
    }

    // --- ring buffers

    public static long ringbufOutput(RunContext context, long map, long data, long size, long flags, long r5) {
        return ((RingBufferMap) context.map(map)).output(data, size, flags);
    }

    public static long ringbufReserve(RunContext context, long map, long size, long flags, long r4, long r5) {
        return ((RingBufferMap) context.map(map)).reserve(size, flags);
    }

    public static long ringbufSubmit(RunContext context, long sample, long flags, long r3, long r4, long r5) {
        RingBufferMap.ofSample(context.maps, sample).submit(sample, flags);
        return 0;
    }

    public static long ringbufDiscard(RunContext context, long sample, long flags, long r3, long r4, long r5) {
        RingBufferMap.ofSample(context.maps, sample).discard(sample, flags);
        return 0;
    }

    public static long ringbufQuery(RunContext context, long map, long what, long r3, long r4, long r5) {
        return ((RingBufferMap) context.map(map)).query(what);
    }

    // --- events

    /**
     * Writes an event: what the program gives, and the first bytes of the packet.
     *
     * @param flags the slot in the low 32 bits, bytes of the packet in the next 20
     * @return 0, EINVAL for other flags, EFAULT for more bytes than the packet has, and what {@link
     *     PerfEventArrayMap#output} answers
     */
    public static long perfEventOutput(RunContext context, long ctx, long map, long flags, long data, long size) {
        if ((flags & ~(PACKET_MASK | PerfEventArrayMap.INDEX_MASK)) != 0) {
            return Errno.EINVAL.negative();
        }
        long packetBytes = (flags & PACKET_MASK) >>> PACKET_SHIFT;
        if (packetBytes > PacketHelpers.length(context)) {
            return Errno.EFAULT.negative();
        }
        PerfEventArrayMap events = (PerfEventArrayMap) context.map(map);
        long slot = flags & PerfEventArrayMap.INDEX_MASK;
        if (packetBytes <= context.dataEnd - context.data) {
            return events.output(slot, context.cpu, data, size, context.data, packetBytes);
        }
        try (Arena arena = Arena.ofConfined()) {
            long whole = Memory.allocate(arena, packetBytes, Long.BYTES);
            PacketHelpers.load(context, 0, whole, packetBytes);
            return events.output(slot, context.cpu, data, size, whole, packetBytes);
        }
    }

    // --- locks in values: 1 while somebody holds it

    /** Takes the lock; waits for who holds it. */
    public static long spinLock(RunContext context, long lock, long r2, long r3, long r4, long r5) {
        for (int spins = 0; !Memory.ATOMIC_INT.compareAndSet(Memory.ALL, lock, 0, 1); spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield(); // the holder may have lost its CPU
            }
        }
        context.heldLock = lock;
        return 0;
    }

    /** Gives the lock back. */
    public static long spinUnlock(RunContext context, long lock, long r2, long r3, long r4, long r5) {
        context.heldLock = 0;
        Memory.ATOMIC_INT.setRelease(Memory.ALL, lock, 0);
        return 0;
    }
}
