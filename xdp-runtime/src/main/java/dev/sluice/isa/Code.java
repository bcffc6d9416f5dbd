package dev.sluice.isa;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A sequence of instructions, addressed by slot as jumps, line tables and the kernel's messages address them. The
 * second slot of an {@code lddw} holds no instruction ({@link #at} gives null). Immutable.
 */
public final class Code {
    private static final VarHandle LONG_LE =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final Instruction[] slots;

    private Code(Instruction[] slots) {
        this.slots = slots;
    }

    /** Takes instructions in order; an {@code lddw} takes two slots. */
    public static Code of(List<Instruction> instructions) {
        int size = 0;
        for (Instruction instruction : instructions) {
            size += instruction.slots();
        }
        Instruction[] slots = new Instruction[size];
        int slot = 0;
        for (Instruction instruction : instructions) {
            slots[slot] = instruction;
            slot += instruction.slots();
        }
        return new Code(slots);
    }

    /**
     * Decodes instructions.
     *
     * @param bytes eight bytes a slot, little endian
     * @throws MalformedCodeException when the length is no multiple of 8 or a slot is no instruction of RFC 9669 or
     *     Linux 6.18: unknown opcode, register above r10, reserved field in use, incomplete {@code lddw}
     */
    public static Code decode(byte[] bytes) {
        if (bytes.length % Instruction.SLOT_BYTES != 0) {
            throw new MalformedCodeException(
                    bytes.length / Instruction.SLOT_BYTES,
                    "incomplete instruction, expected a multiple of 8 bytes, length=" + bytes.length);
        }
        Instruction[] slots = new Instruction[bytes.length / Instruction.SLOT_BYTES];
        for (int slot = 0; slot < slots.length; slot++) {
            long raw = (long) LONG_LE.get(bytes, slot * Instruction.SLOT_BYTES);
            int code = (int) raw & 0xff;
            if (code == Opcode.LDDW.code()) {
                if (slot + 1 >= slots.length) {
                    throw new MalformedCodeException(slot, "invalid BPF_LD_IMM insn: the second slot is missing");
                }
                long second = (long) LONG_LE.get(bytes, (slot + 1) * Instruction.SLOT_BYTES);
                slots[slot] = Decoder.decodeWide(slot, raw, second);
                slot++;
            } else {
                slots[slot] = Decoder.decode(slot, raw);
            }
        }
        return new Code(slots);
    }

    /** Number of slots. */
    public int size() {
        return slots.length;
    }

    /** The instruction that begins at a slot, or null for the second slot of an {@code lddw}. */
    public @Nullable Instruction at(int slot) {
        return slots[slot];
    }

    /** Whether {@code slot} is a place where control can go: in range and not the second half of an {@code lddw}. */
    public boolean isTarget(int slot) {
        return slot >= 0 && slot < slots.length && slots[slot] != null;
    }

    /** A copy with one instruction replaced by one of the same size; takes time in proportion to the whole. */
    public Code with(int slot, Instruction instruction) {
        return with(Map.of(slot, instruction));
    }

    /** A copy in which instructions, by slot, are replaced by others of the same size. */
    public Code with(Map<Integer, Instruction> replacements) {
        Instruction[] copy = slots.clone();
        replacements.forEach((slot, instruction) -> {
            if (slots[slot] == null || slots[slot].slots() != instruction.slots()) {
                throw new AssertionError("slot=" + slot + " cannot become " + instruction);
            }
            copy[slot] = instruction;
        });
        return new Code(copy);
    }

    /** The encoding, eight bytes a slot, little endian. */
    public byte[] toBytes() {
        byte[] bytes = new byte[slots.length * Instruction.SLOT_BYTES];
        for (int slot = 0; slot < slots.length; slot++) {
            Instruction instruction = slots[slot];
            if (instruction != null) {
                LONG_LE.set(bytes, slot * Instruction.SLOT_BYTES, instruction.encode());
                if (instruction.slots() == 2) {
                    LONG_LE.set(bytes, (slot + 1) * Instruction.SLOT_BYTES, instruction.encodeSecond());
                }
            }
        }
        return bytes;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Code code && Arrays.equals(slots, code.slots);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(slots);
    }

    @Override
    public String toString() {
        return "Code[" + slots.length + " slots]";
    }
}
