package dev.sluice.btf;

/**
 * Is told a value of a type, part by part, by a {@link BtfWalker}. What follows {@link #member} is that member's value;
 * what stands between {@link #beginArray} and {@link #endArray} are elements.
 */
public interface BtfVisitor {
    void beginStruct();

    /** @param name empty for an anonymous struct or union within a struct */
    void member(String name);

    void endStruct();

    void beginArray();

    void endArray();

    /**
     * An integer of at most 64 bits.
     *
     * @param value sign-extended if {@code signed}, else zero-extended
     * @param signed whether {@code value} is to be read as a signed number
     */
    void integer(long value, boolean signed);

    /** An integer of more than 64 bits, little end in {@code low}. */
    void wideInteger(long high, long low, boolean signed);

    /**
     * A member of some bits, whatever its type is.
     *
     * @param high bits above the 64th, 0 for nearly all
     * @param low not sign-extended
     */
    void bitfield(long high, long low, int bits);

    void bool(boolean value);

    /** An integer that compilers mark as a character, which clang does not do for {@code char}. */
    void character(byte value);

    /** An array of {@code char} that has an end and nothing but printable ASCII before it. */
    void string(String value);

    /** @param name empty if no enumerator has the value */
    void enumerator(String name, long value);

    void pointer(long value);

    void floatingPoint(double value);

    /**
     * Something that has no value.
     *
     * @param what the type as C writes it
     */
    void unknown(String what);
}
