package dev.sluice.conformance.cli;

import dev.sluice.isa.Code;
import dev.sluice.isa.Form;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Opcode;
import dev.sluice.isa.Pseudo;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Programs that nobody has verified: bytes at random, and instructions at random. The latter mostly get past the decoder
 * and often run to their end, which is where the harm could be done: they follow pointers, loop, recurse, call helpers with
 * whatever is in the registers, and leave functions in the middle.
 */
final class RandomCode {
    private static final int[] NUMBERS = {
        0, 1, -1, 2, 3, 4, 7, 8, 16, 31, 32, 63, 64, 255, 512, -8, -512, 0x7fff_ffff, 1 << 31
    };
    private static final Opcode[] OPCODES = Opcode.values();

    private final Random random;

    RandomCode(long seed) {
        random = new Random(seed);
    }

    byte[] next() {
        if (random.nextInt(8) == 0) {
            byte[] bytes = new byte[8 * (1 + random.nextInt(8)) + (random.nextInt(8) == 0 ? random.nextInt(8) : 0)];
            random.nextBytes(bytes);
            return bytes;
        }
        int length = 2 + random.nextInt(30);
        List<Instruction> program = new ArrayList<>();
        // registers that hold something of every kind: memory, stack, numbers
        program.add(new Instruction(Opcode.MOV64_X, 6, 1, 0, 0));
        program.add(new Instruction(Opcode.MOV64_X, 7, 10, 0, 0));
        program.add(new Instruction(Opcode.ADD64_K, 7, 0, 0, -8 * (1 + random.nextInt(64))));
        program.add(new Instruction(Opcode.MOV64_K, 0, 0, 0, number()));
        program.add(new Instruction(Opcode.MOV64_K, 3, 0, 0, number()));
        while (program.size() < length) {
            program.add(instruction(length - program.size()));
        }
        program.add(new Instruction(random.nextInt(16) == 0 ? Opcode.JA : Opcode.EXIT, 0, 0, 0, 0));
        byte[] bytes = Code.of(program).toBytes();
        if (random.nextInt(16) == 0) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return bytes;
    }

    private int number() {
        return random.nextInt(4) == 0 ? random.nextInt() : NUMBERS[random.nextInt(NUMBERS.length)];
    }

    /** r1, r6, r7 and r10 are mostly addresses. */
    private int pointer() {
        return switch (random.nextInt(12)) {
            case 0 -> random.nextInt(10);
            case 1, 2 -> 1;
            case 3, 4, 5 -> 6;
            case 6, 7, 8 -> 7;
            default -> 10;
        };
    }

    private int scratch() {
        int register = random.nextInt(32);
        return register < 10 ? register : new int[] {0, 3, 4, 5, 8, 9}[register % 6];
    }

    private int offset(int base) {
        return switch (random.nextInt(24)) {
            case 0 -> (short) random.nextInt();
            case 1 -> 8 * (random.nextInt(140) - 70);
            default -> base == 10 ? -8 * (1 + random.nextInt(64)) + random.nextInt(2) * 4 : 4 * random.nextInt(4);
        };
    }

    private Instruction instruction(int left) {
        Opcode op = OPCODES[random.nextInt(OPCODES.length)];
        if (op.form() == Form.LDDW && left < 2 || rare(op.form()) && random.nextInt(6) != 0) {
            op = Opcode.ADD64_K;
        }
        int dst = scratch();
        int src = random.nextInt(11);
        int pointer = pointer();
        int jump = random.nextInt(left + 1) - (random.nextInt(12) == 0 ? 6 : 0);
        return switch (op.form()) {
            case ALU_K -> new Instruction(op, dst, 0, op.fixedOffset(), number());
            case ALU_X, MOVSX -> new Instruction(op, dst, src, op.fixedOffset(), 0);
            case UNARY -> new Instruction(op, dst, 0, 0, op.fixedImm());
            case JMP_K -> new Instruction(op, dst, 0, jump, number());
            case JMP_X -> new Instruction(op, dst, src, jump, 0);
            case JA, MAY_GOTO -> new Instruction(op, 0, 0, jump, 0);
            case GOTOL, CALL_LOCAL -> new Instruction(op, 0, op.form() == Form.CALL_LOCAL ? 1 : 0, 0, jump);
            case CALL_HELPER -> new Instruction(op, 0, 0, 0, random.nextInt(230));
            case CALL_KFUNC -> new Instruction(op, 0, 2, 0, random.nextInt(100));
            case CALLX -> new Instruction(op, src, 0, 0, 0);
            case EXIT -> new Instruction(op, 0, 0, 0, 0);
            case LDDW ->
                new Instruction(
                        op,
                        dst,
                        random.nextInt(4) == 0 ? random.nextInt(Pseudo.values().length) : 0,
                        0,
                        random.nextBoolean() ? number() : random.nextLong());
            case LD_ABS -> new Instruction(op, 0, 0, 0, number());
            case LD_IND -> new Instruction(op, 0, src, 0, number());
            case LDX, LDXSX -> new Instruction(op, dst, pointer, offset(pointer), 0);
            case LOAD_ACQ -> new Instruction(op, dst, pointer, offset(pointer), op.fixedImm());
            case ST -> new Instruction(op, pointer, 0, offset(pointer), number());
            case STX -> new Instruction(op, pointer, src, offset(pointer), 0);
            case ATOMIC, STORE_REL -> new Instruction(op, pointer, src, offset(pointer), op.fixedImm());
        };
    }

    private static boolean rare(Form form) {
        return switch (form) {
            case CALL_HELPER, CALL_KFUNC, CALLX, LD_ABS, LD_IND, LDDW, EXIT, CALL_LOCAL -> true;
            default -> false;
        };
    }
}
