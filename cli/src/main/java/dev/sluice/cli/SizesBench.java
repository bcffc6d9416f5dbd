package dev.sluice.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.sluice.packet.measure.PacketSet;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** What an instruction costs in programs of several sizes that do the same work again and again ({@link SizedProgram}). */
record SizesBench(List<BenchResult> results) {
    /** Instructions, the smallest first: all others are compared with it. */
    private static final List<Integer> SIZES = List.of(SizedProgram.SMALLEST, 500, 2_000, 5_000, 10_000, 20_000);

    static SizesBench run(PacketSet set, ProgramBench.Options options) {
        List<BenchResult> results = new ArrayList<>();
        for (int size : SIZES) {
            ObjectOptions.Choice choice = new ObjectOptions().choose(Path.of("rules-" + size), SizedProgram.of(size));
            results.add(ProgramBench.run(choice, set, Map.of(), options));
        }
        return new SizesBench(results);
    }

    /** What a program's instruction costs in those of the smallest program. */
    private static double toSmallest(BenchResult result, BenchResult smallest, String side) {
        return result.perInstruction(side) / smallest.perInstruction(side);
    }

    private double worst() {
        return results.stream()
                .mapToDouble(result -> toSmallest(result, results.getFirst(), ProgramBench.SLUICE))
                .max()
                .orElseThrow();
    }

    void print(PrintStream out) {
        BenchResult smallest = results.getFirst();
        out.println("nanoseconds of CPU an executed instruction, in programs of the same work repeated");
        out.println();
        Table table = new Table(
                "insns",
                "executed",
                "sluice",
                "kernel",
                "checked",
                "to kernel",
                "to smallest",
                "kernel's",
                "steady after");
        for (BenchResult result : results) {
            table.row(
                    Quantity.count(result.instructions()),
                    BenchResult.number(result.stability().executed()),
                    cell(result, ProgramBench.SLUICE, each -> each.perInstruction(ProgramBench.SLUICE)),
                    cell(result, ProgramBench.KERNEL, each -> each.perInstruction(ProgramBench.KERNEL)),
                    cell(result, ProgramBench.CHECKED, each -> each.perInstruction(ProgramBench.CHECKED)),
                    cell(
                            result,
                            ProgramBench.KERNEL,
                            each -> each.perInstruction(ProgramBench.SLUICE)
                                    / each.perInstruction(ProgramBench.KERNEL)),
                    cell(result, ProgramBench.SLUICE, each -> toSmallest(each, smallest, ProgramBench.SLUICE)),
                    cell(result, ProgramBench.KERNEL, each -> toSmallest(each, smallest, ProgramBench.KERNEL)),
                    result.steadyAfter());
        }
        table.print(out);
        if (smallest.kernelReason() != null) {
            out.println("no figures of the kernel: " + smallest.kernelReason());
        }
        out.println();
        out.printf(
                Locale.ROOT,
                "an instruction of a large program costs at most %.2f times what one of the smallest costs%n",
                worst());
    }

    private static String cell(BenchResult result, String side, ToDoubleFunction<BenchResult> number) {
        return result.race().has(side) ? String.format(Locale.ROOT, "%.3f", number.applyAsDouble(result)) : "-";
    }

    void write(JsonGenerator json) throws IOException {
        json.writeStartObject();
        json.writeArrayFieldStart("sizes");
        for (BenchResult result : results) {
            result.write(json, null);
        }
        json.writeEndArray();
        json.writeNumberField("most_to_smallest", Quantity.rounded(worst()));
        json.writeEndObject();
    }
}
