package dev.sluice.packet.pcap;

/** The capture formats that are read. */
public enum CaptureFormat {
    PCAP_MICROS("pcap, microseconds"),
    PCAP_NANOS("pcap, nanoseconds"),
    /** Alexey Kuznetzov's variant of classic pcap with longer packet headers (old Linux distributions). */
    PCAP_MODIFIED("modified pcap, microseconds"),
    PCAPNG("pcapng");

    private final String label;

    CaptureFormat(String label) {
        this.label = label;
    }

    /** The format as a person would name it. */
    public String label() {
        return label;
    }
}
