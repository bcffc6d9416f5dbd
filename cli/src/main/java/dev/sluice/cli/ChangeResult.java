package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.kernel.MapEntry;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.measure.TrafficChange;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How a program's rate falls when the traffic changes.
 *
 * @param cold HotSpot has seen the first traffic only
 * @param warm after a warm-up with variations of the first traffic
 */
record ChangeResult(String program, String from, String to, TrafficChange.Result cold, TrafficChange.Result warm) {
    /**
     * Measures both, each with the program loaded anew.
     *
     * @param entries what maps start with beside the object's own, by name
     * @param from what the traffic is at first, for a person
     * @param to what it is then
     */
    static ChangeResult run(
            ObjectOptions.Choice choice,
            Map<String, List<MapEntry>> entries,
            PacketSet before,
            PacketSet after,
            ProgramBench.Options options,
            String from,
            String to) {
        return new ChangeResult(
                choice.program().name(),
                from,
                to,
                measure(choice, entries, before, after, options, false),
                measure(choice, entries, before, after, options, true));
    }

    private static TrafficChange.Result measure(
            ObjectOptions.Choice choice,
            Map<String, List<MapEntry>> entries,
            PacketSet before,
            PacketSet after,
            ProgramBench.Options options,
            boolean warmUp) {
        try (Session session = ProgramBench.session(choice, options.engine(), options, entries)) {
            return TrafficChange.run(session.program().executable(), session::context, before, after, warmUp);
        }
    }

    void write(JsonGenerator json) throws IOException {
        json.writeObjectFieldStart("change");
        json.writeStringField("program", program);
        json.writeStringField("from", from);
        json.writeStringField("to", to);
        write(json, "cold", cold);
        write(json, "warmed_up", warm);
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, String name, TrafficChange.Result result) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeNumberField("before_packets_per_second", Math.round(1e9 / result.before()));
        json.writeNumberField("lowest_packets_per_second", Math.round(1e9 / result.worst()));
        json.writeNumberField("after_packets_per_second", Math.round(1e9 / result.after()));
        json.writeNumberField("fall", Quantity.rounded(result.fall()));
        json.writeNumberField("fall_ns", result.nanos());
        json.writeEndObject();
    }

    void print(PrintStream out) {
        out.println();
        out.println(program + ", when the traffic changes from " + from + " to " + to + ":");
        Table table = new Table("", "before", "at the lowest", "then", "fall", "for");
        row(table, "cold", cold);
        row(table, "after a warm-up", warm);
        table.print(out);
    }

    private static void row(Table table, String label, TrafficChange.Result result) {
        table.row(
                label,
                rate(result.before()),
                rate(result.worst()),
                rate(result.after()),
                String.format(Locale.ROOT, "%.0f %%", 100 * result.fall()),
                Quantity.duration(result.nanos()));
    }

    private static String rate(double nanos) {
        return Quantity.scaled(1e9 / nanos) + "packets/s";
    }
}
