package dev.sluice.conformance.verifier;

import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.btf.Btf;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.StepSink;
import dev.sluice.isa.Instruction;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.program.Facts;
import dev.sluice.program.Program;
import dev.sluice.program.RegisterFact;
import dev.sluice.verifier.Subjects;
import dev.sluice.verifier.Verdict;
import dev.sluice.verifier.Verifier;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Holds what runs against what was proved: before each instruction that the interpreter executes, its operands have to be
 * what the verifier says, its slot must count as reached, and a jump must have gone one of the ways that are possible. What
 * is not is a {@link Violation}: the verifier is wrong. On one queue's thread.
 */
public final class FactsWatch implements StepSink {
    private static final int REGISTERS = 10;

    /** What was proved does not hold: a bug of the verifier. */
    public static final class Violation extends AssertionError {
        Violation(String message) {
            super(message);
        }
    }

    private record Watched(Program program, Facts facts) {}

    private final RunContext context;
    private final Map<Integer, Watched> programs = new HashMap<>();
    private int lastProgram;
    private int lastPc;
    private int lastDepth = -1;
    private long checked;

    /** Watches runs in a context; {@link #add} says of which programs. */
    public FactsWatch(RunContext context) {
        this.context = context;
    }

    /** Watches all programs of an object that the verifier accepts with a proof. */
    public static FactsWatch of(
            LoadedObject object, ObjectSpec spec, @Nullable Btf target, int cpus, RunContext context) {
        FactsWatch watch = new FactsWatch(context);
        for (LoadedProgram loaded : object.programs()) {
            try {
                Verdict verdict = Verifier.create()
                        .withCpus(cpus)
                        .verify(Subjects.of(spec, loaded.linked().spec(), target));
                if (verdict instanceof Verdict.Verified verified
                        && verified.facts().isProof()) {
                    watch.add(loaded.id(), loaded.executable().program(), verified.facts());
                }
            } catch (ObjectException e) {
                continue; // it does not come to be verified
            }
        }
        return watch;
    }

    /** Watches a program from now on. */
    public void add(int programId, Program program, Facts facts) {
        programs.put(programId, new Watched(program, facts));
    }

    /** Stops watching all programs. */
    public void clear() {
        programs.clear();
        lastDepth = -1;
    }

    /** Operands that were checked so far. */
    public long checked() {
        return checked;
    }

    @Override
    public void step(int programId, int pc, int depth, long[] registers) {
        Watched watched = programs.get(programId);
        if (watched == null) {
            lastDepth = -1;
            return;
        }
        Facts facts = watched.facts;
        if (!facts.isReached(pc)) {
            throw wrong(watched, pc, "is executed, but counts as dead code");
        }
        if (depth == lastDepth && programId == lastProgram) {
            checkWay(watched, pc);
        }
        for (int r = 0; r < REGISTERS; r++) {
            RegisterFact fact = facts.before(pc, r);
            if (fact.kind() != RegisterFact.Kind.ANY) {
                checked++;
                if (!holds(fact, registers[r], registers[Instruction.FP])) {
                    throw wrong(watched, pc, "r" + r + "=0x" + Long.toHexString(registers[r]) + " is not " + fact);
                }
            }
        }
        lastProgram = programId;
        lastPc = pc;
        lastDepth = depth;
    }

    private void checkWay(Watched watched, int pc) {
        Instruction last = watched.program.code().at(lastPc);
        if (last == null || !last.form().isConditional() || last.target(lastPc) == lastPc + 1) {
            return;
        }
        boolean taken = pc == last.target(lastPc);
        boolean possible = switch (watched.facts.outcome(lastPc)) {
            case OPEN -> true;
            case ALWAYS -> taken;
            case NEVER -> !taken;
        };
        if (!possible && (taken || pc == lastPc + 1)) {
            throw wrong(watched, lastPc, "goes the other way");
        }
    }

    private boolean holds(RegisterFact fact, long value, long fp) {
        return switch (fact.kind()) {
            case ANY -> true;
            case SCALAR -> fact.range().contains(value);
            case CTX -> isWithin(fact, value - context.xdpMd);
            case PACKET -> isWithin(fact, value - context.data);
            case PACKET_META -> isWithin(fact, value - context.dataMeta);
            case PACKET_END -> value == context.dataEnd;
            case STACK -> !fact.ownFrame() || isWithin(fact, value - fp);
            case MAP, MAP_VALUE, MAP_KEY, MEMORY, FUNCTION, OBJECT -> !fact.nonNull() || value != 0;
        };
    }

    private static boolean isWithin(RegisterFact fact, long offset) {
        return offset >= fact.minOffset() && offset <= fact.maxOffset();
    }

    private static Violation wrong(Watched watched, int pc, String what) {
        return new Violation(
                "the verifier is wrong: program " + watched.program.name() + ": instruction " + pc + " " + what);
    }
}
