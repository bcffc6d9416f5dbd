package dev.sluice.packet.tap;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A network namespace of a test's own: one thread of this process lives in it, and so do the interfaces that it makes and the
 * commands that it starts. Nothing of it is seen outside, and it goes away with the thread. Its interfaces have no IPv6: what
 * the kernel sends by itself, and when, is not to be among the packets.
 */
public final class NetNamespace implements AutoCloseable {
    private static final int CLONE_NEWNET = 0x4000_0000;

    private final ExecutorService thread = Executors.newSingleThreadExecutor();

    /** Makes one, or skips the test with the reason. */
    public NetNamespace() throws Exception {
        this(TapIo.EPOLL);
    }

    /** Makes one for TAPs that are read and written in that way. */
    public NetNamespace(TapIo io) throws Exception {
        Assumptions.assumeTrue(System.getProperty("os.name").equals("Linux"), "TAP interfaces are Linux's");
        int result = call(() -> {
            Linker linker = Linker.nativeLinker();
            MethodHandle unshare = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("unshare"),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            try {
                return (int) unshare.invokeExact(CLONE_NEWNET);
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
        });
        if (result != 0) {
            close();
        }
        Assumptions.assumeTrue(result == 0, "no permission to make a network namespace (run as root)");
        Path ipv6 = Path.of("/proc/sys/net/ipv6/conf/default/disable_ipv6");
        call(() -> Files.isWritable(ipv6) ? Files.writeString(ipv6, "1") : null);
        try {
            call(() -> {
                try (TapDevice probe = TapDevice.open("probe")) {
                    if (io == TapIo.IO_URING) {
                        probe.openRings();
                    }
                }
                return null;
            });
        } catch (TapException e) {
            close();
            Assumptions.abort("no such TAP interfaces here: " + e.getMessage());
        }
    }

    /** Runs something on the thread that is in the namespace. */
    public <T> T call(Callable<T> task) throws Exception {
        try {
            return thread.submit(task).get(280, TimeUnit.SECONDS); // for what hangs
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** What a command gave. */
    public record Output(int status, String text) {}

    /** Runs a command in the namespace; a missing program skips the test. */
    public Output run(String... command) throws Exception {
        return call(() -> {
            Process process;
            try {
                process = new ProcessBuilder(command).redirectErrorStream(true).start();
            } catch (IOException e) {
                Assumptions.abort("not installed: " + command[0]);
                throw new UncheckedIOException(e);
            }
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Output(process.waitFor(), text);
        });
    }

    /** Runs a command that has to succeed. */
    public String must(String... command) throws Exception {
        Output output = run(command);
        if (output.status() != 0) {
            throw new AssertionError(List.of(command) + ": " + output.text());
        }
        return output.text();
    }

    /**
     * Sends echo requests in the namespace, each of which must be answered before the next. By commands of their own: for the
     * last of many ping waits only twice as long as the others took.
     *
     * @param arguments of ping, the address among them
     */
    public void ping(int count, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("ping", "-c", "1", "-W", "100"));
        command.addAll(List.of(arguments));
        for (int sent = 0; sent < count; ) {
            Output output = run(command.toArray(String[]::new));
            if (output.status() == 0) {
                sent++;
            } else if (!output.text().contains("Unreachable")) { // the kernel gives the neighbour three seconds
                throw new AssertionError(command + ": " + output.text());
            }
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
