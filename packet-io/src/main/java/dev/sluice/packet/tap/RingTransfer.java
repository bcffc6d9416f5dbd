package dev.sluice.packet.tap;

import dev.sluice.packet.frame.FrameBatch;
import java.io.IOException;

/** A {@link Ring}: a system call for many frames. */
final class RingTransfer implements TapTransfer {
    private final Ring ring;
    private final long[] places = new long[Ring.ENTRIES];
    private final int[] packets = new int[Ring.ENTRIES];
    private long refused;

    /** How many frames the last batch had: as many and one are tried next, as a read of nothing costs half of one of a frame. */
    private int expected;

    RingTransfer(Ring ring) {
        this.ring = ring;
    }

    @Override
    public void read(FrameBatch batch, int most, Receiver receiver) throws IOException {
        int sum = 0;
        int wanted = expected + 1;
        while (sum < FrameBatch.CAPACITY && !batch.isFull()) {
            int first = batch.size();
            int asked = 0;
            int room = Math.min(wanted, FrameBatch.CAPACITY - Math.max(first, sum));
            while (asked < room && batch.hasRoom(asked)) {
                long place = batch.open(asked, most);
                places[asked] = place;
                ring.read(place, most);
                asked++;
            }
            ring.submit();
            int got = receive(batch, first, asked, receiver);
            sum += got;
            if (got < asked) {
                break;
            }
            wanted = 2 * asked;
        }
        expected = sum;
    }

    private int receive(FrameBatch batch, int first, int asked, Receiver receiver) throws IOException {
        int got = 0;
        for (int i = 0; i < asked; i++) {
            int length = ring.result(i);
            if (length > 0) {
                got++;
                int next = batch.size();
                if (next != first + i) { // one before it was left out
                    batch.move(places[i], length);
                }
                receiver.received(batch, length);
            } else if (length != -LibC.EAGAIN) {
                throw new IOException(LibC.strerror(-length));
            }
        }
        return got;
    }

    @Override
    public long write(FrameBatch batch, long mask) {
        int count = 0;
        for (long rest = mask; rest != 0; rest &= rest - 1) {
            int i = Long.numberOfTrailingZeros(rest);
            packets[count++] = i;
            ring.write(batch.data(i), batch.length(i));
        }
        ring.submit();
        long failed = 0;
        long later = 0;
        for (int at = 0; at < count; at++) {
            long packet = 1L << packets[at];
            int result = ring.result(at);
            if (result == -LibC.EAGAIN) {
                later |= packet;
            } else if (result < 0) {
                failed |= packet;
            } else if (later != 0) { // it has overtaken some, which may not come behind it now
                failed |= later;
                later = 0;
            }
        }
        refused = failed;
        return later;
    }

    @Override
    public long refused() {
        return refused;
    }
}
