package dev.sluice.kernel.diff;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.kernel.BpfException;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.PerfEventReader;
import dev.sluice.kernel.RingBufferReader;
import dev.sluice.kernel.Uapi;
import dev.sluice.map.PerfEventArrayMap;
import dev.sluice.map.PerfRing;
import dev.sluice.map.RingBufferMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What programs tell user space while they run: the records of ring buffers and the events of perf event arrays, read after
 * each packet. Readers must be there while a program runs: without them its helpers answer otherwise.
 *
 * <p>Owner thread: the comparison's.
 */
final class Events implements AutoCloseable {
    /** Enough for the events of one packet. */
    private static final int PERF_RING_BYTES = 1 << 18;

    private static final HexFormat HEX = HexFormat.of();

    private record Source(String map, Supplier<List<byte[]>> read) {}

    private final List<Source> sources = new ArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();

    private Events() {}

    /** Whether a type's contents are events. */
    static boolean areIn(int mapType) {
        return mapType == Uapi.MAP_TYPE_RINGBUF || mapType == Uapi.MAP_TYPE_PERF_EVENT_ARRAY;
    }

    /** @param ours only maps that are there too */
    static Events ofKernel(Kernel kernel, KernelObject object, LoadedObject ours) {
        Events events = new Events();
        try {
            for (Map.Entry<String, KernelMap> entry : object.maps().entrySet()) {
                KernelMap map = entry.getValue();
                if (ours.map(entry.getKey()).isEmpty()) {
                    continue;
                }
                if (map.type() == Uapi.MAP_TYPE_RINGBUF) {
                    RingBufferReader reader = RingBufferReader.of(map);
                    events.open.add(reader);
                    events.sources.add(new Source(entry.getKey(), reader::read));
                } else if (map.type() == Uapi.MAP_TYPE_PERF_EVENT_ARRAY) {
                    PerfEventReader reader = PerfEventReader.of(kernel, map, PERF_RING_BYTES);
                    events.open.add(reader);
                    events.sources.add(new Source(
                            entry.getKey(),
                            () -> reader.read().stream()
                                    .map(PerfEventReader.Event::data)
                                    .toList()));
                }
            }
            return events;
        } catch (BpfException e) {
            events.close();
            throw new NotComparableException("the kernel's events cannot be read: " + e.getMessage());
        }
    }

    /** @param cpus that have a ring of events, as far as a map has slots */
    static Events ofEngine(LoadedObject object, int cpus) {
        Events events = new Events();
        for (LoadedMap map : object.maps()) {
            switch (map.map()) {
                case RingBufferMap ring ->
                    events.sources.add(new Source(map.name(), () -> {
                        List<byte[]> records = new ArrayList<>();
                        ring.consume(record -> records.add(bytes(record)), Integer.MAX_VALUE);
                        return records;
                    }));
                case PerfEventArrayMap array -> events.addRings(map.name(), array, cpus);
                default -> {}
            }
        }
        return events;
    }

    private void addRings(String name, PerfEventArrayMap array, int cpus) {
        List<PerfRing> rings = new ArrayList<>();
        for (int cpu = 0;
                Integer.compareUnsigned(cpu, Math.min(cpus, array.def().maxEntries())) < 0;
                cpu++) {
            PerfRing ring = array.open(cpu, PERF_RING_BYTES);
            rings.add(ring);
            open.add(ring);
        }
        sources.add(new Source(name, () -> {
            List<byte[]> found = new ArrayList<>();
            rings.forEach(ring -> ring.consume(event -> found.add(bytes(event)), Integer.MAX_VALUE));
            return found;
        }));
    }

    private static byte[] bytes(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_BYTE);
    }

    /** What came since the last time: by map, in order; the map's name and hexadecimal digits. */
    List<String> take() {
        if (sources.isEmpty()) {
            return List.of();
        }
        List<String> taken = new ArrayList<>();
        for (Source source : sources) {
            source.read.get().forEach(event -> taken.add(source.map + ": " + HEX.formatHex(event)));
        }
        return taken;
    }

    @Override
    public void close() {
        for (AutoCloseable reader : open) {
            try {
                reader.close();
            } catch (Exception e) {
                throw new AssertionError("readers close without exceptions", e);
            }
        }
    }
}
