package dev.sluice.packet.measure;

import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.Damage;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Packets in native memory, one after the other, as they were captured: what each round starts from. Thread-safe once filled;
 * close it when nobody reads them any more.
 */
public final class PacketSet implements AutoCloseable {
    /** The shortest packet that is run: an Ethernet header. */
    public static final int MIN_BYTES = VirtualNic.MIN_FRAME;

    /** The longest packet that is run: what a page holds in one piece, here as in the kernel's test run. */
    public static final int MAX_BYTES = FramePool.LINEAR_ROOM;

    private static final int BATCH = 64;
    private static final int ALIGNMENT = 8;
    private static final long CHUNK_BYTES = 4 << 20;

    private final Arena arena = Arena.ofShared();
    private long[] addresses = new long[1024];
    private int[] lengths = new int[1024];
    private int size;
    private long skipped;
    private long shortened;
    private boolean cut;
    private long chunk;
    private long chunkLeft;
    private final List<Damage> damages = new ArrayList<>();

    /**
     * Reads captures up to a number of packets.
     *
     * @param limit most packets to keep, above 0; {@link #isCut} says whether there were more
     * @throws CaptureException when one cannot be opened or is not of Ethernet
     */
    public static PacketSet read(List<String> captures, int limit) throws CaptureException {
        PacketSet set = new PacketSet();
        boolean read = false;
        try {
            for (String capture : captures) {
                set.add(capture, limit);
            }
            read = true;
            return set;
        } finally {
            if (!read) {
                set.close();
            }
        }
    }

    private void add(String capture, int limit) throws CaptureException {
        try (CaptureReader reader = CaptureReader.open(capture);
                CaptureBatch batch = new CaptureBatch(BATCH)) {
            reader.requireEthernet();
            while (reader.read(batch) > 0) {
                for (int i = 0; i < batch.size(); i++) {
                    if (size == limit) {
                        cut = true;
                        return;
                    }
                    add(batch.address(i), batch.capturedLength(i));
                    if (batch.capturedLength(i) < batch.originalLength(i)) {
                        shortened++;
                    }
                }
            }
            Damage damage = reader.damage();
            if (damage != null) {
                damages.add(damage);
            }
        }
    }

    /** Adds a copy of a packet; one that cannot be run is only counted, see {@link #skipped}. */
    public void add(long address, int length) {
        if (length < MIN_BYTES || length > MAX_BYTES) {
            skipped++;
            return;
        }
        int room = length + ALIGNMENT - 1 & -ALIGNMENT;
        if (chunkLeft < room) {
            chunk = Memory.allocate(arena, CHUNK_BYTES, 64);
            chunkLeft = CHUNK_BYTES;
        }
        Memory.copy(address, chunk, length);
        if (size == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * size);
            lengths = Arrays.copyOf(lengths, 2 * size);
        }
        addresses[size] = chunk;
        lengths[size] = length;
        size++;
        chunk += room;
        chunkLeft -= room;
    }

    /** Packets that are here. */
    public int size() {
        return size;
    }

    /** Packets that were shorter than {@link #MIN_BYTES} or longer than {@link #MAX_BYTES}. */
    public long skipped() {
        return skipped;
    }

    /** Packets of which the captures have only the beginning. */
    public long shortened() {
        return shortened;
    }

    /** Whether the captures had more packets than the limit. */
    public boolean isCut() {
        return cut;
    }

    /** What was wrong with the captures behind the packets that are here. */
    public List<Damage> damages() {
        return List.copyOf(damages);
    }

    /** Address of packet i's first byte; only to be read. */
    public long address(int i) {
        return addresses[i];
    }

    public int length(int i) {
        return lengths[i];
    }

    /**
     * Packets that stand for all.
     *
     * @param packets their indexes in the set, different bytes each
     * @param weights how many packets of the selection had these bytes
     */
    public record Sample(int[] packets, int[] weights) {
        public int size() {
            return packets.length;
        }

        /** Sum of the weights. */
        public long weight() {
            return Arrays.stream(weights).asLongStream().sum();
        }

        /** The first ones of it; all when there are not so many. */
        public Sample head(int most) {
            int count = Math.min(most, packets.length);
            return new Sample(Arrays.copyOf(packets, count), Arrays.copyOf(weights, count));
        }
    }

    /**
     * Chooses packets from all over the set: one at random of each of so many equal stretches, the same ones every time. Those
     * with the same bytes become one with more weight.
     *
     * @param count most packets to choose, above 0
     */
    public Sample sample(int count) {
        int chosen = Math.min(count, size);
        Random random = new Random(0);
        Map<Bytes, int[]> found = new LinkedHashMap<>();
        for (int i = 0; i < chosen; i++) {
            int from = (int) ((long) i * size / chosen);
            int to = (int) ((i + 1L) * size / chosen);
            // not always the first: traffic may have a period
            int at = from + random.nextInt(to - from);
            found.computeIfAbsent(new Bytes(Memory.bytes(addresses[at], lengths[at])), unused -> new int[] {at, 0})[
                    1]++;
        }
        return new Sample(
                found.values().stream().mapToInt(entry -> entry[0]).toArray(),
                found.values().stream().mapToInt(entry -> entry[1]).toArray());
    }

    /** Bytes as a key. */
    private record Bytes(byte[] bytes) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Bytes same && Arrays.equals(bytes, same.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
