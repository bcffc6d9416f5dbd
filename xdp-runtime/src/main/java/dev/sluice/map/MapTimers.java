package dev.sluice.map;

import dev.sluice.memory.Memory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The timers in the values of maps of one runtime. A value's {@code struct bpf_timer} has in its first eight bytes the handle
 * of a {@link Timer} here, 0 before {@code bpf_timer_init}:
 *
 * <pre>
 * handle: slot + 1 in the low half, how often the slot was used in the high half
 * </pre>
 *
 * <p>Started timers wait in one heap a CPU, by expiry, those of the same by the order in which they were started; the loop
 * of that CPU takes them out when they are due ({@link #due}). In capture time one thread takes them out of all heaps.
 *
 * <p>Any thread; one lock for all. Allocates when there are more timers than ever before.
 */
public final class MapTimers {
    /** {@link #earliest} when no timer runs. */
    public static final long NONE = Long.MAX_VALUE;

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

    /** Longs of two cache lines. */
    private static final int STRIDE = 16;

    /** A timer; its fields are read and written under the lock. */
    public static final class Timer {
        private final int slot;
        private int uses;

        /** The map that it is in; null when it is in none. */
        private LiveMap map;

        private long address;
        private boolean realtime;

        /** What is to be called: the helpers' own; null before it was set and after a cancellation. */
        private Object callback;

        /** The heap that it waits in, or -1. */
        private int heap = -1;

        private int place;
        private long expiry;
        private long order;

        /** Who runs its callback now. */
        private volatile Thread running;

        private Timer(int slot) {
            this.slot = slot;
        }
    }

    /** Started timers of a CPU: a binary heap. */
    private static final class Heap {
        private Timer[] timers = new Timer[16];
        private int size;

        private static boolean before(Timer one, Timer other) {
            return one.expiry != other.expiry ? one.expiry < other.expiry : one.order < other.order;
        }

        private void put(int place, Timer timer) {
            timers[place] = timer;
            timer.place = place;
        }

        void add(Timer timer) {
            if (size == timers.length) {
                timers = Arrays.copyOf(timers, size * 2);
            }
            up(size++, timer);
        }

        void remove(Timer timer) {
            int place = timer.place;
            Timer last = timers[--size];
            timers[size] = null;
            if (last != timer) {
                down(place, last);
                if (timers[place] == last) {
                    up(place, last);
                }
            }
        }

        private void up(int from, Timer timer) {
            int place = from;
            while (place > 0) {
                Timer parent = timers[(place - 1) / 2];
                if (!before(timer, parent)) {
                    break;
                }
                put(place, parent);
                place = (place - 1) / 2;
            }
            put(place, timer);
        }

        private void down(int from, Timer timer) {
            int place = from;
            while (2 * place + 1 < size) {
                int child = 2 * place + 1;
                if (child + 1 < size && before(timers[child + 1], timers[child])) {
                    child++;
                }
                if (!before(timers[child], timer)) {
                    break;
                }
                put(place, timers[child]);
                place = child;
            }
            put(place, timer);
        }
    }

    private final Object lock = new Object();
    private volatile Timer[] slots = {};
    private int[] free = {};
    private int freeCount;
    private Heap[] heaps = {};
    private long orders;

    /** Of each heap the earliest expiry; of index 0 all heaps'. */
    private volatile long[] earliest = {NONE};

    MapTimers() {}

    // --- what helpers ask for: 0 or a negative error number

    /**
     * {@code bpf_timer_init}.
     *
     * @param address of the timer in a value of the map
     * @param realtime whether absolute times are the wall clock's
     * @return 0, or EBUSY when it is one already, EINVAL when the map has no timer there, EPERM when the map is closed
     */
    public int init(BpfMap map, long address, boolean realtime) {
        if (!(map instanceof LiveMap live) || !live.fields().has(ValueFields.Kind.TIMER)) {
            return Errno.EINVAL.negative();
        }
        synchronized (lock) {
            if (Memory.getLong(address) != 0) {
                return Errno.EBUSY.negative();
            }
            if (live.isGivenUp()) {
                return Errno.EPERM.negative();
            }
            Timer timer = take();
            timer.map = live;
            timer.address = address;
            timer.realtime = realtime;
            Memory.putLong(address, (long) timer.uses << Integer.SIZE | timer.slot + 1);
            return 0;
        }
    }

    /** {@code bpf_timer_set_callback}: 0, EINVAL before it is a timer, EPERM when the map is closed. */
    public int setCallback(long address, Object callback) {
        synchronized (lock) {
            Timer timer = at(address);
            if (timer == null) {
                return Errno.EINVAL.negative();
            }
            if (timer.map.isGivenUp()) {
                return Errno.EPERM.negative();
            }
            timer.callback = callback;
            return 0;
        }
    }

    /** Whether absolute times of the timer at an address are the wall clock's. */
    public boolean isRealtime(long address) {
        synchronized (lock) {
            Timer timer = at(address);
            return timer != null && timer.realtime;
        }
    }

    /**
     * {@code bpf_timer_start}: it runs from now on, whether it ran before or not.
     *
     * @param expiry nanoseconds of the clock that {@link #due} is asked by
     * @return 0, or EINVAL when there is no timer, or no callback
     */
    public int start(long address, long expiry, int cpu) {
        synchronized (lock) {
            Timer timer = at(address);
            if (timer == null || timer.callback == null) {
                return Errno.EINVAL.negative();
            }
            stop(timer);
            if (cpu >= heaps.length) {
                grow(cpu + 1);
            }
            timer.expiry = expiry;
            timer.order = orders++;
            timer.heap = cpu;
            heaps[cpu].add(timer);
            publish(cpu);
            return 0;
        }
    }

    /**
     * {@code bpf_timer_cancel}: stops it and forgets its callback; waits for one that runs on another CPU.
     *
     * @param own the timer whose callback the caller is in, or null
     * @return 1 when it ran, 0 when not, EINVAL when there is no timer, EDEADLK when a callback would wait for itself
     */
    public int cancel(long address, Timer own) {
        Timer timer;
        boolean ran;
        synchronized (lock) {
            timer = at(address);
            if (timer == null) {
                return Errno.EINVAL.negative();
            }
            if (timer == own || own != null && timer.running != null) {
                // the kernel tells who would wait for whom; a callback that waits for any other may be waited for
                return Errno.EDEADLK.negative();
            }
            ran = stop(timer);
            timer.callback = null;
        }
        while (timer.running != null) {
            Thread.onSpinWait();
        }
        return ran ? 1 : 0;
    }

    // --- what maps do

    /** The timer of a value, if it has one, goes: the value is removed or written over. */
    void release(long address) {
        if (Memory.getLong(address) == 0) {
            return;
        }
        synchronized (lock) {
            Timer timer = at(address);
            Memory.putLong(address, 0);
            if (timer != null) {
                release(timer);
            }
        }
    }

    /** All timers go. */
    void releaseAll() {
        releaseAll(null);
    }

    /** All timers of a map go. */
    void releaseAll(LiveMap map) {
        synchronized (lock) {
            for (Timer timer : slots) {
                if (timer.map != null && (map == null || map.equals(timer.map))) {
                    Memory.putLong(timer.address, 0);
                    release(timer);
                }
            }
        }
    }

    private void release(Timer timer) {
        stop(timer);
        timer.map = null;
        timer.callback = null;
        timer.uses++;
        if (freeCount == free.length) {
            free = Arrays.copyOf(free, Math.max(16, freeCount * 2));
        }
        free[freeCount++] = timer.slot;
    }

    // --- who calls them back

    /**
     * The earliest expiry of a CPU's timers, {@link #NONE} when none runs. One load.
     *
     * @param cpu -1 for all CPUs
     */
    public long earliest(int cpu) {
        long[] known = earliest;
        int at = (cpu + 1) * STRIDE;
        return at < known.length ? (long) LONGS.getAcquire(known, at) : NONE;
    }

    /** What a due timer calls, and with what. Owned by who asks, and used again. */
    public static final class Due {
        private Timer timer;
        public Object callback;
        public BpfMap map;

        /** The value's address. */
        public long value;

        public int cpu;
        public long expiry;

        /** The timer whose callback is being run. */
        public Timer timer() {
            return timer;
        }
    }

    /**
     * Takes out the first timer that is due. Its callback counts as running until {@link #ran}.
     *
     * @param cpu -1 for all CPUs
     * @param until which expiry at most
     * @return whether there was one
     */
    public boolean due(int cpu, long until, Due due) {
        if (earliest(cpu) > until) {
            return false;
        }
        synchronized (lock) {
            Timer first = null;
            for (int i = Math.max(cpu, 0); i < (cpu < 0 ? heaps.length : Math.min(cpu + 1, heaps.length)); i++) {
                Heap heap = heaps[i];
                if (heap.size > 0 && (first == null || Heap.before(heap.timers[0], first))) {
                    first = heap.timers[0];
                }
            }
            if (first == null || first.expiry > until) {
                return false;
            }
            due.timer = first;
            due.callback = first.callback;
            due.map = first.map;
            due.value = first.address - first.map.fields().offsetOf(ValueFields.Kind.TIMER);
            due.cpu = first.heap;
            due.expiry = first.expiry;
            stop(first);
            first.running = Thread.currentThread();
            return true;
        }
    }

    /** The callback of a timer that was {@link #due} has returned. */
    public void ran(Due due) {
        due.timer.running = null;
        due.timer = null;
    }

    // --- under the lock

    /** The timer at an address, or null: also when somebody else than us has written there. */
    private Timer at(long address) {
        long handle = Memory.getLong(address);
        int slot = (int) handle - 1;
        Timer[] known = slots;
        if (slot < 0 || slot >= known.length) {
            return null;
        }
        Timer timer = known[slot];
        return timer.map != null && timer.address == address && timer.uses == (int) (handle >>> Integer.SIZE)
                ? timer
                : null;
    }

    private Timer take() {
        if (freeCount == 0) {
            int size = slots.length;
            Timer[] more = Arrays.copyOf(slots, Math.max(16, size * 2));
            free = new int[more.length];
            for (int slot = more.length - 1; slot >= size; slot--) {
                more[slot] = new Timer(slot);
                free[freeCount++] = slot;
            }
            slots = more;
        }
        return slots[free[--freeCount]];
    }

    private boolean stop(Timer timer) {
        int heap = timer.heap;
        if (heap < 0) {
            return false;
        }
        heaps[heap].remove(timer);
        timer.heap = -1;
        publish(heap);
        return true;
    }

    private void grow(int cpus) {
        Heap[] more = Arrays.copyOf(heaps, cpus);
        for (int i = heaps.length; i < cpus; i++) {
            more[i] = new Heap();
        }
        heaps = more;
        long[] wider = new long[(cpus + 1) * STRIDE];
        Arrays.fill(wider, NONE);
        System.arraycopy(earliest, 0, wider, 0, earliest.length);
        earliest = wider;
    }

    private void publish(int cpu) {
        Heap heap = heaps[cpu];
        LONGS.setRelease(earliest, (cpu + 1) * STRIDE, heap.size == 0 ? NONE : heap.timers[0].expiry);
        long all = NONE;
        for (Heap one : heaps) {
            all = one.size == 0 ? all : Math.min(all, one.timers[0].expiry);
        }
        LONGS.setRelease(earliest, 0, all);
    }
}
