package dev.sluice.helper;

import dev.sluice.map.Errno;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;

/**
 * What a device knows of a packet beyond its bytes, for {@code bpf_xdp_metadata_rx_*}. One a queue, asked by that queue's
 * thread while a program runs; must not allocate.
 *
 * <p>Each method gives 0 after it has written the answer, or a negative error number: {@link Errno#ENODATA} when the
 * device does such things, but not for this packet, {@link Errno#EOPNOTSUPP} when it never does.
 */
public interface ReceiveHints {
    /** A device that knows nothing: every answer is EOPNOTSUPP, as from a driver without these functions. */
    ReceiveHints NONE = new ReceiveHints() {};

    /** A device that knows when packets came, as a capture does, and nothing else. */
    ReceiveHints TIMESTAMPS = new ReceiveHints() {
        @Override
        public int timestamp(long descriptor, long to) {
            long nanos = descriptor == 0
                    ? FrameDescriptor.NO_TIMESTAMP
                    : Memory.getLong(descriptor + FrameDescriptor.TIMESTAMP);
            if (nanos == FrameDescriptor.NO_TIMESTAMP) {
                return Errno.ENODATA.negative();
            }
            Memory.putLong(to, nanos);
            return 0;
        }
    };

    /**
     * When the packet came.
     *
     * @param descriptor address of the packet's {@link FrameDescriptor}, 0 outside of a batch
     * @param to where to write the nanoseconds, 8 bytes
     */
    default int timestamp(long descriptor, long to) {
        return Errno.EOPNOTSUPP.negative();
    }

    /**
     * The hash that chose the queue.
     *
     * @param to where to write it, 4 bytes
     * @param type where to write what it is over, 4 bytes ({@code enum xdp_rss_hash_type})
     */
    default int hash(long descriptor, long to, long type) {
        return Errno.EOPNOTSUPP.negative();
    }

    /**
     * The VLAN tag that is not in the packet any more.
     *
     * @param protocol where to write the tag's EtherType, 2 bytes in network order
     * @param tci where to write priority and number, 2 bytes in the machine's order
     */
    default int vlanTag(long descriptor, long protocol, long tci) {
        return Errno.EOPNOTSUPP.negative();
    }
}
