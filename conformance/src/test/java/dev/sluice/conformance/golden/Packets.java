package dev.sluice.conformance.golden;

import dev.sluice.conformance.Pcaps;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The packets of captures that golden results are about. */
final class Packets {
    /** The kernel's test run takes nothing shorter. */
    static final int SHORTEST = 14;

    /** What it runs in one linear piece; of longer packets a program sees only the beginning. */
    static final int LONGEST = 3520;

    private static final Map<String, List<byte[]>> READ = new ConcurrentHashMap<>();

    private Packets() {}

    /** @param capture its name below {@code captures} */
    static List<byte[]> of(String capture) {
        return READ.computeIfAbsent(capture, Packets::read);
    }

    /** Those that the kernel ran. */
    static List<byte[]> runnable(String capture) {
        return of(capture).stream()
                .filter(packet -> packet.length >= SHORTEST && packet.length <= LONGEST)
                .toList();
    }

    private static List<byte[]> read(String capture) {
        List<byte[]> packets = new ArrayList<>();
        try (CaptureReader reader = CaptureReader.open(Pcaps.capture(capture))) {
            reader.requireEthernet();
            while (reader.next()) {
                packets.add(reader.copyBytes());
            }
            if (reader.damage() != null) {
                throw reader.damage().toException();
            }
        } catch (CaptureException e) {
            throw new UncheckedIOException(e);
        }
        return List.copyOf(packets);
    }
}
