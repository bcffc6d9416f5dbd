package dev.sluice.verifier;

import java.util.ArrayList;
import java.util.List;

/**
 * Verifies programs as Linux 6.18 would for a privileged loader. Immutable, for any thread; a verification allocates
 * states as it walks.
 */
public final class Verifier {
    private final int logLevel;
    private final int cpus;
    private final long limitNanos;

    private Verifier(int logLevel, int cpus, long limitNanos) {
        this.logLevel = logLevel;
        this.cpus = cpus;
        this.limitNanos = limitNanos;
    }

    /** A verifier that writes no log but for the error, for a machine with as many CPUs as this one. */
    public static Verifier create() {
        return new Verifier(0, Runtime.getRuntime().availableProcessors(), Long.MAX_VALUE);
    }

    /** The log: 0 only errors, 1 the path that is refused, 2 all paths. */
    public Verifier withLogLevel(int level) {
        return new Verifier(level, cpus, limitNanos);
    }

    /** How many CPUs the target may have; {@code bpf_get_smp_processor_id} is known to be less. */
    public Verifier withCpus(int count) {
        return new Verifier(logLevel, count, limitNanos);
    }

    /** Gives up, as {@link Verdict.Unsupported}, on a program that takes longer. */
    public Verifier withTimeLimit(long nanos) {
        return new Verifier(logLevel, cpus, nanos);
    }

    /** Verifies a program. */
    public Verdict verify(Subject subject) {
        Log log = new Log(logLevel);
        if (subject.insns().length == 0 || subject.insns().length % 8 != 0) {
            return new Verdict.Rejected("expected instructions of 8 bytes each", -1, List.of(), "", none());
        }
        Layout layout = new Layout(subject, log);
        if (layout.size > Layout.MAX_SLOTS) {
            // the kernel says E2BIG and leaves the log empty
            return new Verdict.Rejected("", -1, List.of(), "", none());
        }
        Run run = null;
        try {
            layout.check();
            run = new Run(subject, log, layout, cpus, limitNanos);
            walk(run);
            Verdict.Statistics statistics = statistics(run);
            return new Verdict.Verified(subject, run.facts.result(), finish(log, statistics), statistics);
        } catch (RejectedException e) {
            Verdict.Statistics statistics = run == null ? none() : statistics(run);
            return new Verdict.Rejected(
                    String.valueOf(e.getMessage()),
                    run == null ? -1 : run.insn,
                    run == null ? List.of() : Trail.steps(run.state.trail, run),
                    finish(log, statistics),
                    statistics);
        } catch (UnsupportedException e) {
            Verdict.Statistics statistics = run == null ? none() : statistics(run);
            return new Verdict.Unsupported(
                    String.valueOf(e.getMessage()), run == null ? -1 : run.insn, finish(log, statistics), statistics);
        }
    }

    private static void walk(Run run) {
        LiveRegisters live = LiveRegisters.of(run.layout);
        run.liveBefore = live.before;
        run.used = live.used;
        if (run.detailed) {
            LiveRegistersPrinter.print(run, live);
        }
        run.calls.globals().requireNoExceptionCallback();
        if (run.log.isOn()) {
            run.calls.globals().describeMain();
        }
        run.simulate(mainEntry(), 0);
        GlobalFunctions globals = run.calls.globals();
        boolean[] done = new boolean[run.layout.starts.length];
        boolean again = true;
        while (again) {
            again = false;
            for (int f = 1; f < done.length; f++) {
                if (!done[f] && globals.isGlobal(f) && globals.isCalled(f)) {
                    done[f] = true;
                    again = true;
                    run.pruner.reset();
                    if (run.log.isOn()) {
                        run.log.line("Validating " + globals.name(f) + "() func#" + f + "...");
                    }
                    run.simulate(globals.entry(f), run.layout.starts[f]);
                    if (run.log.isOn()) {
                        run.log.line("Func#" + f + " ('" + globals.name(f)
                                + "') is safe for any args that match its prototype");
                    }
                }
            }
        }
        StackDepth.check(run);
    }

    private static State mainEntry() {
        State state = new State();
        Frame frame = new Frame(0, -1, 0);
        frame.own(1).setPointer(RegType.CTX);
        frame.own(Run.REG_FP).setPointer(RegType.STACK);
        state.frames[0] = frame;
        return state;
    }

    private static String finish(Log log, Verdict.Statistics statistics) {
        return log + statistics.line();
    }

    private static Verdict.Statistics none() {
        return new Verdict.Statistics(0, 0, 0, 0, List.of());
    }

    private static Verdict.Statistics statistics(Run run) {
        List<Integer> stack = new ArrayList<>();
        for (int bytes : run.stackDepth) {
            stack.add(bytes);
        }
        return new Verdict.Statistics(run.processed, run.pruner.total, run.pruner.peak, run.pruner.maxPerInsn, stack);
    }
}
