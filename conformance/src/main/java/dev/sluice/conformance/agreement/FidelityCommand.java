package dev.sluice.conformance.agreement;

import dev.sluice.Engines;
import dev.sluice.conformance.verifier.VerifierSuite;
import dev.sluice.exec.Engine;
import dev.sluice.kernel.Kernel;
import dev.sluice.kernel.KernelAccess;
import dev.sluice.kernel.diff.DiffReport;
import dev.sluice.kernel.diff.NotComparableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code conformance/fidelity}: runs all suites against this machine's kernel and writes what came of it. */
@Command(
        name = "fidelity",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Compares Sluice with this machine's kernel and writes docs/FIDELITY.md. Exit code 0: no "
                + "difference; 1: some, or --check found another text; 3: the kernel cannot be used.")
public final class FidelityCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "FOLDER", description = "The repository.", hidden = true)
    private Path home = Path.of("");

    @Option(names = "--seed", paramLabel = "N", description = "Of random operands and operations (default: 1).")
    private long seed = 1;

    @Option(names = "--check", description = "Compare with the page that is there; write nothing.")
    private boolean check;

    public static void main(String[] args) {
        System.exit(new CommandLine(new FidelityCommand()).execute(args));
    }

    @Override
    public Integer call() throws IOException {
        Kernel kernel;
        switch (Kernel.open()) {
            case KernelAccess.Available available -> kernel = available.kernel();
            case KernelAccess.Unavailable unavailable -> {
                System.err.println("Error: cannot compare: " + unavailable.reason());
                return 3;
            }
        }
        List<Engine> engines = List.of(Engines.interpreter(), Engines.jitChecked(), Engines.jit());
        Corpus corpus = new Corpus(home.resolve("pcaps"));
        Map<Corpus.Subject, DiffReport> programs = new LinkedHashMap<>();
        Map<Corpus.Subject, String> notCompared = new LinkedHashMap<>();
        for (Corpus.Subject subject : corpus.subjects()) {
            try {
                programs.put(subject, corpus.compare(kernel, subject, engines));
            } catch (NotComparableException e) {
                notCompared.put(subject, String.valueOf(e.getMessage()));
            }
        }
        FidelityPage page = new FidelityPage(
                kernel,
                engines,
                seed,
                corpus,
                programs,
                notCompared,
                IsaSuite.run(kernel, engines, seed),
                MapSuite.run(kernel, engines, seed),
                HelperSuite.run(kernel, engines, seed),
                VerifierSuite.run(kernel, home.resolve("pcaps/programs"), seed));
        String text = page.text();
        Path file = home.resolve("docs/FIDELITY.md");
        if (check) {
            boolean same = Files.exists(file) && Files.readString(file).equals(text);
            System.out.println(same ? "docs/FIDELITY.md is what this kernel gives" : "docs/FIDELITY.md: other text");
            return same && page.isEqual() ? 0 : 1;
        }
        Files.writeString(file, text);
        page.differences().forEach(System.out::println);
        System.out.println("docs/FIDELITY.md: " + page.summary());
        return page.isEqual() ? 0 : 1;
    }
}
