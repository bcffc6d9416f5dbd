package dev.sluice.helper;

import dev.sluice.map.ArrayMap;
import dev.sluice.map.BpfMap;
import dev.sluice.map.Errno;
import dev.sluice.map.HashTableMap;
import dev.sluice.map.MapTimers;
import dev.sluice.memory.Memory;

/**
 * Timers in values of maps: the helpers, and the calls when they are due. A timer belongs to the CPU that started it last.
 *
 * <p>By the machine's clock the loop of that CPU asks between two polls; without a loop, the next run on that CPU. In capture time the timers of all CPUs are called
 * before the first packet that was stamped at or after their expiry, in the order of their expiries, and the clock then shows
 * these; a callback that starts a timer for a time that has come is called again after {@link #SHORTEST_NANOS}, because a
 * clock that only packets move would otherwise stand still.
 */
@SuppressWarnings("UnusedVariable") // all have the common shape
public final class TimerHelpers {
    private static final long CLOCK_REALTIME = 0;
    private static final long CLOCK_MONOTONIC = 1;
    private static final long CLOCK_BOOTTIME = 7;

    private static final long ABSOLUTE = 1;
    private static final long PINNED = 2;

    /** In capture time, from a call of a callback to the next that it may ask for: about what a real timer needs. */
    public static final long SHORTEST_NANOS = 1_000;

    private TimerHelpers() {}

    /** What a timer calls: a function of a program. */
    private record Callback(Callbacks program, long function, int pc) {}

    /** 0, EINVAL for clocks other than the real time, the monotonic and the boot time one, EBUSY when it is one already. */
    public static long timerInit(RunContext context, long timer, long map, long flags, long r4, long r5) {
        if (flags != CLOCK_REALTIME && flags != CLOCK_MONOTONIC && flags != CLOCK_BOOTTIME) {
            return Errno.EINVAL.negative();
        }
        return context.maps.timers().init(context.map(map), timer, flags == CLOCK_REALTIME);
    }

    /** 0, or EINVAL before {@code bpf_timer_init}. */
    public static long timerSetCallback(RunContext context, long timer, long function, long r3, long r4, long r5) {
        Callback callback = new Callback(CallbackHelpers.callbacks(context), function, context.callbackPc);
        return context.maps.timers().setCallback(timer, callback);
    }

    /** 0, EINVAL for unknown flags, and when it has no callback. */
    public static long timerStart(RunContext context, long timer, long nanos, long flags, long r4, long r5) {
        if ((flags & ~(ABSOLUTE | PINNED)) != 0) {
            return Errno.EINVAL.negative();
        }
        MapTimers timers = context.maps.timers();
        long now = context.clock.nanos();
        long expiry;
        if ((flags & ABSOLUTE) == 0) {
            expiry = nanos < 0 || now + nanos < now ? MapTimers.NONE - 1 : now + nanos;
        } else if (context.clock instanceof CaptureClock || !timers.isRealtime(timer)) {
            expiry = nanos;
        } else {
            expiry = nanos - context.clock.realNanos() + now;
        }
        if (context.clock instanceof CaptureClock && context.due != null && expiry < now + SHORTEST_NANOS) {
            expiry = now + SHORTEST_NANOS;
        }
        return timers.start(timer, expiry, context.cpu);
    }

    /** 1 when it was running, 0 when not, EINVAL when it is no timer, EDEADLK from its own callback. */
    public static long timerCancel(RunContext context, long timer, long r2, long r3, long r4, long r5) {
        return context.maps.timers().cancel(timer, context.due == null ? null : context.due.timer());
    }

    // --- when they are due

    /**
     * Calls what is due on a CPU by the context's clock. Between runs, on the thread of that CPU's loop.
     *
     * @return how many were called
     */
    public static int fire(RunContext context, int cpu) {
        if (context.maps.timers().earliest(cpu) == MapTimers.NONE) {
            return 0;
        }
        return fire(context, cpu, context.clock.nanos());
    }

    /** Calls what is due up to a time, on all CPUs, and moves the clock of the capture there and on to that time. */
    public static void advance(RunContext context, CaptureClock clock, long timestamp) {
        if (context.maps.timers().earliest(-1) <= timestamp) {
            fire(context, -1, timestamp);
        }
        clock.advance(timestamp);
    }

    private static int fire(RunContext context, int cpu, long until) {
        MapTimers timers = context.maps.timers();
        MapTimers.Due due = context.dueTimer;
        int before = context.cpu;
        int calls = 0;
        // before one is taken out: from then on it keeps no map from being closed, and its memory is not to be freed
        boolean entered = context.reader.enter();
        try {
            while (timers.due(cpu, until, due)) {
                run(context, due);
                calls++;
            }
        } finally {
            context.reader.leave(entered);
        }
        context.cpu = before;
        return calls;
    }

    private static void run(RunContext context, MapTimers.Due due) {
        try {
            if (context.clock instanceof CaptureClock clock) {
                clock.advance(due.expiry);
            }
            context.beginCallback(due);
            call(context, due);
        } catch (RuntimeException e) {
            context.timerFaults.accept(e);
        } finally {
            context.endCallback();
            context.maps.timers().ran(due);
        }
    }

    private static void call(RunContext context, MapTimers.Due due) {
        BpfMap map = due.map;
        if (!(due.callback instanceof Callback callback)) {
            return; // cancelled at the last moment
        }
        int keySize = map.def().keySize();
        long key = context.keyArea(context.stackTop, keySize);
        if (map instanceof HashTableMap hash) {
            Memory.copy(hash.keyOfValue(due.value), key, keySize);
        } else if (map instanceof ArrayMap array) {
            Memory.putInt(key, (int) ((due.value - array.valuesAddress()) / array.stride()));
        } else {
            throw new AssertionError("a timer in a map of type " + map.def().type());
        }
        callback.program.call(
                context,
                context.stackTop + RunContext.STACK_BYTES,
                callback.function,
                callback.pc,
                map.handle(),
                key,
                due.value,
                0,
                0);
    }
}
