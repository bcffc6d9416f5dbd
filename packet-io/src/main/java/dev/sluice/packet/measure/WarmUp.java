package dev.sluice.packet.measure;

import dev.sluice.exec.Executable;
import dev.sluice.exec.Interpreter;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.TraceSink;
import dev.sluice.map.MapSnapshot;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.ContextFactory;
import dev.sluice.packet.frame.FrameBatch;
import java.util.Random;

/**
 * Runs a program until HotSpot has compiled it, and leaves no trace of that: the same code runs, with a clock, random numbers and
 * a trace of its own, and all maps and tracked connections are put back afterwards. What runs next gives the same results as without, and is fast from
 * the first packet on.
 *
 * <p>Most of the packets are given ones, one in sixteen is one of their {@link Variations}, so that code for what they do not show is
 * compiled as well: a branch never taken is one that HotSpot leaves out, and the first packet that takes it would cost it
 * the whole compiled code.
 *
 * <p>Nothing else may run the program meanwhile.
 */
public final class WarmUp {
    private static final int BATCH = FrameBatch.CAPACITY;
    private static final int STRETCH = 16 * BATCH;
    private static final int MOST_VARIATIONS_TRIED = 200_000;

    /** Packets of a stretch that are variations: one in so many. Enough to be seen, too few to shape the code. */
    private static final int VARIATION_EVERY = 16;

    private WarmUp() {}

    /**
     * What it took.
     *
     * @param nanos wall time
     * @param variations packets that were made up, each for a branch that no other took
     * @param steady whether the rounds had stopped changing
     */
    public record Result(long nanos, int variations, boolean steady) {}

    /**
     * Warms a program up.
     *
     * @param packets the traffic to expect; at least one
     * @param contexts as the program will be run with
     * @param clock of the kind that the program will be run with: compiled code knows which
     * @param limitNanos the longest that it may take
     */
    public static Result run(
            Executable program, ContextFactory contexts, Clock clock, PacketSet packets, long limitNanos) {
        long start = System.nanoTime();
        try (RunContext context = contexts.create(0, clock);
                MapSnapshot snapshot = new MapSnapshot(context.maps)) {
            Runnable connections = context.network.connections().snapshot();
            context.trace = TraceSink.NONE;
            try {
                Executable interpreted = new Interpreter().load(program.program(), program.programId());
                try (PacketSet variations = Variations.find(
                                packets, interpreted, context, 0, limitNanos / 4, MOST_VARIATIONS_TRIED);
                        Rounds rounds = new Rounds(program, context, packets, variations)) {
                    boolean steady = Race.warmUp(rounds, limitNanos - (System.nanoTime() - start));
                    return new Result(System.nanoTime() - start, variations.size(), steady);
                }
            } finally {
                snapshot.restore();
                connections.run();
            }
        }
    }

    /** Stretches of packets, some of them variations, in the order of chance. */
    private static final class Rounds implements Contender, AutoCloseable {
        private final Executable program;
        private final RunContext context;
        private final PacketSet packets;
        private final PacketSet variations;
        private final Random random = new Random(0);
        private final EngineFrames frames = new EngineFrames(STRETCH);
        private long timestamp;

        Rounds(Executable program, RunContext context, PacketSet packets, PacketSet variations) {
            this.program = program;
            this.context = context;
            this.packets = packets;
            this.variations = variations;
        }

        @Override
        public double round() {
            for (int i = 0; i < STRETCH; i++) {
                boolean varied = variations.size() > 0 && i % VARIATION_EVERY == 0;
                PacketSet from = varied ? variations : packets;
                int chosen = random.nextInt(from.size());
                frames.put(i, from.address(chosen), from.length(chosen));
                Memory.putLong(frames.descriptor(i) + FrameDescriptor.TIMESTAMP, ++timestamp);
            }
            long start = CpuClock.nanos();
            for (int i = 0; i < STRETCH; i += BATCH) {
                program.run(context, frames.descriptor(i), BATCH, (index, fault) -> {});
            }
            return (double) (CpuClock.nanos() - start) / STRETCH;
        }

        @Override
        public void close() {
            frames.close();
        }
    }
}
