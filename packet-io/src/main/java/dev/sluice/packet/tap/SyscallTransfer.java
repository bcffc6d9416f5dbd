package dev.sluice.packet.tap;

import dev.sluice.packet.frame.FrameBatch;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;

/** A system call for each frame. */
final class SyscallTransfer implements TapTransfer {
    private final FileDescriptor descriptor;
    private long refused;

    SyscallTransfer(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    @Override
    public void read(FrameBatch batch, int most, Receiver receiver) throws IOException {
        for (int i = 0; i < FrameBatch.CAPACITY && !batch.isFull(); i++) {
            int length = descriptor.readAddress(batch.open(most), 0, most);
            if (length <= 0) { // nothing there, or the interface is gone
                return;
            }
            receiver.received(batch, length);
        }
    }

    @Override
    public long write(FrameBatch batch, long mask) {
        refused = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            int length = batch.length(i);
            try {
                if (descriptor.writeAddress(batch.data(i), 0, length) == 0 && length != 0) {
                    return rest;
                }
            } catch (IOException e) {
                // the interface is down (EIO), or the frame is none: this one is lost, as on a wire
                refused |= rest & -rest;
            }
        }
        return 0;
    }

    @Override
    public long refused() {
        return refused;
    }
}
