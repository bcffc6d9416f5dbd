package dev.sluice.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.sluice.exec.Executable;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.gen.Traffic;
import dev.sluice.packet.nic.NicCounter;
import dev.sluice.packet.nic.VirtualNic;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a packet costs the heap once everything is warm: nothing, on every path, however long the run. */
@Timeout(600)
class SteadyStateTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long WARM = 4_000_000;
    private static final long MEASURED = 2_000_000;

    @TempDir
    private Path directory;

    /** Bytes that the packet loop's threads have allocated. */
    static long allocated() {
        long sum = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("sluice-rx")) {
                sum += THREADS.getThreadAllocatedBytes(thread.threadId());
            }
        }
        return sum;
    }

    /** Until when HotSpot has to be done; on a busy machine that may take as long as anything. */
    static long deadline() {
        return System.nanoTime() + 240_000_000_000L;
    }

    static void await(VirtualNic nic, long packets) throws InterruptedException {
        while (nic.total(NicCounter.RX_PACKETS) < packets) {
            Thread.sleep(1);
        }
    }

    @Test
    void noPathAllocatesPerPacket() throws Exception {
        FrameSink nowhere = (batch, mask) -> {};
        // a turn of drop, pass, tx, redirect and link for stretches of packets, and all of them mixed
        Executable mixed = new TestProgram((running, d) -> {
            int port = Memory.getShort(Memory.getLong(d + FrameDescriptor.DATA) + 34) >> 8 & 0xff;
            Memory.putInt(d + FrameDescriptor.REDIRECT_INDEX, 2);
            return 1 + (port & 3);
        });
        try (Datapath datapath = Datapath.builder()
                .contexts(TestProgram::context)
                .nic(
                        "a",
                        nic -> nic.ifindex(1)
                                .wire(new End.Generator(Traffic.of(Traffic.Kind.UDP), Long.MAX_VALUE, Pace.TOP_SPEED))
                                .sent(new End.Sink(nowhere))
                                .host(new End.Sink(nowhere))
                                .program(mixed))
                .nic("b", nic -> nic.ifindex(2).wire(new End.Link("c")))
                .nic("c", nic -> nic.ifindex(3).wire(new End.Link("b")).program(TestProgram.returning(1)))
                .build()) {
            datapath.open();
            VirtualNic nic = datapath.nics().byName("a");
            assertThat(nic).isNotNull();
            await(nic, WARM);
            // code of a lower tier may allocate what C2 does not: the best of some rounds counts
            long least = Long.MAX_VALUE;
            long deadline = deadline();
            for (int round = 1; System.nanoTime() < deadline && least > 64 << 10; round++) {
                long before = allocated();
                await(nic, WARM + round * MEASURED);
                least = Math.min(least, allocated() - before);
            }
            assertThat(least).as("bytes allocated for %d packets", MEASURED).isLessThan(64 << 10);
            datapath.stop();
            RunTotals totals = datapath.await();
            assertThat(datapath.batchesInUse()).isZero();
            assertThat(totals.statistics().get("c").get("rx_packets")).isPositive();
        }
    }

    /** A file, which is mapped, or what comes through a pipe. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLongCaptureNeedsNoMoreHeapThanAShortOne(boolean piped) throws Exception {
        Path little = directory.resolve("short.pcap");
        Path big = directory.resolve("long.pcap");
        byte[] body = Files.readAllBytes(
                Path.of(TestCaptures.write(directory.resolve("body.pcap"), TestCaptures.flows(3, 20_000, 1400))));
        Files.write(little, body);
        try (var out = Files.newOutputStream(big)) {
            out.write(body);
            for (int i = 1; i < 16; i++) {
                out.write(body, 24, body.length - 24);
            }
        }
        for (int i = 0; i < 3; i++) {
            replay(little, piped);
        }
        // threads of the machine's own allocate too: the best of some rounds counts
        long least = Long.MAX_VALUE;
        long deadline = deadline();
        while (System.nanoTime() < deadline && least >= 1 << 20) {
            long before = THREADS.getTotalThreadAllocatedBytes();
            long few = replay(little);
            long between = THREADS.getTotalThreadAllocatedBytes();
            long many = replay(big, piped);
            long after = THREADS.getTotalThreadAllocatedBytes();
            assertThat(many).isEqualTo(16 * few);
            least = Math.min(least, after - between - (between - before));
        }
        assertThat(least).as("bytes that 15 times as many packets allocate").isLessThan(1 << 20);
    }

    private long replay(Path capture, boolean piped) throws Exception {
        if (!piped) {
            return replay(capture);
        }
        Path pipe = directory.resolve("pipe.pcap");
        assumeTrue(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "no named pipes here");
        // open for both, so that neither end waits for the other; another process, whose heap does not count
        Process writer = new ProcessBuilder(
                        "sh", "-c", "exec cat \"$1\" 1<>\"$2\"", "sh", capture.toString(), pipe.toString())
                .start();
        try {
            return replay(pipe);
        } finally {
            writer.destroy();
            writer.waitFor();
            Files.delete(pipe);
        }
    }

    private static long replay(Path capture) throws Exception {
        return Replay.builder()
                .program(TestProgram.returning(1))
                .contexts(TestProgram::context)
                .capture(capture.toString())
                .run()
                .packets();
    }
}
