package dev.sluice.btf;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a {@code .BTF.ext} section says about instructions, by the name of the section that they are in.
 *
 * <p>Immutable. Offsets are in bytes from the start of that section, as the file has them.
 *
 * @param functions where functions start, in the file's order
 * @param lines source lines, in the file's order
 * @param relocations what to adapt to the target's types, in the file's order
 */
public record BtfExt(
        Map<String, List<FuncInfo>> functions,
        Map<String, List<LineInfo>> lines,
        Map<String, List<CoreRelocation>> relocations) {
    private static final int HEADER_BYTES = 24;
    private static final int HEADER_WITH_RELOCATIONS_BYTES = 32;

    /** Nothing known about any instruction. */
    public static final BtfExt EMPTY = new BtfExt(Map.of(), Map.of(), Map.of());

    /**
     * A function starts here.
     *
     * @param offset bytes from the start of the section
     * @param type id of its {@link BtfType.Func}
     */
    public record FuncInfo(int offset, int type) {
        /** The instruction slot, counted as {@code offset} is. */
        public int slot() {
            return offset / 8;
        }
    }

    /**
     * From here on, instructions come from this source line.
     *
     * @param offset bytes from the start of the section
     * @param fileName as the compiler was given it
     * @param text the line itself; empty where the compiler left it out
     * @param line counts from 1; 0 if unknown
     * @param column counts from 1; 0 if unknown
     * @param fileNameOffset of the name in the strings of the table, as the kernel takes it
     * @param textOffset of the text in the strings of the table
     */
    public record LineInfo(
            int offset, String fileName, String text, int line, int column, int fileNameOffset, int textOffset) {
        /** The instruction slot, counted as {@code offset} is. */
        public int slot() {
            return offset / 8;
        }

        /** The same line for another place. */
        public LineInfo at(int newOffset) {
            return new LineInfo(newOffset, fileName, text, line, column, fileNameOffset, textOffset);
        }
    }

    /**
     * Reads a {@code .BTF.ext} section.
     *
     * @param btf the {@code .BTF} section of the same object
     * @throws BtfException if the bytes are damaged or refer to types or strings that do not exist
     */
    public static BtfExt parse(byte[] bytes, Btf btf) {
        if (bytes.length < HEADER_BYTES) {
            throw new BtfException("btf.ext: too short for a header: expected at least " + HEADER_BYTES
                    + " bytes, found size=" + bytes.length);
        }
        Btf.checkMagic("btf.ext", bytes);
        long headerLength = Integer.toUnsignedLong(Bytes.i32(bytes, 4));
        if (headerLength < HEADER_BYTES || headerLength > bytes.length) {
            throw new BtfException("btf.ext: header length out of range: expected " + HEADER_BYTES + " to "
                    + bytes.length + ", found hdr_len=" + headerLength);
        }
        Reader reader = new Reader(bytes, btf, headerLength);
        Map<String, List<FuncInfo>> functions =
                reader.table("func_info", 8, 8, at -> new FuncInfo(Bytes.i32(bytes, at), reader.type(at + 4)));
        Map<String, List<LineInfo>> lines = reader.table("line_info", 16, 16, reader::line);
        Map<String, List<CoreRelocation>> relocations = headerLength < HEADER_WITH_RELOCATIONS_BYTES
                ? Map.of()
                : reader.table("core_relo", 24, 16, reader::relocation);
        return new BtfExt(functions, lines, relocations);
    }

    private interface RecordReader<T> {
        T read(int at);
    }

    private static final class Reader {
        private final byte[] bytes;
        private final Btf btf;
        private final long headerLength;
        /** Few different file names and lines are shared by many records. */
        private final Map<Integer, String> strings = new HashMap<>();
        /** Strings may share their ends, but the file must not make us hold many times its size. */
        private long stringBudget;

        Reader(byte[] bytes, Btf btf, long headerLength) {
            this.bytes = bytes;
            this.btf = btf;
            this.headerLength = headerLength;
            this.stringBudget = 65_536 + 16L * (bytes.length + btf.byteCount());
        }

        <T> Map<String, List<T>> table(String what, int headerAt, int leastRecordBytes, RecordReader<T> record) {
            long start = headerLength + Integer.toUnsignedLong(Bytes.i32(bytes, headerAt));
            long length = Integer.toUnsignedLong(Bytes.i32(bytes, headerAt + 4));
            if (length == 0) {
                return Map.of();
            }
            if (start + length > bytes.length) {
                throw new BtfException("btf.ext: " + what + " reaches beyond the end: offset=" + start + " length="
                        + length + " size=" + bytes.length);
            }
            int at = (int) start;
            int end = (int) (start + length);
            if (length < 4) {
                throw new BtfException("btf.ext: " + what + " is cut off: length=" + length);
            }
            int recordBytes = Bytes.i32(bytes, at);
            at += 4;
            if (recordBytes < leastRecordBytes || recordBytes % 4 != 0) {
                throw new BtfException("btf.ext: " + what + " has records of a wrong size: expected at least "
                        + leastRecordBytes + " bytes, found rec_size=" + Integer.toUnsignedString(recordBytes));
            }
            Map<String, List<T>> found = new LinkedHashMap<>();
            while (at < end) {
                if (end - at < 8) {
                    throw new BtfException("btf.ext: " + what + " is cut off: offset=" + at);
                }
                String section = btf.string(Bytes.i32(bytes, at));
                long count = Integer.toUnsignedLong(Bytes.i32(bytes, at + 4));
                at += 8;
                if (count * recordBytes > end - at) {
                    throw new BtfException(
                            "btf.ext: " + what + " of section " + section + " is cut off: num_info=" + count);
                }
                List<T> records = found.computeIfAbsent(section, name -> new ArrayList<>());
                for (long i = 0; i < count; i++, at += recordBytes) {
                    records.add(record.read(at));
                }
            }
            found.replaceAll((name, records) -> List.copyOf(records));
            return Collections.unmodifiableMap(found);
        }

        int type(int at) {
            int type = Bytes.i32(bytes, at);
            if (Integer.compareUnsigned(type, btf.endId()) >= 0) {
                throw new BtfException("btf.ext: refers to a type that does not exist: expected 0 to "
                        + (btf.endId() - 1) + ", found type=" + Integer.toUnsignedString(type));
            }
            return type;
        }

        private String string(int at) {
            int offset = Bytes.i32(bytes, at);
            String known = strings.get(offset);
            if (known == null) {
                known = btf.string(offset);
                stringBudget -= known.length();
                if (stringBudget < 0) {
                    throw new BtfException("btf.ext: strings take more than 16 times the size of the sections");
                }
                strings.put(offset, known);
            }
            return known;
        }

        LineInfo line(int at) {
            int lineAndColumn = Bytes.i32(bytes, at + 12);
            return new LineInfo(
                    Bytes.i32(bytes, at),
                    string(at + 4),
                    string(at + 8),
                    lineAndColumn >>> 10,
                    lineAndColumn & 0x3ff,
                    Bytes.i32(bytes, at + 4),
                    Bytes.i32(bytes, at + 8));
        }

        CoreRelocation relocation(int at) {
            int kind = Bytes.i32(bytes, at + 12);
            CoreRelocation.Kind[] kinds = CoreRelocation.Kind.values();
            if (kind < 0 || kind >= kinds.length) {
                throw new BtfException("btf.ext: unknown kind of relocation: expected 0 to " + (kinds.length - 1)
                        + ", found kind=" + Integer.toUnsignedString(kind));
            }
            return new CoreRelocation(Bytes.i32(bytes, at), type(at + 4), string(at + 8), kinds[kind]);
        }
    }
}
