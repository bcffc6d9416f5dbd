package dev.sluice.bench;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** The command lines of {@code bench/run}: wrong ones end with one line that says what was expected, and exit code 2. */
public final class BenchLine {
    private BenchLine() {}

    /**
     * Runs a command.
     *
     * @return its exit code
     */
    public static int execute(Callable<Integer> command, String... arguments) {
        CommandLine line = new CommandLine(command).setCaseInsensitiveEnumValuesAllowed(true);
        CommandSpec spec = line.getCommandSpec();
        spec.remove(spec.findOption("--version")); // the benchmarks have none
        line.setParameterExceptionHandler((failure, rest) -> {
            System.err.println("Error: " + failure.getMessage());
            System.err.println("Try '" + line.getCommandName() + " --help' for more.");
            return CommandLine.ExitCode.USAGE;
        });
        return line.execute(arguments);
    }

    /** Refuses a number that makes no sense. */
    public static void requireBetween(CommandSpec spec, String option, long value, long least, long most) {
        if (value < least || value > most) {
            throw usage(
                    spec,
                    option + ": expected "
                            + (most == Integer.MAX_VALUE ? least + " or more" : least + " to " + most)
                            + ", found " + value);
        }
    }

    /** A command line that cannot be meant. */
    public static ParameterException usage(CommandSpec spec, String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
