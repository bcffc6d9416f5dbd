package dev.sluice.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.exec.ProgramFault;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
class ReplayTest {
    private static final long SEED = 20_261_121;

    @TempDir
    private Path directory;

    private String capture(List<TestCaptures.Packet> packets) throws IOException {
        return TestCaptures.write(directory.resolve("in" + packets.size() + ".pcap"), packets);
    }

    private static Replay.Builder replay(TestProgram program, String capture) {
        return Replay.builder().program(program).contexts(TestProgram::context).capture(capture);
    }

    private static long bytes(List<TestCaptures.Packet> packets) {
        return packets.stream().mapToLong(p -> p.bytes().length).sum();
    }

    @ParameterizedTest
    @CsvSource({"CAPTURE,1", "CAPTURE,3", "MACHINE,1", "MACHINE,3"})
    void countsEveryPacketOnce(Time time, int queues) throws IOException {
        List<TestCaptures.Packet> packets = TestCaptures.flows(SEED, 10_007, 1500);
        RunTotals totals = replay(TestProgram.byLastByte(0, 1, 2, 3, 4, 5, 77, -1), capture(packets))
                .time(time)
                .queues(queues)
                .run();
        assertThat(totals.packets()).isEqualTo(10_007);
        assertThat(totals.bytes()).isEqualTo(bytes(packets));
        long[] expected = new long[6];
        long[] expectedBytes = new long[6];
        for (TestCaptures.Packet packet : packets) {
            int action = Math.min(packet.bytes()[packet.bytes().length - 1] & 7, 5);
            expected[action]++;
            expectedBytes[action] += packet.bytes().length;
        }
        for (XdpAction action : XdpAction.values()) {
            assertThat(totals.packets(action)).as(action.label()).isEqualTo(expected[action.ordinal()]);
            assertThat(totals.bytes(action)).as(action.label()).isEqualTo(expectedBytes[action.ordinal()]);
        }
        assertThat(totals.verdicts().otherValues()).containsExactlyInAnyOrder(5, 77, -1);
        assertThat(totals.durationNanos()).isPositive();
        assertThat(totals.cancelled()).isFalse();
        Map<String, Long> statistics = totals.statistics().get("replay0");
        assertThat(statistics)
                .containsEntry("rx_packets", 10_007L)
                .containsEntry("rx_bytes", bytes(packets))
                .containsEntry("rx_xdp_drop", expected[1])
                .containsEntry("rx_xdp_pass", expected[2])
                .containsEntry("rx_xdp_tx", expected[3])
                .containsEntry("tx_packets", expected[3])
                .containsEntry("tx_bytes", expectedBytes[3])
                .containsEntry("rx_xdp_redirect", expected[4])
                .containsEntry("rx_xdp_aborted", expected[0])
                .containsEntry("rx_xdp_invalid", expected[5]);
        if (queues == 3) {
            assertThat(statistics.get("rx0_packets") + statistics.get("rx1_packets") + statistics.get("rx2_packets"))
                    .isEqualTo(10_007);
            assertThat(statistics.get("rx1_packets")).isBetween(2_800L, 3_900L);
        }
    }

    @Test
    void programSeesTheCapturesBytesAndTheNicsNumbers() throws IOException {
        List<TestCaptures.Packet> packets = TestCaptures.flows(SEED, 300, 9000);
        packets.add(new TestCaptures.Packet(5, new byte[65_549]));
        packets.add(new TestCaptures.Packet(6, new byte[262_144]));
        AtomicInteger at = new AtomicInteger();
        List<String> wrong = new ArrayList<>();
        RunTotals totals = replay(
                        new TestProgram((context, d) -> {
                            int i = at.getAndIncrement();
                            byte[] expected = packets.get(i).bytes();
                            long data = Memory.getLong(d + FrameDescriptor.DATA);
                            long end = Memory.getLong(d + FrameDescriptor.DATA_END);
                            long start = Memory.getLong(d + FrameDescriptor.HARD_START);
                            int room = Memory.getInt(d + FrameDescriptor.FRAME_SIZE) & ~Fragments.FLAG;
                            int fragments = Fragments.bytes(d);
                            boolean linear = end - data == Math.min(expected.length, FramePool.LINEAR_ROOM)
                                    && Arrays.equals(
                                            Memory.bytes(data, (int) (end - data)),
                                            Arrays.copyOf(expected, (int) (end - data)))
                                    && end - data + fragments == expected.length;
                            if (!linear
                                    || fragments > 0
                                            && !Arrays.equals(
                                                    Memory.bytes(Fragments.address(d), fragments),
                                                    Arrays.copyOfRange(expected, (int) (end - data), expected.length))
                                    || data - start != 256
                                    || Memory.getLong(d + FrameDescriptor.DATA_META) != data
                                    || start + room - 320 < end
                                    || Memory.getInt(d + FrameDescriptor.INGRESS_IFINDEX) != 7
                                    || Memory.getLong(d + FrameDescriptor.TIMESTAMP)
                                            != packets.get(i).time()) {
                                wrong.add("packet " + (i + 1));
                            }
                            return 2;
                        }),
                        capture(packets))
                .nic("eth7", 7)
                .run();
        assertThat(wrong).isEmpty();
        assertThat(totals.packets(XdpAction.PASS)).isEqualTo(302);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void captureTimeIsReproducible(int queues) throws IOException {
        String capture = capture(TestCaptures.flows(SEED, 5_000, 200));
        List<Long> first = clockAndCpu(capture, queues);
        assertThat(clockAndCpu(capture, queues)).isEqualTo(first);
        // the clock does not depend on the number of queues
        assertThat(first.stream().map(x -> x >> 8))
                .isEqualTo(clockAndCpu(capture, 1).stream().map(x -> x >> 8).toList());
    }

    /** What the program saw of clock and CPU, packet by packet. */
    private static List<Long> clockAndCpu(String capture, int queues) throws IOException {
        List<Long> seen = new ArrayList<>();
        replay(
                        new TestProgram((context, d) -> {
                            seen.add((context.clock.nanos() - 1_700_000_000_000_000_000L) << 8
                                    | Memory.getInt(d + FrameDescriptor.RX_QUEUE));
                            return 2;
                        }),
                        capture)
                .queues(queues)
                .run();
        assertThat(seen).hasSize(5_000);
        return seen;
    }

    @Test
    void captureClockIsTheGreatestTimeSoFar() throws IOException {
        List<TestCaptures.Packet> packets = TestCaptures.flows(SEED, 500, 200);
        List<Long> seen = new ArrayList<>();
        replay(
                        new TestProgram((context, d) -> {
                            seen.add(context.clock.nanos());
                            return 2;
                        }),
                        capture(packets))
                .run();
        long greatest = 0;
        for (int i = 0; i < packets.size(); i++) {
            greatest = Math.max(greatest, packets.get(i).time());
            assertThat(seen.get(i)).isEqualTo(greatest);
        }
    }

    @Test
    void repeatsAndLimits() throws IOException {
        String one = capture(TestCaptures.flows(SEED, 1_000, 200));
        String two = capture(TestCaptures.flows(SEED, 77, 200));
        assertThat(replay(TestProgram.returning(1), one).repeat(3).run().packets(XdpAction.DROP))
                .isEqualTo(3_000);
        assertThat(replay(TestProgram.returning(1), one)
                        .capture(two)
                        .repeat(2)
                        .run()
                        .packets())
                .isEqualTo(2_154);
        assertThat(replay(TestProgram.returning(1), one).limit(333).run().packets())
                .isEqualTo(333);
        assertThat(replay(TestProgram.returning(1), one)
                        .repeat(0)
                        .limit(12_345)
                        .run()
                        .packets())
                .isEqualTo(12_345);
        assertThat(replay(TestProgram.returning(1), one).limit(0).run().packets())
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"out.pcap", "out.pcapng", "out.pcap.gz", "out.pcapng.zst"})
    void writesThePacketsOfEachVerdict(String name) throws IOException {
        List<TestCaptures.Packet> packets = TestCaptures.flows(SEED, 1_000, 1500);
        Map<XdpAction, Path> files = Map.of(
                XdpAction.DROP, directory.resolve("drop-" + name), XdpAction.TX, directory.resolve("tx-" + name));
        Replay.Builder replay = replay(
                new TestProgram((context, d) -> {
                    long data = Memory.getLong(d + FrameDescriptor.DATA);
                    long end = Memory.getLong(d + FrameDescriptor.DATA_END);
                    int action = Memory.getByte(end - 1) & 3;
                    if (action == 3) { // a program that takes the first two bytes away and the last one
                        Memory.putLong(d + FrameDescriptor.DATA, data + 2);
                        Memory.putLong(d + FrameDescriptor.DATA_META, data + 2);
                        Memory.putLong(d + FrameDescriptor.DATA_END, end - 1);
                    }
                    return action;
                }),
                capture(packets));
        List<CaptureFileSink> sinks = new ArrayList<>();
        for (Map.Entry<XdpAction, Path> file : files.entrySet()) {
            CaptureFileSink sink = new CaptureFileSink(CaptureWriter.create(
                    file.getValue(),
                    CaptureWriter.Options.byName(file.getValue().toString())));
            sinks.add(sink);
            replay.sink(file.getKey(), sink);
        }
        replay.run();
        for (CaptureFileSink sink : sinks) {
            sink.close();
        }
        List<TestCaptures.Packet> dropped = packets.stream()
                .filter(p -> (p.bytes()[p.bytes().length - 1] & 3) == 1)
                .toList();
        List<TestCaptures.Packet> sent = packets.stream()
                .filter(p -> (p.bytes()[p.bytes().length - 1] & 3) == 3)
                .toList();
        assertSame(TestCaptures.read(files.get(XdpAction.DROP)), dropped, 0, 0);
        assertSame(TestCaptures.read(files.get(XdpAction.TX)), sent, 2, 1);
    }

    private static void assertSame(
            List<TestCaptures.Packet> found, List<TestCaptures.Packet> expected, int front, int back) {
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < found.size(); i++) {
            byte[] bytes = expected.get(i).bytes();
            assertThat(found.get(i).time()).isEqualTo(expected.get(i).time());
            assertThat(found.get(i).bytes()).isEqualTo(Arrays.copyOfRange(bytes, front, bytes.length - back));
        }
    }

    @Test
    void refusesWhatADriverWouldAndCountsIt() throws IOException {
        List<TestCaptures.Packet> packets = new ArrayList<>();
        for (int length : new int[] {0, 13, 14, 60, 1514, 1518, 1519, 9000}) {
            packets.add(new TestCaptures.Packet(1, new byte[length]));
        }
        RunTotals totals =
                replay(TestProgram.returning(2), capture(packets)).mtu(1500).run();
        assertThat(totals.packets()).isEqualTo(8);
        assertThat(totals.tooShort()).isEqualTo(2);
        assertThat(totals.tooLong()).isEqualTo(2);
        assertThat(totals.packets(XdpAction.PASS)).isEqualTo(4);
        assertThat(totals.bytes()).isEqualTo(bytes(packets));
        assertThat(totals.statistics().get("replay0"))
                .containsEntry("rx_length_errors", 2L)
                .containsEntry("rx_too_large", 2L);
    }

    @Test
    void jumboFramesAreForProgramsThatTakeSeveralBuffers() throws IOException {
        List<TestCaptures.Packet> packets = List.of(
                new TestCaptures.Packet(1, new byte[FramePool.LINEAR_ROOM]),
                new TestCaptures.Packet(2, new byte[FramePool.LINEAR_ROOM + 1]),
                new TestCaptures.Packet(3, new byte[9000]));
        TestProgram program = TestProgram.returning(2);
        assertThat(replay(program, capture(packets)).mtu(9000).run().tooLong()).isZero();
        RunTotals refused =
                replay(program.ofOneBuffer(), capture(packets)).mtu(9000).run();
        assertThat(refused.tooLong()).isEqualTo(2);
        assertThat(refused.packets(XdpAction.PASS)).isEqualTo(1);
        assertThat(replay(program.ofOneBuffer(), capture(packets)).run().packets(XdpAction.PASS))
                .isEqualTo(3);
    }

    @ParameterizedTest
    @EnumSource
    void cancelStillGivesTotals(Time time) throws IOException {
        String capture = capture(TestCaptures.flows(SEED, 1_000, 100));
        AtomicLong seen = new AtomicLong();
        Replay[] running = new Replay[1];
        running[0] = replay(
                        new TestProgram((context, d) -> {
                            if (seen.incrementAndGet() == 50_000) {
                                running[0].cancel();
                            }
                            return 1;
                        }),
                        capture)
                .time(time)
                .queues(2)
                .repeat(0)
                .build();
        RunTotals totals = running[0].run();
        assertThat(totals.cancelled()).isTrue();
        assertThat(totals.packets()).isGreaterThanOrEqualTo(50_000);
        assertThat(totals.packets(XdpAction.DROP)).isEqualTo(totals.packets());
    }

    @Test
    void cancelEndsALongWait() throws Exception {
        List<TestCaptures.Packet> packets = List.of(
                new TestCaptures.Packet(0, new byte[60]), new TestCaptures.Packet(3_600_000_000_000L, new byte[60]));
        CountDownLatch first = new CountDownLatch(1);
        TestProgram program = new TestProgram((context, d) -> {
            first.countDown();
            return 2;
        });
        Replay replay = replay(program, capture(packets)).speed(1).build();
        Thread other = new Thread(() -> {
            try {
                first.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            replay.cancel();
        });
        other.start();
        RunTotals totals = replay.run();
        other.join();
        assertThat(totals.packets()).isEqualTo(1);
        assertThat(totals.cancelled()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"CAPTURE,1", "MACHINE,2"})
    void keepsTheOriginalTiming(Time time, int queues) throws IOException {
        List<TestCaptures.Packet> packets = new ArrayList<>();
        for (int i = 0; i < 11; i++) {
            packets.add(new TestCaptures.Packet(1_000_000_000L + i * 20_000_000L, new byte[60]));
        }
        List<Long> arrivals = new ArrayList<>();
        TestProgram program = new TestProgram((context, d) -> {
            arrivals.add(System.nanoTime());
            return 2;
        });
        Replay.Builder replay =
                replay(program, capture(packets)).time(time).queues(queues).speed(2);
        long start = System.nanoTime();
        replay.run();
        assertThat(arrivals).hasSize(11);
        for (int i = 1; i < arrivals.size(); i++) {
            // never early; how late is the machine's affair, also of the first
            assertThat(arrivals.get(i) - start).isGreaterThanOrEqualTo(i * 10_000_000L);
        }
    }

    @Test
    void faultsAreAbortedPacketsWithTheirNumber() throws IOException {
        List<TestCaptures.Packet> packets = TestCaptures.flows(SEED, 256, 100);
        RunTotals totals = replay(
                        new TestProgram((context, d) -> {
                            if ((Memory.getByte(Memory.getLong(d + FrameDescriptor.DATA_END) - 1) & 0xff) == 200) {
                                throw new ProgramFault(ProgramFault.Kind.MEMORY, 5, "out of bounds");
                            }
                            return 2;
                        }),
                        capture(packets))
                .run();
        assertThat(totals.packets(XdpAction.ABORTED)).isEqualTo(1);
        assertThat(totals.faultCount()).isEqualTo(1);
        assertThat(totals.faults()).hasSize(1);
        assertThat(totals.faults().getFirst().packet()).isEqualTo(201);
        assertThat(totals.faults().getFirst().bytes())
                .isEqualTo(packets.get(200).bytes());
    }

    @Test
    void damageIsAValueAfterThePacketsBeforeIt() throws IOException {
        Path file = directory.resolve("cut.pcap");
        byte[] whole = Files.readAllBytes(Path.of(capture(TestCaptures.flows(SEED, 100, 100))));
        Files.write(file, Arrays.copyOf(whole, whole.length - 3));
        RunTotals totals =
                replay(TestProgram.returning(2), file.toString()).repeat(2).run();
        assertThat(totals.packets()).isEqualTo(198);
        assertThat(totals.damages()).hasSize(1);
        assertThat(totals.damages().getFirst().packet()).isEqualTo(100);
    }

    @Test
    void badInputIsAMessage() throws IOException {
        assertThatThrownBy(() -> replay(
                                TestProgram.returning(2),
                                directory.resolve("none.pcap").toString())
                        .run())
                .isInstanceOf(CaptureException.class)
                .hasMessageContaining("no such file");
        Path gzip = directory.resolve("in.pcap.gz");
        TestCaptures.write(gzip, TestCaptures.flows(SEED, 10, 100));
        assertThat(replay(TestProgram.returning(2), gzip.toString()).run().packets())
                .isEqualTo(10);
        assertThatThrownBy(() -> replay(TestProgram.returning(2), gzip.toString())
                        .repeat(2)
                        .run())
                .isInstanceOf(CaptureException.class)
                .hasMessageContaining("cannot be repeated");
    }

    @ParameterizedTest
    @EnumSource
    void aSinkThatFailsEndsTheRunWithItsMessage(Time time) throws IOException {
        FrameSink full = (batch, mask) -> {
            throw new IOException("out.pcap: no space left on device");
        };
        Replay.Builder replay = replay(TestProgram.returning(1), capture(TestCaptures.flows(SEED, 5_000, 100)))
                .time(time)
                .queues(2)
                .sink(XdpAction.DROP, full);
        assertThatThrownBy(replay::run).isInstanceOf(IOException.class).hasMessageContaining("no space left");
    }

    /** Longer than packets may rest that nothing moves. */
    @Test
    void aSinkThatTakesItsTimeGetsAllPackets() throws IOException {
        AtomicBoolean slept = new AtomicBoolean();
        AtomicLong taken = new AtomicLong();
        FrameSink slow = (batch, mask) -> {
            if (!slept.getAndSet(true)) {
                LockSupport.parkNanos(4_000_000_000L);
            }
            taken.addAndGet(Long.bitCount(mask));
        };
        RunTotals totals = replay(TestProgram.returning(1), capture(TestCaptures.flows(SEED, 2_000, 100)))
                .time(Time.MACHINE)
                .queues(2)
                .sink(XdpAction.DROP, slow)
                .run();
        assertThat(totals.packets(XdpAction.DROP)).isEqualTo(2_000);
        assertThat(taken).hasValue(2_000);
    }

    @ParameterizedTest
    @EnumSource
    void aProgramThatThrowsEndsTheRun(Time time) throws IOException {
        TestProgram broken = new TestProgram((context, d) -> {
            throw new AssertionError("bug");
        });
        Replay.Builder replay = replay(broken, capture(TestCaptures.flows(SEED, 5_000, 100)))
                .time(time)
                .queues(2);
        assertThatThrownBy(replay::run).isInstanceOf(AssertionError.class).hasMessage("bug");
    }

    @Test
    void progressReachesTheEnd() throws IOException {
        List<TestCaptures.Packet> packets = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            packets.add(new TestCaptures.Packet(i * 60_000_000L, new byte[60]));
        }
        List<Long> positions = new ArrayList<>();
        replay(TestProgram.returning(2), capture(packets))
                .speed(1)
                .progress((read, position, size) -> {
                    assertThat(position).isBetween(0L, size);
                    positions.add(position);
                })
                .run();
        assertThat(positions).isNotEmpty().isSorted();
    }

    /** All verdicts, on the thread that does all of it, counted by the JVM. */
    @Test
    void theSteadyStateAllocatesNothing() throws IOException {
        com.sun.management.ThreadMXBean threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        int round = 1_000_000;
        // the loop, its clock and the progress report may take a little; a byte a packet would be a million
        int little = round / 10;
        long deadline = SteadyStateTest.deadline();
        long[] seen = new long[1];
        long[] before = {Long.MIN_VALUE / 2};
        long[] least = {Long.MAX_VALUE};
        Replay[] running = new Replay[1];
        TestProgram program = new TestProgram((context, d) -> {
            long n = ++seen[0];
            if (n % round == 0) {
                // code of a lower tier may allocate what C2 does not: the best of some rounds counts
                long now = threads.getCurrentThreadAllocatedBytes();
                least[0] = Math.min(least[0], now - before[0]);
                before[0] = threads.getCurrentThreadAllocatedBytes();
                if (least[0] < little || System.nanoTime() > deadline) {
                    running[0].cancel();
                }
            }
            return (int) (n % 6);
        });
        running[0] = replay(program, capture(TestCaptures.flows(SEED, 10_000, 100)))
                .queues(2)
                .repeat(0)
                .build();
        running[0].run();
        assertThat(least[0]).isLessThan(little);
    }
}
