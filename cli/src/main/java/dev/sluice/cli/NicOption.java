package dev.sluice.cli;

import dev.sluice.packet.Datapath;
import dev.sluice.packet.nic.Rss;
import dev.sluice.packet.nic.VirtualNic;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * One {@code --nic}:
 *
 * <pre>
 *   NAME=WIRE[:ARGUMENT][,KEY=VALUE ...][,host=END[:ARGUMENT][,KEY=VALUE ...]][,sent=write:FILE ...][,queues=N ...]
 * </pre>
 *
 * Keys of an end follow it; keys of the NIC may stand anywhere. A backslash takes away the meaning of a comma behind it.
 */
final class NicOption {
    /** An end as it was written. */
    static final class EndText {
        final String kind;
        final String argument;
        final List<Setting> settings = new ArrayList<>();

        EndText(String text) {
            int colon = text.indexOf(':');
            kind = colon < 0 ? text : text.substring(0, colon);
            argument = colon < 0 ? "" : text.substring(colon + 1);
        }

        boolean has(String key) {
            return settings.stream().anyMatch(setting -> setting.key().equals(key));
        }

        @Override
        public String toString() {
            return argument.isEmpty() ? kind : kind + ":" + argument;
        }
    }

    /** KEY=VALUE. */
    record Setting(String key, String value) {}

    private static final Set<String> NIC_KEYS = Set.of(
            "host",
            "sent",
            "prog",
            "xsk",
            "queues",
            "mtu",
            "ifindex",
            "mac",
            "rss-key",
            "rss-table",
            "rx-vlan-offload");

    private final String text;
    private final String name;
    private final EndText wire;
    private @Nullable EndText host;
    private @Nullable EndText sent;
    private final List<Setting> sockets = new ArrayList<>();
    private @Nullable String program;
    private int queues = 1;
    private int mtu;
    private int ifindex;
    private byte @Nullable [] mac;
    private byte @Nullable [] rssKey;
    private int @Nullable [] rssTable;
    private boolean rxVlanOffload;

    private NicOption(String text) {
        this.text = text;
        int equals = text.indexOf('=');
        if (equals < 1) {
            throw usage("expected NAME=WIRE");
        }
        name = text.substring(0, equals);
        List<String> parts = split(text.substring(equals + 1));
        wire = new EndText(parts.getFirst());
        EndText current = wire;
        Set<String> seen = new HashSet<>();
        for (String part : parts.subList(1, parts.size())) {
            int at = part.indexOf('=');
            String key = at < 0 ? part : part.substring(0, at);
            String value = at < 0 ? "" : part.substring(at + 1);
            boolean ofNic = NIC_KEYS.contains(key);
            if (ofNic ? !key.equals("xsk") && !seen.add(key) : current.has(key)) {
                throw usage(key + " is there twice");
            }
            switch (key) {
                case "host" -> {
                    current = new EndText(value);
                    host = current;
                }
                case "sent" -> {
                    current = new EndText(value);
                    sent = current;
                }
                case "prog" -> program = value;
                case "xsk" -> sockets.add(socket(value));
                case "queues" -> queues = (int) number(key, value, 1, VirtualNic.MAX_QUEUES);
                case "mtu" -> mtu = (int) number(key, value, 68, 65_535);
                case "ifindex" -> ifindex = (int) number(key, value, 1, 0xfff_ffff);
                case "mac" -> mac = mac(value);
                case "rss-key" -> rssKey = rssKey(value);
                case "rss-table" -> rssTable = rssTable(value);
                case "rx-vlan-offload" -> {
                    if (!value.matches("on|off")) {
                        throw usage("rx-vlan-offload: expected on or off, found " + value);
                    }
                    rxVlanOffload = value.equals("on");
                }
                default -> current.settings.add(new Setting(key, value));
            }
        }
    }

    /** Two digits a byte, with or without colons between them, as {@code ethtool -X … hkey} has it. */
    private byte[] rssKey(String value) {
        try {
            byte[] key = HexFormat.of().parseHex(value.replace(":", ""));
            if (key.length == Rss.KEY_BYTES) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw usage("rss-key: expected " + Rss.KEY_BYTES + " bytes as hexadecimal digits, found " + value);
    }

    /** Queues with colons between them, which are repeated until the table is full. */
    private int[] rssTable(String value) {
        String[] entries = value.split(":", -1);
        if (Integer.bitCount(entries.length) != 1) {
            throw usage("rss-table: expected a power of two of queues such as 0:1:0:2, found " + entries.length);
        }
        int[] table = new int[Math.max(entries.length, Rss.TABLE_ENTRIES)];
        for (int i = 0; i < table.length; i++) {
            table[i] = (int) number("rss-table", entries[i % entries.length], 0, VirtualNic.MAX_QUEUES - 1);
        }
        return table;
    }

    /** How packets find their queue; null as usual. */
    private @Nullable Rss rss() {
        if (rssKey == null && rssTable == null) {
            return null;
        }
        if (rssTable != null && wire.kind.equals("tap")) {
            throw usage("rss-table: the kernel chooses the queue of a TAP's packet");
        }
        for (int queue : rssTable == null ? new int[0] : rssTable) {
            if (queue >= queues) {
                throw usage("rss-table: expected queues from 0 to " + (queues - 1) + ", found " + queue);
            }
        }
        Rss usual = Rss.forQueues(queues);
        return new Rss(rssKey == null ? usual.key() : rssKey, rssTable == null ? usual.indirection() : rssTable);
    }

    static NicOption parse(String text) {
        return new NicOption(text);
    }

    private static List<String> split(String text) {
        List<String> parts = new ArrayList<>();
        StringBuilder part = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < text.length() && text.charAt(i + 1) == ',') {
                part.append(',');
                i++;
            } else if (c == ',') {
                parts.add(part.toString());
                part.setLength(0);
            } else {
                part.append(c);
            }
        }
        parts.add(part.toString());
        return parts;
    }

    String name() {
        return name;
    }

    EndText wire() {
        return wire;
    }

    @Nullable
    EndText host() {
        return host;
    }

    @Nullable
    EndText sent() {
        return sent;
    }

    /** OBJ[:PROGRAM] or none, as it was written; null when the command's program is meant. */
    @Nullable
    String program() {
        return program;
    }

    int queues() {
        return queues;
    }

    /** Sockets: an xskmap's name, and the capture that gets the packets. */
    List<Setting> sockets() {
        return sockets;
    }

    private Setting socket(String value) {
        int colon = value.indexOf(':');
        if (colon < 1 || colon == value.length() - 1) {
            throw usage("xsk: expected MAP:FILE, found " + value);
        }
        return new Setting(value.substring(0, colon), value.substring(colon + 1));
    }

    /** What concerns the NIC alone. */
    void settings(Datapath.Nic nic) {
        nic.queues(queues);
        if (mtu != 0) {
            nic.mtu(mtu);
        }
        if (ifindex != 0) {
            nic.ifindex(ifindex);
        }
        Rss spread = rss();
        if (spread != null) {
            nic.rss(spread);
        }
        nic.rxVlanOffload(rxVlanOffload);
        byte[] address = mac;
        if (address != null) {
            nic.mac(address);
        }
    }

    /** Six bytes of a single device. */
    byte[] mac(String value) {
        try {
            byte[] address = HexFormat.ofDelimiter(":").parseHex(value);
            if (address.length == 6 && (address[0] & 1) == 0) {
                return address;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw usage(
                "mac: expected six bytes of one device (an even first one) such as 02:00:00:00:00:01, found " + value);
    }

    long number(String key, String value, long least, long most) {
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw usage(key + ": expected a number from " + least + (most == Long.MAX_VALUE ? " on" : " to " + most)
                + ", found " + value);
    }

    /** A number with k, M or G behind it: 1.5M is 1,500,000. */
    double quantity(String key, String value, LongPredicate valid, String expected) {
        double factor = 1;
        String digits = value;
        int unit = value.isEmpty() ? -1 : "kMG".indexOf(value.charAt(value.length() - 1));
        if (unit >= 0) {
            factor = Math.pow(1000, unit + 1);
            digits = value.substring(0, value.length() - 1);
        }
        try {
            double number = Double.parseDouble(digits) * factor;
            if (!Double.isNaN(number) && !Double.isInfinite(number) && number >= 0 && valid.test((long) number)) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw usage(key + ": expected " + expected + ", found " + value);
    }

    CommandFailure usage(String message) {
        return RunOptions.usage("--nic " + text + ": " + message);
    }

    @Override
    public String toString() {
        return name + "=" + wire + (host == null ? "" : " host=" + host);
    }
}
