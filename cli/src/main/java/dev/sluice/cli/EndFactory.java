package dev.sluice.cli;

import dev.sluice.packet.End;
import dev.sluice.packet.Pace;
import dev.sluice.packet.frame.FrameSink;
import dev.sluice.packet.gen.Traffic;
import dev.sluice.packet.netty.CaptureFileSink;
import dev.sluice.packet.netty.RotatingCaptureSink;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.CaptureWriter;
import dev.sluice.packet.tap.TapIo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes what {@code --nic} says is behind a NIC, and closes the captures that it has begun. */
final class EndFactory implements AutoCloseable {
    static final String KINDS = "tap:IFNAME, iface:IFNAME, pcap:FILE, gen:KIND, write:FILE, link:NIC or null";

    /** Packets of a capture that are taken for templates. */
    private static final int MAX_TEMPLATES = 65_536;

    /** Different sizes of a range. */
    private static final int MAX_SIZES = 256;

    private final List<String> inputs;
    private final List<FrameSink> sinks = new ArrayList<>();
    private boolean standardOutput;

    /** @param inputs files that are read, which must not be written over */
    EndFactory(List<String> inputs) {
        this.inputs = inputs;
    }

    /** Whether a capture goes to standard output, which then is no place for a report. */
    boolean writesToStandardOutput() {
        return standardOutput;
    }

    End make(NicOption nic, NicOption.EndText text) {
        return switch (text.kind) {
            case "null" -> {
                refuseSettings(nic, text);
                yield End.NULL;
            }
            case "tap" -> tap(nic, text);
            case "link" -> {
                refuseSettings(nic, text);
                yield new End.Link(argument(nic, text, "NIC"));
            }
            case "iface" -> liveInterface(nic, text);
            case "pcap" -> captures(nic, text);
            case "gen" -> generator(nic, text);
            case "write" -> makeSink(nic, text);
            default -> throw nic.usage("expected " + KINDS + ", found " + text);
        };
    }

    private static String argument(NicOption nic, NicOption.EndText text, String what) {
        if (text.argument.isEmpty()) {
            throw nic.usage(text.kind + ": expected the name of a" + (what.startsWith("i") ? "n " : " ") + what
                    + ", such as " + text.kind + ":NAME");
        }
        return text.argument;
    }

    private static void refuseSettings(NicOption nic, NicOption.EndText text) {
        for (NicOption.Setting setting : text.settings) {
            throw unknown(nic, text, setting, "none");
        }
    }

    private static CommandFailure unknown(
            NicOption nic, NicOption.EndText text, NicOption.Setting setting, String known) {
        return nic.usage(
                text + ": unknown key, expected host, sent, queues, prog, mtu, mac, ifindex, xsk, rss-key, rss-table, "
                        + "rx-vlan-offload or, for "
                        + text.kind + ", " + known + ", found " + setting.key());
    }

    private End captures(NicOption nic, NicOption.EndText text) {
        long repeat = 1;
        long count = Long.MAX_VALUE;
        Pace pace = Pace.TOP_SPEED;
        for (NicOption.Setting setting : text.settings) {
            switch (setting.key()) {
                case "repeat" -> repeat = nic.number("repeat", setting.value(), 0, Long.MAX_VALUE);
                case "count" -> count = count(nic, setting);
                case "speed", "rate" -> pace = pace(nic, setting, pace);
                default -> throw unknown(nic, text, setting, "repeat, count, speed or rate");
            }
        }
        return new End.Captures(List.of(argument(nic, text, "file")), repeat, count, pace);
    }

    private static End tap(NicOption nic, NicOption.EndText text) {
        TapIo io = TapIo.AUTO;
        for (NicOption.Setting setting : text.settings) {
            if (!setting.key().equals("io")) {
                throw unknown(nic, text, setting, "io");
            }
            io = switch (setting.value()) {
                case "auto" -> TapIo.AUTO;
                case "epoll" -> TapIo.EPOLL;
                case "io_uring" -> TapIo.IO_URING;
                default -> throw nic.usage("io: expected auto, io_uring or epoll, found " + setting.value());
            };
        }
        return new End.Tap(argument(nic, text, "interface"), io);
    }

    private static End liveInterface(NicOption nic, NicOption.EndText text) {
        String filter = "";
        boolean promiscuous = true;
        for (NicOption.Setting setting : text.settings) {
            switch (setting.key()) {
                case "filter" -> filter = setting.value();
                case "promisc" -> {
                    if (!setting.value().matches("on|off")) {
                        throw nic.usage("promisc: expected on or off, found " + setting.value());
                    }
                    promiscuous = setting.value().equals("on");
                }
                default -> throw unknown(nic, text, setting, "filter or promisc");
            }
        }
        return new End.Interface(argument(nic, text, "interface"), filter, promiscuous);
    }

    private static End generator(NicOption nic, NicOption.EndText text) {
        Traffic traffic = traffic(nic, text);
        long count = Long.MAX_VALUE;
        Pace pace = Pace.TOP_SPEED;
        try {
            for (NicOption.Setting setting : text.settings) {
                String value = setting.value();
                traffic = switch (setting.key()) {
                    case "src" -> traffic.source(Traffic.Range.ofAddresses(value));
                    case "dst" -> traffic.destination(Traffic.Range.ofAddresses(value));
                    case "sport" -> traffic.sourcePort(Traffic.Range.ofPorts(value));
                    case "dport" -> traffic.destinationPort(Traffic.Range.ofPorts(value));
                    case "smac" -> traffic.macs(Optional.of(nic.mac(value)), Optional.empty());
                    case "dmac" -> traffic.macs(Optional.empty(), Optional.of(nic.mac(value)));
                    case "vlan" -> traffic.vlan((int) nic.number("vlan", value, 0, 4_095));
                    case "size" -> traffic.sizes(sizes(nic, value));
                    case "flows" ->
                        traffic.flows((int) nic.quantity(
                                "flows", value, n -> n >= 1 && n <= Traffic.MAX_FLOWS, "1 to " + Traffic.MAX_FLOWS));
                    case "seed" -> traffic.seed(nic.number("seed", value, 0, Long.MAX_VALUE));
                    case "count", "rate" -> traffic;
                    default ->
                        throw unknown(
                                nic,
                                text,
                                setting,
                                "src, dst, sport, dport, smac, dmac, vlan, size, flows, seed, count or rate");
                };
                if (setting.key().equals("count")) {
                    count = count(nic, setting);
                } else if (setting.key().equals("rate")) {
                    pace = pace(nic, setting, pace);
                }
            }
            return new End.Generator(traffic, count, pace);
        } catch (IllegalArgumentException e) {
            throw nic.usage(text + ": " + e.getMessage());
        }
    }

    private static Traffic traffic(NicOption nic, NicOption.EndText text) {
        for (Traffic.Kind kind : Traffic.Kind.values()) {
            if (kind.name().equalsIgnoreCase(text.argument)) {
                return Traffic.of(kind);
            }
        }
        if (text.argument.isEmpty() || !Files.exists(Path.of(text.argument))) {
            throw nic.usage(
                    "gen: expected udp, tcp, syn, icmp, udp6, tcp6, syn6, icmp6 or a capture of templates, found "
                            + text.argument);
        }
        List<byte[]> templates = new ArrayList<>();
        try (CaptureReader reader = CaptureReader.open(Path.of(text.argument))) {
            reader.requireEthernet();
            while (templates.size() < MAX_TEMPLATES && reader.next()) {
                templates.add(reader.copyBytes());
            }
        } catch (IOException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
        if (templates.isEmpty()) {
            throw new CommandFailure(text.argument + ": has no packet, expected a template at least");
        }
        return Traffic.of(templates);
    }

    /** {@code 64}, {@code 64-1518} in steps, or {@code imix}. */
    private static List<Integer> sizes(NicOption nic, String value) {
        if (value.equals("imix")) {
            return Traffic.IMIX;
        }
        int dash = value.indexOf('-');
        int first = (int) nic.number("size", dash < 0 ? value : value.substring(0, dash), 1, 65_549);
        int last = dash < 0 ? first : (int) nic.number("size", value.substring(dash + 1), first, 65_549);
        List<Integer> sizes = new ArrayList<>();
        int step = Math.max(1, (last - first) / MAX_SIZES);
        for (int size = first; size <= last; size += step) {
            sizes.add(size);
        }
        return sizes;
    }

    private static long count(NicOption nic, NicOption.Setting setting) {
        return (long) nic.quantity("count", setting.value(), n -> n >= 1, "a number of packets such as 1000 or 1M");
    }

    private static Pace pace(NicOption nic, NicOption.Setting setting, Pace before) {
        if (!before.equals(Pace.TOP_SPEED)) {
            throw nic.usage("expected one of speed and rate, once");
        }
        if (setting.key().equals("rate")) {
            return Pace.rate(
                    nic.quantity("rate", setting.value(), n -> n >= 1, "packets a second such as 5000 or 1.5M"));
        }
        if (setting.value().equals("max")) {
            return Pace.TOP_SPEED;
        }
        double speed = nic.quantity("speed", setting.value(), n -> true, "max or a number above 0");
        if (speed == 0) {
            throw nic.usage("speed: expected max or a number above 0, found 0");
        }
        return Pace.speed(speed);
    }

    End.Sink makeSink(NicOption nic, NicOption.EndText text) {
        if (!text.kind.equals("write")) {
            throw nic.usage("sent: expected write:FILE, found " + text);
        }
        String file = argument(nic, text, "file");
        long size = Long.MAX_VALUE;
        double seconds = 0;
        int files = 0;
        for (NicOption.Setting setting : text.settings) {
            switch (setting.key()) {
                case "size" ->
                    size = (long)
                            nic.quantity("size", setting.value(), n -> n >= 1000, "bytes, 1k or more, such as 100M");
                case "every" -> seconds = RateReport.interval("every", setting.value()) / 1e9;
                case "files" -> files = (int) nic.number("files", setting.value(), 1, 1_000_000);
                default -> throw unknown(nic, text, setting, "size, every or files");
            }
        }
        boolean rotates = size != Long.MAX_VALUE || seconds != 0;
        if (files != 0 && !rotates) {
            throw nic.usage("files: expected size or every beside it, which begin another file");
        }
        RunOptions.refuseToOverwrite(file, inputs);
        try {
            CaptureWriter.Options options =
                    CaptureWriter.Options.byName(file).nanoseconds(true).interfaceName(nic.name());
            FrameSink sink;
            if (rotates) {
                if (file.equals("-")) {
                    throw nic.usage("write:-: standard output has one file, expected neither size nor every");
                }
                sink = new RotatingCaptureSink(Path.of(file), options, size, (long) (seconds * 1e9), files);
            } else {
                sink = new CaptureFileSink(CaptureWriter.create(file, options));
                standardOutput |= file.equals("-");
            }
            sinks.add(sink);
            return new End.Sink(sink);
        } catch (IOException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    /** A capture for the packets that come to the sockets of an xskmap. */
    FrameSink makeSocket(NicOption nic, String file) {
        return makeSink(nic, new NicOption.EndText("write:" + file)).sink();
    }

    /**
     * Completes the captures.
     *
     * @return what could not be written
     */
    List<String> finish() {
        List<String> failures = RunOptions.close(sinks);
        sinks.clear();
        return failures;
    }

    @Override
    public void close() {
        finish();
    }
}
