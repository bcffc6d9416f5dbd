package dev.sluice.packet.pcap;

import dev.sluice.memory.Memory;
import java.lang.foreign.Arena;
import java.util.Objects;

/**
 * An off-heap array of packet descriptors, which {@link CaptureReader#read(CaptureBatch)} fills. It holds no packet bytes:
 * the addresses are the reader's. Owned by one thread; allocates when it is made and never again.
 *
 * <pre>
 *    0 i64 address of the first byte
 *    8 i64 time, nanoseconds since 1970, or {@link CaptureReader#NO_TIMESTAMP}
 *   16 i32 captured length: bytes that are there
 *   20 i32 original length: bytes that were on the wire, more than captured where the capture cut the packet
 *   24 i32 index of the interface in {@link CaptureReader#interfaces()}
 *   28 i32 unused
 * </pre>
 */
public final class CaptureBatch implements AutoCloseable {
    /** Bytes from one descriptor to the next. */
    public static final int DESCRIPTOR_SIZE = 32;

    public static final int ADDRESS = 0;
    public static final int TIMESTAMP = 8;
    public static final int CAPTURED_LENGTH = 16;
    public static final int ORIGINAL_LENGTH = 20;
    public static final int INTERFACE_INDEX = 24;

    private final Arena arena = Arena.ofShared();
    private final long descriptors;
    private int capacity;
    private int size;

    /** Makes room for {@code capacity} packets, 1 to 65,536. */
    public CaptureBatch(int capacity) {
        if (capacity < 1 || capacity > 65536) {
            throw new IllegalArgumentException("capacity of a batch, expected=1..65536 found=" + capacity);
        }
        this.capacity = capacity;
        descriptors = arena.allocate((long) capacity * DESCRIPTOR_SIZE, 64).address();
    }

    /** How many packets fit; 0 after {@link #close()}. */
    public int capacity() {
        return capacity;
    }

    /** How many packets the last read gave. */
    public int size() {
        return size;
    }

    /** Native address of descriptor 0, for loops that read descriptors in place; constant. */
    public long descriptors() {
        return descriptors;
    }

    /** Native address of a packet's first byte; valid as long as {@link CaptureReader#read(CaptureBatch)} says. */
    public long address(int i) {
        return Memory.getLong(descriptor(i) + ADDRESS);
    }

    /** A packet's time in nanoseconds since 1970, or {@link CaptureReader#NO_TIMESTAMP}. */
    public long timestampNanos(int i) {
        return Memory.getLong(descriptor(i) + TIMESTAMP);
    }

    /** A packet's bytes in the capture, 0 to {@link CaptureReader#MAX_CAPTURED_LENGTH}. */
    public int capturedLength(int i) {
        return Memory.getInt(descriptor(i) + CAPTURED_LENGTH);
    }

    /** A packet's bytes on the wire, as the capture says. */
    public int originalLength(int i) {
        return Memory.getInt(descriptor(i) + ORIGINAL_LENGTH);
    }

    /** Index into {@link CaptureReader#interfaces()}. */
    public int interfaceIndex(int i) {
        return Memory.getInt(descriptor(i) + INTERFACE_INDEX);
    }

    /** Copies a packet to the heap: for tests and people, not for the datapath. */
    public byte[] copyBytes(int i) {
        return Memory.bytes(address(i), capturedLength(i));
    }

    void setSize(int size) {
        this.size = size;
    }

    private long descriptor(int i) {
        return descriptors + (long) Objects.checkIndex(i, size) * DESCRIPTOR_SIZE;
    }

    /** Frees the descriptors; any use afterwards is wrong. */
    @Override
    public void close() {
        size = 0;
        capacity = 0; // a reader then refuses the batch instead of writing to freed memory
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
