package dev.sluice.verifier;

import dev.sluice.isa.Opcode;

/** Loads from and stores to the stack, which keeps what is known of registers spilled there. */
final class StackAccess {
    private static final int MAX_BYTES = 512;
    private static final int SLOT = Frame.SLOT_BYTES;

    private final Run run;

    StackAccess(Run run) {
        this.run = run;
    }

    private Frame frameOf(int number) {
        return frameOf(run.peek(number));
    }

    private Frame frameOf(Reg pointer) {
        return run.state.frames[pointer.frame];
    }

    /** The access must lie in the 512 bytes for every value of the offset; makes the slots exist. */
    void requireWithin(int number, int off, long bytes, boolean write) {
        Reg reg = run.peek(number);
        Frame frame = frameOf(number);
        String what = write ? " write to" : " read from";
        long min;
        long max;
        if (reg.isConst()) {
            min = reg.bits.value() + off;
            max = min + bytes;
        } else {
            if (reg.smax >= PointerArithmetic.MAX_OFFSET || reg.smin <= -PointerArithmetic.MAX_OFFSET) {
                throw run.reject("invalid unbounded variable-offset" + what + " stack R" + number);
            }
            min = reg.smin + off;
            max = reg.smax + off + bytes;
        }
        if (min < -MAX_BYTES || min > -1 || max > 0 || bytes < 0) {
            throw run.reject(
                    reg.isConst()
                            ? "invalid" + what + " stack R" + number + " off=" + min + " size=" + bytes
                            : "invalid variable-offset" + what + " stack R" + number + " var_off=" + reg.bits + " off="
                                    + off + " size=" + bytes);
        }
        frame.grow((int) -min);
        int depth = (int) (-min + SLOT - 1) / SLOT * SLOT;
        run.stackDepth[frame.subprog] = Math.max(run.stackDepth[frame.subprog], depth);
    }

    /** An access must lie in the stack, and what is there must allow it. */
    void requireAccess(Access access, int off) {
        requireWithin(access.register(), off, access.bytes(), access.write());
        Reg pointer = run.peek(access.register());
        Frame frame = frameOf(access.register());
        if (!access.write() && pointer.isConst()) {
            requireLoadable(frame, (int) (off + pointer.bits.value()), access.bytes());
        } else if (!access.write()) {
            if (access.value() < 0) {
                throw run.reject("variable offset stack pointer cannot be passed into helper function; var_off="
                        + pointer.bits + " off=" + off + " size=" + access.bytes());
            }
            requireInitialized(access.register(), off, access.bytes(), false, false);
        } else if (pointer.isConst()) {
            requireStorable(frame, (int) (off + pointer.bits.value()), access.bytes(), access.value());
        } else {
            for (long i = pointer.smin + off; i < pointer.smax + off + access.bytes(); i++) {
                run.objects.requireOverwritable(frame, (int) (-i - 1) / SLOT);
            }
        }
    }

    private void requireStorable(Frame frame, int off, int bytes, int value) {
        run.objects.requireOverwritable(frame, (-off - 1) / SLOT);
        Reg reg = value >= 0 ? run.peek(value) : null;
        if (reg == null || reg.type == RegType.SCALAR) {
            return;
        }
        if (bytes != SLOT) {
            throw run.reject("invalid size of register spill");
        }
        if (frame != run.state.frame() && reg.type == RegType.STACK) {
            throw run.reject("cannot spill pointers to stack into stack frame of the caller");
        }
    }

    private void requireLoadable(Frame frame, int off, int bytes) {
        int at = -off - 1;
        int slot = at / SLOT;
        if (frame.isSpill(slot)) {
            boolean whole = bytes == SLOT && frame.kind(slot, 0) == Frame.SPILL;
            if (!whole && frame.spills[slot].type != RegType.SCALAR) {
                throw run.reject("invalid size of register fill");
            }
            return;
        }
        for (int i = 0; i < bytes; i++) {
            if (frame.kind(slot, (at - i) % SLOT) >= Frame.DYNPTR) {
                throw run.reject("invalid read from stack off " + off + "+" + i + " size " + bytes);
            }
        }
    }

    // --- stores

    /**
     * A store that is allowed.
     *
     * @param value the stored register; -1 for an instruction's constant, or for unknown bytes that a helper writes
     */
    void write(Reg pointer, int off, int bytes, int value) {
        if (pointer.isConst()) {
            writeFixed(frameOf(pointer), (int) (off + pointer.bits.value()), bytes, value);
        } else {
            writeVariable(frameOf(pointer), pointer, off, bytes, value);
        }
    }

    private boolean isConstantStore() {
        Opcode row = run.layout.row[run.insn];
        return row != null && (row.code() & 7) == 2;
    }

    private void writeFixed(Frame frame, int off, int bytes, int value) {
        int at = -off - 1;
        int slot = at / SLOT;
        Reg reg = value >= 0 ? run.reg(value) : null;
        run.objects.destroy(frame, slot);
        if (bytes == SLOT) {
            run.liveStack.write(frame.number, slot);
        }
        run.scratchSlot(slot);
        boolean atStart = off % SLOT == 0;
        boolean history = true;
        if (reg != null && atStart && reg.type == RegType.SCALAR) {
            boolean fits = width(reg) <= 8 * bytes;
            if (fits) {
                run.arithmetic.link(reg);
            }
            frame.spill(slot, reg, bytes);
            if (!fits) {
                frame.ownSpill(slot).id = 0;
            }
        } else if (reg == null && atStart && isConstantStore()) {
            Reg constant = new Reg();
            constant.setScalar(run.layout.imm[run.insn]);
            frame.spill(slot, constant, bytes);
        } else if (reg != null && reg.type != RegType.SCALAR) {
            frame.spill(slot, reg, bytes);
        } else {
            if (frame.isSpecial(slot)) {
                frame.scrubAll(slot);
            }
            byte kind = Frame.MISC;
            if (reg != null && reg.isNull() || reg == null && isConstantStore() && run.layout.imm[run.insn] == 0) {
                // zeros are compared exactly when states are, so where they come from must be exact as well
                if (reg != null) {
                    run.precision.mark(value);
                }
                kind = Frame.ZERO;
            }
            for (int i = 0; i < bytes; i++) {
                frame.setKind(slot, (at - i) % SLOT, kind);
            }
            history = false;
        }
        if (history) {
            run.addHistory(Precision.stackFlags(frame.number, slot), 0);
        }
    }

    private void writeVariable(Frame frame, Reg pointer, int off, int bytes, int value) {
        int min = (int) (pointer.smin + off);
        int max = (int) (pointer.smax + off + bytes);
        Reg reg = value >= 0 ? run.reg(value) : null;
        boolean zero = reg != null && reg.isNull() || reg == null && isConstantStore() && run.layout.imm[run.insn] == 0;
        boolean zeroUsed = false;
        for (int i = min; i < max; i++) {
            run.objects.destroy(frame, (-i - 1) / SLOT);
        }
        for (int i = min; i < max; i++) {
            int at = -i - 1;
            int slot = at / SLOT;
            int index = at % SLOT;
            run.scratchSlot(slot);
            byte kind = frame.kind(slot, index);
            if (zero && kind == Frame.SPILL && frame.isScalarSpill(slot) && frame.spills[slot].isNull()) {
                zeroUsed = true;
                continue;
            }
            byte made = Frame.MISC;
            if (zero && kind == Frame.ZERO) {
                made = Frame.ZERO;
                zeroUsed = true;
            }
            if (frame.isSpill(slot)) {
                for (int j = 0; j < SLOT; j++) {
                    frame.scrub(slot, j);
                }
            }
            frame.setKind(slot, index, made);
        }
        if (zeroUsed && reg != null) {
            run.precision.mark(value);
        }
    }

    /** Bits that the largest value takes. */
    static int width(Reg reg) {
        return 64 - Long.numberOfLeadingZeros(reg.umax);
    }

    // --- loads

    void read(int number, int off, int bytes, int value) {
        Reg pointer = run.peek(number);
        Frame frame = frameOf(number);
        if (pointer.isConst()) {
            readFixed(frame, (int) (off + pointer.bits.value()), bytes, value);
            return;
        }
        touch(number, off, bytes, false);
        loadBytes(frame, (int) (pointer.smin + off), (int) (pointer.smax + off + bytes), value);
    }

    private void readFixed(Frame frame, int off, int bytes, int value) {
        int at = -off - 1;
        int slot = at / SLOT;
        run.scratchSlot(slot);
        run.liveStack.read(frame.number, slot);
        boolean history = true;
        if (frame.isSpill(slot)) {
            run.trustSlot(frame, slot);
            Reg spilled = frame.spills[slot];
            int spillBytes = 1;
            for (int i = SLOT - 1; i > 0 && frame.kind(slot, i - 1) == Frame.SPILL; i--) {
                spillBytes++;
            }
            if (bytes != SLOT || spillBytes != SLOT) {
                if (value < 0) {
                    return;
                }
                Reg dst = run.reg(value);
                if (bytes <= spillBytes && off % SLOT == 0) {
                    if (bytes == 4 && spillBytes == 4 && width(spilled) <= 32) {
                        spilled = frame.ownSpill(slot);
                        run.arithmetic.link(spilled);
                    }
                    dst.copy(spilled);
                    if (width(spilled) > 8 * bytes) {
                        dst.id = 0;
                        dst.off = 0;
                    }
                } else {
                    int spills = 0;
                    int zeros = 0;
                    for (int i = 0; i < bytes; i++) {
                        byte kind = frame.kind(slot, (at - i) % SLOT);
                        spills += kind == Frame.SPILL ? 1 : 0;
                        zeros += kind == Frame.ZERO ? 1 : 0;
                    }
                    if (spills == bytes && spilled.isNull()) {
                        dst.setScalar(0);
                    } else {
                        if (zeros == bytes) {
                            dst.setScalar(0);
                        } else {
                            dst.setUnknown();
                        }
                        history = false;
                    }
                }
            } else if (value >= 0) {
                // no new link: a slot without one holds what a loop has widened
                run.reg(value).copy(spilled);
            }
        } else {
            if (value >= 0) {
                loadBytes(frame, off, off + bytes, value);
            }
            history = false;
        }
        if (history) {
            run.addHistory(Precision.stackFlags(frame.number, slot), 0);
        }
    }

    /** Zero if every byte is, else unknown. */
    private void loadBytes(Frame frame, int from, int to, int value) {
        for (int i = from; i < to; i++) {
            int at = -i - 1;
            run.scratchSlot(at / SLOT);
            if (frame.kind(at / SLOT, at % SLOT) != Frame.ZERO) {
                run.reg(value).setUnknown();
                return;
            }
        }
        for (int i = from; i < to; i++) {
            run.trustSlot(frame, (-i - 1) / SLOT);
        }
        run.reg(value).setScalar(0);
    }

    // --- memory of helpers

    /** Memory that a helper fills must hold no dynptr. */
    void requireNoDynptr(Reg reg, long bytes) {
        Frame frame = run.state.frames[reg.frame];
        int min = (int) (reg.off + reg.bits.value());
        for (int i = min; i < min + bytes; i++) {
            int at = -i - 1;
            if (frame.kind(at / SLOT, at % SLOT) == Frame.DYNPTR) {
                throw run.reject("potential write to dynptr at off=" + i + " disallowed");
            }
        }
    }

    /**
     * Stack memory that a helper reads, or writes after having read what was there.
     */
    void requireInitialized(int number, int off, long bytes, boolean zeroAllowed, boolean write) {
        if (bytes == 0 && !zeroAllowed) {
            throw run.reject("invalid zero-sized read");
        }
        requireWithin(number, off, bytes, write);
        Reg reg = run.peek(number);
        Frame frame = frameOf(number);
        long min = first(reg, off);
        long end = end(reg, off, bytes);
        for (long i = min; i < end; i++) {
            int at = (int) -i - 1;
            if (frame.kind(at / SLOT, at % SLOT) >= Frame.DYNPTR) {
                throw run.reject(
                        reg.isConst()
                                ? "invalid read from stack R" + number + " off " + min + "+" + (i - min) + " size "
                                        + bytes
                                : "invalid read from stack R" + number + " var_off " + reg.bits + "+" + (i - min)
                                        + " size " + bytes);
            }
        }
    }

    /** Such memory is read, and what is written there is not known. */
    void touch(int number, int off, long bytes, boolean write) {
        Reg reg = run.peek(number);
        Frame frame = frameOf(number);
        long end = end(reg, off, bytes);
        for (long i = first(reg, off); i < end; i++) {
            int at = (int) -i - 1;
            int slot = at / SLOT;
            if (write && frame.isSpill(slot)) {
                frame.ownSpill(slot).setUnknown();
                frame.scrubAll(slot);
            } else if (write) {
                frame.setKind(slot, at % SLOT, Frame.MISC);
            }
            run.liveStack.read(frame.number, slot);
        }
    }

    private static long first(Reg pointer, int off) {
        return (pointer.isConst() ? pointer.bits.value() : pointer.smin) + off;
    }

    private static long end(Reg pointer, int off, long bytes) {
        return (pointer.isConst() ? pointer.bits.value() : pointer.smax) + off + bytes;
    }
}
