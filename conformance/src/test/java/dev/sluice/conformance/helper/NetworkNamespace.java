package dev.sluice.conformance.helper;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A thread in a network namespace of its own, in which interfaces and routes can be made without harm. */
final class NetworkNamespace {
    private static final int CLONE_NEWNET = 0x4000_0000;

    /** What is done in there. */
    interface Work {
        void run() throws Exception;
    }

    private NetworkNamespace() {}

    /**
     * Does something in a new namespace.
     *
     * @return null, or why there can be no new namespace
     */
    static @Nullable String in(Work work) {
        String[] unavailable = new String[1];
        Throwable[] thrown = new Throwable[1];
        Thread thread = new Thread(
                () -> {
                    try {
                        int error = unshare();
                        if (error != 0) {
                            unavailable[0] = "no network namespace for this process";
                        } else {
                            work.run();
                        }
                    } catch (Throwable e) {
                        thrown[0] = e;
                    }
                },
                "network namespace");
        thread.start();
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        if (thrown[0] instanceof Error error) {
            throw error;
        } else if (thrown[0] != null) {
            throw new AssertionError(thrown[0]);
        }
        return unavailable[0];
    }

    private static int unshare() throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment symbol =
                    Linker.nativeLinker().defaultLookup().find("unshare").orElseThrow();
            return (int) Linker.nativeLinker()
                    .downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT))
                    .invokeExact(CLONE_NEWNET);
        }
    }

    /** Runs a shell script in the calling thread's namespace: what it printed. */
    static String shell(String script) throws IOException, InterruptedException {
        Process process = new ProcessBuilder("sh", "-ec", script)
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(180, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new AssertionError(script + ": " + output);
        }
        return output;
    }
}
