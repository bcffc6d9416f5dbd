package dev.sluice.jit;

import dev.sluice.exec.BaseExecutable;
import dev.sluice.exec.FaultSink;
import dev.sluice.helper.RunContext;
import dev.sluice.program.Program;

/** A compiled program. Which code a way of running it needs is compiled when it is first run that way. */
final class JitExecutable extends BaseExecutable {
    private final Settings settings;

    /** Instructions that a run of the packet loop can execute at most, or a negative number when that is not bounded. */
    private final long bound;

    private volatile JitCode loop;
    private volatile JitCode countedLoop;
    private volatile JitCode contextEntry;
    private volatile JitCode argumentsEntry;

    JitExecutable(Program program, int programId, Settings settings) {
        super(program, programId);
        this.settings = settings;
        bound = Bound.of(program);
    }

    Settings settings() {
        return settings;
    }

    /** Whether the packet loop has to count, given a limit of instructions. */
    boolean isCounted(long instructionLimit) {
        return settings.checked() && (bound < 0 || bound > instructionLimit);
    }

    @Override
    public void run(RunContext context, long descriptors, int count, FaultSink faults) {
        JitCode code = isCounted(context.instructionLimit) ? countedLoop : loop;
        if (code == null) {
            code = compileLoop(isCounted(context.instructionLimit));
        }
        code.run(context, descriptors, count, faults);
    }

    private synchronized JitCode compileLoop(boolean counted) {
        JitCode code = counted ? countedLoop : loop;
        if (code == null) {
            code = compile(new Variant(Variant.Entry.LOOP, counted));
            if (counted) {
                countedLoop = code;
            } else {
                loop = code;
            }
        }
        return code;
    }

    @Override
    public long execute(RunContext context, long r1, long r2, int depth) {
        long framePointer = context.framePointer(depth);
        JitCode code = r1 == context.xdpMd ? tailTarget() : argumentsEntry();
        long result = code.enter(context, r1, r2, framePointer);
        if (context.tailTarget != null) {
            result = JitRuntime.tailCall(context, framePointer);
        }
        return result;
    }

    /** The entry that tail calls take. */
    JitCode tailTarget() {
        JitCode code = contextEntry;
        if (code == null) {
            synchronized (this) {
                code = contextEntry;
                if (code == null) {
                    code = compile(new Variant(Variant.Entry.CONTEXT, settings.checked()));
                    contextEntry = code;
                }
            }
        }
        return code;
    }

    private JitCode argumentsEntry() {
        JitCode code = argumentsEntry;
        if (code == null) {
            synchronized (this) {
                code = argumentsEntry;
                if (code == null) {
                    code = compile(new Variant(Variant.Entry.ARGUMENTS, settings.checked()));
                    argumentsEntry = code;
                }
            }
        }
        return code;
    }

    /** What the packet loop is made of. */
    JitListing listing() {
        Variant variant = new Variant(Variant.Entry.LOOP, isCounted(RunContext.NO_LIMIT));
        return JitListing.of(program(), Compiler.compile(program(), variant, settings, Lines.Mode.LISTING));
    }

    private JitCode compile(Variant variant) {
        return ProgramLoader.load(Compiler.compile(program(), variant, settings, Lines.Mode.SOURCE));
    }
}
