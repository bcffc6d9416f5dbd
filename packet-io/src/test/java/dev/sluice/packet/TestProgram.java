package dev.sluice.packet;

import dev.sluice.exec.Executable;
import dev.sluice.exec.FaultSink;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.map.MapTable;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.util.List;

/** A program written in Java: the packet path's tests need no engine. */
public final class TestProgram implements Executable {
    /** Gives the action of the packet whose descriptor it gets; may change the descriptor as a program may. */
    @FunctionalInterface
    public interface Body {
        int run(RunContext context, long descriptor);
    }

    private final Body body;

    public TestProgram(Body body) {
        this(body, true);
    }

    private final Program program;

    private TestProgram(Body body, boolean frags) {
        this.body = body;
        program = new Program("test", "", Assembler.assemble("r0 = 2\nexit"), List.of(), List.of(), true, frags);
    }

    /** The same, which does not say that it can live with packets in several buffers. */
    public TestProgram ofOneBuffer() {
        return new TestProgram(body, false);
    }

    /** Always the same action. */
    public static TestProgram returning(int action) {
        return new TestProgram((context, d) -> action);
    }

    /** An action for each value of the packet's last byte, in turn. */
    public static TestProgram byLastByte(int... actions) {
        return new TestProgram((context, d) ->
                actions[(Memory.getByte(Memory.getLong(d + FrameDescriptor.DATA_END) - 1) & 0xff) % actions.length]);
    }

    /** A context without maps. */
    public static RunContext context(int cpu, dev.sluice.helper.Clock clock) {
        return new RunContext(new MapTable(), new Regions(), clock, cpu);
    }

    @Override
    public String engine() {
        return "java";
    }

    @Override
    public Program program() {
        return program;
    }

    @Override
    public int programId() {
        return 1;
    }

    @Override
    public void run(RunContext context, long descriptors, int count, FaultSink faults) {
        for (int i = 0; i < count; i++) {
            long d = descriptors + (long) i * FrameDescriptor.BYTES;
            context.descriptor = d;
            if (context.clock instanceof CaptureClock clock) {
                clock.advance(Memory.getLong(d + FrameDescriptor.TIMESTAMP));
            }
            int action;
            try {
                action = body.run(context, d);
            } catch (ProgramFault fault) {
                action = 0;
                faults.fault(i, fault);
            }
            Memory.putInt(d + FrameDescriptor.ACTION, action);
        }
    }

    @Override
    public long call(RunContext context, long r1, long r2) {
        throw new UnsupportedOperationException();
    }
}
