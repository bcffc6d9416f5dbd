package dev.sluice.conformance.agreement;

import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.kernel.CpuPin;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelProgram;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapAttributes;
import dev.sluice.kernel.ProgramAttributes;
import dev.sluice.kernel.TestRun;
import dev.sluice.kernel.Uapi;
import dev.sluice.kernel.diff.Outcome;
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
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Small programs, written once, on the kernel and on engines, with maps of the same definitions on each side. Programs
 * name a map by its index: {@code r1 = map[fd:0]}.
 *
 * <p>Owner thread: the one that made it, which stays on one CPU until it is closed.
 */
final class Sides implements AutoCloseable {
    private static final int FRAME_BYTES = 4096;
    private static final int HEADROOM = 256;
    private static final long INSTRUCTION_LIMIT = 10_000_000;

    /** An engine with its own maps and the program that was loaded last. */
    final class Ours {
        private final Engine engine;
        private final Regions regions = new Regions();
        private final MapTable table = new MapTable();
        private final List<BpfMap> maps = new ArrayList<>();
        private final RunContext context = new RunContext(table, regions, System::nanoTime, 1);
        private @Nullable Executable program;
        private @Nullable ProgramFault fault;

        Ours(Engine engine, List<MapDef> defs, int cpus) {
            this.engine = engine;
            context.instructionLimit = INSTRUCTION_LIMIT;
            for (MapDef def : defs) {
                maps.add(Maps.create(def, table, regions, cpus, 1));
            }
        }

        String name() {
            return engine.name();
        }

        BpfMap map(int index) {
            return maps.get(index);
        }

        private Outcome run(byte[] packet, int metadataBytes) {
            Executable runnable = program;
            if (runnable == null) {
                throw new AssertionError("nothing is loaded");
            }
            // a test run has the packet behind the headroom, and the metadata in it
            long start = frame + HEADROOM - metadataBytes;
            Memory.fill(frame, FRAME_BYTES, (byte) 0);
            Memory.copy(packet, 0, start, packet.length);
            Memory.putLong(descriptor + FrameDescriptor.DATA, start + metadataBytes);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, start);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, start + packet.length);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
            // the queue is the CPU that the program sees, and whose values it has in per-CPU maps
            Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, pin.cpu());
            Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME_BYTES);
            fault = null;
            runnable.run(context, descriptor, 1, (index, thrown) -> fault = thrown);
            long from = Memory.getLong(descriptor + FrameDescriptor.DATA_META);
            long data = Memory.getLong(descriptor + FrameDescriptor.DATA);
            long end = Memory.getLong(descriptor + FrameDescriptor.DATA_END);
            return new Outcome(
                    Memory.getInt(descriptor + FrameDescriptor.ACTION),
                    (int) (data - from),
                    Memory.bytes(from, (int) (end - from)),
                    fault == null ? null : fault.getMessage());
        }

        private void close() {
            context.close();
            maps.forEach(BpfMap::close);
        }
    }

    private final CpuPin pin = CpuPin.toFirstAllowed();
    private final Arena arena = Arena.ofConfined();
    private final long frame = Memory.allocate(arena, FRAME_BYTES, FRAME_BYTES);
    private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, FrameDescriptor.BYTES);
    private final Kernel kernel;
    private final List<KernelMap> kernelMaps = new ArrayList<>();
    private final List<Ours> ours = new ArrayList<>();
    private @Nullable KernelProgram program;
    private @Nullable TestRun testRun;
    private int programs;

    Sides(Kernel kernel, List<Engine> engines, List<MapDef> maps) {
        this.kernel = kernel;
        for (MapDef def : maps) {
            kernelMaps.add(kernel.createMap(attributes(def)));
        }
        for (Engine engine : engines) {
            ours.add(new Ours(engine, maps, kernel.possibleCpus()));
        }
    }

    static MapAttributes attributes(MapDef def) {
        return MapAttributes.of(def.type().number(), def.keySize(), def.valueSize(), def.maxEntries())
                .withName(def.name())
                .withFlags(def.flags())
                .withMapExtra(def.extra());
    }

    KernelMap kernelMap(int index) {
        return kernelMaps.get(index);
    }

    List<Ours> ours() {
        return ours;
    }

    /** Loads a program on all sides. Null, or what the kernel's verifier complained of. */
    @Nullable
    String load(Code code) {
        if (program != null) {
            program.close();
            program = null;
        }
        byte[] bytes = withMaps(code, index -> kernelMaps.get(index).fd()).toBytes();
        switch (kernel.load(ProgramAttributes.of(Uapi.PROG_TYPE_XDP, bytes)
                .withLicense("GPL")
                .withName("agreement"))) {
            case LoadResult.Rejected rejected -> {
                return rejected.errnoName() + "\n" + rejected.log();
            }
            case LoadResult.Loaded loaded -> {
                program = loaded.program();
                testRun = testRun == null ? loaded.program().testRun() : testRun.bind(loaded.program());
            }
        }
        programs++;
        for (Ours side : ours) {
            Code linked = withHandles(code, side);
            side.program = side.engine.load(Program.ofCode("agreement" + programs, linked), programs);
        }
        return null;
    }

    private static Code withMaps(Code code, IntUnaryOperator fd) {
        Code linked = code;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW && isMap(insn)) {
                // the upper half is the offset into the value
                long imm = insn.imm() & 0xffff_ffff_0000_0000L | fd.applyAsInt(insn.imm32()) & 0xffff_ffffL;
                linked = linked.with(slot, insn.withImm(imm));
            }
        }
        return linked;
    }

    private static boolean isMap(Instruction insn) {
        return insn.pseudo() == Pseudo.MAP_FD || insn.pseudo() == Pseudo.MAP_VALUE;
    }

    private static Code withHandles(Code code, Ours side) {
        Code linked = code;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.LDDW && isMap(insn)) {
                BpfMap map = side.map(insn.imm32());
                long imm = insn.pseudo() == Pseudo.MAP_FD ? map.handle() : map.valueAddress() + (insn.imm() >>> 32);
                linked = linked.with(slot, insn.withImm(imm));
            }
        }
        return linked;
    }

    /** Runs the program on a packet: the kernel's outcome first, then those of the engines in their order. */
    List<Outcome> run(byte[] packet) {
        return run(packet, 0);
    }

    /** As the other one, where the front of the packet is metadata. */
    List<Outcome> run(byte[] packet, int metadataBytes) {
        TestRun run = testRun;
        if (run == null) {
            throw new AssertionError("nothing is loaded");
        }
        List<Outcome> outcomes = new ArrayList<>();
        run.metadata(metadataBytes).run(packet);
        outcomes.add(new Outcome(run.retval(), run.outputMetadataBytes(), run.outputBytes(), null));
        for (Ours side : ours) {
            outcomes.add(side.run(packet, metadataBytes));
        }
        return outcomes;
    }

    @Override
    public void close() {
        if (testRun != null) {
            testRun.close();
        }
        if (program != null) {
            program.close();
        }
        kernelMaps.forEach(KernelMap::close);
        ours.forEach(Ours::close);
        arena.close();
        pin.close();
    }
}
