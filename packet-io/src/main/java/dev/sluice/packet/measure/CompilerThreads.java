package dev.sluice.packet.measure;

import java.io.IOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Whether HotSpot is compiling. Its threads are found by name in Linux's {@code /proc}, where both count: the time that they
 * had a CPU and the time that they waited for one, as on a busy machine a compilation can take seconds and be seen by its
 * effects only afterwards. Elsewhere the JVM's own figure has to do, which grows when a compilation is over.
 */
final class CompilerThreads {
    private static final Path TASKS = Path.of("/proc/self/task");
    private static final @Nullable CompilationMXBean COMPILATION = ManagementFactory.getCompilationMXBean();

    private CompilerThreads() {}

    /** Nanoseconds that compilations have taken so far, waiting for a CPU included. */
    static long nanos() {
        long nanos = 0;
        boolean found = false;
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(TASKS)) {
            for (Path task : tasks) {
                String name = Files.readString(task.resolve("comm"));
                if (name.startsWith("C1 Comp") || name.startsWith("C2 Comp")) {
                    // run time and time on the run queue, in nanoseconds, and the number of time slices
                    String[] times = Files.readString(task.resolve("schedstat")).split(" ");
                    nanos += Long.parseLong(times[0]) + Long.parseLong(times[1]);
                    found = true;
                }
            }
        } catch (IOException | NumberFormatException e) {
            found = false;
        }
        return found ? nanos : COMPILATION == null ? 0 : COMPILATION.getTotalCompilationTime() * 1_000_000;
    }
}
