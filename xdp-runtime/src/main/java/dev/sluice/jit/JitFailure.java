package dev.sluice.jit;

import dev.sluice.exec.ProgramFault;
import dev.sluice.memory.Memory;
import dev.sluice.program.Program;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Java code under a program has failed, which no program can bring about: a bug of ours, with all that those who see it on
 * its way out know.
 */
final class JitFailure extends AssertionError {
    private static final long serialVersionUID = 1L;

    /** Bytes of a packet that are shown. */
    private static final int MOST_BYTES = 256;

    private final Throwable failure;

    /** " r0=0x0 r1=0x0" and so on; empty where nobody knows them. */
    private String registers = "";

    private @Nullable String place;
    private @Nullable String packet;

    /** Of the instruction that has called Java code; -1 where nobody knows it. */
    private int slot = -1;

    private JitFailure(Throwable cause) {
        super("bug of sluice", cause);
        failure = cause;
        setStackTrace(cause.getStackTrace()); // that is where it was
    }

    /** What a failure becomes: others but this are made one. */
    static JitFailure of(Throwable thrown) {
        return thrown instanceof JitFailure known ? known : new JitFailure(thrown);
    }

    /** Says which registers the function had that it came out of first. */
    void setRegisters(int at, long[] values) {
        if (registers.isEmpty()) {
            slot = at;
            StringBuilder text = new StringBuilder();
            for (int r = 0; r < values.length; r++) {
                text.append(" r").append(r).append('=').append(ProgramFault.show(values[r]));
            }
            registers = text.toString();
        }
    }

    /** Says which program it was; the first to do so is right. */
    void in(Program program) {
        if (place == null) {
            place = FailurePlace.of(program, failure, slot);
        }
    }

    /** Says which packet it was. */
    void setPacket(long data, long dataEnd) {
        int length = (int) (dataEnd - data);
        packet = HexFormat.of().formatHex(Memory.bytes(data, Math.min(length, MOST_BYTES))) + " bytes=" + length;
    }

    @Override
    public String getMessage() {
        return (failure instanceof OutOfMemoryError ? "out of memory" : "bug of sluice")
                + (place == null ? "" : " in " + place)
                + ": " + failure
                + (registers.isEmpty() ? "" : "," + registers)
                + (packet == null ? "" : ", packet=" + packet);
    }
}
