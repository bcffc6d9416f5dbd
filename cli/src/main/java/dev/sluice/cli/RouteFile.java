package dev.sluice.cli;

import dev.sluice.helper.Network;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A network in a file of JSON:
 *
 * <pre>
 * {"links":      ["2: eth0: &lt;UP&gt; mtu 1500", "    link/ether 02:00:00:00:00:01", "    inet 10.0.0.1/24"],
 *  "routes":     ["default via 10.0.0.9 dev eth0", {"type": "blackhole", "dst": "10.9.0.0/16"}],
 *  "neighbours": [{"dst": "10.0.0.9", "dev": "eth0", "lladdr": "02:00:00:00:00:09", "state": ["REACHABLE"]}]}
 * </pre>
 *
 * <p>Each part is what {@code ip addr}, {@code ip route} and {@code ip neigh} print, as one text or line by line, or the
 * objects that their {@code -j} option prints.
 *
 * @param addr as {@code ip addr} prints it
 * @param route as {@code ip route} prints it
 * @param neigh as {@code ip neigh} prints it
 */
record RouteFile(String addr, String route, String neigh) {
    private static final Set<String> PARTS = Set.of("links", "routes", "neighbours");
    /** Members of a route that are no pair of words in {@code ip route}'s text, or mean nothing here. */
    private static final Set<String> NOT_WORDS =
            Set.of("type", "dst", "nexthops", "flags", "mtu", "gateway", "via", "metrics", "family");

    static RouteFile read(Path file) throws IOException {
        if (!(JsonReader.read(file) instanceof Map<?, ?> json)) {
            throw new IllegalArgumentException("expected an object with links, routes and neighbours");
        }
        for (Object part : json.keySet()) {
            if (!PARTS.contains(String.valueOf(part))) {
                throw new IllegalArgumentException("expected links, routes and neighbours, found " + part);
            }
        }
        return new RouteFile(
                text(json.get("links"), "links", RouteFile::link),
                text(json.get("routes"), "routes", RouteFile::route),
                text(json.get("neighbours"), "neighbours", RouteFile::neighbour));
    }

    void apply(Network network) {
        network.parse(addr, route, neigh);
    }

    private interface Line {
        String of(Map<?, ?> json);
    }

    private static String text(@Nullable Object json, String part, Line line) {
        return switch (json) {
            case null -> "";
            case String text -> text;
            case List<?> list ->
                list.stream()
                        .map(element -> switch (element) {
                            case String text -> text;
                            case Map<?, ?> object -> line.of(object);
                            case null, default ->
                                throw new IllegalArgumentException(
                                        part + ": expected lines or objects, found " + element);
                        })
                        .collect(Collectors.joining("\n"));
            default -> throw new IllegalArgumentException(part + ": expected text or an array, found " + json);
        };
    }

    private static String needed(Map<?, ?> json, String name, String what) {
        Object value = json.get(name);
        if (value == null) {
            throw new IllegalArgumentException(what + ": expected a member " + name + ", found " + json);
        }
        return value.toString();
    }

    private static String link(Map<?, ?> json) {
        StringBuilder text = new StringBuilder()
                .append(needed(json, "ifindex", "links"))
                .append(": ")
                .append(needed(json, "ifname", "links"))
                .append(':');
        if (json.get("mtu") != null) {
            text.append(" mtu ").append(json.get("mtu"));
        }
        if (json.get("address") != null) {
            Object type = json.get("link_type");
            text.append("\n    link/")
                    .append(type == null ? "ether" : type)
                    .append(' ')
                    .append(json.get("address"));
        }
        if (json.get("addr_info") instanceof List<?> addresses) {
            for (Object address : addresses) {
                if (address instanceof Map<?, ?> one) {
                    String local = needed(one, "local", "addr_info");
                    text.append("\n    ")
                            .append(local.indexOf(':') >= 0 ? "inet6 " : "inet ")
                            .append(local)
                            .append('/')
                            .append(needed(one, "prefixlen", "addr_info"));
                }
            }
        }
        return text.toString();
    }

    private static String route(Map<?, ?> json) {
        StringBuilder text = new StringBuilder();
        Object type = json.get("type");
        if (type != null && !type.equals("unicast")) {
            text.append(type).append(' ');
        }
        text.append(needed(json, "dst", "routes"));
        text.append(hop(json));
        json.forEach((name, value) -> {
            if (!NOT_WORDS.contains(name.toString()) && !name.equals("dev") && !(value instanceof List<?>)) {
                text.append(' ')
                        .append(name.equals("prefsrc") ? "src" : name)
                        .append(' ')
                        .append(value);
            }
        });
        if (json.get("mtu") != null) {
            text.append(" mtu ").append(json.get("mtu"));
        }
        if (json.get("metrics") instanceof List<?> metrics) {
            for (Object metric : metrics) {
                if (metric instanceof Map<?, ?> one && one.get("mtu") != null) {
                    text.append(" mtu ").append(one.get("mtu"));
                }
            }
        }
        if (json.get("nexthops") instanceof List<?> hops) {
            for (Object hop : hops) {
                if (hop instanceof Map<?, ?> one) {
                    text.append("\n    nexthop").append(hop(one));
                    if (one.get("weight") != null) {
                        text.append(" weight ").append(one.get("weight"));
                    }
                }
            }
        }
        return text.toString();
    }

    private static String hop(Map<?, ?> json) {
        StringBuilder text = new StringBuilder();
        if (json.get("gateway") != null) {
            text.append(" via ").append(json.get("gateway"));
        } else if (json.get("via") instanceof Map<?, ?> via) {
            text.append(" via ")
                    .append(needed(via, "family", "via"))
                    .append(' ')
                    .append(needed(via, "host", "via"));
        }
        if (json.get("dev") != null) {
            text.append(" dev ").append(json.get("dev"));
        }
        return text.toString();
    }

    private static String neighbour(Map<?, ?> json) {
        StringBuilder text = new StringBuilder(needed(json, "dst", "neighbours"))
                .append(" dev ")
                .append(needed(json, "dev", "neighbours"));
        if (json.get("lladdr") != null) {
            text.append(" lladdr ").append(json.get("lladdr"));
        }
        if (json.get("state") instanceof List<?> states) {
            states.forEach(state -> text.append(' ').append(state));
        }
        return text.toString();
    }
}
