package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.kernel.diff.Difference;
import dev.sluice.kernel.diff.Outcome;
import dev.sluice.kernel.diff.Rule;
import dev.sluice.kernel.diff.TraceStep;
import dev.sluice.object.MapSpec;
import dev.sluice.packet.nic.XdpAction;
import java.io.IOException;
import java.io.PrintStream;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a comparison came to, for people and as JSON. */
final class DiffPrinter {
    private static final HexFormat HEX = HexFormat.of();

    /**
     * A capture.
     *
     * @param packetsBefore packets of the captures before it
     */
    record Source(String name, long packetsBefore) {}

    private final ObjectOptions.Choice choice;
    private final DiffReport report;
    private final List<Source> sources;
    private final int differences;
    private final int steps;

    DiffPrinter(ObjectOptions.Choice choice, DiffReport report, List<Source> sources, int differences, int steps) {
        this.choice = choice;
        this.report = report;
        this.sources = sources;
        this.differences = differences;
        this.steps = steps;
    }

    // --- for people

    void print(PrintStream out) {
        out.println(choice.file().getFileName() + ": program " + report.program() + " (tag " + report.tag()
                + ") in Linux " + report.kernel() + " (CPU " + report.cpu() + ") and on "
                + report.engines().stream().map(DiffReport.EngineResult::engine).collect(Collectors.joining(", ")));
        report.unsupported().forEach(remark -> out.println("note: " + remark));
        report.remarks().forEach(remark -> out.println("note: " + remark));
        for (Difference difference : report.differences()) {
            out.println();
            switch (difference) {
                case Difference.Packet packet -> print(packet, out);
                case Difference.Entry entry -> print(entry, out);
            }
        }
        out.println();
        out.println(Quantity.count(report.compared()) + " of " + Quantity.count(report.packets())
                + " packets compared; the kernel's verdicts: "
                + (report.verdicts().isEmpty()
                        ? "none"
                        : report.verdicts().entrySet().stream()
                                .map(verdict -> action(verdict.getKey()) + " " + Quantity.count(verdict.getValue()))
                                .collect(Collectors.joining(", "))));
        Table table = new Table(
                "engine", "packets equal", "different", "not judged", "map entries equal", "different", "not judged");
        for (DiffReport.EngineResult engine : report.engines()) {
            table.row(
                    engine.engine(),
                    Quantity.count(engine.equalPackets()),
                    Quantity.count(engine.differentPackets()),
                    Quantity.count(engine.excusedPackets()),
                    Quantity.count(engine.equalEntries()),
                    Quantity.count(engine.differentEntries()),
                    Quantity.count(engine.excusedEntries()));
        }
        table.print(out);
        if (!report.rules().isEmpty()) {
            out.println("rules applied:");
            report.rules()
                    .forEach((rule, count) -> out.println("  " + rule.label() + ", " + Quantity.count(count) + " "
                            + unit(rule) + ": " + rule.text()));
        }
        for (DiffReport.MapResult map : report.maps()) {
            if (map.notCompared() != null) {
                out.println("  map " + map.name() + " (" + MapDump.typeName(map.type()) + "): " + map.notCompared());
            }
        }
        out.println(conclusion());
    }

    private String conclusion() {
        long different = report.engines().stream()
                .mapToLong(DiffReport.EngineResult::differentPackets)
                .sum();
        long entries = report.engines().stream()
                .mapToLong(DiffReport.EngineResult::differentEntries)
                .sum();
        if (different + entries > 0) {
            return "different: " + Quantity.count(different) + " packets and " + Quantity.count(entries)
                    + " map entries, over all engines; " + report.differences().size() + " shown";
        }
        long excused = report.engines().stream()
                .mapToLong(engine -> engine.excusedPackets() + engine.excusedEntries())
                .sum();
        if (report.compared() == 0) {
            return "nothing was compared";
        }
        return excused == 0 ? "equal" : "equal, as far as it was judged";
    }

    private static String unit(Rule rule) {
        return switch (rule.unit()) {
            case PACKETS -> "packets";
            case ENTRIES -> "entries";
            case MAPS -> "maps";
            case PACKETS_AND_ENTRIES -> "packets and entries";
        };
    }

    private static String action(int value) {
        XdpAction action = XdpAction.of(value);
        return action == XdpAction.OTHER ? Integer.toString(value) : action.label();
    }

    private String place(long packet) {
        Source source = source(packet);
        return "packet " + Quantity.count(packet - source.packetsBefore()) + " of " + source.name();
    }

    private Source source(long packet) {
        Source found = sources.getFirst();
        for (Source source : sources) {
            if (source.packetsBefore() < packet) {
                found = source;
            }
        }
        return found;
    }

    private static String words(List<Difference.Aspect> aspects) {
        return aspects.stream()
                .map(aspect -> aspect.name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .collect(Collectors.joining(", "));
    }

    private void print(Difference.Packet packet, PrintStream out) {
        out.println(place(packet.packet()) + ": " + packet.engine() + " differs: " + words(packet.aspects()));
        Outcome kernel = packet.kernel();
        Outcome ours = packet.ours();
        if (ours.failure() != null) {
            out.println("  " + packet.engine() + " faulted: " + ours.failure());
        }
        Table table = new Table("", "kernel", packet.engine());
        table.row("  return value", action(kernel.action()), action(ours.action()));
        table.row("  bytes", Integer.toString(length(kernel)), Integer.toString(length(ours)));
        table.row("  metadata bytes", Integer.toString(kernel.metadataBytes()), Integer.toString(ours.metadataBytes()));
        table.print(out);
        HexDiff.printBytes("before", packet.before(), out);
        HexDiff.printDifference(
                "kernel",
                kernel.packet(),
                kernel.metadataBytes(),
                packet.engine(),
                ours.packet(),
                ours.metadataBytes(),
                out);
        if (packet.aspects().contains(Difference.Aspect.EVENTS)) {
            out.println("  events, kernel: " + kernel.events());
            out.println("  events, " + packet.engine() + ": " + ours.events());
        }
        print(packet.trace(), packet.steps(), out);
    }

    private static int length(Outcome outcome) {
        return outcome.packet().length - outcome.metadataBytes();
    }

    private void print(List<TraceStep> trace, long all, PrintStream out) {
        List<TraceStep> last = trace.subList(Math.max(0, trace.size() - steps), trace.size());
        out.println("  what the interpreter ran, " + Quantity.count(all) + " instructions"
                + (last.size() < all ? ", the last " + last.size() : "") + ":");
        String program = "";
        for (TraceStep step : last) {
            if (!program.isEmpty() && !step.program().equals(program)) {
                out.println("    tail call to " + step.program());
            }
            program = step.program();
            if (step.line() != null) {
                out.println("    ; " + step.line().text() + " @ "
                        + fileName(step.line().file()) + ":" + step.line().line());
            }
            String text = "    " + "  ".repeat(step.depth()) + "%4d: ".formatted(step.pc()) + step.text();
            out.println(step.changes().isEmpty() ? text : "%-60s  %s".formatted(text, step.changes()));
        }
    }

    private static String fileName(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private void print(Difference.Entry entry, PrintStream out) {
        out.println("map " + entry.map() + ": " + entry.engine() + " differs after the last packet: key "
                + MapDump.show(choice.spec(), entry.map(), MapSpec::keyBtfType, entry.key()));
        printValue("kernel", entry.map(), entry.kernelValue(), out);
        printValue(entry.engine(), entry.map(), entry.ourValue(), out);
    }

    private void printValue(String side, String map, byte @Nullable [] value, PrintStream out) {
        out.println("  %-12s ".formatted(side)
                + (value == null ? "no such key" : MapDump.show(choice.spec(), map, MapSpec::valueBtfType, value)));
    }

    // --- for programs

    void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("object", choice.file().toString());
        json.writeStringField("program", report.program());
        json.writeStringField("tag", report.tag());
        json.writeStringField("kernel", report.kernel());
        json.writeNumberField("cpu", report.cpu());
        json.writeBooleanField("equal", report.isEqual());
        json.writeArrayFieldStart("captures");
        for (Source source : sources) {
            json.writeString(source.name());
        }
        json.writeEndArray();
        json.writeNumberField("packets", report.packets());
        json.writeNumberField("compared", report.compared());
        json.writeObjectFieldStart("verdicts");
        for (Map.Entry<Integer, Long> verdict : report.verdicts().entrySet()) {
            json.writeNumberField(action(verdict.getKey()), verdict.getValue());
        }
        json.writeEndObject();
        json.writeArrayFieldStart("engines");
        for (DiffReport.EngineResult engine : report.engines()) {
            json.writeStartObject();
            json.writeStringField("engine", engine.engine());
            writeCounts("packets", engine.equalPackets(), engine.differentPackets(), engine.excusedPackets(), json);
            writeCounts("entries", engine.equalEntries(), engine.differentEntries(), engine.excusedEntries(), json);
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("maps");
        for (DiffReport.MapResult map : report.maps()) {
            json.writeStartObject();
            json.writeStringField("name", map.name());
            json.writeStringField("type", MapDump.typeName(map.type()));
            json.writeNumberField("entries", map.entries());
            if (map.notCompared() != null) {
                json.writeStringField("not_compared", map.notCompared());
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("rules");
        for (Map.Entry<Rule, Long> rule : report.rules().entrySet()) {
            json.writeStartObject();
            json.writeStringField("name", rule.getKey().label());
            json.writeNumberField("count", rule.getValue());
            json.writeStringField("unit", unit(rule.getKey()));
            json.writeStringField("text", rule.getKey().text());
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeArrayFieldStart("differences");
        for (Difference difference : report.differences()) {
            switch (difference) {
                case Difference.Packet packet -> write(packet, json);
                case Difference.Entry entry -> write(entry, json);
            }
        }
        json.writeEndArray();
        json.writeArrayFieldStart("unsupported");
        for (String sentence : report.unsupported()) {
            json.writeString(sentence);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("remarks");
        for (String remark : report.remarks()) {
            json.writeString(remark);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void writeCounts(String name, long equal, long different, long notJudged, JsonGenerator json)
            throws IOException {
        json.writeObjectFieldStart(name);
        json.writeNumberField("equal", equal);
        json.writeNumberField("different", different);
        json.writeNumberField("not_judged", notJudged);
        json.writeEndObject();
    }

    private void write(Difference.Packet packet, JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("engine", packet.engine());
        json.writeNumberField("packet", packet.packet());
        Source source = source(packet.packet());
        json.writeStringField("capture", source.name());
        json.writeNumberField("packet_in_capture", packet.packet() - source.packetsBefore());
        json.writeArrayFieldStart("differs");
        for (Difference.Aspect aspect : packet.aspects()) {
            json.writeString(aspect.name().toLowerCase(Locale.ROOT));
        }
        json.writeEndArray();
        json.writeStringField("before", HEX.formatHex(packet.before()));
        write("kernel", packet.kernel(), json);
        write("sluice", packet.ours(), json);
        json.writeNumberField("steps", packet.steps());
        json.writeArrayFieldStart("trace");
        for (TraceStep step : packet.trace()) {
            json.writeStartObject();
            json.writeStringField("program", step.program());
            json.writeNumberField("pc", step.pc());
            json.writeNumberField("depth", step.depth());
            json.writeStringField("disasm", step.text());
            if (step.line() != null) {
                json.writeStringField("src", step.line().text());
                json.writeStringField("file", step.line().file());
                json.writeNumberField("line", step.line().line());
            }
            if (!step.changes().isEmpty()) {
                json.writeStringField("changes", step.changes());
            }
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void write(String name, Outcome outcome, JsonGenerator json) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeStringField("action", action(outcome.action()));
        json.writeNumberField("metadata_bytes", outcome.metadataBytes());
        json.writeStringField("packet", HEX.formatHex(outcome.packet()));
        if (!outcome.events().isEmpty()) {
            json.writeArrayFieldStart("events");
            for (String event : outcome.events()) {
                json.writeString(event);
            }
            json.writeEndArray();
        }
        if (outcome.failure() != null) {
            json.writeStringField("fault", outcome.failure());
        }
        json.writeEndObject();
    }

    private static void write(Difference.Entry entry, JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("engine", entry.engine());
        json.writeStringField("map", entry.map());
        json.writeStringField("key", HEX.formatHex(entry.key()));
        json.writeFieldName("kernel");
        json.writeString(entry.kernelValue() == null ? null : HEX.formatHex(entry.kernelValue()));
        json.writeFieldName("sluice");
        json.writeString(entry.ourValue() == null ? null : HEX.formatHex(entry.ourValue()));
        json.writeEndObject();
    }
}
