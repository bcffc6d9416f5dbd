package dev.sluice.cli;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.RunTotals;
import dev.sluice.packet.Time;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAction;
import dev.sluice.packet.pcap.CaptureException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** NICs and the programs on them, until their sources end, Ctrl-C or SIGTERM. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Runs XDP programs on NICs until their sources end, Ctrl-C or SIGTERM, then prints verdicts, maps and trace; "
                    + "on SIGUSR1 it prints them and goes on.",
            "",
            "A NIC is @|bold NAME=WIRE[:ARG][,host=END[:ARG]][,queues=N][,prog=OBJ[:PROGRAM]]|@. What comes from its wire runs "
                    + "through its program. XDP_PASS goes to the host, XDP_TX back to the wire, XDP_REDIRECT to another NIC; "
                    + "what comes from the host goes out of the wire. Wire and host are one of:",
            "",
            "  @|bold tap:IFNAME|@   a TAP interface, which is made and removed again; io=io_uring or",
            "               epoll (io_uring where the kernel allows it, unless said)",
            "  @|bold iface:IFNAME|@ an interface, through libpcap: filter=EXPRESSION, promisc=off;",
            "               the kernel sees its packets too, whatever the program says",
            "  @|bold pcap:FILE|@    a capture: repeat=N (0: for ever), count=N, speed=X (1: original",
            "               timing), rate=PPS (fixed; what then finds no room is dropped)",
            "  @|bold gen:KIND|@     packets that are made up: udp, tcp, syn, icmp, udp6, tcp6, syn6,",
            "               icmp6, or a capture of templates; src=, dst= (10.0.0.0/8, A-B),",
            "               sport=, dport= (1024-65535), smac=, dmac=, vlan=, flows=N,",
            "               seed=N, size=BYTES, FROM-TO or imix, count=N, rate=PPS",
            "  @|bold write:FILE|@   a new capture: size=BYTES, every=SECONDS (begin another file),",
            "               files=N (keep)",
            "  @|bold link:NIC|@     a cable to another NIC, one side of which is link: back",
            "  @|bold null|@         nothing: takes all, gives none (the host, unless said)",
            "",
            "Keys of an end follow it. Keys of a NIC: queues=N (each a CPU), prog=OBJ[:PROGRAM] or prog=none, mtu=BYTES, "
                    + "ifindex=N, mac=ADDRESS, rss-key=HEX, rss-table=QUEUE:QUEUE:… (as ethtool -X), rx-vlan-offload=on (VLAN tags are no part of packets, but a hint), xsk=MAP:FILE (what programs redirect to the sockets of an xskmap), sent=write:FILE (where a wire that only gives sends to). "
                    + "In a file's name a comma is written \\,.",
            ""
        })
final class RunCommand implements Callable<Integer> {
    /** Netty tells its log, which is standard error, of a namespace without a loopback interface. Loggers are kept by who uses them. */
    private static final Logger NETTY = Logger.getLogger("io.netty");

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "OBJ",
            description = "Compiled object (.bpf.o), for NICs without prog=.")
    private @Nullable Path object;

    @Option(
            names = "--nic",
            required = true,
            paramLabel = "NAME=WIRE[,…]",
            description = "A NIC, as said above. May be repeated.")
    private List<String> nics = new ArrayList<>();

    @Option(
            names = "--stats",
            paramLabel = "INTERVAL",
            description = "Print the NICs' rates each 500ms, 1s, 1m …; with -j as lines of JSON.")
    private @Nullable String stats;

    @Option(
            names = "--cpus",
            paramLabel = "N",
            description = "CPUs, each with a thread, for cpumaps (default: the most queues that a NIC has).")
    private int cpus = 1;

    @Option(
            names = "--clock",
            paramLabel = "CLOCK",
            description =
                    "What bpf_ktime_get_ns() answers: machine (the default), with a thread for each queue number, or "
                            + "capture: one thread, the packets' time stamps, reproducible.")
    private Time clock = Time.MACHINE;

    @Option(
            names = "--control",
            paramLabel = "SOCKET",
            description =
                    "Where to listen for sluice map, prog, net, get, set, stats and report; none: nowhere (default: a "
                            + "socket in a folder of this user's, where sluice list finds it).")
    private @Nullable String socket;

    @Mixin
    private ObjectOptions objects = new ObjectOptions();

    @Mixin
    private RunOptions options = new RunOptions();

    @Mixin
    private JsonOptions json = new JsonOptions();

    @Override
    public Integer call() throws IOException {
        options.check();
        RunOptions.requireAtLeast("--cpus", cpus, 1);
        if (cpus > VirtualNic.MAX_QUEUES) {
            throw RunOptions.usage("--cpus: expected at most " + VirtualNic.MAX_QUEUES + ", found " + cpus);
        }
        List<NicOption> wanted = nics.stream().map(NicOption::parse).toList();
        long interval = stats == null ? 0 : RateReport.interval("--stats", stats);
        int count =
                Math.max(cpus, wanted.stream().mapToInt(NicOption::queues).max().orElse(1));
        try (DatapathSession session =
                        DatapathSession.open(wanted, object, objects, options, count, clock == Time.CAPTURE);
                EndFactory ends = new EndFactory(session.files());
                ControlServer control = listen()) {
            Datapath.Builder builder = Datapath.builder()
                    .time(clock)
                    .cpus(count)
                    .programs(session::program)
                    .exceptions(session::exception)
                    .contexts(session::context);
            Map<XdpAction, CaptureFileSink> sinks = options.openSinks(session.files());
            PrintStream out =
                    options.writesToStandardOutput() || ends.writesToStandardOutput() ? System.err : System.out;
            Set<String> failures = new LinkedHashSet<>();
            RunTotals totals;
            try {
                for (NicOption nic : wanted) {
                    add(builder, nic, session, ends, sinks);
                }
                totals = run(build(builder), session, control, interval, out, failures);
            } finally {
                failures.addAll(RunOptions.close(sinks.values()));
                failures.addAll(ends.finish());
            }
            failures.addAll(session.finish());
            session.report(totals).failed(failures).print(json, out, System.err);
            return totals.damages().isEmpty() && failures.isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        }
    }

    private static void add(
            Datapath.Builder builder,
            NicOption nic,
            DatapathSession session,
            EndFactory ends,
            Map<XdpAction, CaptureFileSink> sinks) {
        try {
            builder.nic(nic.name(), made -> {
                nic.settings(made);
                made.wire(ends.make(nic, nic.wire()));
                if (nic.host() != null) {
                    made.host(ends.make(nic, nic.host()));
                }
                if (nic.sent() != null) {
                    made.sent(ends.makeSink(nic, nic.sent()));
                }
                session.attach(nic, made, ends);
                sinks.forEach(made::sink);
            });
        } catch (IllegalArgumentException e) {
            throw nic.usage(String.valueOf(e.getMessage()));
        }
    }

    private static Datapath build(Datapath.Builder builder) {
        try {
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw RunOptions.usage("--nic: " + e.getMessage());
        }
    }

    /** Takes the socket for commands; null for none. */
    private @Nullable ControlServer listen() {
        String wanted = socket;
        if (wanted != null && wanted.equals("none")) {
            return null;
        }
        try {
            return ControlServer.open(wanted == null ? ControlSockets.fresh() : Path.of(wanted));
        } catch (IOException | UnsupportedOperationException e) {
            if (wanted != null) {
                throw new CommandFailure(ExitCode.ENVIRONMENT, "--control: " + e.getMessage(), e);
            }
            System.err.println("Warning: cannot be controlled while it runs, see --control: " + e.getMessage());
            return null;
        }
    }

    /** @param failures gets what ended the run before its time */
    private RunTotals run(
            Datapath datapath,
            DatapathSession session,
            @Nullable ControlServer control,
            long interval,
            PrintStream out,
            Set<String> failures)
            throws IOException {
        try (datapath;
                Interrupt ignored = Interrupt.calls(datapath::stop)) {
            open(datapath);
            if (control != null) {
                control.serve(new LiveCommands(session, datapath, nics));
            }
            datapath.warnings().forEach(warning -> System.err.println("Warning: " + warning));
            if (System.console() != null) {
                System.err.println("sluice: running on " + String.join(", ", nics) + ", Ctrl-C to stop");
            }
            try (Request asked = Request.on(
                            "USR1", () -> session.report(datapath.totals()).print(json, out, System.err));
                    RateReport rates = new RateReport(datapath, interval, json.wanted(), out)) {
                return datapath.await();
            } catch (IOException e) {
                failures.add(String.valueOf(e.getMessage())); // what was counted until then is reported
                return datapath.totals();
            }
        }
    }

    private static void open(Datapath datapath) {
        NETTY.setLevel(Level.OFF); // what matters is thrown
        try {
            datapath.open();
        } catch (IllegalArgumentException e) {
            throw RunOptions.usage("--nic: " + e.getMessage());
        } catch (CaptureException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw new CommandFailure(ExitCode.ENVIRONMENT, String.valueOf(e.getMessage()), e);
        }
    }
}
