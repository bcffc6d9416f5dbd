package dev.sluice.packet.frame;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import io.netty.util.IllegalReferenceCountException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class FrameBatchTest {
    private static final long SEED = 20_261_121;

    private static byte[] packet(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Every length up to where the copy changes its ways, and the edges of each class of frame. */
    @Test
    void holdsPacketsOfAnyLength() {
        Random random = new Random(SEED);
        List<Integer> lengths = new ArrayList<>();
        for (int i = 0; i <= 300; i++) {
            lengths.add(i);
        }
        for (int room : new int[] {FramePool.LINEAR_ROOM, (16 << 10) - 576, (80 << 10) - 576}) {
            lengths.addAll(List.of(room - 1, room, room + 1));
        }
        lengths.add(65_549);
        lengths.add(FramePool.MAX_PACKET);
        try (FramePool pool = new FramePool(2)) {
            for (int round = 0; round < 3; round++) {
                FrameBatch batch = pool.acquire();
                List<byte[]> packets = new ArrayList<>();
                for (int length : lengths) {
                    if (batch.isFull()) {
                        check(batch, packets);
                        batch.release();
                        packets.clear();
                        batch = pool.acquire();
                    }
                    packets.add(packet(random, length));
                    batch.append(packets.getLast(), 1, 2);
                }
                check(batch, packets);
                batch.release();
                assertThat(pool.inUse()).isZero();
            }
            assertThatThrownBy(() -> pool.acquire().open(FramePool.MAX_PACKET + 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("length of a packet");
        }
    }

    /** As a source does that fills several frames at a time, some of which come to nothing. */
    @Test
    void framesAreFilledAheadAndMovedToWhereGapsAre() {
        Random random = new Random(SEED);
        try (FramePool pool = new FramePool(2)) {
            for (int longest : new int[] {1515, 9000, 65_550}) {
                FrameBatch batch = pool.acquire();
                List<byte[]> packets = new ArrayList<>();
                List<Long> places = new ArrayList<>();
                while (batch.hasRoom(places.size())) {
                    long place = batch.open(places.size(), longest);
                    byte[] bytes = packet(random, 20 + random.nextInt(longest - 20));
                    Memory.copy(bytes, 0, place, bytes.length);
                    places.add(place);
                    packets.add(bytes);
                }
                assertThat(places.size()).isBetween(1 << 20 >> 17, FrameBatch.CAPACITY);
                assertThatThrownBy(() -> batch.open(places.size(), longest))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("the batch is full");
                List<byte[]> kept = new ArrayList<>();
                for (int i = 0; i < places.size(); i++) {
                    if (i % 3 == 1) {
                        continue;
                    }
                    byte[] bytes = packets.get(i);
                    if (batch.size() != i) {
                        batch.move(places.get(i), bytes.length);
                    }
                    batch.commit(bytes.length, bytes.length, 0, 1, 2, i);
                    kept.add(bytes);
                }
                check(batch, kept);
                batch.release();
                assertThat(pool.inUse()).isZero();
            }
        }
    }

    private static void check(FrameBatch batch, List<byte[]> packets) {
        assertThat(batch.size()).isEqualTo(packets.size());
        for (int i = 0; i < packets.size(); i++) {
            assertThat(batch.bytes(i)).isEqualTo(packets.get(i));
            assertThat(batch.length(i)).isEqualTo(packets.get(i).length);
            long start = Memory.getLong(batch.descriptor(i) + FrameDescriptor.HARD_START);
            int size = Memory.getInt(batch.descriptor(i) + FrameDescriptor.FRAME_SIZE);
            assertThat(batch.data(i) - start).isEqualTo(256);
            assertThat(batch.dataMeta(i)).isEqualTo(batch.data(i));
            assertThat(start + size - batch.dataEnd(i)).isGreaterThanOrEqualTo(320);
            assertThat(batch.action(i)).isEqualTo(2);
            assertThat(batch.rxQueue(i)).isEqualTo(1);
            assertThat(batch.ingressIfindex(i)).isEqualTo(2);
        }
    }

    @Test
    void framesBeginInDifferentCacheSets() {
        try (FramePool pool = new FramePool(1)) {
            FrameBatch batch = pool.acquire();
            Set<Long> sets = new HashSet<>();
            while (!batch.isFull()) {
                batch.append(new byte[60], 0, 1);
                sets.add(batch.data(batch.size() - 1) / 64 % 64);
            }
            assertThat(sets).hasSize(64);
            batch.release();
        }
    }

    @Test
    void whatAProgramWroteInFrontIsGoneForTheNextPacket() {
        try (FramePool pool = new FramePool(1)) {
            for (int length : new int[] {60, 9000}) {
                FrameBatch batch = pool.acquire();
                batch.append(new byte[length], 0, 1);
                long data = batch.data(0);
                Memory.fill(data - 200, 200, (byte) 7);
                Memory.putLong(batch.descriptor(0) + FrameDescriptor.DATA_META, data - 200);
                batch.release();
                batch = pool.acquire();
                batch.append(new byte[length], 0, 1);
                assertThat(batch.data(0)).isEqualTo(data);
                assertThat(Memory.bytes(data - 256, 256)).containsOnly(0);
                batch.release();
            }
        }
    }

    @Test
    void selectionsShareOneCount() {
        try (FramePool pool = new FramePool(1)) {
            for (int round = 0; round < 3; round++) {
                FrameBatch batch = pool.acquire();
                for (int i = 0; i < 64; i++) {
                    batch.append(new byte[60 + i], 0, 1);
                }
                assertThat(batch.selected()).isEqualTo(-1L);
                List<FrameBatch> selections = new ArrayList<>();
                for (int i = 0; i < 100; i++) { // more than are kept for use again
                    selections.add(batch.select(1L << (i & 63)));
                }
                FrameBatch some = batch.select(0b1010);
                FrameBatch one = some.select(0b1000);
                assertThat(some.count()).isEqualTo(2);
                assertThat(one.selected()).isEqualTo(0b1000);
                assertThat(one.length(3)).isEqualTo(63);
                assertThatThrownBy(() -> one.select(0b10)).isInstanceOf(IllegalArgumentException.class);
                assertThat(batch.refCnt()).isEqualTo(103);
                assertThat(batch.release()).isFalse();
                selections.forEach(FrameBatch::release);
                assertThat(some.release()).isFalse();
                assertThat(pool.inUse()).isEqualTo(1);
                assertThat(one.release()).isTrue();
                assertThat(pool.inUse()).isZero();
                assertThatThrownBy(one::release).isInstanceOf(IllegalReferenceCountException.class);
                assertThatThrownBy(batch::retain).isInstanceOf(IllegalReferenceCountException.class);
            }
        }
    }

    @Test
    void anEmptyPoolSaysNoAndTellsWhenItIsNot() {
        try (FramePool pool = new FramePool(2)) {
            AtomicInteger told = new AtomicInteger();
            pool.onRelease(told::incrementAndGet);
            FrameBatch one = pool.acquire();
            FrameBatch two = pool.acquire();
            one.release();
            one = pool.acquire();
            assertThat(told).hasValue(0); // nobody had been refused
            assertThat(pool.acquire()).isNull();
            two.release();
            assertThat(told).hasValue(1);
            assertThat(pool.acquire()).isSameAs(two);
            one.release();
            two.release();
            assertThat(told).hasValue(1);
        }
    }

    @Test
    void memoryOutlivesThePoolWhileBatchesAreOut() {
        FramePool pool = new FramePool(2);
        FrameBatch batch = pool.acquire();
        batch.append(new byte[] {1, 2, 3}, 0, 1);
        pool.close();
        assertThat(batch.bytes(0)).containsExactly(1, 2, 3);
        assertThatThrownBy(pool::acquire).isInstanceOf(IllegalStateException.class);
        batch.release();
    }

    /** A reader's thread fills frames while the loop closes its channel. */
    @Test
    void memoryOutlivesAPoolThatIsClosedWhileABatchIsTaken() throws Exception {
        AtomicInteger wrong = new AtomicInteger();
        for (int round = 0; round < 2_000; round++) {
            FramePool pool = new FramePool(2);
            pool.acquire().release(); // there is one to take
            CountDownLatch taken = new CountDownLatch(1);
            Thread reader = new Thread(() -> {
                try {
                    while (true) {
                        FrameBatch batch = pool.acquire();
                        taken.countDown();
                        wrong.addAndGet(pool.isAlive() ? 0 : 1);
                        batch.release();
                    }
                } catch (IllegalStateException e) {
                    wrong.addAndGet("the frame pool is closed".equals(e.getMessage()) ? 0 : 1);
                }
            });
            reader.start();
            taken.await();
            pool.close();
            reader.join();
            assertThat(pool.isAlive()).isFalse();
        }
        assertThat(wrong).hasValue(0);
    }

    @Test
    void batchesComeBackFromOtherThreads() throws Exception {
        try (FramePool pool = new FramePool(8)) {
            ArrayBlockingQueue<FrameBatch> queue = new ArrayBlockingQueue<>(8);
            int rounds = 20_000;
            Thread[] consumers = new Thread[2];
            AtomicInteger wrong = new AtomicInteger();
            for (int c = 0; c < consumers.length; c++) {
                consumers[c] = new Thread(() -> {
                    try {
                        while (true) {
                            FrameBatch batch = queue.take();
                            if (batch.size() == 0) {
                                batch.release();
                                return;
                            }
                            if (Memory.getLong(batch.data(0)) != batch.number(0)) {
                                wrong.incrementAndGet();
                            }
                            batch.release();
                        }
                    } catch (InterruptedException e) {
                        wrong.incrementAndGet();
                    }
                });
                consumers[c].start();
            }
            for (int i = 0; i < rounds + consumers.length; i++) {
                FrameBatch batch = pool.acquire();
                while (batch == null) {
                    Thread.onSpinWait();
                    batch = pool.acquire();
                }
                if (i < rounds) {
                    Memory.putLong(batch.open(60), i);
                    batch.commit(60, 60, 0, 0, 1, i);
                }
                queue.put(batch);
            }
            for (Thread consumer : consumers) {
                consumer.join(TimeUnit.SECONDS.toMillis(180));
            }
            assertThat(wrong).hasValue(0);
            assertThat(pool.inUse()).isZero();
        }
    }
}
