package dev.sluice.verifier;

import dev.sluice.isa.AluOp;

/** What byte swaps and truncations do to what is known of a {@link Scalar}. */
final class ByteOrderOps {
    private ByteOrderOps() {}

    /**
     * Applies one.
     *
     * @return whether the number is still the same one
     */
    static boolean apply(AluOp op, Scalar dst) {
        return switch (op) {
            case LE64 -> true;
            case LE32 -> {
                dst.truncate(4);
                yield false;
            }
            case LE16 -> {
                dst.truncate(2);
                yield false;
            }
            case BE16, BE32, BE64, BSWAP16, BSWAP32, BSWAP64 -> {
                // the ranges follow from the bits
                Tnum bits = dst.bits;
                dst.setUnbounded();
                dst.bits = new Tnum(op.apply(bits.value(), 0L), op.apply(bits.mask(), 0L));
                dst.sync();
                yield false;
            }
            case ADD,
                    SUB,
                    MUL,
                    DIV,
                    SDIV,
                    OR,
                    AND,
                    LSH,
                    RSH,
                    NEG,
                    MOD,
                    SMOD,
                    XOR,
                    MOV,
                    MOVSX8,
                    MOVSX16,
                    MOVSX32,
                    ARSH -> throw new AssertionError("no byte order: " + op);
        };
    }
}
