package dev.sluice.helper;

import dev.sluice.map.BpfMap;
import dev.sluice.map.Errno;
import dev.sluice.map.HashTableMap;
import dev.sluice.map.UserRingBufferMap;
import dev.sluice.memory.Memory;

/** Helpers that call functions of the program. See {@link Helpers}. */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class CallbackHelpers {
    /** The kernel's {@code BPF_MAX_LOOPS}. */
    public static final int MAX_LOOPS = 8 * 1024 * 1024;

    /** The kernel's {@code BPF_MAX_USER_RINGBUF_SAMPLES}. */
    private static final int MAX_SAMPLES = 128 * 1024;

    /** {@code BPF_RB_NO_WAKEUP}, {@code BPF_RB_FORCE_WAKEUP}. */
    private static final long WAKEUP_FLAGS = 3;

    private CallbackHelpers() {}

    /** What the program's engine has left in the context. */
    static Callbacks callbacks(RunContext context) {
        Callbacks callbacks = context.callbacks;
        if (callbacks == null) {
            throw new AssertionError("an engine called a helper that calls back and did not say how");
        }
        return callbacks;
    }

    /**
     * Calls {@code function(index, argument)} for 0, 1, 2 and so on until it gives something else than 0.
     *
     * @return the number of calls, E2BIG for more than 8,388,608, EINVAL for flags
     */
    public static long loop(RunContext context, long count, long function, long argument, long flags, long r5) {
        if (flags != 0) {
            return Errno.EINVAL.negative();
        }
        // all 64 bits count: the kernel puts the loop into the program, and so it compares there
        if (Long.compareUnsigned(count, MAX_LOOPS) > 0) {
            return Errno.E2BIG.negative();
        }
        Callbacks callbacks = callbacks(context);
        long frame = context.callbackFrame;
        int pc = context.callbackPc;
        for (long i = 0; i < count; i++) {
            if (callbacks.call(context, frame, function, pc, i, argument, 0, 0, 0) != 0) {
                return i + 1;
            }
        }
        return count;
    }

    /**
     * Calls {@code function(map, key, value, argument)} for each element until it gives something else than 0. Values of
     * per-CPU maps are this CPU's.
     *
     * @return the number of calls, EINVAL for flags
     */
    public static long forEachMapElem(RunContext context, long map, long function, long argument, long flags, long r5) {
        if (flags != 0) {
            return Errno.EINVAL.negative();
        }
        BpfMap target = context.map(map);
        int keySize = target.def().keySize();
        Callbacks callbacks = callbacks(context);
        long frame = context.callbackFrame;
        int pc = context.callbackPc;
        long key = context.keyArea(frame, keySize);
        long calls = 0;
        if (target instanceof HashTableMap hash) {
            for (long bucket = 0; bucket < hash.bucketCount(); bucket++) {
                long element = hash.firstOf(bucket);
                while (element != 0) {
                    long next = hash.nextOf(element);
                    Memory.copy(hash.keyOf(element), key, keySize);
                    calls++;
                    long value = hash.valueOf(element, context.cpu);
                    if (callbacks.call(context, frame, function, pc, map, key, value, argument, 0) != 0) {
                        return calls;
                    }
                    element = next;
                }
            }
            return calls;
        }
        for (int i = 0; i < target.def().maxEntries(); i++) {
            Memory.putInt(key, i);
            calls++;
            long value = target.lookup(key, context.cpu);
            if (callbacks.call(context, frame, function, pc, map, key, value, argument, 0) != 0) {
                break;
            }
        }
        return calls;
    }

    /**
     * Calls {@code function(dynptr, argument)} for each sample that user space has submitted, until it gives something else
     * than 0, at most 131,072 times.
     *
     * @return the number of samples that were not discarded, EINVAL for unknown flags, EBUSY when another program drains,
     *     the error of a ring that makes no sense
     */
    public static long userRingbufDrain(
            RunContext context, long map, long function, long argument, long flags, long r5) {
        if ((flags & ~WAKEUP_FLAGS) != 0) {
            return Errno.EINVAL.negative();
        }
        UserRingBufferMap ring = (UserRingBufferMap) context.map(map);
        if (!ring.beginDrain()) {
            return Errno.EBUSY.negative();
        }
        try {
            Callbacks callbacks = callbacks(context);
            long frame = context.callbackFrame;
            int pc = context.callbackPc;
            long dynptr = context.keyArea(frame, ArgKind.DYNPTR_BYTES);
            long samples = 0;
            long stop = 0;
            for (int i = 0; i < MAX_SAMPLES && stop == 0; i++) {
                long sample = ring.peek();
                if (sample == Errno.ENODATA.negative()) {
                    break;
                }
                if (sample == Errno.EAGAIN.negative()) {
                    continue; // was discarded
                }
                if (sample < 0) {
                    return sample;
                }
                Dynptrs.makeLocal(dynptr, sample, UserRingBufferMap.sampleBytes(sample));
                stop = callbacks.call(context, frame, function, pc, dynptr, argument, 0, 0, 0);
                ring.release(sample);
                samples++;
            }
            return samples;
        } finally {
            ring.endDrain();
        }
    }
}
