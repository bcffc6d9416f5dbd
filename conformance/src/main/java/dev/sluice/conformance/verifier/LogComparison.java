package dev.sluice.conformance.verifier;

import dev.sluice.helper.Kfunc;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * How far the logs of two verifiers are the same, line by line. What cannot be the same is left out of both: the addresses
 * of maps in the kernel's memory, which ours writes as indices, and the numbers of its functions. Owned by one thread.
 */
final class LogComparison {
    /** A map's address in the kernel, and ours for it. */
    private static final Pattern MAP = Pattern.compile("= (0xffff[0-9a-f]{12}|map\\[fd:\\d+](\\[0]\\+\\d+)?)( +)?");

    /** A call of a kernel function, whose number is the kernel's own; what comes behind moves with its length. */
    private static final Pattern CALL = Pattern.compile("(\\(85\\) call (\\w+))#\\d+( +(?=;))?");

    private int logs;
    private int sameLogs;
    private long lines;
    private long sameLines;
    private final List<String> differences = new ArrayList<>();

    /**
     * Compares two logs.
     *
     * @return whether they are the same
     */
    boolean add(String name, String kernel, String ours) {
        String[] theirs = linesOf(kernel);
        String[] own = linesOf(ours);
        logs++;
        lines += theirs.length;
        int same = 0;
        Map<String, Integer> left = new HashMap<>();
        for (String line : own) {
            left.merge(line, 1, Integer::sum);
        }
        for (String line : theirs) {
            Integer count = left.get(line);
            if (count != null && count > 0) {
                left.put(line, count - 1);
                same++;
            }
        }
        sameLines += same;
        int at = 0;
        while (at < Math.min(theirs.length, own.length) && theirs[at].equals(own[at])) {
            at++;
        }
        if (at == theirs.length && at == own.length) {
            sameLogs++;
            return true;
        }
        differences.add(name + ": " + same + " of " + theirs.length + " lines, first difference in line " + (at + 1)
                + "\n  kernel: " + (at < theirs.length ? theirs[at] : "(end)") + "\n  ours:   "
                + (at < own.length ? own[at] : "(end)"));
        return false;
    }

    private static String[] linesOf(String log) {
        String text = MAP.matcher(log.strip()).replaceAll("= map ");
        return CALL.matcher(text)
                .replaceAll(call -> Kfunc.exists(call.group(2)) ? call.group(1) + " " : call.group())
                .split("\n");
    }

    int logs() {
        return logs;
    }

    int sameLogs() {
        return sameLogs;
    }

    /** The first line that differs, of each log that does. */
    List<String> differences() {
        return differences;
    }

    @Override
    public String toString() {
        return String.format(
                "%d of %d logs the same, %d of %d lines (%.2f %%)",
                sameLogs, logs, sameLines, lines, lines == 0 ? 100.0 : 100.0 * sameLines / lines);
    }
}
