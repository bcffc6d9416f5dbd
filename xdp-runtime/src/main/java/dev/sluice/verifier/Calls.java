package dev.sluice.verifier;

import dev.sluice.helper.Helper;
import dev.sluice.helper.Kfunc;

/** Calls of functions of the program, their returns, and the end of the program. */
final class Calls {
    private static final State.Ref[] NOTHING = {};

    private final Run run;
    private final Layout layout;
    private final GlobalFunctions globals;

    Calls(Run run) {
        this.run = run;
        this.layout = run.layout;
        this.globals = new GlobalFunctions(run);
    }

    boolean isGlobal(int function) {
        return globals.isGlobal(function);
    }

    GlobalFunctions globals() {
        return globals;
    }

    Run.Step call(int i) {
        if (layout.src[i] == Layout.KFUNC) {
            run.locks.requireNone(KfuncCalls.isAllowedUnderLock(layout.kfuncAt(i)));
            run.kfuncs.call(i);
            if (layout.kfuncAt(i) == Kfunc.THROW) {
                requireNothingHeld("bpf_throw", true);
                return Run.Step.ENDED;
            }
            run.insn = i + 1;
            return Run.Step.MOVED;
        }
        if (layout.src[i] == 1) {
            return callFunction(i);
        }
        run.locks.requireNone(layout.imm[i] == Helper.SPIN_UNLOCK.number());
        run.helpers.call(i);
        if (layout.imm[i] == Helper.TAIL_CALL.number()) {
            tailCall(i);
        } else {
            run.insn = i + 1;
        }
        return Run.Step.MOVED;
    }

    /** A tail call that succeeds is, to a function's caller, a return of it with any number, from another packet. */
    private void tailCall(int i) {
        if (run.state.current == 0) {
            run.insn = i + 1;
            return;
        }
        run.scratch(0);
        run.push(i + 1, i);
        run.state.forgetPacket();
        run.reg(0).setUnknown();
        leave();
    }

    private Run.Step callFunction(int i) {
        int function = layout.functionAt(i + 1 + layout.imm[i]);
        Frame caller = run.state.frame();
        if (globals.isGlobal(function)) {
            if (run.state.lock() != null) {
                run.log.line("global function calls are not allowed while holding a lock,");
                throw run.reject("use static function instead");
            }
            globals.requireArguments(function);
            run.arguments.apply();
            if (run.log.isOn()) {
                run.log.line("Func#" + function + " ('" + globals.name(function) + "') is global and assumed valid.");
            }
            if (layout.movesPacket[function]) {
                run.state.forgetPacket();
            }
            globals.markCalled(function);
            run.clearCallerSaved(caller);
            caller.own(0).setUnknown();
            run.insn = i + 1;
            return Run.Step.MOVED;
        }
        Frame callee = enter(run.state, i, function);
        for (int r = 1; r <= 5; r++) {
            caller.regs[r].shared = true;
            callee.regs[r] = caller.regs[r];
        }
        run.clearCallerSaved(caller);
        if (run.log.isOn()) {
            run.log.line("caller:");
            run.printFrame(caller);
            run.log.line("callee:");
            run.printFrame(callee);
        }
        run.insn = layout.starts[function];
        return Run.Step.MOVED;
    }

    private Frame enter(State state, int callsite, int function) {
        if (state.current + 1 >= State.MAX_FRAMES) {
            throw run.reject("the call stack of " + (state.current + 2) + " frames is too deep");
        }
        Frame callee = new Frame(state.current + 1, callsite, function);
        Reg pointer = callee.own(Run.REG_FP);
        pointer.setPointer(RegType.STACK);
        pointer.frame = state.current + 1;
        state.current++;
        state.frames[state.current] = callee;
        run.scratchAll();
        return callee;
    }

    /** Puts aside a state in which a helper has called a function of the program. */
    State pushCallback(int insn, int function) {
        State body = run.push(layout.starts[function], insn);
        Frame callee = enter(body, insn, function);
        callee.inCallback = true;
        run.callbacks.set(function);
        body.callbackUnrollDepth++;
        body.frames[body.current - 1].callbackDepth++;
        run.state.frame().callbackDepth = 0;
        return body;
    }

    Run.Step exit(int i) {
        State state = run.state;
        boolean inMain = state.current == 0;
        if (inMain) {
            requireNothingHeld("BPF_EXIT instruction in main prog", false);
        } else {
            leave();
            return Run.Step.RETURNED;
        }
        run.requireReadable(0);
        if (state.frame().inAsyncCallback) {
            requireAsyncResult(run.reg(0));
        } else if (state.frame().subprog != 0) {
            Reg r0 = run.reg(0);
            if (r0.type != RegType.SCALAR) {
                throw run.reject(
                        "At subprogram exit the register R0 is not a scalar value (" + StatePrinter.name(r0) + ")");
            }
        }
        return Run.Step.ENDED;
    }

    private void requireAsyncResult(Reg r0) {
        String where = "At async callback return";
        if (r0.type != RegType.SCALAR) {
            throw run.reject(where + " the register R0 is not a known value (" + StatePrinter.name(r0) + ")");
        }
        run.precision.mark(0);
        if (r0.smin < 0 || r0.smax > 0) {
            throw run.reject(outOfRange(where, r0, 0, 0));
        }
    }

    /**
     * Before the program ends, all that was taken must have been given back.
     *
     * @param whole whether functions that called this one end as well, and so cannot give back anything
     */
    void requireNothingHeld(String what, boolean whole) {
        State state = run.state;
        boolean leaks = false;
        for (State.Ref ref : whole || state.current == 0 ? state.refs : NOTHING) {
            if (!ref.isLock()) {
                run.log.line("Unreleased reference id=" + ref.id() + " alloc_insn=" + ref.insn());
                leaks = true;
            }
        }
        if (leaks) {
            throw run.reject(what + " would lead to reference leak");
        }
        if (state.lock() != null) {
            throw run.reject(what + " cannot be used inside bpf_spin_lock-ed region");
        }
        if (state.rcuLocked) {
            throw run.reject(what + " cannot be used inside bpf_rcu_read_lock-ed region");
        }
        if (state.preemptDisabled != 0) {
            throw run.reject(what + " cannot be used inside bpf_preempt_disable-ed region");
        }
    }

    private void requireResult(Frame callee) {
        Reg r0 = callee.regs[0];
        if (r0.type == RegType.STACK) {
            throw run.reject("cannot return stack pointer to the caller");
        }
        if (callee.inCallback) {
            if (r0.type != RegType.SCALAR) {
                throw run.reject("R0 not a scalar value");
            }
            run.precision.mark(0);
            if (r0.smin < callee.callbackReturnMin || r0.smax > callee.callbackReturnMax) {
                throw run.reject(
                        outOfRange("At callback return", r0, callee.callbackReturnMin, callee.callbackReturnMax));
            }
        }
    }

    private void leave() {
        State state = run.state;
        run.liveStack.update();
        Frame callee = state.frame();
        Frame caller = state.frames[state.current - 1];
        requireResult(callee);
        if (callee.inCallback) {
            run.insn = callee.callsite;
        } else {
            caller.own(0).copy(callee.regs[0]);
            run.insn = callee.callsite + 1;
        }
        if (run.log.isOn()) {
            run.log.line("returning from callee:");
            run.printFrame(callee);
            run.log.line("to caller at " + run.insn + ":");
            run.printFrame(caller);
        }
        state.frames[state.current] = null;
        state.current--;
        if (callee.inCallback) {
            State before = run.pruner.previousEntry(state, run.insn);
            if (before != null) {
                run.pruner.widen(before, state);
            }
        }
    }

    private static String outOfRange(String where, Reg r0, int min, int max) {
        StringBuilder text = new StringBuilder(where).append(" the register R0 has");
        boolean unknown = true;
        if (r0.smin > Long.MIN_VALUE) {
            text.append(" smin=").append(r0.smin);
            unknown = false;
        }
        if (r0.smax < Long.MAX_VALUE) {
            text.append(" smax=").append(r0.smax);
            unknown = false;
        }
        if (unknown) {
            text.append(" unknown scalar value");
        }
        return text.append(" should have been in [")
                .append(min)
                .append(", ")
                .append(max)
                .append(']')
                .toString();
    }
}
