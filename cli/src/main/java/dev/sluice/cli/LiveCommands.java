package dev.sluice.cli;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.nic.VirtualNic;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** What a running {@code sluice run} does for {@code sluice map}, {@code prog}, {@code net} and the like, see {@link ControlServer}. */
final class LiveCommands implements ControlServer.Commands {
    private final DatapathSession session;
    private final Datapath datapath;
    private final List<String> nics;
    private final Instant started = Instant.now();
    private final LiveMaps maps;
    private final LivePrograms programs;
    private final LiveNics devices;

    /** @param nics as the command line has them */
    LiveCommands(DatapathSession session, Datapath datapath, List<String> nics) {
        this.session = session;
        this.datapath = datapath;
        this.nics = nics;
        programs = new LivePrograms(session);
        maps = new LiveMaps(session, programs);
        devices = new LiveNics(session, datapath, programs);
    }

    @Override
    public int run(ControlServer.Request request, PrintStream out) throws IOException {
        Words words = new Words(request.words());
        String command = words.next("a command");
        return switch (command) {
            case "map" -> maps.run(words, request, out);
            case "prog" -> programs.run(words, request, maps, out);
            case "net" -> devices.run(words, request, out);
            case "get", "set" -> new LiveVariables(session).run(command, words, request, out);
            case "stats" -> stats(words, request, out);
            case "report" -> report(words, request, out);
            case "status" -> status(words, request, out);
            default ->
                throw Words.usage(
                        "unknown command, expected one of map, prog, net, get, set, stats, report, status, found "
                                + command);
        };
    }

    /** As {@code ethtool -S} shows it. */
    private int stats(Words words, ControlServer.Request request, PrintStream out) {
        VirtualNic only = words.isEmpty() ? null : devices.nic(words.next("a NIC"));
        words.end();
        Map<String, Map<String, Long>> all = datapath.totals().statistics();
        if (only != null) {
            all.keySet().removeIf(name -> !name.equals(only.name()) && !name.equals(only.name() + ":host"));
        }
        if (request.json().wanted()) {
            request.json().print(out, json -> {
                json.writeStartObject();
                for (Map.Entry<String, Map<String, Long>> nic : all.entrySet()) {
                    json.writeObjectFieldStart(nic.getKey());
                    for (Map.Entry<String, Long> counter : nic.getValue().entrySet()) {
                        json.writeNumberField(counter.getKey(), counter.getValue());
                    }
                    json.writeEndObject();
                }
                json.writeEndObject();
            });
        } else {
            all.forEach((nic, counters) -> {
                out.println(nic + " statistics:");
                counters.forEach((name, count) -> out.println("     " + name + ": " + count));
            });
        }
        return ExitCode.OK;
    }

    private int report(Words words, ControlServer.Request request, PrintStream out) {
        words.end();
        session.report(datapath.totals()).print(request.json(), out, out);
        return ExitCode.OK;
    }

    /** What {@code sluice list} shows. */
    private int status(Words words, ControlServer.Request request, PrintStream out) {
        words.end();
        request.json().print(out, json -> {
            json.writeStartObject();
            json.writeNumberField("pid", ProcessHandle.current().pid());
            json.writeNumberField("started_at", started.getEpochSecond());
            json.writeNumberField(
                    "uptime_s", Duration.between(started, Instant.now()).toSeconds());
            json.writeArrayFieldStart("nics");
            for (String nic : nics) {
                json.writeString(nic);
            }
            json.writeEndArray();
            json.writeArrayFieldStart("programs");
            for (DatapathSession.Attached one : session.attached()) {
                json.writeString(one.program().name());
            }
            json.writeEndArray();
            json.writeEndObject();
        });
        return ExitCode.OK;
    }
}
