package dev.sluice.conformance.golden;

import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.conformance.verifier.FactsWatch;
import dev.sluice.exec.Engine;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program over packets as the kernel's {@code BPF_PROG_TEST_RUN} does, and describes what came out in the terms of
 * the golden results. Frames are a page with 256 bytes of headroom:
 *
 * <pre>
 * 0        256                              3,776      4,096
 * | headroom | packet, at most 3,520 bytes     | tailroom |
 * </pre>
 */
final class EngineRun {
    private static final int HEADROOM = 256;
    private static final int FRAME = 4096;
    private static final int BATCH = 64;
    private static final int CPUS = 2;

    private EngineRun() {}

    /**
     * Loads the object anew and runs one of its programs over the packets.
     *
     * @param target types of the kernel to run as, null for those of the compiler
     */
    static Outcome run(
            Engine engine, ObjectSpec spec, ProgramSpec program, @Nullable Btf target, List<byte[]> packets) {
        try (Arena arena = Arena.ofConfined();
                XdpRuntime runtime = new XdpRuntime(engine, CPUS, 0)) {
            LoadedObject object = runtime.load(spec, List.of(program.asXdp()), target);
            LoadedProgram loaded = object.program(program.name()).orElseThrow();
            long frames = Memory.allocate(arena, (long) FRAME * BATCH, 64);
            long descriptors = Memory.allocate(arena, (long) FrameDescriptor.BYTES * BATCH, 64);
            List<String> trace = new ArrayList<>();
            List<String> faults = new ArrayList<>();
            Outcome.Builder outcome = new Outcome.Builder();
            long[] now = {1_000_000_000};
            try (RunContext context = runtime.newContext(() -> now[0] += 1000, 0)) {
                context.trace = (from, line) -> trace.add(line);
                // seen by the interpreter alone
                context.steps = FactsWatch.of(object, spec, target, CPUS, context);
                for (int first = 0; first < packets.size(); first += BATCH) {
                    List<byte[]> batch = packets.subList(first, Math.min(packets.size(), first + BATCH));
                    for (int i = 0; i < batch.size(); i++) {
                        describe(
                                descriptors + (long) i * FrameDescriptor.BYTES,
                                frames + (long) i * FRAME,
                                batch.get(i));
                    }
                    int base = first;
                    loaded.executable()
                            .run(
                                    context,
                                    descriptors,
                                    batch.size(),
                                    (i, fault) -> faults.add(describe(base + i, fault)));
                    for (int i = 0; i < batch.size(); i++) {
                        judge(descriptors + (long) i * FrameDescriptor.BYTES, batch.get(i).length, outcome);
                    }
                }
            }
            return outcome.build(MapState.of(object), trace, faults);
        }
    }

    private static String describe(int packet, ProgramFault fault) {
        return "packet " + packet + ": " + fault.kind() + " " + fault.getMessage();
    }

    private static void describe(long descriptor, long frame, byte[] packet) {
        long data = frame + HEADROOM;
        Memory.copy(packet, 0, data, packet.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + packet.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 0);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
        Memory.putInt(descriptor + FrameDescriptor.ACTION, -99);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
    }

    private static void judge(long descriptor, int lengthBefore, Outcome.Builder outcome) {
        int action = Memory.getInt(descriptor + FrameDescriptor.ACTION);
        long start = Memory.getLong(descriptor + FrameDescriptor.DATA_META);
        int length = Math.toIntExact(Memory.getLong(descriptor + FrameDescriptor.DATA_END) - start);
        outcome.packet(action, lengthBefore, Memory.bytes(start, length));
    }
}
