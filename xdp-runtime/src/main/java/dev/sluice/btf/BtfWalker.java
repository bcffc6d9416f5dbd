package dev.sluice.btf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Reads bytes as a value of a type and tells a {@link BtfVisitor} what it finds, in the order and by the rules of bpftool:
 * arrays of {@code char} are text where they look like it, enumerations are names where the number has one, bit fields are
 * bare bits. For one thread; nothing is kept of the bytes.
 */
public final class BtfWalker {
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int MOST_DEPTH = 64;
    /** Parts of a value besides one for each of its bits: more than any real type has, few enough to count to. */
    private static final long MOST_EMPTY_PARTS = 1 << 20;

    private final Btf btf;
    private final MemorySegment data;
    private final BtfVisitor visitor;
    private long budget;

    private BtfWalker(Btf btf, MemorySegment data, BtfVisitor visitor) {
        this.btf = btf;
        this.data = data;
        this.visitor = visitor;
        this.budget = MOST_EMPTY_PARTS + 8 * data.byteSize();
    }

    /**
     * Walks over a value.
     *
     * @param type id of the value's type; a {@code DATASEC} for all variables of a section
     * @param data starts with the value; a value that is longer than this is cut off with an exception
     * @throws BtfException if the type is malformed, or larger than {@code data}
     */
    public static void walk(Btf btf, int type, MemorySegment data, BtfVisitor visitor) {
        new BtfWalker(btf, data, visitor).value(type, 0, MOST_DEPTH);
    }

    /** As {@link #walk(Btf, int, MemorySegment, BtfVisitor)}. */
    public static void walk(Btf btf, int type, byte[] data, BtfVisitor visitor) {
        walk(btf, type, MemorySegment.ofArray(data), visitor);
    }

    private void value(int id, long bit, int depth) {
        if (depth == 0) {
            throw new BtfException("btf: type is nested deeper than " + MOST_DEPTH);
        }
        if (--budget < 0) {
            throw new BtfException("btf: type has more parts than its value has bits");
        }
        BtfType type = btf.resolve(id);
        if (bit % 8 != 0) {
            // old compilers give bit fields an offset and no size, and describe them as narrow integers
            bits(bit, type instanceof BtfType.Int i ? i.bits() : 8 * btf.sizeOf(id));
            return;
        }
        long at = bit / 8;
        switch (type) {
            case BtfType.Int t -> integer(t, at);
            case BtfType.Ptr t -> visitor.pointer(i64(at));
            case BtfType.Enum t -> enumeration(t, at);
            case BtfType.Float t -> floatingPoint(t, at);
            case BtfType.Array t -> array(t, at, depth);
            case BtfType.Composite t -> composite(t, bit, depth);
            case BtfType.Var t -> value(t.type(), bit, depth - 1);
            case BtfType.DataSec t -> section(t, depth);
            case BtfType.Void t -> visitor.unknown("void");
            case BtfType.Fwd t -> visitor.unknown(btf.describe(id));
            case BtfType.Func t -> visitor.unknown(btf.describe(id));
            case BtfType.FuncProto t -> visitor.unknown(btf.describe(id));
            case BtfType.DeclTag t -> visitor.unknown(btf.describe(id));
            case BtfType.Modifier t -> throw new AssertionError("resolved to a modifier: " + t);
        }
    }

    private void integer(BtfType.Int type, long at) {
        if (type.bitOffset() != 0 || type.bits() % 8 != 0 || (type.bits() & type.bits() - 1) != 0) {
            bits(at * 8 + type.bitOffset(), type.bits());
            return;
        }
        switch (type.bits()) {
            case 8 -> {
                byte value = i8(at);
                if (type.isBool()) {
                    visitor.bool(value != 0);
                } else if (type.isChar()) {
                    visitor.character(value);
                } else {
                    visitor.integer(type.signed() ? value : value & 0xff, type.signed());
                }
            }
            case 16 -> visitor.integer(type.signed() ? i16(at) : i16(at) & 0xffff, type.signed());
            case 32 -> visitor.integer(type.signed() ? i32(at) : Integer.toUnsignedLong(i32(at)), type.signed());
            case 64 -> visitor.integer(i64(at), type.signed());
            default -> visitor.wideInteger(i64(at + 8), i64(at), type.signed());
        }
    }

    private void bits(long from, int count) {
        if (count < 1 || count > 128) {
            throw new BtfException("btf: bit field of a wrong size: expected 1 to 128 bits, found bits=" + count);
        }
        long low = 0;
        long high = 0;
        for (int i = 0; i < count; i++) {
            long bit = i8((from + i) / 8) >> (from + i) % 8 & 1;
            if (i < 64) {
                low |= bit << i;
            } else {
                high |= bit << i;
            }
        }
        visitor.bitfield(high, low, count);
    }

    private void enumeration(BtfType.Enum type, long at) {
        long value = switch (type.size()) {
            case 1 -> type.signed() ? i8(at) : i8(at) & 0xff;
            case 2 -> type.signed() ? i16(at) : i16(at) & 0xffff;
            case 4 -> type.signed() ? i32(at) : Integer.toUnsignedLong(i32(at));
            default -> i64(at);
        };
        // compilers before LLVM 15 do not say whether an enumeration is signed
        for (BtfType.Enumerator enumerator : type.enumerators()) {
            if (enumerator.value() == value || (type.size() == 4 && (int) enumerator.value() == (int) value)) {
                visitor.enumerator(enumerator.name(), enumerator.value());
                return;
            }
        }
        visitor.enumerator("", value);
    }

    private void floatingPoint(BtfType.Float type, long at) {
        switch (type.size()) {
            case 2 -> visitor.floatingPoint(Float.float16ToFloat(i16(at)));
            case 4 -> visitor.floatingPoint(Float.intBitsToFloat(i32(at)));
            case 8 -> visitor.floatingPoint(Double.longBitsToDouble(i64(at)));
            default -> visitor.unknown(type.name());
        }
    }

    private void array(BtfType.Array type, long at, int depth) {
        if (isText(type, at)) {
            visitor.string(text(at));
            return;
        }
        visitor.beginArray();
        if (type.count() > 0) {
            int size = btf.sizeOf(type.element());
            for (long i = 0; i < type.count(); i++) {
                value(type.element(), 8 * (at + i * size), depth - 1);
            }
        }
        visitor.endArray();
    }

    /** A qualified {@code char}, not a typedef of it; with an end; printable up to there. */
    private boolean isText(BtfType.Array type, long at) {
        int element = type.element();
        for (int i = 0; i < MOST_DEPTH; i++) {
            BtfKind kind = btf.kindOf(element);
            if (kind == BtfKind.TYPEDEF || !kind.isModifier()) {
                break;
            }
            element = ((BtfType.Modifier) btf.type(element)).target();
        }
        if (!(btf.type(element) instanceof BtfType.Int character)
                || !character.name().equals("char")
                || character.size() != 1) {
            return false;
        }
        long end = Math.min(data.byteSize(), at + type.count());
        for (long i = at; i < end; i++) {
            byte c = i8(i);
            if (c == 0) {
                return true;
            }
            if (c < 0x20 || c == 0x7f) {
                return false;
            }
        }
        return false;
    }

    private String text(long at) {
        long end = at;
        while (i8(end) != 0) {
            end++;
        }
        return new String(data.asSlice(at, end - at).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII);
    }

    private void composite(BtfType.Composite type, long bit, int depth) {
        visitor.beginStruct();
        for (BtfType.Member member : type.members()) {
            visitor.member(member.name());
            long memberBit = bit + Integer.toUnsignedLong(member.bitOffset());
            if (member.bitfieldSize() > 0) {
                budget--;
                bits(memberBit, member.bitfieldSize());
            } else {
                value(member.type(), memberBit, depth - 1);
            }
        }
        visitor.endStruct();
    }

    private void section(BtfType.DataSec type, int depth) {
        visitor.beginStruct();
        visitor.member(type.name());
        visitor.beginArray();
        for (BtfType.SectionVar place : type.vars()) {
            visitor.beginStruct();
            visitor.member(btf.nameOf(place.var()));
            value(place.var(), 8L * place.offset(), depth - 1);
            visitor.endStruct();
        }
        visitor.endArray();
        visitor.endStruct();
    }

    private void check(long at, int size) {
        if (at < 0 || at > data.byteSize() - size) {
            throw new BtfException("btf: value is longer than its bytes: expected at least " + (at + size)
                    + " bytes, found size=" + data.byteSize());
        }
    }

    private byte i8(long at) {
        check(at, 1);
        return data.get(ValueLayout.JAVA_BYTE, at);
    }

    private short i16(long at) {
        check(at, 2);
        return data.get(I16, at);
    }

    private int i32(long at) {
        check(at, 4);
        return data.get(I32, at);
    }

    private long i64(long at) {
        check(at, 8);
        return data.get(I64, at);
    }
}
