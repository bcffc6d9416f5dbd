package dev.sluice.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Entry point of the {@code sluice} command. Each subcommand is a class of its own, listed in {@code subcommands}. */
@Command(
        name = "sluice",
        description = "Runs compiled XDP programs outside of the kernel.",
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        subcommands = {})
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    private Main(CommandSpec spec) {
        this.spec = spec;
    }

    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs one command line and returns its exit code: 0 fine, 1 failed, 2 usage. */
    public static int run(String... args) {
        return new CommandLine(new Main(CommandSpec.create())).execute(args);
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "missing command, expected one of those below");
    }

    /** The version that the build wrote into {@code version.properties}. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            try (InputStream in = Main.class.getResourceAsStream("version.properties")) {
                if (in == null) throw new AssertionError("version.properties is missing from the jar");
                Properties properties = new Properties();
                properties.load(in);
                return new String[] {"sluice " + properties.getProperty("version")};
            }
        }
    }
}
