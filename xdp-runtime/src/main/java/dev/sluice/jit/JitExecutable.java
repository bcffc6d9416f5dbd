package dev.sluice.jit;

import dev.sluice.exec.BaseExecutable;
import dev.sluice.exec.FaultSink;
import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.RunContext;
import dev.sluice.program.Program;
import org.jspecify.annotations.Nullable;

/** A compiled program. Which code a way of running it needs is compiled when it is first run that way. */
final class JitExecutable extends BaseExecutable {
    private final Settings settings;

    /** Instructions that a run of the packet loop can execute at most, or a negative number when that is not bounded. */
    private final long bound;

    /** By way in: code that does not count instructions. */
    private final CompiledVariant[] plain;

    /** By way in: code that does. */
    private final CompiledVariant[] counted;

    JitExecutable(Program program, int programId, Settings settings) {
        super(program, programId);
        this.settings = settings;
        bound = Bound.of(program);
        plain = variants(program, settings, false);
        counted = variants(program, settings, true);
    }

    private static CompiledVariant[] variants(Program program, Settings settings, boolean counted) {
        Variant.Entry[] entries = Variant.Entry.values();
        CompiledVariant[] variants = new CompiledVariant[entries.length];
        for (Variant.Entry entry : entries) {
            variants[entry.ordinal()] = new CompiledVariant(program, settings, entry, counted);
        }
        return variants;
    }

    @Override
    public String engine() {
        return settings.checked() ? JitEngine.CHECKED : JitEngine.UNCHECKED;
    }

    /** The code of a way in. What is proved ends, and is counted only for a limit that somebody has set. */
    private CompiledVariant variant(Variant.Entry entry, long limit) {
        boolean counts;
        if (entry == Variant.Entry.LOOP) {
            boolean mayReach = bound < 0 || bound > limit;
            counts = mayReach && (settings.checked() || limit < RunContext.USUAL_LIMIT);
        } else {
            counts = settings.checked() || limit < RunContext.USUAL_LIMIT; // others have used up a part of the limit
        }
        return (counts ? counted : plain)[entry.ordinal()];
    }

    @Override
    protected void runAll(RunContext context, long descriptors, int count, FaultSink faults) {
        variant(Variant.Entry.LOOP, context.instructionLimit).code(context).run(context, descriptors, count, faults);
    }

    @Override
    public long execute(RunContext context, long r1, long r2, int depth) {
        long framePointer = context.framePointer(depth);
        Variant.Entry entry = r1 == context.xdpMd && r2 == 0 ? Variant.Entry.CONTEXT : Variant.Entry.ARGUMENTS;
        long result;
        try {
            result = variant(entry, context.instructionLimit).code(context).enter(context, r1, r2, framePointer);
        } catch (ProgramFault fault) {
            throw fault;
        } catch (Throwable e) {
            throw JitRuntime.<RuntimeException>located(e, program());
        }
        if (context.tailTarget != null) {
            result = JitRuntime.tailCall(context, framePointer, false);
        }
        return result;
    }

    /** The entry that tail calls take. */
    JitCode tailTarget(RunContext context) {
        return variant(Variant.Entry.CONTEXT, context.instructionLimit).code(context);
    }

    /** What the packet loop is made of when it runs there. */
    JitListing listing(@Nullable Surroundings known) {
        Variant variant = variant(Variant.Entry.LOOP, RunContext.NO_LIMIT).variant(true);
        return JitListing.of(program(), Compiler.compile(program(), variant, settings, known, Lines.Mode.LISTING));
    }
}
