package dev.sluice.isa;

/**
 * An atomic read-modify-write operation (RFC 9669 section 5.3): its symbol, the imm that selects it and what the memory
 * holds afterwards. Operations that fetch give the old value to src, {@link #CMPXCHG} to r0.
 */
public enum AtomicOp {
    ADD("+=", "add", 0x00),
    OR("|=", "or", 0x40),
    AND("&=", "and", 0x50),
    XOR("^=", "xor", 0xa0),
    XCHG("xchg", "xchg", 0xe1),
    CMPXCHG("cmpxchg", "cmpxchg", 0xf1);

    /** The bit of imm that asks for the old value. */
    public static final int FETCH = 0x01;

    private final String symbol;
    private final String cname;
    private final int imm;

    AtomicOp(String symbol, String cname, int imm) {
        this.symbol = symbol;
        this.cname = cname;
        this.imm = imm;
    }

    /** As written in {@code lock *(u64 *)(r0 +0) += r1}. */
    public String symbol() {
        return symbol;
    }

    /** As written in {@code atomic64_fetch_add}, {@code xchg_64}, {@code cmpxchg32_32}. */
    public String cname() {
        return cname;
    }

    /** The imm that selects this operation, without {@link #FETCH} for the four that have it as an option. */
    public int imm() {
        return imm;
    }

    /**
     * What the memory holds after the operation.
     *
     * @param old what it held
     * @param src the source register
     * @param expected r0, looked at by {@link #CMPXCHG} alone
     */
    public long apply(long old, long src, long expected) {
        return switch (this) {
            case ADD -> old + src;
            case OR -> old | src;
            case AND -> old & src;
            case XOR -> old ^ src;
            case XCHG -> src;
            case CMPXCHG -> old == expected ? src : old;
        };
    }
}
