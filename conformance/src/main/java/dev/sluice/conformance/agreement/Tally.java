package dev.sluice.conformance.agreement;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a suite has compared: by subject (an opcode, a helper, a kind of map) how often, and the first differences in
 * words.
 */
public final class Tally {
    private static final int KEPT = 40;
    private static final int KEPT_OF_SUBJECT = 2;

    private final Map<String, Long> compared = new TreeMap<>();
    private final Map<String, Long> different = new TreeMap<>();
    private final List<String> differences = new ArrayList<>();

    void equal(String subject) {
        compared.merge(subject, 1L, Long::sum);
    }

    /** @param what the case, and both answers */
    void different(String subject, String what) {
        equal(subject);
        long before = different.merge(subject, 1L, Long::sum) - 1;
        if (differences.size() < KEPT && before < KEPT_OF_SUBJECT) {
            differences.add(subject + ": " + what);
        }
    }

    /** Comparisons by subject, with those that differed. */
    public Map<String, Long> compared() {
        return compared;
    }

    /** Differing comparisons by subject; only subjects that have some. */
    public Map<String, Long> different() {
        return different;
    }

    /** The first differences. */
    public List<String> differences() {
        return differences;
    }

    public long total() {
        return compared.values().stream().mapToLong(Long::longValue).sum();
    }

    public long totalDifferent() {
        return different.values().stream().mapToLong(Long::longValue).sum();
    }
}
