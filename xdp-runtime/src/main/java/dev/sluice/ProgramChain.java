package dev.sluice;

import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.RunConfig;
import dev.sluice.program.Program;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Several programs on one NIC, run one after the other as libxdp's dispatcher runs them: in the order of their priorities, and
 * of equal ones in the order in which they are given. A packet whose action is among the program's chain-call actions goes to
 * the next program as this one left it; with any other action it is done. After the last program what would go on is
 * {@code XDP_PASS}.
 *
 * <p>A packet is done before the next one starts, as programs may share maps. May be shared by queues; allocates one object a
 * batch.
 */
public final class ProgramChain implements Executable {
    private static final int XDP_PASS = 2;

    /** A program with its place. */
    public record Link(LoadedProgram program, RunConfig config) {}

    private final List<Link> links;
    private final Executable[] programs;
    private final int[] chainCallActions;
    private final int id;

    ProgramChain(List<Link> unordered, int id) {
        if (unordered.isEmpty()) {
            throw new IllegalArgumentException("a chain has at least one program");
        }
        List<Link> ordered = new ArrayList<>(unordered);
        ordered.sort(Comparator.comparingInt(link -> link.config.priority()));
        links = List.copyOf(ordered);
        programs = links.stream().map(link -> link.program.executable()).toArray(Executable[]::new);
        chainCallActions =
                links.stream().mapToInt(link -> link.config.chainCallActions()).toArray();
        this.id = id;
    }

    /** The programs in the order in which they run. */
    public List<Link> links() {
        return links;
    }

    /** The first program. */
    @Override
    public Program program() {
        return programs[0].program();
    }

    @Override
    public int programId() {
        return id;
    }

    @Override
    public String engine() {
        return programs[0].engine();
    }

    @Override
    public void run(RunContext context, long descriptors, int count, FaultSink faults) {
        PacketFaults packetFaults = new PacketFaults(faults);
        for (int packet = 0; packet < count; packet++) {
            packetFaults.packet = packet;
            run(context, descriptors + (long) packet * FrameDescriptor.BYTES, packetFaults);
        }
    }

    private void run(RunContext context, long descriptor, PacketFaults faults) {
        for (int i = 0; i < programs.length; i++) {
            faults.running = programs[i].program();
            programs[i].run(context, descriptor, 1, faults);
            int action = Memory.getInt(descriptor + FrameDescriptor.ACTION);
            if ((chainCallActions[i] & 1 << action) == 0) {
                return;
            }
        }
        Memory.putInt(descriptor + FrameDescriptor.ACTION, XDP_PASS);
    }

    /** Passes faults on with the packet's place in the batch, and the program. */
    private static final class PacketFaults implements FaultSink {
        private final FaultSink faults;
        private int packet;
        private @Nullable Program running;

        PacketFaults(FaultSink faults) {
            this.faults = faults;
        }

        @Override
        public void fault(int index, ProgramFault fault) {
            Program at = running;
            faults.fault(packet, at == null ? fault : fault.in(at));
        }
    }

    /** Runs all that the first ones let run; r0 of the last one that ran. */
    @Override
    public long call(RunContext context, long r1, long r2) throws ProgramFault {
        long result = XDP_PASS;
        for (int i = 0; i < programs.length; i++) {
            result = programs[i].call(context, r1, r2);
            if ((chainCallActions[i] & 1 << (int) result) == 0) {
                return result;
            }
        }
        return XDP_PASS;
    }
}
