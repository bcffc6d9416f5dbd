package dev.sluice.packet.pcap;

import org.jspecify.annotations.Nullable;

/**
 * The bytes of a capture, after decompression, as a window of native memory that moves forward. {@link #position} and
 * {@link #limit} are fields because parsers keep them in locals within a batch.
 */
abstract class Input implements AutoCloseable {
    /** The greatest number of bytes that {@link #ensure} can be asked for. */
    static final int MAX_WINDOW = 16 << 20;

    /** Address of the next byte. */
    long position;

    /** Address after the last byte that can be read now. */
    long limit;

    /**
     * Makes at least {@code bytes} bytes readable at {@link #position}, waiting for them where they are still to come.
     * Unless {@link #isStable()}, the bytes move and addresses from before become invalid.
     *
     * @return false when the input ends before that; what there is is readable, and {@link #failure()} says whether the end
     *     is the input's real one
     */
    abstract boolean ensure(int bytes);

    /** Moves {@link #position} forward over {@code bytes} bytes, readable or not; false when the input ends before that. */
    abstract boolean skip(long bytes);

    /** Whether addresses stay valid until the input is closed. */
    abstract boolean isStable();

    /** Offset of {@link #position} from the start of the capture, after decompression. */
    abstract long offset();

    /** Bytes taken from the file so far, as it lies on the disk; for a progress bar. */
    abstract long consumed();

    /** Size of the file as it lies on the disk, or -1 where it is not known. */
    abstract long size();

    /** Why the input ended early, or null. */
    abstract @Nullable Failure failure();

    /** Goes back to the start; only where {@link #isStable()}. */
    abstract void rewind();

    @Override
    public abstract void close();

    /** An early end. */
    record Failure(Damage.Kind kind, String message) {}
}
