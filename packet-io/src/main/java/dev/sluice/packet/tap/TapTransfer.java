package dev.sluice.packet.tap;

import dev.sluice.packet.frame.FrameBatch;
import java.io.IOException;

/** How frames cross a TAP's descriptor. The queue's thread. Allocates nothing. */
interface TapTransfer {
    /** Where frames go that were read. */
    interface Receiver {
        /**
         * A frame was read into where the batch's next one goes.
         *
         * @param length its bytes, 1 to what was asked for
         */
        void received(FrameBatch batch, int length);
    }

    /**
     * Reads what there is, up to a batch.
     *
     * @param most bytes of a frame, and one
     * @throws IOException when the interface is gone
     */
    void read(FrameBatch batch, int most, Receiver receiver) throws IOException;

    /**
     * Writes packets, in order.
     *
     * @return those that the kernel has no room for now
     */
    long write(FrameBatch batch, long mask);

    /** The packets of the last {@link #write} that the kernel refused for good. */
    long refused();
}
