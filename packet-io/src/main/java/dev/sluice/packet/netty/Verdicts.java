package dev.sluice.packet.netty;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.nic.XdpAction;
import java.util.Arrays;

/** Sorts the packets of a batch by what programs returned. */
final class Verdicts {
    private Verdicts() {}

    /**
     * The selected packets of each action.
     *
     * @param into gets them by {@link XdpAction#index}
     */
    static void masks(FrameBatch batch, long[] into) {
        Arrays.fill(into, 0);
        long selected = batch.selected();
        if (selected == 0) {
            return;
        }
        long d = batch.descriptors() + FrameDescriptor.ACTION;
        // usually all have the same
        int first = Memory.getInt(d + (long) Long.numberOfTrailingZeros(selected) * FrameDescriptor.BYTES);
        long others = 0;
        for (long rest = selected; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            if (Memory.getInt(d + (long) i * FrameDescriptor.BYTES) != first) {
                others |= rest & -rest;
            }
        }
        into[XdpAction.index(first)] = selected & ~others;
        for (long rest = others; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            into[XdpAction.index(Memory.getInt(d + (long) i * FrameDescriptor.BYTES))] |= rest & -rest;
        }
    }
}
