package dev.sluice.btf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a table of types, from nothing or from another table whose ids and strings stay as they are.
 *
 * <p>The methods named after kinds append a type and return its id; ids may be used before the type that has them is
 * appended, {@link #build} checks them all. For one thread.
 */
public final class BtfBuilder {
    private byte[] types = new byte[256];
    private int typesLength;
    private int[] typeAt = new int[16];
    private int typeCount;
    private final ByteArrayOutputStream strings = new ByteArrayOutputStream();
    private final Map<String, Integer> stringOffsets = new HashMap<>();

    /** An empty table: the next type gets id 1. */
    public BtfBuilder() {
        strings.write(0);
        stringOffsets.put("", 0);
    }

    /**
     * Starts with all types of a table.
     *
     * @param btf a table that does not continue another one
     */
    public static BtfBuilder from(Btf btf) {
        if (btf.firstId() != 1) {
            throw new IllegalArgumentException("a table that continues another one cannot be changed");
        }
        BtfBuilder builder = new BtfBuilder();
        byte[] bytes = btf.bytes();
        int header = Bytes.i32(bytes, 4);
        int typesFrom = header + Bytes.i32(bytes, 8);
        int stringsFrom = header + Bytes.i32(bytes, 16);
        builder.types = Arrays.copyOfRange(bytes, typesFrom, typesFrom + Bytes.i32(bytes, 12));
        builder.typesLength = builder.types.length;
        builder.strings.reset();
        builder.strings.write(bytes, stringsFrom, Bytes.i32(bytes, 20));
        for (int at = 0; at < builder.typesLength; ) {
            builder.indexNext(at);
            int info = Bytes.i32(builder.types, at + 4);
            BtfKind kind = BtfKind.of(info >>> 24 & 0x1f);
            at += 12 + kind.fixedBytes + kind.memberBytes * (info & 0xffff);
        }
        return builder;
    }

    private void indexNext(int at) {
        if (typeCount == typeAt.length) {
            typeAt = Arrays.copyOf(typeAt, typeCount * 2);
        }
        typeAt[typeCount++] = at;
    }

    private int begin(BtfKind kind, String name, int vlen, boolean kflag, int sizeOrType) {
        if (vlen < 0 || vlen > 0xffff) {
            throw new IllegalArgumentException("a type has 0 to 65535 members: vlen=" + vlen);
        }
        indexNext(typesLength);
        u32(string(name));
        u32(kind.number << 24 | vlen | (kflag ? 1 << 31 : 0));
        u32(sizeOrType);
        return typeCount;
    }

    private void u32(int value) {
        if (typesLength + 4 > types.length) {
            types = Arrays.copyOf(types, Math.max(256, types.length * 2));
        }
        Bytes.i32(types, typesLength, value);
        typesLength += 4;
    }

    private int string(String text) {
        Integer known = stringOffsets.get(text);
        if (known != null) {
            return known;
        }
        int offset = strings.size();
        strings.writeBytes(text.getBytes(StandardCharsets.UTF_8));
        strings.write(0);
        stringOffsets.put(text, offset);
        return offset;
    }

    /** The id that the next appended type gets. */
    public int nextId() {
        return typeCount + 1;
    }

    /** @param size bytes, 1, 2, 4, 8 or 16 */
    public int integer(String name, int size, boolean signed) {
        return integer(name, size, signed ? 1 : 0);
    }

    /** {@code _Bool}. */
    public int bool(String name) {
        return integer(name, 1, 4);
    }

    private int integer(String name, int size, int encoding) {
        int id = begin(BtfKind.INT, name, 0, false, size);
        u32(encoding << 24 | size * 8);
        return id;
    }

    public int pointer(int target) {
        return begin(BtfKind.PTR, "", 0, false, target);
    }

    /** @param index id of an integer type: what the elements are counted in */
    public int array(int element, int index, int count) {
        int id = begin(BtfKind.ARRAY, "", 0, false, 0);
        u32(element);
        u32(index);
        u32(count);
        return id;
    }

    /** @param size of the whole struct, bytes */
    public int struct(String name, int size, List<BtfType.Member> members) {
        return composite(BtfKind.STRUCT, name, size, members);
    }

    public int union(String name, int size, List<BtfType.Member> members) {
        return composite(BtfKind.UNION, name, size, members);
    }

    private int composite(BtfKind kind, String name, int size, List<BtfType.Member> members) {
        boolean kflag = members.stream().anyMatch(m -> m.bitfieldSize() != 0);
        int id = begin(kind, name, members.size(), kflag, size);
        for (BtfType.Member member : members) {
            u32(string(member.name()));
            u32(member.type());
            u32(kflag ? member.bitfieldSize() << 24 | member.bitOffset() : member.bitOffset());
        }
        return id;
    }

    /** @param size 1, 2, 4 or 8 bytes; with 8, values of 64 bits are kept */
    public int enumeration(String name, int size, boolean signed, List<BtfType.Enumerator> enumerators) {
        BtfKind kind = size == 8 ? BtfKind.ENUM64 : BtfKind.ENUM;
        int id = begin(kind, name, enumerators.size(), signed, size);
        for (BtfType.Enumerator enumerator : enumerators) {
            u32(string(enumerator.name()));
            u32((int) enumerator.value());
            if (kind == BtfKind.ENUM64) {
                u32((int) (enumerator.value() >>> 32));
            }
        }
        return id;
    }

    public int forward(String name, boolean union) {
        return begin(BtfKind.FWD, name, 0, union, 0);
    }

    public int typedef(String name, int target) {
        return begin(BtfKind.TYPEDEF, name, 0, false, target);
    }

    /** @param kind {@code VOLATILE}, {@code CONST} or {@code RESTRICT} */
    public int qualifier(BtfKind kind, int target) {
        if (kind != BtfKind.VOLATILE && kind != BtfKind.CONST && kind != BtfKind.RESTRICT) {
            throw new IllegalArgumentException("not a qualifier: kind=" + kind);
        }
        return begin(kind, "", 0, false, target);
    }

    public int typeTag(String tag, int target) {
        return begin(BtfKind.TYPE_TAG, tag, 0, false, target);
    }

    /** @param component index of the member or parameter, -1 for the target itself */
    public int declTag(String tag, int target, int component) {
        int id = begin(BtfKind.DECL_TAG, tag, 0, false, target);
        u32(component);
        return id;
    }

    public int functionPrototype(int returns, List<BtfType.Param> params) {
        int id = begin(BtfKind.FUNC_PROTO, "", params.size(), false, returns);
        for (BtfType.Param param : params) {
            u32(string(param.name()));
            u32(param.type());
        }
        return id;
    }

    /** @param linkage one of {@link BtfType.Func}'s constants */
    public int function(String name, int prototype, int linkage) {
        return begin(BtfKind.FUNC, name, linkage, false, prototype);
    }

    /** @param linkage one of {@link BtfType.Var}'s constants */
    public int variable(String name, int type, int linkage) {
        int id = begin(BtfKind.VAR, name, 0, false, type);
        u32(linkage);
        return id;
    }

    public int floatingPoint(String name, int size) {
        return begin(BtfKind.FLOAT, name, 0, false, size);
    }

    public int dataSection(String name, int size, List<BtfType.SectionVar> vars) {
        int id = begin(BtfKind.DATASEC, name, vars.size(), false, size);
        sectionVars(typesLength, vars, true);
        return id;
    }

    private void sectionVars(int at, List<BtfType.SectionVar> vars, boolean append) {
        for (BtfType.SectionVar var : vars) {
            if (append) {
                u32(0);
                u32(0);
                u32(0);
            }
            Bytes.i32(types, at, var.var());
            Bytes.i32(types, at + 4, var.offset());
            Bytes.i32(types, at + 8, var.size());
            at += 12;
        }
    }

    /**
     * Gives a section, as a compiler left it, its real size and layout.
     *
     * @param vars as many as the section has now
     */
    public void replaceDataSection(int id, int size, List<BtfType.SectionVar> vars) {
        int at = existing(id, BtfKind.DATASEC);
        if ((Bytes.i32(types, at + 4) & 0xffff) != vars.size()) {
            throw new IllegalArgumentException("a section keeps its number of variables: id=" + id);
        }
        Bytes.i32(types, at + 8, size);
        sectionVars(at + 12, vars, false);
    }

    /** Gives a variable another type and linkage. */
    public void replaceVariable(int id, int type, int linkage) {
        int at = existing(id, BtfKind.VAR);
        Bytes.i32(types, at + 8, type);
        Bytes.i32(types, at + 12, linkage);
    }

    /** Gives a function another linkage. */
    public void replaceFunctionLinkage(int id, int linkage) {
        int at = existing(id, BtfKind.FUNC);
        Bytes.i32(types, at + 4, BtfKind.FUNC.number << 24 | linkage);
    }

    /** Names the parameters that have none, as the kernel demands of functions: {@code arg0}, {@code arg1} and so on. */
    public void nameParameters(int prototype) {
        int at = existing(prototype, BtfKind.FUNC_PROTO);
        int count = Bytes.i32(types, at + 4) & 0xffff;
        for (int i = 0; i < count; i++) {
            int param = at + 12 + 8 * i;
            if (Bytes.i32(types, param) == 0 && Bytes.i32(types, param + 4) != 0) {
                Bytes.i32(types, param, string("arg" + i));
            }
        }
    }

    private int existing(int id, BtfKind kind) {
        if (id < 1 || id > typeCount) {
            throw new IllegalArgumentException("no such type: id=" + id);
        }
        int at = typeAt[id - 1];
        int number = Bytes.i32(types, at + 4) >>> 24 & 0x1f;
        if (number != kind.number) {
            throw new IllegalArgumentException("expected a " + kind + ", found " + BtfKind.of(number) + ": id=" + id);
        }
        return at;
    }

    /**
     * The table as bytes.
     *
     * @throws BtfException if a type refers to one that was not appended, or breaks another rule of the format
     */
    public Btf build() {
        byte[] bytes = new byte[24 + typesLength + strings.size()];
        bytes[0] = (byte) 0x9f;
        bytes[1] = (byte) 0xeb;
        bytes[2] = 1;
        Bytes.i32(bytes, 4, 24);
        Bytes.i32(bytes, 8, 0);
        Bytes.i32(bytes, 12, typesLength);
        Bytes.i32(bytes, 16, typesLength);
        Bytes.i32(bytes, 20, strings.size());
        System.arraycopy(types, 0, bytes, 24, typesLength);
        System.arraycopy(strings.toByteArray(), 0, bytes, 24 + typesLength, strings.size());
        return Btf.own(bytes);
    }
}
