package dev.sluice.cli;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XdpAttachment;
import java.io.PrintStream;
import java.util.List;
import java.util.stream.Collectors;

/**
 * {@code sluice net}: which programs are on the NICs of a running process, in bpftool's words.
 *
 * <pre>
 *   show | list [dev NAME]
 *   attach xdp PROG dev NAME [overwrite]          a batch of packets is judged by one program as a whole
 *   detach xdp dev NAME
 * </pre>
 */
final class LiveNics {
    private final DatapathSession session;
    private final Datapath datapath;
    private final LivePrograms programs;

    LiveNics(DatapathSession session, Datapath datapath, LivePrograms programs) {
        this.session = session;
        this.datapath = datapath;
        this.programs = programs;
    }

    int run(Words words, ControlServer.Request request, PrintStream out) {
        String command = words.next("show, attach or detach");
        return switch (command) {
            case "show", "list" -> show(words, request, out);
            case "attach" -> attach(words, request, out);
            case "detach" -> detach(words, request, out);
            default ->
                throw Words.usage("unknown command, expected one of show, list, attach, detach, found " + command);
        };
    }

    /** The NIC of a name. */
    VirtualNic nic(String name) {
        VirtualNic nic = datapath.nics().byName(name);
        if (nic == null) {
            throw new CommandFailure("no such NIC: expected one of "
                    + datapath.nics().all().stream().map(VirtualNic::name).collect(Collectors.joining(", "))
                    + ", dev=" + name);
        }
        return nic;
    }

    private VirtualNic device(Words words) {
        if (!words.take("dev")) {
            throw Words.usage(
                    "expected dev NAME, found " + (words.isEmpty() ? "the end of the command" : words.peek()));
        }
        return nic(words.next("the name of a NIC"));
    }

    /** Programs are in a driver's place here, whatever way is asked for; only a device's own processor there is none. */
    private static void type(Words words) {
        String type = words.next("xdp");
        switch (type) {
            case "xdp", "xdpdrv", "xdpgeneric" -> {}
            case "xdpoffload" ->
                throw new CommandFailure("xdpoffload: a virtual NIC runs no programs itself, expected xdp");
            default -> throw Words.usage("expected xdp, found " + type);
        }
    }

    private int show(Words words, ControlServer.Request request, PrintStream out) {
        List<VirtualNic> shown = words.isEmpty() ? datapath.nics().all() : List.of(device(words));
        words.end();
        if (request.json().wanted()) {
            request.json().print(out, json -> {
                json.writeStartArray();
                json.writeStartObject();
                json.writeArrayFieldStart("xdp");
                for (VirtualNic nic : shown) {
                    XdpAttachment on = nic.hook().attachment();
                    if (on != null) {
                        json.writeStartObject();
                        json.writeStringField("devname", nic.name());
                        json.writeNumberField("ifindex", nic.ifindex());
                        json.writeStringField("mode", "driver");
                        json.writeNumberField("id", on.program().programId());
                        json.writeEndObject();
                    }
                }
                json.writeEndArray();
                for (String none : List.of("tc", "flow_dissector")) {
                    json.writeArrayFieldStart(none);
                    json.writeEndArray();
                }
                json.writeEndObject();
                json.writeEndArray();
            });
            return ExitCode.OK;
        }
        out.println("xdp:");
        for (VirtualNic nic : shown) {
            XdpAttachment on = nic.hook().attachment();
            if (on != null) {
                out.println(nic.name() + "(" + nic.ifindex() + ") driver id "
                        + on.program().programId());
            }
        }
        out.println("\ntc:\n\nflow_dissector:\n");
        return ExitCode.OK;
    }

    private int attach(Words words, ControlServer.Request request, PrintStream out) {
        type(words);
        LivePrograms.Known program = programs.one(words);
        VirtualNic nic = device(words);
        boolean overwrite = words.take("overwrite");
        words.end();
        synchronized (session) {
            XdpAttachment there = nic.hook().attachment();
            if (there != null && !overwrite) {
                throw new CommandFailure(
                        "interface xdp attach failed: a program is there already, expected overwrite at "
                                + "the end to put another in its place, dev=" + nic.name() + ", id="
                                + there.program().programId() + ", errno=EBUSY");
            }
            session.attach(nic, program.file(), program.program());
        }
        return done(request, out);
    }

    private int detach(Words words, ControlServer.Request request, PrintStream out) {
        type(words);
        VirtualNic nic = device(words);
        words.end();
        synchronized (session) {
            session.detach(nic);
        }
        return done(request, out);
    }

    private static int done(ControlServer.Request request, PrintStream out) {
        if (request.json().wanted()) {
            out.println("null");
        }
        return ExitCode.OK;
    }
}
