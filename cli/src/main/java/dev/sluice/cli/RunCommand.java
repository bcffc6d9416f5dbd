package dev.sluice.cli;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.End;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.XdpAction;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Live traffic through a program, until Ctrl-C or SIGTERM. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Runs an XDP program on live traffic until Ctrl-C or SIGTERM, then prints verdicts, maps and trace.",
            "",
            "XDP_TX goes back out of the interface that a packet came from, all else is counted.",
            ""
        })
final class RunCommand implements Callable<Integer> {
    private static final String TAP = "tap:";

    @Parameters(index = "0", paramLabel = "OBJ", description = "Compiled object (.bpf.o).")
    private Path object = Path.of("");

    @Option(
            names = "--nic",
            required = true,
            paramLabel = "NAME=WIRE",
            description = "A NIC and its wire: tap:IFNAME makes the TAP interface IFNAME. May be repeated.")
    private List<String> nics = new ArrayList<>();

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Mixin
    private RunOptions options = new RunOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Override
    public Integer call() throws IOException {
        options.check();
        Datapath.Builder builder = Datapath.builder();
        try (Session session = Session.open(objects.choose(object), options, 1)) {
            builder.contexts(session::context);
            Map<XdpAction, CaptureFileSink> sinks = options.openSinks(List.of(object.toString()));
            RunTotals totals;
            try {
                for (String nic : nics) {
                    addNic(builder, nic, session, sinks);
                }
                totals = run(builder.build());
            } finally {
                RunOptions.closeSinks(sinks);
            }
            session.report(totals, nics).print(json, options.writesToStandardOutput() ? System.err : System.out);
            return ExitCode.OK;
        }
    }

    private static void addNic(
            Datapath.Builder builder, String nic, Session session, Map<XdpAction, CaptureFileSink> sinks) {
        int equals = nic.indexOf('=');
        String wire = nic.substring(equals + 1);
        if (equals < 1 || !wire.startsWith(TAP) || wire.length() == TAP.length()) {
            throw RunOptions.usage("--nic: expected NAME=tap:IFNAME, found " + nic);
        }
        try {
            builder.nic(nic.substring(0, equals), options -> {
                options.wire(new End.Tap(wire.substring(TAP.length())))
                        .program(session.program().executable())
                        .counters(session.counters().map());
                sinks.forEach(options::sink);
            });
        } catch (IllegalArgumentException e) {
            throw RunOptions.usage("--nic " + nic + ": " + e.getMessage());
        }
    }

    private RunTotals run(Datapath live) throws IOException {
        try (live;
                Interrupt ignored = Interrupt.calls(live::stop)) {
            open(live);
            System.err.println("sluice: running on " + String.join(", ", nics) + ", Ctrl-C to stop");
            return live.await();
        }
    }

    private static void open(Datapath live) {
        try {
            live.open();
        } catch (IOException e) {
            throw new CommandFailure(ExitCode.ENVIRONMENT, String.valueOf(e.getMessage()), e);
        }
    }
}
