package dev.sluice.conformance.fuzz;

import dev.sluice.isa.Opcode;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** What the programs of a run executed. Used by one thread, then merged. */
final class Coverage {
    private static final int LONGEST = 1 << 16;

    private final Set<Opcode> ofProgram = EnumSet.noneOf(Opcode.class);
    private int steps;

    private final Map<Opcode, Integer> programs = new EnumMap<>(Opcode.class);

    /** lengths[n]: inputs that executed n instructions. */
    private final int[] lengths = new int[LONGEST];

    void begin() {
        ofProgram.clear();
        steps = 0;
    }

    void executed(Opcode opcode) {
        ofProgram.add(opcode);
        steps++;
    }

    /** The program is over: counts it. */
    void end(int inputs) {
        for (Opcode opcode : ofProgram) {
            programs.merge(opcode, 1, Integer::sum);
        }
        lengths[Math.min(steps / inputs, LONGEST - 1)]++;
    }

    void merge(Coverage other) {
        other.programs.forEach((opcode, count) -> programs.merge(opcode, count, Integer::sum));
        Arrays.setAll(lengths, i -> lengths[i] + other.lengths[i]);
    }

    /** Instructions executed a packet, on average over a program's packets: the median program. */
    int medianLength() {
        long total = Arrays.stream(lengths).asLongStream().sum();
        long seen = 0;
        for (int length = 0; length < LONGEST; length++) {
            seen += lengths[length];
            if (2 * seen >= total) {
                return length;
            }
        }
        return 0;
    }

    /** Programs in which an operation was executed. */
    int programsWith(Opcode opcode) {
        return programs.getOrDefault(opcode, 0);
    }
}
