package dev.sluice.isa;

/**
 * An arithmetic operation: its symbol and its meaning at both widths (RFC 9669 section 4.1 and 4.2).
 *
 * <p>The meaning is the pair of methods of {@link Alu} of the name {@link #method()}; engines either call {@link
 * #apply(long, long)} or emit a call of that method.
 */
public enum AluOp {
    ADD("+=", "add", Alu::add, Alu::add),
    SUB("-=", "sub", Alu::sub, Alu::sub),
    MUL("*=", "mul", Alu::mul, Alu::mul),
    DIV("/=", "div", Alu::div, Alu::div),
    SDIV("s/=", "sdiv", Alu::sdiv, Alu::sdiv),
    OR("|=", "or", Alu::or, Alu::or),
    AND("&=", "and", Alu::and, Alu::and),
    LSH("<<=", "lsh", Alu::lsh, Alu::lsh),
    RSH(">>=", "rsh", Alu::rsh, Alu::rsh),
    MOD("%=", "mod", Alu::mod, Alu::mod),
    SMOD("s%=", "smod", Alu::smod, Alu::smod),
    XOR("^=", "xor", Alu::xor, Alu::xor),
    MOV("=", "mov", Alu::mov, Alu::mov),
    ARSH("s>>=", "arsh", Alu::arsh, Alu::arsh),
    NEG("-", "neg", Alu::neg, Alu::neg),
    MOVSX8("(s8)", "movsx8", Alu::movsx8, Alu::movsx8),
    MOVSX16("(s16)", "movsx16", Alu::movsx16, Alu::movsx16),
    MOVSX32("(s32)", "movsx32", Alu::movsx32, Alu::movsx32),
    LE16("le16", "le16", Alu::le16, Alu::le16),
    LE32("le32", "le32", Alu::le32, Alu::le32),
    LE64("le64", "le64", Alu::le64, Alu::le64),
    BE16("be16", "bswap16", Alu::bswap16, Alu::bswap16),
    BE32("be32", "bswap32", Alu::bswap32, Alu::bswap32),
    BE64("be64", "bswap64", Alu::bswap64, Alu::bswap64),
    BSWAP16("bswap16", "bswap16", Alu::bswap16, Alu::bswap16),
    BSWAP32("bswap32", "bswap32", Alu::bswap32, Alu::bswap32),
    BSWAP64("bswap64", "bswap64", Alu::bswap64, Alu::bswap64);

    /** An operation on 64 bits; unary operations look at one operand only. */
    @FunctionalInterface
    interface Op64 {
        long apply(long dst, long src);
    }

    /** An operation on 32 bits. */
    @FunctionalInterface
    interface Op32 {
        int apply(int dst, int src);
    }

    private final String symbol;
    private final String method;
    private final Op64 op64;
    private final Op32 op32;

    AluOp(String symbol, String method, Op64 op64, Op32 op32) {
        this.symbol = symbol;
        this.method = method;
        this.op64 = op64;
        this.op32 = op32;
    }

    /** As written in the kernel's and clang's assembly, such as {@code "+="}. */
    public String symbol() {
        return symbol;
    }

    /** The name of the two methods of {@link Alu}, {@code (long, long) -> long} and {@code (int, int) -> int}. */
    public String method() {
        return method;
    }

    /** The result on 64 bits. */
    public long apply(long dst, long src) {
        return op64.apply(dst, src);
    }

    /** The result on 32 bits; a register's upper half becomes zero. */
    public int apply(int dst, int src) {
        return op32.apply(dst, src);
    }
}
