package dev.sluice.exec;

import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A small runtime for tests: one CPU's context, memory lent to the program, maps, and frames of 4,096 bytes. */
public final class Sandbox implements AutoCloseable {
    /** Bytes of the memory lent to programs. */
    public static final int LENT = 256;

    public static final int FRAME = 4096;
    public static final int HEADROOM = 256;

    public final MapTable maps = new MapTable();
    public final Regions regions = new Regions();
    public final Maps factory = new Maps(maps, regions, 2, 1);
    public final RunContext context = new RunContext(maps, regions, () -> nanos, 1);
    public final List<String> trace = new ArrayList<>();

    /** What the clock shows. */
    public static volatile long nanos = 1_000_000_007L;

    private final Arena arena = Arena.ofShared();

    /** The lent memory; there are as many bytes before and behind it that the program must not touch. */
    public final long lent = Memory.allocate(arena, LENT * 3L, 64) + LENT;

    public final long frame = Memory.allocate(arena, FRAME, 64);
    public final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);

    private int lastProgramId;

    public Sandbox() {
        context.instructionLimit = 100_000_000;
        context.extraStart = lent;
        context.extraEnd = lent + LENT;
        context.trace = (from, line) -> trace.add(line);
    }

    public BpfMap map(MapDef def) {
        return factory.create(def);
    }

    public Executable load(Engine engine, Code code) {
        return engine.load(Program.ofCode("test", code), ++lastProgramId);
    }

    public Executable load(Engine engine, String assembly) {
        return load(engine, Assembler.assemble(assembly));
    }

    /** Runs with r1 and r2. */
    public long call(Engine engine, String assembly, long r1, long r2) {
        return load(engine, assembly).call(context, r1, r2);
    }

    /** Puts a packet into the frame and its descriptor. */
    public void packet(byte[] bytes) {
        long data = frame + HEADROOM;
        Memory.copy(bytes, 0, data, bytes.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + bytes.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 7);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 1);
    }

    /** Runs on the packet at hand; a fault is thrown. */
    public int run(Executable program) {
        ProgramFault[] thrown = new ProgramFault[1];
        program.run(context, descriptor, 1, (index, fault) -> thrown[0] = fault);
        if (thrown[0] != null) {
            throw thrown[0];
        }
        return Memory.getInt(descriptor + FrameDescriptor.ACTION);
    }

    /** The packet as the last run left it. */
    public byte[] packet() {
        long data = Memory.getLong(descriptor + FrameDescriptor.DATA);
        return Memory.bytes(data, (int) (Memory.getLong(descriptor + FrameDescriptor.DATA_END) - data));
    }

    @Override
    public void close() {
        maps.all().forEach(BpfMap::close);
        context.close();
        arena.close();
    }
}
