package dev.sluice.conformance.isa;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.jit.JitEngine;
import dev.sluice.map.MapType;
import dev.sluice.memory.Memory;
import dev.sluice.object.FunctionSpec.CodeReference;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.measure.EngineRepeater;
import dev.sluice.packet.measure.PacketSet;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordingStream;

/**
 * Runs a large program until HotSpot has compiled all of its methods with C2, or has said that it will not. In a JVM of its own:
 * {@code LargePrograms ENGINE KIND INSTRUCTIONS} prints a line for each generated method, its name, bytes, and {@code compiled} or
 * why it is not, separated by tabs.
 */
final class LargePrograms {
    /** What instructions a program consists of. */
    enum Kind {
        ARITHMETIC,
        NARROW,
        DIVISIONS,
        PACKET,
        STACK,
        BRANCHES,
        ATOMICS,
        ARRAYS,
        HASHES,
        HELPERS,
        /** All of them in turn. */
        ALL
    }

    private static final int C2_LEVEL = 4;
    private static final int FRAME = 256;
    private static final int PACKETS = 32;
    private static final int REPEAT = 64;

    /** Nobody waits so long who finds out anything. */
    private static final long MOST_NANOS = TimeUnit.MINUTES.toNanos(20);

    private static final int DATA = 6;
    private static final int SUM = 7;
    private static final int MIX = 8;
    private static final int HELPER_LOOKUP = 1;
    private static final int HELPER_RANDOM = 7;

    private final Random random = new Random(1);
    private final List<Instruction> insns = new ArrayList<>();
    private final List<CodeReference> references = new ArrayList<>();
    private int slots;

    private LargePrograms() {}

    /** An object of one program. */
    static ObjectSpec of(Kind kind, int size) {
        LargePrograms made = new LargePrograms();
        made.fill(kind, size);
        return ObjectSpec.of(
                "large_" + kind.name().toLowerCase(Locale.ROOT),
                made.insns,
                made.references,
                List.of(map("numbers", MapType.ARRAY, Integer.BYTES), map("keys", MapType.HASH, 2 * Long.BYTES)));
    }

    private static MapSpec map(String name, MapType type, int keyBytes) {
        return MapSpec.of(name, type.number(), keyBytes, Long.BYTES, 64, 0, 0, 0, 0);
    }

    private void add(Opcode opcode, int dst, int src, int off, long imm) {
        Instruction insn = new Instruction(opcode, dst, src, off, imm);
        insns.add(insn);
        slots += insn.slots();
    }

    private void fill(Kind kind, int size) {
        add(Opcode.LDX_W, DATA, 1, 0, 0);
        add(Opcode.LDX_W, 2, 1, 4, 0);
        add(Opcode.MOV64_X, 3, DATA, 0, 0);
        add(Opcode.ADD64_K, 3, 0, 0, FRAME);
        add(Opcode.JLE_X, 3, 2, 2, 0);
        add(Opcode.MOV64_K, 0, 0, 0, 1);
        add(Opcode.EXIT, 0, 0, 0, 0);
        add(Opcode.LDX_DW, SUM, DATA, 0, 0);
        add(Opcode.LDX_DW, MIX, DATA, 8, 0);
        for (int at = -64; at < 0; at += 8) {
            add(Opcode.STX_DW, 10, SUM, at, 0);
        }
        Kind[] kinds = Kind.values();
        for (int i = 0; slots < size - 20; i++) {
            unit(kind == Kind.ALL ? kinds[i % (kinds.length - 1)] : kind);
        }
        add(Opcode.MOV64_X, 0, SUM, 0, 0);
        add(Opcode.AND64_K, 0, 0, 0, 3);
        add(Opcode.EXIT, 0, 0, 0, 0);
    }

    private void unit(Kind kind) {
        switch (kind) {
            case ARITHMETIC -> {
                Opcode[] ops = {Opcode.ADD64_X, Opcode.XOR64_X, Opcode.SUB64_X, Opcode.MUL64_X, Opcode.OR64_X};
                add(ops[random.nextInt(ops.length)], SUM, MIX, 0, 0);
                add(Opcode.MUL64_K, MIX, 0, 0, random.nextInt());
                add(Opcode.BE64, MIX, 0, 0, 64);
            }
            case NARROW -> {
                Opcode[] ops = {Opcode.ADD32_X, Opcode.XOR32_X, Opcode.SUB32_X, Opcode.MUL32_X, Opcode.AND32_X};
                add(ops[random.nextInt(ops.length)], SUM, MIX, 0, 0);
                add(Opcode.XOR32_K, MIX, 0, 0, random.nextInt());
                add(Opcode.ARSH32_K, MIX, 0, 0, 1 + random.nextInt(3));
            }
            case DIVISIONS -> {
                add(random.nextBoolean() ? Opcode.DIV64_X : Opcode.MOD64_X, SUM, MIX, 0, 0);
                add(random.nextBoolean() ? Opcode.DIV32_X : Opcode.MOD32_X, MIX, SUM, 0, 0);
                add(Opcode.LDX_DW, SUM, DATA, random.nextInt(FRAME - 7), 0);
                add(Opcode.LDX_W, MIX, DATA, random.nextInt(FRAME - 7), 0);
            }
            case PACKET -> {
                Opcode[] loads = {Opcode.LDX_B, Opcode.LDX_H, Opcode.LDX_W, Opcode.LDX_DW};
                Opcode[] stores = {Opcode.STX_B, Opcode.STX_H, Opcode.STX_W, Opcode.STX_DW};
                add(loads[random.nextInt(4)], MIX, DATA, random.nextInt(FRAME - 7), 0);
                add(Opcode.ADD64_X, SUM, MIX, 0, 0);
                add(stores[random.nextInt(4)], DATA, SUM, random.nextInt(FRAME - 7), 0);
            }
            case STACK -> {
                add(Opcode.STX_DW, 10, SUM, -8 * (1 + random.nextInt(8)), 0);
                add(Opcode.LDX_DW, MIX, 10, -8 * (1 + random.nextInt(8)), 0);
                add(Opcode.ADD64_X, SUM, MIX, 0, 0);
            }
            case BRANCHES -> {
                Opcode[] ops = {Opcode.JSET32_K, Opcode.JGT_K, Opcode.JSLT32_K, Opcode.JGE32_K};
                add(Opcode.LDX_W, MIX, DATA, random.nextInt(FRAME - 7), 0); // forgotten behind the branch
                add(ops[random.nextInt(ops.length)], MIX, 0, 1, 1 << random.nextInt(31));
                add(Opcode.ADD64_K, SUM, 0, 0, random.nextInt());
            }
            case ATOMICS -> {
                int at = -8 * (1 + random.nextInt(8));
                if (random.nextBoolean()) {
                    add(Opcode.ATOMIC_FETCH_ADD64, 10, SUM, at, 1);
                } else {
                    add(Opcode.ATOMIC_ADD64, 10, SUM, at, 0);
                }
                add(Opcode.ATOMIC_XCHG32, 10, MIX, -8 * (1 + random.nextInt(8)), 0xe1);
            }
            case ARRAYS -> lookUp(0, Integer.BYTES);
            case HASHES -> lookUp(1, 2 * Long.BYTES);
            case HELPERS -> {
                add(Opcode.CALL, 0, 0, 0, HELPER_RANDOM);
                add(Opcode.ADD64_X, SUM, 0, 0, 0);
            }
            case ALL -> throw new AssertionError("not a unit");
        }
    }

    private void lookUp(int map, int keyBytes) {
        add(Opcode.MOV64_X, 1, SUM, 0, 0);
        add(Opcode.AND64_K, 1, 0, 0, 127); // half of them are there
        for (int at = -keyBytes; at < 0; at += 4) {
            add(Opcode.STX_W, 10, 1, at, 0);
        }
        add(Opcode.MOV64_X, 2, 10, 0, 0);
        add(Opcode.ADD64_K, 2, 0, 0, -keyBytes);
        references.add(new CodeReference.ToMap(slots, map));
        add(Opcode.LDDW, 1, 1, 0, 0);
        add(Opcode.CALL, 0, 0, 0, HELPER_LOOKUP);
        add(Opcode.JEQ_K, 0, 0, 4, 0);
        add(Opcode.LDX_DW, 1, 0, 0, 0);
        add(Opcode.ADD64_X, SUM, 1, 0, 0);
        add(Opcode.ADD64_K, 1, 0, 0, 1);
        add(Opcode.STX_DW, 0, 1, 0, 0);
    }

    /** Runs the program until all of its methods have been compiled, or refused. */
    private static Map<String, String> compile(Engine engine, ObjectSpec spec) throws InterruptedException {
        Map<String, String> outcomes = new ConcurrentHashMap<>();
        Map<Integer, String> failures = new ConcurrentHashMap<>();
        try (RecordingStream stream = new RecordingStream();
                XdpRuntime runtime = new XdpRuntime(engine, 1, 0);
                RunContext context = runtime.newContext(System::nanoTime, 0);
                PacketSet packets = packets()) {
            stream.setOrdered(true);
            stream.enable("jdk.Compilation").withThreshold(Duration.ZERO);
            stream.enable("jdk.CompilationFailure");
            stream.onEvent(
                    "jdk.CompilationFailure",
                    event -> failures.put(event.getInt("compileId"), event.getString("failureMessage")));
            stream.onEvent("jdk.Compilation", event -> {
                RecordedMethod method = event.getValue("method");
                if (method != null && event.getShort("compileLevel") == C2_LEVEL) {
                    boolean done = event.getBoolean("succeded"); // the event's field is spelt so
                    outcomes.put(
                            method.getType().getName() + "." + method.getName(),
                            done ? "compiled" : failures.getOrDefault(event.getInt("compileId"), "failed"));
                }
            });
            stream.startAsync();
            LoadedObject object = runtime.load(spec, spec.xdpPrograms());
            Executable executable = object.programs().getFirst().executable();
            if (!executable.engine().equals(engine.name())) {
                throw new AssertionError("expected " + engine.name() + ", found " + executable.engine());
            }
            Map<String, Integer> methods = new LinkedHashMap<>();
            JitEngine.listing(executable, runtime.maps(), runtime.regions()).methods().stream()
                    .filter(method ->
                            method.name().equals("run") || method.name().contains("_part"))
                    .filter(method -> !method.name().contains("_resume")) // small, and inlined into each other
                    .forEach(method -> methods.put(method.owner() + "." + method.name(), method.bytes()));
            long start = System.nanoTime();
            try (EngineRepeater repeater = new EngineRepeater(executable, context)) {
                while (!outcomes.keySet().containsAll(methods.keySet()) && System.nanoTime() - start < MOST_NANOS) {
                    for (int i = 0; i < packets.size(); i++) {
                        repeater.run(packets.address(i), packets.length(i), REPEAT);
                    }
                }
            }
            Map<String, String> lines = new LinkedHashMap<>();
            methods.forEach((name, bytes) -> lines.put(name, bytes + "\t" + outcomes.getOrDefault(name, "not tried")));
            return lines;
        }
    }

    private static PacketSet packets() {
        PacketSet set = new PacketSet();
        Random random = new Random(2);
        try (Arena arena = Arena.ofConfined()) {
            long address = Memory.allocate(arena, FRAME, 8);
            byte[] bytes = new byte[FRAME];
            for (int i = 0; i < PACKETS; i++) {
                random.nextBytes(bytes);
                Memory.copy(bytes, 0, address, FRAME);
                set.add(address, FRAME);
            }
        }
        return set;
    }

    /** Runs in a JVM of its own. */
    public static void main(String[] args) throws InterruptedException {
        Engine engine = Arrays.stream(new Engine[] {Engines.jit(), Engines.jitChecked()})
                .filter(each -> each.name().equals(args[0]))
                .findFirst()
                .orElseThrow();
        compile(engine, of(Kind.valueOf(args[1]), Integer.parseInt(args[2])))
                .forEach((name, outcome) -> System.out.println(name + "\t" + outcome));
    }
}
