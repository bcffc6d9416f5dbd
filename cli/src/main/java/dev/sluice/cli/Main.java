package dev.sluice.cli;

import dev.sluice.packet.Time;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** Entry point of the {@code sluice} command. Each subcommand is a class of its own, listed in {@code subcommands}. */
@Command(
        name = "sluice",
        description = "Runs compiled XDP programs outside of the kernel.",
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        subcommands = {
            ReplayCommand.class,
            RunCommand.class,
            BenchCommand.class,
            ProgCommand.class,
            ExecCommand.class,
            DiffCommand.class,
            CheckCommand.class,
            ListCommand.class,
            LiveCommand.Map.class,
            LiveCommand.Net.class,
            LiveCommand.Get.class,
            LiveCommand.Set.class,
            LiveCommand.Stats.class,
            LiveCommand.Report.class
        })
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    private Main(CommandSpec spec) {
        this.spec = spec;
    }

    public static void main(String[] args) {
        int exitCode = run(args);
        System.out.flush();
        Interrupt.finished();
        System.exit(exitCode);
    }

    /** Runs one command line and returns its exit code, see {@link ExitCode}. */
    public static int run(String... line) {
        String[] args = optionsLast(line);
        CommandLine commands = new CommandLine(new Main(CommandSpec.create()));
        register(commands, EngineChoice.class);
        register(commands, ProgDumpCommand.Form.class);
        register(commands, Time.class);
        boolean json = wantsJson(args);
        commands.setExecutionExceptionHandler((failure, command, parsed) -> {
            if (failure instanceof CommandFailure expected) {
                printError(json, System.out, System.err, String.valueOf(expected.getMessage()));
                return expected.exitCode();
            }
            throw failure;
        });
        commands.setParameterExceptionHandler((failure, rest) -> {
            printError(json, System.out, System.err, describe(failure));
            if (!json) {
                System.err.println(
                        "Try '" + failure.getCommandLine().getCommandSpec().qualifiedName() + " --help' for more.");
            }
            return ExitCode.USAGE;
        });
        return commands.execute(args);
    }

    private static <E extends Enum<E>> void register(CommandLine commands, Class<E> type) {
        commands.registerConverter(type, new ChoiceConverter<>(type));
    }

    /** {@code -j} and {@code -p} may stand in front of the command, as with bpftool. */
    private static String[] optionsLast(String... args) {
        int first = 0;
        while (first < args.length && args[first].matches("-j|-p|-jp|--json|--pretty")) {
            first++;
        }
        List<String> words = new ArrayList<>(List.of(args).subList(first, args.length));
        words.addAll(List.of(args).subList(0, first));
        return words.toArray(String[]::new);
    }

    private static String describe(ParameterException failure) {
        CommandSpec command = failure.getCommandLine().getCommandSpec();
        if (failure instanceof UnmatchedArgumentException unmatched
                && !unmatched.isUnknownOption()
                && !command.subcommands().isEmpty()) {
            return "unknown command, expected one of " + names(command) + ", found "
                    + unmatched.getUnmatched().getFirst();
        }
        return String.valueOf(failure.getMessage());
    }

    private static boolean wantsJson(String... args) {
        for (String arg : List.of(args)) {
            if (arg.equals("--")) {
                return false;
            }
            if (arg.equals("--json") || arg.equals("--pretty") || arg.matches("-[a-z]*[jp][a-z]*")) {
                return true;
            }
        }
        return false;
    }

    private static void printError(boolean json, PrintStream out, PrintStream err, String message) {
        if (json) {
            JsonOptions.print(out, false, generator -> {
                generator.writeStartObject();
                generator.writeStringField("error", message);
                generator.writeEndObject();
            });
        }
        err.println("Error: " + message);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "missing command, expected one of " + names(spec));
    }

    /** The subcommands of a command, for messages. */
    static String names(CommandSpec spec) {
        return String.join(", ", spec.subcommands().keySet());
    }

    /** The version that the build wrote into {@code version.properties}. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            try (InputStream in = Main.class.getResourceAsStream("version.properties")) {
                if (in == null) {
                    throw new AssertionError("version.properties is missing from the jar");
                }
                Properties properties = new Properties();
                properties.load(in);
                return new String[] {"sluice " + properties.getProperty("version")};
            }
        }
    }
}
