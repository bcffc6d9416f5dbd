package dev.sluice.packet.measure;

import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.isa.Instruction;
import dev.sluice.memory.FrameDescriptor;
import dev.sluice.memory.Memory;
import dev.sluice.packet.frame.FramePool;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;

/**
 * Packets that take a program to where given ones do not: HotSpot compiles only branches that it has seen taken, and the first
 * packet that takes another one would make it throw the code away.
 *
 * <p>Found as a fuzzer with coverage does: a packet is changed a little (a byte, a bit, a length, or a number that the program
 * itself has in an instruction, in either byte order) and run on the interpreter; if it takes a branch that none before it took,
 * it is kept, and changed further. The same packets and seed give the same variations.
 */
final class Variations {
    /** Packets longer than this keep their tail as it is. */
    private static final int HEADERS = 96;

    /** Bits of a map of ways from one instruction to the next that were taken. */
    private static final int COVERAGE_BITS = 1 << 16;

    /** Longest packet that a change makes. */
    private static final int LONGEST = 512;

    private static final int MOST_KEPT = 512;

    private final PacketSet kept;
    private final Executable interpreted;
    private final RunContext context;
    private final Random random;
    private final long[] coverage = new long[COVERAGE_BITS / Long.SIZE];
    private final int[] numbers;
    private int lastPc;
    private boolean news;

    private Variations(Executable interpreted, RunContext context, long seed) {
        this.interpreted = interpreted;
        this.context = context;
        random = new Random(seed);
        kept = new PacketSet();
        numbers = numbersOf(interpreted);
    }

    /**
     * Finds variations.
     *
     * @param interpreted the program on the interpreter, which shows its steps
     * @param context whose step sink is used meanwhile; maps change as the program changes them
     * @param nanos how long to look for them
     * @param most most packets to try
     */
    static PacketSet find(
            PacketSet packets, Executable interpreted, RunContext context, long seed, long nanos, int most) {
        Variations variations = new Variations(interpreted, context, seed);
        try (Arena arena = Arena.ofConfined()) {
            variations.run(packets, arena, nanos, most);
        } finally {
            context.steps = null;
        }
        return variations.kept;
    }

    /** Numbers of the program's instructions that could be of a packet: what it compares with and masks by. */
    private static int[] numbersOf(Executable program) {
        var code = program.program().code();
        int[] found = new int[code.size()];
        int count = 0;
        for (int slot = 0; slot < code.size(); slot++) {
            Instruction insn = code.at(slot);
            if (insn != null && insn.imm32() != 0 && insn.imm32() != -1) {
                found[count++] = insn.imm32();
            }
        }
        return Arrays.stream(found, 0, count).distinct().toArray();
    }

    private void run(PacketSet packets, Arena arena, long nanos, int most) {
        long frame = Memory.allocate(arena, FramePool.FRAME_SIZE, FramePool.FRAME_SIZE);
        long descriptor = Memory.allocate(arena, FrameDescriptor.BYTES, FrameDescriptor.BYTES);
        long packet = Memory.allocate(arena, PacketSet.MAX_BYTES, 64);
        context.steps = (program, pc, depth, registers) -> step(program, pc);
        long end = System.nanoTime() + nanos;
        for (int i = 0; i < packets.size() && i < MOST_KEPT; i++) {
            Memory.copy(packets.address(i), packet, packets.length(i));
            run(frame, descriptor, packet, packets.length(i));
        }
        int given = packets.size();
        for (int tried = 0; tried < most && kept.size() < MOST_KEPT && System.nanoTime() - end < 0; tried++) {
            boolean further = kept.size() > 0 && random.nextBoolean();
            PacketSet from = further ? kept : packets;
            int chosen = random.nextInt(further ? kept.size() : given);
            int length = from.length(chosen);
            Memory.copy(from.address(chosen), packet, length);
            Memory.fill(packet + length, Math.max(LONGEST - length, 0), (byte) 0);
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                length = change(packet, length);
            }
            if (run(frame, descriptor, packet, length)) {
                kept.add(packet, length);
            }
        }
    }

    /** One change; the length that the packet then has. */
    private int change(long packet, int length) {
        int headers = Math.min(length, HEADERS);
        long at = packet + random.nextInt(headers);
        switch (random.nextInt(6)) {
            case 0 -> Memory.putByte(at, (byte) random.nextInt(256));
            case 1 -> Memory.putByte(at, (byte) (Memory.getByte(at) ^ 1 << random.nextInt(8)));
            case 2 -> {
                return Math.clamp(
                        random.nextBoolean() ? random.nextInt(HEADERS) : length + random.nextInt(-64, 65),
                        PacketSet.MIN_BYTES,
                        Math.max(length, LONGEST));
            }
            default -> {
                if (numbers.length > 0) {
                    putNumber(at, numbers[random.nextInt(numbers.length)] + random.nextInt(-1, 2), packet + headers);
                }
            }
        }
        return length;
    }

    /** Writes a number as one, two or four bytes, in either order. */
    private void putNumber(long at, int number, long end) {
        if (at + 4 <= end && (number & 0xffff_0000) != 0) {
            Memory.putInt(at, random.nextBoolean() ? number : Integer.reverseBytes(number));
        } else if (at + 2 <= end && ((number & 0xff00) != 0 || random.nextInt(4) == 0)) {
            short half = (short) number;
            Memory.putShort(at, random.nextBoolean() ? half : Short.reverseBytes(half));
        } else {
            Memory.putByte(at, (byte) number);
        }
    }

    /** Whether it took a branch for the first time. */
    private boolean run(long frame, long descriptor, long packet, int length) {
        EngineFrames.fill(frame, packet, length);
        EngineFrames.describe(descriptor, frame, length);
        lastPc = -1;
        news = false;
        interpreted.run(context, descriptor, 1, (index, fault) -> {});
        return news;
    }

    private void step(int program, int pc) {
        int here = program << 20 ^ pc;
        // from where to where: not jumping is a way to leave a branch, too
        int hash = (lastPc * 0x9e37_79b1 ^ here * 0x85eb_ca6b) >>> 16;
        long bit = 1L << hash;
        if ((coverage[hash >> 6] & bit) == 0) {
            coverage[hash >> 6] |= bit;
            news = true;
        }
        lastPc = here;
    }
}
