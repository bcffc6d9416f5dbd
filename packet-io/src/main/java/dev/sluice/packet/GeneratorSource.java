package dev.sluice.packet;

import dev.sluice.memory.Memory;
import dev.sluice.packet.gen.PacketRing;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureReader;

/** Some packets of a ring, round and round. */
final class GeneratorSource implements PacketSource {
    private final PacketRing ring;
    private final int[] members;
    private final double nanosApart;
    private long given;
    private int at;

    /**
     * @param members the ring's packets that come from here, in order
     * @param nanosApart from the time of one packet to that of the next; 0 for packets without times
     */
    GeneratorSource(PacketRing ring, int[] members, double nanosApart) {
        this.ring = ring;
        this.members = members.clone();
        this.nanosApart = nanosApart;
    }

    @Override
    public int read(CaptureBatch into, int max) {
        if (members.length == 0) {
            return 0;
        }
        long d = into.descriptors();
        for (int i = 0; i < max; i++) {
            int packet = members[at];
            at = at + 1 == members.length ? 0 : at + 1;
            int length = ring.length(packet);
            Memory.putLong(d + CaptureBatch.ADDRESS, ring.address(packet));
            Memory.putLong(
                    d + CaptureBatch.TIMESTAMP,
                    nanosApart == 0 ? CaptureReader.NO_TIMESTAMP : (long) (given * nanosApart));
            Memory.putInt(d + CaptureBatch.CAPTURED_LENGTH, length);
            Memory.putInt(d + CaptureBatch.ORIGINAL_LENGTH, length);
            given++;
            d += CaptureBatch.DESCRIPTOR_SIZE;
        }
        return max;
    }

    @Override
    public boolean beginsAnew() {
        return given == 0;
    }

    @Override
    public boolean isFinite() {
        return members.length == 0;
    }

    @Override
    public void close() {}
}
