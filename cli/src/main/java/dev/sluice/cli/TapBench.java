package dev.sluice.cli;

import dev.sluice.memory.Memory;
import dev.sluice.packet.Datapath;
import dev.sluice.packet.End;
import dev.sluice.packet.gen.PacketRing;
import dev.sluice.packet.gen.Traffic;
import dev.sluice.packet.measure.Contender;
import dev.sluice.packet.measure.CpuClock;
import dev.sluice.packet.measure.LiveContender;
import dev.sluice.packet.measure.QueueRate;
import dev.sluice.packet.measure.Race;
import dev.sluice.packet.measure.Stages;
import dev.sluice.packet.tap.PacketSocket;
import dev.sluice.packet.tap.TapDevice;
import dev.sluice.packet.tap.TapException;
import dev.sluice.packet.tap.TapIo;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * In from a TAP interface and out of it again: a datapath that reads and writes by io_uring, one with a system call a frame, and
 * the least that it can be, a loop that reads a frame and writes it back. Each has an interface of its own, open from the first
 * round to the last, and the thread that is measured fills the interface's queue itself, from the kernel's side, whenever it has
 * emptied it; the filling does not count. A sender on another CPU would be a part of what is measured: how fast it is depends on
 * the load, and both write to the same memory.
 */
final class TapBench implements AutoCloseable {
    static final String RING = "io_uring";
    static final String EPOLL = "epoll";
    static final String BARE = "bare loop";

    /** Packets of a filling, which fit into the queue of an interface: 1,000. */
    private static final int PACKETS = 960;

    /** Fillings of a round. */
    private static final int FILLS = 32;

    private static final int STAGE_ROUNDS = 8;
    private static final int BUFFER_BYTES = 2048;

    private final PacketRing packets;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final @Nullable String ringReason;
    private final LiveContender first;
    private final @Nullable LiveContender epoll;
    private final Contender bare;

    /**
     * Opens the three.
     *
     * @param datapath makes one with one queue, whose wire is the end
     * @param nic its name
     * @throws IOException when this machine does not allow it
     */
    TapBench(Function<End, Datapath> datapath, String nic, Traffic traffic) throws IOException {
        packets = new PacketRing(traffic);
        opened.add(packets::close);
        boolean complete = false;
        try {
            ringReason = whyNoRing();
            LiveContender plain = open(datapath, nic, TapIo.EPOLL, "e");
            first = ringReason == null ? open(datapath, nic, TapIo.IO_URING, "u") : plain;
            epoll = ringReason == null ? plain : null;
            BareLoop loop = new BareLoop(packets);
            opened.add(loop);
            bare = loop;
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    private LiveContender open(Function<End, Datapath> datapath, String nic, TapIo io, String suffix)
            throws IOException {
        LiveContender made = new LiveContender(
                datapath.apply(new End.Tap(name(suffix), io)),
                nic,
                running -> new Source(running.nics().all().iterator().next().ifindex(), packets),
                FILLS);
        opened.add(made);
        return made;
    }

    private static @Nullable String whyNoRing() throws TapException {
        try (TapDevice tap = TapDevice.open(name("t"))) {
            try {
                tap.openRings();
                return null;
            } catch (TapException e) {
                return e.getMessage();
            }
        }
    }

    private static String name(String suffix) {
        return "slt" + ProcessHandle.current().pid() % 10_000_000 + suffix;
    }

    /** The race of the datapath with the fewest system calls, and the others. */
    Race race(String favourite) {
        Race race = new Race(favourite, first);
        if (epoll != null) {
            race.add(EPOLL, epoll);
        }
        race.add(BARE, bare);
        return race;
    }

    /** What the favourite's queue did in its last round. */
    List<QueueRate> queues() {
        return first.queues();
    }

    /** The favourite's. */
    Stages stages() {
        return Stages.of(first, STAGE_ROUNDS);
    }

    /** Why there is no io_uring; null when there is. */
    @Nullable
    String ringReason() {
        return ringReason;
    }

    @Override
    public void close() {
        for (AutoCloseable one : opened.reversed()) {
            try {
                one.close();
            } catch (Exception e) {
                throw new AssertionError("closing what was measured", e);
            }
        }
    }

    /** Fills an interface. */
    private static final class Source implements LiveContender.Source {
        private final PacketSocket socket;

        Source(int ifindex, PacketRing packets) throws TapException {
            socket = new PacketSocket(ifindex, packets);
        }

        @Override
        public int fill() throws TapException {
            return socket.send(PACKETS);
        }

        @Override
        public void close() {
            socket.close();
        }
    }

    /** Reads a frame and writes it back, over and over. */
    private static final class BareLoop implements Contender, AutoCloseable {
        private final TapDevice tap;
        private final Source source;
        private final Arena arena = Arena.ofConfined();
        private final long buffer = Memory.allocate(arena, BUFFER_BYTES, 64);

        BareLoop(PacketRing packets) throws IOException {
            tap = TapDevice.open(name("b"));
            boolean complete = false;
            try {
                tap.up(true);
                source = new Source(tap.ifindex(), packets);
                complete = true;
            } finally {
                if (!complete) {
                    tap.close();
                    arena.close();
                }
            }
        }

        @Override
        public double round() {
            FileDescriptor descriptor = new FileDescriptor(tap.fd(0));
            long cpu = 0;
            long done = 0;
            try {
                for (int i = 0; i < FILLS; i++) {
                    int expected = source.fill();
                    long start = CpuClock.nanos();
                    int count = 0;
                    while (count < expected) {
                        int length = descriptor.readAddress(buffer, 0, BUFFER_BYTES);
                        if (length <= 0) {
                            break;
                        }
                        descriptor.writeAddress(buffer, 0, length);
                        count++;
                    }
                    cpu += CpuClock.nanos() - start;
                    done += count;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            if (done == 0) {
                throw new IllegalStateException("no packet arrived at the TAP interface " + tap.name());
            }
            return (double) cpu / done;
        }

        @Override
        public void close() {
            source.close();
            tap.close();
            arena.close();
        }
    }
}
