package dev.sluice.kernel;

/** Whether the running kernel can be used as an oracle by this process. Immutable. */
public sealed interface KernelAccess {
    /** It can. */
    record Available(Kernel kernel) implements KernelAccess {}

    /**
     * It cannot.
     *
     * @param reason one sentence for a person, lower case, without a full stop: what a skipped test says
     */
    record Unavailable(String reason) implements KernelAccess {}
}
