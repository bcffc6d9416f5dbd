package dev.sluice.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sluice prog}: looks at the programs of an object, or of a running process, as bpftool does at those of the kernel. */
@Command(
        name = "prog",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = "Looks at the programs of an object, or at those of a running sluice run and changes them.",
        subcommands = {ProgShowCommand.class, ProgDumpCommand.class, LiveCommand.Load.class, LiveCommand.TraceLog.class
        })
final class ProgCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "missing command, expected one of " + Main.names(spec));
    }
}
