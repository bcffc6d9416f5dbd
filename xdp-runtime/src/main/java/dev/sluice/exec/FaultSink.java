package dev.sluice.exec;

/** Takes the faults of single packets in a batch. Called on the queue's thread. */
@FunctionalInterface
public interface FaultSink {
    /**
     * @param index of the frame in the batch
     */
    void fault(int index, ProgramFault fault);
}
