package dev.sluice.cli;

import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;

/** The kernel, for commands that need it. */
final class KernelOptions {
    private KernelOptions() {}

    /**
     * The running kernel.
     *
     * @param what cannot be done without it, for the message
     */
    static Kernel kernel(String what) {
        return switch (Kernel.open()) {
            case KernelAccess.Available available -> available.kernel();
            case KernelAccess.Unavailable unavailable ->
                throw new CommandFailure(ExitCode.ENVIRONMENT, what + ": " + unavailable.reason(), null);
        };
    }
}
