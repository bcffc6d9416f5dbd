package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.XdpRuntime;
import dev.sluice.exec.Executable;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.measure.EngineRepeater;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.pcap.CaptureException;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordedObject;
import jdk.jfr.consumer.RecordingStream;

/**
 * What HotSpot's second compiler made of a program: the program runs over packets until its packet loop is compiled, and
 * the JVM's flight recorder tells the sizes and what was not inlined.
 */
final class C2Report {
    private static final int C2_LEVEL = 4;
    private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(120);

    /** Further compilations of the same loop come within this time of the last. */
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(2);

    private static final int MOST_PACKETS = 256;
    private static final int REPEAT = 64;
    private static final String PACKAGE = "dev.sluice.jited.";

    /**
     * A method that was compiled.
     *
     * @param code bytes of machine code
     * @param inlined bytes of bytecode of what was inlined into it
     */
    private record Compilation(int id, String method, boolean osr, long code, long inlined, Duration time) {}

    /** A call that stayed one. */
    private record Call(int compilation, String caller, int bci, String callee, String reason) {}

    private final Map<String, Compilation> compilations = new LinkedHashMap<>();
    private final List<Call> calls = new ArrayList<>();

    private C2Report(Collection<Compilation> compiled, Collection<Call> refused) {
        compiled.forEach(compilation -> compilations.put(compilation.method, compilation)); // the last counts
        Map<Call, Boolean> seen = new HashMap<>();
        for (Call call : refused) {
            boolean counts = compilations.values().stream().anyMatch(compilation -> compilation.id == call.compilation);
            if (counts && seen.put(call, true) == null) {
                calls.add(call);
            }
        }
    }

    /** Runs a program over captures until C2 has compiled it. */
    static C2Report of(XdpRuntime runtime, Executable program, List<String> captures) {
        ConcurrentLinkedQueue<Compilation> compiled = new ConcurrentLinkedQueue<>();
        ConcurrentLinkedQueue<Call> refused = new ConcurrentLinkedQueue<>();
        try (RecordingStream stream = new RecordingStream();
                PacketSet packets = PacketSet.read(captures, MOST_PACKETS);
                RunContext context = runtime.newContext(System::nanoTime, 0);
                EngineRepeater repeater = new EngineRepeater(program, context)) {
            if (packets.size() == 0) {
                throw new CommandFailure("--c2: expected packets of 14 bytes and more, found none");
            }
            stream.enable("jdk.Compilation").withThreshold(Duration.ZERO);
            stream.enable("jdk.CompilerInlining");
            stream.onEvent("jdk.Compilation", event -> compilation(event, compiled));
            stream.onEvent("jdk.CompilerInlining", event -> call(event, refused));
            stream.startAsync();
            long start = System.nanoTime();
            long last = start;
            int before = 0;
            while (System.nanoTime() - start < MOST_NANOS && (before == 0 || System.nanoTime() - last < QUIET_NANOS)) {
                for (int i = 0; i < packets.size(); i++) {
                    repeater.run(packets.address(i), packets.length(i), REPEAT);
                }
                if (compiled.size() != before) {
                    before = compiled.size();
                    last = System.nanoTime();
                }
            }
            stream.stop();
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
        return new C2Report(compiled, refused);
    }

    private static void compilation(RecordedEvent event, Collection<Compilation> compiled) {
        RecordedMethod method = event.getValue("method");
        if (method != null
                && event.getShort("compileLevel") == C2_LEVEL
                && event.getBoolean("succeded") // the event's field is spelt so
                && method.getType().getName().startsWith(PACKAGE)
                && !method.getName().equals("run")) { // which calls the packet loop, and nothing else
            compiled.add(new Compilation(
                    event.getInt("compileId"),
                    method.getName(),
                    event.getBoolean("isOsr"),
                    event.getLong("codeSize"),
                    event.getLong("inlinedBytes"),
                    event.getDuration()));
        }
    }

    private static void call(RecordedEvent event, Collection<Call> refused) {
        RecordedMethod caller = event.getValue("caller");
        RecordedObject callee = event.getValue("callee");
        if (caller != null && callee != null && !event.getBoolean("succeeded")) {
            String type = callee.getString("type");
            refused.add(new Call(
                    event.getInt("compileId"),
                    caller.getName(),
                    event.getInt("bci"),
                    type.substring(type.lastIndexOf('/') + 1) + "." + callee.getString("name"),
                    event.getString("message")));
        }
    }

    void print(PrintStream out) {
        out.println("C2");
        if (compilations.isEmpty()) {
            out.println("  has not compiled it within " + TimeUnit.NANOSECONDS.toSeconds(MOST_NANOS) + " s");
        }
        for (Compilation each : compilations.values()) {
            out.println("  " + each.method + (each.osr ? " (from within its loop)" : "") + ": "
                    + Quantity.count(each.code) + " bytes of machine code, "
                    + Quantity.count(each.inlined) + " bytes of bytecode inlined, in "
                    + Quantity.duration(each.time.toNanos()));
        }
        if (!calls.isEmpty()) {
            out.println("  calls that were not inlined");
        }
        for (Call call : calls) {
            out.println("    " + call.caller + " @ " + call.bci + ": " + call.callee + ": " + call.reason);
        }
    }

    /** Writes a member of an object. */
    void write(JsonGenerator json) throws IOException {
        json.writeObjectFieldStart("c2");
        json.writeArrayFieldStart("compilations");
        for (Compilation each : compilations.values()) {
            json.writeStartObject();
            json.writeStringField("method", each.method);
            json.writeBooleanField("osr", each.osr);
            json.writeNumberField("code_bytes", each.code);
            json.writeNumberField("inlined_bytes", each.inlined);
            json.writeNumberField("duration_ns", each.time.toNanos());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("not_inlined");
        for (Call call : calls) {
            json.writeStartObject();
            json.writeStringField("caller", call.caller);
            json.writeNumberField("pc", call.bci);
            json.writeStringField("callee", call.callee);
            json.writeStringField("reason", call.reason);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
