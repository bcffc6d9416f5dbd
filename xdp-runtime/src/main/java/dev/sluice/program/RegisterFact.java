package dev.sluice.program;

/**
 * What holds of a register just before an instruction, each time that it is executed. Immutable.
 *
 * @param kind what the register holds
 * @param nonNull whether a pointer is never NULL; false for numbers
 * @param map MAP, MAP_VALUE and MAP_KEY: the map's index, in the order of the object's maps; -1 where it is an inner map or not
 *     always the same
 * @param ownFrame STACK: whether it points into the frame of the function that executes the instruction
 * @param minOffset the least distance from where its memory begins, in bytes; for STACK from r10 of its frame, negative
 * @param maxOffset the greatest; {@link Long#MAX_VALUE} where none is known
 * @param range SCALAR: its bits and bounds; for other kinds {@link Range#ANY}
 */
public record RegisterFact(
        Kind kind, boolean nonNull, int map, boolean ownFrame, long minOffset, long maxOffset, Range range) {
    /** What a register holds. */
    public enum Kind {
        /** Nothing is known: not an operand, dead code, or different things on different paths. */
        ANY,
        /** A number. */
        SCALAR,
        /** The context. */
        CTX,
        /** Into the packet. */
        PACKET,
        /** Into the packet's metadata. */
        PACKET_META,
        /** The end of the packet. */
        PACKET_END,
        /** Into the stack frame of a function. */
        STACK,
        /** A map. */
        MAP,
        /** Into a value of a map. */
        MAP_VALUE,
        /** Into a key of a map, as callbacks get it. */
        MAP_KEY,
        /** Into memory of a known size: of a ring buffer, of a global function's argument, a slice. */
        MEMORY,
        /** A function of the program. */
        FUNCTION,
        /** An object of the kernel's: a socket and the like. */
        OBJECT
    }

    /** A register of which nothing is known. */
    public static final RegisterFact NONE = new RegisterFact(Kind.ANY, false, -1, false, 0, Long.MAX_VALUE, Range.ANY);

    /** What r10 holds in every function. */
    public static final RegisterFact FRAME_POINTER = new RegisterFact(Kind.STACK, true, -1, true, 0, 0, Range.ANY);

    /** A number. */
    public static RegisterFact scalar(Range range) {
        return new RegisterFact(Kind.SCALAR, false, -1, false, 0, 0, range);
    }

    /** Whether it is a pointer with one known offset from where its memory begins: {@link #minOffset}. */
    public boolean hasFixedOffset() {
        return kind != Kind.ANY && kind != Kind.SCALAR && minOffset == maxOffset;
    }

    /** Whether it holds the same number each time: {@link Range#constant}. */
    public boolean isConstant() {
        return kind == Kind.SCALAR && range.isConstant();
    }
}
