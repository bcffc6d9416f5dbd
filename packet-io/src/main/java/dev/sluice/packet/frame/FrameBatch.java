package dev.sluice.packet.frame;

import dev.sluice.memory.Fragments;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.ReferenceCounted;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Up to 64 packets: the message of our pipelines. An array of {@link FrameDescriptor}s in native memory, which engines run
 * over, and this view of it for Java code.
 *
 * <p>A batch may be a <em>selection</em>: a view of another that stands for some of its packets. Loops go over the set bits of
 * {@link #selected()}, never over all of them:
 *
 * <pre>{@code
 * for (long rest = batch.selected(); rest != 0; rest &= rest - 1) {
 *     int i = Long.numberOfTrailingZeros(rest);
 *     use(batch.data(i), batch.length(i));
 * }
 * }</pre>
 *
 * <p>Reference counted: who takes a batch out of a pipeline releases it. A batch and its selections share one count. The thread
 * that holds it works with it; counting is safe from any. Allocates nothing once warm.
 */
public final class FrameBatch implements ReferenceCounted {
    /** Packets of a batch: a NAPI poll's budget. */
    public static final int CAPACITY = 64;

    static final long DESCRIPTORS_BYTES = (long) CAPACITY * FrameDescriptor.BYTES;

    /** Bytes of larger frames that a batch may hold; with more it is full, so that pools stay small. */
    private static final int LARGE_BYTES_LIMIT = 1 << 20;

    /** Every packet on its own way through four devices comes out of this many; what is beyond is garbage later. */
    private static final int MAX_SELECTIONS = 256;

    /** Devices that a batch may come through: what goes round for ever is dropped some time. */
    private static final int MAX_HOPS = 255;

    private static final int XDP_PASS = 2;

    private static final long UNKNOWN = -1;

    private static final VarHandle REFERENCES;
    private static final VarHandle SELECTIONS_USED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            REFERENCES = lookup.findVarHandle(FrameBatch.class, "references", int.class);
            SELECTIONS_USED = lookup.findVarHandle(FrameBatch.class, "selectionsUsed", int.class);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** Link in the pool's lists. */
    @Nullable
    FrameBatch next;

    /** The batch that this selects from; itself when it is no selection. */
    private final FrameBatch root;

    private final FramePool pool;
    private final long frames;
    private final long descriptors;
    private long selected;

    // --- of the root alone
    private int size;
    private volatile int references;
    private final long[] numbers;
    private final int[] arrivalLengths;
    private final int[] originalLengths;
    private final long[] largeFrames;
    private final byte[] largeClasses;
    private long largeMask;
    private int largeBytes;
    private final @Nullable FrameBatch[] selections;
    private volatile int selectionsUsed;
    private volatile int hops;

    /** The sum of all arrival lengths, or {@link #UNKNOWN}. */
    private long arrivalBytes;

    FrameBatch(FramePool pool, long frames, long descriptors) {
        this.root = this;
        this.pool = pool;
        this.frames = frames;
        this.descriptors = descriptors;
        numbers = new long[CAPACITY];
        arrivalLengths = new int[CAPACITY];
        originalLengths = new int[CAPACITY];
        largeFrames = new long[CAPACITY];
        largeClasses = new byte[CAPACITY];
        selections = new FrameBatch[MAX_SELECTIONS];
        for (int i = 0; i < CAPACITY; i++) {
            long d = descriptor(i);
            Memory.putLong(d + FrameDescriptor.HARD_START, frames + (long) i * FramePool.STRIDE);
            Memory.putInt(d + FrameDescriptor.FRAME_SIZE, FramePool.FRAME_SIZE);
            Memory.putLong(d + FrameDescriptor.DATA_META, frames + (long) i * FramePool.STRIDE + FramePool.HEADROOM);
        }
    }

    private FrameBatch(FrameBatch root) {
        this.root = root;
        pool = root.pool;
        frames = root.frames;
        descriptors = root.descriptors;
        numbers = root.numbers;
        arrivalLengths = root.arrivalLengths;
        originalLengths = root.originalLengths;
        largeFrames = root.largeFrames;
        largeClasses = root.largeClasses;
        selections = root.selections;
    }

    /** Makes a recycled batch new. Acquiring thread. */
    void reopen() {
        for (long rest = largeMask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            cleanHeadroom(descriptor(i));
            pool.giveLarge(largeClasses[i], largeFrames[i]);
            long d = descriptor(i);
            long home = frames + (long) i * FramePool.STRIDE;
            Memory.putLong(d + FrameDescriptor.HARD_START, home);
            Memory.putLong(d + FrameDescriptor.DATA_META, home + FramePool.HEADROOM);
            Memory.putInt(d + FrameDescriptor.FRAME_SIZE, FramePool.FRAME_SIZE);
        }
        largeMask = 0;
        largeBytes = 0;
        size = 0;
        selected = 0;
        selectionsUsed = 0;
        hops = 0;
        arrivalBytes = 0;
        references = 1;
    }

    // --- filling: the acquiring thread, before the batch is passed on

    /** Whether no further packet fits. */
    public boolean isFull() {
        return !hasRoom(0);
    }

    /**
     * Prepares the next frame for a packet that is to be written into it; {@link #commit} then adds it.
     *
     * @param length most bytes that the packet may have, 0 to {@link FramePool#MAX_PACKET}
     * @return where its first byte goes
     * @throws IllegalStateException when the batch is full
     */
    public long open(int length) {
        return open(0, length);
    }

    /** Whether a frame can be opened so many behind the next one. */
    public boolean hasRoom(int ahead) {
        return root.size + ahead < CAPACITY && root.largeBytes < LARGE_BYTES_LIMIT;
    }

    /**
     * Prepares a frame behind the next one, for a source that fills several at a time. Only the next one can be committed; a
     * packet that lies further behind is first moved with {@link #move}.
     *
     * @param ahead frames before it, 0 for the next one
     * @throws IllegalStateException when there is no {@link #hasRoom}
     */
    public long open(int ahead, int length) {
        if (!hasRoom(ahead)) {
            throw new IllegalStateException("the batch is full");
        }
        int i = size + ahead;
        long d = descriptor(i);
        if (length > FramePool.LINEAR_ROOM) {
            openLarge(i, length);
        }
        cleanHeadroom(d);
        return Memory.getLong(d + FrameDescriptor.HARD_START) + FramePool.HEADROOM;
    }

    /** Copies a packet from a frame further behind into the next one, which was opened for as many bytes. */
    public void move(long from, int length) {
        Copy.bytes(from, Memory.getLong(descriptor(size) + FrameDescriptor.HARD_START) + FramePool.HEADROOM, length);
    }

    private void openLarge(int i, int length) {
        int largeClass = FramePool.largeClass(length);
        if ((largeMask & 1L << i) != 0) {
            if (largeClasses[i] >= largeClass) {
                return; // opened before, and not committed
            }
            pool.giveLarge(largeClasses[i], largeFrames[i]);
            largeBytes -= FramePool.largeSize(largeClasses[i]);
        }
        long frame = pool.takeLarge(largeClass);
        largeClasses[i] = (byte) largeClass;
        largeFrames[i] = frame;
        largeMask |= 1L << i;
        largeBytes += FramePool.largeSize(largeClass);
        long d = descriptor(i);
        Memory.putLong(d + FrameDescriptor.HARD_START, frame);
        Memory.putLong(d + FrameDescriptor.DATA_META, frame + FramePool.HEADROOM);
        Memory.putInt(d + FrameDescriptor.FRAME_SIZE, FramePool.largeSize(largeClass));
    }

    /** A program that had moved into the headroom leaves no bytes there for the next packet's program to read. */
    private static void cleanHeadroom(long d) {
        long start = Memory.getLong(d + FrameDescriptor.HARD_START);
        if (Memory.getLong(d + FrameDescriptor.DATA_META) < start + FramePool.HEADROOM) {
            Memory.fill(start, FramePool.HEADROOM, (byte) 0);
        }
    }

    /**
     * Adds the packet that was written to where {@link #open} said.
     *
     * @param length its bytes, at most those asked for
     * @param originalLength its bytes on the wire; more where a capture cut it
     * @param timestampNanos nanoseconds since 1970, or {@link FrameDescriptor#NO_TIMESTAMP}
     * @param queue rx queue, which is the CPU too
     * @param number of the packet in its source, from 1
     */
    public void commit(int length, int originalLength, long timestampNanos, int queue, int ifindex, long number) {
        int i = size;
        long d = descriptor(i);
        long data = Memory.getLong(d + FrameDescriptor.HARD_START) + FramePool.HEADROOM;
        Memory.putLong(d + FrameDescriptor.DATA, data);
        Memory.putLong(d + FrameDescriptor.DATA_END, data + length);
        Memory.putLong(d + FrameDescriptor.DATA_META, data);
        Memory.putLong(d + FrameDescriptor.TIMESTAMP, timestampNanos);
        Memory.putInt(d + FrameDescriptor.RX_QUEUE, queue);
        Memory.putInt(d + FrameDescriptor.INGRESS_IFINDEX, ifindex);
        Memory.putInt(d + FrameDescriptor.ACTION, XDP_PASS);
        Memory.putInt(d + FrameDescriptor.REDIRECT_MAP, 0);
        Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, 0);
        numbers[i] = number;
        arrivalLengths[i] = length;
        originalLengths[i] = originalLength;
        selected |= 1L << i;
        size = i + 1;
        arrivalBytes += length;
    }

    /** Copies a packet in: {@link #open} and {@link #commit}. */
    public void append(
            long from, int length, int originalLength, long timestampNanos, int queue, int ifindex, long number) {
        Copy.bytes(from, open(length), length);
        commit(length, originalLength, timestampNanos, queue, ifindex, number);
    }

    /** Copies a packet in from the heap, as tests and Java sources do; its time is unknown. */
    public void append(byte[] packet, int queue, int ifindex) {
        Memory.copy(packet, 0, open(packet.length), packet.length);
        commit(packet.length, packet.length, FrameDescriptor.NO_TIMESTAMP, queue, ifindex, size + 1L);
    }

    /**
     * Copies packets in that a capture reader or a generator has described: the fast way for many ordinary ones.
     *
     * @param input address of the first {@link CaptureBatch} descriptor
     * @param count most packets
     * @param shortest bytes; a shorter packet ends it
     * @param longest bytes; a longer packet, or one that needs a larger frame, ends it
     * @param untimed the time of packets without one
     * @param number of the first packet in its source, from 1
     * @return how many packets were taken
     */
    public int appendAll(
            long input, int count, int shortest, int longest, long untimed, int queue, int ifindex, long number) {
        final int first = size;
        final int end = Math.min(CAPACITY, first + count);
        final int most = Math.min(longest, FramePool.LINEAR_ROOM);
        final long place = queue & 0xffff_ffffL | (long) ifindex << 32;
        final long verdict = XDP_PASS | (long) FramePool.FRAME_SIZE << 32;
        final MemorySegment all = Memory.ALL; // see Memory for why it is used in place
        long home = frames + (long) first * FramePool.STRIDE;
        long descriptor = descriptor(first);
        long described = input;
        long bytes = 0;
        int i = first;
        while (i < end) {
            final long d = Memory.ofUserSpace(descriptor);
            final long in = Memory.ofUserSpace(described);
            final int length = all.get(Memory.INT, in + CaptureBatch.CAPTURED_LENGTH);
            if (length < shortest || length > most || all.get(Memory.LONG, d + FrameDescriptor.HARD_START) != home) {
                break;
            }
            final long data = home + FramePool.HEADROOM;
            if (all.get(Memory.LONG, d + FrameDescriptor.DATA_META) < data) {
                Memory.fill(home, FramePool.HEADROOM, (byte) 0); // as cleanHeadroom
            }
            Copy.bytes(all.get(Memory.LONG, in + CaptureBatch.ADDRESS), data, length);
            final long timestamp = all.get(Memory.LONG, in + CaptureBatch.TIMESTAMP);
            all.set(Memory.LONG, d + FrameDescriptor.DATA, data);
            all.set(Memory.LONG, d + FrameDescriptor.DATA_END, data + length);
            all.set(Memory.LONG, d + FrameDescriptor.DATA_META, data);
            all.set(
                    Memory.LONG,
                    d + FrameDescriptor.TIMESTAMP,
                    timestamp == CaptureReader.NO_TIMESTAMP ? untimed : timestamp);
            all.set(Memory.LONG, d + FrameDescriptor.RX_QUEUE, place);
            all.set(Memory.LONG, d + FrameDescriptor.ACTION, verdict);
            all.set(Memory.LONG, d + FrameDescriptor.REDIRECT_MAP, 0L);
            numbers[i] = number + (i - first);
            arrivalLengths[i] = length;
            originalLengths[i] = all.get(Memory.INT, in + CaptureBatch.ORIGINAL_LENGTH);
            bytes += length;
            i++;
            home += FramePool.STRIDE;
            descriptor += FrameDescriptor.BYTES;
            described += CaptureBatch.DESCRIPTOR_SIZE;
        }
        size = i;
        selected |= below(i) & ~below(first);
        arrivalBytes += bytes;
        return i - first;
    }

    /** The first packets as a mask. */
    private static long below(int count) {
        return count == CAPACITY ? -1 : (1L << count) - 1;
    }

    /** Copies a packet of another batch in, with its metadata: what a redirect to several devices does. */
    public void appendCopy(FrameBatch from, int i) {
        long data = from.data(i);
        int length = from.length(i);
        int metadata = (int) (data - from.dataMeta(i));
        long to = open(length);
        Memory.copy(data - metadata, to - metadata, metadata + length);
        long d = descriptor(size);
        commit(
                length,
                length + from.originalLength(i) - from.arrivalLength(i),
                from.timestampNanos(i),
                from.rxQueue(i),
                from.ingressIfindex(i),
                from.number(i));
        Memory.putLong(d + FrameDescriptor.DATA_META, to - metadata);
    }

    // --- packets of several buffers

    /**
     * Splits the packets that do not fit into a page as a driver receives them ({@link Fragments}). Before a program runs;
     * {@link #join} after it.
     */
    public void split() {
        for (long rest = root.largeMask & selected; rest != 0; rest &= rest - 1) {
            Fragments.split(descriptor(Long.numberOfTrailingZeros(rest)));
        }
    }

    /** Puts the packets that were split into one piece again. */
    public void join() {
        for (long rest = root.largeMask & selected; rest != 0; rest &= rest - 1) {
            Fragments.join(descriptor(Long.numberOfTrailingZeros(rest)));
        }
    }

    // --- the packets

    /** Packets that were added, selected or not: indexes are below this. */
    public int size() {
        return root.size;
    }

    /** The packets that this batch stands for: bit i is packet i. */
    public long selected() {
        return selected;
    }

    /** How many packets this batch stands for. */
    public int count() {
        return Long.bitCount(selected);
    }

    /** Whether the packets come from a source that waits rather than loses some. */
    public boolean isLossless() {
        return pool.isLossless();
    }

    /**
     * A view that stands for some of these packets. It has a reference of its own: releasing it is its holder's business.
     *
     * @param mask a subset of {@link #selected()}
     */
    public FrameBatch select(long mask) {
        if ((mask & ~selected) != 0) {
            throw new IllegalArgumentException("selection, expected a subset of " + Long.toHexString(selected)
                    + ", found=" + Long.toHexString(mask));
        }
        root.retain();
        int at = (int) SELECTIONS_USED.getAndAdd(root, 1);
        FrameBatch selection;
        if (at >= MAX_SELECTIONS) {
            selection = new FrameBatch(root);
        } else {
            FrameBatch made = selections[at];
            if (made == null) {
                made = new FrameBatch(root);
                selections[at] = made;
            }
            selection = made;
        }
        selection.selected = mask;
        return selection;
    }

    /** Address of descriptor 0; the packets' descriptors follow each other. */
    public long descriptors() {
        return descriptors;
    }

    /** Address of packet i's descriptor. */
    public long descriptor(int i) {
        return descriptors + (long) i * FrameDescriptor.BYTES;
    }

    /** Address of packet i's first byte. */
    public long data(int i) {
        return Memory.getLong(descriptor(i) + FrameDescriptor.DATA);
    }

    /** Address behind packet i's last byte. */
    public long dataEnd(int i) {
        return Memory.getLong(descriptor(i) + FrameDescriptor.DATA_END);
    }

    /** Address of packet i's metadata, which end at {@link #data}. */
    public long dataMeta(int i) {
        return Memory.getLong(descriptor(i) + FrameDescriptor.DATA_META);
    }

    /** Packet i's bytes now. */
    public int length(int i) {
        return (int) (dataEnd(i) - data(i));
    }

    /** The packets of a mask that have more bytes than that. */
    public long longerThan(int bytes, long mask) {
        long longer = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            if (length(Long.numberOfTrailingZeros(rest)) > bytes) {
                longer |= rest & -rest;
            }
        }
        return longer;
    }

    /** Packet i's bytes when it arrived, before any program. */
    public int arrivalLength(int i) {
        return arrivalLengths[i];
    }

    /** The sum of some packets' bytes when they arrived. */
    public long arrivalBytes(long mask) {
        if (mask == below(root.size) && root.arrivalBytes != UNKNOWN) {
            return root.arrivalBytes;
        }
        long bytes = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            bytes += arrivalLengths[Long.numberOfTrailingZeros(rest)];
        }
        return bytes;
    }

    /** Packet i's bytes on the wire when it arrived: more than {@link #arrivalLength} where a capture cut it. */
    public int originalLength(int i) {
        return originalLengths[i];
    }

    /** Nanoseconds since 1970, or {@link FrameDescriptor#NO_TIMESTAMP}. */
    public long timestampNanos(int i) {
        return Memory.getLong(descriptor(i) + FrameDescriptor.TIMESTAMP);
    }

    /** Packet i's number in its source, from 1. */
    public long number(int i) {
        return numbers[i];
    }

    public int rxQueue(int i) {
        return Memory.getInt(descriptor(i) + FrameDescriptor.RX_QUEUE);
    }

    public int ingressIfindex(int i) {
        return Memory.getInt(descriptor(i) + FrameDescriptor.INGRESS_IFINDEX);
    }

    /** Another queue for all selected packets, which is the CPU that the next program runs on. */
    public void setQueue(int queue) {
        for (long rest = selected; rest != 0; rest &= rest - 1) {
            Memory.putInt(descriptor(Long.numberOfTrailingZeros(rest)) + FrameDescriptor.RX_QUEUE, queue);
        }
    }

    /** What the program returned for packet i, unclamped; {@code XDP_PASS} before one has run. */
    public int action(int i) {
        return Memory.getInt(descriptor(i) + FrameDescriptor.ACTION);
    }

    /** The map of packet i's redirect with its flags, as {@link FrameDescriptor#REDIRECT_MAP} says; 0 for an ifindex. */
    public int redirectMap(int i) {
        return Memory.getInt(descriptor(i) + FrameDescriptor.REDIRECT_MAP);
    }

    /** The key in that map, or the ifindex. */
    public int redirectIndex(int i) {
        return Memory.getInt(descriptor(i) + FrameDescriptor.REDIRECT_INDEX);
    }

    /** Packet i copied to the heap: for tests and people, not for the datapath. */
    public byte[] bytes(int i) {
        return Memory.bytes(data(i), length(i));
    }

    // --- from device to device

    /**
     * Makes packets that one device has sent those that another has received. Who holds the batch.
     *
     * @return false when they have come through too many devices, as in a ring; they are to be dropped then
     */
    public boolean arriveAt(int queue, int ifindex) {
        for (long rest = selected; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            long d = descriptor(i);
            Memory.putInt(d + FrameDescriptor.RX_QUEUE, queue);
            Memory.putInt(d + FrameDescriptor.INGRESS_IFINDEX, ifindex);
            Memory.putInt(d + FrameDescriptor.ACTION, XDP_PASS);
            Memory.putInt(d + FrameDescriptor.REDIRECT_MAP, 0);
            Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, 0);
            int length = length(i);
            originalLengths[i] += length - arrivalLengths[i];
            arrivalLengths[i] = length;
        }
        root.arrivalBytes = UNKNOWN;
        int before = root.hops;
        root.hops = before + 1; // a lost update of another selection's only makes the limit later
        return before < MAX_HOPS;
    }

    // --- references

    @Override
    public int refCnt() {
        return root.references;
    }

    @Override
    public FrameBatch retain() {
        return retain(1);
    }

    @Override
    public FrameBatch retain(int increment) {
        int old = (int) REFERENCES.getAndAdd(root, increment);
        if (old <= 0 || old + increment <= old) {
            REFERENCES.getAndAdd(root, -increment);
            throw new IllegalReferenceCountException(old, increment);
        }
        return this;
    }

    @Override
    public FrameBatch touch() {
        return this;
    }

    @Override
    public FrameBatch touch(Object hint) {
        return this;
    }

    @Override
    public boolean release() {
        return release(1);
    }

    @Override
    public boolean release(int decrement) {
        int old = (int) REFERENCES.getAndAdd(root, -decrement);
        if (old == decrement) {
            pool.recycle(root);
            return true;
        }
        if (old < decrement || decrement <= 0) {
            REFERENCES.getAndAdd(root, decrement);
            throw new IllegalReferenceCountException(old, -decrement);
        }
        return false;
    }
}
