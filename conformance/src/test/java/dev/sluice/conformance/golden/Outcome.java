package dev.sluice.conformance.golden;

import dev.sluice.conformance.Json;
import dev.sluice.packet.nic.XdpAction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** What came out of a run, in the terms of the golden results. */
record Outcome(
        long packets,
        Map<String, List<Long>> verdicts,
        String outputSha256,
        Map<String, MapState> maps,
        List<String> trace,
        List<String> faults) {
    /** Collects packets, in order. */
    static final class Builder {
        private final MessageDigest output = sha256();
        private final Map<String, long[]> verdicts = new TreeMap<>();
        private long packets;

        /** @param bytes of the packet after the run, metadata first */
        void packet(int action, int lengthBefore, byte[] bytes) {
            output.update(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(action)
                    .putInt(bytes.length)
                    .array());
            output.update(bytes);
            XdpAction known = XdpAction.of(action);
            String name = known == XdpAction.OTHER ? Integer.toString(action) : known.label();
            long[] count = verdicts.computeIfAbsent(name, n -> new long[2]);
            count[0]++;
            count[1] += lengthBefore;
            packets++;
        }

        Outcome build(Map<String, MapState> maps, List<String> trace, List<String> faults) {
            Map<String, List<Long>> counts = new TreeMap<>();
            verdicts.forEach((name, count) -> counts.put(name, List.of(count[0], count[1])));
            return new Outcome(packets, counts, HexFormat.of().formatHex(output.digest()), maps, trace, faults);
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private String traceSha256() {
        MessageDigest digest = sha256();
        trace.forEach(line -> digest.update((line + "\n").getBytes(StandardCharsets.UTF_8)));
        return HexFormat.of().formatHex(digest.digest());
    }

    /**
     * Where this is not what is expected; empty when it is.
     *
     * @param expected the results of one program on one capture
     * @param withMaps whether maps are compared
     */
    List<String> differences(Json expected, boolean withMaps) {
        List<String> differences = new ArrayList<>();
        differ(differences, "packets", expected.get("packets").number(), packets);
        Map<String, List<Long>> counts = new TreeMap<>();
        for (String action : expected.get("verdicts").names()) {
            Json count = expected.get("verdicts").get(action);
            counts.put(action, List.of(count.at(0).number(), count.at(1).number()));
        }
        differ(differences, "verdicts", counts, verdicts);
        differ(differences, "output", expected.get("output_sha256").text(), outputSha256);
        if (expected.has("maps")) {
            if (withMaps) {
                compareMaps(differences, expected.get("maps"));
            }
            compareTrace(differences, expected);
        }
        if (!faults.isEmpty()) {
            differences.add("faults: " + faults.size() + ", first " + faults.getFirst());
        }
        return differences;
    }

    private void compareMaps(List<String> differences, Json expected) {
        TreeSet<String> names = new TreeSet<>(maps.keySet());
        names.remove("unused"); // the objects with an old "maps" section have one more, which nobody uses
        differ(differences, "names of maps", new TreeSet<>(expected.names()), names);
        for (String name : expected.names()) {
            Json map = expected.get(name);
            MapState state = maps.get(name);
            if (state == null) {
                continue;
            }
            differ(differences, "map " + name + " entries", map.get("entries").number(), state.entries());
            if (map.has("values")) {
                Map<String, String> values = new TreeMap<>();
                Json shown = map.get("values");
                shown.names().forEach(key -> values.put(key, shown.get(key).text()));
                differ(differences, "map " + name, values, new TreeMap<>(state.values()));
            }
            if (!map.get("sha256").text().equals(state.sha256())) {
                differences.add("map " + name + " differs, found " + state.values());
            }
        }
    }

    private void compareTrace(List<String> differences, Json expected) {
        if (!expected.has("trace")) {
            differ(differences, "trace", List.of(), trace);
            return;
        }
        Json lines = expected.get("trace");
        differ(differences, "trace lines", lines.get("lines").number(), (long) trace.size());
        differ(
                differences,
                "first trace lines",
                lines.get("first").items().stream().map(Json::text).toList(),
                trace.stream().limit(4).toList());
        differ(differences, "trace", lines.get("sha256").text(), traceSha256());
    }

    private static void differ(List<String> differences, String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            differences.add(what + ": expected " + expected + ", found " + found);
        }
    }
}
