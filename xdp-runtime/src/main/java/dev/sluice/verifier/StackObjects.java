package dev.sluice.verifier;

import dev.sluice.verifier.StackObject.Dynptr;
import dev.sluice.verifier.StackObject.Iterator;

/** Dynptrs and iterators in slots of the stack: where they must lie, how they are made, and what ends them. */
final class StackObjects {
    /** No slot: the reason was logged. */
    private static final int NO_SLOT = -1;

    /** No slot: nothing was ever written there. */
    private static final int NEW_SLOT = -2;

    private static final int SLOT = Frame.SLOT_BYTES;

    private final Run run;

    StackObjects(Run run) {
        this.run = run;
    }

    private Frame frameOf(Reg reg) {
        return run.state.frames[reg.frame];
    }

    /** The slot at the object's lowest address. */
    private int slot(Reg reg, String what, int slots) {
        if (!reg.isConst()) {
            run.log.line(what + " has to be at a constant offset");
            return NO_SLOT;
        }
        int off = (int) (reg.off + reg.bits.value());
        int slot = (-off - 1) / SLOT;
        if (off % SLOT != 0 || slot + 1 < slots) {
            run.log.line("cannot pass in " + what + " at an offset=" + off);
            return NO_SLOT;
        }
        return slot < frameOf(reg).slots() ? slot : NEW_SLOT;
    }

    private void requireRoom(int number, int bytes) {
        for (int at = 0; at < bytes; at += SLOT) {
            run.rules.require(Access.storeOfUnknown(number, at, SLOT));
        }
    }

    /** What was there is overwritten. */
    private void clear(int number, int bytes) {
        for (int at = 0; at < bytes; at += SLOT) {
            run.memory.access(Access.storeOfUnknown(number, at, SLOT));
        }
    }

    // --- dynptrs

    private static final String DYNPTR = "dynptr";

    /** The argument must be a place for a dynptr. */
    void requireNewDynptr(int number) {
        Reg reg = run.reg(number);
        requireDynptrPointer(reg, number);
        if (reg.type != RegType.STACK || slot(reg, DYNPTR, Dynptr.SLOTS) == NO_SLOT) {
            throw run.reject("Dynptr has to be an uninitialized dynptr");
        }
        requireRoom(number, Dynptr.SLOTS * SLOT);
    }

    /** The call makes a dynptr there. */
    void makeDynptr(int number, StackObject.Memory memory, int insn, int clonedRef) {
        clear(number, Dynptr.SLOTS * SLOT);
        Reg reg = run.reg(number);
        Frame frame = frameOf(reg);
        int slot = slot(reg, DYNPTR, Dynptr.SLOTS);
        int id = run.newId();
        int ref = clonedRef;
        if (memory == StackObject.Memory.RINGBUF && ref == 0) {
            ref = run.newId();
            run.state.acquire(ref, insn);
        }
        for (int i = 0; i < Dynptr.SLOTS; i++) {
            frame.fill(slot - i, Frame.DYNPTR);
            frame.spills[slot - i] = null;
            frame.setObject(slot - i, new Dynptr(memory, i == 0, id, ref));
            run.trustSlot(frame, slot - i);
            run.liveStack.write(frame.number, slot - i);
            run.scratchSlot(slot - i);
        }
    }

    private void requireDynptrPointer(Reg reg, int number) {
        if (reg.type != RegType.STACK && reg.type != RegType.DYNPTR) {
            throw run.reject("arg#" + (number - 1) + " expected pointer to stack or const struct bpf_dynptr");
        }
    }

    /**
     * The argument is a dynptr.
     *
     * @param changed whether the call changes the dynptr itself
     */
    Dynptr useDynptr(int number, boolean changed) {
        Reg reg = run.reg(number);
        requireDynptrPointer(reg, number);
        if (reg.type == RegType.DYNPTR) {
            if (changed) {
                throw run.reject("cannot pass pointer to const bpf_dynptr, the helper mutates it");
            }
            return reg.dynptr;
        }
        Frame frame = frameOf(reg);
        int slot = slot(reg, DYNPTR, Dynptr.SLOTS);
        boolean initialized = slot >= 0
                && frame.object(slot) instanceof Dynptr dynptr
                && dynptr.first()
                && frame.isAll(slot, Frame.DYNPTR)
                && frame.isAll(slot - 1, Frame.DYNPTR);
        if (!initialized) {
            throw run.reject("Expected an initialized dynptr as arg #" + (number - 1));
        }
        for (int i = 0; i < Dynptr.SLOTS; i++) {
            run.liveStack.read(frame.number, slot - i);
            run.scratchSlot(slot - i);
        }
        return (Dynptr) frame.object(slot);
    }

    /** A dynptr that is to be given back must hold a reference. */
    void requireReferenced(int number) {
        Reg reg = run.reg(number);
        if (reg.type != RegType.STACK) {
            throw run.reject("cannot release unowned const bpf_dynptr");
        }
        int slot = slot(reg, DYNPTR, Dynptr.SLOTS);
        StackObject found = slot < 0 ? null : frameOf(reg).object(slot);
        if (found == null || found.ref() == 0) {
            throw run.reject("arg " + number + " is an unacquired reference");
        }
    }

    /** A ring buffer's dynptr is taken away, with its clones and what was got of them. */
    void releaseDynptr(int number, Dynptr dynptr) {
        Reg reg = run.reg(number);
        if (dynptr.ref() == 0) {
            forget(frameOf(reg), slot(reg, DYNPTR, Dynptr.SLOTS));
            return;
        }
        run.state.giveBack(dynptr.ref());
        Frame frame = frameOf(reg);
        for (int slot = 1; slot < frame.slots(); slot++) {
            if (frame.object(slot) instanceof Dynptr each && each.first() && each.ref() == dynptr.ref()) {
                forget(frame, slot);
            }
        }
    }

    private static void forget(Frame frame, int slot) {
        for (int i = 0; i < Dynptr.SLOTS; i++) {
            frame.fill(slot - i, Frame.INVALID);
            frame.setObject(slot - i, null);
        }
    }

    /** A dynptr that must be given back may not be written over. */
    void requireOverwritable(Frame frame, int slot) {
        if (frame.kind(slot, 0) == Frame.DYNPTR
                && frame.object(slot) instanceof Dynptr dynptr
                && dynptr.memory() == StackObject.Memory.RINGBUF) {
            throw run.reject("cannot overwrite referenced dynptr");
        }
    }

    /** A slot is about to be written: a dynptr there is one no more. */
    void destroy(Frame frame, int slot) {
        if (frame.kind(slot, 0) != Frame.DYNPTR || !(frame.object(slot) instanceof Dynptr dynptr)) {
            return;
        }
        int first = dynptr.first() ? slot : slot + 1;
        run.scratchSlot(first);
        run.scratchSlot(first - 1);
        forget(frame, first);
        run.state.change(reg -> reg.type == RegType.MEM && reg.slice == dynptr.id(), Reg::setUnknown);
    }

    // --- iterators

    private void requireIteratorPointer(Reg reg, int number) {
        if (reg.type != RegType.STACK) {
            throw run.reject("arg#" + (number - 1) + " expected pointer to an iterator on stack");
        }
    }

    /** The argument must be a place for an iterator. */
    void requireNewIterator(int number, String type, int slots) {
        Reg reg = run.reg(number);
        requireIteratorPointer(reg, number);
        int slot = slot(reg, "iter_" + type, slots);
        boolean free = slot != NO_SLOT;
        for (int i = 0; i < slots && slot >= 0; i++) {
            free &= !frameOf(reg).has(slot - i, Frame.ITER);
        }
        if (!free) {
            throw run.reject("expected uninitialized iter_" + type + " as arg #" + (number - 1));
        }
        requireRoom(number, slots * SLOT);
    }

    /** The call makes an iterator there. */
    void makeIterator(int number, String type, int slots, int insn) {
        clear(number, slots * SLOT);
        Reg reg = run.reg(number);
        Frame frame = frameOf(reg);
        int slot = slot(reg, "iter_" + type, slots);
        int ref = run.newId();
        run.state.acquire(ref, insn);
        for (int i = 0; i < slots; i++) {
            frame.fill(slot - i, Frame.ITER);
            frame.spills[slot - i] = null;
            frame.setObject(slot - i, new Iterator(type, i == 0 ? ref : 0, false, 0));
            run.trustSlot(frame, slot - i);
            run.liveStack.write(frame.number, slot - i);
            run.scratchSlot(slot - i);
        }
    }

    /** The argument is an iterator that was begun. */
    Iterator useIterator(int number, String type, int slots) {
        Reg reg = run.reg(number);
        requireIteratorPointer(reg, number);
        Frame frame = frameOf(reg);
        int slot = slot(reg, "iter_" + type, slots);
        boolean begun = slot >= 0;
        for (int i = 0; i < slots && begun; i++) {
            begun = frame.object(slot - i) instanceof Iterator each
                    && each.type().equals(type)
                    && each.ref() != 0 == (i == 0)
                    && frame.isAll(slot - i, Frame.ITER);
        }
        if (!begun) {
            throw run.reject("expected an initialized iter_" + type + " as arg #" + (number - 1));
        }
        for (int i = 0; i < slots; i++) {
            run.liveStack.read(frame.number, slot - i);
            run.scratchSlot(slot - i);
        }
        return (Iterator) frame.object(slot);
    }

    void endIterator(int number, Iterator iterator, int slots) {
        Reg reg = run.reg(number);
        Frame frame = frameOf(reg);
        int slot = slot(reg, "iter_" + iterator.type(), slots);
        run.state.giveBack(iterator.ref());
        for (int i = 0; i < slots; i++) {
            frame.fill(slot - i, Frame.INVALID);
            frame.setObject(slot - i, null);
            run.liveStack.write(frame.number, slot - i);
            run.scratchSlot(slot - i);
        }
    }

    /** The iterator that a register points to, if it does. */
    static Iterator iteratorAt(State state, Reg reg) {
        if (reg.type != RegType.STACK || !reg.isConst()) {
            return null;
        }
        Frame frame = state.frames[reg.frame];
        int slot = slotOf(reg);
        return slot < frame.slots() && frame.object(slot) instanceof Iterator iterator ? iterator : null;
    }

    static int slotOf(Reg reg) {
        return (int) (-(reg.off + reg.bits.value()) - 1) / SLOT;
    }

    /** Whether an iterator went round another number of times in one state than in the other. */
    static boolean depthsDiffer(State old, State current) {
        for (int f = old.current; f >= 0; f--) {
            Frame a = old.frames[f];
            Frame b = current.frames[f];
            for (int slot = 0; slot < a.slots(); slot++) {
                if (a.kind(slot, 0) == Frame.ITER
                        && a.object(slot) instanceof Iterator was
                        && !was.drained()
                        && slot < b.slots()
                        && b.object(slot) instanceof Iterator is
                        && was.depth() != is.depth()) {
                    return true;
                }
            }
        }
        return false;
    }
}
