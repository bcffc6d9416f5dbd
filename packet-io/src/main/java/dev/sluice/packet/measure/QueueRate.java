package dev.sluice.packet.measure;

/**
 * What a queue did in some time.
 *
 * @param packets received
 * @param cpuNanos CPU time of the queue's thread
 * @param wallNanos time that passed
 * @param allocated bytes that its thread allocated on the heap
 */
public record QueueRate(long packets, long cpuNanos, long wallNanos, long allocated) {
    /** CPU time a packet. */
    public double nanosPerPacket() {
        return (double) cpuNanos / packets;
    }

    public double packetsPerSecond() {
        return wallNanos == 0 ? 0 : packets * 1e9 / wallNanos;
    }
}
