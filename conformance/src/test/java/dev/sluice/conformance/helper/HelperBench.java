package dev.sluice.conformance.helper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.btf.BtfBuilder;
import dev.sluice.btf.BtfType;
import dev.sluice.conformance.TestEngines;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Assembler;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Pseudo;
import dev.sluice.isa.Symbols;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.KernelBtf;
import dev.sluice.kernel.KernelLoader;
import dev.sluice.kernel.KernelMap;
import dev.sluice.kernel.KernelProgram;
import dev.sluice.kernel.LoadResult;
import dev.sluice.kernel.MapAttributes;
import dev.sluice.kernel.ProgramAttributes;
import dev.sluice.kernel.TestRun;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapDef;
import dev.sluice.map.MapTable;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs the same program on the same packet on every engine and, where permitted, in the kernel, and holds the results to
 * each other. Programs are assembly: {@code r1 = map[fd:N]} is the N-th map, {@code r2 = subprog[N]} the address of the
 * N-th function behind the main one (1 for the first), helpers are called by name. One thread.
 */
final class HelperBench implements AutoCloseable {
    static final int CPUS = 2;
    private static final int PROGRAM_TYPE_XDP = 6;
    private static final int FRAME_BYTES = 4096;
    private static final int HEADROOM = 256;

    /** The helpers' names. */
    private static final Symbols NAMES = new Symbols() {
        @Override
        public String helperName(int number) {
            return "helper" + number;
        }

        @Override
        public int helperNumber(String name) {
            for (Helper helper : Helper.values()) {
                if (helper.cname().equals(name)) {
                    return helper.number();
                }
            }
            return 0;
        }

        @Override
        public int kfuncNumber(String name) {
            return Kfunc.numberOf(name);
        }
    };

    /** What came out, of every side alike. */
    record Result(int returned, byte[] packet) {
        /** Eight bytes of the packet as a number. */
        long number(int offset) {
            return ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN).getLong(offset);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Result(int r, byte[] p) && r == returned && Arrays.equals(p, packet);
        }

        @Override
        public int hashCode() {
            return returned;
        }

        @Override
        public String toString() {
            return returned + " " + HexFormat.of().formatHex(packet);
        }
    }

    /** An engine with maps of its own. */
    static final class Side implements AutoCloseable {
        final Engine engine;
        final MapTable table = new MapTable();
        final Regions regions = new Regions();
        final Maps factory = new Maps(table, regions, CPUS, 1);
        final List<BpfMap> maps = new ArrayList<>();
        final List<String> trace = new ArrayList<>();
        final RunContext context = new RunContext(table, regions, System::nanoTime, 1);
        private final Arena arena = Arena.ofShared();
        private final long frame = Memory.allocate(arena, FRAME_BYTES, 64);
        private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);
        private int programs;
        private @Nullable ProgramFault fault;

        Side(Engine engine) {
            this.engine = engine;
            context.instructionLimit = 100_000_000;
            context.trace = (from, line) -> trace.add(line);
        }

        Result run(Code code, byte[] packet) {
            Executable program = engine.load(Program.ofCode("test", code), ++programs);
            long data = frame + HEADROOM;
            Memory.fill(frame, FRAME_BYTES, (byte) 0);
            Memory.copy(packet, 0, data, packet.length);
            Memory.putLong(descriptor + FrameDescriptor.DATA, data);
            Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
            Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + packet.length);
            Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
            Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
            Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, 0);
            Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
            Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME_BYTES);
            fault = null;
            program.run(context, descriptor, 1, (index, found) -> fault = found);
            ProgramFault found = fault;
            if (found != null) {
                throw found;
            }
            long start = Memory.getLong(descriptor + FrameDescriptor.DATA_META);
            long end = Memory.getLong(descriptor + FrameDescriptor.DATA_END);
            return new Result(
                    Memory.getInt(descriptor + FrameDescriptor.ACTION), Memory.bytes(start, (int) (end - start)));
        }

        @Override
        public void close() {
            maps.forEach(BpfMap::close);
            context.close();
            arena.close();
        }
    }

    final List<Side> sides = new ArrayList<>();

    /** Null where {@code bpf(2)} is not permitted. */
    final @Nullable Kernel kernel;

    final List<KernelMap> kernelMaps = new ArrayList<>();

    HelperBench() {
        this(true);
    }

    /** @param withKernel whether to ask the kernel, where it can be asked */
    HelperBench(boolean withKernel) {
        for (Engine engine : TestEngines.all()) {
            sides.add(new Side(engine));
        }
        kernel = withKernel && Kernel.open() instanceof KernelAccess.Available(Kernel available) ? available : null;
    }

    /** Does something with every engine's context: routes, sockets. */
    HelperBench with(Consumer<RunContext> setUp) {
        sides.forEach(side -> setUp.accept(side.context));
        return this;
    }

    /** Adds a map on every side; its number is the count of those before. */
    HelperBench map(MapDef def) {
        return map(def, null);
    }

    /** The same with the types of its value, which special fields need. */
    HelperBench map(MapDef def, @Nullable List<BtfType.Member> members, BtfBuilder... types) {
        for (Side side : sides) {
            side.maps.add(side.factory.create(def));
        }
        if (kernel != null) {
            MapAttributes attributes = MapAttributes.of(
                            def.type().number(), def.keySize(), def.valueSize(), def.maxEntries())
                    .withFlags(def.flags());
            if (members == null) {
                kernelMaps.add(kernel.createMap(attributes));
            } else {
                BtfBuilder builder = types[0];
                int key = builder.integer("int", 4, true);
                int value = builder.struct("value", def.valueSize(), members);
                try (KernelBtf btf = kernel.loadBtf(builder.build().bytes())) {
                    kernelMaps.add(kernel.createMap(attributes.withBtf(btf, key, value)));
                }
            }
        }
        return this;
    }

    /** Sets an entry on every side. */
    HelperBench put(int map, byte[] key, byte[] value) {
        sides.forEach(side -> side.maps.get(map).put(key, value, BpfMap.ANY));
        if (kernel != null) {
            kernelMaps.get(map).update(key, value);
        }
        return this;
    }

    /** Runs something that has the context in r9 and leaves 24 bytes of results in r6 to r8; they are in front of the packet then. */
    Result runAndStore(byte[] packet, String body, String... functions) {
        return run(packet, "r9 = r1\nr6 = 0\nr7 = 0\nr8 = 0\n" + body + """
                *(u64 *)(r10 - 256) = r6
                *(u64 *)(r10 - 248) = r7
                *(u64 *)(r10 - 240) = r8
                r1 = r9
                r2 = 0
                r3 = r10
                r3 += -256
                r4 = 24
                call bpf_xdp_store_bytes
                r0 = 2
                exit
                """, functions);
    }

    /** Runs everywhere and gives what all agree on. */
    Result run(byte[] packet, String main, String... functions) {
        List<Result> results = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (Side side : sides) {
            Code code = link(main, functions, new Numbers() {
                @Override
                public long map(int index) {
                    return side.maps.get(index).handle();
                }

                @Override
                public long value(int index, int offset) {
                    return side.maps.get(index).valueAddress() + offset;
                }
            });
            results.add(side.run(code, packet));
            names.add(side.engine.name());
        }
        if (kernel != null) {
            results.add(runInKernel(packet, main, functions));
            names.add("kernel");
        }
        Result first = results.getFirst();
        for (int i = 1; i < results.size(); i++) {
            assertThat(results.get(i))
                    .as("%s, first %s", names.get(i), names.getFirst())
                    .isEqualTo(first);
        }
        return first;
    }

    private interface Numbers {
        long map(int index);

        /** What stands for an address in the map's first value. */
        default long value(int index, int offset) {
            return map(index) | (long) offset << 32;
        }

        /** What stands for a kernel function by its number here. */
        default int kfunc(int number) {
            return number;
        }
    }

    private Result runInKernel(byte[] packet, String main, String... functions) {
        Kernel open = kernel;
        if (open == null) {
            throw new AssertionError();
        }
        Code code = link(main, functions, new Numbers() {
            @Override
            public long map(int index) {
                return kernelMaps.get(index).fd();
            }

            @Override
            public int kfunc(int number) {
                return KernelLoader.kernelFunction(Kfunc.nameOf(number));
            }
        });
        ProgramAttributes attributes = ProgramAttributes.of(PROGRAM_TYPE_XDP, code.toBytes());
        BtfBuilder builder = new BtfBuilder();
        int integer = builder.integer("int", 4, true);
        int prototype = builder.functionPrototype(integer, List.of());
        ByteBuffer info = ByteBuffer.allocate(8 * (1 + functions.length)).order(ByteOrder.LITTLE_ENDIAN);
        info.putInt(0).putInt(builder.function("main", prototype, 1));
        int start = Assembler.assemble(main, NAMES).size();
        for (int i = 0; i < functions.length; i++) {
            info.putInt(start).putInt(builder.function("function" + i, prototype, 0));
            start += Assembler.assemble(functions[i], NAMES).size();
        }
        try (KernelBtf btf = open.loadBtf(builder.build().bytes())) {
            LoadResult result = open.load(attributes.withBtf(btf, info.array(), 8, new byte[0], 16));
            if (result instanceof LoadResult.Rejected rejected) {
                throw new AssertionError(
                        "the kernel refuses the test's program: " + rejected.errnoName() + "\n" + rejected.log());
            }
            try (KernelProgram program = ((LoadResult.Loaded) result).program();
                    TestRun run = program.testRun()) {
                run.run(packet);
                return new Result(run.retval(), run.outputBytes());
            }
        }
    }

    private static Code link(String main, String[] functions, Numbers maps) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(Assembler.assemble(main, NAMES).toBytes());
        int[] starts = new int[functions.length + 1];
        for (int i = 0; i < functions.length; i++) {
            starts[i + 1] = bytes.size() / 8;
            bytes.writeBytes(Assembler.assemble(functions[i], NAMES).toBytes());
        }
        Code code = Code.decode(bytes.toByteArray());
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.form() == Form.CALL_KFUNC) {
                code = code.with(slot, insn.withImm(maps.kfunc(insn.imm32())));
            }
            if (insn != null && insn.form() == Form.LDDW) {
                if (insn.pseudo() == Pseudo.MAP_FD) {
                    code = code.with(slot, insn.withImm(maps.map((int) insn.imm())));
                } else if (insn.pseudo() == Pseudo.MAP_VALUE) {
                    code = code.with(slot, insn.withImm(maps.value((int) insn.imm(), (int) (insn.imm() >>> 32))));
                } else if (insn.pseudo() == Pseudo.FUNC) {
                    code = code.with(slot, insn.withImm(starts[(int) insn.imm()] - slot - 1));
                }
            }
        }
        return code;
    }

    @Override
    public void close() {
        sides.forEach(Side::close);
        kernelMaps.forEach(KernelMap::close);
    }
}
