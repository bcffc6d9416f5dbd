package dev.sluice.kernel.diff;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What became of a packet on one side.
 *
 * @param action what the program returned, as it is
 * @param metadataBytes how much of the front of {@code packet} is metadata
 * @param packet the bytes from data_meta to data_end; the record's own: do not change them
 * @param failure a fault of an engine, or why the kernel did not run it; null where the program came to its end
 * @param events what the program wrote to ring buffers and perf event arrays: the map's name and hexadecimal digits
 */
public record Outcome(
        int action,
        int metadataBytes,
        byte[] packet,
        @Nullable String failure,
        List<String> events) {
    public Outcome {
        events = List.copyOf(events);
    }

    /** Without events. */
    public Outcome(int action, int metadataBytes, byte[] packet, @Nullable String failure) {
        this(action, metadataBytes, packet, failure, List.of());
    }
}
