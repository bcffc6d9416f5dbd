package dev.sluice.jit;

import dev.sluice.exec.BaseExecutable;
import dev.sluice.exec.FaultSink;
import dev.sluice.helper.RunContext;
import dev.sluice.memory.Regions;
import dev.sluice.program.Program;

/** A compiled program. Which code a way of running it needs is compiled when it is first run that way. */
final class JitExecutable extends BaseExecutable {
    private final Settings settings;

    /** Instructions that a run of the packet loop can execute at most, or a negative number when that is not bounded. */
    private final long bound;

    private final CompiledVariant loop;
    private final CompiledVariant countedLoop;
    private final CompiledVariant contextEntry;
    private final CompiledVariant argumentsEntry;

    JitExecutable(Program program, int programId, Settings settings) {
        super(program, programId);
        this.settings = settings;
        bound = Bound.of(program);
        loop = new CompiledVariant(program, settings, Variant.Entry.LOOP, false);
        countedLoop = new CompiledVariant(program, settings, Variant.Entry.LOOP, true);
        contextEntry = new CompiledVariant(program, settings, Variant.Entry.CONTEXT, settings.checked());
        argumentsEntry = new CompiledVariant(program, settings, Variant.Entry.ARGUMENTS, settings.checked());
    }

    @Override
    public String engine() {
        return settings.checked() ? JitEngine.CHECKED : JitEngine.UNCHECKED;
    }

    /** The packet loop for a limit of instructions: whether it has to count. */
    private CompiledVariant loop(long instructionLimit) {
        boolean counts = settings.checked() && (bound < 0 || bound > instructionLimit);
        return counts ? countedLoop : loop;
    }

    @Override
    protected void runAll(RunContext context, long descriptors, int count, FaultSink faults) {
        loop(context.instructionLimit).code(context.regions).run(context, descriptors, count, faults);
    }

    @Override
    public long execute(RunContext context, long r1, long r2, int depth) {
        long framePointer = context.framePointer(depth);
        CompiledVariant entry = r1 == context.xdpMd && r2 == 0 ? contextEntry : argumentsEntry;
        long result = entry.code(context.regions).enter(context, r1, r2, framePointer);
        if (context.tailTarget != null) {
            result = JitRuntime.tailCall(context, framePointer);
        }
        return result;
    }

    /** The entry that tail calls take. */
    JitCode tailTarget(Regions regions) {
        return contextEntry.code(regions);
    }

    /** What the packet loop is made of. */
    JitListing listing() {
        Variant variant = loop(RunContext.NO_LIMIT).variant(true);
        return JitListing.of(program(), Compiler.compile(program(), variant, settings, Lines.Mode.LISTING));
    }
}
