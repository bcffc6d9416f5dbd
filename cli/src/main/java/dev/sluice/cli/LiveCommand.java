package dev.sluice.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Commands that a running {@code sluice run} does: words, as bpftool has them, which go there as they are ({@link LiveCommands}).
 */
abstract class LiveCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(arity = "0..*", paramLabel = "WORD", hidden = true)
    private List<String> words = new ArrayList<>();

    @Mixin
    private ControlOptions control = new ControlOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    private final String command;
    private final int least;

    /**
     * @param command what the process is told
     * @param least words that have to follow
     */
    LiveCommand(String command, int least) {
        this.command = command;
        this.least = least;
    }

    @Override
    public Integer call() {
        if (words.size() < least) {
            throw new ParameterException(spec.commandLine(), "missing words behind " + spec.qualifiedName());
        }
        return control.send(json, command, words);
    }

    @Command(
            name = "map",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice map COMMAND … [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {
                "Reads and changes the maps of a running sluice run, as bpftool map does.",
                "",
                "  show | list [MAP]               dump MAP",
                "  lookup MAP key DATA             getnext MAP [key DATA]",
                "  update MAP [key DATA] value VALUE [any | exist | noexist]",
                "  delete MAP key DATA             freeze MAP",
                "  peek MAP                        pop | dequeue MAP",
                "  push | enqueue MAP value VALUE",
                "  load MAP FILE [replace]         the entries of a file, as --map takes them;",
                "                                  replace: others are taken out",
                "",
                "  MAP   := id N | name NAME | pinned PATH | NAME",
                "  DATA  := [hex] BYTES | a value of its type: 80, 10.0.0.1, '{\"port\": 80}'",
                "  VALUE := DATA | in a prog array a program, in a map of maps a map:",
                "           id N, name NAME",
                "",
                "A value is put in whole: its members that DATA does not name become 0.",
                ""
            })
    static final class Map extends LiveCommand {
        Map() {
            super("map", 1);
        }
    }

    @Command(
            name = "net",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice net COMMAND … [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {
                "Shows and changes which programs are on the NICs of a running sluice run, as bpftool net does.",
                "",
                "  show | list [dev NAME]",
                "  attach xdp PROG dev NAME [overwrite]",
                "  detach xdp dev NAME",
                "",
                "  PROG := id N | name NAME | tag TAG, see sluice prog load",
                ""
            })
    static final class Net extends LiveCommand {
        Net() {
            super("net", 1);
        }
    }

    @Command(
            name = "get",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice get [VARIABLE …] [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {
                "Prints global variables of the programs of a running sluice run (default: all of them): limit, "
                        + "bss.counters, config.ports[2].",
                ""
            })
    static final class Get extends LiveCommand {
        Get() {
            super("get", 0);
        }
    }

    @Command(
            name = "set",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice set VARIABLE=VALUE … [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {
                "Changes global variables of the programs of a running sluice run; constants stay what they were when they "
                        + "were loaded.",
                ""
            })
    static final class Set extends LiveCommand {
        Set() {
            super("set", 1);
        }
    }

    @Command(
            name = "stats",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice stats [NIC] [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {"Prints the statistics of the NICs of a running sluice run, as ethtool -S does.", ""})
    static final class Stats extends LiveCommand {
        Stats() {
            super("stats", 0);
        }
    }

    @Command(
            name = "report",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice report [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {"Prints what a running sluice run would print at its end: verdicts, maps, trace.", ""})
    static final class Report extends LiveCommand {
        Report() {
            super("report", 0);
        }
    }

    @Command(
            name = "load",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis =
                    "sluice prog load OBJ[:PROGRAM] [map name NAME MAP] … [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {
                "Loads a program into a running sluice run; sluice net attach puts it on a NIC. Several programs with a plus "
                        + "sign between them are one dispatcher.",
                "",
                "  map name NAME MAP   use a map that is there (id N, name NAME, pinned PATH)",
                "                      for the object's map of this name, with all it holds",
                ""
            })
    static final class Load extends LiveCommand {
        Load() {
            super("prog load", 1);
        }
    }

    @Command(
            name = "tracelog",
            mixinStandardHelpOptions = true,
            sortOptions = false,
            customSynopsis = "sluice prog tracelog [-hjpV] [--control=SOCKET] [--pid=PID]",
            description = {
                "Prints what the programs of a running sluice run print with bpf_printk, until Ctrl-C or the run's end.",
                ""
            })
    static final class TraceLog extends LiveCommand {
        TraceLog() {
            super("prog tracelog", 0);
        }
    }
}
