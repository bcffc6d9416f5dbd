package dev.sluice;

import dev.sluice.verifier.Explanation;
import dev.sluice.verifier.Verdict;

/** A program that the verifier rejects, as Linux would. The message has the end of its log and an explanation. */
public final class VerificationException extends LoadException {
    private static final long serialVersionUID = 1L;
    private static final int LOG_LINES = 30;

    private final transient Verdict.Rejected verdict;

    VerificationException(String program, Verdict.Rejected verdict) {
        super("program " + program + ": rejected by the verifier\n" + explained(verdict));
        this.verdict = verdict;
    }

    /** The verdict with its whole log, at level 1. */
    public Verdict.Rejected verdict() {
        return verdict;
    }

    /** The kernel's words first, then those for people. */
    private static String explained(Verdict.Rejected verdict) {
        String[] lines = verdict.log().stripTrailing().split("\n");
        StringBuilder text = new StringBuilder();
        if (lines.length > LOG_LINES) {
            text.append("… (sluice check shows all of it)\n");
        }
        for (int i = Math.max(0, lines.length - LOG_LINES); i < lines.length; i++) {
            text.append(lines[i]).append('\n');
        }
        Explanation.of(verdict.message()).ifPresent(text::append);
        return text.toString().stripTrailing();
    }
}
