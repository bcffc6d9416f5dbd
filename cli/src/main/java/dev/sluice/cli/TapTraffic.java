package dev.sluice.cli;

import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.TestRun;
import dev.sluice.memory.Memory;
import dev.sluice.packet.measure.CpuClock;
import dev.sluice.packet.tap.TapDevice;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Sends packets into a TAP interface from the kernel's side, as fast as it can on another CPU: live frames that a program
 * redirects there. What finds no room in the interface's queue is lost, so its reader never has to wait.
 */
final class TapTraffic implements AutoCloseable {
    private static final int RUNS = 1 << 20;
    private static final int BATCH = 64;
    private static final int BUFFER_BYTES = 2048;

    /** How long the bare loop waits for more when it has found less than a batch. */
    private static final long EMPTY_NANOS = 100_000;

    private final Thread sender;
    private volatile boolean stopped;
    private volatile @Nullable Throwable failure;

    /** Sends until it is closed. */
    TapTraffic(Kernel kernel, int ifindex, byte[] packet) {
        CountDownLatch sending = new CountDownLatch(1);
        sender = new Thread(
                () -> {
                    try (KernelObject object = KernelLoader.load(
                                    kernel, BenchPrograms.choice("forward").spec());
                            TestRun run = object.program("forward").testRun()) {
                        byte[] target = ByteBuffer.allocate(Integer.BYTES)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putInt(ifindex)
                                .array();
                        object.map("ports").update(new byte[Integer.BYTES], target);
                        run.input().asSlice(0, packet.length).copyFrom(MemorySegment.ofArray(packet));
                        run.liveFrames(BATCH).repeat(RUNS);
                        sending.countDown();
                        while (!stopped) {
                            run.run(packet.length);
                        }
                    } catch (BpfException e) {
                        failure = e;
                        sending.countDown();
                    }
                },
                "sluice-tap-traffic");
        sender.setDaemon(true);
        sender.start();
        await(sending);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        stopped = true;
        try {
            sender.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Throwable failed = failure;
        if (failed != null) {
            throw new IOException(String.valueOf(failed.getMessage()), failed);
        }
    }

    /**
     * The least that in and out of a TAP can be with a system call each: a loop that reads a frame and writes it back.
     *
     * @return nanoseconds of CPU time a packet
     */
    static double bareLoop(Kernel kernel, String name, byte[] packet, long nanos) throws IOException {
        try (TapDevice tap = TapDevice.open(name);
                Arena arena = Arena.ofConfined()) {
            tap.up(true);
            FileDescriptor descriptor = new FileDescriptor(tap.fd(0));
            long buffer = Memory.allocate(arena, BUFFER_BYTES, 64);
            try (TapTraffic traffic = new TapTraffic(kernel, tap.ifindex(), packet)) {
                long packets = 0;
                long cpu = 0;
                long end = System.nanoTime() + nanos;
                while (System.nanoTime() - end < 0) {
                    long start = CpuClock.nanos();
                    int batch = 0;
                    while (batch < BATCH) {
                        int length = descriptor.readAddress(buffer, 0, BUFFER_BYTES);
                        if (length <= 0) {
                            break;
                        }
                        descriptor.writeAddress(buffer, 0, length);
                        batch++;
                    }
                    if (batch == BATCH) {
                        cpu += CpuClock.nanos() - start;
                        packets += batch;
                    } else {
                        LockSupport.parkNanos(EMPTY_NANOS); // looking again and again costs, and is no packet's time
                    }
                }
                if (packets == 0) {
                    throw new IOException("no packet arrived at the TAP interface " + name);
                }
                return (double) cpu / packets;
            }
        }
    }
}
