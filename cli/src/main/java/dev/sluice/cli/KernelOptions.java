package dev.sluice.cli;

import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.MapEntry;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

    /** What maps start with beside the object's own entries, as the kernel takes it. */
    static Map<String, List<MapEntry>> contents(ObjectOptions.Choice choice, Kernel kernel) {
        Map<String, List<MapEntry>> contents = new LinkedHashMap<>();
        choice.contents()
                .forEach((name, file) -> contents.put(
                        name,
                        MapFile.read(choice.file(), choice.spec(), name, file, kernel.possibleCpus()).bytes().stream()
                                .map(entry -> new MapEntry(entry.key(), entry.value()))
                                .toList()));
        return contents;
    }
}
