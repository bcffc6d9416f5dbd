package dev.sluice.object;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes ELF objects for tests: the section table comes first, so that cutting off the end damages contents. */
final class ElfBuilder {
    static final int LOCAL = 0;
    static final int GLOBAL = 1;
    static final int WEAK = 2;
    static final int NOTYPE = 0;
    static final int OBJECT = 1;
    static final int FUNC = 2;
    static final int SECTION = 3;

    private record Section(
            String name, int type, long flags, byte[] contents, long size, int link, int info, int entry) {}

    private final List<Section> sections = new ArrayList<>();
    private final ByteArrayOutputStream symbols = new ByteArrayOutputStream();
    private final ByteArrayOutputStream strings = new ByteArrayOutputStream();
    private int symbolCount = 1;
    int machine = 247;
    int elfClass = 2;
    int data = 1;
    int type = 1;

    ElfBuilder() {
        sections.add(new Section("", 0, 0, new byte[0], 0, 0, 0, 0));
        strings.write(0);
        symbols.writeBytes(new byte[24]);
        // 1: strings, 2: symbols, filled in at the end
        sections.add(null);
        sections.add(null);
    }

    private int string(String text) {
        int at = strings.size();
        strings.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        strings.write(0);
        return at;
    }

    int code(String name, byte[] contents) {
        return add(name, 1, 6, contents);
    }

    int data(String name, byte[] contents) {
        return add(name, 1, 3, contents);
    }

    int bss(String name, long size) {
        sections.add(new Section(name, 8, 3, new byte[0], size, 0, 0, 0));
        return sections.size() - 1;
    }

    private int add(String name, int sectionType, int flags, byte[] contents) {
        sections.add(new Section(name, sectionType, flags, contents, contents.length, 0, 0, 0));
        return sections.size() - 1;
    }

    /** Returns the symbol's index. */
    int symbol(String name, int binding, int symbolType, int section, long value, long size) {
        ByteBuffer b = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(name.isEmpty() ? 0 : string(name))
                .put((byte) (binding << 4 | symbolType))
                .put((byte) 0);
        b.putShort((short) section).putLong(value).putLong(size);
        symbols.writeBytes(b.array());
        return symbolCount++;
    }

    /** Triples of offset, type and symbol. */
    void rel(int target, long... entries) {
        ByteBuffer b = ByteBuffer.allocate(entries.length / 3 * 16).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < entries.length; i += 3) {
            b.putLong(entries[i]).putInt((int) entries[i + 1]).putInt((int) entries[i + 2]);
        }
        sections.add(new Section(".rel" + sections.get(target).name, 9, 0x40, b.array(), b.capacity(), 2, target, 16));
    }

    /** Groups of offset, type, symbol and addend. */
    void rela(int target, long... entries) {
        ByteBuffer b = ByteBuffer.allocate(entries.length / 4 * 24).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < entries.length; i += 4) {
            b.putLong(entries[i])
                    .putInt((int) entries[i + 1])
                    .putInt((int) entries[i + 2])
                    .putLong(entries[i + 3]);
        }
        sections.add(new Section(".rela" + sections.get(target).name, 4, 0x40, b.array(), b.capacity(), 2, target, 24));
    }

    byte[] build() {
        int[] names = new int[sections.size()];
        for (int i = 1; i < names.length; i++) {
            names[i] = string(i == 1 ? ".strtab" : i == 2 ? ".symtab" : sections.get(i).name);
        }
        byte[] symbolBytes = symbols.toByteArray();
        byte[] stringBytes = strings.toByteArray();
        sections.set(1, new Section(".strtab", 3, 0, stringBytes, stringBytes.length, 0, 0, 0));
        sections.set(2, new Section(".symtab", 2, 0, symbolBytes, symbolBytes.length, 1, 1, 24));
        int at = 64 + 64 * sections.size();
        int end = at;
        for (Section section : sections) {
            end += (section.contents.length + 7) / 8 * 8;
        }
        ByteBuffer b = ByteBuffer.allocate(end).order(ByteOrder.LITTLE_ENDIAN);
        b.put(new byte[] {0x7f, 'E', 'L', 'F', (byte) elfClass, (byte) data, 1}).position(16);
        b.order(data == 2 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        b.putShort((short) type)
                .putShort((short) machine)
                .putInt(1)
                .putLong(0)
                .putLong(0)
                .putLong(64)
                .putInt(0);
        b.putShort((short) 64).putShort((short) 0).putShort((short) 0).putShort((short) 64);
        b.putShort((short) sections.size()).putShort((short) 1);
        for (int i = 0; i < sections.size(); i++) {
            Section s = sections.get(i);
            b.position(64 + 64 * i);
            b.putInt(names[i])
                    .putInt(s.type)
                    .putLong(s.flags)
                    .putLong(0)
                    .putLong(i == 0 ? 0 : at)
                    .putLong(s.size);
            b.putInt(s.link).putInt(s.info).putLong(8).putLong(s.entry);
            b.position(at);
            b.put(s.contents);
            at += (s.contents.length + 7) / 8 * 8;
        }
        return b.array();
    }

    // ---- instructions

    static byte[] insns(long... slots) {
        ByteBuffer b = ByteBuffer.allocate(8 * slots.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long slot : slots) {
            b.putLong(slot);
        }
        return b.array();
    }

    static long insn(int code, int dst, int src, int off, int imm) {
        return code | dst << 8 | src << 12 | (off & 0xffffL) << 16 | (long) imm << 32;
    }

    static final long EXIT = 0x95;

    static long mov(int dst, int imm) {
        return insn(0xb7, dst, 0, 0, imm);
    }

    /** A call of a function, as compilers write it: imm counts slots from the next. */
    static long call(int imm) {
        return insn(0x85, 0, 1, 0, imm);
    }

    static long lddw(int dst, int imm) {
        return insn(0x18, dst, 0, 0, imm);
    }
}
