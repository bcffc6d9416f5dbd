package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.ProgramChain;
import dev.sluice.TraceLog;
import dev.sluice.exec.ProgramFault;
import dev.sluice.object.ObjectSpec;
import dev.sluice.packet.NicTotals;
import dev.sluice.packet.PacketFault;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.measure.WarmUp;
import dev.sluice.packet.nic.Tally;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.program.Program;
import dev.sluice.program.SourceLine;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What a run came to, as a table or as JSON. */
final class RunReport {
    private static final int TRACE_LINES_SHOWN = 20;
    private static final int REGISTERS_IN_LINE = 6;

    private final ObjectOptions.Choice choice;
    private final LoadedProgram program;
    private final List<LoadedMap> maps = new ArrayList<>();
    private final RunTotals totals;
    private final List<String> errors = new ArrayList<>();
    private final TraceLog trace;
    private final List<EventLog> events;
    private final List<String> sources;
    private WarmUp.@Nullable Result warmUp;

    RunReport(
            ObjectOptions.Choice choice,
            LoadedProgram program,
            LoadedObject object,
            LoadedMap counters,
            RunTotals totals,
            TraceLog trace,
            List<EventLog> events,
            List<String> sources) {
        this.choice = choice;
        this.program = program;
        maps.addAll(object.maps());
        maps.add(counters);
        this.totals = totals;
        totals.damages().forEach(damage -> errors.add(damage.message()));
        this.trace = trace;
        this.events = events;
        this.sources = sources;
    }

    /** Adds what a warm-up took, if there was one. */
    RunReport warmedUp(WarmUp.@Nullable Result result) {
        warmUp = result;
        return this;
    }

    /** Adds what else went wrong beside damaged captures. */
    RunReport failed(Collection<String> failures) {
        errors.addAll(failures);
        return this;
    }

    /** As JSON or as a table, and warnings on standard error. */
    void print(JsonOptions json, PrintStream out) {
        synchronized (out) { // rates and events may be printed by other threads
            if (json.wanted()) {
                json.print(out, this::write);
            } else {
                print(out);
            }
            out.flush();
        }
        printWarnings(System.err);
    }

    // --- for people

    private void print(PrintStream out) {
        out.println(choice.file().getFileName() + ": " + describe(program) + " on " + String.join(", ", sources));
        out.println(Quantity.of(totals.packets(), "packet") + ", "
                + Quantity.count(totals.bytes()) + " bytes in "
                + Quantity.duration(totals.durationNanos()) + ", " + Quantity.scaled(totals.packetsPerSecond())
                + "packets/s, " + Quantity.scaled(8 * bytesPerSecond()) + "bit/s");
        WarmUp.Result warm = warmUp;
        if (warm != null) {
            out.println("warmed up before that for " + Quantity.duration(warm.nanos()) + ", with " + warm.variations()
                    + " packets made up for branches that the captures' first ones do not take"
                    + (warm.steady() ? "" : "; it was still getting faster"));
        }
        out.println();
        verdicts().print(out);
        for (LoadedMap map : maps) {
            out.println();
            MapDump.print(map, out);
        }
        EventLog.print(events, out);
        printTrace(trace, out);
    }

    /** What runs on a NIC: a program with its tag, or several in their order. */
    static String describe(LoadedProgram program) {
        if (!(program.executable() instanceof ProgramChain chain)) {
            return "program " + program.name() + " (tag " + program.linked().tag() + ")";
        }
        return "programs "
                + chain.links().stream()
                        .map(link -> link.program().name() + " (tag "
                                + link.program().linked().tag() + ", priority "
                                + link.config().priority() + ", then "
                                + String.join(" ", link.config().chainCallActionNames()) + ")")
                        .collect(Collectors.joining(", "));
    }

    /** The same as members of an object; {@code chain} only of several programs. */
    static void writeProgram(JsonGenerator json, LoadedProgram program) throws IOException {
        json.writeStringField("program", program.name());
        json.writeStringField("tag", program.linked().tag());
        json.writeStringField("engine", program.executable().engine());
        if (program.executable() instanceof ProgramChain chain) {
            json.writeArrayFieldStart("chain");
            for (ProgramChain.Link link : chain.links()) {
                json.writeStartObject();
                json.writeStringField("program", link.program().name());
                json.writeStringField("tag", link.program().linked().tag());
                json.writeNumberField("priority", link.config().priority());
                json.writeArrayFieldStart("chain_call_actions");
                for (String action : link.config().chainCallActionNames()) {
                    json.writeString(action);
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            json.writeEndArray();
        }
    }

    /** The first lines of {@code bpf_printk}; nothing when there are none. */
    static void printTrace(TraceLog trace, PrintStream out) {
        List<TraceLog.Line> lines = trace.lines();
        if (!lines.isEmpty()) {
            out.println();
            out.println("trace, " + Quantity.of(trace.total(), "line"));
            lines.stream().limit(TRACE_LINES_SHOWN).forEach(line -> out.println("  " + line.text()));
            long more = trace.total() - Math.min(lines.size(), TRACE_LINES_SHOWN);
            if (more > 0) {
                out.println("  … " + Quantity.count(more) + " more, see --json");
            }
        }
    }

    private double bytesPerSecond() {
        return totals.durationNanos() == 0 ? 0 : totals.bytes() * 1e9 / totals.durationNanos();
    }

    private Table verdicts() {
        Table table = new Table("verdict", "packets", "bytes", "share");
        totals.nics().forEach(nic -> addRows(table, nic));
        return table;
    }

    /** A row for each verdict that there was, and for what no program has seen. */
    static void addRows(Table table, NicTotals nic) {
        for (XdpAction action : XdpAction.values()) {
            long packets = nic.verdicts().packets(action);
            boolean usual = action == XdpAction.PASS || action == XdpAction.DROP;
            if ((usual || packets > 0) && action != XdpAction.OTHER) {
                row(
                        table,
                        nic,
                        action.label(),
                        packets,
                        Quantity.count(nic.verdicts().bytes(action)));
            }
        }
        for (OtherValue other : otherValues(nic.verdicts())) {
            row(table, nic, "other, " + other.value, other.packets, Quantity.count(other.bytes));
        }
        if (nic.tooShort() > 0) {
            row(table, nic, "too short, not judged", nic.tooShort(), "");
        }
        if (nic.tooLong() > 0) {
            row(table, nic, "too long, not judged", nic.tooLong(), "");
        }
        if (nic.dropped() > 0) {
            row(table, nic, "no room, not judged", nic.dropped(), "");
        }
    }

    private record OtherValue(int value, long packets, long bytes) {}

    /** What was returned that is no action: in order, as which came first depends on the threads. */
    private static List<OtherValue> otherValues(Tally tally) {
        int[] values = tally.otherValues();
        return IntStream.range(0, values.length)
                .mapToObj(i -> new OtherValue(values[i], tally.otherPackets(i), tally.otherBytes(i)))
                .sorted(Comparator.comparingInt(OtherValue::value))
                .toList();
    }

    private static void row(Table table, NicTotals nic, String label, long packets, String bytes) {
        table.row(label, Quantity.count(packets), bytes, Quantity.share(packets, nic.packets()));
    }

    /** What a person should know beside the result. */
    private void printWarnings(PrintStream err) {
        printWarnings(choice.file(), choice.spec(), List.of(program), err);
        printCut(totals.cutPackets(), err);
        totals.nics().forEach(nic -> printFaults(nic, program, err));
        errors.forEach(error -> err.println("Error: " + error));
    }

    /** What reading an object and loading its programs gave to know. */
    static void printWarnings(Path file, ObjectSpec spec, List<LoadedProgram> programs, PrintStream err) {
        for (String warning : spec.warnings()) {
            err.println("Warning: " + file + ": " + warning);
        }
        for (LoadedProgram program : programs) {
            for (String warning : program.warnings()) {
                err.println("Warning: " + file + ": program " + program.name() + " " + warning);
            }
        }
    }

    /** @param packets of which the capture has only the beginning; nothing is said of none */
    static void printCut(long packets, PrintStream err) {
        if (packets > 0) {
            err.println("Warning: " + Quantity.of(packets, "packet") + (packets == 1 ? " was" : " were")
                    + " cut short by the capture; the program saw what there is");
        }
    }

    /** Packets whose program did what it may not, and timers' callbacks. */
    static void printFaults(NicTotals nic, LoadedProgram program, PrintStream err) {
        boolean first = true;
        for (PacketFault fault : nic.faults()) {
            Program at = programOf(fault, program);
            err.println("Warning: "
                    + (fault.isTimer() ? "the callback of a timer stopped" : "packet " + fault.packet() + " aborted")
                    + ": program " + at.name() + ": " + fault.fault().getMessage()
                    + sourceLine(at, fault.fault().pc()));
            if (first) {
                printState(fault, err);
                first = false;
            }
        }
        long more = nic.faultCount() - nic.faults().size();
        if (more > 0) {
            err.println("Warning: " + Quantity.count(more) + " more packets were aborted by faults");
        }
    }

    private static Program programOf(PacketFault fault, LoadedProgram program) {
        Program among = fault.fault().program();
        return among == null ? program.executable().program() : among;
    }

    /** The registers and the packet at a fault. */
    private static void printState(PacketFault fault, PrintStream err) {
        long[] registers = fault.fault().registers();
        StringBuilder line = new StringBuilder();
        for (int r = 0; r < registers.length; r++) {
            line.append(r % REGISTERS_IN_LINE == 0 ? "  " : " ").append("r" + r + "=");
            line.append(ProgramFault.show(registers[r]));
            if (r % REGISTERS_IN_LINE == REGISTERS_IN_LINE - 1 || r == registers.length - 1) {
                err.println(line);
                line.setLength(0);
            }
        }
        if (!fault.isTimer()) {
            HexDiff.printBytes("the packet", fault.bytes(), err);
        }
    }

    private static String sourceLine(Program program, int pc) {
        var line = program.lineAt(pc);
        return line == null ? "" : " ; " + line.text() + " @ " + fileName(line.file()) + ":" + line.line();
    }

    private static void writeFaults(List<PacketFault> faults, LoadedProgram program, JsonGenerator json)
            throws IOException {
        json.writeArrayFieldStart("fault_reports");
        for (PacketFault fault : faults) {
            Program at = programOf(fault, program);
            SourceLine line = at.lineAt(fault.fault().pc());
            json.writeStartObject();
            if (fault.isTimer()) {
                json.writeNullField("packet"); // a timer's callback
            } else {
                json.writeNumberField("packet", fault.packet());
            }
            json.writeStringField("program", at.name());
            json.writeStringField("kind", fault.fault().kind().name());
            json.writeNumberField("pc", fault.fault().pc());
            if (line != null) {
                json.writeStringField("file", fileName(line.file()));
                json.writeNumberField("line", line.line());
            }
            json.writeStringField("message", fault.fault().getMessage());
            json.writeArrayFieldStart("registers");
            for (long value : fault.fault().registers()) {
                if (value == ProgramFault.UNKNOWN) {
                    json.writeNull();
                } else {
                    json.writeString(ProgramFault.show(value));
                }
            }
            json.writeEndArray();
            json.writeStringField("bytes", HexFormat.of().formatHex(fault.bytes()));
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static String fileName(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    // --- for programs

    private void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("object", choice.file().toString());
        writeProgram(json, program);
        json.writeNumberField("packets", totals.packets());
        json.writeNumberField("bytes", totals.bytes());
        json.writeNumberField("duration_ns", totals.durationNanos());
        WarmUp.Result warm = warmUp;
        if (warm != null) {
            json.writeObjectFieldStart("warm_up");
            json.writeNumberField("time_ns", warm.nanos());
            json.writeNumberField("variations", warm.variations());
            json.writeBooleanField("steady", warm.steady());
            json.writeEndObject();
        }
        json.writeNumberField("rate_pps", Math.round(totals.packetsPerSecond()));
        writeVerdicts(json, totals.verdicts());
        json.writeNumberField("too_short", totals.tooShort());
        json.writeNumberField("too_long", totals.tooLong());
        json.writeNumberField("no_room", totals.dropped());
        json.writeNumberField("cut_short", totals.cutPackets());
        json.writeNumberField("faults", totals.faultCount());
        writeFaults(totals.faults(), program, json);
        json.writeObjectFieldStart("maps");
        for (LoadedMap map : maps) {
            json.writeFieldName(map.name());
            MapDump.write(map, json);
        }
        json.writeEndObject();
        writeTrace(json, trace);
        EventLog.write(events, json);
        writeStatistics(json, totals);
        if (!errors.isEmpty()) {
            json.writeArrayFieldStart("errors");
            for (String error : errors) {
                json.writeString(error);
            }
            json.writeEndArray();
        }
        json.writeEndObject();
    }

    /** Field {@code verdicts}: packets and bytes by action, other values one by one. */
    static void writeVerdicts(JsonGenerator json, Tally tally) throws IOException {
        json.writeObjectFieldStart("verdicts");
        for (XdpAction action : XdpAction.values()) {
            json.writeObjectFieldStart(action.label());
            json.writeNumberField("packets", tally.packets(action));
            json.writeNumberField("bytes", tally.bytes(action));
            if (action == XdpAction.OTHER) {
                writeOtherValues(json, tally);
            }
            json.writeEndObject();
        }
        json.writeEndObject();
    }

    /** Fields {@code trace} and {@code trace_lines}. */
    static void writeTrace(JsonGenerator json, TraceLog trace) throws IOException {
        json.writeArrayFieldStart("trace");
        for (TraceLog.Line line : trace.lines()) {
            json.writeString(line.text());
        }
        json.writeEndArray();
        json.writeNumberField("trace_lines", trace.total());
    }

    /** Field {@code statistics}: of each device, as ethtool -S names them. */
    static void writeStatistics(JsonGenerator json, RunTotals totals) throws IOException {
        json.writeObjectFieldStart("statistics");
        for (var nic : totals.statistics().entrySet()) {
            json.writeObjectFieldStart(nic.getKey());
            for (var counter : nic.getValue().entrySet()) {
                json.writeNumberField(counter.getKey(), counter.getValue());
            }
            json.writeEndObject();
        }
        json.writeEndObject();
    }

    private static void writeOtherValues(JsonGenerator json, Tally tally) throws IOException {
        json.writeObjectFieldStart("values");
        for (OtherValue other : otherValues(tally)) {
            json.writeObjectFieldStart(Integer.toString(other.value));
            json.writeNumberField("packets", other.packets);
            json.writeNumberField("bytes", other.bytes);
            json.writeEndObject();
        }
        json.writeEndObject();
    }
}
