package dev.sluice.btf;

import java.util.List;

/**
 * One type of a {@link Btf} table: an immutable record that names other types by their id.
 *
 * <p>Names are empty where C has none (an anonymous struct). Sizes are in bytes, offsets of members in bits.
 */
public sealed interface BtfType {
    /** Id of this type in its table; 0 is {@code void}. */
    int id();

    BtfKind kind();

    /** The type's own name; empty for anonymous types and for kinds that have none. */
    default String name() {
        return "";
    }

    /** The absence of a type: what a {@code void *} points to. */
    record Void() implements BtfType {
        @Override
        public int id() {
            return 0;
        }

        @Override
        public BtfKind kind() {
            return BtfKind.VOID;
        }
    }

    /**
     * An integer.
     *
     * @param size bytes that it takes, 1 to 16
     * @param bits bits that count, 1 to 128
     * @param bitOffset of the first of them; not 0 only in tables of old compilers
     */
    record Int(int id, String name, int size, int bits, int bitOffset, boolean signed, boolean isChar, boolean isBool)
            implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.INT;
        }
    }

    /** A pointer of eight bytes. */
    record Ptr(int id, int target) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.PTR;
        }
    }

    /** @param count number of elements, 0 to 2^32 - 1; 0 is also a flexible array at the end of a struct */
    record Array(int id, int element, int index, long count) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.ARRAY;
        }
    }

    /** A struct or a union. */
    record Composite(int id, BtfKind kind, String name, int size, List<Member> members) implements BtfType {
        public boolean isUnion() {
            return kind == BtfKind.UNION;
        }
    }

    /**
     * A member of a struct or union.
     *
     * @param bitOffset from the start of the struct
     * @param bitfieldSize bits of a bit field; 0 for an ordinary member
     */
    record Member(String name, int type, int bitOffset, int bitfieldSize) {}

    /** An enumeration of either width. */
    record Enum(int id, BtfKind kind, String name, int size, boolean signed, List<Enumerator> enumerators)
            implements BtfType {}

    /** @param value sign-extended for a signed enumeration, zero-extended otherwise */
    record Enumerator(String name, long value) {}

    /** A struct or union that is declared but not defined. */
    record Fwd(int id, String name, boolean isUnion) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.FWD;
        }
    }

    /** A typedef (the name is the alias), a qualifier, or a type tag (the name is the tag). */
    record Modifier(int id, BtfKind kind, String name, int target) implements BtfType {}

    /** A function of the program or, with {@link #EXTERN}, of the kernel. */
    record Func(int id, String name, int proto, int linkage) implements BtfType {
        public static final int STATIC = 0;
        public static final int GLOBAL = 1;
        public static final int EXTERN = 2;

        @Override
        public BtfKind kind() {
            return BtfKind.FUNC;
        }
    }

    /** @param returns id of the type of the result, 0 for {@code void} */
    record FuncProto(int id, int returns, List<Param> params) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.FUNC_PROTO;
        }
    }

    /** A parameter; without a name and of type 0 it is the {@code ...} of a variadic function. */
    record Param(String name, int type) {}

    /** A variable. */
    record Var(int id, String name, int type, int linkage) implements BtfType {
        public static final int STATIC = 0;
        public static final int GLOBAL = 1;
        public static final int EXTERN = 2;

        @Override
        public BtfKind kind() {
            return BtfKind.VAR;
        }
    }

    /** The layout of an ELF section; compilers leave size and offsets 0 and loaders fill them in. */
    record DataSec(int id, String name, int size, List<SectionVar> vars) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.DATASEC;
        }
    }

    /**
     * A place in a section.
     *
     * @param var id of a {@link Var}, or of a {@link Func} in the section of the kernel's functions
     * @param offset bytes from the start of the section
     */
    record SectionVar(int var, int offset, int size) {}

    /** A floating point number of 2, 4, 8, 12 or 16 bytes. */
    record Float(int id, String name, int size) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.FLOAT;
        }
    }

    /** @param component index of the member or parameter that is tagged, -1 for the target itself */
    record DeclTag(int id, String name, int target, int component) implements BtfType {
        @Override
        public BtfKind kind() {
            return BtfKind.DECL_TAG;
        }
    }
}
