package dev.sluice.kernel.diff;

import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Something that an engine did otherwise than the kernel. Immutable; do not change the arrays. */
public sealed interface Difference {
    /** The engine's name. */
    String engine();

    /** What of a packet can differ. */
    enum Aspect {
        FAULT,
        RETURN_VALUE,
        METADATA_LENGTH,
        LENGTH,
        BYTES,
        EVENTS
    }

    /**
     * A packet.
     *
     * @param packet its number over all captures, from 1
     * @param aspects what differs
     * @param before the packet as it came
     * @param trace what the interpreter ran for it, oldest step first; the beginning is missing from very long ones
     * @param steps how many instructions that were, also those that are missing from {@code trace}
     */
    record Packet(
            String engine,
            long packet,
            List<Aspect> aspects,
            byte[] before,
            Outcome kernel,
            Outcome ours,
            List<TraceStep> trace,
            long steps)
            implements Difference {
        /** One line with all but the trace. */
        @Override
        public String toString() {
            HexFormat hex = HexFormat.of();
            return "packet " + packet + " on " + engine + ": " + aspects + " before=" + hex.formatHex(before)
                    + " kernel: action=" + kernel.action() + " metadata=" + kernel.metadataBytes() + " packet="
                    + hex.formatHex(kernel.packet()) + " ours: action=" + ours.action() + " metadata="
                    + ours.metadataBytes() + " packet=" + hex.formatHex(ours.packet())
                    + (kernel.events().equals(ours.events())
                            ? ""
                            : " events: kernel=" + kernel.events() + " ours=" + ours.events())
                    + (ours.failure() == null ? "" : " fault: " + ours.failure());
        }
    }

    /**
     * An entry of a map after the last packet.
     *
     * @param map the map's name
     * @param kernelValue null where the kernel's map has no such key; of per-CPU maps the value of one CPU
     * @param ourValue null where ours has none
     */
    record Entry(String engine, String map, byte[] key, byte @Nullable [] kernelValue, byte @Nullable [] ourValue)
            implements Difference {
        @Override
        public String toString() {
            HexFormat hex = HexFormat.of();
            return "map " + map + " on " + engine + ": key=" + hex.formatHex(key) + " kernel="
                    + (kernelValue == null ? "none" : hex.formatHex(kernelValue)) + " ours="
                    + (ourValue == null ? "none" : hex.formatHex(ourValue));
        }
    }
}
