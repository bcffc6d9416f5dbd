package dev.sluice.verifier;

import java.util.Arrays;

/**
 * One function's registers and stack. The stack is seen in slots of eight bytes, slot 0 just below r10; each byte of a slot
 * has a kind, and a slot whose last byte is {@link #SPILL} also has what is known of the register spilled there.
 *
 * <pre>
 *   r10 - 8 * (slot + 1)                        r10 - 8 * slot
 *   | byte 0 | byte 1 | ...             | byte 7 |     kinds[8 * slot + i] is the byte at r10 - 8 * (slot + 1) + 7 - i
 * </pre>
 */
final class Frame {
    static final byte INVALID = 0;
    static final byte SPILL = 1;
    static final byte MISC = 2;
    static final byte ZERO = 3;

    /** Of a dynptr, see {@link #object}. */
    static final byte DYNPTR = 4;

    /** Of an iterator, see {@link #object}. */
    static final byte ITER = 5;

    static final int SLOT_BYTES = 8;

    private static final StackObject[] NO_OBJECTS = {};

    final Reg[] regs = new Reg[11];
    final int number;

    /** The call's slot; -1 for the entry function. */
    final int callsite;

    final int subprog;
    byte[] kinds = {};
    Reg[] spills = {};

    /** By slot; shorter than the stack where there are none. */
    private StackObject[] objects = NO_OBJECTS;

    boolean inCallback;

    /** Whether a timer calls this function, and how many timers' callbacks have set timers on the way here. */
    boolean inAsyncCallback;

    int asyncEntries;
    int callbackDepth;
    int callbackReturnMin;
    int callbackReturnMax;

    Frame(int number, int callsite, int subprog) {
        this.number = number;
        this.callsite = callsite;
        this.subprog = subprog;
        Arrays.fill(regs, Reg.NONE);
    }

    /** A copy, which shares its registers with this frame until one of the two changes them. */
    Frame copy() {
        Frame copy = new Frame(number, callsite, subprog);
        for (int i = 0; i < regs.length; i++) {
            Reg reg = regs[i];
            reg.shared = true;
            copy.regs[i] = reg;
        }
        copy.kinds = kinds.clone();
        copy.spills = new Reg[spills.length];
        for (int i = 0; i < spills.length; i++) {
            if (kinds[8 * i + 7] == SPILL) {
                Reg spill = spills[i];
                spill.shared = true;
                copy.spills[i] = spill;
            }
        }
        copy.objects = objects.length == 0 ? objects : objects.clone();
        copy.inCallback = inCallback;
        copy.inAsyncCallback = inAsyncCallback;
        copy.asyncEntries = asyncEntries;
        copy.callbackDepth = callbackDepth;
        copy.callbackReturnMin = callbackReturnMin;
        copy.callbackReturnMax = callbackReturnMax;
        return copy;
    }

    /** A register to be changed. What {@link #regs} holds may be shared, and is to be read only. */
    Reg own(int register) {
        Reg reg = regs[register];
        if (reg.shared) {
            reg = Reg.copyOf(reg);
            regs[register] = reg;
        }
        return reg;
    }

    /** A spilled register to be changed. */
    Reg ownSpill(int slot) {
        Reg reg = spills[slot];
        if (reg.shared) {
            reg = Reg.copyOf(reg);
            spills[slot] = reg;
        }
        return reg;
    }

    /** Number of slots that exist so far. */
    int slots() {
        return spills.length;
    }

    /** Makes room for the stack down to {@code bytes} below r10. */
    void grow(int bytes) {
        int slots = (bytes + SLOT_BYTES - 1) / SLOT_BYTES;
        if (slots > spills.length) {
            spills = Arrays.copyOf(spills, slots);
            kinds = Arrays.copyOf(kinds, slots * SLOT_BYTES);
        }
    }

    /** Whether the slot holds a register; then {@link #spilled} says what is known of it. */
    boolean isSpill(int slot) {
        return kinds[8 * slot + 7] == SPILL;
    }

    boolean isScalarSpill(int slot) {
        return isSpill(slot) && spills[slot].type == RegType.SCALAR;
    }

    /** Whether all eight bytes of a scalar spilled there are its own. */
    boolean isScalarSpill64(int slot) {
        return kinds[8 * slot] == SPILL && spills[slot].type == RegType.SCALAR;
    }

    /** The dynptr or iterator that the slot is a part of, as long as its bytes are of that kind; or null. */
    StackObject object(int slot) {
        return slot < objects.length && kinds[8 * slot] >= DYNPTR ? objects[slot] : null;
    }

    void setObject(int slot, StackObject object) {
        if (slot >= objects.length) {
            if (object == null) {
                return;
            }
            objects = Arrays.copyOf(objects, slot + 1);
        }
        objects[slot] = object;
    }

    /** Whether all bytes of a slot are of a kind. */
    boolean isAll(int slot, byte kind) {
        for (int i = 0; i < SLOT_BYTES; i++) {
            if (kinds[8 * slot + i] != kind) {
                return false;
            }
        }
        return true;
    }

    /** Whether some byte of a slot is of a kind. */
    boolean has(int slot, byte kind) {
        for (int i = 0; i < SLOT_BYTES; i++) {
            if (kinds[8 * slot + i] == kind) {
                return true;
            }
        }
        return false;
    }

    Reg spilled(int slot) {
        return spills[slot];
    }

    byte kind(int slot, int index) {
        return kinds[8 * slot + index];
    }

    void setKind(int slot, int index, byte kind) {
        kinds[8 * slot + index] = kind;
    }

    void fill(int slot, byte kind) {
        Arrays.fill(kinds, 8 * slot, 8 * slot + 8, kind);
    }

    /** A byte of a spill, or of something of the kernel's, that was overwritten in part is only some byte. */
    void scrub(int slot, int index) {
        int at = 8 * slot + index;
        if (kinds[at] == SPILL || kinds[at] >= DYNPTR) {
            kinds[at] = MISC;
        }
    }

    /** What a slot held as a whole is no more: all that was written of it are only some bytes, zeros as well. */
    void scrubAll(int slot) {
        for (int at = 8 * slot; at < 8 * slot + SLOT_BYTES; at++) {
            if (kinds[at] != INVALID) {
                kinds[at] = MISC;
            }
        }
    }

    /** Whether the slot holds a register, or something of the kernel's. */
    boolean isSpecial(int slot) {
        return kinds[8 * slot + 7] == SPILL || kinds[8 * slot + 7] >= DYNPTR;
    }

    /** Puts a register's state into a slot: the last {@code bytes} kinds become a spill. */
    void spill(int slot, Reg from, int bytes) {
        Reg made = new Reg();
        made.copy(from);
        spills[slot] = made;
        for (int i = SLOT_BYTES; i > SLOT_BYTES - bytes; i--) {
            kinds[8 * slot + i - 1] = SPILL;
        }
        for (int i = SLOT_BYTES - bytes; i > 0; i--) {
            scrub(slot, i - 1);
        }
    }
}
