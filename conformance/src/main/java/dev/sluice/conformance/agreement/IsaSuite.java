package dev.sluice.conformance.agreement;

import static dev.sluice.isa.Instruction.FP;

import dev.sluice.exec.Engine;
import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Width;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.diff.Outcome;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Every opcode that XDP programs may use, on pairs of interesting operands, on engines and in the kernel.
 *
 * <p>A program has one opcode in {@link #SLOTS} slots; each reads its operands from the packet and writes its results in
 * their place, so that one load serves many operands:
 *
 * <pre>
 * packet:  0  16 bytes unused  |  slot 0: a u64, b u64, c u64  |  slot 1: …
 *
 * r2 = a, r3 = b, r0 = c;  the instruction;  a = r2, b = r3, c = r0
 * </pre>
 *
 * <p>Operands are constants of the program where an opcode has an immediate: slot {@code i} has immediate {@code i} modulo
 * their number.
 */
public final class IsaSuite {
    private static final int SLOTS = 72;
    private static final int FIRST = 16;
    private static final int STRIDE = 24;
    private static final int PACKET_BYTES = FIRST + SLOTS * STRIDE;
    private static final int RANDOM_PAIRS = 500;

    private static final int R0 = 0;
    private static final int A = 2;
    private static final int B = 3;
    private static final int FLAG = 4;
    private static final int PACKET = 6;

    /** 0, ±1, and both sides of each border of a width and of a sign. */
    private static final long[] OPERANDS = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        7,
        8,
        15,
        16,
        31,
        32,
        33,
        63,
        64,
        65,
        -128,
        0x7f,
        0x80,
        0xff,
        0x100,
        -32768,
        0x7fff,
        0x8000,
        0xffff,
        0x1_0000,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        -0x8000_0000L,
        0x7fff_ffff_ffff_ffffL,
        0x8000_0000_0000_0000L,
        0x8000_0000_0000_0001L,
        0x8000_0000_8000_0000L,
        0x0123_4567_89ab_cdefL,
        0xfedc_ba98_7654_3210L,
        0xffff_ffff_0000_0000L,
        0x5555_5555_aaaa_aaaaL
    };

    private static final int[] IMMEDIATES = {
        0,
        1,
        -1,
        2,
        -2,
        3,
        7,
        8,
        31,
        32,
        63,
        64,
        127,
        128,
        -128,
        255,
        256,
        0x7fff,
        0x8000,
        -0x8000,
        0x7fff_ffff,
        0x8000_0000,
        0x8000_0001,
        0x1234_5678
    };

    private final Kernel kernel;
    private final List<Engine> engines;
    private final Random random;
    private final Tally tally = new Tally();
    private final List<String> refused = new ArrayList<>();

    private IsaSuite(Kernel kernel, List<Engine> engines, long seed) {
        this.kernel = kernel;
        this.engines = engines;
        random = new Random(seed);
    }

    /** Whether an XDP program can have it: not those of socket filters and calls of kernel functions. */
    public static boolean isForXdp(Opcode opcode) {
        return switch (opcode.form()) {
            case LD_ABS, LD_IND, CALLX, CALL_KFUNC -> false;
            default -> true;
        };
    }

    /**
     * Runs all of it.
     *
     * @param seed of the random operands
     */
    public static Tally run(Kernel kernel, List<Engine> engines, long seed) {
        IsaSuite suite = new IsaSuite(kernel, engines, seed);
        for (Opcode opcode : Opcode.values()) {
            if (isForXdp(opcode)) {
                suite.run(opcode);
            }
        }
        for (String refusal : suite.refused) {
            suite.tally.different("refused", refusal);
        }
        return suite.tally;
    }

    private void run(Opcode opcode) {
        long[] immediates = immediates(opcode);
        List<Instruction> code = new ArrayList<>();
        // r6 = data; r2 = data + length; if r2 > data_end: return 1
        code.add(insn(Opcode.LDX_W, PACKET, 1, 0, 0));
        code.add(insn(Opcode.LDX_W, A, 1, 4, 0));
        code.add(insn(Opcode.MOV64_X, B, PACKET, 0, 0));
        code.add(insn(Opcode.ADD64_K, B, 0, 0, PACKET_BYTES));
        code.add(insn(Opcode.JLE_X, B, A, 2, 0));
        code.add(insn(Opcode.MOV64_K, R0, 0, 0, 1));
        code.add(insn(Opcode.EXIT, 0, 0, 0, 0));
        for (int i = 0; i < SLOTS; i++) {
            slot(opcode, immediates[i % immediates.length], FIRST + i * STRIDE, code);
        }
        code.add(insn(Opcode.MOV64_K, R0, 0, 0, 2));
        code.add(insn(Opcode.EXIT, 0, 0, 0, 0));
        if (opcode == Opcode.CALL_LOCAL) {
            addFunction(code);
        }
        try (Sides sides = new Sides(kernel, engines, List.of())) {
            String rejection = sides.load(Code.of(code));
            if (rejection != null) {
                refused.add(opcode + ": " + rejection);
                return;
            }
            for (byte[] packet : packets(immediates.length)) {
                List<Outcome> outcomes = sides.run(packet);
                for (int engine = 0; engine < engines.size(); engine++) {
                    compare(opcode, immediates, packet, outcomes.getFirst(), outcomes.get(engine + 1), engine);
                }
            }
        }
    }

    private static Instruction insn(Opcode opcode, int dst, int src, int off, long imm) {
        return new Instruction(opcode, dst, src, off, imm);
    }

    /** Constants of the program: as far as the verifier takes them. */
    private static long[] immediates(Opcode opcode) {
        List<Long> found = new ArrayList<>();
        if (opcode.form() == Form.LDDW) {
            for (long operand : OPERANDS) {
                found.add(operand);
            }
        } else if (opcode.form() == Form.ALU_K || opcode.form() == Form.JMP_K || opcode.form() == Form.ST) {
            for (int imm : IMMEDIATES) {
                if (opcode.form() != Form.ALU_K || takes(opcode, imm)) {
                    found.add((long) imm);
                }
            }
        } else {
            found.add((long) opcode.fixedImm());
        }
        return found.stream().mapToLong(Long::longValue).toArray();
    }

    private static boolean takes(Opcode opcode, int imm) {
        return switch (opcode.alu()) {
            case LSH, RSH, ARSH -> imm >= 0 && imm < (opcode.is64() ? 64 : 32);
            case DIV, MOD, SDIV, SMOD -> imm != 0;
            default -> true;
        };
    }

    /** One use of the opcode. */
    private static void slot(Opcode opcode, long imm, int at, List<Instruction> code) {
        code.add(insn(Opcode.LDX_DW, A, PACKET, at, 0));
        code.add(insn(Opcode.LDX_DW, B, PACKET, at + 8, 0));
        code.add(insn(Opcode.LDX_DW, R0, PACKET, at + 16, 0));
        boolean memory = false;
        switch (opcode.form()) {
            case ALU_K -> code.add(insn(opcode, A, 0, opcode.fixedOffset(), imm));
            case ALU_X, MOVSX -> code.add(insn(opcode, A, B, opcode.fixedOffset(), 0));
            case UNARY -> code.add(insn(opcode, A, 0, opcode.fixedOffset(), opcode.fixedImm()));
            case JMP_K -> branch(insn(opcode, A, 0, 1, imm), code);
            case JMP_X -> branch(insn(opcode, A, B, 1, 0), code);
            case JA -> unconditional(insn(opcode, 0, 0, 1, 0), code);
            case GOTOL -> unconditional(insn(opcode, 0, 0, 0, 1), code);
            case MAY_GOTO -> branch(insn(opcode, 0, 0, 1, 0), code);
            case LDDW -> code.add(insn(opcode, A, 0, 0, imm));
            case LDX, LDXSX -> {
                // somewhere inside of the operands, aligned or not
                code.add(insn(opcode, A, PACKET, at + 1, 0));
                code.add(insn(opcode, B, PACKET, at + 8, 0));
            }
            case ST -> {
                code.add(insn(opcode, PACKET, 0, at + 1, imm));
                memory = true;
            }
            case STX -> {
                code.add(insn(opcode, PACKET, B, at + 1, 0));
                memory = true;
            }
            case ATOMIC -> {
                code.add(insn(Opcode.STX_DW, FP, A, -8, 0));
                code.add(insn(opcode, FP, B, -8, opcode.fixedImm()));
                code.add(insn(Opcode.LDX_DW, A, FP, -8, 0));
            }
            case LOAD_ACQ -> {
                code.add(insn(Opcode.STX_DW, FP, A, -8, 0));
                code.add(insn(opcode, B, FP, -8, opcode.fixedImm()));
            }
            case STORE_REL -> {
                code.add(insn(Opcode.STX_DW, FP, A, -8, 0));
                code.add(insn(opcode, FP, B, -8, opcode.fixedImm()));
                code.add(insn(Opcode.LDX_DW, A, FP, -8, 0));
            }
            case CALL_HELPER -> {
                // bpf_get_smp_processor_id: all that is wanted is a call that changes nothing but r0 to r5
                code.add(insn(opcode, 0, 0, 0, 8));
                code.add(insn(Opcode.LDX_DW, A, PACKET, at, 0));
                code.add(insn(Opcode.LDX_DW, B, PACKET, at + 8, 0));
            }
            case CALL_LOCAL -> {
                code.add(insn(Opcode.MOV64_X, 1, A, 0, 0));
                code.add(insn(Opcode.MOV64_X, 2, B, 0, 0));
                // the distance is filled in when the function's place is known
                code.add(insn(opcode, 0, 1, 0, 0));
                code.add(insn(Opcode.MOV64_X, A, R0, 0, 0));
                code.add(insn(Opcode.LDX_DW, B, PACKET, at + 8, 0));
            }
            case EXIT -> {
                // leaves where a == b, so that what follows is not done
                code.add(insn(Opcode.JNE_X, A, B, 2, 0));
                code.add(insn(Opcode.AND64_K, R0, 0, 0, 0x7fff_ffff));
                code.add(insn(opcode, 0, 0, 0, 0));
            }
            case LD_ABS, LD_IND, CALLX, CALL_KFUNC -> throw new AssertionError(opcode);
        }
        if (!memory) {
            code.add(insn(Opcode.STX_DW, PACKET, A, at, 0));
        }
        code.add(insn(Opcode.STX_DW, PACKET, B, at + 8, 0));
        code.add(insn(Opcode.STX_DW, PACKET, R0, at + 16, 0));
    }

    /** a = whether it was taken. */
    private static void branch(Instruction jump, List<Instruction> code) {
        code.add(insn(Opcode.MOV64_K, FLAG, 0, 0, 1));
        code.add(jump);
        code.add(insn(Opcode.MOV64_K, FLAG, 0, 0, 0));
        code.add(insn(Opcode.MOV64_X, A, FLAG, 0, 0));
    }

    /** a = whether a == b, where the jump over the other answer is the one in question. */
    private static void unconditional(Instruction jump, List<Instruction> code) {
        code.add(insn(Opcode.MOV64_K, FLAG, 0, 0, 1));
        code.add(insn(Opcode.JNE_X, A, B, 1, 0));
        code.add(jump);
        code.add(insn(Opcode.MOV64_K, FLAG, 0, 0, 0));
        code.add(insn(Opcode.MOV64_X, A, FLAG, 0, 0));
    }

    /** {@code u64 f(u64 x, u64 y) { stack; return x - 3 * y; }}, which spoils r1 to r9 that it may. */
    private static void addFunction(List<Instruction> code) {
        int start = code.stream().mapToInt(Instruction::slots).sum();
        int slot = 0;
        for (int i = 0; i < code.size(); i++) {
            Instruction insn = code.get(i);
            if (insn.opcode() == Opcode.CALL_LOCAL) {
                code.set(i, insn.withImm(start - slot - 1));
            }
            slot += insn.slots();
        }
        code.add(insn(Opcode.STX_DW, FP, 2, -8, 0));
        code.add(insn(Opcode.MOV64_K, 6, 0, 0, 77));
        code.add(insn(Opcode.MOV64_X, R0, 1, 0, 0));
        code.add(insn(Opcode.LDX_DW, 3, FP, -8, 0));
        code.add(insn(Opcode.MUL64_K, 3, 0, 0, 3));
        code.add(insn(Opcode.SUB64_X, R0, 3, 0, 0));
        code.add(insn(Opcode.EXIT, 0, 0, 0, 0));
    }

    /**
     * Packets that bring all operands to all slots that matter.
     *
     * @param constants how many immediates the slots go round: each meets every operand
     */
    private List<byte[]> packets(int constants) {
        List<long[]> operands = new ArrayList<>();
        if (constants > 1) {
            for (int i = 0; i < OPERANDS.length + 24; i++) {
                long a = i < OPERANDS.length ? OPERANDS[i] : random.nextLong() >> random.nextInt(64);
                for (int c = 0; c < constants; c++) {
                    operands.add(new long[] {a, random.nextLong(), random.nextLong()});
                }
            }
            // slot i has constant i % constants, over a packet's end too
            return packets(operands, SLOTS / constants * constants);
        }
        for (long a : OPERANDS) {
            for (long b : OPERANDS) {
                operands.add(new long[] {a, b, random.nextBoolean() ? a : random.nextLong()});
            }
        }
        for (int i = 0; i < RANDOM_PAIRS; i++) {
            long a = random.nextLong() >> random.nextInt(64);
            long b = random.nextLong() >> random.nextInt(64);
            operands.add(new long[] {a, b, random.nextBoolean() ? a & 0xffff_ffffL : b});
        }
        return packets(operands, SLOTS);
    }

    private List<byte[]> packets(List<long[]> operands, int used) {
        List<byte[]> packets = new ArrayList<>();
        for (int first = 0; first < operands.size(); first += used) {
            ByteBuffer packet = ByteBuffer.allocate(PACKET_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < SLOTS; i++) {
                long[] values = operands.get((first + i % used) % operands.size());
                packet.position(FIRST + i * STRIDE);
                packet.putLong(values[0]).putLong(values[1]).putLong(values[2]);
            }
            packets.add(packet.array());
        }
        return packets;
    }

    private void compare(Opcode opcode, long[] immediates, byte[] packet, Outcome theirs, Outcome our, int engine) {
        String subject = opcode.name();
        String failure = our.failure();
        if (failure != null || theirs.action() != our.action() || theirs.packet().length != our.packet().length) {
            tally.different(
                    subject,
                    engines.get(engine).name() + ": kernel returns " + theirs.action() + ", ours " + our.action()
                            + (failure == null ? "" : ", " + failure));
            return;
        }
        for (int i = 0; i < SLOTS; i++) {
            int at = FIRST + i * STRIDE;
            String difference = difference(theirs.packet(), our.packet(), at);
            if (difference == null) {
                tally.equal(subject);
            } else {
                ByteBuffer before = ByteBuffer.wrap(packet).order(ByteOrder.LITTLE_ENDIAN);
                tally.different(
                        subject,
                        "a=0x%x b=0x%x c=0x%x imm=%d on %s: %s"
                                .formatted(
                                        before.getLong(at),
                                        before.getLong(at + 8),
                                        before.getLong(at + 16),
                                        immediates[i % immediates.length],
                                        engines.get(engine).name(),
                                        difference));
            }
        }
    }

    private static @Nullable String difference(byte[] theirs, byte[] ours, int at) {
        ByteBuffer left = ByteBuffer.wrap(theirs).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer right = ByteBuffer.wrap(ours).order(ByteOrder.LITTLE_ENDIAN);
        for (int word = 0; word < STRIDE; word += Width.DW.bytes()) {
            if (left.getLong(at + word) != right.getLong(at + word)) {
                return "result %d: kernel 0x%x, ours 0x%x"
                        .formatted(word / Width.DW.bytes() + 1, left.getLong(at + word), right.getLong(at + word));
            }
        }
        return null;
    }
}
