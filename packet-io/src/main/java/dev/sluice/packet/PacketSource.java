package dev.sluice.packet;

import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.Damage;
import java.util.List;

/** Packets one after the other, as descriptors of bytes that stay where they are until more are asked for. One thread. */
interface PacketSource extends AutoCloseable {
    /**
     * Describes the next packets.
     *
     * @param max most packets, 1 to the batch's capacity
     * @return how many; 0 at the end of all
     */
    int read(CaptureBatch into, int max);

    /** Whether the packets of the last read begin anew in time: another capture, or the first one again. */
    boolean beginsAnew();

    /** Bytes read so far, for the progress. */
    default long consumed() {
        return 0;
    }

    /** Bytes of all, or -1 when nobody knows. */
    default long size() {
        return -1;
    }

    /** Packets so far of which there are not all bytes. */
    default long cutPackets() {
        return 0;
    }

    /** What ended before its end. */
    default List<Damage> damages() {
        return List.of();
    }

    /** Whether it ends by itself. */
    boolean isFinite();

    @Override
    void close();
}
