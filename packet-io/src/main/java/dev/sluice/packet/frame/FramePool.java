package dev.sluice.packet.frame;

import dev.sluice.memory.Fragments;
import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A bounded stock of batches, one for each rx queue. One thread at a time acquires (whoever fills the queue); any thread
 * releases. Batches are made when they are first needed and then used again; in the steady state nothing is allocated.
 *
 * <p>An empty pool is how a lossless source learns that its sinks are full: it stops until {@link #onRelease} tells it of a
 * batch that came back.
 */
public final class FramePool implements AutoCloseable {
    /** Bytes in front of a packet ({@code XDP_PACKET_HEADROOM}). */
    public static final int HEADROOM = Fragments.HEADROOM;

    /** Bytes kept free behind a packet (what {@code struct skb_shared_info} takes). */
    public static final int TAILROOM = Fragments.TAILROOM;

    /** Bytes of an ordinary frame. */
    public static final int FRAME_SIZE = Fragments.PAGE_BYTES;

    /** The longest packet of an ordinary frame. */
    public static final int LINEAR_ROOM = Fragments.LINEAR_BYTES;

    /** Sizes of the larger frames: jumbo frames, offloaded 64 KiB ones, and the longest that capture files hold. */
    private static final int[] LARGE_SIZES = {16 << 10, 80 << 10, 264 << 10};

    /** The longest packet of all: a frame of the largest class is needed for it. */
    public static final int MAX_PACKET = LARGE_SIZES[LARGE_SIZES.length - 1] - HEADROOM - TAILROOM;

    /** Batches of a pool unless said otherwise. */
    public static final int DEFAULT_BATCHES = 32;

    private static final int CACHE_LINE = 64;

    /** From one frame to the next: an odd number of cache lines above a page. */
    static final int STRIDE = FRAME_SIZE + 3 * CACHE_LINE;

    private static final VarHandle RETURNED;
    private static final VarHandle IN_USE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            RETURNED = lookup.findVarHandle(FramePool.class, "returned", FrameBatch.class);
            IN_USE = lookup.findVarHandle(FramePool.class, "inUse", int.class);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private final Arena arena = Arena.ofShared();
    private final int maxBatches;
    private final boolean lossless;
    private int created;

    /** Batches that the acquiring thread has at hand, linked through their next. */
    private @Nullable FrameBatch free;

    /** Batches that came back since: pushed by any thread, taken as a whole, so there is no ABA problem. */
    @SuppressWarnings("UnusedVariable") // through RETURNED
    private volatile @Nullable FrameBatch returned;

    private volatile int inUse;
    private volatile boolean starved;
    private volatile boolean closed;
    private volatile Runnable onRelease = () -> {};

    /** Free larger frames by class; each frame's first 8 bytes link to the next. */
    private final long[] largeFree = new long[LARGE_SIZES.length];

    public FramePool() {
        this(DEFAULT_BATCHES);
    }

    /**
     * @param maxBatches most batches in use at a time, 1 to 65,536; each takes 272 KiB once it was used
     */
    public FramePool(int maxBatches) {
        this(maxBatches, false);
    }

    /**
     * @param maxBatches as above
     * @param lossless whether the pool's packets come from a source that waits, so that nobody on their way needs to drop one
     */
    public FramePool(int maxBatches, boolean lossless) {
        if (maxBatches < 1 || maxBatches > 65_536) {
            throw new IllegalArgumentException("batches of a pool, expected=1..65536 found=" + maxBatches);
        }
        this.lossless = lossless;
        this.maxBatches = maxBatches;
    }

    /** What to do when a batch comes back after {@link #acquire} found none. Called on the thread that released it. */
    public void onRelease(Runnable action) {
        onRelease = action;
    }

    /** An empty batch with one reference, or null when all are in use. */
    public @Nullable FrameBatch acquire() {
        // counted first: close() sees that the memory is in use, or we see that the pool is closed
        IN_USE.getAndAdd(this, 1);
        if (closed) {
            notUsed();
            throw new IllegalStateException("the frame pool is closed");
        }
        FrameBatch batch = null;
        try {
            batch = take();
        } finally {
            if (batch == null) {
                notUsed();
            }
        }
        if (batch != null) {
            batch.reopen();
        }
        return batch;
    }

    private @Nullable FrameBatch take() {
        FrameBatch batch = free;
        if (batch == null) {
            batch = (FrameBatch) RETURNED.getAndSet(this, null);
            if (batch == null && created < maxBatches) {
                created++;
                batch = new FrameBatch(
                        this,
                        Memory.allocate(arena, (long) FrameBatch.CAPACITY * STRIDE, CACHE_LINE),
                        Memory.allocate(arena, FrameBatch.DESCRIPTORS_BYTES, CACHE_LINE));
            } else if (batch == null) {
                // tell releasing threads first, then look again: one of the two sees the other
                starved = true;
                batch = (FrameBatch) RETURNED.getAndSet(this, null);
                if (batch == null) {
                    return null;
                }
                starved = false;
            }
        }
        free = batch.next;
        batch.next = null;
        return batch;
    }

    /** One batch less is in use; behind the last one of a closed pool its memory goes. */
    private void notUsed() {
        int left = (int) IN_USE.getAndAdd(this, -1) - 1;
        if (closed && left == 0) {
            free();
        }
    }

    /** Takes a batch back; its last reference is gone. Any thread. */
    void recycle(FrameBatch batch) {
        FrameBatch head;
        do {
            head = (FrameBatch) RETURNED.getVolatile(this);
            batch.next = head;
        } while (!RETURNED.compareAndSet(this, head, batch));
        if (starved) {
            starved = false;
            onRelease.run();
        }
        notUsed();
    }

    /** The class of frame that a packet needs: -1 for an ordinary one. */
    static int largeClass(int length) {
        if (length <= LINEAR_ROOM) {
            return -1;
        }
        for (int i = 0; i < LARGE_SIZES.length; i++) {
            if (length <= LARGE_SIZES[i] - HEADROOM - TAILROOM) {
                return i;
            }
        }
        throw new IllegalArgumentException("length of a packet, expected=0.." + MAX_PACKET + " found=" + length);
    }

    static int largeSize(int largeClass) {
        return LARGE_SIZES[largeClass];
    }

    /** A larger frame. Acquiring thread only. */
    long takeLarge(int largeClass) {
        long frame = largeFree[largeClass];
        if (frame == 0) {
            return Memory.allocate(arena, LARGE_SIZES[largeClass], CACHE_LINE);
        }
        largeFree[largeClass] = Memory.getLong(frame);
        Memory.putLong(frame, 0);
        return frame;
    }

    /** Gives a larger frame back. Acquiring thread only. */
    void giveLarge(int largeClass, long frame) {
        Memory.putLong(frame, largeFree[largeClass]);
        largeFree[largeClass] = frame;
    }

    /** Batches that were acquired and not yet released: 0 when nothing leaks. */
    public int inUse() {
        return inUse;
    }

    /** Whether the packets come from a source that waits. */
    public boolean isLossless() {
        return lossless;
    }

    /** Most batches in use at a time. */
    public int maxBatches() {
        return maxBatches;
    }

    /** Frees the memory, now or when the last batch comes back. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            if (inUse == 0) {
                free();
            }
        }
    }

    /** Whether the memory is still there. */
    boolean isAlive() {
        return arena.scope().isAlive();
    }

    private synchronized void free() {
        if (isAlive()) {
            arena.close();
        }
    }
}
