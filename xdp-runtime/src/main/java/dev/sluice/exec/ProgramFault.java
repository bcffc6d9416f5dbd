package dev.sluice.exec;

import dev.sluice.program.Program;
import org.jspecify.annotations.Nullable;

/**
 * A program did what it may not: on a verified program a bug of ours, on an unverified one its own. Carries no Java
 * stack trace; it is thrown on the packet path.
 */
public final class ProgramFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What went wrong. */
    public enum Kind {
        MEMORY,
        ALIGNMENT,
        INSTRUCTION_LIMIT,
        CALL_DEPTH,
        UNKNOWN_HELPER,
        BAD_ARGUMENT,
        BAD_CALL_TARGET
    }

    /** In place of a register's value: compiled code did not keep it. */
    public static final long UNKNOWN = 0x9e37_79b9_0dea_d0ffL;

    private final Kind kind;
    private final int pc;
    private final @Nullable Program program;

    @SuppressWarnings("serial")
    private long[] registers = new long[0];

    private int forgotten;

    /**
     * @param pc slot of the instruction at fault, in the program that was running
     * @param detail what was expected and found
     */
    public ProgramFault(Kind kind, int pc, String detail) {
        super("pc " + pc + ": " + detail, null, false, false);
        this.kind = kind;
        this.pc = pc;
        program = null;
    }

    private ProgramFault(ProgramFault fault, Program program) {
        super(fault.getMessage(), null, false, false);
        kind = fault.kind;
        pc = fault.pc;
        registers = fault.registers;
        this.program = program;
    }

    /** The same fault, of a program among several; the first to say so is right. */
    public ProgramFault in(Program one) {
        return program == null ? new ProgramFault(this, one) : this;
    }

    /** Which of several programs it was; null where there is only one. */
    public @Nullable Program program() {
        return program;
    }

    /**
     * Says what the registers held: r0 to r10 of the function at fault. Only the first to say so is heard, because callers
     * come later.
     */
    public void setRegisters(long... values) {
        if (registers.length == 0) {
            registers = values;
            for (int r = 0; r < values.length; r++) {
                if ((forgotten >>> r & 1) != 0) {
                    values[r] = UNKNOWN;
                }
            }
        }
    }

    /** Says, before anybody says what they held, of which registers nobody will know it, as bits. */
    public void forgetRegisters(int which) {
        forgotten = which;
    }

    /** What r0 to r10 held in the function at fault, or {@link #UNKNOWN}; empty where nobody has said so. */
    public long[] registers() {
        return registers.clone();
    }

    /** A register's value as reports have it: {@code 0x2a}, or {@code ?} where it is {@link #UNKNOWN}. */
    public static String show(long value) {
        return value == UNKNOWN ? "?" : "0x" + Long.toHexString(value);
    }

    public Kind kind() {
        return kind;
    }

    /** The slot of the instruction at fault. */
    public int pc() {
        return pc;
    }
}
