package dev.sluice.packet.frame;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Batches on their way from any threads to one, first in, first out: a list that is linked through the batches themselves, so
 * that nothing is allocated and nothing bounds it but the pools that the batches come from.
 */
public final class BatchQueue {
    private static final VarHandle PUSHED;
    private static final VarHandle PACKETS;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            PUSHED = lookup.findVarHandle(BatchQueue.class, "pushed", FrameBatch.class);
            PACKETS = lookup.findVarHandle(BatchQueue.class, "packets", int.class);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** What was added since, newest first; taken as a whole, so there is no ABA problem. */
    @SuppressWarnings("UnusedVariable") // through PUSHED
    private volatile @Nullable FrameBatch pushed;

    /** What the taking thread has at hand, oldest first. */
    private @Nullable FrameBatch ready;

    private volatile int packets;

    /** Adds a batch, whose reference is the queue's then. Any thread. */
    public void add(FrameBatch batch) {
        PACKETS.getAndAdd(this, batch.count());
        FrameBatch head;
        do {
            head = (FrameBatch) PUSHED.getVolatile(this);
            batch.next = head;
        } while (!PUSHED.compareAndSet(this, head, batch));
    }

    /** Takes the oldest batch, or gives null. The taking thread. */
    public @Nullable FrameBatch poll() {
        FrameBatch batch = ready;
        if (batch == null) {
            FrameBatch newest = (FrameBatch) PUSHED.getAndSet(this, null);
            while (newest != null) {
                FrameBatch older = newest.next;
                newest.next = batch;
                batch = newest;
                newest = older;
            }
            if (batch == null) {
                return null;
            }
        }
        ready = batch.next;
        batch.next = null;
        PACKETS.getAndAdd(this, -batch.count());
        return batch;
    }

    /** Packets that wait. Any thread. */
    public int packets() {
        return packets;
    }

    /** Whether no batch waits; exact on the taking thread. */
    public boolean isEmpty() {
        return packets == 0;
    }
}
