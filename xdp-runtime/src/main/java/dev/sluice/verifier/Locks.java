package dev.sluice.verifier;

import dev.sluice.map.ValueFields;

/** Locks and timers in values of maps: which register may be taken for one, and the lock that is held. */
final class Locks {
    private final Run run;

    Locks(Run run) {
        this.run = run;
    }

    /** Whether a pointer to a value keeps its id when it is known not to be NULL: to tell its lock from others. */
    static boolean mayHoldLock(Reg reg) {
        return reg.type == RegType.MAP_VALUE
                && (reg.map.fields().has(ValueFields.Kind.SPIN_LOCK)
                        || reg.map.fields().has(ValueFields.Kind.RES_SPIN_LOCK));
    }

    /** Whether an inner map has an identity of its own: its timers must be given together with it. */
    static boolean needsUid(KnownMap inner) {
        return inner.fields().has(ValueFields.Kind.TIMER)
                || inner.fields().has(ValueFields.Kind.WORKQUEUE)
                || inner.fields().has(ValueFields.Kind.TASK_WORK);
    }

    /** What may be called under a lock: static functions, and the helper that gives it back. */
    void requireNone(boolean allowed) {
        if (!allowed && run.state.lock() != null) {
            throw run.reject("function calls are not allowed while holding a lock");
        }
    }

    /** A second lock is refused before that, as a call under the first one. */
    void requireSpinLock(Reg reg, int number, boolean take) {
        requireField(reg, number, ValueFields.Kind.SPIN_LOCK, "bpf_spin_lock");
        if (take) {
            return;
        }
        State.Ref held = run.state.lock();
        if (held == null) {
            throw run.reject("bpf_spin_unlock without taking a lock");
        }
        if (held.id() != reg.id || !held.lockIn().equals(reg.map)) {
            throw run.reject("bpf_spin_unlock of different lock");
        }
    }

    /** Takes or gives back the lock in the value that a register points to. */
    void change(Reg reg, boolean take) {
        if (take) {
            run.state.takeLock(reg.map, reg.id, run.insn);
        } else {
            run.state.remove(run.state.lock());
        }
    }

    void requireTimer(Reg reg, int number) {
        requireField(reg, number, ValueFields.Kind.TIMER, "bpf_timer");
    }

    private void requireField(Reg reg, int number, ValueFields.Kind kind, String name) {
        if (!reg.isConst()) {
            throw run.reject(
                    "R" + number + " doesn't have constant offset. " + name + " has to be at the constant offset");
        }
        KnownMap map = reg.map;
        if (!map.typed()) {
            throw run.reject("map '" + shownName(map) + "' has to have BTF in order to use " + name);
        }
        int expected = map.fields().offsetOf(kind);
        if (expected < 0) {
            throw run.reject("map '" + shownName(map) + "' has no valid " + name);
        }
        long at = reg.bits.value() + reg.off;
        if (at != expected) {
            throw run.reject("off " + at + " doesn't point to 'struct " + name + "' that is at " + expected);
        }
    }

    /** The kernel keeps 15 characters. */
    private static String shownName(KnownMap map) {
        String name = map.def().name();
        return name.length() > 15 ? name.substring(0, 15) : name;
    }
}
