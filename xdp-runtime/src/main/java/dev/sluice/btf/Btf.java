package dev.sluice.btf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table of types, as a {@code .BTF} section or {@code /sys/kernel/btf/vmlinux} has it.
 *
 * <p>{@link #parse} checks every record of the table against its bounds and builds none of them; {@link #type} builds a
 * record when it is first asked for (the kernel's table has more than 100,000). Immutable and safe to share between
 * threads; two tables of the same bytes are equal.
 */
public final class Btf {
    private static final List<BtfKind> VALUE_KINDS =
            List.of(BtfKind.STRUCT, BtfKind.UNION, BtfKind.TYPEDEF, BtfKind.ENUM, BtfKind.ENUM64, BtfKind.INT);

    /** As long as a chain of typedefs, qualifiers and array dimensions may get before it counts as a loop. */
    private static final int MAX_CHAIN = 64;

    /** Bytes that the name of a type or member may have; the kernel allows 511. */
    private static final int MAX_NAME_BYTES = 4096;

    private static final int MAGIC = 0xeb9f;
    private static final int HEADER_BYTES = 24;
    private static final int COMMON_BYTES = 12;
    private static final int POINTER_BYTES = 8;
    private static final BtfType VOID = new BtfType.Void();

    private final byte[] bytes;
    private final @Nullable Btf base;
    private final int firstId;
    private final int firstString;
    private final int stringsAt;
    private final int stringsLength;
    /** Where type {@code firstId + i} starts in {@code bytes}. */
    private final int[] typeAt;
    /** Filled on demand; a lost race builds an equal record twice. */
    private final @Nullable BtfType[] types;

    /**
     * Reads a table.
     *
     * @throws BtfException if the bytes are not a whole, little-endian table of known kinds
     */
    public static Btf parse(byte[] bytes) {
        return new Btf(bytes.clone(), null);
    }

    /**
     * Reads a table that continues another one, as kernel modules have it: ids and strings count on from the base's.
     *
     * @throws BtfException as {@link #parse(byte[])}
     */
    public static Btf parseSplit(byte[] bytes, Btf base) {
        return new Btf(bytes.clone(), base);
    }

    /** Takes the bytes as they are: nobody else may hold them. */
    static Btf own(byte[] bytes) {
        return new Btf(bytes, null);
    }

    private Btf(byte[] bytes, @Nullable Btf base) {
        this.bytes = bytes;
        this.base = base;
        this.firstId = base == null ? 1 : base.endId();
        this.firstString = base == null ? 0 : base.endString();
        if (bytes.length < HEADER_BYTES) {
            throw new BtfException("btf: too short for a header: expected at least " + HEADER_BYTES
                    + " bytes, found size=" + bytes.length);
        }
        checkMagic("btf", bytes);
        long headerLength = Integer.toUnsignedLong(Bytes.i32(bytes, 4));
        if (headerLength < HEADER_BYTES || headerLength > bytes.length) {
            throw new BtfException("btf: header length out of range: expected " + HEADER_BYTES + " to " + bytes.length
                    + ", found hdr_len=" + headerLength);
        }
        int typesAt = section("type", headerLength, 8);
        int typesLength = Bytes.i32(bytes, 12);
        if (Bytes.i32(bytes, 8) % 4 != 0) {
            throw new BtfException("btf: type section is not aligned to 4 bytes: type_off=" + Bytes.i32(bytes, 8));
        }
        this.stringsAt = section("string", headerLength, 16);
        this.stringsLength = Bytes.i32(bytes, 20);
        if (stringsLength == 0 && base == null) {
            throw new BtfException("btf: string section is empty: expected at least the empty string");
        }
        if (stringsLength > 0) {
            if (base == null && bytes[stringsAt] != 0) {
                throw new BtfException("btf: string section does not start with the empty string");
            }
            if (bytes[stringsAt + stringsLength - 1] != 0) {
                throw new BtfException("btf: last string has no end: expected a zero byte");
            }
        }
        this.typeAt = index(typesAt, typesLength);
        this.types = new BtfType[typeAt.length];
        for (int at : typeAt) {
            check(at);
        }
    }

    static void checkMagic(String what, byte[] bytes) {
        int magic = Bytes.u16(bytes, 0);
        if (magic == Integer.reverseBytes(MAGIC) >>> 16) {
            throw new BtfException(what + ": big-endian data is not supported: expected magic 0xeb9f, found 0x9feb");
        }
        if (magic != MAGIC) {
            throw new BtfException(what + ": wrong magic: expected 0xeb9f, found 0x" + Integer.toHexString(magic));
        }
        if (bytes[2] != 1) {
            throw new BtfException(what + ": unsupported version: expected 1, found version=" + (bytes[2] & 0xff));
        }
    }

    private int section(String what, long headerLength, int at) {
        long offset = headerLength + Integer.toUnsignedLong(Bytes.i32(bytes, at));
        long length = Integer.toUnsignedLong(Bytes.i32(bytes, at + 4));
        if (offset + length > bytes.length) {
            throw new BtfException("btf: " + what + " section reaches beyond the end: offset=" + offset + " length="
                    + length + " size=" + bytes.length);
        }
        return (int) offset;
    }

    private int[] index(int from, int length) {
        int end = from + length;
        int[] found = new int[Math.min(length / COMMON_BYTES, 1 << 17)];
        int count = 0;
        for (int at = from; at < end; ) {
            int id = firstId + count;
            if (end - at < COMMON_BYTES) {
                throw new BtfException("btf: type is cut off: id=" + id + " offset=" + (at - from));
            }
            int info = Bytes.i32(bytes, at + 4);
            int kindNumber = info >>> 24 & 0x1f;
            if (!BtfKind.isKnown(kindNumber)) {
                throw new BtfException(
                        "btf: unknown kind of type: expected 1 to 19, found kind=" + kindNumber + " id=" + id);
            }
            BtfKind kind = BtfKind.of(kindNumber);
            int size = COMMON_BYTES + kind.fixedBytes + kind.memberBytes * (info & 0xffff);
            if (end - at < size) {
                throw new BtfException("btf: type is cut off: id=" + id + " kind=" + kind + " offset=" + (at - from)
                        + " size=" + size);
            }
            if (count == found.length) {
                found = Arrays.copyOf(found, count + (count >> 1) + 16);
            }
            found[count++] = at;
            at += size;
        }
        return Arrays.copyOf(found, count);
    }

    /** Holds the record at {@code at} to what building it, and following its ids, relies on. */
    private void check(int at) {
        BtfKind kind = kindAt(at);
        int vlen = vlenAt(at);
        int sizeOrType = Bytes.i32(bytes, at + 8);
        int more = at + COMMON_BYTES;
        checkName(at, Bytes.i32(bytes, at));
        switch (kind) {
            case VOID -> throw new AssertionError("a record of kind 0 was indexed");
            case INT -> {
                int encoding = Bytes.i32(bytes, more);
                int bits = encoding & 0xff;
                int offset = encoding >>> 16 & 0xff;
                if (sizeOrType < 1 || sizeOrType > 16 || bits < 1 || bits > 128 || offset + bits > sizeOrType * 8) {
                    throw bad(
                            at,
                            "integer does not fit its size: size=" + Integer.toUnsignedString(sizeOrType) + " bits="
                                    + bits + " offset=" + offset);
                }
            }
            case PTR, TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG -> checkId(at, sizeOrType);
            case FUNC -> {
                checkId(at, sizeOrType);
                if (kindOf(sizeOrType) != BtfKind.FUNC_PROTO) {
                    throw bad(at, "expected the type of a function to be a prototype, found type=" + sizeOrType);
                }
            }
            case VAR, DECL_TAG -> checkId(at, sizeOrType);
            case ARRAY -> {
                checkId(at, Bytes.i32(bytes, more));
                checkId(at, Bytes.i32(bytes, more + 4));
            }
            case STRUCT, UNION -> {
                checkSize(at, sizeOrType);
                for (int i = 0; i < vlen; i++) {
                    checkName(at, Bytes.i32(bytes, more + 12 * i));
                    checkId(at, Bytes.i32(bytes, more + 12 * i + 4));
                }
            }
            case ENUM, ENUM64 -> {
                if (sizeOrType != 1 && sizeOrType != 2 && sizeOrType != 4 && sizeOrType != 8) {
                    throw bad(
                            at,
                            "expected an enumeration of 1, 2, 4 or 8 bytes, found size="
                                    + Integer.toUnsignedString(sizeOrType));
                }
                for (int i = 0; i < vlen; i++) {
                    checkName(at, Bytes.i32(bytes, more + kind.memberBytes * i));
                }
            }
            case FWD -> {}
            case FUNC_PROTO -> {
                checkId(at, sizeOrType);
                for (int i = 0; i < vlen; i++) {
                    checkName(at, Bytes.i32(bytes, more + 8 * i));
                    checkId(at, Bytes.i32(bytes, more + 8 * i + 4));
                }
            }
            case DATASEC -> {
                checkSize(at, sizeOrType);
                for (int i = 0; i < vlen; i++) {
                    int var = Bytes.i32(bytes, more + 12 * i);
                    checkId(at, var);
                    checkSize(at, Bytes.i32(bytes, more + 12 * i + 4));
                    checkSize(at, Bytes.i32(bytes, more + 12 * i + 8));
                    BtfKind member = kindOf(var);
                    if (member != BtfKind.VAR && member != BtfKind.FUNC) {
                        throw bad(
                                at,
                                "expected a section of variables or functions, found type=" + var + " kind=" + member);
                    }
                }
            }
            case FLOAT -> {
                if (sizeOrType < 1 || sizeOrType > 16) {
                    throw bad(
                            at,
                            "expected a float of 2 to 16 bytes, found size=" + Integer.toUnsignedString(sizeOrType));
                }
            }
        }
    }

    private void checkName(int at, int offset) {
        if (Integer.compareUnsigned(offset, firstString + stringsLength) >= 0) {
            throw bad(
                    at,
                    "name lies outside of the strings: name_off=" + Integer.toUnsignedString(offset) + " str_len="
                            + stringsLength);
        }
    }

    private void checkId(int at, int id) {
        if (Integer.compareUnsigned(id, endId()) >= 0) {
            throw bad(
                    at,
                    "refers to a type that does not exist: expected 0 to " + (endId() - 1) + ", found type="
                            + Integer.toUnsignedString(id));
        }
    }

    private void checkSize(int at, int size) {
        if (size < 0) {
            throw bad(at, "size or offset of 2 GB or more: found " + Integer.toUnsignedString(size));
        }
    }

    private BtfException bad(int at, String message) {
        int index = Arrays.binarySearch(typeAt, at);
        return new BtfException("btf: " + kindAt(at) + " id=" + (firstId + index) + ": " + message);
    }

    private BtfKind kindAt(int at) {
        return BtfKind.of(Bytes.i32(bytes, at + 4) >>> 24 & 0x1f);
    }

    private int vlenAt(int at) {
        return Bytes.u16(bytes, at + 4);
    }

    private boolean kflagAt(int at) {
        return Bytes.i32(bytes, at + 4) < 0;
    }

    /** One more than the greatest id: ids run from 0 ({@code void}) to this. */
    public int endId() {
        return firstId + typeAt.length;
    }

    /** One more than the greatest string offset. */
    private int endString() {
        return firstString + stringsLength;
    }

    /** The smallest id of this table's own types: 1, or more for a table that continues another one. */
    public int firstId() {
        return firstId;
    }

    /** A copy of the bytes that were read: what the kernel's {@code BPF_BTF_LOAD} takes. */
    public byte[] bytes() {
        return bytes.clone();
    }

    /** Number of {@link #bytes()}. */
    public int byteCount() {
        return bytes.length;
    }

    /**
     * The kind of a type, without building it.
     *
     * @throws BtfException if there is no such id
     */
    public BtfKind kindOf(int id) {
        if (id == 0) {
            return BtfKind.VOID;
        }
        if (base != null && id > 0 && id < firstId) {
            return base.kindOf(id);
        }
        return kindAt(at(id));
    }

    private int at(int id) {
        int index = id - firstId;
        if (id < 0 || index < 0 || index >= typeAt.length) {
            throw new BtfException("btf: no such type: expected 0 to " + (endId() - 1) + ", found type="
                    + Integer.toUnsignedString(id));
        }
        return typeAt[index];
    }

    /**
     * The type with this id.
     *
     * @throws BtfException if there is none
     */
    public BtfType type(int id) {
        if (id == 0) {
            return VOID;
        }
        if (base != null && id > 0 && id < firstId) {
            return base.type(id);
        }
        int at = at(id);
        BtfType known = types[id - firstId];
        if (known == null) {
            known = build(id, at);
            types[id - firstId] = known;
        }
        return known;
    }

    private BtfType build(int id, int at) {
        BtfKind kind = kindAt(at);
        int vlen = vlenAt(at);
        boolean kflag = kflagAt(at);
        int sizeOrType = Bytes.i32(bytes, at + 8);
        int more = at + COMMON_BYTES;
        String name = name(Bytes.i32(bytes, at));
        return switch (kind) {
            case VOID -> throw new AssertionError("a record of kind 0 was indexed");
            case INT -> {
                int encoding = Bytes.i32(bytes, more);
                int flags = encoding >>> 24;
                yield new BtfType.Int(
                        id,
                        name,
                        sizeOrType,
                        encoding & 0xff,
                        encoding >>> 16 & 0xff,
                        (flags & 1) != 0,
                        (flags & 2) != 0,
                        (flags & 4) != 0);
            }
            case PTR -> new BtfType.Ptr(id, sizeOrType);
            case ARRAY ->
                new BtfType.Array(
                        id,
                        Bytes.i32(bytes, more),
                        Bytes.i32(bytes, more + 4),
                        Integer.toUnsignedLong(Bytes.i32(bytes, more + 8)));
            case STRUCT, UNION -> new BtfType.Composite(id, kind, name, sizeOrType, members(more, vlen, kflag));
            case ENUM, ENUM64 ->
                new BtfType.Enum(id, kind, name, sizeOrType, kflag, enumerators(kind, more, vlen, kflag));
            case FWD -> new BtfType.Fwd(id, name, kflag);
            case TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG -> new BtfType.Modifier(id, kind, name, sizeOrType);
            case FUNC -> new BtfType.Func(id, name, sizeOrType, vlen);
            case FUNC_PROTO -> new BtfType.FuncProto(id, sizeOrType, params(more, vlen));
            case VAR -> new BtfType.Var(id, name, sizeOrType, Bytes.i32(bytes, more));
            case DATASEC -> new BtfType.DataSec(id, name, sizeOrType, sectionVars(more, vlen));
            case FLOAT -> new BtfType.Float(id, name, sizeOrType);
            case DECL_TAG -> new BtfType.DeclTag(id, name, sizeOrType, Bytes.i32(bytes, more));
        };
    }

    private List<BtfType.Member> members(int from, int count, boolean kflag) {
        List<BtfType.Member> members = new ArrayList<>(count);
        for (int at = from; at < from + 12 * count; at += 12) {
            int offset = Bytes.i32(bytes, at + 8);
            members.add(new BtfType.Member(
                    name(Bytes.i32(bytes, at)),
                    Bytes.i32(bytes, at + 4),
                    kflag ? offset & 0xff_ffff : offset,
                    kflag ? offset >>> 24 : 0));
        }
        return List.copyOf(members);
    }

    private List<BtfType.Enumerator> enumerators(BtfKind kind, int from, int count, boolean signed) {
        List<BtfType.Enumerator> found = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int at = from + kind.memberBytes * i;
            int low = Bytes.i32(bytes, at + 4);
            long value = kind == BtfKind.ENUM64
                    ? Integer.toUnsignedLong(low) | (long) Bytes.i32(bytes, at + 8) << 32
                    : signed ? low : Integer.toUnsignedLong(low);
            found.add(new BtfType.Enumerator(name(Bytes.i32(bytes, at)), value));
        }
        return List.copyOf(found);
    }

    private List<BtfType.Param> params(int from, int count) {
        List<BtfType.Param> params = new ArrayList<>(count);
        for (int at = from; at < from + 8 * count; at += 8) {
            params.add(new BtfType.Param(name(Bytes.i32(bytes, at)), Bytes.i32(bytes, at + 4)));
        }
        return List.copyOf(params);
    }

    private List<BtfType.SectionVar> sectionVars(int from, int count) {
        List<BtfType.SectionVar> vars = new ArrayList<>(count);
        for (int at = from; at < from + 12 * count; at += 12) {
            vars.add(new BtfType.SectionVar(Bytes.i32(bytes, at), Bytes.i32(bytes, at + 4), Bytes.i32(bytes, at + 8)));
        }
        return List.copyOf(vars);
    }

    private String name(int offset) {
        return string(offset, MAX_NAME_BYTES);
    }

    /**
     * The string at an offset of the string section.
     *
     * @throws BtfException if the offset lies outside of it
     */
    public String string(int offset) {
        return string(offset, Integer.MAX_VALUE);
    }

    private String string(int offset, int mostBytes) {
        if (base != null && offset >= 0 && offset < firstString) {
            return base.string(offset, mostBytes);
        }
        int local = offset - firstString;
        if (offset < 0 || local >= stringsLength) {
            if (offset == 0) {
                return "";
            }
            throw new BtfException("btf: no such string: expected an offset below " + endString() + ", found offset="
                    + Integer.toUnsignedString(offset));
        }
        int start = stringsAt + local;
        int end = start;
        while (bytes[end] != 0) {
            end++;
        }
        if (end - start > mostBytes) {
            throw new BtfException("btf: name is too long: expected at most " + mostBytes + " bytes, found length="
                    + (end - start) + " offset=" + offset);
        }
        return start == end ? "" : new String(bytes, start, end - start, StandardCharsets.UTF_8);
    }

    /** Offset of the type's name in the strings, for comparing names without building records. */
    private boolean nameEquals(int id, byte[] name) {
        int offset = Bytes.i32(bytes, at(id));
        if (offset < firstString) {
            return base != null && base.stringEquals(offset, name);
        }
        return stringEquals(offset, name);
    }

    private boolean stringEquals(int offset, byte[] wanted) {
        int start = stringsAt + offset - firstString;
        int end = stringsAt + stringsLength;
        if (end - start <= wanted.length || bytes[start + wanted.length] != 0) {
            return false;
        }
        return Arrays.equals(bytes, start, start + wanted.length, wanted, 0, wanted.length);
    }

    /** The name of a type without building its record; as {@link BtfType#name()}. */
    public String nameOf(int id) {
        if (id == 0) {
            return "";
        }
        if (base != null && id > 0 && id < firstId) {
            return base.nameOf(id);
        }
        return name(Bytes.i32(bytes, at(id)));
    }

    /**
     * The first type of a kind with this name, the base's first.
     *
     * @return its id, or 0 if there is none
     */
    public int find(BtfKind kind, String name) {
        if (base != null) {
            int found = base.find(kind, name);
            if (found != 0) {
                return found;
            }
        }
        byte[] wanted = name.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < typeAt.length; i++) {
            if (kindAt(typeAt[i]) == kind && nameEquals(firstId + i, wanted)) {
                return firstId + i;
            }
        }
        return 0;
    }

    /**
     * The type with a name that a program can use for a variable: a struct, a union, a typedef, an enum, an integer type.
     *
     * @return its id, or 0 if there is none
     */
    public int findNamed(String name) {
        for (BtfKind kind : VALUE_KINDS) {
            int id = find(kind, name);
            if (id != 0) {
                return id;
            }
        }
        return 0;
    }

    /**
     * The types with this name, or with this name before three underscores, base first: {@code sk_buff}, {@code
     * sk_buff___old}.
     *
     * @return their ids, in order
     */
    public List<Integer> findFlavours(String name) {
        List<Integer> found = base == null ? new ArrayList<>() : base.findFlavours(name);
        byte[] wanted = name.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < typeAt.length; i++) {
            int offset = Bytes.i32(bytes, typeAt[i]);
            boolean matches = offset < firstString
                    ? base != null && base.stringHasFlavour(offset, wanted)
                    : stringHasFlavour(offset, wanted);
            if (matches) {
                found.add(firstId + i);
            }
        }
        return found;
    }

    private boolean stringHasFlavour(int offset, byte[] wanted) {
        if (offset < firstString) {
            return base != null && base.stringHasFlavour(offset, wanted);
        }
        int start = stringsAt + offset - firstString;
        int end = start + wanted.length;
        int limit = stringsAt + stringsLength;
        // mostly the first byte differs already
        if (end >= limit
                || wanted.length == 0
                || bytes[start] != wanted[0]
                || !Arrays.equals(bytes, start, end, wanted, 0, wanted.length)) {
            return false;
        }
        return bytes[end] == 0
                || (end + 3 < limit && bytes[end] == '_' && bytes[end + 1] == '_' && bytes[end + 2] == '_');
    }

    /**
     * The type behind typedefs, qualifiers and type tags.
     *
     * @throws BtfException if there is no such id, or the chain is a loop
     */
    public BtfType resolve(int id) {
        return type(resolveId(id));
    }

    /** As {@link #resolve}, but only the id. */
    public int resolveId(int id) {
        int current = id;
        for (int i = 0; i < MAX_CHAIN; i++) {
            if (!kindOf(current).isModifier()) {
                return current;
            }
            current = ((BtfType.Modifier) type(current)).target();
        }
        throw new BtfException(
                "btf: chain of typedefs and qualifiers is a loop or longer than " + MAX_CHAIN + ": type=" + id);
    }

    /**
     * Size of a value of a type.
     *
     * @return bytes, 0 to 2^31 - 1
     * @throws BtfException if the type has no size (void, a function, an undefined struct) or its size is out of range
     */
    public int sizeOf(int id) {
        long count = 1;
        int current = id;
        for (int i = 0; i < MAX_CHAIN; i++) {
            BtfType type = type(current);
            long size;
            switch (type) {
                case BtfType.Modifier m -> {
                    current = m.target();
                    continue;
                }
                case BtfType.Var v -> {
                    current = v.type();
                    continue;
                }
                case BtfType.Array a -> {
                    // both factors stay below 2^32, so the product cannot wrap unnoticed
                    count *= a.count();
                    if (count > Integer.MAX_VALUE) {
                        throw new BtfException("btf: array of 2 GB or more: type=" + id);
                    }
                    current = a.element();
                    continue;
                }
                case BtfType.Int t -> size = t.size();
                case BtfType.Composite t -> size = t.size();
                case BtfType.Enum t -> size = t.size();
                case BtfType.Float t -> size = t.size();
                case BtfType.DataSec t -> size = t.size();
                case BtfType.Ptr p -> size = POINTER_BYTES;
                case BtfType.Void v -> throw noSize(id, type);
                case BtfType.Fwd f -> throw noSize(id, type);
                case BtfType.Func f -> throw noSize(id, type);
                case BtfType.FuncProto f -> throw noSize(id, type);
                case BtfType.DeclTag t -> throw noSize(id, type);
            }
            if (count * size > Integer.MAX_VALUE) {
                throw new BtfException("btf: array of 2 GB or more: type=" + id);
            }
            return (int) (count * size);
        }
        throw new BtfException("btf: type contains itself, or is nested deeper than " + MAX_CHAIN + ": type=" + id);
    }

    private static BtfException noSize(int id, BtfType type) {
        return new BtfException("btf: type has no size: type=" + id + " kind=" + type.kind()
                + (type.name().isEmpty() ? "" : " name=" + type.name()));
    }

    /**
     * The type's name as a C programmer writes it: {@code struct flow_key}, {@code __u32}, {@code char[16]},
     * {@code const struct iphdr *}.
     *
     * @throws BtfException if there is no such id
     */
    public String describe(int id) {
        return describe(id, MAX_CHAIN);
    }

    private String describe(int id, int depth) {
        if (depth == 0) {
            return "...";
        }
        BtfType type = type(id);
        return switch (type) {
            case BtfType.Void v -> "void";
            case BtfType.Int t -> t.name();
            case BtfType.Float t -> t.name();
            case BtfType.Ptr p -> {
                String target = describe(p.target(), depth - 1);
                yield target.endsWith("*") ? target + "*" : target + " *";
            }
            case BtfType.Array a -> {
                String element = describe(a.element(), depth - 1);
                // int[2][3]: the outer dimension is written first
                int bracket = element.indexOf('[');
                yield bracket < 0
                        ? element + "[" + a.count() + "]"
                        : element.substring(0, bracket) + "[" + a.count() + "]" + element.substring(bracket);
            }
            case BtfType.Composite t -> (t.isUnion() ? "union " : "struct ") + orAnonymous(t.name());
            case BtfType.Fwd t -> (t.isUnion() ? "union " : "struct ") + t.name();
            case BtfType.Enum t -> "enum " + orAnonymous(t.name());
            case BtfType.Modifier m ->
                switch (m.kind()) {
                    case TYPEDEF -> m.name();
                    case CONST -> "const " + describe(m.target(), depth - 1);
                    case VOLATILE -> "volatile " + describe(m.target(), depth - 1);
                    default -> describe(m.target(), depth - 1);
                };
            case BtfType.Func f -> f.name();
            case BtfType.FuncProto p -> "function";
            case BtfType.Var v -> v.name();
            case BtfType.DataSec s -> s.name();
            case BtfType.DeclTag t -> t.name();
        };
    }

    private static String orAnonymous(String name) {
        return name.isEmpty() ? "(anonymous)" : name;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Btf that
                && Arrays.equals(bytes, that.bytes)
                && (base == null ? that.base == null : base.equals(that.base));
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return "Btf[types=" + typeAt.length + ", strings=" + stringsLength + " bytes]";
    }
}
