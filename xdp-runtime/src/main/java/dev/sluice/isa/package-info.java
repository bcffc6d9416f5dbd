/**
 * The BPF instruction set: encoding, operations and their meaning.
 *
 * <p>The source is RFC 9669 (BPF Instruction Set Architecture) plus what Linux 6.18 and clang {@code -mcpu=v4} add to
 * it: sign-extending loads and moves, signed division, unconditional byte swaps, {@code gotol}, {@code may_goto},
 * load-acquire and store-release, and {@code callx}. An instruction is one slot of eight bytes, little endian; {@code
 * lddw} takes two:
 *
 * <pre>
 *  byte 0        byte 1          bytes 2-3      bytes 4-7
 * +--------+-----------------+--------------+--------------+
 * | opcode | src:4   | dst:4 | offset (s16) |  imm (s32)   |
 * +--------+-----------------+--------------+--------------+
 * |   0    |        0        |       0      | imm, high 32 |   the second slot of lddw
 * +--------+-----------------+--------------+--------------+
 * </pre>
 *
 * <p>Each operation is described once: a row of {@link dev.sluice.isa.Opcode} says encoding, operand form, operation,
 * width and the CPU version that brought it; a row of {@link dev.sluice.isa.AluOp}, {@link dev.sluice.isa.JmpOp} or
 * {@link dev.sluice.isa.AtomicOp} says the symbol and names the one static method that <em>is</em> the meaning.
 * Decoder, assembler and disassembler contain no code of a single opcode. This @NullMarked
 * package imports nothing.
 */
package dev.sluice.isa;
