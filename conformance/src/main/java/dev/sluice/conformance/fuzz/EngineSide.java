package dev.sluice.conformance.fuzz;

import dev.sluice.conformance.verifier.FactsWatch;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import dev.sluice.program.Verified;
import dev.sluice.verifier.Subject;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** An engine of ours. */
final class EngineSide implements Side {
    private static final int FRAME_BYTES = 4096;
    private static final int HEADROOM = 256;

    private final String name;
    private final Engine engine;
    private final int cpu;
    private final Arena arena = Arena.ofConfined();
    private final BpfMap array;
    private final BpfMap hash;
    private final RunContext context;
    private final FactsWatch facts;
    private final long frame = Memory.allocate(arena, FRAME_BYTES, 64);
    private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);
    private @Nullable Executable program;
    private @Nullable ProgramFault fault;
    private int programs;

    EngineSide(Engine engine, int cpu) {
        this(engine.name(), engine, cpu);
    }

    /** @param cpu the number that programs see */
    EngineSide(String name, Engine engine, int cpu) {
        this.name = name;
        this.engine = engine;
        this.cpu = cpu;
        MapTable maps = new MapTable();
        Regions regions = new Regions();
        array = Maps.create(TestBed.ARRAY_DEF, maps, regions, cpu + 1, 1);
        hash = Maps.create(TestBed.HASH_DEF, maps, regions, cpu + 1, 1);
        context = new RunContext(maps, regions, System::nanoTime, 1);
        context.instructionLimit = 100_000_000;
        facts = new FactsWatch(context);
        context.steps = facts;
    }

    @Override
    public String name() {
        return name;
    }

    /** Counts what the interpreter executes; null to stop that. The watch over what the verifier proved goes on. */
    void watch(@Nullable Coverage coverage) {
        context.steps = coverage == null
                ? facts
                : (id, pc, depth, registers) -> {
                    facts.step(id, pc, depth, registers);
                    coverage.executed(running().program().code().at(pc).opcode());
                };
    }

    private Executable running() {
        Executable running = program;
        if (running == null) {
            throw new AssertionError("nothing is loaded");
        }
        return running;
    }

    @Override
    public @Nullable String load(Code code) {
        // a name of its own, by which C2Watch tells it from others
        String own = "fuzz_" + cpu + "_" + ++programs;
        Program linked = Program.ofCode(own, Side.withMaps(code, array.handle(), hash.handle()));
        facts.clear();
        boolean shows = engine.name().equals("interpreter"); // the only one that shows its steps
        if (!shows && !engine.wantsProof()) {
            program = engine.load(linked, programs);
            return null;
        }
        return switch (Verifier.create().withCpus(cpu + 1).verify(Subject.of(code.toBytes(), TestBed.known()))) {
            case Verdict.Verified accepted -> {
                Verified proved = accepted.facts().verified(linked).orElse(null);
                program = proved == null ? engine.load(linked, programs) : engine.load(proved, programs);
                if (shows && proved != null) {
                    facts.add(programs, proved.program(), proved.facts());
                }
                yield null;
            }
            case Verdict.Rejected rejected -> {
                program = engine.load(linked, programs);
                yield shows ? null : rejected.message();
            }
            case Verdict.Unsupported unsupported -> {
                program = engine.load(linked, programs);
                yield shows ? null : unsupported.why();
            }
        };
    }

    @Override
    public Result run(byte[] packet) {
        Executable runnable = running();
        long data = frame + HEADROOM;
        Memory.fill(frame, FRAME_BYTES, (byte) 0);
        Memory.copy(packet, 0, data, packet.length);
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + packet.length);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, cpu);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME_BYTES);
        fault = null;
        runnable.run(context, descriptor, 1, (index, found) -> fault = found);
        ProgramFault found = fault;
        if (found != null) {
            throw found;
        }
        long start = Memory.getLong(descriptor + FrameDescriptor.DATA_META);
        long end = Memory.getLong(descriptor + FrameDescriptor.DATA_END);
        return new Result(Memory.getInt(descriptor + FrameDescriptor.ACTION), Memory.bytes(start, (int) (end - start)));
    }

    @Override
    public void reset(byte[] value, boolean withHash) {
        array.put(new byte[4], value, BpfMap.ANY);
        if (withHash) {
            hash.keys().forEach(hash::remove);
        }
    }

    @Override
    public byte[] arrayValue() {
        return array.get(new byte[4]);
    }

    @Override
    public SortedMap<Integer, Long> hashEntries() {
        SortedMap<Integer, Long> entries = new TreeMap<>();
        for (byte[] key : hash.keys()) {
            entries.put(
                    ByteBuffer.wrap(key).order(ByteOrder.LITTLE_ENDIAN).getInt(),
                    ByteBuffer.wrap(hash.get(key))
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong());
        }
        return entries;
    }

    @Override
    public void close() {
        context.close();
        array.close();
        hash.close();
        arena.close();
    }
}
