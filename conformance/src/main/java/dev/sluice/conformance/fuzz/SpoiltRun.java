package dev.sluice.conformance.fuzz;

import dev.sluice.Engines;
import dev.sluice.exec.Engine;
import dev.sluice.exec.Executable;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Code;
import dev.sluice.isa.Disassembler;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.MalformedCodeException;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Symbols;
import dev.sluice.isa.Syntax;
import dev.sluice.jit.JitEngine;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapTable;
import dev.sluice.map.Maps;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Programs that no verifier takes: valid ones of which some instructions were changed, so that bounds are compared with too
 * much, masks are gone, and pointers are out of place, and as many {@link PointerPrograms}. The engines that check must find
 * the same fault at the same place, or none, and leave the same memory. One context, one frame and the same maps for all of
 * them, as such programs make data of addresses.
 */
final class SpoiltRun implements AutoCloseable {
    private static final int FRAME_BYTES = 4096;
    private static final int HEADROOM = 256;
    private static final int INPUTS = 4;
    private static final int CUT_BYTES = 600;
    private static final int SHORTEST = 8;
    private static final int SHORT_STEP = 3;
    private static final int MOST_CHANGES = 4;

    /** A loop that has lost its end. */
    private static final long LIMIT = 50_000;

    private static final List<Engine> ENGINES = List.of(
            Engines.interpreter(), Engines.jitChecked(), JitEngine.checked().withMethodBytes(CUT_BYTES));

    private final Arena arena = Arena.ofConfined();
    private final MapTable maps = new MapTable();
    private final Regions regions = new Regions();
    private final BpfMap array = Maps.create(TestBed.ARRAY_DEF, maps, regions, 1, 1);
    private final BpfMap hash = Maps.create(TestBed.HASH_DEF, maps, regions, 1, 1);
    private final RunContext context = new RunContext(maps, regions, () -> 12345, 1);
    private final long frame = Memory.allocate(arena, FRAME_BYTES, 64);
    private final long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, 64);

    /** What can be seen of a run. */
    private record Outcome(String result, byte[] frame, byte[] value, boolean limit) {
        @Nullable
        String differenceTo(Outcome other) {
            if (!result.equals(other.result)) {
                return result + " and " + other.result;
            }
            int at = Arrays.mismatch(frame, other.frame);
            if (at >= 0) {
                return result + ", byte " + (at - HEADROOM) + " of the packet: " + frame[at] + " and "
                        + other.frame[at];
            }
            at = Arrays.mismatch(value, other.value);
            return at < 0 ? null : result + ", byte " + at + " of the array: " + value[at] + " and " + other.value[at];
        }
    }

    /** How many programs there were of a kind. */
    record Tally(long programs, long faulted, long different) {}

    SpoiltRun() {
        context.instructionLimit = LIMIT;
    }

    @Override
    public void close() {
        context.close();
        array.close();
        hash.close();
        arena.close();
    }

    /**
     * Runs spoilt programs.
     *
     * @param until {@link System#nanoTime} at which no further one begins
     * @param stopAfter differences after which to stop
     * @param out takes what is found
     */
    Tally run(long firstSeed, long count, long until, int stopAfter, Consumer<String> out) {
        long faulted = 0;
        long different = 0;
        long programs = 0;
        while (programs < count && different < stopAfter && System.nanoTime() < until) {
            long seed = firstSeed + programs++;
            Code code = seed % 2 == 0
                    ? PointerPrograms.generate(seed)
                    : spoil(ProgramGenerator.generate(seed), new Random(seed));
            boolean[] faults = new boolean[1];
            String difference = compare(code, seed, faults);
            faulted += faults[0] ? 1 : 0;
            if (difference != null) {
                different++;
                out.accept("// spoilt seed " + seed + ": " + difference + "\n"
                        + new Disassembler(Syntax.CLANG, Symbols.NONE).text(code));
            }
        }
        return new Tally(programs, faulted, different);
    }

    /** What differs, or null. */
    private @Nullable String compare(Code code, long seed, boolean[] faults) {
        Program program = Program.ofCode("spoilt", Side.withMaps(code, array.handle(), hash.handle()));
        List<Executable> executables = new ArrayList<>();
        try {
            ENGINES.forEach(engine -> executables.add(engine.load(program, 1)));
        } catch (MalformedCodeException e) {
            return null; // a jump to nowhere
        }
        Inputs inputs = Inputs.of(seed, INPUTS);
        List<byte[]> packets = new ArrayList<>(inputs.packets());
        for (int length = SHORTEST;
                length <= TestBed.PACKET_BYTES;
                length += SHORT_STEP) { // whatever a program compares with
            packets.add(Arrays.copyOf(packets.get(length % INPUTS), length));
        }
        for (byte[] packet : packets) {
            Outcome expected = run(executables.getFirst(), packet, inputs.value());
            faults[0] |= !expected.result.startsWith("returned");
            for (int i = 1; i < executables.size(); i++) {
                Outcome found = run(executables.get(i), packet, inputs.value());
                if (expected.limit || found.limit) {
                    if (expected.limit != found.limit) {
                        return "the limit of instructions: " + expected.result + " and " + found.result;
                    }
                    continue; // compiled code stops where the block begins
                }
                String difference = expected.differenceTo(found);
                if (difference != null) {
                    return "interpreter and " + (i == 1 ? "jit-checked: " : "jit-checked in small methods: ")
                            + difference;
                }
            }
        }
        return null;
    }

    private Outcome run(Executable executable, byte[] packet, byte[] value) {
        long data = frame + HEADROOM;
        Memory.fill(frame, FRAME_BYTES, (byte) 0);
        Memory.copy(packet, 0, data, packet.length);
        Memory.fill(descriptor, FrameDescriptor.BYTES, (byte) 0);
        Memory.putLong(descriptor + FrameDescriptor.DATA, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_META, data);
        Memory.putLong(descriptor + FrameDescriptor.DATA_END, data + packet.length);
        Memory.putLong(descriptor + FrameDescriptor.HARD_START, frame);
        Memory.putLong(descriptor + FrameDescriptor.TIMESTAMP, FrameDescriptor.NO_TIMESTAMP);
        Memory.putInt(descriptor + FrameDescriptor.INGRESS_IFINDEX, 1);
        Memory.putInt(descriptor + FrameDescriptor.FRAME_SIZE, FRAME_BYTES);
        array.put(new byte[4], value, BpfMap.ANY);
        hash.keys().forEach(hash::remove);
        context.seed(7);
        ProgramFault[] fault = new ProgramFault[1];
        executable.run(context, descriptor, 1, (index, found) -> fault[0] = found);
        ProgramFault found = fault[0];
        String result = found == null
                ? "returned 0x%x, packet from %d to %d"
                        .formatted(
                                Memory.getInt(descriptor + FrameDescriptor.ACTION),
                                Memory.getLong(descriptor + FrameDescriptor.DATA) - data,
                                Memory.getLong(descriptor + FrameDescriptor.DATA_END) - data)
                : found.kind() + " " + found.getMessage();
        return new Outcome(
                result,
                Memory.bytes(frame, FRAME_BYTES),
                array.get(new byte[4]),
                found != null && found.kind() == ProgramFault.Kind.INSTRUCTION_LIMIT);
    }

    // --- spoiling

    private static Code spoil(Code code, Random random) {
        Code spoilt = code;
        for (int changes = 1 + random.nextInt(MOST_CHANGES); changes > 0; changes--) {
            int slot = random.nextInt(code.size());
            Instruction insn = spoilt.at(slot);
            if (insn != null) {
                spoilt = spoilt.with(slot, change(insn, random));
            }
        }
        return spoilt;
    }

    /** Another instruction of as many slots, or the same. */
    private static Instruction change(Instruction insn, Random random) {
        Opcode opcode = insn.opcode();
        return switch (random.nextInt(6)) {
            case 0 -> {
                boolean hasImm = insn.form() == Form.ALU_K || insn.form() == Form.JMP_K || insn.form() == Form.ST;
                yield hasImm ? insn.withImm((int) near(insn.imm(), random)) : insn;
            }
            case 1 -> {
                boolean hasOffset = switch (insn.form()) {
                    case LDX, LDXSX, ST, STX, ATOMIC, LOAD_ACQ, STORE_REL -> true;
                    default -> false;
                };
                yield hasOffset
                        ? new Instruction(opcode, insn.dst(), insn.src(), (short) near(insn.off(), random), insn.imm())
                        : insn;
            }
            case 2 -> {
                boolean same = insn.form() == Form.JMP_K || insn.form() == Form.JMP_X;
                yield same ? with(other(opcode, random), insn) : insn;
            }
            case 3 -> {
                boolean same = switch (insn.form()) {
                    case LDX, LDXSX, ST, STX -> true;
                    case ALU_K, ALU_X -> insn.off() == 0;
                    default -> false;
                };
                Opcode other = same ? other(opcode, random) : opcode;
                yield other.form() == insn.form() && fixedOffset(other) == 0 ? with(other, insn) : insn;
            }
            case 4 -> {
                boolean writes = insn.form() == Form.ALU_K
                        || insn.form() == Form.ALU_X
                        || insn.form() == Form.LDX
                        || insn.form() == Form.STX;
                yield writes
                        ? new Instruction(
                                opcode,
                                random.nextBoolean() ? insn.dst() : random.nextInt(Instruction.FP),
                                insn.form() == Form.ALU_K ? 0 : random.nextInt(Instruction.FP + 1),
                                insn.off(),
                                insn.imm())
                        : insn;
            }
            default -> // gone
                insn.slots() == 1 && insn.form() != Form.EXIT && !insn.form().isJump()
                        ? new Instruction(Opcode.MOV64_X, 9, 9, 0, 0)
                        : insn;
        };
    }

    private static int fixedOffset(Opcode opcode) {
        return opcode.form() == Form.ALU_K || opcode.form() == Form.ALU_X ? opcode.fixedOffset() : 0;
    }

    private static Instruction with(Opcode opcode, Instruction insn) {
        return new Instruction(opcode, insn.dst(), insn.src(), insn.off(), insn.imm());
    }

    /** Another row of the same form. */
    private static Opcode other(Opcode opcode, Random random) {
        List<Opcode> rows = Arrays.stream(Opcode.values())
                .filter(row -> row.form() == opcode.form())
                .toList();
        return rows.get(random.nextInt(rows.size()));
    }

    /** A number at a small distance, twice or half as large, or any. */
    private static long near(long number, Random random) {
        return switch (random.nextInt(6)) {
            case 0 -> number + 1;
            case 1 -> number - 1;
            case 2 -> number + random.nextInt(129) - 64;
            case 3 -> number * 2;
            case 4 -> -number;
            default -> random.nextInt() >> random.nextInt(32);
        };
    }
}
