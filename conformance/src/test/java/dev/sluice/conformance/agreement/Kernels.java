package dev.sluice.conformance.agreement;

import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import org.junit.jupiter.api.Assumptions;

/** The running kernel, or a skipped test with the reason. */
final class Kernels {
    private Kernels() {}

    static Kernel kernel() {
        return switch (Kernel.open()) {
            case KernelAccess.Available available -> available.kernel();
            case KernelAccess.Unavailable unavailable -> {
                Assumptions.abort(unavailable.reason());
                throw new AssertionError("not reached");
            }
        };
    }
}
