package dev.sluice.btf;

/** The kind of a type, with the number that it has in a type's info word. */
public enum BtfKind {
    VOID(0, 0, 0),
    INT(1, 4, 0),
    PTR(2, 0, 0),
    ARRAY(3, 12, 0),
    STRUCT(4, 0, 12),
    UNION(5, 0, 12),
    ENUM(6, 0, 8),
    FWD(7, 0, 0),
    TYPEDEF(8, 0, 0),
    VOLATILE(9, 0, 0),
    CONST(10, 0, 0),
    RESTRICT(11, 0, 0),
    FUNC(12, 0, 0),
    FUNC_PROTO(13, 0, 8),
    VAR(14, 4, 0),
    DATASEC(15, 0, 12),
    FLOAT(16, 0, 0),
    DECL_TAG(17, 4, 0),
    TYPE_TAG(18, 0, 0),
    ENUM64(19, 0, 12);

    private static final BtfKind[] BY_NUMBER = values();

    /** Number in bits 24 to 28 of the info word. */
    final int number;

    /** Bytes that follow the twelve common ones whatever {@code vlen} is. */
    final int fixedBytes;

    /** Bytes that follow for each of the {@code vlen} members. */
    final int memberBytes;

    BtfKind(int number, int fixedBytes, int memberBytes) {
        this.number = number;
        this.fixedBytes = fixedBytes;
        this.memberBytes = memberBytes;
    }

    /** The number that the format uses, 0 to 19. */
    public int number() {
        return number;
    }

    /** Whether a type of this kind is a mere wrapper: {@code typedef}, a qualifier, or a type tag. */
    public boolean isModifier() {
        return this == TYPEDEF || this == VOLATILE || this == CONST || this == RESTRICT || this == TYPE_TAG;
    }

    /** Whether a type of this kind is an enumeration of either width. */
    public boolean isEnum() {
        return this == ENUM || this == ENUM64;
    }

    /** Whether a type of this kind has members at bit offsets. */
    public boolean isComposite() {
        return this == STRUCT || this == UNION;
    }

    static boolean isKnown(int number) {
        return number > 0 && number < BY_NUMBER.length;
    }

    static BtfKind of(int number) {
        return BY_NUMBER[number];
    }
}
