package dev.sluice.cli;

import java.io.PrintStream;

/** Two byte strings side by side, 16 bytes a row, with what differs marked below; rows that are equal are left out. */
final class HexDiff {
    private static final int ROW = 16;
    private static final int MOST_ROWS = 24;

    private HexDiff() {}

    /** All bytes, up to a limit. */
    static void printBytes(String title, byte[] bytes, PrintStream out) {
        out.println("  " + title + ", " + bytes.length + " bytes:");
        for (int at = 0; at < bytes.length; at += ROW) {
            if (at / ROW == MOST_ROWS) {
                out.println("    … " + (bytes.length - at) + " bytes more");
                return;
            }
            out.println("    %04x  %s".formatted(at, row(bytes, at)));
        }
    }

    /**
     * The rows that differ.
     *
     * @param metadata bytes at the front that are metadata: they have negative offsets
     */
    static void printDifference(
            String name,
            byte[] left,
            int metadata,
            String otherName,
            byte[] right,
            int otherMetadata,
            PrintStream out) {
        int first = -Math.max(metadata, otherMetadata);
        int end = Math.max(left.length - metadata, right.length - otherMetadata);
        int width = Math.max(name.length(), otherName.length());
        int rows = 0;
        for (int at = Math.floorDiv(first, ROW) * ROW; at < end; at += ROW) {
            String marks = marks(left, metadata, right, otherMetadata, at);
            if (marks.isBlank()) {
                continue;
            }
            if (rows == 0) {
                out.println("  after, the rows that differ:");
            }
            if (rows++ == MOST_ROWS) {
                out.println("    … more rows");
                return;
            }
            String offset = at < 0 ? "-%03x".formatted(-at) : "%04x".formatted(at);
            out.println("    " + offset + "  " + pad(name, width) + "  " + row(left, at + metadata));
            out.println("          " + pad(otherName, width) + "  " + row(right, at + otherMetadata));
            out.println("          " + " ".repeat(width) + "  " + marks.stripTrailing());
        }
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(width - text.length());
    }

    private static String row(byte[] bytes, int at) {
        StringBuilder text = new StringBuilder();
        for (int i = at; i < at + ROW; i++) {
            boolean there = i >= 0 && i < bytes.length;
            text.append(i == at ? "" : " ").append(there ? "%02x".formatted(bytes[i] & 0xff) : "  ");
        }
        return text.toString().stripTrailing();
    }

    private static String marks(byte[] left, int leftOffset, byte[] right, int rightOffset, int at) {
        StringBuilder text = new StringBuilder();
        for (int i = at; i < at + ROW; i++) {
            boolean same = byteAt(left, i + leftOffset) == byteAt(right, i + rightOffset);
            text.append(i == at ? "" : " ").append(same ? "  " : "^^");
        }
        return text.toString();
    }

    private static int byteAt(byte[] bytes, int at) {
        return at < 0 || at >= bytes.length ? -1 : bytes[at] & 0xff;
    }
}
