package dev.sluice.packet.pcap;

import java.nio.charset.StandardCharsets;

/** What a file is, by its first bytes. */
final class Magic {
    static final String EMPTY = "is empty, expected a pcap or pcapng capture";

    /** How the bytes are compressed. */
    enum Compression {
        NONE,
        GZIP,
        ZSTD
    }

    /** Which reader understands the bytes. */
    enum Format {
        NONE,
        PCAP,
        PCAPNG
    }

    static final int PCAP_MICROS = 0xa1b2c3d4;
    static final int PCAP_NANOS = 0xa1b23c4d;
    static final int PCAP_MODIFIED = 0xa1b2cd34;
    static final int SECTION_HEADER = 0x0a0d0d0a;

    private Magic() {}

    static Compression compression(byte[] head, int length) {
        if (length >= 2 && (head[0] & 0xff) == 0x1f && (head[1] & 0xff) == 0x8b) {
            return Compression.GZIP;
        }
        if (length >= 4) {
            int magic = little(head);
            // 184d2a5x: a skippable frame, with which some multi-threaded compressors begin
            if (magic == 0xfd2fb528 || (magic & 0xfffffff0) == 0x184d2a50) {
                return Compression.ZSTD;
            }
        }
        return Compression.NONE;
    }

    static Format format(byte[] head) {
        if (head.length < 4) {
            return Format.NONE;
        }
        int magic = little(head);
        if (magic == SECTION_HEADER) {
            return Format.PCAPNG;
        }
        return isPcap(magic) || isPcap(Integer.reverseBytes(magic)) ? Format.PCAP : Format.NONE;
    }

    static boolean isPcap(int magic) {
        return magic == PCAP_MICROS || magic == PCAP_NANOS || magic == PCAP_MODIFIED;
    }

    /** What a file that is no capture is instead. */
    static String notCapture(byte[] head) {
        if (head.length == 0) {
            return EMPTY;
        }
        String found = known(head);
        if (found == null) {
            boolean text = true;
            for (byte b : head) {
                text &= b >= ' ' && b < 127 || b == '\n' || b == '\r' || b == '\t';
            }
            found = text
                    ? "text, \"" + new String(head, StandardCharsets.US_ASCII).strip() + "\""
                    : "bytes " + hex(head);
        }
        return "is not a capture, expected pcap or pcapng (also in gzip or zstd), found=" + found;
    }

    private static @org.jspecify.annotations.Nullable String known(byte[] head) {
        String text = new String(head, StandardCharsets.ISO_8859_1);
        if (text.startsWith("\u007fELF")) {
            return "an ELF file (a compiled program?)";
        }
        if (text.startsWith("\u00fd7zXZ")) {
            return "xz data; decompress it first (xz -d)";
        }
        if (text.startsWith("BZh")) {
            return "bzip2 data; decompress it first (bzip2 -d)";
        }
        if (text.startsWith("\u0004\"M\u0018")) {
            return "lz4 data; decompress it first (lz4 -d)";
        }
        if (text.startsWith("PK\u0003\u0004")) {
            return "a zip archive; unpack it first (unzip)";
        }
        if (text.startsWith("\u001f\u008b") || text.startsWith("(\u00b5/\u00fd")) {
            return "compressed data within compressed data";
        }
        if (text.startsWith("snoop\0")) {
            return "a snoop capture; convert it first (editcap -F pcapng)";
        }
        if (text.startsWith("GMBU") || text.startsWith("RTSS")) {
            return "a Network Monitor capture; convert it first (editcap -F pcapng)";
        }
        if (head.length >= 4) {
            int magic = little(head);
            if (magic == 0x1c0001ac || magic == 0xac01001c || magic == 0x1c0001ab || magic == 0xab01001c) {
                return "an IXIA capture; convert it first (editcap -F pcapng)";
            }
            if (magic == 0xa1b2c3cd || magic == 0xcdc3b2a1) {
                return "a pcap variant that is not read, magic=a1b2c3cd";
            }
        }
        return null;
    }

    private static String hex(byte[] head) {
        StringBuilder text = new StringBuilder();
        for (byte b : head) {
            text.append(text.isEmpty() ? "" : " ").append(String.format("%02x", b));
        }
        return text.toString();
    }

    private static int little(byte[] head) {
        return head[0] & 0xff | (head[1] & 0xff) << 8 | (head[2] & 0xff) << 16 | (head[3] & 0xff) << 24;
    }
}
