package dev.sluice.object;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An ELF64 little-endian relocatable file of machine BPF: sections, symbols, relocations.
 *
 * <pre>
 *  0        16     18        20        24      32      40      48      52       54          58          60      62
 *  +--------+------+---------+---------+-------+-------+-------+-------+--------+-----------+-----------+-------+---------+
 *  | 7f ELF | type | machine | version | entry | phoff | shoff | flags | ehsize | ph*2      | shentsize | shnum | shstrndx|
 *  +--------+------+---------+---------+-------+-------+-------+-------+--------+-----------+-----------+-------+---------+
 *  section  name u32 | type u32 | flags u64 | addr u64 | offset u64 | size u64 | link u32 | info u32 | align u64 | entsize u64
 *  symbol   name u32 | binding:4 type:4 | visibility u8 | section u16 | value u64 | size u64
 *  REL      offset u64 | type u32 | symbol u32          RELA adds: addend i64
 * </pre>
 *
 * <p>Everything is checked against the size of the file when it is read. Immutable.
 */
final class ElfFile {
    static final int SHT_PROGBITS = 1;
    static final int SHT_SYMTAB = 2;
    static final int SHT_RELA = 4;
    static final int SHT_NOBITS = 8;
    static final int SHT_REL = 9;
    static final int SHF_EXECINSTR = 4;

    static final int SHN_UNDEF = 0;
    static final int SHN_LORESERVE = 0xff00;

    static final int STB_LOCAL = 0;
    static final int STB_WEAK = 2;
    static final int STT_NOTYPE = 0;
    static final int STT_OBJECT = 1;
    static final int STT_FUNC = 2;
    static final int STT_SECTION = 3;

    private static final int HEADER_BYTES = 64;
    private static final int SECTION_BYTES = 64;
    private static final int SYMBOL_BYTES = 24;
    private static final int EM_BPF = 247;
    private static final int ET_REL = 1;

    /** @param size of the contents in bytes; a {@code NOBITS} section has none in the file */
    record Section(
            int index, String name, int type, long flags, int offset, int size, int link, int info, int entrySize) {
        boolean isCode() {
            return type == SHT_PROGBITS && (flags & SHF_EXECINSTR) != 0 && size > 0;
        }
    }

    record Symbol(int index, String name, int binding, int type, int visibility, int section, long value, long size) {
        boolean isUndefined() {
            return section == SHN_UNDEF;
        }

        boolean isGlobal() {
            return binding != STB_LOCAL;
        }

        boolean isWeak() {
            return binding == STB_WEAK;
        }

        boolean isSection() {
            return type == STT_SECTION;
        }
    }

    /** @param addend null for REL: the place itself holds it */
    record Relocation(
            long offset, int type, Symbol symbol, @Nullable Long addend) {}

    private final byte[] bytes;
    private final List<Section> sections;
    private final List<Symbol> symbols;
    /** Characters that names may still take: names may share their ends, but a file must not make us hold many times its size. */
    private long nameBudget;

    private ElfFile(byte[] bytes) {
        this.bytes = bytes;
        this.nameBudget = 65_536 + 16L * bytes.length;
        checkHeader();
        this.sections = readSections();
        this.symbols = readSymbols();
    }

    /** Reads a file; the array must not change afterwards. */
    static ElfFile parse(byte[] bytes) {
        return new ElfFile(bytes);
    }

    List<Section> sections() {
        return sections;
    }

    /** In the order of the file's symbol table, whose first, empty entry is included. */
    List<Symbol> symbols() {
        return symbols;
    }

    private void checkHeader() {
        if (bytes.length == 0) {
            throw new ObjectException("empty file: expected an ELF object");
        }
        if (startsWith('B', 'C', 0xc0, 0xde) || startsWith(0xde, 0xc0, 0x17, 0x0b)) {
            throw new ObjectException("LLVM bitcode: expected an ELF object (compile with clang -target bpf -c, without"
                    + " -emit-llvm or -flto)");
        }
        if (!startsWith(0x7f, 'E', 'L', 'F')) {
            throw new ObjectException(
                    "not an ELF object: expected it to start with 7f 45 4c 46, found " + firstBytes());
        }
        if (bytes.length < HEADER_BYTES) {
            throw new ObjectException("cut off within the ELF header: expected at least " + HEADER_BYTES
                    + " bytes, found size=" + bytes.length);
        }
        int machine = u16(18);
        if (bytes[4] != 2) {
            throw new ObjectException("not a 64-bit ELF object: expected class 2, found class=" + (bytes[4] & 0xff));
        }
        if (bytes[5] == 2) {
            int big = (machine & 0xff) << 8 | machine >>> 8;
            throw new ObjectException(
                    big == EM_BPF
                            ? "big-endian BPF object: expected little endian (compile with clang -target bpfel)"
                            : "big-endian object of another machine: expected BPF, found machine=" + big);
        }
        if (bytes[5] != 1) {
            throw new ObjectException(
                    "unknown byte order: expected 1 (little endian), found data=" + (bytes[5] & 0xff));
        }
        // compilers before LLVM 3.9 left the machine 0
        if (machine != EM_BPF && machine != 0) {
            throw new ObjectException("object for another machine: expected BPF (247), found " + machineName(machine)
                    + " (compile with clang -target bpf)");
        }
        int type = u16(16);
        if (type != ET_REL) {
            throw new ObjectException("not a relocatable object: expected type 1, found type=" + type);
        }
    }

    private static String machineName(int machine) {
        return switch (machine) {
            case 3 -> "x86 (3)";
            case 40 -> "Arm (40)";
            case 62 -> "x86-64 (62)";
            case 183 -> "AArch64 (183)";
            case 243 -> "RISC-V (243)";
            default -> "machine=" + machine;
        };
    }

    private boolean startsWith(int... wanted) {
        if (bytes.length < wanted.length) {
            return false;
        }
        for (int i = 0; i < wanted.length; i++) {
            if (bytes[i] != (byte) wanted[i]) {
                return false;
            }
        }
        return true;
    }

    private String firstBytes() {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < Math.min(4, bytes.length); i++) {
            text.append(i == 0 ? "" : " ").append(String.format("%02x", bytes[i]));
        }
        return text.toString();
    }

    private List<Section> readSections() {
        long table = Blob.i64(bytes, 40);
        int entryBytes = u16(58);
        long count = u16(60);
        int namesIndex = u16(62);
        if (table == 0) {
            throw new ObjectException("no section table: expected programs in sections");
        }
        if (entryBytes != SECTION_BYTES) {
            throw new ObjectException("section headers of a wrong size: expected " + SECTION_BYTES
                    + " bytes, found shentsize=" + entryBytes);
        }
        checkRange("section table", table, SECTION_BYTES);
        if (count == 0) {
            count = Blob.i64(bytes, (int) table + 32);
        }
        if (namesIndex == 0xffff) {
            namesIndex = Blob.i32(bytes, (int) table + 40);
        }
        if (count < 0 || count > bytes.length / SECTION_BYTES) {
            throw new ObjectException("section table reaches beyond the end: shnum=" + count + " size=" + bytes.length);
        }
        checkRange("section table", table, count * SECTION_BYTES);
        if (namesIndex < 0 || namesIndex >= count) {
            throw new ObjectException("no section for the section names: expected 0 to " + (count - 1)
                    + ", found shstrndx=" + namesIndex);
        }
        Section names = section((int) table, namesIndex, "");
        List<Section> found = new ArrayList<>((int) count);
        for (int i = 0; i < count; i++) {
            int at = (int) table + i * SECTION_BYTES;
            found.add(section((int) table, i, string(names, Blob.i32(bytes, at), "name of section " + i)));
        }
        return List.copyOf(found);
    }

    private Section section(int table, int index, String name) {
        int at = table + index * SECTION_BYTES;
        int type = Blob.i32(bytes, at + 4);
        long offset = Blob.i64(bytes, at + 24);
        long size = Blob.i64(bytes, at + 32);
        String what = name.isEmpty() ? "section " + index : "section " + name;
        if (type == 0) {
            // an unused entry; the first one may carry counts in its fields
            offset = 0;
            size = 0;
        } else if (type == SHT_NOBITS) {
            offset = 0;
            if (size < 0 || size > Integer.MAX_VALUE) {
                throw new ObjectException(
                        what + " is too large: expected less than 2 GB, found size=" + Long.toUnsignedString(size));
            }
        } else {
            checkRange(what, offset, size);
        }
        return new Section(
                index,
                name,
                type,
                Blob.i64(bytes, at + 8),
                (int) offset,
                (int) size,
                Blob.i32(bytes, at + 40),
                Blob.i32(bytes, at + 44),
                (int) Blob.i64(bytes, at + 56));
    }

    private List<Symbol> readSymbols() {
        Section table = null;
        for (Section section : sections) {
            if (section.type == SHT_SYMTAB) {
                if (table != null) {
                    throw new ObjectException("more than one symbol table: expected one");
                }
                table = section;
            }
        }
        if (table == null) {
            return List.of();
        }
        if (table.entrySize != SYMBOL_BYTES || table.size % SYMBOL_BYTES != 0) {
            throw new ObjectException("symbols of a wrong size: expected " + SYMBOL_BYTES + " bytes, found entsize="
                    + table.entrySize + " size=" + table.size);
        }
        Section names = sectionAt(table.link, "symbol names");
        List<Symbol> found = new ArrayList<>(table.size / SYMBOL_BYTES);
        for (int i = 0; i < table.size / SYMBOL_BYTES; i++) {
            int at = table.offset + i * SYMBOL_BYTES;
            int info = bytes[at + 4] & 0xff;
            found.add(new Symbol(
                    i,
                    string(names, Blob.i32(bytes, at), "name of symbol " + i),
                    info >>> 4,
                    info & 0xf,
                    bytes[at + 5] & 3,
                    u16(at + 6),
                    Blob.i64(bytes, at + 8),
                    Blob.i64(bytes, at + 16)));
        }
        return List.copyOf(found);
    }

    /** The section with this index, where {@code what} says whose index it is. */
    Section sectionAt(int index, String what) {
        if (index < 0 || index >= sections.size()) {
            throw new ObjectException(what + ": no such section: expected 0 to " + (sections.size() - 1)
                    + ", found index=" + Integer.toUnsignedString(index));
        }
        return sections.get(index);
    }

    /** The relocations that a {@code REL} or {@code RELA} section holds. */
    List<Relocation> relocations(Section section) {
        boolean explicit = section.type == SHT_RELA;
        int entryBytes = explicit ? 24 : 16;
        if (section.entrySize != entryBytes || section.size % entryBytes != 0) {
            throw new ObjectException("section " + section.name + ": relocations of a wrong size: expected "
                    + entryBytes + " bytes, found entsize=" + section.entrySize + " size=" + section.size);
        }
        List<Relocation> found = new ArrayList<>(section.size / entryBytes);
        for (int at = section.offset; at < section.offset + section.size; at += entryBytes) {
            int symbol = Blob.i32(bytes, at + 12);
            if (symbol < 0 || symbol >= symbols.size()) {
                throw new ObjectException(
                        "section " + section.name + ": relocation of a symbol that does not exist: expected 0 to "
                                + (symbols.size() - 1) + ", found symbol=" + Integer.toUnsignedString(symbol));
            }
            found.add(new Relocation(
                    Blob.i64(bytes, at),
                    Blob.i32(bytes, at + 8),
                    symbols.get(symbol),
                    explicit ? Blob.i64(bytes, at + 16) : null));
        }
        return found;
    }

    /** A copy of a section's contents; for {@code NOBITS} there are none. */
    byte[] contents(Section section) {
        if (section.type == SHT_NOBITS) {
            throw new AssertionError("a NOBITS section has no contents: " + section.name);
        }
        byte[] copy = new byte[section.size];
        System.arraycopy(bytes, section.offset, copy, 0, copy.length);
        return copy;
    }

    private String string(Section names, int offset, String what) {
        if (offset == 0) {
            return "";
        }
        if (names.type == SHT_NOBITS || offset < 0 || offset >= names.size) {
            throw new ObjectException(what + " lies outside of the strings: expected less than " + names.size
                    + ", found offset=" + Integer.toUnsignedString(offset));
        }
        int start = names.offset + offset;
        int limit = names.offset + names.size;
        int end = start;
        while (end < limit && bytes[end] != 0) {
            end++;
        }
        if (end == limit) {
            throw new ObjectException(what + " has no end");
        }
        nameBudget -= end - start;
        if (nameBudget < 0) {
            throw new ObjectException(what + ": names take more than 16 times the size of the file");
        }
        return new String(bytes, start, end - start, StandardCharsets.UTF_8);
    }

    private void checkRange(String what, long offset, long size) {
        if (offset < 0 || size < 0 || offset > bytes.length || size > bytes.length - offset) {
            throw new ObjectException(
                    what + " reaches beyond the end of the file: offset=" + Long.toUnsignedString(offset) + " length="
                            + Long.toUnsignedString(size) + " size=" + bytes.length);
        }
    }

    private int u16(int at) {
        return Blob.i16(bytes, at) & 0xffff;
    }
}
