package dev.sluice.verifier;

/**
 * What is known of one register, or of one spilled register on the stack. For a pointer, the inherited {@link Scalar} is
 * its variable offset and {@link #off} its constant one. Mutable; owned by one verification.
 */
final class Reg extends Scalar {
    /** In {@link #id} of a scalar: it is the register of that id plus {@link #off}, added on 64 bits. */
    static final int PLUS_CONST64 = 1 << 31;

    /** The same, added on 32 bits. */
    static final int PLUS_CONST32 = 1 << 30;

    static final int PLUS_CONST = PLUS_CONST64 | PLUS_CONST32;

    /** {@link #range} of a packet pointer that was found to be at the end of the packet. */
    static final int AT_END = -1;

    /** {@link #range} of a packet pointer that was found to be behind the end of the packet. */
    static final int BEYOND_END = -2;

    /** Of every register that was never written, or may not be read any more. Never changed. */
    static final Reg NONE = new Reg();

    static {
        NONE.shared = true;
    }

    /** Whether more than one frame may have it: then it is copied before it is changed, see {@link Frame#own}. */
    boolean shared;

    RegType type = RegType.NOT_INIT;

    /** Whether the pointer may be NULL still. */
    boolean orNull;

    /** Whether a MEM may only be read. */
    boolean readOnly;

    int off;

    /** Scalars: registers with the same value; pointers: with the same variable part, or from the same call. */
    int id;

    /** Packet pointers: bytes from the id's origin that are known to be there. */
    int range;

    /** MEM: its size. */
    int memBytes;

    KnownMap map;

    /** Which inner map, for values of maps that a map holds; 0 for others. */
    int mapUid;

    /** The reference that this pointer holds, 0 for none. */
    int ref;

    /** STACK: the frame that it points into. */
    int frame;

    /** FUNC: the subprogram. */
    int subprog;

    /** SCALAR: whether its exact value mattered further on. */
    boolean precise;

    /** DYNPTR: which, for a callback's that may not be changed. */
    StackObject.Dynptr dynptr;

    /** MEM: the id of the dynptr whose data it is, 0 for none. */
    int slice;

    /** MEM: whether that dynptr is the packet's. */
    boolean packetSlice;

    /** OBJECT: the name of the kernel's structure. */
    String struct;

    /** Ring buffer memory: must point to its beginning when it is given back. */
    boolean ringbuf;

    void copy(Reg from) {
        copyRange(from);
        type = from.type;
        orNull = from.orNull;
        readOnly = from.readOnly;
        off = from.off;
        id = from.id;
        range = from.range;
        memBytes = from.memBytes;
        map = from.map;
        mapUid = from.mapUid;
        ref = from.ref;
        frame = from.frame;
        subprog = from.subprog;
        precise = from.precise;
        ringbuf = from.ringbuf;
        dynptr = from.dynptr;
        slice = from.slice;
        packetSlice = from.packetSlice;
        struct = from.struct;
    }

    static Reg copyOf(Reg from) {
        Reg copy = new Reg();
        copy.copy(from);
        return copy;
    }

    /** Forgets the type's own fields; the range stays. */
    private void clear() {
        orNull = false;
        readOnly = false;
        off = 0;
        id = 0;
        range = 0;
        memBytes = 0;
        map = null;
        mapUid = 0;
        ref = 0;
        frame = 0;
        subprog = 0;
        precise = false;
        ringbuf = false;
        dynptr = null;
        slice = 0;
        packetSlice = false;
        struct = null;
    }

    void setNotInit() {
        clear();
        setUnknownRange();
        type = RegType.NOT_INIT;
    }

    /** A scalar of which nothing is known. */
    void setUnknown() {
        clear();
        setUnknownRange();
        type = RegType.SCALAR;
    }

    void setScalar(long value) {
        clear();
        setKnown(value);
        type = RegType.SCALAR;
    }

    /** A pointer without offset. */
    void setPointer(RegType pointer) {
        clear();
        setKnown(0);
        type = pointer;
    }

    boolean isScalar() {
        return type == RegType.SCALAR;
    }

    boolean isPointer() {
        return type != RegType.SCALAR && type != RegType.NOT_INIT;
    }

    /** A scalar that is 0 for certain. */
    boolean isNull() {
        return type == RegType.SCALAR && isConst() && bits.value() == 0;
    }

    @Override
    public String toString() {
        return StatePrinter.text(this);
    }
}
