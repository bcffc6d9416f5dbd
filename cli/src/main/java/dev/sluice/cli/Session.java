package dev.sluice.cli;

import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.TraceLog;
import dev.sluice.XdpRuntime;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.RunTotals;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A program that was chosen and loaded, with its counters and its trace, ready for packets. */
final class Session implements AutoCloseable {
    private final ObjectOptions.Choice choice;
    private final RunOptions options;
    private final XdpRuntime runtime;
    private final LoadedObject object;
    private final LoadedProgram program;
    private final LoadedMap counters;
    private final TraceLog trace;
    private final List<EventLog> events;
    private final @Nullable PinFolder pins;

    private Session(ObjectOptions.Choice choice, RunOptions options, XdpRuntime runtime, boolean inOrder) {
        this.choice = choice;
        this.options = options;
        this.runtime = runtime;
        options.network().apply(runtime);
        object = choice.load(runtime);
        program = choice.program(runtime, object);
        counters = VerdictMap.create(runtime);
        trace = new TraceLog(options.traceLimit());
        events = options.events().open(runtime, List.of(object), inOrder);
        pins = options.pins(runtime, List.of(object));
    }

    /**
     * @param queues of each NIC, which is the number of CPUs that programs see
     * @param inOrder whether one thread runs everything in capture time: then events are read in order too, and none is lost
     */
    static Session open(ObjectOptions.Choice choice, RunOptions options, int queues, boolean inOrder) {
        XdpRuntime runtime = new XdpRuntime(options.engine().engine(), queues, options.seed());
        boolean opened = false;
        try {
            Session session = new Session(choice, options, runtime, inOrder);
            opened = true;
            return session;
        } finally {
            if (!opened) {
                runtime.close();
            }
        }
    }

    LoadedProgram program() {
        return program;
    }

    LoadedObject object() {
        return object;
    }

    LoadedMap counters() {
        return counters;
    }

    String engineName() {
        return program.executable().engine();
    }

    /** From now on events are dropped, or written again. */
    void muteEvents(boolean muted) {
        events.forEach(log -> log.mute(muted));
    }

    /** What a queue runs the program with. */
    RunContext context(int cpu, Clock clock) {
        RunContext context = runtime.newContext(clock, cpu);
        context.trace = trace;
        events.forEach(log -> log.clock(clock));
        context.instructionLimit = options.maxInsns();
        return context;
    }

    /**
     * Reads the last events and keeps pinned maps, when the program runs no more.
     *
     * @return what could not be written
     */
    List<String> finish() {
        List<String> failures = new ArrayList<>();
        events.forEach(log -> failures.addAll(log.finish()));
        if (pins != null) {
            failures.addAll(pins.save());
        }
        return failures;
    }

    /** @param sources what the packets came from, for the heading */
    RunReport report(RunTotals totals, List<String> sources) {
        return new RunReport(choice, program, object, counters, totals, trace, events, sources);
    }

    @Override
    public void close() {
        events.forEach(EventLog::close);
        if (pins != null) {
            pins.close();
        }
        runtime.close();
    }
}
