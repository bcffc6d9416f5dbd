package dev.sluice.isa;

/**
 * The condition of a branch: its symbol and its meaning at both widths (RFC 9669 section 4.3). The meaning is the pair
 * of methods of {@link Cond} of the name {@link #method()}.
 */
public enum JmpOp {
    EQ("==", "eq", Cond::eq, Cond::eq),
    GT(">", "gt", Cond::gt, Cond::gt),
    GE(">=", "ge", Cond::ge, Cond::ge),
    SET("&", "set", Cond::set, Cond::set),
    NE("!=", "ne", Cond::ne, Cond::ne),
    SGT("s>", "sgt", Cond::sgt, Cond::sgt),
    SGE("s>=", "sge", Cond::sge, Cond::sge),
    LT("<", "lt", Cond::lt, Cond::lt),
    LE("<=", "le", Cond::le, Cond::le),
    SLT("s<", "slt", Cond::slt, Cond::slt),
    SLE("s<=", "sle", Cond::sle, Cond::sle);

    /** A condition on 64 bits. */
    @FunctionalInterface
    interface Test64 {
        boolean test(long dst, long src);
    }

    /** A condition on 32 bits. */
    @FunctionalInterface
    interface Test32 {
        boolean test(int dst, int src);
    }

    private final String symbol;
    private final String method;
    private final Test64 test64;
    private final Test32 test32;

    JmpOp(String symbol, String method, Test64 test64, Test32 test32) {
        this.symbol = symbol;
        this.method = method;
        this.test64 = test64;
        this.test32 = test32;
    }

    /** As written in the kernel's and clang's assembly, such as {@code "s>="}. */
    public String symbol() {
        return symbol;
    }

    /** The name of the two methods of {@link Cond}. */
    public String method() {
        return method;
    }

    /** Whether the branch is taken, comparing 64 bits. */
    public boolean test(long dst, long src) {
        return test64.test(dst, src);
    }

    /** Whether the branch is taken, comparing the low 32 bits. */
    public boolean test(int dst, int src) {
        return test32.test(dst, src);
    }
}
