package dev.sluice.bench.maps;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.bench.BenchLine;
import dev.sluice.bench.maps.MapCase.Draw;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.packet.measure.Timing;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code bench/run maps}. */
@Command(
        name = "bench/run maps",
        description = "Measures operations on maps beside the kernel's, the same programs on both sides in turns.",
        mixinStandardHelpOptions = true)
public final class MapComparison implements Callable<Integer> {
    private static final long SEED = 0x2545_f491_4f6c_dd1dL;
    private static final int CHECKED_RUNS = 1000;
    private static final long NANOS_PER_MILLI = 1_000_000;

    @Option(
            names = {"-j", "--json"},
            description =
                    "Print JSON, a line a case: case, type, operation, key_size, max_entries, keys; kernel and sluice, each "
                            + "ns_per_operation (median), spread (half the distance of the quartiles), ns_per_run, "
                            + "ns_per_run_without (the operations) and map_bytes; ratio of the two, aim. What is not known is null, "
                            + "without the kernel kernel_reason says why.")
    private boolean json;

    @Option(names = "--case", paramLabel = "TEXT", description = "Only cases whose name contains this; again for more.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--draw", paramLabel = "KEYS", description = "Only these keys: ${COMPLETION-CANDIDATES}.")
    private @Nullable Draw onlyDraw;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "9",
            description = "Rounds, each of all four programs of a case (default: ${DEFAULT-VALUE}).")
    private int rounds;

    @Option(
            names = "--millis",
            paramLabel = "N",
            defaultValue = "20",
            description = "Milliseconds of a program in a round (default: ${DEFAULT-VALUE}).")
    private int millis;

    @Option(
            names = "--warm-up",
            paramLabel = "MILLIS",
            defaultValue = "1000",
            description = "Milliseconds of warm-up of a program, at least (default: ${DEFAULT-VALUE}).")
    private int warmUpMillis;

    @Option(names = "--unrolled", description = "The 16 operations one after the other, not in a loop.")
    private boolean unrolled;

    @Option(names = "--checked", description = "Code with the checks of unverified programs (jit-checked).")
    private boolean checked;

    @Spec
    private CommandSpec spec = CommandSpec.create(); // picocli puts the real one here

    /**
     * What came of a side, over the rounds.
     *
     * @param net an operation
     * @param raw a run of the program with the operations
     * @param base a run of the program without them
     */
    private record Cost(Timing net, Timing raw, Timing base) {
        double nanos() {
            return net.median();
        }

        /** Half of the distance of the quartiles. */
        double spread() {
            return (net.q3() - net.q1()) / 2;
        }
    }

    /** Starts the command. */
    public static void main(String[] args) {
        System.exit(BenchLine.execute(new MapComparison(), args));
    }

    @Override
    public Integer call() {
        BenchLine.requireBetween(spec, "--rounds", rounds, 1, Integer.MAX_VALUE);
        BenchLine.requireBetween(spec, "--millis", millis, 1, Integer.MAX_VALUE);
        BenchLine.requireBetween(spec, "--warm-up", warmUpMillis, 0, Integer.MAX_VALUE);
        List<MapCase> cases = MapCase.all().stream()
                .filter(what -> names.isEmpty() || names.stream().anyMatch(what.name()::contains))
                .toList();
        if (cases.isEmpty()) {
            throw BenchLine.usage(spec, "--case: no case has this in its name: " + String.join(", ", names));
        }
        @Nullable Kernel kernel = null;
        String why = "";
        switch (Kernel.open()) {
            case KernelAccess.Available available -> kernel = available.kernel();
            case KernelAccess.Unavailable unavailable -> why = unavailable.reason();
        }
        if (!json) {
            if (kernel == null) {
                System.out.println("the kernel's times are missing: " + why);
            }
            System.out.printf(
                    "%-58s %-8s %9s %7s %9s %7s %6s %6s%n",
                    "ns an operation", "keys", "kernel", "+-", checked ? "checked" : "sluice", "+-", "ratio", "aim");
        }
        for (MapCase what : cases) {
            for (Draw draw : Draw.values()) {
                if (onlyDraw == null || draw == onlyDraw) {
                    measure(kernel, why, what, draw);
                }
            }
        }
        return 0;
    }

    private void measure(@Nullable Kernel kernel, String why, MapCase what, Draw draw) {
        int cpus = kernel == null ? 1 : kernel.possibleCpus();
        List<Side> sides = new ArrayList<>();
        List<Side.Loaded> programs = new ArrayList<>();
        try {
            if (kernel != null) {
                sides.add(new KernelSide(kernel, what));
            }
            sides.add(new SluiceSide(what, cpus, checked));
            byte[] @Nullable [] states = new byte[sides.size()][];
            for (int i = 0; i < sides.size(); i++) {
                Side side = sides.get(i);
                programs.add(side.load(MapProgram.of(what, draw, false, unrolled)));
                programs.add(side.load(MapProgram.of(what, draw, true, unrolled)));
                side.setState(ByteBuffer.allocate(MapProgram.STATE_BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(SEED)
                        .array());
                programs.get(2 * i).run(CHECKED_RUNS);
                states[i] = side.state();
            }
            if (!Arrays.equals(states[0], states[states.length - 1])) {
                throw new AssertionError(what.name() + ": the sides differ, kernel="
                        + HexFormat.of().formatHex(states[0]) + " sluice="
                        + HexFormat.of().formatHex(states[states.length - 1]));
            }
            List<Cost> costs = time(programs);
            print(what, draw, sides, costs, why);
        } finally {
            programs.forEach(Side.Loaded::close);
            sides.forEach(Side::close);
        }
    }

    /** Runs all programs in turns; the costs of the sides. */
    private List<Cost> time(List<Side.Loaded> programs) {
        int[] times = new int[programs.size()];
        for (int p = 0; p < programs.size(); p++) {
            Side.Loaded program = programs.get(p);
            times[p] = (int) Math.max(100, millis * NANOS_PER_MILLI / Math.max(1, warmUp(program)));
        }
        int sides = programs.size() / 2;
        double[][] net = new double[sides][rounds];
        double[][] raw = new double[programs.size()][rounds];
        for (int round = 0; round < rounds; round++) {
            for (int p = 0; p < programs.size(); p++) {
                raw[p][round] = programs.get(p).run(times[p]);
            }
            for (int side = 0; side < sides; side++) {
                net[side][round] = (raw[2 * side][round] - raw[2 * side + 1][round]) / MapProgram.OPERATIONS;
            }
        }
        List<Cost> costs = new ArrayList<>();
        for (int side = 0; side < sides; side++) {
            costs.add(new Cost(Timing.of(net[side]), Timing.of(raw[2 * side]), Timing.of(raw[2 * side + 1])));
        }
        return costs;
    }

    /** Runs a program until it has not become faster for as long as it has been getting faster; nanoseconds a run. */
    private double warmUp(Side.Loaded program) {
        long start = System.nanoTime();
        long improved = start;
        double best = Double.MAX_VALUE;
        while (true) {
            double nanos = program.run(2000);
            long now = System.nanoTime();
            if (nanos < best * 0.97) {
                best = nanos;
                improved = now;
            }
            long least = warmUpMillis * NANOS_PER_MILLI;
            if (now - start >= least && now - improved >= Math.max(least / 2, improved - start)) {
                return best;
            }
        }
    }

    private void print(MapCase what, Draw draw, List<Side> sides, List<Cost> costs, String why) {
        Cost ours = costs.getLast();
        @Nullable Cost theirs = costs.size() > 1 ? costs.getFirst() : null;
        long ourBytes = sides.getLast().mapBytes();
        long theirBytes = sides.size() > 1 ? sides.getFirst().mapBytes() : -1;
        if (json) {
            printJson(what, draw, ours, theirs, ourBytes, theirBytes, why);
            return;
        }
        System.out.printf(
                Locale.ROOT,
                "%-58s %-8s %9s %7s %9.2f %7.2f %6s %6s%n",
                what.name(),
                draw.label(),
                theirs == null ? "-" : String.format(Locale.ROOT, "%.2f", theirs.nanos()),
                theirs == null ? "-" : String.format(Locale.ROOT, "%.2f", theirs.spread()),
                ours.nanos(),
                ours.spread(),
                theirs == null ? "-" : String.format(Locale.ROOT, "%.2f", ours.nanos() / theirs.nanos()),
                what.limit() == 0 ? "" : what.limit());
        boolean largeHash = what.entries() == MapCase.MILLION && what.map().type() == dev.sluice.map.MapType.HASH;
        if (largeHash && draw == Draw.UNIFORM && what.operation() == MapCase.Operation.LOOKUP) {
            System.out.printf(
                    Locale.ROOT,
                    "    its memory: kernel %s MB, sluice %s MB%s%n",
                    megabytes(theirBytes),
                    megabytes(ourBytes),
                    theirBytes < 0 || ourBytes < 0
                            ? ""
                            : String.format(Locale.ROOT, ", ratio %.2f, aim 1.5", ourBytes / (double) theirBytes));
        }
    }

    private static String megabytes(long bytes) {
        return bytes < 0 ? "?" : String.format(Locale.ROOT, "%.1f", bytes / 1e6);
    }

    private static void printJson(
            MapCase what, Draw draw, Cost ours, @Nullable Cost theirs, long ourBytes, long theirBytes, String why) {
        StringBuilder text = new StringBuilder();
        try (java.io.StringWriter writer = new java.io.StringWriter();
                JsonGenerator out = new JsonFactory().createGenerator(writer)) {
            out.writeStartObject();
            out.writeStringField("case", what.name());
            out.writeStringField("type", what.map().type().bpftoolName());
            out.writeStringField("operation", what.operation().name().toLowerCase(Locale.ROOT));
            out.writeNumberField("key_size", what.map().keySize());
            out.writeNumberField("max_entries", what.map().maxEntries());
            out.writeStringField("keys", draw.label());
            writeCost(out, "kernel", theirs, theirBytes);
            out.writeStringField("kernel_reason", theirs == null ? why : null);
            writeCost(out, "sluice", ours, ourBytes);
            writeNumber(out, "ratio", theirs == null ? Double.NaN : ours.nanos() / theirs.nanos());
            writeNumber(out, "aim", what.limit() > 0 ? what.limit() : Double.NaN);
            out.writeEndObject();
            out.flush();
            text.append(writer);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        System.out.println(text);
    }

    private static void writeCost(JsonGenerator out, String name, @Nullable Cost cost, long bytes) throws IOException {
        if (cost == null) {
            out.writeNullField(name);
            return;
        }
        out.writeObjectFieldStart(name);
        writeNumber(out, "ns_per_operation", cost.nanos());
        writeNumber(out, "spread", cost.spread());
        writeNumber(out, "ns_per_run", cost.raw.median());
        writeNumber(out, "ns_per_run_without", cost.base.median());
        if (bytes < 0) {
            out.writeNullField("map_bytes");
        } else {
            out.writeNumberField("map_bytes", bytes);
        }
        out.writeEndObject();
    }

    /** @param value NaN where there is none */
    private static void writeNumber(JsonGenerator out, String name, double value) throws IOException {
        if (Double.isFinite(value)) {
            out.writeNumberField(name, Math.round(value * 1000) / 1000.0);
        } else {
            out.writeNullField(name);
        }
    }
}
