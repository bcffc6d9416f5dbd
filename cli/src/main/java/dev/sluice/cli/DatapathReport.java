package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.LoadedMap;
import dev.sluice.TraceLog;
import dev.sluice.map.BpfMap;
import dev.sluice.packet.NicTotals;
import dev.sluice.packet.RunTotals;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a run of several NICs came to, or has come to so far, as tables or as JSON. */
final class DatapathReport {
    private final List<NicOption> nics;
    private final List<DatapathSession.Attached> attached;
    private final List<DatapathSession.Loaded> objects;
    private final RunTotals totals;
    private final List<String> errors = new ArrayList<>();
    private final TraceLog trace;
    private final List<EventLog> events;

    /** The first packets with XDP_ABORTED or no action, and how many there are. */
    private final List<String> exceptions;

    private final long exceptionCount;

    DatapathReport(
            List<NicOption> nics,
            List<DatapathSession.Attached> attached,
            List<DatapathSession.Loaded> objects,
            RunTotals totals,
            TraceLog trace,
            List<EventLog> events,
            List<String> exceptions,
            long exceptionCount) {
        this.nics = nics;
        this.attached = attached;
        this.objects = objects;
        this.totals = totals;
        totals.damages().forEach(damage -> errors.add(damage.message()));
        this.trace = trace;
        this.events = events;
        this.exceptions = exceptions;
        this.exceptionCount = exceptionCount;
    }

    /** Adds what else went wrong beside damaged captures. */
    DatapathReport failed(Collection<String> failures) {
        errors.addAll(failures);
        return this;
    }

    /** As JSON or as tables, and warnings. */
    void print(JsonOptions json, PrintStream out, PrintStream err) {
        if (json.wanted()) {
            json.print(out, this::write);
        } else {
            print(out);
        }
        out.flush();
        printWarnings(err);
    }

    private DatapathSession.@Nullable Attached on(NicOption nic) {
        return attached.stream()
                .filter(one -> one.nic().equals(nic.name()))
                .findFirst()
                .orElse(null);
    }

    private NicTotals totals(String nic) {
        return totals.nics().stream()
                .filter(of -> of.name().equals(nic))
                .findFirst()
                .orElseThrow();
    }

    /** All maps by name; where two objects have one of the same name, with the object's. */
    private Map<String, LoadedMap> maps() {
        Map<String, LoadedMap> maps = new LinkedHashMap<>();
        Set<BpfMap> shown = new HashSet<>(); // objects share those that are pinned
        objects.forEach(loaded -> loaded.object().maps().stream()
                .filter(map -> shown.add(map.map()))
                .forEach(map -> {
                    String qualified = loaded.file().getFileName() + ":" + map.name();
                    maps.put(
                            !maps.containsKey(map.name())
                                    ? map.name()
                                    : !maps.containsKey(qualified)
                                            ? qualified
                                            : qualified + "#" + map.map().id(),
                            map);
                }));
        return maps;
    }

    // --- for people

    private void print(PrintStream out) {
        out.println(Quantity.of(totals.packets(), "packet") + ", "
                + Quantity.count(totals.bytes()) + " bytes in " + Quantity.duration(totals.durationNanos()) + ", "
                + Quantity.scaled(totals.packetsPerSecond()) + "packets/s, "
                + Quantity.scaled(totals.durationNanos() == 0 ? 0 : totals.bytes() * 8e9 / totals.durationNanos())
                + "bit/s");
        for (NicOption nic : nics) {
            NicTotals of = totals(nic.name());
            DatapathSession.Attached one = on(nic);
            out.println();
            out.println(nic + ": "
                    + (one == null
                            ? "no program"
                            : RunReport.describe(one.program()) + " of "
                                    + one.file().getFileName()));
            Table table = new Table("verdict", "packets", "bytes", "share");
            RunReport.addRows(table, of);
            table.print(out);
            printErrors(nic, out);
        }
        for (LoadedMap map : maps().values()) {
            out.println();
            MapDump.print(map, out);
        }
        EventLog.print(events, out);
        RunReport.printTrace(trace, out);
        if (exceptionCount > 0) {
            out.println();
            out.println("xdp:xdp_exception, " + Quantity.count(exceptionCount)
                    + (exceptionCount == 1 ? " packet" : " packets, the first of them"));
            exceptions.forEach(line -> out.println("  " + line));
        }
    }

    /** What was sent, and what has gone wrong. */
    private void printErrors(NicOption nic, PrintStream out) {
        Map<String, Long> statistics = totals.statistics().getOrDefault(nic.name(), Map.of());
        StringBuilder line = new StringBuilder();
        statistics.forEach((name, count) -> {
            boolean queue = name.matches("[rt]x\\d.*");
            if (!queue && count != 0 && (name.equals("tx_packets") || name.contains("error"))) {
                line.append(line.isEmpty() ? "" : ", ").append(name).append(' ').append(Quantity.count(count));
            }
        });
        if (!line.isEmpty()) {
            out.println(line);
        }
    }

    private void printWarnings(PrintStream err) {
        objects.forEach(loaded -> RunReport.printWarnings(
                loaded.file(), loaded.object().spec(), loaded.object().programs(), err));
        RunReport.printCut(totals.cutPackets(), err);
        for (DatapathSession.Attached one : attached) {
            RunReport.printFaults(totals(one.nic()), one.program(), err);
        }
        errors.forEach(error -> err.println("Error: " + error));
    }

    // --- for programs

    private void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeStringField("type", "report");
        json.writeNumberField("packets", totals.packets());
        json.writeNumberField("bytes", totals.bytes());
        json.writeNumberField("duration_ns", totals.durationNanos());
        json.writeNumberField("rate_pps", Math.round(totals.packetsPerSecond()));
        RunReport.writeVerdicts(json, totals.verdicts());
        json.writeObjectFieldStart("nics");
        for (NicOption nic : nics) {
            json.writeFieldName(nic.name());
            write(json, nic);
        }
        json.writeEndObject();
        json.writeNumberField("cut_short", totals.cutPackets());
        json.writeObjectFieldStart("maps");
        for (Map.Entry<String, LoadedMap> map : maps().entrySet()) {
            json.writeFieldName(map.getKey());
            MapDump.write(map.getValue(), json);
        }
        json.writeEndObject();
        RunReport.writeTrace(json, trace);
        json.writeNumberField("xdp_exceptions", exceptionCount);
        json.writeArrayFieldStart("xdp_exception");
        for (String line : exceptions) {
            json.writeString(line);
        }
        json.writeEndArray();
        EventLog.write(events, json);
        RunReport.writeStatistics(json, totals);
        if (!errors.isEmpty()) {
            json.writeArrayFieldStart("errors");
            for (String error : errors) {
                json.writeString(error);
            }
            json.writeEndArray();
        }
        json.writeEndObject();
    }

    private void write(JsonGenerator json, NicOption nic) throws IOException {
        NicTotals of = totals(nic.name());
        json.writeStartObject();
        json.writeStringField("wire", nic.wire().toString());
        json.writeStringField("host", nic.host() == null ? "null" : nic.host().toString());
        DatapathSession.Attached one = on(nic);
        if (one != null) {
            json.writeStringField("object", one.file().toString());
            RunReport.writeProgram(json, one.program());
        }
        json.writeNumberField("packets", of.packets());
        json.writeNumberField("bytes", of.bytes());
        RunReport.writeVerdicts(json, of.verdicts());
        json.writeNumberField("too_short", of.tooShort());
        json.writeNumberField("too_long", of.tooLong());
        json.writeNumberField("no_room", of.dropped());
        json.writeNumberField("faults", of.faultCount());
        if (one != null) {
            json.writeFieldName("counters");
            MapDump.write(one.counters(), json);
        }
        json.writeEndObject();
    }
}
