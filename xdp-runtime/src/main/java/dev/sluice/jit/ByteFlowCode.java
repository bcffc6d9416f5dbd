package dev.sluice.jit;

import static dev.sluice.jit.LongCode.pushLong;

import dev.sluice.isa.AluOp;
import dev.sluice.isa.Instruction;
import dev.sluice.isa.Width;
import java.lang.classfile.CodeBuilder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Emits what {@link ByteFlow} has found out of a block: bytes that are moved together. */
final class ByteFlowCode {
    private final CodeBuilder b;
    private final Unit unit;
    private final Locals locals;
    private final AluCode alu;
    private final AccessCode access;
    private final int[] register;

    /** Of the block that is being emitted; null when there is nothing to change in it. */
    private @Nullable ByteFlow flow;

    ByteFlowCode(CodeBuilder b, Unit unit, Locals locals, AluCode alu, AccessCode access) {
        this.b = b;
        this.unit = unit;
        this.locals = locals;
        this.alu = alu;
        this.access = access;
        register = locals.register;
    }

    /** Begins a block. */
    void begin(Block block) {
        flow = block.bytes;
        save(-1);
    }

    /** Keeps registers as they are after the instruction at a slot, -1 for before the block. */
    void save(int slot) {
        if (flow != null) {
            for (ByteFlow.Save save : flow.savesAfter(slot)) {
                b.lload(register[save.register()]).lstore(kept(save.local()));
            }
        }
    }

    /** Loads what the instruction at a slot and later ones want bytes of. */
    void loadWide(int slot) {
        if (flow != null) {
            for (ByteFlow.Load load : flow.loadsBefore(slot)) {
                MemoryCode.loadLong(
                        b, Width.of(load.bytes()), false, () -> access.pushAddress(load.register(), load.offset()));
                b.lstore(kept(load.local()));
            }
        }
    }

    private int kept(int number) {
        return locals.next + number * Locals.LONG_SLOTS;
    }

    /** Emits what an instruction is changed to; false when it is not changed. */
    boolean change(Instruction insn, int[] state, int slot) {
        ByteFlow.Change change = flow == null ? null : flow.change(slot);
        if (change == null) {
            return false;
        }
        if (change.dropped()) {
            return true;
        }
        if (change.bytes() == 0) {
            pushNumber(change.pieces());
            b.lstore(register[insn.dst()]);
            return true;
        }
        int base = unit.kinds.register(state, insn.dst());
        int offset = insn.off() + change.offset();
        access.noteJoined(base, offset, change.bytes());
        MemoryCode.storeLong(
                b,
                Width.of(change.bytes()),
                () -> access.pushAddress(insn.dst(), offset),
                () -> pushNumber(change.pieces()));
        return true;
    }

    private void pushNumber(List<ByteFlow.Piece> pieces) {
        boolean first = true;
        for (ByteFlow.Piece piece : pieces) {
            pushPiece(piece);
            if (piece.at() > 0) {
                b.bipush(piece.at() * Byte.SIZE).lshl();
            }
            if (!first) {
                b.lor();
            }
            first = false;
        }
    }

    private void pushPiece(ByteFlow.Piece piece) {
        if (piece.isMemory()) {
            MemoryCode.loadLong(
                    b, Width.of(piece.bytes()), false, () -> access.pushAddress(piece.register(), piece.offset()));
            return;
        }
        if (!piece.isLocal()) {
            pushLong(b, piece.constant());
            return;
        }
        b.lload(kept(piece.local()));
        if (piece.from() > 0) {
            b.bipush(piece.from() * Byte.SIZE).lushr();
        }
        if (piece.reversed()) {
            alu.operation(
                    switch (piece.bytes()) {
                        case 2 -> AluOp.BSWAP16;
                        case 4 -> AluOp.BSWAP32;
                        default -> AluOp.BSWAP64;
                    },
                    true,
                    true);
        } else if (piece.from() + piece.bytes() < Long.BYTES) {
            pushLong(b, -1L >>> Long.SIZE - piece.bytes() * Byte.SIZE);
            b.land();
        }
    }
}
