package dev.sluice.packet.measure;

import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FramePool;
import dev.sluice.packet.nic.XdpAction;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Whether a program does the same thing with a packet and with what it made of the packet. A packet is run, so that maps know
 * it; then run anew from its captured bytes, and {@value #MORE_RUNS} times more, each on the output of the run before. All must
 * return the same, leave the packet in the same place and of the same length, and execute the same instructions; its bytes may
 * differ, as a program that swaps addresses does the same work each time. So many runs, as a program that counts the time to
 * live down does something else only when it has reached zero.
 *
 * @param packets packets of the sample that were run
 * @param unstable how many of them the program treats differently in a later run
 * @param first index in the set of the first one; -1 when there is none
 * @param reason what is different there, for a person; null when nothing is
 * @param executed instructions that a packet's first run executes: the weighted mean
 */
public record Stability(
        int packets, int unstable, int first, @Nullable String reason, double executed) {
    /** More than a time to live can be. */
    static final int MORE_RUNS = 256;

    public boolean isStable() {
        return unstable == 0;
    }

    /**
     * Runs a sample.
     *
     * @param executable on the interpreter, which shows its steps
     * @param context whose step sink is used meanwhile
     */
    public static Stability of(PacketSet set, PacketSet.Sample sample, Executable executable, RunContext context) {
        int unstable = 0;
        int first = -1;
        String reason = null;
        double executed = 0;
        try (Probe probe = new Probe(executable, context)) {
            for (int i = 0; i < sample.size(); i++) {
                int packet = sample.packets()[i];
                String difference = probe.difference(set.address(packet), set.length(packet));
                executed += (double) probe.firstSteps * sample.weights()[i];
                if (difference != null) {
                    unstable++;
                    if (first < 0) {
                        first = packet;
                        reason = difference;
                    }
                }
            }
        }
        return new Stability(sample.size(), unstable, first, reason, executed / sample.weight());
    }

    private static final class Probe implements AutoCloseable {
        private final Executable executable;
        private final RunContext context;
        private final Arena arena = Arena.ofConfined();
        private final long frame = Memory.allocate(arena, FramePool.FRAME_SIZE, FramePool.FRAME_SIZE);
        private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, FrameDescriptor.BYTES);
        private long path;
        private long steps;
        private long firstSteps;

        Probe(Executable executable, RunContext context) {
            this.executable = executable;
            this.context = context;
            context.steps = (program, pc, depth, registers) -> {
                path = path * 31 + ((long) program << 32 | pc);
                steps++;
            };
        }

        @Nullable
        String difference(long packet, int length) {
            fresh(packet, length);
            run();
            fresh(packet, length);
            run();
            long firstPath = path;
            firstSteps = steps;
            int firstAction = Memory.getInt(descriptor + FrameDescriptor.ACTION);
            if (EngineFrames.moved(descriptor, frame, length)) {
                return "gave the packet another place or length, which it meets again in the next run";
            }
            for (int run = 2; run <= MORE_RUNS + 1; run++) {
                run();
                int action = Memory.getInt(descriptor + FrameDescriptor.ACTION);
                String what = null;
                if (action != firstAction) {
                    what = "returned " + name(firstAction) + " at first and " + name(action);
                } else if (EngineFrames.moved(descriptor, frame, length)) {
                    what = "gave the packet another place or length";
                } else if (path != firstPath) {
                    what = steps == firstSteps
                            ? "took another path"
                            : "executed " + firstSteps + " instructions at first and " + steps;
                }
                if (what != null) {
                    return what + " in run " + run;
                }
            }
            return null;
        }

        private static String name(int returned) {
            XdpAction action = XdpAction.of(returned);
            return action == XdpAction.OTHER ? Integer.toUnsignedString(returned) : action.label();
        }

        private void fresh(long packet, int length) {
            EngineFrames.fill(frame, packet, length);
            EngineFrames.describe(descriptor, frame, length);
        }

        private void run() {
            path = 0;
            steps = 0;
            executable.run(context, descriptor, 1, (index, fault) -> {});
        }

        @Override
        public void close() {
            context.steps = null;
            arena.close();
        }
    }
}
