package dev.sluice.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.locks.LockSupport;

/**
 * Tells when nobody can be using any more what was taken out of a shared structure: quiescent-state-based reclamation
 * (P. E. McKenney, J. D. Slingwine, 1998; userspace RCU's QSBR flavour).
 *
 * <pre>
 * a number, the epoch, only grows. A reader says from time to time "I hold nothing": it copies the epoch.
 *
 * writer    unlink x          stamp = epoch + 1          passed(stamp)?  yes: free x
 *                                         epoch = stamp
 * queue 0   ----- batch -----|q: epoch - 1|------ batch ------|q: stamp|-----
 * queue 1   --- batch ---|offline ...                       ...|online--------
 * user               |enter --- leave|
 *                                                             ^ all have seen the stamp, or are offline
 * </pre>
 *
 * <p>A queue has a {@link Reader}. Reading costs it nothing: only at the end of a poll it compares the epoch with the one
 * it has seen ({@link Reader#quiescent}), and it goes offline before it waits for packets. Other threads take a place for
 * a moment ({@link #enter}, {@link #leave}).
 *
 * <p>Any thread, but a reader's methods only on the thread of its queue. Allocates for {@link #retire} alone.
 */
public final class QuiescentStates {
    private static final VarHandle EPOCH;
    private static final VarHandle SAFE;
    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

    static {
        try {
            EPOCH = MethodHandles.lookup().findVarHandle(QuiescentStates.class, "epoch", long.class);
            SAFE = MethodHandles.lookup().findVarHandle(QuiescentStates.class, "safe", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final long OFFLINE = 0;

    /** Longs of two cache lines. */
    private static final int STRIDE = 16;

    /** Threads that are no queues and may be inside at once; more wait. */
    private static final int PLACES = 16;

    /** Between two looks of the thread that frees. */
    private static final long LOOK_NANOS = 1_000_000;

    private volatile long epoch = 1;

    /** All readers have seen this epoch or a later one; may be less than it could be. */
    private volatile long safe = 1;

    private volatile Reader[] readers = {};

    /** Of each place the epoch when somebody came, {@link #OFFLINE} for a free one. */
    private final long[] places = new long[(PLACES + 1) * STRIDE];

    /** What waits to be freed, oldest first. */
    private final Queue<Retired> retired = new ArrayDeque<>();

    private boolean freeing;

    private record Retired(long stamp, Runnable free) {}

    /** Makes the reader of a queue, offline. */
    public synchronized Reader newReader() {
        Reader reader = new Reader();
        Reader[] copy = Arrays.copyOf(readers, readers.length + 1);
        copy[readers.length] = reader;
        readers = copy;
        return reader;
    }

    private synchronized void remove(Reader reader) {
        readers = Arrays.stream(readers).filter(other -> !other.equals(reader)).toArray(Reader[]::new);
    }

    // --- those that are no queues

    /**
     * From now on nothing is freed that can still be found. Short sections only: they hold up all that is freed.
     *
     * @return what to give to {@link #leave}
     */
    public int enter() {
        int place = (int) Thread.currentThread().threadId();
        for (int tries = 1; ; tries++, place++) {
            int at = ((place & PLACES - 1) + 1) * STRIDE;
            // full fences both: what is read inside is read after this
            if ((long) LONGS.getOpaque(places, at) == OFFLINE && LONGS.compareAndSet(places, at, OFFLINE, epoch)) {
                return at;
            }
            if (tries % PLACES == 0) {
                Thread.yield();
            }
        }
    }

    /** The end of what began with {@link #enter}. */
    public void leave(int entered) {
        LONGS.setRelease(places, entered, OFFLINE);
    }

    // --- those that free

    /**
     * What was unlinked before this call may be freed once this number has {@linkplain #passed passed}. Costs a fence: one
     * stamp for many things is cheaper.
     */
    public long stamp() {
        VarHandle.fullFence(); // the unlinking first
        return epoch + 1;
    }

    /**
     * Whether every reader has been in a quiescent state since a {@link #stamp} was given. A cheap answer when it has been
     * so for some time; looks at all readers when not, so that it is not to be asked for each packet.
     */
    public boolean passed(long stamp) {
        if (stamp <= safe) {
            return true;
        }
        long now = epoch;
        if (now < stamp) {
            EPOCH.compareAndSet(this, stamp - 1, stamp);
            now = epoch;
        }
        long least = now;
        for (Reader reader : readers) {
            least = Math.min(least, reader.seen());
        }
        for (int at = STRIDE; at < places.length; at += STRIDE) {
            long seen = (long) LONGS.getVolatile(places, at);
            least = seen == OFFLINE ? least : Math.min(least, seen);
        }
        long before;
        do {
            before = safe;
        } while (before < least && !SAFE.compareAndSet(this, before, least));
        return stamp <= Math.max(before, least);
    }

    /**
     * Frees something that has been unlinked: at once when nobody reads, else later on a thread of its own. Not for queues.
     */
    public void retire(Runnable free) {
        long stamp = stamp();
        if (passed(stamp)) {
            free.run();
            return;
        }
        synchronized (retired) {
            retired.add(new Retired(stamp, free));
            if (!freeing) {
                freeing = true;
                startFreeing();
            }
        }
    }

    /** Things that have been given to {@link #retire} and are not freed yet. */
    public int waiting() {
        synchronized (retired) {
            return retired.size();
        }
    }

    private void freeAll() {
        boolean done = false;
        try {
            freeUntilNoneWaits();
            done = true;
        } finally {
            if (!done) { // a failure of ours; others are not to wait for ever
                startFreeing();
            }
        }
    }

    private void startFreeing() {
        Thread thread = new Thread(this::freeAll, "sluice-free");
        thread.setDaemon(true);
        thread.start();
    }

    private void freeUntilNoneWaits() {
        while (true) {
            Retired oldest;
            synchronized (retired) {
                if (retired.isEmpty()) {
                    freeing = false;
                    return;
                }
                oldest = retired.peek();
            }
            if (!passed(oldest.stamp)) {
                LockSupport.parkNanos(LOOK_NANOS);
                continue;
            }
            try {
                oldest.free.run();
            } finally {
                synchronized (retired) {
                    retired.remove(); // not before: what waits is what has not been freed
                }
            }
        }
    }

    /** A queue. Used by its thread alone, closed when no program runs on it any more. */
    public final class Reader implements AutoCloseable {
        /** In the middle of memory of its own. */
        private final long[] seen = new long[2 * STRIDE];

        private boolean announces;

        private Reader() {}

        private long seen() {
            long value = (long) LONGS.getVolatile(seen, STRIDE);
            return value == OFFLINE ? Long.MAX_VALUE : value;
        }

        /**
         * From now on {@link #quiescent} and {@link #offline} are called between batches, so that {@link #leave} need not do
         * it; false to take that back.
         */
        public void announces(boolean says) {
            announces = says;
            offline();
        }

        /**
         * Before a program runs, or several: goes online unless it is.
         *
         * @return what to give to {@link #leave}
         */
        public boolean enter() {
            if (seen[STRIDE] != OFFLINE) {
                return false;
            }
            LONGS.setVolatile(seen, STRIDE, epoch);
            VarHandle.fullFence(); // whatever is read from here on is read after that was seen
            return true;
        }

        /** Behind what {@link #enter} began. */
        public void leave(boolean entered) {
            if (entered && !announces) {
                offline();
            }
        }

        /** The queue holds nothing: the end of a poll. Costs a comparison unless somebody waits for it. */
        public void quiescent() {
            long now = (long) EPOCH.getAcquire(QuiescentStates.this);
            if (seen[STRIDE] != now && seen[STRIDE] != OFFLINE) {
                LONGS.setRelease(seen, STRIDE, now);
            }
        }

        /** The queue holds nothing, and will not run a program before it is online again: it is about to wait. */
        public void offline() {
            if (seen[STRIDE] != OFFLINE) {
                LONGS.setRelease(seen, STRIDE, OFFLINE);
            }
        }

        @Override
        public void close() {
            offline();
            remove(this);
        }
    }
}
