package dev.sluice.cli;

import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a program is run, whatever its packets come from. */
final class RunOptions {
    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            description = "jit (the default): verifies the program and compiles it without checks; what the verifier "
                    + "rejects is refused. jit-checked and interpreter: run any program and check every access.")
    private EngineChoice engine = EngineChoice.JIT;

    @Option(names = "--seed", paramLabel = "N", description = "Of random numbers and hash functions (default: 0).")
    private long seed;

    @Option(
            names = "--write",
            paramLabel = "ACTION=FILE",
            description = "Write the packets of a verdict (pass, drop, tx, redirect, aborted, other) to a capture, as "
                    + "the program left them; by the name pcapng, and compressed (.gz, .zst); - is standard output "
                    + "(the report then goes to standard error). May be repeated.")
    private List<String> writes = List.of();

    @Option(names = "--trace-limit", paramLabel = "N", description = "Trace lines to keep (default: ${DEFAULT-VALUE}).")
    private int traceLimit = 10_000;

    @Option(
            names = "--max-insns",
            paramLabel = "N",
            description = "Abort a packet after N instructions (default: ${DEFAULT-VALUE}).")
    private long maxInsns = XdpRuntime.DEFAULT_INSTRUCTION_LIMIT;

    @Mixin
    private NetworkOptions network = new NetworkOptions();

    @Option(
            names = "--pin-dir",
            paramLabel = "DIR",
            description =
                    "Where maps that are pinned by name (LIBBPF_PIN_BY_NAME) live between runs: read from DIR/MAP.json "
                            + "at the start, written there at the end (default: they are shared by the objects of one run).")
    private @Nullable Path pinFolder;

    /** The pinned maps of objects, filled from their files; null without a folder. */
    @Nullable
    PinFolder pins(XdpRuntime runtime, Collection<LoadedObject> objects) {
        return pinFolder == null ? null : PinFolder.open(pinFolder, runtime, objects);
    }

    @Mixin
    private EventOptions events = new EventOptions();

    EventOptions events() {
        return events;
    }

    NetworkOptions network() {
        return network;
    }

    /** For commands that have no such options, or only some of them: nothing is written and no trace is kept. */
    static RunOptions of(EngineChoice engine, long seed, NetworkOptions network) {
        RunOptions options = new RunOptions();
        options.engine = engine;
        options.seed = seed;
        options.network = network;
        options.traceLimit = 0;
        return options;
    }

    EngineChoice engine() {
        return engine;
    }

    long seed() {
        return seed;
    }

    int traceLimit() {
        return traceLimit;
    }

    long maxInsns() {
        return maxInsns;
    }

    /** Refuses numbers that make no sense. */
    void check() {
        requireAtLeast("--trace-limit", traceLimit, 0);
        requireAtLeast("--max-insns", maxInsns, 1);
        destinations();
        events.check();
    }

    static void requireAtLeast(String option, long value, long least) {
        if (value < least) {
            throw usage(option + ": expected " + least + " or more, found " + value);
        }
    }

    static CommandFailure usage(String message) {
        return new CommandFailure(ExitCode.USAGE, message, null);
    }

    /** Whether a capture or events go to standard output, which then is no place for a report. */
    boolean writesToStandardOutput() {
        return destinations().containsValue("-") || events.writesToStandardOutput();
    }

    /**
     * Creates the captures of {@code --write}.
     *
     * @param inputs files that are read, which must not be written over
     */
    Map<XdpAction, CaptureFileSink> openSinks(List<String> inputs) throws IOException {
        Map<XdpAction, CaptureFileSink> sinks = new EnumMap<>(XdpAction.class);
        try {
            for (Map.Entry<XdpAction, String> write : destinations().entrySet()) {
                String file = write.getValue();
                refuseToOverwrite(file, inputs);
                CaptureWriter.Options options =
                        CaptureWriter.Options.byName(file).nanoseconds(true);
                sinks.put(write.getKey(), new CaptureFileSink(CaptureWriter.create(file, options)));
            }
            return sinks;
        } catch (CaptureException e) {
            close(sinks.values());
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    static void refuseToOverwrite(String file, List<String> inputs) {
        for (String input : inputs) {
            if (isSame(file, input)) {
                throw new CommandFailure(file + ": is read in this run, expected another file to write");
            }
        }
    }

    /** Whether two names are one regular file, or standard output. */
    private static boolean isSame(String one, String other) {
        Path path = Path.of(one);
        if (one.equals("-") || other.equals("-")) {
            return one.equals(other);
        }
        try {
            return Files.exists(path)
                    ? Files.isRegularFile(path) && Files.isSameFile(path, Path.of(other))
                    : path.toAbsolutePath()
                            .normalize()
                            .equals(Path.of(other).toAbsolutePath().normalize());
        } catch (IOException e) {
            return false; // then one of them does not exist
        }
    }

    /**
     * Completes captures.
     *
     * @return what could not be written, once
     */
    static List<String> close(Collection<? extends FrameSink> sinks) {
        Set<String> failures = new LinkedHashSet<>();
        for (FrameSink sink : sinks) {
            try {
                sink.close();
            } catch (IOException e) {
                failures.add(String.valueOf(e.getMessage()));
            }
        }
        return List.copyOf(failures);
    }

    /** The files of {@code --write} by action. */
    private Map<XdpAction, String> destinations() {
        Map<XdpAction, String> files = new EnumMap<>(XdpAction.class);
        for (String write : writes) {
            int equals = write.indexOf('=');
            if (equals < 0 || equals == write.length() - 1) {
                throw usage("--write: expected ACTION=FILE, found " + write);
            }
            String name = write.substring(0, equals);
            String file = write.substring(equals + 1);
            if (files.values().stream().anyMatch(other -> isSame(file, other))) {
                throw usage("--write: expected a file for each verdict, found twice " + file);
            }
            if (files.put(actionNamed(name), file) != null) {
                throw usage("--write: " + name + " is there twice");
            }
        }
        return files;
    }

    private static XdpAction actionNamed(String name) {
        for (XdpAction action : XdpAction.values()) {
            if (action.name().equalsIgnoreCase(name) || action.label().equalsIgnoreCase(name)) {
                return action;
            }
        }
        throw usage("--write: expected one of pass, drop, tx, redirect, aborted, other, found " + name);
    }
}
