package dev.sluice.packet.netty;

import dev.sluice.exec.ProgramFault;
import dev.sluice.packet.frame.FrameBatch;

/** Hears of packets whose program did what it may not. Called on the queue's thread, before the packet is dropped. */
public interface FaultListener {
    /** Ignores them; they are counted as {@code XDP_ABORTED} all the same. */
    FaultListener NONE = new FaultListener() {
        @Override
        public void fault(FrameBatch batch, int index, ProgramFault fault) {}

        @Override
        public void timerFault(ProgramFault fault) {}
    };

    void fault(FrameBatch batch, int index, ProgramFault fault);

    /** The callback of a timer did what it may not: there is no packet. It is counted among the faults. */
    void timerFault(ProgramFault fault);
}
