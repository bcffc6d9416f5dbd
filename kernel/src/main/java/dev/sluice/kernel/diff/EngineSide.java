package dev.sluice.kernel.diff;

import dev.sluice.LoadException;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.exec.Engine;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.Links;
import dev.sluice.helper.RunContext;
import dev.sluice.kernel.TestRun;
import dev.sluice.map.MapException;
import dev.sluice.memory.Fragments;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.lang.foreign.Arena;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An engine with a runtime and maps of its own, and one frame like that of the kernel's test run: a page, and pages for
 * fragments behind it. */
final class EngineSide implements AutoCloseable {
    private static final int FRAME_BYTES = Fragments.PAGE_BYTES + TestRun.MAX_DATA_BYTES;

    /** What a test run says where nothing else is said: the loopback. */
    private static final int INGRESS_IFINDEX = 1;

    private static final int CPU = 0;
    private static final long INSTRUCTION_LIMIT = 1_000_000_000;
    private static final long SMALL = 1 << 20;

    private final Arena arena = Arena.ofConfined();
    private final long frame = Memory.allocate(arena, FRAME_BYTES, Fragments.PAGE_BYTES);
    private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, FrameDescriptor.BYTES);
    private final XdpRuntime runtime;
    private final LoadedObject object;
    private final LoadedProgram program;
    private final RunContext context;
    private @Nullable StepRecorder recorder;
    private final Events events;
    private List<String> taken = List.of();
    private @Nullable ProgramFault fault;

    /** @param target the kernel's types, where the object wants to know them */
    EngineSide(Engine engine, ObjectSpec spec, ProgramSpec chosen, @Nullable Btf target, int cpus, long seed) {
        runtime = new XdpRuntime(engine, cpus, seed);
        try {
            object = runtime.load(spec, List.of(chosen), target);
        } catch (ObjectException | LoadException | MapException e) {
            runtime.close();
            arena.close();
            throw new NotComparableException("sluice does not take it: " + e.getMessage());
        }
        program = object.program(chosen.name()).orElseThrow();
        runtime.network()
                .set(
                        machineLinks(),
                        runtime.network().routes(),
                        runtime.network().neighbours());
        // the machine's monotonic clock, as the kernel's programs see it
        context = runtime.newContext(System::nanoTime, CPU);
        context.instructionLimit = INSTRUCTION_LIMIT;
        events = Events.ofEngine(object, cpus);
    }

    /** The interfaces whose MTU the kernel's programs can ask for: a test run's packets come in on the first, lo. */
    private static Links machineLinks() {
        List<Links.Link> links = new ArrayList<>();
        try {
            for (NetworkInterface each : Collections.list(NetworkInterface.getNetworkInterfaces())) {
                try {
                    links.add(new Links.Link(each.getIndex(), each.getName(), 0, each.getMTU(), false));
                } catch (SocketException e) {
                    continue; // gone since it was listed
                }
            }
        } catch (SocketException e) {
            throw new NotComparableException("cannot list the machine's interfaces: " + e.getMessage());
        }
        return Links.of(links);
    }

    /** From now on the interpreter's steps go to that recorder. */
    void record(StepRecorder steps) {
        recorder = steps;
        context.steps = steps;
    }

    String engine() {
        return runtime.engine().name();
    }

    LoadedObject object() {
        return object;
    }

    LoadedProgram program() {
        return program;
    }

    /** Runs the program on a copy of a packet, {@code length} bytes. */
    void run(long packet, int length) {
        long data = frame + Fragments.HEADROOM;
        // programs can grow into the headroom and tailroom, which are zero in the kernel too
        Memory.fill(frame, Fragments.PAGE_BYTES, (byte) 0);
        Memory.copy(packet, data, length);
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + length);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.RX_QUEUE, CPU);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, INGRESS_IFINDEX);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME_BYTES);
        Fragments.split(descriptor);
        fault = null;
        if (recorder != null) {
            recorder.begin();
        }
        program.executable().run(context, descriptor, 1, (index, thrown) -> fault = thrown);
        Fragments.join(descriptor);
        taken = events.take();
    }

    @Nullable
    ProgramFault fault() {
        return fault;
    }

    /** What the program told user space. */
    List<String> events() {
        return taken;
    }

    int action() {
        return Memory.getInt(descriptor + FrameDescriptor.ACTION);
    }

    /** Address of the first byte of metadata or packet. */
    long output() {
        return Memory.getLong(descriptor + FrameDescriptor.DATA_META);
    }

    int outputLength() {
        return (int) (Memory.getLong(descriptor + FrameDescriptor.DATA_END) - output());
    }

    int metadataBytes() {
        return (int) (Memory.getLong(descriptor + FrameDescriptor.DATA) - output());
    }

    Outcome outcome() {
        return new Outcome(
                action(),
                metadataBytes(),
                Memory.bytes(output(), outputLength()),
                fault == null ? null : fault.getMessage(),
                taken);
    }

    /** A register's value for a person: where it points to, if to something of this run. */
    String show(long value) {
        long data = frame + Fragments.HEADROOM;
        if (value >= frame && value <= frame + Fragments.PAGE_BYTES) {
            return "pkt" + signed(value - data);
        }
        if (value > context.stacks && value <= context.stackTop) {
            long below = context.stackTop - value;
            long depth = below / RunContext.STACK_BYTES;
            return "fp" + (depth == 0 ? "" : "[" + depth + "]") + signed(-(below % RunContext.STACK_BYTES));
        }
        if (value == context.xdpMd) {
            return "ctx";
        }
        for (LoadedMap map : object.maps()) {
            if (value == map.map().handle()) {
                return "map[" + map.name() + "]";
            }
        }
        return Math.abs(value) < SMALL ? Long.toString(value) : "0x" + Long.toHexString(value);
    }

    private static String signed(long number) {
        return number == 0 ? "" : number < 0 ? Long.toString(number) : "+" + number;
    }

    @Override
    public void close() {
        events.close();
        context.close();
        runtime.close();
        arena.close();
    }
}
