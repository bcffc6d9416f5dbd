package dev.sluice.isa;

/** The two ways in which people see BPF assembly. {@link Assembler} reads both, {@link Disassembler} writes either. */
public enum Syntax {
    /** As the verifier's log and bpftool print: {@code (15) if r1 == 0x5 goto pc+3}, {@code (71) r0 = *(u8 *)(r2 +12)}. */
    KERNEL,
    /** As {@code clang -S} prints: {@code if r1 == 5 goto +3}, {@code r0 = *(u8 *)(r2 + 12)}. */
    CLANG
}
