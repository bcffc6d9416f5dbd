package dev.sluice.cli;

import dev.sluice.packet.Time;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.file.InvalidPathException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Entry point of the {@code sluice} command. Each subcommand is a class of its own, listed in {@code subcommands}. */
@Command(
        name = "sluice",
        description = "Runs compiled XDP programs outside of the kernel.",
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
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
    /** What picocli says of a value that a converter refused: the option's or the parameter's name, and why. */
    private static final Pattern INVALID_VALUE = Pattern.compile(
            "Invalid value for (?:option '([^']+)'(?: \\([^)]*\\))?"
                    + "|positional parameter at index \\S+ \\(([^)]*)\\)): (.*)",
            Pattern.DOTALL);

    private static final Pattern QUOTED = Pattern.compile("'([^']+)'");

    @Spec
    private CommandSpec spec;

    private Main(CommandSpec spec) {
        this.spec = spec;
    }

    public static void main(String[] args) {
        StandardOutput output = StandardOutput.install();
        int exitCode = output.finish(run(args));
        Interrupt.finished();
        System.exit(exitCode);
    }

    /** Runs one command line and returns its exit code, see {@link ExitCode}. */
    public static int run(String... line) {
        String[] args = helpAsOption(optionsLast(line));
        CommandLine commands = new CommandLine(new Main(CommandSpec.create()));
        showVersion(commands);
        register(commands, EngineChoice.class);
        register(commands, ProgDumpCommand.Form.class);
        register(commands, Time.class);
        commands.registerConverter(
                int.class,
                text -> number(text, Integer.MIN_VALUE, Integer.MAX_VALUE).intValueExact());
        commands.registerConverter(
                long.class, text -> number(text, Long.MIN_VALUE, Long.MAX_VALUE).longValueExact());
        boolean json = wantsJson(args);
        commands.setExecutionExceptionHandler((failure, command, parsed) -> {
            if (failure instanceof CommandFailure expected) {
                printError(json, System.out, System.err, String.valueOf(expected.getMessage()));
                return expected.exitCode();
            }
            if (failure instanceof InvalidPathException path) {
                printError(json, System.out, System.err, "no name of a file: " + path.getMessage());
                return ExitCode.USAGE;
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
        try {
            return commands.execute(args);
        } catch (OutOfMemoryError | AssertionError e) {
            if (!(e instanceof OutOfMemoryError) && !(e.getCause() instanceof OutOfMemoryError)) {
                throw e;
            }
            printError(
                    json,
                    System.out,
                    System.err,
                    "not enough memory, give the JVM more by SLUICE_JAVA_OPTS=-Xmx4g: " + e.getMessage() + ", heap="
                            + Quantity.count(Runtime.getRuntime().maxMemory() >> 20) + " MiB");
            return ExitCode.FAILED;
        }
    }

    /** All commands have {@code --version}, and none a version of its own. */
    private static void showVersion(CommandLine command) {
        command.getCommandSpec().versionProvider(new Version());
        command.getSubcommands().values().forEach(Main::showVersion);
    }

    private static BigInteger number(String text, long least, long most) {
        BigInteger number;
        try {
            number = new BigInteger(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("expected a whole number, found " + text);
        }
        if (number.compareTo(BigInteger.valueOf(least)) < 0 || number.compareTo(BigInteger.valueOf(most)) > 0) {
            throw new TypeConversionException(
                    "expected at " + (number.signum() < 0 ? "least " + least : "most " + most) + ", found " + text);
        }
        return number;
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

    /** {@code sluice help}, {@code sluice help map} and {@code sluice map help} work, as with bpftool. */
    private static String[] helpAsOption(String... args) {
        List<String> words = new ArrayList<>(List.of(args));
        if (!words.isEmpty() && words.getFirst().equals("help")) {
            words.removeFirst();
            words.add("--help");
        } else if (words.size() == 2
                && words.get(1).equals("help")
                && words.getFirst().matches("map|net|prog")) {
            words.set(1, "--help");
        }
        return words.toArray(String[]::new);
    }

    /** What is wrong with a command line, as all other messages say it. */
    private static String describe(ParameterException failure) {
        CommandSpec command = failure.getCommandLine().getCommandSpec();
        if (failure instanceof UnmatchedArgumentException unmatched) {
            String word = unmatched.getUnmatched().getFirst();
            if (unmatched.isUnknownOption()) {
                List<String> similar = unmatched.getSuggestions();
                return "unknown option" + (similar.isEmpty() ? "" : ", expected perhaps " + similar.getFirst())
                        + ", found " + word;
            }
            return command.subcommands().isEmpty()
                    ? "expected nothing more, found " + word
                    : "unknown command, expected one of " + names(command) + ", found " + word;
        }
        if (failure instanceof MissingParameterException missing) {
            String first = label(missing.getMissing().getFirst());
            return String.valueOf(failure.getMessage()).startsWith("Missing required parameter for option")
                    ? first.replace(' ', ':').replaceFirst(":", ": expected ") + ", found nothing"
                    : "missing "
                            + QUOTED.matcher(String.valueOf(failure.getMessage()))
                                    .results()
                                    .map(name -> name.group(1))
                                    .collect(Collectors.joining(" and "));
        }
        if (failure instanceof OverwrittenOptionException twice) {
            return label(twice.getOverwritten()).replaceFirst(" .*", "") + " is there twice";
        }
        Matcher value = INVALID_VALUE.matcher(String.valueOf(failure.getMessage()));
        return value.matches()
                ? (value.group(1) == null ? value.group(2) : value.group(1)) + ": " + value.group(3)
                : String.valueOf(failure.getMessage());
    }

    private static String label(ArgSpec argument) {
        return argument instanceof OptionSpec option
                ? option.longestName() + " " + option.paramLabel()
                : argument.paramLabel();
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
