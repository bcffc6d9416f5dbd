package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.packet.measure.PacketSet;
import dev.sluice.packet.measure.Race;
import dev.sluice.packet.measure.Stability;
import dev.sluice.packet.measure.Timing;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.OperatingSystemMXBean;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.DoubleSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a measured program came to.
 *
 * @param packets that were read
 * @param sample different packets that were measured
 * @param repeat runs of each in a row
 * @param fault what went wrong when the program was run; null when nothing did
 * @param kernelReason why there is no figure of the kernel; null when there is one
 * @param nativeReason why there is no figure of native code; null when there is one, or none was asked for
 */
record BenchResult(
        String object,
        String program,
        String tag,
        String engine,
        int instructions,
        int packets,
        long skipped,
        boolean cut,
        int sample,
        int repeat,
        Race.Result race,
        Stability stability,
        @Nullable String fault,
        @Nullable String kernelReason,
        @Nullable String nativeReason) {

    /** Below this a difference of two measured times says nothing. */
    private static final double LEAST_NET_NANOS = 3;

    /** Where the middle half of the rounds is further apart than this part of the median, figures are called noisy. */
    private static final double NOISY = 0.1;

    private static final String NO_REASON = "";

    /** Why there is no ratio; empty when there is one. */
    private String whyNoRatio() {
        return kernelReason != null ? kernelReason : whyNotItself();
    }

    /** Why the repeated runs are not what the program does with these packets; empty when they are. */
    private String whyNotItself() {
        if (fault != null) {
            return "a run ended in a fault: " + fault;
        }
        return stability.isStable()
                ? NO_REASON
                : "the program does not do the same with its own output: " + stability.reason();
    }

    /** The sides whose rounds differ too much to be sure of their median: those that the ratio is made of. */
    private List<String> noisy() {
        return Stream.of(ProgramBench.SLUICE, ProgramBench.KERNEL)
                .filter(side -> race.has(side) && race.timing(side).relativeSpread() > NOISY)
                .toList();
    }

    private double ratio() {
        return ratio(ProgramBench.SLUICE, ProgramBench.KERNEL);
    }

    /** Of the figures that are shown, so that who divides them gets the same. */
    private double ratio(String name, String other) {
        return race.timing(name).median() / race.timing(other).median();
    }

    /** Nanoseconds that each executed instruction takes on a side; without any there is no such number. */
    double perInstruction(String name) {
        return race.timing(name).median() / Math.max(stability.executed(), 1);
    }

    private double sluiceNet() {
        return race.timing(ProgramBench.SLUICE).median()
                - race.timing(ProgramBench.SLUICE_FLOOR).median();
    }

    private double kernelNet() {
        return race.timing(ProgramBench.KERNEL).median()
                - race.timing(ProgramBench.KERNEL_FLOOR).median();
    }

    /** Why there is no ratio of what is left without the floors; empty when there is one. */
    private String whyNoNetRatio() {
        String why = whyNoRatio();
        if (!why.isEmpty()) {
            return why;
        }
        return kernelNet() < LEAST_NET_NANOS
                ? format(
                        "the kernel needs %.1f ns more than for an empty program, less than 3 ns",
                        Math.max(kernelNet(), 0))
                : NO_REASON;
    }

    private double netRatio() {
        return Math.max(sluiceNet(), 0) / kernelNet();
    }

    // --- for programs

    /** @param change to be part of it, or null */
    void write(JsonGenerator json, @Nullable ChangeResult change) throws IOException {
        json.writeStartObject();
        json.writeStringField("object", object);
        json.writeStringField("program", program);
        json.writeStringField("tag", tag);
        json.writeNumberField("instructions", instructions);
        json.writeNumberField("instructions_executed", Quantity.rounded(stability.executed()));
        json.writeStringField("engine", engine);
        json.writeNumberField("packets", packets);
        json.writeNumberField("packets_skipped", skipped);
        json.writeBooleanField("packets_cut", cut);
        json.writeNumberField("sample", sample);
        json.writeNumberField("repeat", repeat);
        json.writeNumberField("rounds", race.timing(ProgramBench.SLUICE).rounds());
        writeSide(json, "sluice", ProgramBench.SLUICE, ProgramBench.SLUICE_FLOOR, null);
        writeSide(json, "kernel", ProgramBench.KERNEL, ProgramBench.KERNEL_FLOOR, kernelReason);
        writeSide(json, "checked", ProgramBench.CHECKED, null, null);
        writeSide(json, "interpreter", ProgramBench.INTERPRETER, null, null);
        if (nativeReason != null || race.has(ProgramBench.NATIVE)) {
            writeSide(json, "native", ProgramBench.NATIVE, null, nativeReason);
        }
        writeRatio(json, "ratio", whyNoRatio(), this::ratio);
        json.writeFieldName("spread");
        if (whyNoRatio().isEmpty()) {
            writeSpread(json, race.ratio(ProgramBench.SLUICE, ProgramBench.KERNEL));
        } else {
            json.writeNull();
        }
        writeRatio(json, "ratio_net", whyNoNetRatio(), this::netRatio);
        json.writeBooleanField("noisy", !noisy().isEmpty());
        json.writeStringField("fault", fault);
        json.writeBooleanField("stable", stability.isStable());
        if (stability.isStable()) {
            json.writeNullField("unstable");
        } else {
            json.writeObjectFieldStart("unstable");
            json.writeNumberField("packets", stability.unstable());
            json.writeNumberField("first", stability.first() + 1);
            json.writeStringField("reason", stability.reason());
            json.writeEndObject();
        }
        Race.WarmUp warmUp = race.warmUp();
        json.writeObjectFieldStart("warm_up");
        json.writeNumberField("time_ns", warmUp.nanos());
        json.writeNumberField("rounds", warmUp.rounds());
        json.writeBooleanField("steady", warmUp.steady());
        json.writeEndObject();
        Timing whole = race.timing(ProgramBench.WHOLE_SET);
        json.writeObjectFieldStart("whole_set");
        json.writeNumberField("packets", packets);
        writeTiming(json, whole);
        json.writeNumberField("packets_per_second", Math.round(1e9 / whole.median()));
        json.writeEndObject();
        if (change != null) {
            change.write(json);
        }
        json.writeEndObject();
    }

    /** The same members whether it was measured or not: without a measurement all are null but the reason. */
    private void writeSide(
            JsonGenerator json, String field, String name, @Nullable String floor, @Nullable String reason)
            throws IOException {
        json.writeObjectFieldStart(field);
        if (reason != null) {
            json.writeNullField("ns_per_packet");
            json.writeNullField("spread");
            json.writeNullField("ns_per_instruction");
        } else {
            writeTiming(json, race.timing(name));
            json.writeNumberField("ns_per_instruction", Quantity.rounded(perInstruction(name)));
        }
        if (!name.equals(ProgramBench.SLUICE)) {
            boolean comparable = reason == null
                    && (!name.equals(ProgramBench.KERNEL) || whyNoRatio().isEmpty());
            writeNumber(json, "to_sluice", comparable, () -> ratio(name, ProgramBench.SLUICE));
        }
        if (floor != null) {
            writeNumber(
                    json, "floor_ns", reason == null, () -> race.timing(floor).median());
        }
        json.writeStringField("reason", reason);
        json.writeEndObject();
    }

    private static void writeRatio(JsonGenerator json, String field, String whyNot, DoubleSupplier ratio)
            throws IOException {
        writeNumber(json, field, whyNot.isEmpty(), ratio);
        json.writeStringField(field + "_reason", whyNot.isEmpty() ? null : whyNot);
    }

    private static void writeNumber(JsonGenerator json, String field, boolean known, DoubleSupplier number)
            throws IOException {
        if (known) {
            json.writeNumberField(field, Quantity.rounded(number.getAsDouble()));
        } else {
            json.writeNullField(field);
        }
    }

    private static void writeTiming(JsonGenerator json, Timing timing) throws IOException {
        json.writeNumberField("ns_per_packet", Quantity.rounded(timing.median()));
        json.writeFieldName("spread");
        writeSpread(json, timing);
    }

    static void writeSpread(JsonGenerator json, Timing timing) throws IOException {
        json.writeStartObject();
        json.writeNumberField("min", Quantity.rounded(timing.min()));
        json.writeNumberField("q1", Quantity.rounded(timing.q1()));
        json.writeNumberField("q3", Quantity.rounded(timing.q3()));
        json.writeNumberField("max", Quantity.rounded(timing.max()));
        json.writeEndObject();
    }

    // --- for people

    void print(PrintStream out, List<String> captures) {
        out.println(object + ": program " + program + " (tag " + tag + ", " + Quantity.count(instructions)
                + " instructions) on "
                + captures.stream()
                        .map(capture -> capture.equals("-") ? "standard input" : capture)
                        .collect(Collectors.joining(", ")));
        out.println(Quantity.of(packets, "packet") + (cut ? " (there are more)" : "")
                + ", a sample of " + sample
                + ", each run " + Quantity.count(repeat) + " times in a row, "
                + race.timing(ProgramBench.SLUICE).rounds() + " rounds");
        if (skipped > 0) {
            out.println(Quantity.of(skipped, "packet")
                    + " left out, too short or too long for a test run in one piece: expected " + PacketSet.MIN_BYTES
                    + " to " + Quantity.count(PacketSet.MAX_BYTES) + " bytes");
        }
        out.println();
        Table table = new Table("", "ns/packet", "spread", "to sluice", "to kernel", "net");
        String netRatio = whyNoNetRatio().isEmpty() ? number(netRatio()) : "-";
        side(table, "sluice (" + engine + ")", ProgramBench.SLUICE, true, netRatio);
        side(table, "kernel", ProgramBench.KERNEL, true, whyNoNetRatio().isEmpty() ? "1" : "-");
        side(table, ProgramBench.CHECKED, ProgramBench.CHECKED, true, "-");
        side(table, ProgramBench.INTERPRETER, ProgramBench.INTERPRETER, true, "-");
        side(table, "empty program, sluice", ProgramBench.SLUICE_FLOOR, false, "-");
        side(table, "empty program, kernel", ProgramBench.KERNEL_FLOOR, false, "-");
        table.print(out);
        if (kernelReason != null) {
            out.println("no figures of the kernel: " + kernelReason);
        }
        if (!whyNotItself().isEmpty()) {
            out.println((kernelReason == null ? "no ratio: " : "") + whyNotItself());
            if (!stability.isStable()) {
                out.println("this holds for " + stability.unstable() + " of " + stability.packets()
                        + " packets, first for packet " + Quantity.count(stability.first() + 1L));
            }
        } else if (whyNoRatio().isEmpty() && !whyNoNetRatio().isEmpty()) {
            out.println("no net ratio: " + whyNoNetRatio());
        }
        out.println();
        out.println(number(stability.executed()) + " instructions a packet, of " + perInstruction() + " ns");
        Timing whole = race.timing(ProgramBench.WHOLE_SET);
        out.println("all packets once, restored each round: " + number(whole.median()) + " ns/packet, "
                + Quantity.scaled(1e9 / whole.median()) + "packets/s");
        Race.WarmUp warmUp = race.warmUp();
        out.println(
                warmUp.steady() && warmUp.rounds() == 0
                        ? "steady from the first round"
                        : warmUp.steady()
                                ? "steady after " + Quantity.duration(warmUp.nanos())
                                : "not steady after " + Quantity.duration(warmUp.nanos())
                                        + ": the rounds were still changing, a longer --warm-up may help");
        printNoise(out, noisy());
    }

    /** @param noisy whose rounds differ; nothing is said of none */
    private static void printNoise(PrintStream out, List<String> noisy) {
        if (noisy.isEmpty()) {
            return;
        }
        OperatingSystemMXBean system = ManagementFactory.getOperatingSystemMXBean();
        double load = system.getSystemLoadAverage(); // negative where there is no such number
        out.println("noisy: more than " + format("%.0f", 100 * NOISY) + " % of spread ("
                + String.join(", ", noisy) + "), "
                + (load < 0
                        ? ""
                        : "at a load of " + format("%.1f", load) + " on "
                                + Quantity.of(system.getAvailableProcessors(), "CPU") + "; ")
                + "a quieter machine gives surer figures, and so do more --rounds");
    }

    private String perInstruction() {
        String sluice = format("%.3f", perInstruction(ProgramBench.SLUICE));
        return race.has(ProgramBench.KERNEL)
                ? sluice + ", in the kernel " + format("%.3f", perInstruction(ProgramBench.KERNEL))
                : sluice;
    }

    /** A line for each program. */
    static void printTable(PrintStream out, List<BenchResult> results) {
        BenchResult first = results.getFirst();
        out.println("nanoseconds of CPU a packet, on " + Quantity.count(first.packets)
                + " packets of 64 bytes, of which a sample of " + first.sample + " is repeated; medians of "
                + first.race.timing(ProgramBench.SLUICE).rounds() + " interleaved rounds");
        out.println();
        Table table = new Table(
                "program",
                "insns",
                "executed",
                "sluice",
                "kernel",
                "native",
                "checked",
                "interpreter",
                "to kernel",
                "net",
                "to native",
                "ns/insn",
                "spread",
                "all packets",
                "steady after");
        for (BenchResult result : results) {
            Race.Result race = result.race;
            table.row(
                    result.program,
                    Quantity.count(result.instructions),
                    number(result.stability.executed()),
                    median(race, ProgramBench.SLUICE),
                    median(race, ProgramBench.KERNEL),
                    median(race, ProgramBench.NATIVE),
                    median(race, ProgramBench.CHECKED),
                    median(race, ProgramBench.INTERPRETER),
                    result.whyNoRatio().isEmpty() ? number(result.ratio()) : "-",
                    result.whyNoNetRatio().isEmpty() ? number(result.netRatio()) : "-",
                    race.has(ProgramBench.NATIVE)
                            ? number(result.ratio(ProgramBench.SLUICE, ProgramBench.NATIVE))
                            : "-",
                    format("%.3f", result.perInstruction(ProgramBench.SLUICE)),
                    spread(race.timing(ProgramBench.SLUICE)),
                    median(race, ProgramBench.WHOLE_SET),
                    result.steadyAfter());
        }
        table.print(out);
        results.stream()
                .map(BenchResult::kernelReason)
                .filter(Objects::nonNull)
                .distinct()
                .forEach(reason -> out.println("no figures of the kernel: " + reason));
        results.stream()
                .map(BenchResult::nativeReason)
                .filter(Objects::nonNull)
                .distinct()
                .forEach(reason -> out.println("no native code: " + reason));
        printNoise(
                out,
                results.stream()
                        .filter(result -> !result.noisy().isEmpty())
                        .map(BenchResult::program)
                        .toList());
    }

    String steadyAfter() {
        return race.warmUp().steady() ? Quantity.duration(race.warmUp().nanos()) : "not steady";
    }

    private static String median(Race.Result race, String name) {
        return race.has(name) ? number(race.timing(name).median()) : "-";
    }

    /** @param ratios whether it ran the program that the kernel ran */
    private void side(Table table, String label, String name, boolean ratios, String net) {
        if (!race.has(name)) {
            table.row(label, "-", "-", "-", "-", "-");
            return;
        }
        Timing timing = race.timing(name);
        boolean toKernel = ratios && whyNoRatio().isEmpty();
        table.row(
                label,
                number(timing.median()),
                spread(timing),
                ratios && (toKernel || !name.equals(ProgramBench.KERNEL)) ? to(name, ProgramBench.SLUICE) : "-",
                toKernel ? to(name, ProgramBench.KERNEL) : "-",
                net);
    }

    private String to(String name, String other) {
        return name.equals(other) ? "1" : number(ratio(name, other));
    }

    /** What the middle half of the rounds has between its ends. */
    static String spread(Timing timing) {
        return format("%.1f %%", 100 * timing.relativeSpread());
    }

    /** Three digits. */
    static String number(double value) {
        return value < 10 ? format("%.2f", value) : value < 100 ? format("%.1f", value) : format("%,.0f", value);
    }

    private static String format(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }

    /** The sides of one or several programs as bars. */
    static BarChart chart(List<BenchResult> results) {
        BarChart chart = new BarChart(
                "nanoseconds of CPU a packet",
                List.of(
                        ProgramBench.SLUICE,
                        ProgramBench.KERNEL,
                        ProgramBench.NATIVE,
                        ProgramBench.CHECKED,
                        ProgramBench.INTERPRETER));
        for (BenchResult result : results) {
            chart.group(result.program, name -> result.race.has(name) ? result.race.timing(name) : null);
        }
        return chart;
    }
}
