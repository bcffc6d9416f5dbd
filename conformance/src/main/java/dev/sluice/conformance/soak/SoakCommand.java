package dev.sluice.conformance.soak;

import dev.sluice.Engines;
import dev.sluice.exec.Engine;
import dev.sluice.object.ObjectSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./sluice-soak}: maps under concurrency, for as long as one likes. */
@Command(
        name = "sluice-soak",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Runs a program on shared maps on several queues, while user space reads, writes, iterates and replaces, "
                        + "and holds the maps to what must be true in any order. Exit code 0: it was; 1: it was not.")
public final class SoakCommand implements Callable<Integer> {
    @Option(names = "--seconds", paramLabel = "N", description = "Seconds to run, shared by the engines (default: 60).")
    private double seconds = 60;

    @Option(names = "--queues", paramLabel = "N", description = "Queues, each a thread (default: 4).")
    private int queues = 4;

    @Option(names = "--seed", paramLabel = "N", description = "Of keys and hashes (default: the time).")
    private long seed = System.nanoTime();

    @Option(names = "--engine", paramLabel = "NAME", description = "Only this engine (default: all).")
    private String engine = "";

    @Parameters(paramLabel = "HOME", hidden = true, description = "The project's folder, from the wrapper.")
    private Path home = Path.of(".");

    public static void main(String[] args) {
        System.exit(new CommandLine(new SoakCommand()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        Path file = home.resolve("pcaps/verifier/shared_maps.bpf.o");
        ObjectSpec object = ObjectSpec.read(String.valueOf(file.getFileName()), Files.readAllBytes(file));
        List<Engine> engines = List.of(Engines.interpreter(), Engines.jitChecked(), Engines.jit()).stream()
                .filter(one -> engine.isEmpty() || one.name().equals(engine))
                .toList();
        if (engines.isEmpty()) {
            System.err.println("no such engine: " + engine);
            return 2;
        }
        System.out.println("seed=" + seed + " queues=" + queues);
        boolean good = true;
        for (Engine each : engines) {
            Soak.Result result = new Soak(each, object, queues, seed).run((long) (seconds * 1e9 / engines.size()));
            System.out.printf(
                    "%-12s %,d packets, %,d operations of user space, %,d samples, %,d timers: %s%n",
                    each.name(),
                    result.packets(),
                    result.operations(),
                    result.samples(),
                    result.fired(),
                    result.wrong().isEmpty() ? "all as it must be" : "WRONG");
            result.wrong().forEach(what -> System.out.println("  " + what));
            good &= result.wrong().isEmpty();
        }
        return good ? 0 : 1;
    }
}
