package dev.sluice.conformance.verifier;

import java.util.ArrayList;
import java.util.List;

/** How often two verifiers agree, and the cases where they do not. Owned by one thread. */
final class ConfusionMatrix {
    private int bothAccept;
    private int sameCount;
    private int bothReject;
    private int sameMessage;
    private int falseAccept;
    private int falseReject;
    private int undecidedAccepts;
    private int undecidedRejects;
    private long kernelProcessed;
    private long ourProcessed;
    private final List<String> differences = new ArrayList<>();

    void add(String name, Bed.Answer kernel, Bed.Answer ours) {
        if (ours.unsupported()) {
            undecidedAccepts += kernel.accepted() ? 1 : 0;
            undecidedRejects += kernel.accepted() ? 0 : 1;
            differ(
                    name,
                    "UNSUPPORTED " + ours.message() + " | kernel: "
                            + (kernel.accepted() ? "accepts" : kernel.message()));
        } else if (kernel.accepted() && ours.accepted()) {
            bothAccept++;
            kernelProcessed += kernel.processed();
            ourProcessed += ours.processed();
            sameCount += kernel.processed() == ours.processed() ? 1 : 0;
            if (kernel.processed() != ours.processed()) {
                differ(name, "COUNT kernel: " + kernel.processed() + " | ours: " + ours.processed());
            }
        } else if (kernel.accepted()) {
            falseReject++;
            differ(name, "FALSE REJECT " + ours.message());
        } else if (ours.accepted()) {
            falseAccept++;
            differ(name, "FALSE ACCEPT, the kernel says: " + kernel.message());
        } else {
            bothReject++;
            if (kernel.message().equals(ours.message())) {
                sameMessage++;
            } else {
                differ(name, "MESSAGE kernel: " + kernel.message() + " | ours: " + ours.message());
            }
        }
    }

    private void differ(String name, String what) {
        differences.add(name + ": " + what);
    }

    VerifierSuite.Row row() {
        int programs = bothAccept + bothReject + falseAccept + falseReject + unsupported();
        return new VerifierSuite.Row(
                programs, bothAccept, bothReject, falseAccept, falseReject, unsupported(), sameCount, sameMessage);
    }

    int falseAccepts() {
        return falseAccept;
    }

    int falseRejects() {
        return falseReject;
    }

    int unsupported() {
        return undecidedAccepts + undecidedRejects;
    }

    int differentMessages() {
        return bothReject - sameMessage;
    }

    List<String> differences() {
        return differences;
    }

    @Override
    public String toString() {
        return String.format(
                """
                                  sluice accepts  rejects  unsupported
                Linux accepts     %14d %8d %12d
                Linux rejects     %14d %8d %12d
                same count of instructions %d of %d (%d, Linux %d), same last line %d of %d
                """,
                bothAccept,
                falseReject,
                undecidedAccepts,
                falseAccept,
                bothReject,
                undecidedRejects,
                sameCount,
                bothAccept,
                ourProcessed,
                kernelProcessed,
                sameMessage,
                bothReject);
    }
}
