package dev.sluice.verifier;

import dev.sluice.isa.AluOp;

/** What byte swaps and truncations do to the bits of a {@link Scalar}; its ranges follow from the bits. */
final class ByteOrderOps {
    private ByteOrderOps() {}

    static void apply(AluOp op, Scalar dst) {
        Tnum bits = dst.bits;
        Tnum swapped = new Tnum(op.apply(bits.value(), 0L), op.apply(bits.mask(), 0L));
        dst.setUnbounded();
        dst.bits = swapped;
        dst.sync();
    }
}
