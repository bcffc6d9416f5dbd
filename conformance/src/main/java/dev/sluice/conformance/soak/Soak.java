package dev.sluice.conformance.soak;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.TimerHelpers;
import dev.sluice.map.BpfMap;
import dev.sluice.map.HashTableMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapEntry;
import dev.sluice.map.MapException;
import dev.sluice.map.MapTimers;
import dev.sluice.map.Maps;
import dev.sluice.map.RingBufferMap;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * One soak: a program on several queues and a thread for each of user space's habits, on one engine, for some time. Used once,
 * by one thread, which starts the others.
 */
final class Soak {
    private static final int FRAME = 2048;
    private static final int BATCH = 64;

    /** Of a queue, however slow the machine is. */
    private static final int LEAST_BATCHES = 16;

    private static final int HEADROOM = 256;
    private static final int PACKET = 64;
    private static final int PASS = 2;

    // places in the map counts
    private static final int PACKETS = 0;
    private static final int PRODUCED = 1;
    private static final int REFUSED = 2;
    private static final int PUSHED = 3;
    private static final int POPPED = 4;
    private static final int FIRED = 5;

    /** What the program's error counters mean. */
    private static final List<String> CHECKS = List.of(
            "an entry of a hash that was just added is not there",
            "an entry of a per-CPU hash that was just added is not there",
            "a value of a hash without preallocation is torn",
            "a value of a hash without preallocation changed while a program held it",
            "a shorter prefix is not there",
            "a value of a trie is torn",
            "two counters under a lock differ",
            "a value of an inner map is torn",
            "an iteration met more than there was",
            "a value of a trie changed while a program held it");

    /** What came of it. */
    record Result(long packets, long operations, long samples, long fired, List<String> wrong) {}

    private final int queues;
    private final long seed;
    private final XdpRuntime runtime;
    private final LoadedObject loaded;
    private final Executable program;
    private final List<String> wrong = new ArrayList<>();
    private final LongAdder operations = new LongAdder();
    private final AtomicLong samples = new AtomicLong();
    private volatile boolean over;

    Soak(Engine engine, ObjectSpec object, int queues, long seed) {
        this.queues = queues;
        this.seed = seed;
        runtime = new XdpRuntime(engine, queues, seed);
        loaded = runtime.load(object, object.programs());
        program = loaded.programs().getFirst().executable();
    }

    private BpfMap map(String name) {
        return loaded.map(name).map(LoadedMap::map).orElseThrow();
    }

    private static ByteBuffer bytes(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] u32(int number) {
        return bytes(4).putInt(number).array();
    }

    private static byte[] pair(long value) {
        return bytes(16).putLong(value).putLong(~value).array();
    }

    private synchronized void wrong(String what) {
        if (wrong.size() < 100) {
            wrong.add(what);
        }
        over = true;
    }

    /** Something that a thread does again and again. */
    @FunctionalInterface
    private interface Habit {
        void once(Random random) throws Exception;
    }

    /** Runs for some time, or until something is wrong, and closes everything. */
    Result run(long nanos) throws InterruptedException {
        prepare();
        List<Thread> users = new ArrayList<>();
        users.add(user("read-sparse", random -> readPairs(map("sparse"), random, true)));
        users.add(user("read-lru", random -> readLru(random)));
        users.add(user("read-routes", random -> readPairs(map("routes"), random, true)));
        users.add(user("batches", this::batches));
        users.add(user("write", this::write));
        users.add(user("lock", this::lock));
        users.add(user("replace-inner", this::replaceInner));
        users.add(user("ring", random -> drain(1_000_000)));
        List<Thread> queueThreads = new ArrayList<>();
        long until = System.nanoTime() + nanos;
        for (int queue = 0; queue < queues; queue++) {
            int own = queue;
            queueThreads.add(start("queue-" + queue, random -> queue(own, until)));
        }
        for (Thread thread : queueThreads) {
            thread.join();
        }
        over = true;
        for (Thread thread : users) {
            thread.join();
        }
        drain(0);
        check();
        Result result = new Result(count(PACKETS), operations.sum(), samples.get(), count(FIRED), List.copyOf(wrong));
        runtime.close();
        return result;
    }

    private Thread start(String name, Habit habit) {
        Thread thread = new Thread(
                () -> {
                    try {
                        habit.once(new Random(seed ^ name.hashCode()));
                    } catch (Throwable e) {
                        wrong(name + ": " + e);
                    }
                },
                "soak-" + name);
        thread.start();
        return thread;
    }

    private Thread user(String name, Habit habit) {
        return start(name, random -> {
            do { // once at least: the queues may be through before this thread gets a CPU
                habit.once(random);
                operations.increment();
            } while (!over);
        });
    }

    private void prepare() {
        map("routes").put(new byte[] {8, 0, 0, 0, 10, 0, 0, 0}, pair(8), BpfMap.ANY);
        for (int key = 0; key < 2; key++) {
            map("locked").put(u32(key), new byte[24], BpfMap.ANY);
        }
        map("first_inner").put(u32(0), pair(1), BpfMap.ANY);
    }

    // --- queues

    private void queue(int queue, long until) {
        Random random = new Random(seed + queue);
        try (Arena arena = Arena.ofConfined();
                RunContext context = runtime.newContext(System::nanoTime, queue)) {
            long frames = Memory.allocate(arena, (long) FRAME * BATCH, 64);
            long descriptors = Memory.allocate(arena, (long) FrameDescriptor.BYTES * BATCH, 64);
            context.reader.announces(true);
            for (int batch = 0; !over && (batch < LEAST_BATCHES || System.nanoTime() < until); batch++) {
                for (int i = 0; i < BATCH; i++) {
                    describe(descriptors + (long) i * FrameDescriptor.BYTES, frames + (long) i * FRAME, queue, random);
                }
                program.run(context, descriptors, BATCH, (i, fault) -> wrong("queue " + queue + ": " + fault));
                for (int i = 0; i < BATCH; i++) {
                    int action = Memory.getInt(descriptors + (long) i * FrameDescriptor.BYTES + FrameDescriptor.ACTION);
                    if (action != PASS) {
                        wrong("queue " + queue + ": the program returned " + action);
                    }
                }
                TimerHelpers.fire(context, queue);
                context.reader.quiescent();
                if (random.nextInt(64) == 0) {
                    context.reader.offline();
                    Thread.yield();
                }
            }
        }
    }

    private static void describe(long descriptor, long frame, int queue, Random random) {
        Memory.putInt(frame + HEADROOM, random.nextInt());
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.DATA, frame + HEADROOM);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + HEADROOM);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + HEADROOM + PACKET);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, queue);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
    }

    // --- user space

    private void requirePair(String where, byte[] value) {
        ByteBuffer words = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        if (words.getLong(0) != ~words.getLong(8)) {
            wrong(where + ": user space reads a torn value " + words.getLong(0) + " " + words.getLong(8));
        }
    }

    /** From key to key: what is deleted meanwhile begins again, so it ends by a number. */
    private void readPairs(BpfMap map, Random random, boolean whole) {
        byte[] key = map.nextKey(null);
        for (int i = 0; key != null && i < 2 * map.def().maxEntries() && whole; i++) {
            byte[] value = map.get(key);
            if (value != null) {
                requirePair(map.def().name(), value);
            }
            key = random.nextInt(1000) == 0 ? null : map.nextKey(key);
        }
    }

    private void readLru(Random random) {
        BpfMap lru = map("lru");
        BpfMap.Batch batch = lru.lookupBatch(null, 4 * lru.def().maxEntries());
        batch.entries().forEach(entry -> requirePair("lru", entry.value()));
        byte[] key = u32(random.nextInt(4096));
        byte[] value = lru.get(key);
        if (value != null) {
            requirePair("lru", value);
        }
    }

    private void batches(Random random) {
        BpfMap sparse = map("sparse");
        switch (random.nextInt(3)) {
            case 0 -> sparse.lookupBatch(null, 2048).entries().forEach(e -> requirePair("batch", e.value()));
            case 1 -> sparse.lookupAndDeleteBatch(null, 2048).entries().forEach(e -> requirePair("taken", e.value()));
            default -> {
                List<MapEntry> entries = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    entries.add(new MapEntry(u32(random.nextInt(32)), pair(random.nextLong())));
                }
                try {
                    sparse.updateBatch(entries, BpfMap.ANY);
                } catch (MapException e) {
                    requireFull(e);
                }
            }
        }
    }

    private void requireFull(MapException e) {
        if (e.errno() != dev.sluice.map.Errno.E2BIG && e.errno() != dev.sluice.map.Errno.ENOSPC) {
            wrong("user space: " + e.getMessage());
        }
    }

    private void write(Random random) {
        byte[] key = u32(random.nextInt(32));
        byte[] lruKey = u32(random.nextInt(4096));
        byte[] prefix = bytes(8).putInt(9 + random.nextInt(24))
                .put((byte) 10)
                .put((byte) random.nextInt(2))
                .put((byte) random.nextInt(2))
                .array();
        try {
            switch (random.nextInt(6)) {
                case 0 -> map("sparse").put(key, pair(random.nextLong()), BpfMap.ANY);
                case 1 -> map("sparse").remove(key);
                case 2 -> map("routes").put(prefix, pair(random.nextLong()), BpfMap.ANY);
                case 3 -> map("routes").remove(prefix);
                case 4 -> map("lru").put(lruKey, pair(random.nextLong()), BpfMap.ANY);
                default -> map("lru").remove(lruKey);
            }
        } catch (MapException e) {
            requireFull(e);
        }
    }

    private void lock(Random random) {
        byte[] value = map("locked").get(u32(0), BpfMap.LOCK);
        ByteBuffer words = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        if (words.getLong(8) != words.getLong(16)) {
            wrong("locked: user space reads " + words.getLong(8) + " and " + words.getLong(16));
        }
        long number = random.nextLong(1000);
        map("locked")
                .put(u32(0), bytes(24).putLong(8, number).putLong(16, number).array(), BpfMap.LOCK);
        map("locked")
                .put(u32(1), bytes(24).putLong(8, number).putLong(16, number).array(), BpfMap.ANY);
    }

    private void replaceInner(Random random) {
        MapDef def = map("first_inner").def();
        BpfMap fresh = Maps.create(def, runtime.maps(), runtime.regions(), queues, seed);
        fresh.put(u32(0), pair(random.nextLong()), BpfMap.ANY);
        map("outer").put(u32(0), u32(fresh.id()), BpfMap.ANY);
        fresh.close();
    }

    private final long[] lastNumber = new long[64];

    private void drain(long waitNanos) {
        RingBufferMap ring = (RingBufferMap) map("ring");
        if (waitNanos > 0 && !ring.await(waitNanos)) {
            return;
        }
        ring.consume(
                record -> {
                    int cpu = record.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
                    long number = record.get(ValueLayout.JAVA_LONG_UNALIGNED, 8);
                    if (number != lastNumber[cpu] + 1) {
                        wrong("ring: sample " + number + " of CPU " + cpu + " comes behind " + lastNumber[cpu]);
                    }
                    lastNumber[cpu] = number;
                    samples.incrementAndGet();
                },
                Integer.MAX_VALUE);
    }

    // --- when all is over

    private long count(int index) {
        return ByteBuffer.wrap(map("counts").get(u32(index)))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    private void requireEqual(String what, long expected, long found) {
        if (expected != found) {
            wrong(what + ": expected=" + expected + " found=" + found);
        }
    }

    private static long sum(byte[] values) {
        ByteBuffer words = ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN);
        long sum = 0;
        while (words.hasRemaining()) {
            sum += words.getLong();
        }
        return sum;
    }

    private void check() throws InterruptedException {
        for (int i = 0; i < CHECKS.size(); i++) {
            long times = ByteBuffer.wrap(map("errors").get(u32(i)))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getLong();
            if (times != 0) {
                wrong(CHECKS.get(i) + ", times=" + times);
            }
        }
        long packets = count(PACKETS);
        requireEqual("per-CPU counter", packets, sum(map("percpu").get(u32(0))));
        for (String tally : List.of("tally", "percpu_tally")) {
            long sum = 0;
            for (byte[] key : map(tally).keys()) {
                sum += sum(map(tally).get(key));
            }
            requireEqual(tally, packets, sum);
        }
        requireEqual("samples read and refused", count(PRODUCED), samples.get() + count(REFUSED));
        requireEqual("samples refused", count(REFUSED), ((RingBufferMap) map("ring")).dropped());
        long left = 0;
        for (byte[] value = map("queue").lookupAndDelete(new byte[0]);
                value != null;
                value = map("queue").lookupAndDelete(new byte[0])) {
            left += sum(value);
        }
        requireEqual("queue", count(PUSHED), count(POPPED) + left);
        // not before: while elements move on, some are counted twice
        int size = ((HashTableMap) map("lru")).size();
        if (size > map("lru").def().maxEntries()) {
            wrong("lru: " + size + " entries, max_entries=" + map("lru").def().maxEntries());
        }
        map("timed").close();
        requireEqual("timers that run", MapTimers.NONE, runtime.maps().timers().earliest(-1));
        for (int wait = 0; runtime.maps().quiescentStates().waiting() > 0; wait++) {
            if (wait == 120_000) {
                wrong("memory is not given back, waiting="
                        + runtime.maps().quiescentStates().waiting());
                break;
            }
            Thread.sleep(1);
        }
        // those of the object, and the inner map that is in the outer one; first_inner itself is still the object's
        requireEqual("maps", loaded.maps().size(), runtime.maps().all().size());
    }
}
