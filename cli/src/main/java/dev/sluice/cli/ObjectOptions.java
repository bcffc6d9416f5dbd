package dev.sluice.cli;

import dev.sluice.LoadException;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.VerificationException;
import dev.sluice.XdpRuntime;
import dev.sluice.map.MapException;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which program of which object, for the commands that run one. */
final class ObjectOptions {
    @Option(
            names = "--prog",
            paramLabel = "NAME",
            description = "The program to run (default: the only XDP program of the object). A program whose section "
                    + "does not say its type is taken for XDP.")
    private @Nullable String program;

    /** A program of an object, chosen but not loaded. */
    record Choice(Path file, ObjectSpec spec, ProgramSpec program) {
        /** Makes it run. */
        LoadedProgram load(XdpRuntime runtime) {
            return ObjectOptions.load(runtime, this).program(program.name()).orElseThrow();
        }
    }

    Choice choose(Path file) {
        return choose(file, read(file), program);
    }

    /** Reads an object file. */
    static ObjectSpec read(Path file) {
        try {
            return ObjectSpec.read(file.toString(), Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            throw new CommandFailure(file + ": no such file");
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be read: " + reason(e));
        } catch (ObjectException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    /**
     * Chooses a program.
     *
     * @param name null for the only XDP program
     */
    static Choice choose(Path file, ObjectSpec spec, @Nullable String name) {
        if (name != null) {
            Optional<ProgramSpec> named = spec.program(name);
            if (named.isEmpty()) {
                throw new CommandFailure(
                        file + ": no such program, expected one of " + names(spec.programs()) + ", name=" + name);
            }
            return new Choice(file, spec, asXdp(file, named.get()));
        }
        List<ProgramSpec> candidates = spec.xdpPrograms();
        if (candidates.isEmpty() && spec.programs().size() == 1) {
            candidates = List.of(asXdp(file, spec.programs().getFirst()));
        }
        if (candidates.isEmpty()) {
            throw new CommandFailure(file + ": no program's section says that it is XDP, choose one with --prog: "
                    + names(spec.programs()));
        }
        if (candidates.size() > 1) {
            throw new CommandFailure(file + ": several XDP programs, choose one with --prog: " + names(candidates));
        }
        return new Choice(file, spec, candidates.getFirst());
    }

    private static ProgramSpec asXdp(Path file, ProgramSpec program) {
        ProgramSpec xdp = program.asXdp();
        if (!xdp.isXdp()) {
            throw new CommandFailure(
                    file + ": program " + program.name() + " is not XDP, section=" + program.section());
        }
        return xdp;
    }

    private static String names(List<ProgramSpec> programs) {
        return String.join(
                ", ",
                programs.stream()
                        .map(program -> program.name() + " (" + program.section() + ")")
                        .toList());
    }

    /** Loads the object of a choice. */
    static LoadedObject load(XdpRuntime runtime, Choice choice) {
        try {
            return runtime.load(choice.spec(), List.of(choice.program()));
        } catch (VerificationException e) {
            throw new CommandFailure(
                    ExitCode.REJECTED,
                    choice.file() + ": " + e.getMessage()
                            + "\nto run it all the same, with every access checked: --engine jit-checked",
                    null);
        } catch (ObjectException | LoadException | MapException e) {
            throw new CommandFailure(choice.file() + ": " + e.getMessage());
        }
    }
}
