package dev.sluice.conformance.agreement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.TimerHelpers;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelObject;
import dev.sluice.kernel.TestRun;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTimers;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.QuiescentStates;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.netty.PollIoHandler;
import dev.sluice.packet.netty.VirtualQueueChannel;
import dev.sluice.packet.netty.Wire;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.VirtualNic;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import java.lang.foreign.Arena;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Timers in values of maps: what the helpers answer, and when they are called. */
@Timeout(300)
class TimerTest {
    private static final long MILLISECOND = 1_000_000;
    private static final long START = 1_700_000_000_000_000_000L;

    static List<Engine> engines() {
        return TestEngines.all();
    }

    private static ObjectSpec object(String name) {
        return Pcaps.read(Path.of(Pcaps.FOLDER.toString(), "verifier", name + ".bpf.o"));
    }

    private static byte[] u32(int number) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(number)
                .array();
    }

    /** A loaded object, and a packet for it. */
    private static final class Bed implements AutoCloseable {
        private final Arena arena = Arena.ofConfined();
        final XdpRuntime runtime;
        final LoadedObject loaded;
        final RunContext context;
        private final long frame = Memory.allocate(arena, 4096, 64);
        private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);

        Bed(Engine engine, String name, dev.sluice.helper.Clock clock) {
            runtime = new XdpRuntime(engine, 2, 0);
            ObjectSpec spec = object(name);
            loaded = runtime.load(spec, spec.programs());
            context = runtime.newContext(clock, 0);
        }

        BpfMap map(String name) {
            return loaded.map(name).orElseThrow().map();
        }

        /** @param source last byte of the packet's source address */
        int run(String name, long timestamp, int queue, int source) {
            LoadedProgram program = loaded.program(name).orElseThrow();
            Memory.putByte(frame + 256 + 11, (byte) source);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putLong(descriptor + FrameDescriptor.DATA, frame + 256);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, frame + 256);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, frame + 256 + 64);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, 4096);
            Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, queue);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, timestamp);
            program.executable().run(context, descriptor, 1, (i, fault) -> {
                throw fault;
            });
            return Memory.getInt(descriptor + FrameDescriptor.ACTION);
        }

        /** Bytes of an array's element. */
        ByteBuffer value(String map, int index) {
            return ByteBuffer.wrap(map(map).get(u32(index))).order(ByteOrder.LITTLE_ENDIAN);
        }

        @Override
        public void close() {
            context.close();
            runtime.close();
            arena.close();
        }
    }

    // --- what the helpers answer, held against the kernel

    @ParameterizedTest
    @MethodSource("engines")
    void helpersAnswerAsTheKernelsDo(Engine engine) throws InterruptedException {
        try (KernelObject theirs = KernelLoader.load(Kernels.kernel(), object("timer_results"));
                Bed ours = new Bed(engine, "timer_results", System::nanoTime)) {
            for (String program : List.of("first", "hashes")) {
                try (TestRun run = theirs.program(program).testRun()) {
                    assertThat(run.run(new byte[64])).isEqualTo(2);
                }
                assertThat(ours.run(program, 0, 0, 0)).isEqualTo(2);
                // until what is due has been called on both sides; callbacks start timers for a nanosecond later
                long deadline = System.nanoTime() + 180_000_000_000L;
                do {
                    Thread.sleep(100);
                    while (TimerHelpers.fire(ours.context, 0) > 0) {
                        Thread.sleep(1);
                    }
                } while (!different(dump(ours, program), dump(theirs, program)).isEmpty()
                        && System.nanoTime() < deadline);
                assertThat(different(dump(ours, program), dump(theirs, program)))
                        .isEmpty();
            }
            byte[] value = new byte[32];
            theirs.map("array").update(u32(3), value);
            ours.map("array").put(u32(3), value, BpfMap.ANY);
            try (TestRun run = theirs.program("second").testRun()) {
                run.run(new byte[64]);
            }
            ours.run("second", 0, 0, 0);
            assertThat(different(dump(ours, "second"), dump(theirs, "second"))).isEmpty();
        }
    }

    private static List<String> different(TreeMap<String, String> ours, TreeMap<String, String> theirs) {
        TreeSet<String> places = new TreeSet<>(ours.keySet());
        places.addAll(theirs.keySet());
        return places.stream()
                .filter(place -> !Objects.equals(ours.get(place), theirs.get(place)))
                .map(place -> place + ": kernel " + theirs.get(place) + ", ours " + ours.get(place))
                .toList();
    }

    private static TreeMap<String, String> dump(KernelObject object, String after) {
        TreeMap<String, String> all = new TreeMap<>();
        for (String map : List.of("answers", "array", "hash", "sparse", "lru")) {
            object.map(map)
                    .entries()
                    .forEach(entry -> all.put(
                            after + " " + map + " " + HexFormat.of().formatHex(entry.key()),
                            HexFormat.of().formatHex(entry.value())));
        }
        return all;
    }

    private static TreeMap<String, String> dump(Bed bed, String after) {
        TreeMap<String, String> all = new TreeMap<>();
        for (String map : List.of("answers", "array", "hash", "sparse", "lru")) {
            for (byte[] key : bed.map(map).keys()) {
                all.put(
                        after + " " + map + " " + HexFormat.of().formatHex(key),
                        HexFormat.of().formatHex(bed.map(map).get(key)));
            }
        }
        return all;
    }

    // --- when they are called

    @ParameterizedTest
    @MethodSource("engines")
    void inCaptureTimeBeforeTheFirstPacketAtOrAfterTheirExpiry(Engine engine) {
        try (Bed bed = new Bed(engine, "expiry", new CaptureClock())) {
            bed.run("expiry", START, 0, 1);
            bed.run("expiry", START + 10 * MILLISECOND - 1, 0, 2);
            assertThat(bed.map("sources").keys()).hasSize(2);
            assertThat(bed.value("ticks", 1).getInt(4)).isEqualTo(9);
            // exactly then: the first source goes before this packet is looked at
            bed.run("expiry", START + 10 * MILLISECOND, 0, 3);
            assertThat(bed.map("sources").keys()).hasSize(2);
            assertThat(bed.value("ticks", 1).getInt(4)).isEqualTo(10);
            // a packet without a time stamp, and one from the past, move nothing
            bed.run("expiry", FrameDescriptor.NO_TIMESTAMP, 0, 3);
            bed.run("expiry", START, 0, 3);
            assertThat(bed.map("sources").keys()).hasSize(2);
            // an hour later: a hundred ticks, each at its time, and all sources but this packet's own
            bed.run("expiry", START + 3_600_000 * MILLISECOND, 0, 4);
            ByteBuffer tick = bed.value("ticks", 1);
            assertThat(tick.getInt(4)).isEqualTo(100);
            assertThat(tick.getLong(24)).isEqualTo(START + MILLISECOND);
            assertThat(tick.getLong(32)).isEqualTo(START + 100 * MILLISECOND);
            assertThat(bed.map("sources").keys()).hasSize(1);
            ByteBuffer counters = bed.value("expiry.bss", 0);
            assertThat(List.of(counters.getLong(0), counters.getLong(8), counters.getLong(16)))
                    .containsExactlyInAnyOrder(3L, 5L, 0L);
        }
    }

    /** A loop without packets wakes up for them. */
    @Test
    void byTheMachinesClockOnTheQueuesLoop() throws InterruptedException {
        MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, PollIoHandler.newFactory());
        try (Bed bed = new Bed(Engines.jit(), "expiry", System::nanoTime);
                RunContext context = bed.runtime.newContext(System::nanoTime, 1)) {
            VirtualNic nic = new VirtualNic("eth0", 1, VirtualNic.macFor(1), 1500, 2);
            FramePool pool = new FramePool(4);
            VirtualQueueChannel channel = new VirtualQueueChannel(nic, 1, pool, Wire.NULL);
            LoadedProgram program = bed.loaded.program("expiry").orElseThrow();
            channel.pipeline().addLast(new XdpHandler(program.executable(), context));
            channel.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object message) {
                    ((FrameBatch) message).release();
                }
            });
            EventLoopGroup any = loops; // the narrower type's method is deprecated
            any.register(channel).syncUninterruptibly();
            FrameBatch batch = pool.acquire();
            batch.append(new byte[60], 1, 1);
            assertThat(channel.offer(batch)).isTrue();
            while (bed.value("ticks", 1).getInt(4) < 100 || bed.map("sources").nextKey(null) != null) {
                Thread.sleep(1);
            }
            ByteBuffer tick = bed.value("ticks", 1);
            assertThat(tick.getLong(32) - tick.getLong(24)).isGreaterThanOrEqualTo(99 * MILLISECOND);
            assertThat(bed.runtime.maps().timers().earliest(-1)).isEqualTo(MapTimers.NONE);
            channel.close().syncUninterruptibly();
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    /** From when a timer is taken out until it is called nothing else keeps its map's memory. */
    @Test
    void aQueueIsOnlineBeforeItTakesATimerOut() throws Exception {
        try (Bed bed = new Bed(Engines.jit(), "expiry", System::nanoTime)) {
            bed.run("expiry", FrameDescriptor.NO_TIMESTAMP, 0, 1);
            Field field = MapTimers.class.getDeclaredField("lock");
            field.setAccessible(true);
            QuiescentStates states = bed.runtime.maps().quiescentStates();
            Thread loop = new Thread(() -> {
                while (TimerHelpers.fire(bed.context, 0) == 0) {
                    Thread.onSpinWait();
                }
            });
            // nobody takes a timer out while this is held
            synchronized (field.get(bed.runtime.maps().timers())) {
                loop.start();
                while (states.passed(states.stamp())) {
                    Thread.sleep(1);
                }
            }
            loop.join();
        }
    }

    @Test
    void queuesDoNotChangeTheOrder() {
        String expected = null;
        for (Engine engine : engines()) {
            for (int queues = 1; queues <= 2; queues++) {
                try (Bed bed = new Bed(engine, "expiry", new CaptureClock())) {
                    for (int i = 0; i < 500; i++) {
                        bed.run("expiry", START + i * 777_777L, i % queues, i * i % 23);
                    }
                    StringBuilder all = new StringBuilder();
                    for (String map : List.of("sources", "ticks", "expiry.bss")) {
                        for (byte[] key : bed.map(map).keys()) {
                            all.append(HexFormat.of().formatHex(bed.map(map).get(key)))
                                    .append('\n');
                        }
                    }
                    expected = expected == null ? all.toString() : expected;
                    assertThat(all).hasToString(expected);
                }
            }
        }
    }

    @Test
    void theyGoWithTheirMap() {
        try (Bed bed = new Bed(engines().getFirst(), "expiry", new CaptureClock())) {
            MapTimers timers = bed.runtime.maps().timers();
            bed.run("expiry", START, 1, 1);
            assertThat(timers.earliest(-1)).isEqualTo(START + MILLISECOND);
            assertThat(timers.earliest(0)).isEqualTo(MapTimers.NONE);
            assertThat(timers.earliest(1)).isEqualTo(START + MILLISECOND);
            bed.map("ticks").close();
            assertThat(timers.earliest(-1)).isEqualTo(START + 10 * MILLISECOND);
            bed.map("sources").remove(bed.map("sources").nextKey(null));
            assertThat(timers.earliest(-1)).isEqualTo(MapTimers.NONE);
        }
    }

    @Test
    void userSpaceSeesNoTimersAndWritesNone() {
        try (Bed bed = new Bed(engines().getFirst(), "expiry", new CaptureClock())) {
            bed.run("expiry", START, 0, 1);
            ByteBuffer tick = bed.value("ticks", 1);
            assertThat(tick.getLong(8)).isZero();
            assertThat(tick.getLong(16)).isZero();
            byte[] ones = new byte[40];
            java.util.Arrays.fill(ones, (byte) 1);
            bed.map("ticks").put(u32(0), ones, BpfMap.ANY);
            ByteBuffer other = bed.value("ticks", 0);
            assertThat(other.getInt(0)).as("lock").isZero();
            assertThat(other.getInt(4)).isEqualTo(0x01010101);
            assertThat(other.getLong(8)).as("timer").isZero();
            assertThat(other.getLong(16)).as("timer").isZero();
            assertThat(other.getLong(24)).isEqualTo(0x0101010101010101L);
        }
    }
}
