package dev.sluice;

import dev.sluice.map.BpfMap;
import dev.sluice.map.PerfEventArrayMap;
import dev.sluice.map.PerfRing;
import dev.sluice.map.RingBufferMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What programs tell user space: the records of a ring buffer, or the events of a perf event array on all CPUs. Made by
 * {@link XdpRuntime#events}. A map has one reader at a time; without one a ring buffer fills up, and programs find no perf
 * events to write to.
 *
 * <p>Either somebody polls, on one thread of their own, or a listener gets each event on the thread of the program that
 * wrote it. An event's bytes are a copy.
 */
public final class EventReader implements AutoCloseable {
    /** Bytes of a CPU's ring of perf events: 64 pages. */
    private static final int PERF_RING_BYTES = 1 << 18;

    private static final long POLL_NANOS = 200_000;

    /**
     * An event.
     *
     * @param map name of the map
     * @param cpu that the program ran on; -1 for ring buffers, which do not say
     * @param data its bytes; perf events end in up to 7 bytes of filling
     */
    public record Event(String map, int cpu, byte[] data) {}

    /** Takes events. */
    @FunctionalInterface
    public interface Listener {
        void event(Event event);
    }

    private final String name;
    private final @Nullable RingBufferMap ring;
    private final List<PerfRing> perf = new ArrayList<>();
    private final long droppedBefore;

    private EventReader(LoadedMap map, int cpus) {
        name = map.name();
        switch (map.map()) {
            case RingBufferMap buffer -> ring = buffer;
            case PerfEventArrayMap array -> {
                ring = null;
                int slots = array.def().maxEntries() < 0
                        ? cpus
                        : Math.min(cpus, array.def().maxEntries());
                try {
                    for (int cpu = 0; cpu < slots; cpu++) {
                        perf.add(array.open(cpu, PERF_RING_BYTES));
                    }
                } catch (dev.sluice.map.MapException e) {
                    perf.forEach(PerfRing::close);
                    throw e;
                }
            }
            default ->
                throw new IllegalArgumentException(
                        "map " + name + ": expected a ring buffer or perf event array, found "
                                + map.map().def().type().bpftoolName());
        }
        droppedBefore = ring == null ? 0 : ring.dropped();
    }

    /** Whether a map's contents are events. */
    public static boolean reads(BpfMap map) {
        return map instanceof RingBufferMap || map instanceof PerfEventArrayMap;
    }

    static EventReader open(LoadedMap map, int cpus) {
        return new EventReader(map, cpus);
    }

    static EventReader listen(LoadedMap map, int cpus, Listener listener) {
        EventReader reader = new EventReader(map, cpus);
        if (reader.ring != null) {
            reader.ring.listen(data -> listener.event(reader.event(-1, data)));
        }
        reader.perf.forEach(one -> one.listen(data -> listener.event(reader.event(one.cpu(), data))));
        return reader;
    }

    private Event event(int cpu, MemorySegment data) {
        return new Event(name, cpu, data.toArray(ValueLayout.JAVA_BYTE));
    }

    /**
     * Takes what is there, oldest first; of several CPUs one after the other.
     *
     * @return how many events the listener got
     */
    public int poll(Listener listener) {
        BiConsumer<Integer, MemorySegment> each = (cpu, data) -> listener.event(event(cpu, data));
        int taken = ring == null ? 0 : ring.consume(data -> each.accept(-1, data), Integer.MAX_VALUE);
        for (PerfRing one : perf) {
            taken += one.consume(data -> each.accept(one.cpu(), data), Integer.MAX_VALUE);
        }
        return taken;
    }

    /**
     * The same, and waits for the first one.
     *
     * @return how many events the listener got; 0 when none came in time or the thread was interrupted
     */
    public int poll(Duration most, Listener listener) {
        long until = System.nanoTime() + most.toNanos();
        int taken = poll(listener);
        while (taken == 0
                && System.nanoTime() < until
                && !Thread.currentThread().isInterrupted()) {
            if (ring != null) {
                ring.await(until - System.nanoTime());
            } else {
                LockSupport.parkNanos(this, POLL_NANOS);
            }
            taken = poll(listener);
        }
        return taken;
    }

    /** Events since this reader was made that there was no room for. */
    public long lost() {
        return (ring == null ? 0 : ring.dropped() - droppedBefore)
                + perf.stream().mapToLong(PerfRing::lost).sum();
    }

    /** From now on nobody reads. Where programs are running, they must not be writing perf events. */
    @Override
    public void close() {
        if (ring != null) {
            ring.listen(null);
        }
        perf.forEach(PerfRing::close);
        perf.clear();
    }
}
